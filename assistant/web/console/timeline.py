"""A turn as a timeline: its events in words, each with the time since the first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from assistant.audit.events import Tag
from assistant.audit.read import StoredEvent
from assistant.audit.sealed import Sealed
from policies.explanation import Detail


@dataclass(frozen=True, slots=True)
class Found:
    """One finding; `start` and `end` are character offsets into the original text, half-open.

    Attributes:
        masked: the value, unreadable; empty where nothing is kept of it.
        instead: what the other side saw in its place.
    """

    rule: str
    start: int
    end: int
    action: str
    masked: str = ""
    instead: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """An event of a turn.

    Attributes:
        word: what happened, in one word.
        tone: `allow`, `redact`, `block`, `info` or `fault`: always shown beside the word, never instead of it.
        milliseconds: since the first event.
    """

    event: StoredEvent
    at: datetime
    milliseconds: int
    word: str
    tone: str
    words: str
    found: Sequence[Found] = field(default=())
    sealed: Sealed | None = None


_Data = Mapping[str, Any]


def tell_turn(events: Sequence[StoredEvent], spots: Sequence[Detail], sealed: Mapping[Any, Sealed]) -> list[Step]:
    """Return the steps of a turn, the earliest first."""
    left = list(spots)
    return [_step(event, events[0].occurred_at, left, sealed.get(event.id)) for event in events]


def _step(event: StoredEvent, begin: datetime, spots: list[Detail], sealed: Sealed | None) -> Step:
    data: _Data = event.document.get("data", {})  # type: ignore[assignment]  # an object in every body
    word, tone, tell = _TELLING.get(event.type, (event.type.partition(":")[2], "info", _nothing))
    if tone == "guard":
        tone = _tone(data)
    return Step(
        event=event,
        at=event.occurred_at,
        milliseconds=round((event.occurred_at - begin).total_seconds() * 1000),
        word=word,
        tone=tone,
        words=tell(data, event),
        found=_found(data, spots),
        sealed=sealed,
    )


def _found(data: _Data, spots: list[Detail]) -> list[Found]:
    """Put to each finding of the log what is kept for people about it: both lists are in one order, rule by rule."""
    found = []
    for one in data.get("guard", {}).get("findings", ()):
        spot = next((spot for spot in spots if spot.rule == one["rule"]), None)
        if spot is not None:
            spots.remove(spot)
        masked, instead = (spot.masked, spot.instead) if spot else ("", "")
        found.append(Found(one["rule"], one["start"], one["end"], one["action"], masked, instead))
    return found


def _tone(data: _Data) -> str:
    action = data.get("guard", {}).get("action", "allow")
    return {"allow": "allow", "warn": "redact", "pseudonymise": "redact", "redact": "redact"}.get(action, "block")


def _nothing(_data: _Data, _event: StoredEvent) -> str:
    return ""


def _accepted(data: _Data, _event: StoredEvent) -> str:
    files = f" and {data['attachments']} files" if data.get("attachments") else ""
    return f"{data['chars']:,} characters{files} by the door {data['door']}, persona {data['persona']}"


def _guarded(data: _Data, _event: StoredEvent) -> str:
    guard = data["guard"]
    count, held = guard.get("found", 0), guard.get("held_back", 0)
    said = "nothing found" if not count else f"{count} found, {held} held back"
    failure = f"; the guard failed ({guard['failure']})" if guard.get("failure") else ""
    return f"{said}{failure}, policy {guard['policy_version']}"


def _routed(data: _Data, event: StoredEvent) -> str:
    room = f", {data['prompt_tokens']:,} of {data['context_tokens']:,} tokens" if data.get("context_tokens") else ""
    return f"{data['host']} {event.model}: {str(data['reason']).replace('_', ' ')}{room}"


def _answered(data: _Data, event: StoredEvent) -> str:
    seconds = data["total_milliseconds"] / 1000
    return f"{data['answer_tokens']:,} tokens, {seconds:.1f} s, by {data['host']}; {_guarded(data, event)}"


def _answer_blocked(data: _Data, event: StoredEvent) -> str:
    return f"after {data['chars']:,} characters; {_guarded(data, event)}"


def _interrupted(data: _Data, _event: StoredEvent) -> str:
    return f"{str(data['cause']).replace('-', ' ')}, after {data.get('chars', 0):,} characters"


def _error(data: _Data, _event: StoredEvent) -> str:
    place = f"{data['host']}: " if data.get("host") else ""
    return f"{place}{data['error']}{'; another one is asked' if data.get('is_retried') else ''}"


def _reported(data: _Data, _event: StoredEvent) -> str:
    return f"rule {data['finding_rule']}" + (f": {data['decision']}" if data.get("decision") else "")


_TELLING: Final[Mapping[str, tuple[str, str, Callable[[_Data, StoredEvent], str]]]] = {
    Tag.TURN_ACCEPTED: ("accepted", "info", _accepted),
    Tag.TURN_GUARDED: ("guarded", "guard", _guarded),
    Tag.PROMPT_BLOCKED: ("blocked", "block", _guarded),
    Tag.TURN_ROUTED: ("routed", "info", _routed),
    Tag.HOST_UNREACHABLE: ("host failed", "fault", _error),
    Tag.TURN_ANSWERED: ("answered", "guard", _answered),
    Tag.ANSWER_BLOCKED: ("answer blocked", "block", _answer_blocked),
    Tag.TURN_INTERRUPTED: ("interrupted", "fault", _interrupted),
    Tag.TURN_FAILED: ("failed", "fault", _error),
    Tag.REPORT_FILED: ("reported as wrong", "info", _reported),
    Tag.REPORT_DECIDED: ("report decided", "info", _reported),
}
