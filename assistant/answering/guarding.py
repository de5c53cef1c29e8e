"""The guard as a conversation uses it: placeholders kept sealed between turns, long texts off the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Protocol
from uuid import UUID

from assistant.conversation import Person
from assistant.errors import BadInputError, UnavailableError
from assistant.history.storable import storable
from assistant.keys import Sealer
from assistant.policy.source import GuardSource
from policies.fillers import Fillers
from policies.guard import Guard
from policies.pseudonyms import Pseudonyms, Restorer
from policies.stream import StreamGuard
from policies.verdict import Direction, Verdict

_SAVE_ATTEMPTS = 5  # each lost one means that another turn of the same thread saved in between
ON_LOOP_CHARS = 4_000  # below this a check costs less than the hop to a thread and stalls nobody


class SavedPseudonyms(Protocol):
    """What the store gives back."""

    @property
    def sealed(self) -> bytes | None:
        """Return the sealed placeholders; none as long as nothing was saved."""

    @property
    def version(self) -> int:
        """Return what to repeat when saving."""


class PseudonymStore(Protocol):
    """Where sealed placeholders of a conversation lie; the history implements it."""

    async def load_pseudonyms(self, person: Person, thread_id: UUID) -> SavedPseudonyms:
        """Return what was saved for the person's own thread."""

    async def save_pseudonyms(self, person: Person, thread_id: UUID, sealed: bytes, version: int) -> bool:
        """Save if nobody did since this version was loaded, and tell whether that was so."""


class ConversationGuard:
    """Open the guard for one conversation at a time. What was opened keeps its policy to its end."""

    def __init__(self, guards: GuardSource, store: PseudonymStore, sealer: Sealer) -> None:
        self._guards = guards
        self._store = store
        self._sealer = sealer

    def storing_in(self, store: PseudonymStore) -> ConversationGuard:
        """Return the same guard with another store."""
        return ConversationGuard(self._guards, store, self._sealer)

    async def open(self, thread_id: UUID, person: Person, persona: str) -> GuardedConversation:
        """Return the guard with the placeholders that this conversation already uses.

        Raises:
            NotFoundError: the thread is somebody else's, or does not exist.
            ValueError, PseudonymsError: the saved placeholders were changed or sealed with another key.
        """
        saved = await self._store.load_pseudonyms(person, thread_id)
        if saved.sealed is None:
            pseudonyms = Pseudonyms()
        else:
            pseudonyms = Pseudonyms.from_bytes(self._sealer.open(saved.sealed, place=_place(thread_id)))
        return GuardedConversation(self._guards.current, pseudonyms, person, persona, version=saved.version)

    def open_code(self, person: Person, persona: str) -> GuardedConversation:
        """Return the guard of code to be completed: what is held back keeps its place, and nothing is ever restored."""
        return GuardedConversation(self._guards.current, Fillers(), person, persona)

    def open_text(self, person: Person, persona: str) -> GuardedConversation:
        """Return the guard of one text by itself: the same text becomes the same one, whatever comes beside it."""
        return GuardedConversation(self._guards.current, Pseudonyms(), person, persona)

    async def save(self, thread_id: UUID, conversation: GuardedConversation) -> bool:
        """Seal and keep the placeholders if there are new ones; tell whether they are safe.

        False means that another turn of the conversation saved first: open again and guard again.
        """
        if conversation.pseudonyms.revision == conversation.saved_revision:
            return True
        revision = conversation.pseudonyms.revision
        sealed = self._sealer.seal(conversation.pseudonyms.to_bytes(), place=_place(thread_id))
        if not await self._store.save_pseudonyms(conversation.person, thread_id, sealed, conversation.version):
            return False
        conversation.version += 1
        conversation.saved_revision = revision
        return True

    async def keep(self, thread_id: UUID, conversation: GuardedConversation) -> None:
        """Save the placeholders of a piece of an answer before anybody sees it.

        Another turn of the conversation may have saved first: its placeholders join these. If both issued the same one,
        this answer cannot go on, because one placeholder never stands for two values.

        Raises:
            UnavailableError: the two collide, or others were always faster.
        """
        for _ in range(_SAVE_ATTEMPTS):
            if await self.save(thread_id, conversation):
                return
            latest = await self.open(thread_id, conversation.person, conversation.persona)
            if not conversation.pseudonyms.adopt(latest.pseudonyms):
                break
            conversation.version = latest.version
        raise UnavailableError("Another answer ran in this conversation at the same time. Ask again.")

    async def check_apart(self, text: str, person: Person) -> Verdict:
        """Judge a title or a comment, which stands beside the conversation and does not use its placeholders."""
        return await GuardedConversation(self._guards.current, Pseudonyms(), person, persona="").check_prompt(text)

    async def pass_apart(self, text: str, person: Person) -> str:
        """Return a title or a comment after the guard; its placeholders are its own and are not restored.

        Raises:
            BadInputError: the guard does not let it pass.
        """
        verdict = await self.check_apart(text, person)
        if verdict.is_blocked:
            raise BadInputError("This text was not kept: the guard does not let it pass. Write it without secrets.")
        return verdict.text

    async def check_note(self, text: str, person: Person, *, most_chars: int) -> str:
        """Return a note or a comment after the guard; an empty one stays empty.

        Raises:
            BadInputError: it is too long, or the guard does not let it pass.
        """
        text = storable(text).strip()
        if len(text) > most_chars:
            raise BadInputError(f"This is too long: {most_chars} characters are the most.")
        return await self.pass_apart(text, person) if text else ""

    async def restore(self, thread_id: UUID, person: Person, texts: Iterable[str]) -> list[str]:
        """Return stored texts as their owner may read them: placeholders replaced by the person's own values."""
        conversation = await self.open(thread_id, person, persona="")
        return [conversation.pseudonyms.restore(text) for text in texts]


