"""Show events in a terminal: a line for a person, or a line of JSON for a program."""

from __future__ import annotations

import json
from collections.abc import Mapping

from assistant.audit.reading.read import StoredEvent
from assistant.audit.record import format_time

_TAG_WIDTH = 22
_REFERENCE_WIDTH = 7
_PERSON_DIGITS = 8  # the last ones, which are random; the whole id stands in the JSON


def render_line(event: StoredEvent) -> str:
    """Return an event as one line: when, which turn, what, who, and the rest as `name=value`."""
    document = event.document
    data = document.get("data")
    columns = {"persona": event.persona, "host": event.host, "model": event.model}
    details = [f"{name}={_word(value)}" for name, value in columns.items() if value]
    if event.actor != event.subject and event.subject is not None:
        details.append(f"subject={event.subject.hex[-_PERSON_DIGITS:]}")
    details += _flatten(data) if isinstance(data, Mapping) else []
    return "  ".join(
        (
            format_time(event.occurred_at)[:-4] + "Z",  # milliseconds
            (event.reference or "-").ljust(_REFERENCE_WIDTH),
            _word(event.type).ljust(_TAG_WIDTH),
            (event.actor.hex[-_PERSON_DIGITS:] if event.actor else "-").ljust(_PERSON_DIGITS),
            " ".join(details),
        )
    ).rstrip()


def render_json(event: StoredEvent) -> str:
    """Return an event as one line of JSON: its body, and what the database added."""
    return json.dumps(
        {
            **event.document,
            "reference": event.reference or None,
            "recorded_at": format_time(event.recorded_at),
            "leaf": event.leaf.hex(),
        }
    )


def _flatten(data: Mapping[str, object], prefix: str = "") -> list[str]:
    parts: list[str] = []
    for name, value in data.items():
        if isinstance(value, Mapping):
            parts += _flatten(value, f"{prefix}{name}.")
        else:
            parts.append(f"{prefix}{name}={_word(value)}")
    return parts


def _word(value: object) -> str:
    """Return a value so that nothing in it can steer the terminal, whoever wrote the row."""
    if isinstance(value, str) and value.isascii() and value.isprintable():
        return value
    return json.dumps(value, separators=(",", ":"))
