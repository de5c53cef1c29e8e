"""What a completion leaves behind: two events, and no text anywhere."""

from __future__ import annotations

import asyncio

from assistant.answering import words
from assistant.answering.answer import Answer
from assistant.answering.prompt import GuardedPrompt
from assistant.answering.record import AuditLog, TurnHistory, TurnRecord
from assistant.audit.events import Cause, ContentEvent, Event, TurnInterrupted
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

    def __init__(
        self, turn: Turn, persona: Persona, *, history: TurnHistory, audit: AuditLog, marker: TextMarker
    ) -> None:
        super().__init__(turn, persona, history=history, audit=_Textless(audit), marker=marker)
        self._accepting: asyncio.Task[None] | None = None
        self._prompt: GuardedPrompt | None = None

    async def accepted(self) -> None:
        """Begin to note that the request came in."""
        self._accepting = asyncio.create_task(super().accepted(), name=f"accept turn {self.turn.reference}")

    async def was_accepted(self) -> bool:
        """Tell whether the log knows the turn, as soon as that is settled."""
        if self._accepting is not None and not self._accepting.done():
            await asyncio.wait((self._accepting,))
        return await super().was_accepted()

    async def noted(self) -> None:
        """Return when the request is in the log; whoever waits may go, the noting goes on.

        Raises:
            AuditUnavailableError: it cannot be noted.
        """
        if self._accepting is not None:
            await asyncio.shield(self._accepting)

    async def guarded(self, prompt: GuardedPrompt) -> str:
        """Keep in mind what the guard said, for the end."""
        self._prompt = prompt
        return ""

    async def routed(self, route: Route, prompt: GuardedPrompt) -> None:
        """Note nothing: the end names host and model."""

    async def interrupted(self, answer: Answer | None, *, cause: Cause, said: str) -> Interrupted:
        """Note that the turn stopped before its end, which every second completion does: somebody typed on."""
        if await self.was_accepted():
            return await super().interrupted(answer, cause=cause, said=said)
        return Interrupted(self.turn.reference, said)

    async def failed(self, answer: Answer | None, error: Exception) -> Failed | Interrupted:
        """Note a failure; what the guard held back before it is told with it."""
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

    def __init__(self, audit: AuditLog) -> None:
        self._audit = audit

    async def append(self, event: Event) -> object:
        return await self._audit.append(event)

    async def append_with(self, event: ContentEvent, text: str) -> object:
        del text
        return await self._audit.append(event)
