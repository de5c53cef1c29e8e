from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.policy import filters
from assistant.policy.filters import Answer, ScanFilter, StreamFilter, run_filter, united
from policies.guard import Guard
from policies.policy import Asker, parse_policy
from policies.pseudonyms import Pseudonyms
from policies.rules import SHIPPED
from policies.verdict import Direction, Finding

RULES = """
rules:
  - {name: site/badge, label: badge, entity_type: BADGE, patterns: ['B-[0-9]{6}']}
  - {name: site/code, label: code, entity_type: CODE, patterns: ['code B-[0-9]{6}']}
  - {name: site/stop, label: stop, entity_type: STOP, patterns: ['STOP[0-9]{4}']}
actions:
  - {rules: "*", action: redact}
  - {rules: site/stop, action: block}
"""
GUARD = Guard(parse_policy({"site.yaml": RULES}).without_blocks())
ASKER = Asker(Direction.ANSWER, "", frozenset())


class BrokenGuard(Guard):
    """A guard that fails, with the text in the words of its failure."""

    def find(self, text: str) -> list[Finding]:
        raise ValueError(text)


def lines(*contents: object) -> bytes:
    return b"".join(json.dumps(content).encode() + b"\n" for content in contents)


def scan(data: bytes, guard: Guard = GUARD) -> list[Answer]:
    sink = io.BytesIO()
    run_filter(ScanFilter(guard), io.BytesIO(data), sink)
    return [json.loads(line) for line in sink.getvalue().splitlines()]


def stream(data: bytes, guard: Guard = GUARD) -> list[Answer]:
    sink = io.BytesIO()
    run_filter(StreamFilter(guard, ASKER), io.BytesIO(data), sink)
    return [json.loads(line) for line in sink.getvalue().splitlines()]


def test_spans_are_offsets_into_the_text_as_python_counts() -> None:
    text = "\U0001f600 \ud800 B-123456 STOP1234"
    assert scan(lines({"id": 7, "text": text})) == [{"id": 7, "spans": [[4, 12, "BADGE"], [13, 21, "STOP"]]}]
    assert text[4:12] == "B-123456"


def test_overlapping_findings_are_one_span() -> None:
    assert scan(lines({"id": "a", "text": "a code B-123456 b"})) == [{"id": "a", "spans": [[2, 15, "CODE"]]}]


@pytest.mark.parametrize(
    ("line", "key"),
    [
        (b"nonsense", None),
        (b"", None),
        (b"[1]", None),
        (b'{"text":"a"}', None),
        (b'{"id":null,"text":"a"}', None),
        (b'{"id":true,"text":"a"}', None),
        (b'{"id":[1],"text":"a"}', None),
        (b'{"id":1}', 1),
        (b'{"id":1,"text":5}', 1),
        (b'{"id":NaN,"text":"a"}', None),
        (b'{"id":1,"text":"\xff"}', None),
        (b"[" * 100_000, None),
        (json.dumps({"id": "x" * 2_000, "text": "a"}).encode(), None),
    ],
)
def test_a_line_that_cannot_be_read_is_answered_and_the_next_one_too(line: bytes, key: object) -> None:
    bad, good = scan(line + b"\n" + lines({"id": 2, "text": "B-123456"}))
    assert bad["id"] == key
    assert bad.keys() == {"id", "error"}
    assert good == {"id": 2, "spans": [[0, 8, "BADGE"]]}


def test_a_failure_of_the_guard_is_said_without_the_text() -> None:
    (answer,) = scan(lines({"id": 1, "text": "a secret"}), BrokenGuard(GUARD.policy))
    assert answer == {"id": 1, "error": "The guard failed: ValueError."}


def test_a_line_beyond_the_limit_is_answered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filters, "_LINE_BYTES", 64)
    long, good = scan(lines({"id": 1, "text": "x" * 500}, {"id": 2, "text": "B-123456"}))
    assert "longer than 64" in str(long["error"])
    assert good["id"] == 2


def test_an_id_that_only_json_can_spell_survives() -> None:
    assert scan(lines({"id": "\ud800", "text": "a"})) == [{"id": "\ud800", "spans": []}]
    assert scan(lines({"id": 1 << 70, "text": "a"})) == [{"id": 1 << 70, "spans": []}]


@given(st.lists(st.builds(lambda start, length: (start, start + length), st.integers(0, 40), st.integers(1, 9))))
def test_united_spans_are_sorted_apart_and_cover_the_same(pairs: list[tuple[int, int]]) -> None:
    spans = united(Finding("T", start, end, 0.5, "r") for start, end in pairs)
    assert all(one[1] <= other[0] for one, other in pairwise(spans))
    assert {place for span in spans for place in range(*span[:2])} == {p for pair in pairs for p in range(*pair)}


PIECES = ["B-", "123", "456", "B-123456", " STOP", "1234", "\U0001f600", "code ", ""]


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(PIECES)), max_size=40))
def test_interleaved_streams_give_what_each_alone_gives(chunks: list[tuple[int, str]]) -> None:
    keys = sorted({key for key, _ in chunks})
    requests = [{"id": key, "chunk": chunk} for key, chunk in chunks]
    answers = stream(lines(*requests, *({"id": key, "chunk": "", "end": True} for key in keys)))
    assert len(answers) == len(chunks) + len(keys)
    for key in keys:
        whole = "".join(chunk for one, chunk in chunks if one == key)
        verdict = GUARD.check(whole, direction=Direction.ANSWER, persona="", roles=frozenset(), pseudonyms=Pseudonyms())
        assert "".join(str(answer["out"]) for answer in answers if answer["id"] == key) == verdict.text


