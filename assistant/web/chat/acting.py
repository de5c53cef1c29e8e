"""Who acts in the request or event at hand, for the callbacks of Chainlit that are not told."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final

from assistant.conversation import Person
from assistant.errors import NotAllowedError

acting_person: Final[ContextVar[Person | None]] = ContextVar("acting_person", default=None)


def require_person() -> Person:
    """Return who acts.

    Raises:
        NotAllowedError: nobody is signed in here.
    """
    person = acting_person.get()
    if person is None:
        raise NotAllowedError("Nobody is signed in here. Sign in and try again.")
    return person
