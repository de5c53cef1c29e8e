"""`cloister audit …`: look at the log, seal it, prove what is in it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from assistant.commands.settings import (
    audit_reader_url,
    audit_role_url,
    installation_keys,
    report_refusals,
    server_settings,
    site_settings,
)
from assistant.errors import UnavailableError

if TYPE_CHECKING:  # so that `--help` answers at once
    from assistant.audit.reading.read import StoredEvent
    from assistant.audit.reading.sample import Sample
    from assistant.audit.seals.checkpoint import NoteKey
    from assistant.audit.verification.findings import Findings, Problem
    from assistant.settings import Settings

_MOST_READERS = 8  # each has a connection; beyond, the tree is what the others wait for

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
    from assistant.audit.reading.read import LogReader, Search
    from assistant.audit.reading.show import render_json, render_line
    from assistant.bootstrap.log import open_audit

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


@audit.command("verify")
def audit_verify(
    anchor: Annotated[
        list[Path] | None, typer.Option("--anchor", help="A file with earlier checkpoints of this log; repeatable.")
    ] = None,
    key: Annotated[
        str, typer.Option(help="The public key of the log's first day; unset: beside the sealing key.")
    ] = "",
    witness: Annotated[list[str] | None, typer.Option(help="The public key of a witness; repeatable.")] = None,
    *,
    quick: Annotated[bool, typer.Option("--quick", help="Hashes, heads and tiles; derive no columns.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check the whole log: 0 it is sound, 1 it was changed, 2 it could not be checked."""
    from assistant.audit.verification.findings import Verdict
    from assistant.errors import CloisterError

    try:
        findings = asyncio.run(_verify(anchor or [], key, witness or [], is_quick=quick))
    except CloisterError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(Verdict.COULD_NOT_CHECK) from None
    if as_json:
        typer.echo(json.dumps(findings.as_data()))
    else:
        for line in _render(findings):
            typer.echo(line)
    raise typer.Exit(findings.verdict)


@audit.command("head")
def audit_head(
    *,
    as_json: AsJson = False,
    with_status: Annotated[bool, typer.Option("--status", help="Say instead who vouches for it: 0 green.")] = False,
) -> None:
    """Print the newest checkpoint: keep it elsewhere, and it is an anchor for `verify`."""
    if with_status:
        raise typer.Exit(_show_status(as_json=as_json))
    from assistant.audit.reading.proof import read_head
    from assistant.audit.record import format_time

    head = asyncio.run(read_head(audit_reader_url()))
    if as_json:
        described = {"batch": head.batch, "size": head.size, "sealed_at": format_time(head.sealed_at)}
        typer.echo(json.dumps(described | {"checkpoint": head.note}))
    else:
        typer.echo(head.note, nl=False)


@audit.command("prove")
def audit_prove(
    event_id: Annotated[UUID, typer.Argument(help="Its id, as `audit tail --json` shows it.")],
) -> None:
    """Print the proof that an event is in the log, as C2SP's tlog-proof: beside it, body and key are needed."""
    from assistant.audit.reading.proof import prove

    typer.echo(str(asyncio.run(prove(audit_reader_url(), event_id))), nl=False)


@audit.command("export")
def audit_export(
    target: Annotated[Path, typer.Argument(help="The zip to write; nothing may lie there.")],
    *,
    reason: Annotated[str, typer.Option(help="Why, in words; it stands in the file, not in the log.")],
    person: Annotated[UUID | None, typer.Option(help="Whose events, by id: they acted, or it was about them.")] = None,
    thread: Annotated[UUID | None, typer.Option(help="Of one conversation, by id.")] = None,
    turn: Annotated[str, typer.Option(help="Of the turn with this code, as the page shows it.")] = "",
    types: Annotated[list[str] | None, typer.Option("--type", help="Of this type; repeatable.")] = None,
    rule: Annotated[str, typer.Option(help="Where this rule was the strictest.")] = "",
    model: Annotated[str, typer.Option(help="Of this model.")] = "",
    host: Annotated[str, typer.Option(help="Of this model host.")] = "",
    persona: Annotated[str, typer.Option(help="Of this persona.")] = "",
    since: Annotated[datetime | None, typer.Option(help="From then on, in UTC. Alone, with --until: complete.")] = None,
    until: Annotated[datetime | None, typer.Option(help="Before then, in UTC.")] = None,
    size: Annotated[int | None, typer.Option(help="As the log was with so many events; unset: as it is.")] = None,
    key: Annotated[str, typer.Option(help="The public key of the log's first day.")] = "",
    with_table: Annotated[bool, typer.Option("--csv", help="Write the events as CSV beside the zip, too.")] = False,
) -> None:
    """Write events to a zip that an outsider checks without Cloister: `python3 -I verify.py export.zip --key …`."""
    from assistant.audit.events import Tag
    from assistant.audit.exports.export import Exported, ExportRequest, create_export
    from assistant.audit.exports.export_query import ExportQuery
    from assistant.bootstrap.log import open_audit

    unknown = set(types or []) - set(Tag)
    if unknown:
        raise typer.BadParameter(f"{min(unknown)!r} is no type of event. There are: {', '.join(Tag)}.")
    query = ExportQuery(
        person_id=person,
        thread_id=thread,
        reference=turn,
        types=frozenset(map(Tag, types or [])),
        rule=rule,
        model=model,
        host=host,
        persona=persona,
        since=since and since.replace(tzinfo=UTC),
        until=until and until.replace(tzinfo=UTC),
    )
    settings = server_settings()

    async def run() -> Exported:
        async with open_audit(settings) as writer:
            return await create_export(
                audit_reader_url(),
                _log_key(settings, key),
                ExportRequest(query=query, reason=reason, size=size),
                writer,
                target,
                table=target.with_suffix(".csv") if with_table else None,
                on_progress=_show_progress if sys.stderr.isatty() else None,
            )

    exported = asyncio.run(run())
    typer.echo(f"{exported.events:,} events of {exported.size:,} in {str(target)!r}, SHA-256 {exported.sha256}")


