from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from hashlib import sha256
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.audit.events import Event, LogOpened, LogRead, PolicyLoaded, TurnAccepted, TurnGuarded
from assistant.audit.parts import FoundSpan, GuardReport, TextMarker, TurnPlace
from assistant.audit.record import (
    MOST_BODY_BYTES,
    Origin,
    Plain,
    as_name,
    canonical_bytes,
    compose_record,
    derive_record,
    make_event_id,
    plain_of,
)
from assistant.keys import Keys
from policies.verdict import Action, Decision, Finding, Verdict
from tests.unit.assistant.audit.samples import any_event

_ORIGIN = Origin(host="build-3", pid=4711, build="0.1.0")
_NOW = 1_795_457_045_123_456_789  # 2026-11-23T18:04:05.123456Z

# What bodies hold: ASCII keys, whole numbers, and texts of any script (names are ASCII, but nothing may rest on it).
_keys = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=8)
_texts = st.text(st.characters(exclude_categories=["Cs"]))
_plain: st.SearchStrategy[Plain] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | _texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_keys, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(_keys, _plain, max_size=6))
def test_two_json_writers_spell_a_document_alike(document: dict[str, Plain]) -> None:
    ours = canonical_bytes(document)
    theirs = json.dumps(document, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
    assert ours == theirs


@given(any_event)
def test_two_json_writers_spell_every_event_alike(event: Event) -> None:
    body = compose_record(event, _ORIGIN, _NOW).body
    assert json.dumps(json.loads(body), sort_keys=True, separators=(",", ":")).encode() == body


@given(any_event)
def test_every_column_can_be_derived_from_the_bytes_alone(event: Event) -> None:
    record = compose_record(event, _ORIGIN, _NOW)
    assert derive_record(record.body) == record


@given(any_event)
def test_a_body_holds_no_fraction_and_no_prose(event: Event) -> None:
    body = compose_record(event, _ORIGIN, _NOW).body
    json.loads(body, parse_float=lambda text: pytest.fail(f"a fraction: {text}"))
    assert re.fullmatch(rb"[\x21-\x7e]+", body)  # no blank, nothing outside ASCII: whatever the fields were given


@given(any_event)
def test_the_leaf_is_the_rfc_6962_hash_of_the_body(event: Event) -> None:
    record = compose_record(event, _ORIGIN, _NOW)
    assert record.leaf == sha256(b"\0" + record.body).digest()


def test_a_known_event_has_known_bytes() -> None:
    record = compose_record(PolicyLoaded(policy_version="sha256:0123456789ab", rules=7), _ORIGIN, _NOW)
    document = json.loads(record.body)
    assert re.fullmatch(r"[0-9a-f]{32}", document.pop("nonce"))
    assert document.pop("id") == str(record.id)
    assert document == {
        "v": 2,
        "type": "policy:loaded",
        "at": "2026-11-23T18:04:05.123456Z",
        "outcome": "done",
        "origin": {"host": "build-3", "pid": 4711, "build": "0.1.0"},
        "data": {"policy_version": "sha256:0123456789ab", "rules": 7},
    }


def test_equal_events_have_different_leaves() -> None:
    event = LogOpened(process="web")
    assert compose_record(event, _ORIGIN, _NOW).leaf != compose_record(event, _ORIGIN, _NOW).leaf


@given(st.integers(0, 2**48 * 1_000_000 - 1))
def test_an_id_is_a_uuid_7_of_its_moment(nanoseconds: int) -> None:
    identifier = make_event_id(nanoseconds)
    assert (identifier.version, identifier.variant) == (7, UUID(int=0, version=4).variant)
    assert identifier.int >> 80 == nanoseconds // 1_000_000


def test_later_ids_are_larger() -> None:
    ids = [make_event_id(_NOW + step * 1_000) for step in range(2_000)]
    assert ids == sorted(ids)


@pytest.mark.parametrize("value", [1.5, b"bytes", datetime.now(UTC), {"a": 1}, [1]])
def test_what_has_no_canonical_form_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="no canonical form"):
        plain_of(value)


