"""Which events an export has: conditions for the database, and the same in words that an outsider's file checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from psycopg import sql

from assistant.audit.events import EVENT_TYPES, Tag
from assistant.audit.reading.read import tail_of_reference
from assistant.audit.record import first_id, format_time

_MILLISECOND: Final = timedelta(milliseconds=1)  # an id knows no smaller time
_TIMES: Final = ("since", "until")
# As the indexes have them: the second way to be a person's event has one of its own, and `event_by_turn` goes by the
# last digits of a turn's id; a reference stands for no more of it.
_CONDITIONS: Final = {
    "person_id": "(subject = {0} OR actor = {0} AND actor IS DISTINCT FROM subject)",
    "thread_id": "thread_id = {}",
    "turn_tail": "right(turn_id::text, 8) = {} AND turn_id IS NOT NULL",
    "types": "type = ANY({})",
    "rule": "rule = {}",
    "model": "model = {}",
    "host": "host = {}",
    "persona": "persona = {}",
    # Also what names no person and is about a turn or a conversation of theirs, as decisions, erasures and holds are.
    "without_person": "((subject IS DISTINCT FROM {0} OR actor IS NOT DISTINCT FROM {0}) "
    "AND (turn_id = ANY (ARRAY(SELECT own.turn_id FROM audit.event own WHERE own.subject = {0} "
    "AND own.type = 'turn:accepted' AND own.turn_id IS NOT NULL))) IS NOT TRUE "
    "AND (thread_id = ANY (ARRAY(SELECT own.thread_id FROM audit.event own WHERE own.subject = {0} "
    "AND own.type = 'turn:accepted' AND own.thread_id IS NOT NULL))) IS NOT TRUE "
    "AND position(convert_to('\"about\":\"' || {0} || '\"', 'UTF8') IN body) = 0)",
}
_CASE_TYPES: Final = sorted(
    kind.tag.value for kind in EVENT_TYPES if "case_id" in {field.name for field in fields(kind)}
)
KEY_EVENTS: Final = sql.SQL("type = {}").format(sql.Literal(Tag.KEY_ROTATED.value))


@dataclass(frozen=True, slots=True)
class ExportQuery:
    """What is asked for; what is not named does not matter.

    Attributes:
        person_id: who acted, or whom it was about.
        reference: the short id of a turn, as a person read it from the page.
        case_id, turn_ids: a case of the desk: the events of its turns, and those of the case itself.
        since, until: `since` belongs to it, `until` does not. With other conditions: when events happened. Alone: when
            they were sealed, and then the export is complete.
        without_person: whose own turns are left out, with all that others do about them or a conversation of theirs.
    """

    person_id: UUID | None = None
    thread_id: UUID | None = None
    reference: str = ""
    types: frozenset[Tag] = frozenset()
    rule: str = ""
    model: str = ""
    host: str = ""
    persona: str = ""
    case_id: UUID | None = None
    turn_ids: frozenset[UUID] = frozenset()
    since: datetime | None = None
    until: datetime | None = None
    without_person: UUID | None = None

    @property
    def filters(self) -> tuple[str, ...]:
        """Return the names of what is asked for, for the event that tells of the export."""
        return tuple(self.as_data())

    @property
    def is_filtered(self) -> bool:
        """Tell whether single events are asked for, and not all of a time."""
        return bool(self.as_data().keys() - set(_TIMES))

    def as_data(self) -> Mapping[str, object]:
        """Return what is asked for as the manifest says it.

        Raises:
            BadInputError: a reference that cannot be one.
        """
        said: dict[str, object] = {
            "person_id": str(self.person_id) if self.person_id else None,
            "thread_id": str(self.thread_id) if self.thread_id else None,
            "turn_tail": tail_of_reference(self.reference) if self.reference else None,
            "types": sorted(tag.value for tag in self.types),
            "rule": self.rule,
            "model": self.model,
            "host": self.host,
            "persona": self.persona,
            "case_id": str(self.case_id) if self.case_id else None,
            "turn_ids": sorted(map(str, self.turn_ids)),
            "since": format_time(_whole_milliseconds(self.since)) if self.since else None,
            "until": format_time(_whole_milliseconds(self.until)) if self.until else None,
            "without_person": str(self.without_person) if self.without_person else None,
        }
        return {name: value for name, value in said.items() if value}

    def conditions(self) -> Sequence[sql.Composable]:
        """Return conditions on `audit.event`, of which an event meets one: each by itself has its index.

        Raises:
            BadInputError: a reference that cannot be one.
        """
        if self.case_id is None:
            return [self._condition()]
        tails = sorted({turn_id.hex[-8:] for turn_id in self.turn_ids})
        turns = sql.SQL("right(turn_id::text, 8) = ANY({}) AND turn_id = ANY({})").format(tails, sorted(self.turn_ids))
        # By the bytes that the canonical body has: what is no JSON stops no export. `offline.fits` has the last word.
        case = sql.SQL("type = ANY({}) AND position({} IN body) > 0").format(
            _CASE_TYPES, f'"case_id":"{self.case_id}"'.encode()
        )
        return [sql.SQL("{} AND {}").format(self._condition(), each) for each in (turns, case)]

    def _condition(self) -> sql.Composable:
        said = self.as_data()
        parts: list[sql.Composable] = [
            sql.SQL(condition).format(sql.Literal(said[name]))
            for name, condition in _CONDITIONS.items()
            if name in said
        ]
        for moment, operator in ((self.since, sql.SQL(">=")), (self.until, sql.SQL("<"))):
            if moment is not None:  # by the id, which the partitions go by; and by the column, which the body says, too
                whole = _whole_milliseconds(moment)
                parts.append(sql.SQL("id {} {}").format(operator, first_id(whole)))
                parts.append(sql.SQL("occurred_at {} {}").format(operator, whole))
        return sql.SQL(" AND ").join(parts) if parts else sql.SQL("true")


def _whole_milliseconds(moment: datetime) -> datetime:
    moment = moment.astimezone(UTC)
    return moment - timedelta(microseconds=moment.microsecond % 1000)
