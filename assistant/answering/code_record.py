"""What a completion leaves behind: two events, and no text anywhere."""

from __future__ import annotations

from collections.abc import Awaitable
from uuid import UUID

from assistant.answering import words
from assistant.answering.answer import Answer
from assistant.answering.prompt import GuardedPrompt
from assistant.answering.record import TurnRecord
from assistant.answering.turn_history import TurnHistory
from assistant.audit.events import Cause, ContentEvent, Event, TurnInterrupted
from assistant.audit.log import TurnAudit
from assistant.audit.parts import GuardReport, TextMarker
from assistant.conversation import Turn
from assistant.personas.reader import Persona
from assistant.turn_events import Failed, Interrupted
from connectors.errors import HostError
from connectors.model_hosts.values import Route
from policies.verdict import Verdict, joined


class CodeRecord(TurnRecord):
    """The record of a turn that completes code.

    `turn:accepted` becomes durable while the guard reads, and is so before a host is asked. The end is the other event;
    it says what the guard did to what was sent and to what came back, with offsets into the two as one text.
    """

    _is_accepted_alone = True

    def __init__(
        self,
        turn: Turn,
        persona: Persona,
        *,
        history: TurnHistory,
        audit: TurnAudit,
        marker: TextMarker,
        is_kept: bool = False,
    ) -> None:
        super().__init__(turn, persona, history=history, audit=_Textless(audit), marker=marker, is_kept=is_kept)
        self._prompt: GuardedPrompt | None = None

    async def guarded(self, prompt: GuardedPrompt) -> str:
        """Keep in mind what the guard said, for the end."""
        self._prompt = prompt
        return ""

    async def routed(self, route: Route, prompt: GuardedPrompt) -> None:
        """Return when the request is in the log; the end names host and model."""
        del route, prompt
        await self.noted()

    async def failed(self, answer: Answer | None, error: Exception) -> Failed | Interrupted | None:
        """Note a failure; what the guard held back before it is told with it."""
        if not await self.was_accepted():
            return None
        if self._prompt is None or not self._prompt.verdict.held_back or (answer is not None and answer.text):
            return await super().failed(answer, error)
        said = words.failure_words(error, self.turn.reference)
        cause = Cause.HOST_LOST if isinstance(error, HostError) else Cause.FAILED
        await self._end_early(
            TurnInterrupted(turn=self._place, cause=cause, guard=GuardReport.of(self._prompt.verdict)), "", answer
        )
        return Failed(self.turn.reference, said, words.trouble_of(error))

    def _report(self, verdict: Verdict) -> GuardReport:
        if self._prompt is None:
            return super()._report(verdict)
        return GuardReport.of(joined([" " * self._prompt_chars, ""], [self._prompt.verdict, verdict], ""))

    @property
    def _prompt_chars(self) -> int:
        return self.turn.gap.chars if self.turn.gap else 0


class _Textless:
    """The log without texts."""

    def __init__(self, audit: TurnAudit) -> None:
        self._audit = audit

    async def append(self, event: Event) -> object:
        return await self._audit.append(event)

    async def append_with(self, event: ContentEvent, text: str) -> object:
        del text
        return await self._audit.append(event)

    def begin(self, event: Event, *, linger_seconds: float = 0.0) -> Awaitable[object]:
        return self._audit.begin(event, linger_seconds=linger_seconds)

    async def begin_with(self, event: ContentEvent, text: str, *, linger_seconds: float = 0.0) -> Awaitable[object]:
        del text
        return self._audit.begin(event, linger_seconds=linger_seconds)

    def expect(self, thread_id: UUID, person_id: UUID) -> None:
        """Need no key."""
