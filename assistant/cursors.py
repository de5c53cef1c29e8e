"""Where a page of a list by time begins: a moment and an id, as the link to the page has them."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from assistant.errors import BadInputError


def format_cursor(moment: datetime, identifier: UUID) -> str:
    """Return the cursor of the row that a page ends with.

    >>> from datetime import UTC
    >>> format_cursor(datetime(2026, 11, 29, 8, 30, tzinfo=UTC), UUID(int=7))
    '2026-11-29T08:30:00+00:00~00000000-0000-0000-0000-000000000007'
    """
    return f"{moment.isoformat()}~{identifier}"


def parse_cursor(cursor: str) -> tuple[datetime, UUID]:
    """Return the row that a page ended with.

    Raises:
        BadInputError: it is no cursor. A time without a zone is none: it would mean another one on each machine.
    """
    moment, _, identifier = cursor.partition("~")
    try:
        parsed, found = datetime.fromisoformat(moment), UUID(identifier)
        if parsed.tzinfo is None:
            raise _missing()
        return parsed.astimezone(UTC), found
    except (ValueError, OverflowError):  # no cursor, or a day that UTC does not reach
        raise _missing() from None


def _missing() -> BadInputError:
    return BadInputError("This page of the list does not exist. Start from the first one.")
