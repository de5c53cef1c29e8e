"""The short way through all checks of a row agrees with the checks one by one, for every kind of event."""

from __future__ import annotations

import json
from datetime import timedelta
from struct import pack
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.audit.events import AccessRefused, Event, KeyRotated, Tag
from assistant.audit.record import Origin, Record, canonical_bytes, compose_record, leaf_of
from assistant.audit.verification.row_checks import PLACE_EPOCH, ROW_CHECKS, TEXT_COLUMNS, UUID_COLUMNS, parse_body
from assistant.audit.verification.slices import _is_right, _parse_row
from tests.unit.assistant.audit.samples import any_event

_NOW = 1_795_457_045_123_456_789  # 2026-11-23T18:04:05.123456Z
_ORIGIN = Origin("build-3", 4711, "0.1.0")


def message_of(row: Record) -> bytes:
    """A row as a binary COPY sends it, as far as this test knows; that it does is shown where a server is."""
    moment = (row.occurred_at - PLACE_EPOCH) // timedelta(microseconds=1)
    values = [row.id.bytes + pack(">Qhq", 7, 0, 1) + row.leaf, row.body, row.type.encode(), pack(">q", moment)]
    optional: list[bytes | None] = [value.bytes if (value := getattr(row, name)) else None for name in UUID_COLUMNS]
    optional += [None if (value := getattr(row, name)) is None else value.encode() for name in TEXT_COLUMNS]
    optional.append(None if row.severity is None else pack(">h", row.severity))
    fields = [pack(">i", -1) if value is None else pack(">i", len(value)) + value for value in (*values, *optional)]
    return pack(">h", len(fields)) + b"".join(fields)


def problems_of(message: bytes) -> set[str]:
    row = _parse_row(message, is_quick=False)
    return {name for name, check in ROW_CHECKS.items() if check(row, parse_body(row.body))}


def is_right(message: bytes) -> bool:
    return _is_right(message, message[40:72])


@given(any_event)
def test_what_the_product_writes_is_right_by_both_ways(event: Event) -> None:
    message = message_of(compose_record(event, _ORIGIN, _NOW))
    assert problems_of(message) == set()
    assert is_right(message) == (event.tag not in {Tag.KEY_ROTATED, Tag.LOG_RESTORED, Tag.RETENTION_EXECUTED})


@given(any_event, st.data())
def test_a_changed_column_is_seen_by_both_ways(event: Event, data: st.DataObject) -> None:
    row = compose_record(event, _ORIGIN, _NOW)
    changes: dict[str, object] = {
        **dict.fromkeys(UUID_COLUMNS, uuid4()),
        **dict.fromkeys(TEXT_COLUMNS, "other"),
        "id": uuid4(),
        "type": "other",
        "severity": 77,
        "occurred_at": row.occurred_at + timedelta(microseconds=1),
    }
    name = data.draw(st.sampled_from([*changes]))
    value = data.draw(
        st.sampled_from([changes[name], None] if getattr(row, name) and "_at" not in name else [changes[name]])
    )
    if value is None and name in ("id", "type"):
        return
    message = message_of(row._replace(**{name: value}))
    assert problems_of(message) == {"columns"}
    assert not is_right(message)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("subject", "{01a209a3-b93a-77ec-b94a-673930a85661}"),
        ("subject", "01A209A3-b93a-77ec-b94a-673930a85661"),
        ("subject", "01a209a3b-93a-77ec-b94a-673930a85661"),
        ("at", "2026-11-23T18:04:05.123456+00:00"),
        ("at", "2026-11-23 18:04:05.123456Z"),
        ("at", "2026-11-23T18:04:05.12345Z"),
        ("at", "2026-11-23T18:04:60.123456Z"),
        ("severity", True),
        ("severity", 1.0),
        ("host", 7),
        ("type", ["access:refused"]),
    ],
)
def test_another_spelling_in_the_body_is_seen_by_both_ways(name: str, value: object) -> None:
    row = compose_record(AccessRefused(actor=UUID("01a209a3-b93a-77ec-b94a-673930a85661"), wanted="x"), _ORIGIN, _NOW)
    body = canonical_bytes({**json.loads(row.body), name: value})
    column = {"severity": 1}.get(name)
    changed = row._replace(body=body, leaf=leaf_of(body), **({} if column is None else {name: column}))
    message = message_of(changed)
    assert "columns" in problems_of(message)
    assert not is_right(message)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b'{"v":2}', b"\xff"])
def test_what_is_no_body_is_seen_by_both_ways(body: bytes) -> None:
    row = compose_record(AccessRefused(actor=uuid4(), wanted="x"), _ORIGIN, _NOW)
    message = message_of(row._replace(body=body, leaf=leaf_of(body)))
    assert problems_of(message) >= {"columns", "kind"}
    assert not is_right(message)


def test_an_event_that_changes_the_key_is_told_apart() -> None:
    event = KeyRotated(old_key="a", new_key="b", signature="c")
    assert not is_right(message_of(compose_record(event, _ORIGIN, _NOW)))
