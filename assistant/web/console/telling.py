"""Events in words: one word for what happened, its tone, and a line with what matters.

An event of an older format, or of a type that is not told here, is shown with the fields that it has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from assistant.audit.events import Tag
from assistant.audit.reading.read import StoredEvent

# What these say of a hit is told on the page of its turn alone: whoever reads the hit a second time must not know it.
_BLIND: Final = frozenset({Tag.HIT_DECIDED, Tag.SECOND_LOOK_JUDGED, Tag.SECOND_LOOK_SETTLED})
_TONES: Final = {"allow": "allow", "warn": "redact", "pseudonymise": "redact", "redact": "redact"}


@dataclass(frozen=True, slots=True)
class Told:
    """An event in words.

    Attributes:
        word: what happened.
        tone: `allow`, `redact`, `block`, `info` or `fault`: always shown beside the word, never instead of it.
        line: the rest.
    """

    word: str
    tone: str
    line: str


class _Data:
    """The fields of an event, and of its columns; one that is not there is nothing."""

    def __init__(self, event: StoredEvent) -> None:
        data = event.document.get("data")
        self._fields: Mapping[str, Any] = data if isinstance(data, Mapping) else {}
        self._is_blind = event.type in _BLIND
        self._columns = {"host": event.host, "persona": event.persona, "model": event.model}

    def text(self, name: str) -> str:
        """Return a field as a person reads it: names lost their blanks on the way into the log."""
        value = self._fields.get(name) or self._columns.get(name) or ""
        return str(value).replace("_", " ") if name == "reason" else str(value)

    def number(self, name: str) -> int:
        value = self._fields.get(name)
        return value if isinstance(value, int) else 0

    @property
    def guard(self) -> Mapping[str, Any]:
        report = self._fields.get("guard")
        return report if isinstance(report, Mapping) else {}

    def plain(self) -> Iterator[str]:
        for name, value in self._fields.items():
            if name == "disposition" and self._is_blind:
                continue
            if isinstance(value, list):
                if value:
                    yield f"{name.replace('_', ' ')} {', '.join(map(str, value))}"
            elif not isinstance(value, Mapping) and value not in ("", None) and not name.endswith("mark"):
                yield f"{name.replace('_', ' ')} {value}"


def tell(event: StoredEvent) -> Told:
    """Return an event in words."""
    data = _Data(event)
    word, tone, line = _TELLING.get(event.type, (event.type.partition(":")[2].replace("-", " "), "info", _fields))
    if tone == "guard":
        tone = _TONES.get(data.guard.get("action", "allow"), "block")
    return Told(word, tone, line(data))


def findings_of(event: StoredEvent) -> list[Mapping[str, Any]]:
    """Return what the guard found, as the log has it: rule, span, action."""
    return [one for one in _Data(event).guard.get("findings", ()) if isinstance(one, Mapping)]


def case_of(event: StoredEvent) -> UUID | None:
    """Return the case that an event of the desk belongs to."""
    return _id(_Data(event).text("case_id"))


def is_of_the_desk_about(event: StoredEvent, person_id: UUID) -> bool:
    """Tell whether somebody at the desk did this about a person, who is told in another way, or later."""
    return event.actor != person_id and _id(_Data(event).text("about")) == person_id


def is_of_the_turn(event: StoredEvent) -> bool:
    """Tell whether an event is part of a turn itself, and not what was done with it at the desk afterwards."""
    return event.type in _TELLING


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _fields(data: _Data) -> str:
    return " · ".join(data.plain())


def _accepted(data: _Data) -> str:
    files = f" and {data.number('attachments')} files" if data.number("attachments") else ""
    command = f", command {data.text('command')}" if data.text("command") else ""
    door, persona = data.text("door"), data.text("persona")
    return f"{data.number('chars'):,} characters{files} by the door {door}, persona {persona}{command}"


def _guarded(data: _Data) -> str:
    guard = data.guard
    count, held = guard.get("found", 0), guard.get("held_back", 0)
    said = "nothing found" if not count else f"{count} found, {held} held back"
    failure = f"; the guard failed ({guard['failure']})" if guard.get("failure") else ""
    return f"{said}{failure}, policy {guard.get('policy_version', 'unknown')}"


def _routed(data: _Data) -> str:
    prompt = f", prompt {data.number('prompt_tokens'):,} tokens" if data.number("context_tokens") else ""
    host, reason = data.text("host"), data.text("reason")
    place = f"{host} {data.text('model')}: "
    is_told = reason.startswith((place.replace("_", " "), f"{host}: "))
    return f"{'' if is_told else place}{reason}{prompt}"


def _answered(data: _Data) -> str:
    seconds = data.number("total_milliseconds") / 1000
    return f"{data.number('answer_tokens'):,} tokens, {seconds:.1f} s, by {data.text('host')}; {_guarded(data)}"


def _called(data: _Data) -> str:
    calls = data.number("calls")
    return f"{calls} {'call' if calls == 1 else 'calls'}, {data.number('chars'):,} characters; the caller runs them"


def _answer_blocked(data: _Data) -> str:
    return f"after {data.number('chars'):,} characters; {_guarded(data)}"


def _interrupted(data: _Data) -> str:
    return f"{data.text('cause').replace('-', ' ')}, after {data.number('chars'):,} characters"


def _error(data: _Data) -> str:
    place = f"{data.text('host')}: " if data.text("host") else ""
    died = "; its process ended over it" if data.text("went_down") else ""
    return f"{place}{data.text('error')}{died}{'; another one is asked' if data.text('is_retried') else ''}"


def _limited(data: _Data) -> str:
    return f"the limit {data.text('limit')} of {data.text('counted')} is reached; nothing was sent"


def _reported(data: _Data) -> str:
    decision = data.text("decision").replace("-", " ")
    return f"rule {data.text('finding_rule')}" + (f": {decision}" if decision else "")


_TELLING: Final[Mapping[str, tuple[str, str, Callable[[_Data], str]]]] = {
    Tag.TURN_ACCEPTED: ("accepted", "info", _accepted),
    Tag.TURN_GUARDED: ("guarded", "guard", _guarded),
    Tag.PROMPT_BLOCKED: ("blocked", "block", _guarded),
    Tag.TURN_ROUTED: ("routed", "info", _routed),
    Tag.HOST_UNREACHABLE: ("host failed", "fault", _error),
    Tag.TURN_CALLED: ("asked for tools", "info", _called),
    Tag.TURN_ANSWERED: ("answered", "guard", _answered),
    Tag.ANSWER_BLOCKED: ("answer blocked", "block", _answer_blocked),
    Tag.TURN_INTERRUPTED: ("interrupted", "fault", _interrupted),
    Tag.TURN_FAILED: ("failed", "fault", _error),
    Tag.TURN_REFUSED: ("refused", "block", _limited),
    Tag.REPORT_FILED: ("reported as wrong", "info", _reported),
    Tag.REPORT_DECIDED: ("report decided", "info", _reported),
}
