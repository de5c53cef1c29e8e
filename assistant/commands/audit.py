"""`cloister audit …`: look at the log, verify it, prove what is in it, take events out of it."""

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
    parse_note_key,
    server_settings,
    site_settings,
)
from assistant.errors import UnavailableError

if TYPE_CHECKING:  # so that `--help` answers at once
    from assistant.audit.reading.decisions import DecisionDraw
    from assistant.audit.reading.read import StoredEvent
    from assistant.audit.reading.sample import Sample
    from assistant.audit.seals.checkpoint import NoteKey
    from assistant.audit.verification.findings import Findings, Problem
    from assistant.settings import Settings

_DECISIONS = "decisions"
_CASE_DIGITS = 19  # the database counts cases with no more
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
    quick: Annotated[bool, typer.Option("--quick", help="All but the columns and the spelling of events.")] = False,
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
    case: Annotated[
        str, typer.Option(help="Of a case, by its number or id: its turns and what was done with it.")
    ] = "",
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
    settings = server_settings()
    case_id, turn_ids = asyncio.run(_case(settings, case)) if case else (None, frozenset())
    query = ExportQuery(
        case_id=case_id,
        turn_ids=turn_ids,
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
    population: Annotated[
        str, typer.Option("--of", help="turns; hits: what was redacted or blocked; decisions: for a second look.")
    ] = "turns",
    percent: Annotated[
        int, typer.Option(min=1, max=100, help="How many of a hundred decisions; not of the others.")
    ] = 5,
    *,
    as_json: AsJson = False,
) -> None:
    """Draw the sample of a week again, and see that nobody picked it."""
    from assistant.audit.events import LogRead
    from assistant.audit.reading.decisions import draw_decisions
    from assistant.audit.reading.sample import Population, Week, draw
    from assistant.bootstrap.log import open_audit

    if population not in {*Population, _DECISIONS}:
        raise typer.BadParameter(f"{population!r} is neither turns, hits nor decisions.")
    wanted = Week.parse(week)

    async def run() -> list[str]:
        async with open_audit(server_settings()) as writer:
            await writer.append(LogRead(actor=None, door="command", filters=("sample",)))
        if population == _DECISIONS:
            return _decision_lines(await draw_decisions(audit_reader_url(), wanted, percent), as_json=as_json)
        return _sample_lines(await draw(audit_reader_url(), wanted, Population(population), size), as_json=as_json)

    for line in asyncio.run(run()):
        typer.echo(line)


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


async def _case(settings: Settings, case: str) -> tuple[UUID, frozenset[UUID]]:
    """Return the id and the turns of the case that somebody means; people stay pseudonyms, whoever asks."""
    from assistant.bootstrap.log import required
    from assistant.compliance.cases import Cases
    from assistant.database import create_engine

    try:
        wanted = int(case) if case.isdecimal() and len(case) < _CASE_DIGITS else UUID(case)
    except ValueError:
        raise typer.BadParameter(f"{case!r} is neither the number nor the id of a case.") from None
    engine = create_engine(required(settings, "database_url"))
    try:
        return await Cases(engine).turns_of(wanted)
    finally:
        await engine.dispose()


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


def _decision_lines(drawn: DecisionDraw, *, as_json: bool) -> list[str]:
    if as_json:
        found = [{"event": str(one.event_id), "turn": str(one.turn_id)} for one in drawn.drawn]
        said = {"week": drawn.week, "of": _DECISIONS, "batch": drawn.batch, "seed": drawn.seed.hex()}
        share = {"percent": drawn.percent, "decisions": drawn.decisions}
        return [json.dumps(said | share | {"checkpoint": drawn.checkpoint, "drawn": found})]
    return [
        f"Week {drawn.week}: {len(drawn.drawn)} of {drawn.decisions} decisions, {drawn.percent} %.",
        f"Seed {drawn.seed.hex()}, of head {drawn.batch}:",
        *(f"  {line}" for line in drawn.checkpoint.splitlines()),
        *(str(one.event_id) for one in drawn.drawn),
    ]


async def _verify(anchors: list[Path], key: str, witnesses: list[str], *, is_quick: bool) -> Findings:
    from assistant.audit.events import LogVerified
    from assistant.audit.verification.anchor import read_anchors
    from assistant.audit.verification.verify import Verifier
    from assistant.audit.writing.vouching import VouchedLog
    from assistant.bootstrap.log import open_audit
    from assistant.database_roles import AUDIT_SEALER_ROLE

    settings = server_settings()
    async with Verifier(
        audit_reader_url(),
        _log_key(settings, key),
        anchors=[anchor for file in anchors for anchor in read_anchors(file)],
        witnesses=[parse_note_key(each) for each in witnesses],
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
            await VouchedLog(writer, audit_role_url(AUDIT_SEALER_ROLE)).append(event)
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

    return parse_note_key(key) if key else read_public_key(public_file_of(settings.seal_key))


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