def test_an_id_keeps_its_placeholders_to_its_end_and_starts_anew_after_it() -> None:
    answers = stream(
        lines(
            {"id": 1, "chunk": "B-111111 B-222222 B-111111 "},
            {"id": "1", "chunk": "B-333333 "},
            {"id": 1, "chunk": "", "end": True},
            {"id": 1, "chunk": "B-222222", "end": True},
            {"id": "1", "chunk": "", "end": True},
        )
    )
    assert "".join(str(one["out"]) for one in answers[:1] + answers[2:3]) == "[BADGE_1] [BADGE_2] [BADGE_1] "
    assert answers[3] == {"id": 1, "out": "[BADGE_1]"}
    assert str(answers[1]["out"]) + str(answers[4]["out"]) == "[BADGE_1] "


def test_what_would_block_is_redacted_and_the_stream_goes_on() -> None:
    assert stream(lines({"id": 1, "chunk": "a STOP1234 b", "end": True})) == [{"id": 1, "out": "a [STOP_1] b"}]


def test_the_end_of_the_input_closes_every_id() -> None:
    answers = stream(lines({"id": 1, "chunk": "B-12345"}, {"id": 2, "chunk": "B-123456"}))
    assert answers[2:] == [{"id": 1, "out": "B-12345"}, {"id": 2, "out": "[BADGE_1]"}]


def test_a_character_cut_into_halves_is_whole_again() -> None:
    answers = stream(lines({"id": 1, "chunk": "a\ud83d"}, {"id": 1, "chunk": "\ude00b", "end": True}))
    assert "".join(str(one["out"]) for one in answers) == "a\U0001f600b"
    (lone,) = stream(lines({"id": 1, "chunk": "a\ud83d", "end": True}))
    assert lone["out"] == "a\ufffd"


def test_a_failed_stream_says_so_on_every_line_until_its_end() -> None:
    class Failing(Guard):
        """Opens streams that fail."""

        def open_stream(self, **arguments: object) -> object:  # type: ignore[override]
            opened = super().open_stream(**arguments)  # type: ignore[arg-type]
            opened._redaction.failure = "ValueError"
            return opened

    answers = stream(
        lines({"id": 1, "chunk": "a"}, {"id": 1, "chunk": "b"}, {"id": 1, "chunk": "c", "end": True}),
        Failing(GUARD.policy),
    )
    assert answers == [{"id": 1, "error": "The guard failed: ValueError."}] * 3


def test_open_ids_and_their_text_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filters, "_OPEN_STREAMS", 2)
    answers = stream(lines({"id": 1, "chunk": "a"}, {"id": 2, "chunk": "b"}, {"id": 3, "chunk": "c"}))
    assert "2 ids are open" in str(answers[2]["error"])
    assert len(answers) == 5
    monkeypatch.setattr(filters, "_OPEN_CHARS", 10)
    first, second, third, fourth, fifth = stream(
        lines(
            {"id": 1, "chunk": "a" * 8},
            {"id": 2, "chunk": "b" * 8},
            {"id": 1, "chunk": "a", "end": True},
            {"id": 2, "chunk": "b", "end": True},
            {"id": 2, "chunk": "b" * 10, "end": True},
        )
    )
    assert "More than 10" in str(second["error"])
    assert str(first["out"]) + str(third["out"]) == "a" * 9
    assert "More than 10" in str(fourth["error"])  # part of it is missing: nothing of it goes on
    assert fifth["out"] == "b" * 10


PRODUCT_PARTS = {"presidio_analyzer", "spacy", "litellm", "chainlit", "sqlalchemy", "psycopg", "redis", "celery"}


@pytest.mark.parametrize("command", ["scan", "stream"])
def test_the_filter_answers_at_once_and_brings_nothing_of_the_product(command: str, tmp_path: Path) -> None:
    program = (
        "import sys; from assistant.commands.app import app\n"
        f"app(['policy', {command!r}], standalone_mode=False)\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    request = {"id": 1, "text": "a@b.org", "chunk": "to a@b.org ."}
    environment = {**os.environ, "CLOISTER_DATA_DIR": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        process.stdin.write(lines(request))
        process.stdin.flush()
        answer = json.loads(process.stdout.readline())  # the input is still open
        if command == "scan":
            assert answer["spans"] == [[0, 7, "EMAIL"]]
        else:
            assert str(answer["out"]).startswith("to")
        process.stdin.close()
        assert PRODUCT_PARTS.isdisjoint(process.stderr.read().decode().split())
    assert list(tmp_path.iterdir()) == []  # no secrets were created for it


@pytest.mark.parametrize("command", ["scan", "stream"])
def test_the_filter_ends_in_good_order_while_it_still_compiles(command: str, tmp_path: Path) -> None:
    request = lines({"id": 1, "text": "a", "chunk": "a", "end": True})
    for _ in range(3):  # the process was taken down in two of three runs
        ended = subprocess.run(
            [sys.executable, "-m", "assistant", "policy", command],
            input=request,
            capture_output=True,
            env={**os.environ, "CLOISTER_DATA_DIR": str(tmp_path)},
            check=False,
        )
        assert (ended.returncode, ended.stderr) == (0, b"")


def test_outside_services_are_told_where_somebody_asks_for_them() -> None:
    shipped = Guard(parse_policy({name: (files("policies.rules") / name).read_text("utf-8") for name in SHIPPED}))
    data = lines({"id": 1, "text": "POST https://api.openai.com/v1"})
    assert scan(data, shipped) == [{"id": 1, "spans": []}]
    sink = io.BytesIO()
    run_filter(ScanFilter(shipped, tells_outside=True), io.BytesIO(data), sink)
    assert json.loads(sink.getvalue()) == {"id": 1, "spans": [[5, 30, "EXTERNAL_API"]]}
