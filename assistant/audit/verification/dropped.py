"""Events whose bodies are gone: that the log's own key says of each month how many there are, and what they were."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, TypeAlias
from uuid import UUID

from assistant.audit.events import RetentionExecuted
from assistant.audit.removal.retention import FLOOR_DAYS, Digest, Month, is_signed
from assistant.audit.seals.checkpoint import NoteKey
from assistant.audit.seals.heads import PLACE, Head
from assistant.audit.seals.tree import HASH_BYTES
from assistant.audit.verification.checks import microseconds_of
from assistant.audit.verification.dealing import Run
from assistant.audit.verification.findings import Findings
from assistant.audit.verification.slices import Slice

_FLOOR: Final = timedelta(days=FLOOR_DAYS) // timedelta(microseconds=1)
_TIME_BYTES: Final = 6  # of an id: milliseconds since 1970

_Word: TypeAlias = tuple[int, str]  # of the log's key, about a month: how many events, and their digest


@dataclass(slots=True)
class _Month:
    """What is left of the dropped events of a month; `sealed` is when the last of them was sealed."""

    digest: Digest = field(default_factory=Digest)
    sealed: int | None = None


class DroppedCheck:
    """Compare what is left of dropped events with what the log says of them."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._months: defaultdict[Month, _Month] = defaultdict(_Month)
        self._said: defaultdict[Month, dict[_Word, int]] = defaultdict(dict)  # each with when it was first recorded
        self._last: tuple[bytes, bytes, _Month] = (b"\xff", b"", _Month())  # a month's bounds, and what it has

    async def watch(self, slices: AsyncGenerator[Slice, None]) -> AsyncIterator[Slice]:
        """Yield the slices, and note what they have of dropped events, in their order."""
        async with aclosing(slices):
            async for found in slices:
                for row in found.stubs:
                    place = found.places[row * PLACE.size : (row + 1) * PLACE.size]
                    self._month_of(place).digest.add(place, found.leaves[row * HASH_BYTES : (row + 1) * HASH_BYTES])
                yield found

    def note_sealed(self, run: Run, head: Head) -> None:
        """Note which head sealed the dropped events of a run."""
        for place in run.stubs:
            month = self._month_of(place)
            month.sealed = max(month.sealed or 0, microseconds_of(head.sealed_at))

    def note_unsealed(self, run: Run) -> None:
        """Say that an event that no head has cannot have been dropped."""
        for place in run.stubs:
            self._findings.add("retention", "An event was dropped before it was sealed.", event=UUID(bytes=place[:16]))

    def note_event(self, data: Any, keys: Sequence[NoteKey], *, recorded: int, leaf: int | None, event: UUID) -> None:
        """Take what an event says, if one of these keys signed it. Anybody else's word excuses nothing, and is told.

        A month that lost events more than once has more than one word. Which of them counts is not a matter of order:
        whoever may write events may write an earlier one down again.
        """
        said = _event_of(data)
        if said is None or not any(is_signed(said, key) for key in keys):
            self._findings.warn(
                "retention",
                "An event says that a month was dropped, and the log's key did not sign that.",
                leaf=leaf,
                event=event,
            )
            return
        words, word = self._said[Month.parse(said.month)], (said.events, said.digest)
        words[word] = min(recorded, words.get(word, recorded))

    def check(self) -> None:
        """Say of which months bodies are missing that no event of the log's key says were dropped."""
        for month, left in self._months.items():
            message = _judge(left, self._said.get(month, {}))
            if message:
                self._findings.add("retention", f"{month}: {message}")
            self._findings.dropped += left.digest.events

    def _month_of(self, place: bytes) -> _Month:
        moment = place[:_TIME_BYTES]
        begin, end, found = self._last
        if not begin <= moment < end:
            month = Month.of_id(place)
            found = self._months[month]
            bounds = (int(each.timestamp() * 1000).to_bytes(_TIME_BYTES, "big") for each in (month.begin, month.end))
            self._last = (next(bounds), next(bounds), found)
        return found


def _judge(left: _Month, words: Mapping[_Word, int]) -> str:
    if not words:
        return f"{left.digest.events} events have lost their bodies, and no event of this log's key says why."
    recorded = words.get((left.digest.events, str(left.digest)))
    if recorded is None:
        return "Other events have lost their bodies than those of which the log says that they were dropped."
    if left.sealed is not None and left.sealed > recorded - _FLOOR:
        return f"Events lost their bodies that were not {FLOOR_DAYS} days old."
    return ""


def _event_of(data: Any) -> RetentionExecuted | None:
    """Return what a body says; None where it is no such event."""
    names = ("month", "events", "digest", "keep_days", "signature")
    if not isinstance(data, dict) or [type(data.get(name)) for name in names] != [str, int, str, int, str]:
        return None
    try:
        Month.parse(data["month"])
    except ValueError:
        return None
    return RetentionExecuted(**{name: data[name] for name in names})
