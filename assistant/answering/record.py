"""What a turn leaves behind, in the history and in the audit log, in the order that loses nothing.

The history gets guarded text; the log gets marks, counts and names, and apart from them guarded text, sealed. An end is
in the log before the person sees it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import ClassVar

from assistant.answering import words
from assistant.answering.answer import Answer
from assistant.answering.prompt import GuardedPrompt
from assistant.answering.turn_history import TurnHistory, finish_patiently, kept_alive
from assistant.audit.events import (
    AnswerBlocked,
    Cause,
    ContextCompacted,
    HostUnreachable,
    PromptBlocked,
    TurnAccepted,
    TurnAnswered,
    TurnCalled,
    TurnFailed,
    TurnGuarded,
    TurnInterrupted,
    TurnRouted,
    TurnTakenOver,
)
from assistant.audit.log import TurnAudit
from assistant.audit.parts import GuardReport, TextMarker, TurnPlace
from assistant.balance import QuotaError
from assistant.conversation import MessageState, Turn
from assistant.errors import CloisterError, where
from assistant.history.values import Remembered
from assistant.personas.reader import Persona
from assistant.turn_events import Answered, Blocked, Failed, Interrupted
from connectors.errors import BusyError, ConnectorError, HostError
from connectors.model_hosts.values import Route
from policies.explanation import block_reason, summary
from policies.verdict import Direction, Verdict

_log = logging.getLogger(__name__)

_NOTHING: Mapping[str, object] = MappingProxyType({})
_LINGER_SECONDS = 0.05  # what nothing hangs on yet waits so long for the route, for one commit of all
_BLOCKED_TEXT = "(This message was blocked. Its text is not kept here.)"
_BLOCKED_TITLE = "Blocked message"


class TurnRecord:
    """The record of one turn. Its methods are called in the order in which they stand here.

    The request and what the guard said of it are on their way to the log while the turn goes on; they are durable, in
    one commit with the route, before a host is asked, and the request before the history hears of the turn.

    Args:
        turn: what was asked.
        persona: who answers.
        history, audit: where it is written.
        marker: marks texts, so that two can be compared without being kept.
        is_kept: the history keeps something of the turn.
    """

    _is_accepted_alone: ClassVar[bool] = False  # nothing else goes to the log before a host is asked

    def __init__(
        self,
        turn: Turn,
        persona: Persona,
        *,
        history: TurnHistory,
        audit: TurnAudit,
        marker: TextMarker,
        is_kept: bool = True,
    ) -> None:
        self.turn = turn
        self.persona = persona
        self._history = history
        self._audit = audit
        self._marker = marker
        self._place = TurnPlace.of(turn)
        self._is_kept = is_kept
        self._accepting: asyncio.Future[object] | None = None
        self._begun: list[asyncio.Future[object]] = []  # on their way to the log
        self._is_started = False  # the history knows the turn and must hear of its end
        self._is_ending = False  # an end is being written: a Stop that comes now is too late
        self._has_called = False  # the log has the calls, also if the end after them has to be another one

    def accepted(self) -> None:
        """Begin to note that the request came in.

        Raises:
            AuditUnavailableError: the log is closed.
        """
        event = TurnAccepted(
            turn=self._place,
            door=self.turn.door,
            persona=self.persona.name,
            persona_version=self.persona.version,
            chars=self.turn.chars,
            attachments=len(self.turn.attachments),
            token_id=self.turn.token_id,
            command=self.turn.command or None,
        )
        linger_seconds = 0.0 if self._is_kept or self._is_accepted_alone else _LINGER_SECONDS
        self._accepting = self._has_begun(self._audit.begin(event, linger_seconds=linger_seconds))
        if not self._is_kept:
            self._audit.expect(self.turn.thread_id, self.turn.person.id)

    async def was_accepted(self) -> bool:
        """Tell whether the log knows the turn and must hear of its end, as soon as that is settled."""
        if not self._begun:
            return False
        await asyncio.wait(self._begun)
        return any(not one.cancelled() and one.exception() is None for one in self._begun)

    async def noted(self) -> None:
        """Return when the request is in the log; whoever waits may go, the noting goes on.

        Raises:
            AuditUnavailableError: it cannot be noted.
        """
        if self._accepting is not None:
            await asyncio.shield(self._accepting)

    async def settled(self) -> None:
        """Return when all that is on its way to the log is durable; whoever waits may go, the noting goes on.

        Raises:
            AuditUnavailableError: some of it cannot be made durable.
        """
        await asyncio.shield(asyncio.gather(*self._begun))

    async def earlier_messages(self) -> Remembered:
        """Open the thread, which is the check that it is the person's own, and return what was said before."""
        turn = self.turn
        if self._is_kept:
            await self.noted()
        await self._history.open_thread(turn.person, turn.thread_id, self.persona.name, "")
        if self._is_kept:  # not before it is known to be theirs: the key of a new one is made for a person
            self._audit.expect(turn.thread_id, turn.person.id)
        return await self._history.conversation(turn.person, turn.thread_id, excluding_turn=turn.id)

    async def guarded(self, prompt: GuardedPrompt) -> str:
        """Store the guarded message and begin to note what the guard did; return the quiet line for the person."""
        note = summary(prompt.verdict)
        text = prompt.own.content
        detail = words.question_detail(prompt.verdict, self.turn, task=prompt.task)
        title = words.title_of_question(prompt.verdict.text, self.turn.command)
        await self._start(text, note=note, detail=detail, title=title)
        event = TurnGuarded(
            turn=self._place,
            guard=GuardReport.of(prompt.verdict),
            chars=sum(len(message.content) for message in prompt.messages),
            text_mark=self._marker.mark(text),
            messages=len(prompt.messages),
        )
        self._has_begun(await self._audit.begin_with(event, prompt.typed, linger_seconds=_LINGER_SECONDS))
        return note

    async def prompt_blocked(self, prompt: GuardedPrompt) -> Blocked:
        """Note that nothing was sent; of the blocked text the log keeps what is left without the values found in it."""
        verdict = prompt.verdict
        said = block_reason(verdict, direction=Direction.PROMPT, reference=self.turn.reference)
        async with self._ending():
            detail = words.question_detail(verdict, self.turn)
            await self._start(_BLOCKED_TEXT, detail=detail, title=_BLOCKED_TITLE, state=MessageState.BLOCKED)
            await self._audit.append_with(PromptBlocked(turn=self._place, guard=GuardReport.of(verdict)), prompt.typed)
            await self.noted()
            await self._finish(said, MessageState.BLOCKED)
        return Blocked(self.turn.reference, said, verdict)

    async def compacted(self, prompt: GuardedPrompt, *, before_tokens: int) -> None:
        """Note that the oldest messages of the conversation are not sent."""
        await self._audit.append(
            ContextCompacted(
                turn=self._place,
                left_out=prompt.left_out,
                messages=len(prompt.messages),
                prompt_tokens=prompt.tokens,
                before_tokens=before_tokens,
            )
        )
        await self.settled()

    async def routed(self, route: Route, prompt: GuardedPrompt) -> None:
        """Note which deployment was chosen, and why; return when that and all before it is durable.

        Raises:
            AuditUnavailableError: some of it cannot be made durable, so nobody may be asked.
        """
        event = TurnRouted(
            turn=self._place,
            host=route.host,
            model=route.model,
            reason=route.reason,
            context_tokens=route.context_tokens,
            prompt_tokens=prompt.tokens,
            messages=len(prompt.messages),
            left_out=prompt.left_out,
        )
        self._has_begun(self._audit.begin(event))
        await self.settled()

    async def host_failed(self, route: Route, error: HostError, *, is_last: bool = False) -> None:
        """Note that a host failed in this turn; `is_last` says that no other is tried, whatever there is."""
        _log.warning("%s failed in turn %s: %s", route.deployment, self.turn.reference, error)
        await self._audit.append(
            HostUnreachable(
                turn=self._place,
                host=route.host,
                model=route.model,
                error=type(error).__name__,
                is_retried=error.can_retry and not is_last,
                went_down=error.has_gone_down,
            )
        )

    async def taken_over(self, after: HostError, answer: Answer, *, is_anew: bool) -> None:
        """Note that another host takes over in mid-answer, and how."""
        route = answer.asked_route
        await self._audit.append(
            TurnTakenOver(
                turn=self._place,
                host=route.host,
                model=route.model,
                after_host=after.host,
                after_model=after.model,
                chars=len(answer.text),
                is_anew=is_anew,
            )
        )

    @asynccontextmanager
    async def alive(self, answer: Answer) -> AsyncIterator[None]:
        """Keep a checkpoint of the answer and a sign of life in the history while it is in the making."""
        if not self._is_kept:
            yield
            return
        async with kept_alive(self._history, self.turn, lambda: answer.text):
            yield

    async def answered(self, answer: Answer) -> Answered:
        """Make the whole answer durable, first as text, then in the log; only then it may be shown as ended."""
        route, usage, verdict = answer.asked_route, answer.usage, answer.verdict
        note = words.answered_note(route, answer.milliseconds / 1000, usage, verdict, self.turn.reference)
        event = TurnAnswered(
            turn=self._place,
            guard=self._report(verdict),
            host=route.host,
            model=route.model,
            chars=len(answer.text),
            text_mark=self._marker.mark(answer.text),
            prompt_tokens=usage.prompt_tokens if usage else 0,
            answer_tokens=usage.answer_tokens if usage else 0,
            first_token_milliseconds=answer.first_token_milliseconds,
            total_milliseconds=answer.milliseconds,
            finish_reason=usage.finish_reason if usage else "unknown",
            is_truncated=usage.is_truncated if usage else False,
        )
        async with self._ending():
            await self._history.save_partial(self.turn, answer.text)
            await self._called(answer)
            await self._audit.append_with(event, answer.text)
            await self._finish(answer.text, MessageState.COMPLETE, note=note, detail=words.guard_detail(verdict))
        return Answered(self.turn.reference, note, verdict, usage)

    async def answer_blocked(self, answer: Answer) -> Blocked:
        """Note that the guard stopped the answer; what had been shown stays."""
        route, verdict = answer.asked_route, answer.verdict
        said = block_reason(verdict, direction=Direction.ANSWER, reference=self.turn.reference)
        event = AnswerBlocked(
            turn=self._place,
            guard=self._report(verdict),
            host=route.host,
            model=route.model,
            chars=len(answer.text),
            total_milliseconds=answer.milliseconds,
        )
        async with self._ending():
            await self._called(answer)
            await self._audit.append_with(event, answer.text)
            await self._finish(answer.text, MessageState.BLOCKED, note=said, detail=words.guard_detail(verdict))
        return Blocked(self.turn.reference, said, verdict)

    async def interrupted(self, answer: Answer | None, *, cause: Cause, said: str) -> Interrupted:
        """Note that the turn stopped before its end, with what had been shown; never raises.

        An end that is already being written stands, and what never came in needs none.
        """
        if self._is_ending or not await self.was_accepted():
            return Interrupted(self.turn.reference, said)
        if answer is not None:
            answer.break_off()
        await self._end_early(
            TurnInterrupted(
                turn=self._place,
                cause=cause,
                chars=len(answer.text) if answer else 0,
                text_mark=self._marker.mark(answer.text) if answer else None,
                guard=self._report(answer.verdict) if answer else None,
                host=answer.route.host if answer and answer.route else None,
                model=answer.route.model if answer and answer.route else None,
                total_milliseconds=answer.milliseconds if answer else None,
            ),
            answer.text if answer else "",
            answer,
            note=said,
        )
        return Interrupted(self.turn.reference, said)

    async def failed(self, answer: Answer | None, error: Exception) -> Failed | Interrupted | None:
        """Note a failure, and return what the person reads: interrupted if some of an answer stands; never raises.

        Of a turn that never came in there is nothing to note, and nothing is returned.
        """
        if not await self.was_accepted():
            return None
        said = words.failure_words(error, self.turn.reference)
        if not isinstance(error, CloisterError | ConnectorError):
            _log.error("turn %s failed: %s", self.turn.reference, where(error))
        if answer is not None:
            answer.break_off()
        if answer is not None and answer.text:
            return await self.interrupted(
                answer, cause=Cause.HOST_LOST if isinstance(error, HostError) else Cause.FAILED, said=said
            )
        event = TurnFailed(
            turn=self._place,
            error=type(error).__name__,
            total_milliseconds=answer.milliseconds if answer else None,
        )
        await self._end_early(event, said, answer)
        retry = error.retry_after_seconds if isinstance(error, QuotaError | BusyError) else 0
        return Failed(self.turn.reference, said, words.trouble_of(error), retry)

    def _has_begun(self, stored: Awaitable[object]) -> asyncio.Future[object]:
        begun = asyncio.ensure_future(stored)
        begun.add_done_callback(lambda one: one.cancelled() or one.exception())  # heard, whoever awaits it
        self._begun.append(begun)
        return begun

    def _report(self, verdict: Verdict) -> GuardReport:
        """Return what the log says of the guard at the end of an answer."""
        return GuardReport.of(verdict)

    async def _start(
        self, text: str, *, detail: Mapping[str, object], title: str, note: str = "", state: MessageState | None = None
    ) -> None:
        await self._history.start_turn(
            self.turn, text, note=note, detail=detail, title=title, state=state or MessageState.COMPLETE
        )
        self._is_started = True

    async def _finish(
        self, text: str, state: MessageState, *, note: str = "", detail: Mapping[str, object] = _NOTHING
    ) -> None:
        """Write the end into the history; the log has it already."""
        await finish_patiently(self._history, self.turn, text, state, note=note, detail=detail)
        self._is_started = False

    @asynccontextmanager
    async def _ending(self) -> AsyncIterator[None]:
        self._is_ending = True
        try:
            yield
        except BaseException:
            self._is_ending = False
            raise

    async def _called(self, answer: Answer | None) -> None:
        """Note which tools the caller was asked to run, as text, too; before the end, with which a call is whole."""
        if answer is None or self._has_called or not (calls := answer.calls):
            return
        text, route = "\n".join(map(str, calls)), answer.asked_route
        event = TurnCalled(
            turn=self._place,
            host=route.host,
            model=route.model,
            calls=len(calls),
            chars=sum(len(call.name) + len(call.arguments) for call in calls),
            text_mark=self._marker.mark(text),
        )
        await self._audit.append_with(event, text)
        self._has_called = True

    async def _end_early(
        self, event: TurnInterrupted | TurnFailed, text: str, answer: Answer | None, *, note: str = ""
    ) -> None:
        """Write an early end; if that fails, the turn stays open and recovery writes it later."""
        try:
            await asyncio.gather(*self._begun, return_exceptions=True)
            await self._called(answer)
            if isinstance(event, TurnInterrupted):
                await self._audit.append_with(event, text)
            else:
                await self._audit.append(event)
            if self._is_started:
                await self._finish(text, MessageState.INTERRUPTED, note=note)
        except Exception as error:  # noqa: BLE001 - the turn is over; recovery closes what stays open
            _log.error("the end of turn %s is left to recovery: %s", self.turn.reference, where(error))
