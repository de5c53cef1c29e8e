"""Which events an export has: conditions for the database, and the same in words that an outsider's file checks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from psycopg import sql

from assistant.audit.events import Tag
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
}
KEY_EVENTS: Final = sql.SQL("type = {}").format(sql.Literal(Tag.KEY_ROTATED.value))


@dataclass(frozen=True, slots=True)
class ExportQuery:
    """What is asked for; what is not named does not matter.

    Attributes:
        person_id: who acted, or whom it was about.
        reference: the short id of a turn, as a person read it from the page.
        since, until: `since` belongs to it, `until` does not. With other conditions: when events happened. Alone: when
            they were sealed, and then the export is complete.
    """

    person_id: UUID | None = None
    thread_id: UUID | None = None
    reference: str = ""
    types: frozenset[Tag] = frozenset()
    rule: str = ""
    model: str = ""
    host: str = ""
    persona: str = ""
    since: datetime | None = None
    until: datetime | None = None

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
            "since": format_time(_whole_milliseconds(self.since)) if self.since else None,
            "until": format_time(_whole_milliseconds(self.until)) if self.until else None,
        }
        return {name: value for name, value in said.items() if value}

    def condition(self) -> sql.Composable:
        """Return the condition on `audit.event`.

        Raises:
            BadInputError: a reference that cannot be one.
        """
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
