"""Ask the best deployment for a prompt, and the next best where one fails; give out what the guard lets through.

Where a host breaks off in mid-answer another one goes on from there, or answers anew below what the person has seen.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace

from assistant.answering import words
from assistant.answering.accounting import longest_answer
from assistant.answering.answer import Answer
from assistant.answering.attempts import Attempts
from assistant.answering.code_prompt import CodePrompt
from assistant.answering.parts import ModelHosts, TurnParts
from assistant.answering.prompt import Prompt
from assistant.answering.record import TurnRecord
from assistant.turn_events import Notice, Routed, TurnEvent, Waiting
from connectors.errors import BusyError, HostError, NoRouteError
from connectors.model_hosts.values import (
    AnswerItem,
    Asker,
    Capability,
    ChatMessage,
    Loading,
    Need,
    Place,
    Route,
    Usage,
    least_tokens,
    most_tokens,
)

_LEAST_ANSWER_TOKENS = 512  # room without which an answer is not worth starting


async def stream_answer(
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
