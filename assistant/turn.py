"""A turn comes in, a policy looks, a model host answers, a policy looks again, the audit log says what happened.

`run_turn` is that sentence. Every door (page, editor, job) goes through it; nothing else may ask a model.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Protocol, Self

from assistant.answering import words
from assistant.answering.accounting import Limits, is_refunded_for, longest_answer, note_refusal, take, used_tokens
from assistant.answering.answer import Answer
from assistant.answering.attempts import Attempts, LethalPrompts
from assistant.answering.beginnings import Beginnings
from assistant.answering.code_prompt import CodePrompt, build_code_prompt
from assistant.answering.code_record import CodeRecord
from assistant.answering.guarding import ConversationGuard, GuardedConversation
from assistant.answering.prompt import Prompt, build_prompt
from assistant.answering.record import TurnHistory, TurnRecord
from assistant.answering.unkept import UnkeptHistory
from assistant.audit.events import AccessRefused, Cause
from assistant.audit.log import TurnAudit
from assistant.audit.parts import TextMarker
from assistant.balance import QuotaError
from assistant.conversation import Turn
from assistant.errors import BadInputError, NotAllowedError, UnavailableError
from assistant.personas.reader import Persona, Personas
from assistant.to_the_end import to_the_end
from assistant.turn_events import Accepted, Guarded, Notice, Routed, TurnEvent, Waiting
from connectors.errors import BusyError, HostError, NoRouteError
from connectors.model_hosts.values import (
    AnswerItem,
    Asker,
    Capability,
    ChatMessage,
    Gap,
    Inputs,
    Loading,
    Need,
    Place,
    Route,
    Usage,
    Vectors,
    Wishes,
    least_tokens,
    most_tokens,
)

_LEAST_ANSWER_TOKENS = 512  # room without which an answer is not worth starting
_GUARD_ATTEMPTS = 3  # each lost one means that another turn of the same thread was guarded in between


class ModelHosts(Protocol):
    """What a turn needs of the fleet."""

    def choose(self, need: Need, *, excluding: frozenset[str] = frozenset()) -> Route:
        """Choose a deployment for this prompt.

        Raises:
            NoRouteError: none can take it; says which there are and what would help.
        """

    def line_up(self, need: Need, *, excluding: frozenset[str] = frozenset()) -> AsyncGenerator[Place | Route, None]:
        """Wait until a deployment has room; yield the place in line when it changes, at last the route.

        Its seat is held until the generator is closed.

        Raises:
            NoRouteError: none can take it.
            BusyError: all are busy and the line is full, or was waited in for too long.
        """

    def ask(
        self,
        route: Route,
        messages: Sequence[ChatMessage],
        *,
        max_tokens: int,
        temperature: float,
        reader: str,
        wishes: Wishes,
        begun: str,
    ) -> AsyncGenerator[AnswerItem, None]:
        """Stream the answer of one deployment, or what follows on `begun`; closing the generator closes the request.

        Raises:
            HostError: the host failed; says whether another one can help.
        """

    def fill(
        self, route: Route, gap: Gap, *, max_tokens: int, temperature: float, wishes: Wishes
    ) -> AsyncGenerator[AnswerItem, None]:
        """Stream what one deployment writes into a gap, as `ask` streams an answer.

        Raises:
            HostError: the host failed; says whether another one can help.
        """

    async def embed(self, route: Route, inputs: Inputs) -> Vectors:
        """Return what one deployment makes of texts; for `assistant.embedding`.

        Raises:
            HostError: the host failed; says whether another one can help.
        """


@dataclass(frozen=True, slots=True)
class TurnParts:
    """What a turn is made of; `bootstrap` puts it together once a process."""

    personas: Personas
    quotas: Limits
    guard: ConversationGuard
    hosts: ModelHosts
    history: TurnHistory
    audit: TurnAudit
    marker: TextMarker
    max_prompt_chars: int
    clock: Callable[[], float] = time.monotonic
    lethal: LethalPrompts = field(default_factory=LethalPrompts)
    beginnings: Beginnings = field(default_factory=Beginnings)
    is_kept: bool = True  # the history keeps something of its turns

    def unkept(self) -> Self:
        """Return the same parts for one turn of which nothing is kept but its events."""
        history = UnkeptHistory()
        return replace(self, history=history, guard=self.guard.storing_in(history), is_kept=False)


async def run_turn(turn: Turn, parts: TurnParts) -> AsyncGenerator[TurnEvent, None]:
    """Run one turn from the person's text to the end of the answer, and leave a complete record whatever happens.

    1. accept: role, size and limits are checked, and `turn:accepted` is on its way to the log.
    2. guard the prompt: typed text, files, persona and earlier messages; a block ends the turn here.
    3. route and ask: the best deployment for this prompt, once the log has all of this; another takes over when it
       fails.
    4. guard the answer: piece by piece, holding back only what may still become a match.
    5. record: history and audit log are durable before the end of the answer is given out.

    Closing the generator or cancelling its task (Stop) closes the request to the host and records an interruption.

    Raises:
        NotAllowedError: the persona is not open to this person.
        BadInputError: the text is empty or too long.
        QuotaError: a limit of what this person may use is reached.
        UnavailableError: what is used cannot be counted now.
        AuditUnavailableError: the audit log cannot be written; nothing was sent anywhere.
    """
    with await parts.beginnings.next(turn.person.id, is_interactive=turn.is_interactive) as beginning:
        try:
            persona = accept(turn, parts)  # 1
        except NotAllowedError:
            await parts.audit.append(AccessRefused(actor=turn.person.id, wanted="persona", door=turn.door))
            raise
        held = await take(turn, persona, parts.quotas, parts.audit)
        turn = replace(turn, weight=held.weight)
        kind = TurnRecord if turn.gap is None else CodeRecord
        record = kind(
            turn, persona, history=parts.history, audit=parts.audit, marker=parts.marker, is_kept=parts.is_kept
        )
        prompt: Prompt | CodePrompt | None = None
        answer: Answer | None = None
        untold: list[TurnEvent] = [Accepted(turn.reference, held.balance)]  # given out once the log has the request
        is_refunded = False
        try:
            record.accepted()
            prompt, conversation = await _guard_prompt(record, parts)  # 2
            if prompt.verdict.is_blocked:
                last: TurnEvent = await to_the_end(record.prompt_blocked(prompt))
            else:
                await held.grow(prompt.tokens + longest_answer(record.turn, record.persona))
                untold.append(Guarded(prompt.verdict, await record.guarded(prompt)))
                answer = Answer(conversation, parts.clock, prompt.wishes, is_whole=turn.is_whole)
                beginning.end()
                async with record.alive(answer), aclosing(_ask(prompt, answer, record, parts)) as events:  # 3 and 4
                    async for event in events:
                        for known in await _due(untold, record):
                            yield known
                        yield event
                end = record.answer_blocked if answer.is_blocked else record.answered
                last = await to_the_end(end(answer))  # 5
        except (asyncio.CancelledError, GeneratorExit):
            await to_the_end(record.interrupted(answer, cause=Cause.STOPPED, said="Stopped before its end."))
            raise
        except Exception as error:  # whatever fails refuses, is recorded, and reaches the person as words
            failed = await to_the_end(record.failed(answer, error))
            if failed is None:  # the log never had the turn
                is_refunded = True
                raise
            last, is_refunded = failed, is_refunded_for(failed)
            if isinstance(error, QuotaError):
                await note_refusal(turn, persona, error, parts.audit)
        finally:
            await held.settle(0 if is_refunded else used_tokens(prompt, answer), is_refunded=is_refunded)
        for event in (*untold, last):
            yield event


def accept(turn: Turn, parts: TurnParts) -> Persona:
    """Check role and size, and return the persona that answers.

    Raises:
        NotAllowedError: the persona is not open to this person, or does not use the model that was named.
        BadInputError: the text is empty or too long.
    """
    persona = parts.personas.choose(turn.persona, turn.person)
    may_use = persona.uses if turn.gap is None else persona.fills_with
    if turn.model and not may_use(turn.model):
        raise NotAllowedError(f"The persona {persona.name!r} does not use the model {turn.model[:120]!r}.")
    is_result = turn.context is not None and bool(turn.context.call_id)  # of a tool, which may give nothing
    if turn.gap is not None:
        _check_gap(turn.gap, persona)
    elif turn.command and not persona.has_command(turn.command):
        raise BadInputError(
            f"{persona.label} has no command {turn.command[:40]!r}. Reload the page to see those it has."
        )
    elif not turn.text.strip() and not turn.attachments and not turn.command and not is_result:
        raise BadInputError("The message is empty. Write a question, or attach a text file.")
    if turn.chars > parts.max_prompt_chars:
        raise BadInputError(
            f"Nothing was sent. The message has {turn.chars:,} characters with its files and at most "
            f"{parts.max_prompt_chars:,} are accepted. Shorten it, or add the file to the knowledge base."
        )
    return persona


def _check_gap(gap: Gap, persona: Persona) -> None:
    if not persona.fim_model:
        raise BadInputError(f"{persona.label} answers questions and completes no code. Ask a persona with a fim_model.")
    if not gap.prefix.strip() and not gap.suffix.strip():
        raise BadInputError("There is nothing to complete. Send the code before the cursor, behind it, or both.")


async def _due(untold: list[TurnEvent], record: TurnRecord) -> Sequence[TurnEvent]:
    """Return what nobody was told yet, once the log has it."""
    if not untold:
        return ()
    await record.settled()
    due = tuple(untold)
    untold.clear()
    return due


async def _guard_prompt(record: TurnRecord, parts: TurnParts) -> tuple[Prompt | CodePrompt, GuardedConversation]:
    """Guard everything that will reach the model; once more if another turn of the thread issued placeholders.

    Raises:
        NotFoundError: the thread is somebody else's.
        UnavailableError: other turns of the thread were always faster.
    """
    turn = record.turn
    if turn.gap is not None:
        code = parts.guard.open_code(turn.person, record.persona.name)
        return await build_code_prompt(turn.gap, code), code
    earlier = await record.earlier_messages()
    for _ in range(_GUARD_ATTEMPTS):
        conversation = await parts.guard.open(turn.thread_id, turn.person, record.persona.name)
        prompt = await build_prompt(turn, record.persona, earlier.messages, conversation)
        prompt = replace(prompt, left_out=earlier.left_out)
        if prompt.verdict.is_blocked or await parts.guard.save(turn.thread_id, conversation):
            return prompt, conversation
    raise UnavailableError("Several answers run in this conversation at once. Wait for one to end, and send again.")


async def _ask(
    prompt: Prompt | CodePrompt, answer: Answer, record: TurnRecord, parts: TurnParts
) -> AsyncGenerator[TurnEvent, None]:
    """Stream the guarded answer of the best deployment; when one fails, go on with the next best."""
    attempts = await parts.lethal.begin(parts.marker.mark(prompt.sent))
    told = 0  # of messages left out
    while True:
        before_tokens = prompt.tokens
        prompt, need = _fit(prompt, record, parts.hosts, attempts)
        if prompt.left_out > told:
            told = prompt.left_out
            await record.compacted(prompt, before_tokens=before_tokens)
            yield Notice(words.compacted(told))
        try:
            async with aclosing(parts.hosts.line_up(need, excluding=attempts.failed)) as standing:
                async for step in standing:
                    if isinstance(step, Place):
                        yield Waiting(step.words)
                        continue
                    route = replace(step, can_continue=step.can_continue and step.deployment not in attempts.anew)
                    after = attempts.last_error
                    async with aclosing(_answer_on(route, prompt, answer, record, parts, after=after)) as events:
                        async for event in events:
                            yield event
                    await attempts.answered()
                    return
        except HostError as error:
            await attempts.met(answer.asked_route, error, record, is_joining=answer.is_joining)
            if not error.can_retry or answer.is_bound or (answer.has_begun and isinstance(prompt, CodePrompt)):
                raise  # an editor may have inserted what came: nobody can begin anew


async def _answer_on(
    route: Route,
    prompt: Prompt | CodePrompt,
    answer: Answer,
    record: TurnRecord,
    parts: TurnParts,
    *,
    after: HostError | None,
) -> AsyncGenerator[TurnEvent, None]:
    """Stream what the chosen deployment answers; where another one failed in mid-answer (`after`), from there."""
    begun = ""
    answer.drop_asides()
    answer.route = route
    if after is not None and answer.has_begun:
        can_continue = route.can_continue and not prompt.wishes.may_call
        begun = await _begun(prompt, answer, record, parts) if can_continue else ""
        async for event in _take_over(begun, answer, after, record, parts):
            yield event
        if answer.is_blocked:
            return
    await record.routed(route, prompt)
    yield Routed(route)
    async with aclosing(_stream(prompt, answer, record, parts, begun=begun)) as pieces:
        async for piece in pieces:
            yield piece


async def _begun(prompt: Prompt | CodePrompt, answer: Answer, record: TurnRecord, parts: TurnParts) -> str:
    """Return what was said of an answer, for another model to go on from; empty where that cannot be.

    The guard looks at it as at everything that reaches a model, and its placeholders are kept before they are sent.
    """
    begun = await answer.begun()
    await parts.guard.keep(record.turn.thread_id, answer.conversation)
    room = answer.asked_route.context_tokens - prompt.tokens - most_tokens((ChatMessage("assistant", begun),))
    return begun if room >= min(_LEAST_ANSWER_TOKENS, longest_answer(record.turn, record.persona)) else ""


async def _take_over(
    begun: str, answer: Answer, after: HostError, record: TurnRecord, parts: TurnParts
) -> AsyncGenerator[TurnEvent, None]:
    """Say that another host takes over in mid-answer: it goes on from what was said, or answers anew below it."""
    route = answer.asked_route
    does = "goes on from there" if begun else "answers anew"
    said = f"{after.host} stopped in mid-answer; {route.host} {does}."
    await record.taken_over(after, answer, is_anew=not begun)
    yield Notice(said)
    if begun:
        answer.go_on()
        return
    answer.start_over(f"\n\n*{said}*\n\n")
    await parts.guard.keep(record.turn.thread_id, answer.conversation)
    for event in answer.release():
        yield event


async def _stream(
    prompt: Prompt | CodePrompt, answer: Answer, record: TurnRecord, parts: TurnParts, *, begun: str
) -> AsyncGenerator[TurnEvent, None]:
    """Yield what the person may see of one deployment's answer; a block ends it and closes the host's stream."""
    try:
        async with aclosing(_open_stream(prompt, answer.asked_route, record, parts.hosts, begun=begun)) as items:
            async for item in items:
                if isinstance(item, Usage):
                    answer.usage = item
                    continue
                if isinstance(item, Loading):
                    yield Waiting(item.words)
                    continue
                answer.feed(item)
                for event in await _released(answer, record, parts):
                    yield event
                if answer.is_blocked:
                    return
    except HostError:  # what came before is said, whoever goes on from there
        answer.judge()
        for event in await _released(answer, record, parts):
            yield event
        if answer.is_blocked:
            return
        raise
    answer.finish()
    await parts.guard.keep(record.turn.thread_id, answer.conversation)
    for event in answer.release(is_last=True):
        yield event


async def _released(answer: Answer, record: TurnRecord, parts: TurnParts) -> Sequence[TurnEvent]:
    """Return what the person may see now, once its placeholders are kept."""
    if not answer.has_pending:
        return ()
    await parts.guard.keep(record.turn.thread_id, answer.conversation)
    return answer.release()


def _open_stream(
    prompt: Prompt | CodePrompt, route: Route, record: TurnRecord, hosts: ModelHosts, *, begun: str
) -> AsyncGenerator[AnswerItem, None]:
    turn = record.turn
    max_tokens = _room_for_answer(prompt, route, longest_answer(turn, record.persona), begun)
    temperature = record.persona.temperature if turn.temperature is None else turn.temperature
    if isinstance(prompt, CodePrompt):
        return hosts.fill(route, prompt.gap, max_tokens=max_tokens, temperature=temperature, wishes=turn.wishes)
    return hosts.ask(
        route,
        prompt.messages,
        max_tokens=max_tokens,
        temperature=temperature,
        reader=str(turn.person.id),
        wishes=prompt.wishes,
        begun=begun,
    )


def _room_for_answer(prompt: Prompt | CodePrompt, route: Route, longest: int, begun: str) -> int:
    """Return how many tokens the answer, or the rest of one that was begun, may have in this window."""
    said = (ChatMessage("assistant", begun),) if begun else ()
    longest = max(1, longest - least_tokens(said))
    if not route.context_tokens:
        return longest
    return max(1, min(longest, route.context_tokens - prompt.tokens - most_tokens(said)))


def _fit(
    prompt: Prompt | CodePrompt,
    record: TurnRecord,
    hosts: ModelHosts,
    attempts: Attempts,
) -> tuple[Prompt | CodePrompt, Need]:
    """Shorten the prompt, as its kind allows, as long as no model has room for all of it.

    Raises:
        NoRouteError: not even the person's own text has a place.
        HostError: the last host that could take it has failed.
    """
    persona, turn = record.persona, record.turn
    is_code = isinstance(prompt, CodePrompt)
    refusal: NoRouteError | None = None
    while True:
        need = Need(
            models=(turn.model,) if turn.model else persona.fim_models if is_code else persona.chat_models,
            capability=Capability.FIM if is_code else Capability(persona.capability),
            answer_tokens=min(_LEAST_ANSWER_TOKENS, longest_answer(record.turn, record.persona)),
            prompt_tokens=prompt.tokens,
            calls_tools=prompt.wishes.may_call,
            abilities=prompt.wishes.abilities,
            asker=Asker(owner=str(turn.person.id), is_interactive=turn.is_interactive, weight=turn.weight),
            thread=turn.conversation,
            only=prompt.only,
            is_suspect=attempts.is_suspect,
        )
        try:
            hosts.choose(need, excluding=attempts.failed)
        except NoRouteError as error:
            refusal = refusal or error
            if isinstance(error, BusyError) or not prompt.can_shorten:
                # What a host said before it failed tells more than that no other is left.
                raise attempts.last_error or words.with_advice(refusal, turn) from None
            prompt = prompt.shortened()
        else:
            return prompt, need