@audit.command("sample")
def audit_sample(
    week: Annotated[str, typer.Option(help="Which week, such as 2026-W48; it must be over.")],
    size: Annotated[int, typer.Option(min=1, max=500, help="How many events.")] = 20,
    population: Annotated[str, typer.Option("--of", help="turns, or hits: what was redacted or blocked.")] = "turns",
    *,
    as_json: AsJson = False,
) -> None:
    """Draw the sample of a week again, and see that nobody picked it."""
    from assistant.audit.events import LogRead
    from assistant.audit.reading.sample import Population, Week, draw
    from assistant.bootstrap.log import open_audit

    if population not in set(Population):
        raise typer.BadParameter(f"{population!r} is neither turns nor hits.")
    wanted = Week.parse(week), Population(population)

    async def run() -> Sample:
        async with open_audit(server_settings()) as writer:
            await writer.append(LogRead(actor=None, door="command", filters=("sample",)))
        return await draw(audit_reader_url(), *wanted, size)

    for line in _sample_lines(asyncio.run(run()), as_json=as_json):
        typer.echo(line)


@audit.command("witness")
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
    witness = Witness(folder, [_parse_key(each) for each in log])
    raise typer.Exit(asyncio.run(serve_witness(witness, folder, host.strip("[]"), int(port))))


@audit.command("anchors")
def audit_anchors(
    files: Annotated[list[Path], typer.Argument(help="Files that a syslog server wrote.")],
) -> None:
    """Print the checkpoints in files of a syslog server, each once, as `verify --anchor` takes them."""
    from assistant.audit.anchors.keepers import read_notes

    notes: dict[str, None] = {}
    for file in files:
        with file.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                notes.update(dict.fromkeys(read_notes(line)))
    if not notes:
        typer.echo("No checkpoint is in there.", err=True)
        raise typer.Exit(1)
    typer.echo("".join(notes), nl=False)


@audit.command("rotate-key")
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


@audit.command("rebuild-projections")
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


@audit.command("retention")
def audit_retention(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be dropped, and drop nothing.")] = False,
) -> None:
    """Drop what events of months say whose time is over; where the sealing key lies, for it signs what was dropped."""
    from importlib.metadata import version

    from assistant.audit.record import Origin
    from assistant.audit.removal.retention import RetentionUrls, digest_month, drop_month, list_due
    from assistant.audit.seals.seal_key import SealKeyFile
    from assistant.database_roles import AUDIT_ERASER_ROLE, AUDIT_SEALER_ROLE

    settings = server_settings()
    reader, days = audit_reader_url(), settings.audit_keep_days

    async def run() -> None:
        months = await list_due(reader, days, datetime.now(UTC))
        if not months:
            typer.echo(f"No month is older than {days} days.")
        for month in months:
            if dry_run:
                typer.echo(f"{month}: {(await digest_month(reader, month)).events:,} events would be dropped.")
                continue
            key = SealKeyFile(settings.seal_key).read().current
            urls = RetentionUrls(reader, audit_role_url(AUDIT_SEALER_ROLE), audit_role_url(AUDIT_ERASER_ROLE))
            dropped = await drop_month(urls, key, month, keep_days=days, origin=Origin.here(version("cloister")))
            typer.echo(f"{month}: {dropped:,} events dropped; their places and hashes stay.")

    asyncio.run(run())


@audit.command("new-era")
def audit_new_era() -> None:
    """Go on with a log that was restored from a backup: with the owner's address, once, after the restore."""
    from importlib.metadata import version

    from assistant.audit.record import Origin
    from assistant.embedded.running import owner_address
    from assistant.migrations.migrate import begin_era

    era = begin_era(owner_address(site_settings()), Origin.here(version("cloister")))
    typer.echo(f"Era {era} has begun; the sealer goes on within a minute.")


