"""What people write at the desk: titles, notes, reasons. Each passes the guard before it is kept."""

from __future__ import annotations

from typing import Final

from assistant.answering.guarding import ConversationGuard
from assistant.conversation import Person
from assistant.errors import BadInputError
from assistant.history.storable import storable_title

NOTE_CHARS: Final = 4000
REASON_CHARS: Final = 20  # fewer say nothing; as the works council's agreement wants it


class DeskTexts:
    """Judge texts of the desk."""

    def __init__(self, guard: ConversationGuard) -> None:
        self._guard = guard

    async def title(self, person: Person, text: str) -> str:
        """Return a title after the guard, on one line.

        Raises:
            BadInputError: it is empty, too long, or the guard does not let it pass.
        """
        guarded = storable_title(await self.note(person, text))
        if not guarded:
            raise BadInputError("The title is empty. Write at least one word.")
        return guarded

    async def reason(self, person: Person, text: str) -> str:
        """Return a reason after the guard.

        Raises:
            BadInputError: it is shorter than 20 characters, too long, or the guard does not let it pass.
        """
        guarded = await self.note(person, text)
        if min(len(" ".join(text.split())), len(guarded)) < REASON_CHARS:
            raise BadInputError(f"The reason is too short. Say in at least {REASON_CHARS} characters why it is needed.")
        return guarded

    async def note(self, person: Person, text: str) -> str:
        """Return a note after the guard; an empty one stays empty.

        Raises:
            BadInputError: it is too long, or the guard does not let it pass.
        """
        return await self._guard.check_note(text, person, most_chars=NOTE_CHARS)
