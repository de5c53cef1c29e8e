from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.answering.attached import number_lines, quote, split_message
from assistant.answering.prompt import compose_text
from assistant.conversation import Attachment
from policies.guard import Guard
from policies.pseudonyms import Pseudonyms
from policies.verdict import Action, Decision, Direction, Finding, Verdict
from tests.fakes.turn_parts import make_guard

BADGE = "[BADGE_1]"

_texts = st.text(alphabet=st.sampled_from("ab`:|1 \n"), max_size=60)
_names = st.text(alphabet=st.sampled_from("ab/.: `"), min_size=1, max_size=12)


def held(quoted: str, *values: str) -> Verdict:
    """Return a verdict that takes these values out, each where it first stands."""
    decisions = []
    text = quoted
    for value in values:
        start = quoted.index(value)
        finding = Finding("BADGE", start, start + len(value), 1.0, "site/badge")
        decisions.append(Decision(finding, Action.REDACT, BADGE, "", "badge"))
        text = text.replace(value, BADGE, 1)
    return Verdict(Action.REDACT if values else Action.ALLOW, text, tuple(decisions), "sha256:0")


def test_each_line_stands_under_its_number() -> None:
    quoted = quote(Attachment("src/a.py", "def f():\n\n    return 1"))
    assert number_lines(quoted, held(quoted)) == "File src/a.py:\n```\n1| def f():\n2|\n3|     return 1\n```"


def test_what_is_held_back_over_several_lines_moves_no_number() -> None:
    quoted = quote(Attachment("a", "one\nBEGIN\nkey\nEND rest\nfive BEGIN\nkey\nEND\neight"))
    shown = number_lines(quoted, held(quoted, "BEGIN\nkey\nEND", "five BEGIN\nkey\nEND"))
    assert shown == f"File a:\n```\n1| one\n2| {BADGE} rest\n5| {BADGE}\n8| eight\n```"


@pytest.fixture(scope="module")
def guard() -> Guard:
    return make_guard()


def test_a_key_over_several_lines_is_found_although_lines_are_numbered(guard: Guard) -> None:
    secret = "ghp_aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5"
    lines = [f"line {number}" for number in range(1, 12)]
    lines[4] = f'TOKEN = "{secret}"'
    lines[7:10] = ["-----BEGIN CERTIFICATE-----", "MIIBszCCAVmgAwIBAgIUQ2xvaXN0ZXI=", "-----END CERTIFICATE-----"]
    quoted = quote(Attachment("settings.py", "\n".join(lines)))
    verdict = guard.check(
        quoted, direction=Direction.FILE, persona="starcoder", roles=frozenset({"developer"}), pseudonyms=Pseudonyms()
    )
    shown = number_lines(quoted, verdict).split("\n")
    assert not any(secret in line for line in shown)
    assert '5| TOKEN = "[GITHUB_TOKEN_1]"' in shown
    assert shown[-2:] == ["11| line 11", "```"]


@given(content=_texts, spans=st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)), max_size=4))
def test_whatever_is_held_back_each_line_keeps_its_number(content: str, spans: list[tuple[int, int]]) -> None:
    quoted = quote(Attachment("a", content))
    above = quoted.index("\n", quoted.index("\n") + 1) + 1
    below = quoted.rindex("\n")
    pieces, decisions, done = [], [], 0
    for start, length in sorted((above + start, length) for start, length in spans):
        end = min(start + length, below)
        if start < max(done, above) or start >= end:
            continue
        finding = Finding("BADGE", start, end, 1.0, "site/badge")
        decisions.append(Decision(finding, Action.REDACT, BADGE, "", "badge"))
        pieces += [quoted[done:start], BADGE]
        done = end
    text = "".join([*pieces, quoted[done:]])
    shown = number_lines(quoted, Verdict(Action.REDACT, text, tuple(decisions), "sha256:0"))
    original = content.removesuffix("\n").split("\n")
    for line in shown.split("\n")[2:-1]:
        number, _, rest = line.partition("|")
        held = BADGE in rest
        assert held or original[int(number) - 1] == rest.removeprefix(" ")
        assert not held or original[int(number) - 1].startswith(rest.removeprefix(" ").partition(BADGE)[0])


@given(text=_texts, files=st.lists(st.tuples(_names, _texts), max_size=3))
def test_a_message_comes_apart_as_it_was_put_together(text: str, files: list[tuple[str, str]]) -> None:
    attachments = [Attachment(name, content) for name, content in files]
    quoted = [quote(file) for file in attachments]
    numbered = "\n\n".join([*([text] if text else []), *(number_lines(one, held(one)) for one in quoted)])
    typed, found = split_message(numbered, len(files))
    assert typed == text
    assert [list(file.lines.values()) for file in found] == [
        content.removesuffix("\n").split("\n") for _, content in files
    ]
    assert [sorted(file.lines) == list(range(1, file.last + 1)) for file in found] == [True] * len(files)


@given(text=_texts, count=st.integers(0, 3))
def test_whatever_is_kept_comes_apart_or_stays_whole(text: str, count: int) -> None:
    typed, found = split_message(text, count)
    assert text.startswith(typed) if found else typed == text


def test_a_file_that_a_person_typed_before_the_attached_one_stays_text() -> None:
    typed = "File fake.py:\n```\nx\n```"
    message = compose_text(typed, [Attachment("real.py", "y")])
    rest, found = split_message(message, 1)
    assert (rest, [file.name for file in found]) == (typed, ["real.py"])
