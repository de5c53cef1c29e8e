"""`cloister policy …`: check, explain, test and compare policies, let values pass, and the guard as a filter in a pipe.

Exit codes: 0 all is well; 1 something was found wrong (a policy that cannot be used, a test that fails, policies that
differ); 2 wrong use.
"""

from __future__ import annotations

import getpass
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:  # so that `--help` answers at once
    from assistant.policy.files import PolicyReader
    from assistant.policy.filters import LineFilter
    from policies.errors import PolicyError
    from policies.guard import Guard
    from policies.policy import Asker, Policy

FAILED: Final = 1
SHIPPED_WORD: Final = "shipped"
_INTERRUPTED: Final = 130  # as a shell counts SIGINT

policy = typer.Typer(help="The site's policy, and the guard as a filter.", no_args_is_help=True)

PolicyPath = Annotated[
    str, typer.Option("--policy", help="A file or folder, or 'shipped'; unset: that of CLOISTER_POLICY.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, a line each, for machines.")]
Role = Annotated[list[str] | None, typer.Option("--role", help="A role that the person has; repeatable.")]
Persona = Annotated[str, typer.Option("--persona", help="The persona that is asked.")]
DirectionName = Annotated[str, typer.Option("--direction", help="prompt, file, retrieval, tool, answer, job or log.")]


@policy.command("check")
def policy_check(
    path: Annotated[str, typer.Argument(help="A file or folder, or 'shipped'; unset: that of CLOISTER_POLICY.")] = "",
    *,
    rules: Annotated[bool, typer.Option("--rules", help="List the names of all rules.")] = False,
) -> None:
    """Read a policy, run the examples of its own rules, and print its version; an error names file and line."""
    guard = _guard(_reader(path))
    read = guard.policy
    if rules:
        for name, label in sorted(read.labels.items()):
            typer.echo(f"{name:<48} {label}")
        return
    typer.echo(
        f"{read.version}: {len(read.rules)} rules, {len(read.lines)} lines of actions, "
        f"{len(read.allow_list.values)} allowed values."
    )


@policy.command("explain")
def policy_explain(
    file: Annotated[Path | None, typer.Argument(help="A text; unset: standard input.")] = None,
    role: Role = None,
    persona: Persona = "",
    direction: DirectionName = "prompt",
    path: PolicyPath = "",
    *,
    as_json: AsJson = False,
) -> None:
    """Say what the guard makes of a text: which rule, where (masked), what it does, and which line decided."""
    from assistant.policy.explained import as_data, render_text
    from policies.pseudonyms import Pseudonyms

    asker = _asker(role, persona, direction)
    guard = _guard(_reader(path))
    text = _text(file)
    verdict = guard.check(
        text, direction=asker.direction, persona=asker.persona, roles=asker.roles, pseudonyms=Pseudonyms()
    )
    if as_json:
        typer.echo(json.dumps(as_data(guard.policy, verdict, asker.direction)))
    else:
        findings = [] if verdict.failure else guard.find(text, asker.direction)
        for line in render_text(guard.policy, text, findings, verdict, asker.direction):
            typer.echo(line)
    if verdict.failure:
        raise typer.Exit(FAILED)


@policy.command("test")
def policy_test(
    cases: Annotated[list[Path] | None, typer.Argument(help="Files of cases; unset: tests/ in the folder.")] = None,
    path: PolicyPath = "",
) -> None:
    """Run the examples of all rules, and the site's own cases."""
    from policies.cases import complaint, parse_cases
    from policies.errors import PolicyError

    reader = _reader(path)
    guard = _guard(reader)
    complaints = list(_failed_examples(guard))
    try:
        parsed = parse_cases(_case_texts(reader, cases), guard.policy)
    except PolicyError as error:
        raise _refused(error) from None
    complaints.extend(f"{case.where}: {said}" for case in parsed if (said := complaint(guard, case)))
    for line in complaints:
        typer.echo(line, err=True)
    examples = sum(len(rule.found) + len(rule.passed) for rule in guard.policy.rules)
    typer.echo(f"{examples} examples of {len(guard.policy.rules)} rules, {len(parsed)} cases: {len(complaints)} fail.")
    if complaints:
        raise typer.Exit(FAILED)


@policy.command("diff")
def policy_diff(
    old: Annotated[str, typer.Argument(help="A file or folder, or 'shipped'.")],
    new: Annotated[str, typer.Argument(help="A file or folder, or 'shipped'.")],
    texts: Annotated[
        Path | None, typer.Option("--texts", help='JSON lines {"id","text"}: which verdicts change.')
    ] = None,
    *,
    role: Role = None,
    persona: Persona = "",
    direction: DirectionName = "prompt",
) -> None:
    """Say what is different between two policies; exits with 1 if anything is."""
    from assistant.policy.comparison import compare_actions, compare_allowed, compare_rules, compare_verdict

    asker = _asker(role, persona, direction)
    readers = _reader(old), _reader(new)
    before, after = (_parsed(reader) for reader in readers)
    lines = [*compare_rules(before, after), *compare_actions(before, after), *compare_allowed(before, after)]
    if texts is not None:
        first, second = (_guard(reader) for reader in readers)
        for key, text in _texts(texts):
            if change := compare_verdict(first, second, text, asker):
                lines.append(f"~ text {json.dumps(key)}: {change}")
    for line in lines:
        typer.echo(line)
    typer.echo(f"{before.version} -> {after.version}: {len(lines)} differences.", err=True)
    if lines:
        raise typer.Exit(FAILED)


