"""A turn comes in, a policy looks, a model host answers, a policy looks again, the audit log says what happened.

`run_turn` is that sentence. Every door (page, editor, job) goes through it; nothing else may ask a model.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace

from assistant.answering.accounting import is_refunded_for, longest_answer, note_refusal, take, used_tokens
from assistant.answering.answer import Answer
from assistant.answering.asking import stream_answer
from assistant.answering.code_prompt import CodePrompt, build_code_prompt
from assistant.answering.code_record import CodeRecord
from assistant.answering.guarding import GuardedConversation
from assistant.answering.parts import TurnParts
from assistant.answering.prompt import Prompt, build_prompt
from assistant.answering.record import TurnRecord
from assistant.audit.events import AccessRefused, Cause
from assistant.balance import QuotaError
from assistant.conversation import Turn
from assistant.errors import BadInputError, NotAllowedError, UnavailableError
from assistant.personas.reader import Persona
from assistant.to_the_end import to_the_end
from assistant.turn_events import Accepted, Guarded, TurnEvent
from connectors.model_hosts.values import Gap

_GUARD_ATTEMPTS = 3  # each lost one means that another turn of the same thread was guarded in between


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
                async with (
                    record.alive(answer),
                    aclosing(stream_answer(prompt, answer, record, parts)) as events,
                ):  # 3 and 4
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
