from __future__ import annotations

import json
from datetime import UTC, datetime
from hashlib import sha256
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from assistant.audit.events import Event, TurnAccepted
from assistant.audit.parts import TurnPlace
from assistant.audit.reading.read import StoredEvent
from assistant.audit.reading.show import render_json, render_line
from assistant.audit.record import Origin, canonical_bytes, compose_record
from assistant.conversation import short_reference
from tests.unit.assistant.audit.samples import any_event

_NOW = 1_795_457_045_123_456_789  # 2026-11-23T18:04:05.123456Z


def _stored(event: Event) -> StoredEvent:
    record = compose_record(event, Origin("h", 1, "b"), _NOW)
    return StoredEvent(*record, recorded_at=datetime(2026, 11, 23, 18, 4, 6, tzinfo=UTC))


def test_a_line_says_when_which_turn_what_and_who() -> None:
    turn = UUID("01a209a3-b93a-77ec-b94a-673930a85661")
    person = UUID("01a209a3-b93a-77ec-b94a-00000000abcd")
    place = TurnPlace(turn_id=turn, thread_id=UUID(int=2), person_id=person)
    event = TurnAccepted(turn=place, door="chat", persona="general", persona_version="sha256:0", chars=12)
    line = render_line(_stored(event))
    assert line.split() == [
        *("2026-11-23T18:04:05.123Z", short_reference(turn), "turn:accepted", "0000abcd"),
        *("persona=general", "attachments=0", "chars=12", "door=chat", "persona_version=sha256:0"),
    ]


@given(any_event)
def test_json_is_one_line_and_holds_the_body(event: Event) -> None:
    stored = _stored(event)
    text = render_json(stored)
    assert "\n" not in text
    assert json.loads(text).items() >= json.loads(stored.body).items()


@given(st.text())
def test_a_row_that_an_attacker_wrote_cannot_steer_the_terminal(text: str) -> None:
    body = canonical_bytes({"data": {"x": f"\x1b[2J{text}".encode("utf-8", "replace").decode()}})
    stored = StoredEvent(
        *(UUID(int=1), datetime(2026, 1, 1, tzinfo=UTC), "\x1b]0;owned\x07"),
        *(None, None, None, None, None, None, "\r\n\x9b31m", "\x1b[2J", "\x07", None),
        *(body, sha256(b"\0" + body).digest()),
        recorded_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    for shown in (render_line(stored), render_json(stored)):
        assert shown.isascii()
        assert shown.isprintable()
