"""`cloister audit …`: what keeps the log going: sealer, witness, keys, projections, retention, a new era."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assistant.commands.settings import (
    audit_reader_url,
    audit_role_url,
    installation_keys,
    parse_note_key,
    report_refusals,
    server_settings,
    site_settings,
)

if TYPE_CHECKING:  # so that `--help` answers at once
    from assistant.audit.removal.retention import Month, Weighed
    from assistant.settings import Settings

operation = typer.Typer()


@operation.command("seal")
def audit_seal() -> None:
    """Seal new events until told to stop; `cloister up` starts it with the addresses it needs."""
    from assistant import logging_guard
    from assistant.audit.anchors.anchoring import AnchorPlaces
    from assistant.audit.sealing import run_sealer
    from assistant.audit.seals.seal_key import SealKeyFile
    from assistant.database_roles import AUDIT_SEALER_ROLE, as_own_roles
    from assistant.egress import allow_anchors
    from assistant.errors import SettingsError

    settings = as_own_roles(site_settings(), AUDIT_SEALER_ROLE)
    report_refusals(settings)
    if settings.database_url is None or settings.audit_database_url is None:
        raise SettingsError("CLOISTER_DATABASE_URL is not set. `cloister up` sets it for its processes.")
    logging_guard.install_in_service(settings.log_level)
    keys = SealKeyFile(settings.seal_key)
    anchors = AnchorPlaces(settings.audit_witnesses, settings.audit_anchor_file, settings.audit_anchor_syslog)
    allow_anchors(settings)
    raise typer.Exit(asyncio.run(run_sealer(settings.database_url, settings.audit_database_url, keys, anchors)))


@operation.command("witness")
def audit_witness(
    log: Annotated[list[str] | None, typer.Option(help="The public key of a log; repeatable.")] = None,
    folder: Annotated[Path, typer.Option(help="Where its key lies, and what it remembers.")] = Path("witness"),
    listen: Annotated[str, typer.Option(help="Address and port.")] = "127.0.0.1:8430",
    name: Annotated[str, typer.Option(help="Its name, when its key is made; unset: one that no other has.")] = "",
    *,
    init: Annotated[bool, typer.Option("--init", help="Make the key, print its public half, and end.")] = False,
) -> None:
    """Cosign the log of another machine: run it where the log's administrators have no rights. It needs no database."""
    from assistant import logging_guard
    from assistant.audit.anchors.witness import Witness, open_witness_key

    public = open_witness_key(folder, name).witness
    typer.echo(str(public))
    if init:
        return
    host, _, port = listen.rpartition(":")
    if not log or not host or not port.isdecimal():
        raise typer.BadParameter("A witness needs the key of a log (--log) and an address (--listen host:port).")
    from assistant.audit.anchors.witness_server import serve_witness

    logging_guard.install_in_service("INFO")
    witness = Witness(folder, [parse_note_key(each) for each in log])
    raise typer.Exit(asyncio.run(serve_witness(witness, folder, host.strip("[]"), int(port))))


@operation.command("rotate-key")
def audit_rotate_key() -> None:
    """Have a new key sign from the next batch on; the old one announces it in the log, and is then gone."""
    from assistant.audit.seals.seal_key import SealKeyFile, rotate
    from assistant.bootstrap.log import open_audit

    settings = server_settings()

    async def run() -> None:
        async with open_audit(settings) as writer:
            await rotate(SealKeyFile(settings.seal_key), writer)

    asyncio.run(run())
    typer.echo("The new key is announced; the sealer takes it after the next head.")


@operation.command("rebuild-projections")
def audit_rebuild_projections() -> None:
    """Make search, tallies and the queue of hits anew from the log; what people decided stays."""
    from assistant.audit.projections.project import Projector
    from assistant.bootstrap.log import required
    from assistant.compliance.following import HitFollower
    from assistant.database import create_engine
    from assistant.database_roles import AUDIT_PROJECTOR_ROLE

    projector = Projector(audit_role_url(AUDIT_PROJECTOR_ROLE), installation_keys())

    async def run() -> tuple[int, int]:
        engine = create_engine(required(server_settings(), "database_url"))
        try:
            return await projector.rebuild(), await HitFollower(engine, audit_reader_url()).rebuild()
        finally:
            await engine.dispose()

    events, hits = asyncio.run(run())
    typer.echo(f"{events:,} events were read, {hits:,} hits are in the queue or decided.")


@operation.command("retention")
def audit_retention(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be dropped, and drop nothing.")] = False,
) -> None:
    """Drop what events of months say whose time is over; where the sealing key lies, for it signs what was dropped."""
    from assistant.audit.removal.retention import list_due, open_cases_in, weigh_month

    settings = server_settings()
    reader, days = audit_reader_url(), settings.audit_keep_days

    async def run() -> bool:
        months = await list_due(reader, days, datetime.now(UTC))
        if not months:
            typer.echo(f"No month is older than {days} days.")
        is_done = True
        for month in months:
            weighed, cases = await weigh_month(reader, month, days), await open_cases_in(reader, month)
            if not weighed.events:
                typer.echo(f"{month}: nothing is old enough. What came late stays until its own time is over.")
            elif not dry_run:
                is_done &= await _drop(settings, month, weighed, cases)
            elif cases:
                typer.echo(f"{month}: it would stay, because {_cases_in_words(cases)} is open.")
            else:
                typer.echo(f"{month}: {weighed.events:,} events would be dropped.")
        return is_done

    if not asyncio.run(run()):
        raise typer.Exit(1)


@operation.command("new-era")
def audit_new_era() -> None:
    """Go on with a log that was restored from a backup: with the owner's address, once, after the restore."""
    from importlib.metadata import version

    from assistant.audit.record import Origin
    from assistant.embedded.running import owner_address
    from assistant.migrations.migrate import begin_era

    era = begin_era(owner_address(site_settings()), Origin.here(version("cloister")))
    typer.echo(f"Era {era} has begun; the sealer goes on within a minute.")


async def _drop(settings: Settings, month: Month, weighed: Weighed, cases: list[int]) -> bool:
    """Drop a month; where something forbids it, say so, have it in the log, and return that it stays."""
    from importlib.metadata import version

    from assistant.audit.events import RetentionRefused
    from assistant.audit.record import Origin
    from assistant.audit.removal.retention import RetentionUrls, drop_month
    from assistant.audit.seals.seal_key import SealKeyFile
    from assistant.bootstrap.log import open_audit
    from assistant.database_roles import AUDIT_ERASER_ROLE, AUDIT_SEALER_ROLE
    from assistant.errors import BadInputError

    key, days = SealKeyFile(settings.seal_key).read().current, settings.audit_keep_days
    urls = RetentionUrls(audit_role_url(AUDIT_SEALER_ROLE), audit_role_url(AUDIT_ERASER_ROLE))
    try:
        origin = Origin.here(version("cloister"))
        dropped = await drop_month(urls, key, month, weighed, keep_days=days, origin=origin)
    except BadInputError as error:
        async with open_audit(settings) as writer:
            await writer.append(RetentionRefused(month=str(month), keep_days=days, cases=len(cases)))
        typer.echo(str(error), err=True)
        return False
    typer.echo(f"{month}: {dropped:,} events dropped; their places and hashes stay.")
    return True


def _cases_in_words(cases: list[int]) -> str:
    return f"case {', '.join(map(str, cases))}"