def _sample_lines(sample: Sample, *, as_json: bool) -> list[str]:
    if as_json:
        drawn = [{"leaf": one.leaf, "event": str(one.event_id), "turn": str(one.turn_id)} for one in sample.drawn]
        said = {"week": sample.week, "of": sample.population.value, "batch": sample.batch, "seed": sample.seed.hex()}
        leaves = {"first_leaf": sample.first_leaf, "end_leaf": sample.end_leaf, "tried": sample.tried}
        return [json.dumps(said | leaves | {"checkpoint": sample.checkpoint, "drawn": drawn})]
    range_words = f"leaves {sample.first_leaf} to {sample.end_leaf - 1}, {sample.tried} tried"
    return [
        f"Week {sample.week}, {sample.population.value}: {len(sample.drawn)} of {range_words}.",
        f"Seed {sample.seed.hex()}, of head {sample.batch}:",
        *(f"  {line}" for line in sample.checkpoint.splitlines()),
        *(f"{one.leaf:>12}  {one.event_id}" for one in sample.drawn),
    ]


async def _verify(anchors: list[Path], key: str, witnesses: list[str], *, is_quick: bool) -> Findings:
    from assistant.audit.events import LogVerified
    from assistant.audit.verification.anchor import read_anchors
    from assistant.audit.verification.verify import Verifier
    from assistant.bootstrap.log import open_audit

    settings = server_settings()
    async with Verifier(
        audit_reader_url(),
        _log_key(settings, key),
        anchors=[anchor for file in anchors for anchor in read_anchors(file)],
        witnesses=[_parse_key(each) for each in witnesses],
        is_quick=is_quick,
        processes=min(os.cpu_count() or 1, _MOST_READERS),
        keys=installation_keys(),
    ) as verifier:
        findings = await verifier.verify()
    event = LogVerified(
        actor=None, is_sound=not findings.found and bool(findings.heads), size=findings.size, problems=findings.found
    )
    try:
        async with open_audit(settings) as writer:
            await writer.append(event)
    except UnavailableError:
        if not findings.found:  # what was found is said in any case
            raise
    return findings


def _show_status(*, as_json: bool) -> int:
    """Print the light over the log and why; 0 it is green, 1 red, 2 yellow."""
    from assistant.audit.anchors.light import Light
    from assistant.doctor.integrity import read_state

    state = asyncio.run(read_state(site_settings(), audit_reader_url()))
    if as_json:
        anchors = [{"kind": each.kind, "anchor": each.label, "size": each.size} for each in state.anchors]
        described = {"light": state.light, "size": state.size, "reasons": state.reasons, "anchors": anchors}
        typer.echo(json.dumps(described))
    else:
        typer.echo(f"{state.light}: {state.size or 0:,} sealed events.")
        for line in (*state.describe(), *(f"  {reason}" for reason in state.reasons)):
            typer.echo(line)
    return {Light.GREEN: 0, Light.RED: 1, Light.YELLOW: 2}[state.light]


def _show_progress(done: int, total: int) -> None:
    sys.stderr.write(f"\r{done:,} of {total:,} events looked at" + ("\n" if done >= total else ""))
    sys.stderr.flush()


def _log_key(settings: Settings, key: str) -> NoteKey:
    from assistant.audit.seals.seal_key import public_file_of, read_public_key

    return _parse_key(key) if key else read_public_key(public_file_of(settings.seal_key))


def _parse_key(text: str) -> NoteKey:
    from assistant.audit.seals.checkpoint import NoteError, NoteKey
    from assistant.errors import BadInputError

    try:
        return NoteKey.parse(text)
    except NoteError as error:
        raise BadInputError(str(error)) from error


def _render_problems(problems: list[Problem], found: int) -> list[str]:
    lines = []
    for problem in problems:
        where = "" if problem.leaf is None else f" (leaf {problem.leaf})"
        event = f" Event {problem.event}." if problem.event else ""
        lines.append(f"  {problem.check}{where}: {problem.message}{event}")
    return lines if found == len(problems) else [*lines, f"  … and {found - len(problems):,} more."]


def _render(findings: Findings) -> list[str]:
    """Return the report for a person: the verdict, then what is wrong, then what to know."""
    from assistant.audit.verification.findings import Verdict

    verdict = {
        Verdict.SOUND: "The log is sound",
        Verdict.BROKEN: "The log was changed",
        Verdict.COULD_NOT_CHECK: "Nothing was sealed yet, so nothing could be checked",
    }[findings.verdict]
    anchors = f"{findings.anchors} anchors fit" if findings.anchors else "no anchor was given"
    lines = [f"{verdict}: {findings.size:,} sealed events, {findings.heads:,} heads; {anchors}."]
    lines += _render_problems(findings.problems, findings.found)
    if findings.warned:
        lines.append("Nothing that was sealed is another one for this, but look into it:")
        lines += _render_problems(findings.warnings, findings.warned)
    if findings.unchecked_cosignatures:
        lines.append(
            f"Lines of witnesses whose keys were not given with --witness: {findings.unchecked_cosignatures:,}; "
            "they were not checked."
        )
    if findings.unsealed:
        lines.append(f"Not sealed yet: {findings.unsealed:,}, the oldest for {findings.oldest_unsealed_seconds:.0f} s.")
    lines.append(f"Longest time without a head: {findings.longest_silence_seconds:.0f} s.")
    return lines
