"""`cloister audit …`: look at the log, seal it, prove what is in it."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Annotated

import typer

from assistant.command_settings import audit_reader_url, report_refusals, server_settings, site_settings

if TYPE_CHECKING:  # so that `--help` answers at once
    from assistant.audit.read import StoredEvent

audit = typer.Typer(help="The audit log.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, a line each, for machines.")]


@audit.command("tail")
def audit_tail(
    count: Annotated[int, typer.Option("-n", min=1, max=10_000, help="How many events.")] = 20,
    turn: Annotated[str, typer.Option(help="Only the turn with this code, as the page shows it.")] = "",
    event: Annotated[str, typer.Option("--type", help="Only events of this type, such as prompt:blocked.")] = "",
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with new events.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show the newest events, the latest last."""
    from assistant.audit.events import LogRead, Tag
    from assistant.audit.read import LogReader, Search
    from assistant.audit.show import render_json, render_line
    from assistant.bootstrap import open_audit

    if event and event not in set(Tag):
        raise typer.BadParameter(f"{event!r} is no type of event. There are: {', '.join(Tag)}.")
    search = Search(types=frozenset({Tag(event)}) if event else frozenset(), reference=turn)

    def show(found: StoredEvent) -> None:
        typer.echo(render_json(found) if as_json else render_line(found))

    async def read() -> None:
        async with open_audit(server_settings()) as writer:
            filters = tuple(name for name, value in (("turn", turn), ("type", event)) if value)
            await writer.append(LogRead(actor=None, door="command", filters=filters))
        async with LogReader(audit_reader_url()) as log:
            if follow:
                async for found in log.follow(count, search):
                    show(found)
            else:
                page = await log.read_newest(count, search)
                if not page:
                    typer.echo("No event fits.", err=True)
                for found in page:
                    show(found)

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(read())


@audit.command("seal")
def audit_seal() -> None:
    """Seal new events until told to stop; `cloister up` starts it with the addresses it needs."""
    from assistant import logging_guard
    from assistant.audit.seal_key import SealKeyFile
    from assistant.audit.sealing import run_sealer
    from assistant.database_roles import AUDIT_SEALER_ROLE, as_own_roles
    from assistant.errors import SettingsError

    settings = as_own_roles(site_settings(), AUDIT_SEALER_ROLE)
    report_refusals(settings)
    if settings.database_url is None or settings.audit_database_url is None:
        raise SettingsError("CLOISTER_DATABASE_URL is not set. `cloister up` sets it for its processes.")
    logging_guard.install_in_service(settings.log_level)
    keys = SealKeyFile(settings.seal_key)
    raise typer.Exit(asyncio.run(run_sealer(settings.database_url, settings.audit_database_url, keys)))