@policy.command("allow")
def policy_allow(
    rule: Annotated[list[str] | None, typer.Option("--rule", help="Only findings of this rule; repeatable.")] = None,
    note: Annotated[str, typer.Option("--note", help="What the value is.")] = "",
    until: Annotated[str, typer.Option("--until", help="The last day, such as 2027-01-31.")] = "",
) -> None:
    """Read a value from standard input and print the line under `allow:` that lets it pass; it is stored nowhere."""
    from assistant.policy.files import make_allow_line
    from assistant.settings import read_settings
    from policies.errors import PolicyError

    if sys.stdin.isatty():
        value = getpass.getpass("Value: ")
    else:
        value = sys.stdin.buffer.read().decode("utf-8", "surrogateescape").removesuffix("\n").removesuffix("\r")
    if not value:
        raise typer.BadParameter("There is no value on standard input.")
    try:
        typer.echo(make_allow_line(read_settings(), value, rules=rule or [], note=note, until=until))
    except PolicyError as error:
        raise typer.BadParameter(str(error)) from None


@policy.command("scan")
def policy_scan(
    path: PolicyPath = "",
    *,
    outside: Annotated[
        bool, typer.Option("--outside", help="Tell outside services, too, which are no values.")
    ] = False,
) -> None:
    """Read JSON lines {"id","text"} and answer each at once with {"id","spans"}: start, end and type."""
    from assistant.policy.filters import ScanFilter

    _run_filter(path, lambda guard: ScanFilter(guard, tells_outside=outside))


@policy.command("stream")
def policy_stream(
    role: Role = None,
    persona: Persona = "",
    direction: DirectionName = "answer",
    path: PolicyPath = "",
) -> None:
    """Read JSON lines {"id","chunk","end"} and answer each at once with {"id","out"}; ids may be interleaved."""
    from assistant.policy.filters import StreamFilter

    asker = _asker(role, persona, direction)
    _run_filter(path, lambda guard: StreamFilter(guard, asker))


def _run_filter(path: str, build: Callable[[Guard], LineFilter]) -> None:
    """Filter by a guard of the rules alone, of which no rule ends a text."""
    from assistant.known_facts import build_guard
    from assistant.policy.filters import run_filter

    guard = build_guard(_parsed(_reader(path)).without_blocks())
    try:
        run_filter(build(guard), sys.stdin.buffer, sys.stdout.buffer)
    except BrokenPipeError:
        # Whoever read has gone; without this, Python complains once more when it closes standard output.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        raise typer.Exit(_INTERRUPTED) from None


def _reader(path: str) -> PolicyReader:
    from assistant.policy.files import PolicyReader
    from assistant.settings import read_settings

    settings = read_settings()
    if path == SHIPPED_WORD:
        settings = settings.model_copy(update={"policy": None})
    given = Path(path) if path and path != SHIPPED_WORD else None
    return PolicyReader.of(settings, given)


def _guard(reader: PolicyReader) -> Guard:
    from policies.errors import PolicyError

    try:
        return reader.read().guard
    except PolicyError as error:
        raise _refused(error) from None


def _parsed(reader: PolicyReader) -> Policy:
    from policies.errors import PolicyError

    try:
        return reader.parse()
    except PolicyError as error:
        raise _refused(error) from None


def _refused(error: PolicyError) -> typer.Exit:
    typer.echo(str(error), err=True)
    return typer.Exit(FAILED)


def _asker(roles: list[str] | None, persona: str, direction: str) -> Asker:
    from policies.policy import Asker
    from policies.verdict import Direction

    if direction not in tuple(Direction):
        raise typer.BadParameter(f"{direction!r} is no direction. There are: {', '.join(Direction)}.")
    return Asker(Direction(direction), persona, frozenset(roles or ()))


def _text(file: Path | None) -> str:
    """Return the text of a file or of standard input; bytes that are no UTF-8 count as one character each."""
    try:
        data = sys.stdin.buffer.read() if file is None else file.read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"{str(file)!r} cannot be read: {error.strerror}.") from None
    return data.decode("utf-8", "replace")


def _texts(file: Path) -> Iterator[tuple[object, str]]:
    for number, line in enumerate(_text(file).splitlines(), 1):
        try:
            content = json.loads(line)
            yield content.get("id", number), str(content["text"])
        except (ValueError, KeyError, AttributeError):
            raise typer.BadParameter(f'{file.name}:{number}: not a JSON object with "text".') from None


def _case_texts(reader: PolicyReader, cases: list[Path] | None) -> dict[str, str]:
    from assistant.policy.files import read_text

    return {path.name: read_text(path) for path in (cases or reader.case_files())}


def _failed_examples(guard: Guard) -> Iterator[str]:
    """Yield what is wrong with the examples; rule by rule only if anything is."""
    from dataclasses import replace

    from policies.errors import PolicyError
    from policies.guard import Guard, check_examples

    try:
        check_examples(guard)
    except PolicyError:
        for rule in guard.policy.rules:
            try:
                check_examples(Guard(replace(guard.policy, rules=(rule,))))
            except PolicyError as error:
                yield str(error)