@pytest.mark.parametrize("number", [2**53, -(2**53), 2**80])
def test_a_number_that_parsers_may_round_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match="no canonical form"):
        compose_record(PolicyLoaded(policy_version="sha256:0", rules=number), _ORIGIN, _NOW)


def test_an_event_that_is_too_large_is_refused_before_it_is_sent() -> None:
    with pytest.raises(ValueError, match=f"at most {MOST_BODY_BYTES}"):
        compose_record(LogRead(actor=None, door="command", filters=("x" * 120,) * 200), _ORIGIN, _NOW)


def test_the_largest_verdict_still_fits() -> None:
    long = "é" * 500
    finding = Finding(entity_type=long, start=2**40, end=2**41, score=1.0, rule=long)
    decision = Decision(finding, Action.PSEUDONYMISE, placeholder="", masked="", label="")
    report = GuardReport.of(Verdict(Action.PSEUDONYMISE, "", (decision,) * 5_000, policy_version=long, failure=long))
    place = TurnPlace(*(UUID(int=number) for number in range(3)))
    event = TurnGuarded(turn=place, guard=report, chars=1, text_mark=TextMarker(Keys(bytes(32))).mark(""))
    assert len(compose_record(event, _ORIGIN, _NOW).body) <= MOST_BODY_BYTES
    assert (report.found, report.held_back, len(report.findings)) == (5_000, 5_000, 32)


def test_the_strictest_finding_names_the_rule() -> None:
    decisions = tuple(
        Decision(Finding("X", 0, 1, 1.0, rule), action, placeholder="", masked="", label="")
        for rule, action in (("a", Action.ALLOW), ("b", Action.BLOCK), ("c", Action.REDACT))
    )
    report = GuardReport.of(Verdict(Action.BLOCK, "", decisions, policy_version="sha256:0"))
    assert report.rule == "b"
    assert report.findings[0] == FoundSpan("b", "X", 0, 1, Action.BLOCK)


def test_a_changed_spelling_is_not_a_body() -> None:
    body = compose_record(LogOpened(process="web"), _ORIGIN, _NOW).body
    with pytest.raises(ValueError, match="canonical"):
        derive_record(body.replace(b'":', b'": ', 1))


@given(st.binary(max_size=64))
def test_arbitrary_bytes_are_refused_with_a_value_error(garbage: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - JSON's own errors are ValueErrors of many words
        derive_record(garbage)


@given(st.text())
def test_a_name_is_short_printable_and_without_blanks(text: str) -> None:
    assert re.fullmatch(r"[\x21-\x7e]{0,120}", as_name(text))


@given(st.text(), st.text())
def test_marks_tell_equality_and_depend_on_the_key(one: str, other: str) -> None:
    marker = TextMarker(Keys(b"1" * 32))
    assert (marker.mark(one) == marker.mark(other)) == (one == other)
    assert marker.mark(one) != TextMarker(Keys(b"2" * 32)).mark(one)


def test_host_and_persona_are_columns_and_stand_in_the_body_once() -> None:
    turn = TurnPlace(*(UUID(int=number) for number in range(3)))
    event = TurnAccepted(turn=turn, door="chat", persona="general", persona_version="sha256:0", chars=1)
    record = compose_record(event, _ORIGIN, _NOW)
    document = json.loads(record.body)
    assert (record.persona, record.host) == ("general", None)
    assert (document["persona"], "persona" in document["data"]) == ("general", False)


def test_a_body_of_the_first_format_has_no_host_and_no_persona() -> None:
    document = json.loads(compose_record(LogOpened(process="web"), _ORIGIN, _NOW).body)
    first = derive_record(canonical_bytes({**document, "v": 1, "host": "mini1", "persona": "general"}))
    assert (first.host, first.persona) == (None, None)