class GuardedConversation:
    """The guard, bound to a person, a persona and one conversation's placeholders."""

    def __init__(self, guard: Guard, pseudonyms: Pseudonyms, person: Person, persona: str, *, version: int = 0) -> None:
        self._guard = guard
        self.pseudonyms = pseudonyms
        self.person = person
        self.persona = persona
        self.version = version
        self.saved_revision = pseudonyms.revision
        self._roles = frozenset(role.value for role in person.roles)

    async def check_prompt(self, text: str, direction: Direction = Direction.PROMPT) -> Verdict:
        """Judge a text on its way to a model. Never raises: a failure of the guard is a block."""
        if len(text) <= ON_LOOP_CHARS and not self._guard.asks_detectors(direction):
            await asyncio.sleep(0)  # two thousand short messages in a row take seconds: everybody else gets a turn
            return self._check(text, direction)
        return await asyncio.to_thread(self._check, text, direction)

    def labels_for(self, verdicts: Iterable[Verdict]) -> tuple[frozenset[str], ...]:
        """Return which labels a model host must have for texts with these verdicts: one of each set."""
        found = frozenset(decision.finding.rule for verdict in verdicts for decision in verdict.decisions)
        return self._guard.policy.labels_for(self.persona, self._roles, found)

    async def check_code(self, prefix: str, suffix: str) -> Verdict:
        """Judge the text around a gap, as one text. Never raises: a failure of the guard is a block."""
        if len(prefix) + len(suffix) <= ON_LOOP_CHARS:
            return self._check_code(prefix, suffix)
        return await asyncio.to_thread(self._check_code, prefix, suffix)

    def open_answer(self) -> StreamGuard:
        """Return a guard for one answer that arrives in pieces."""
        return self._guard.open_stream(persona=self.persona, roles=self._roles, pseudonyms=self.pseudonyms)

    def open_aside(self, direction: Direction) -> StreamGuard:
        """Return a guard for what a model says beside an answer."""
        return self._guard.open_stream(
            persona=self.persona, roles=self._roles, pseudonyms=self.pseudonyms, direction=direction
        )

    def open_restorer(self, *, is_json: bool = False) -> Restorer:
        """Return what puts the person's own values back into a guarded answer."""
        return Restorer(self.pseudonyms, is_json=is_json)

    def _check_code(self, prefix: str, suffix: str) -> Verdict:
        return self._guard.check_code(
            prefix, suffix, persona=self.persona, roles=self._roles, pseudonyms=self.pseudonyms
        )

    def _check(self, text: str, direction: Direction) -> Verdict:
        return self._guard.check(
            text,
            direction=direction,
            persona=self.persona,
            roles=self._roles,
            pseudonyms=self.pseudonyms,
        )


def _place(thread_id: UUID) -> str:
    return f"pseudonyms:{thread_id}"
