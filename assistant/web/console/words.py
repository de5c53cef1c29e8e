"""Words of the console: who and when, without a name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

_UNITS: Final = ((timedelta(days=1), "d"), (timedelta(hours=1), "h"), (timedelta(minutes=1), "min"))
_PERSON_DIGITS: Final = 8


def ago(moment: datetime, *, now: datetime | None = None) -> str:
    """Return how long ago something was.

    >>> ago(datetime(2026, 1, 1, tzinfo=UTC), now=datetime(2026, 1, 3, tzinfo=UTC))
    '2 d'
    """
    passed = (now or datetime.now(UTC)) - moment
    return next((f"{passed // length} {unit}" for length, unit in _UNITS if passed >= length), "now")


def until(moment: datetime, *, now: datetime | None = None) -> str:
    """Return how long it is until a moment.

    >>> until(datetime(2026, 1, 3, tzinfo=UTC), now=datetime(2026, 1, 1, tzinfo=UTC))
    '2 d'
    """
    now = now or datetime.now(UTC)
    return ago(now, now=moment)


def exactly(moment: datetime) -> str:
    """Return a moment to the second, in UTC.

    >>> exactly(datetime(2026, 1, 3, 4, 5, 6, tzinfo=UTC))
    '3 January 2026, 04:05:06 UTC'
    """
    moment = moment.astimezone(UTC)
    return f"{moment.day} {moment:%B %Y, %H:%M:%S} UTC"


def pseudonym(person_id: UUID | None) -> str:
    """Return what stands for a person here and in `cloister audit tail`: the last digits of the id, which are random.

    >>> pseudonym(UUID(int=0xABCDEF12)), pseudonym(None)
    ('abcdef12', '-')
    """
    return person_id.hex[-_PERSON_DIGITS:] if person_id else "-"
