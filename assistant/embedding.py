"""Texts come in, a policy looks, an embedding model makes vectors of them, the audit log says what happened.

`run_turn` for what wants no words: the same limits, guard, line and record, and nothing of the texts is kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from assistant.answering.accounting import is_refunded_for, take
from assistant.answering.parts import TurnParts
from assistant.answering.vector_record import VectorPrompt, VectorRecord, build_vector_prompt
from assistant.audit.events import AccessRefused, Cause
from assistant.conversation import Turn
from assistant.errors import BadInputError, NotAllowedError
from assistant.personas.reader import Persona
from assistant.to_the_end import to_the_end
from assistant.turn_events import Accepted, Guarded, Routed, TurnEvent, Waiting
from connectors.errors import HostError, NoRouteError
from connectors.model_hosts.values import Asker, Capability, Inputs, Need, Place, Route, Usage, Vectors

_NOTHING = Inputs(())


async def embed_texts(turn: Turn, parts: TurnParts) -> AsyncGenerator[TurnEvent, None]:
    """Make vectors of a caller's texts, and leave a record whatever happens.

    1. accept: role, model, size and limits are checked; `turn:accepted` is durable before a host is asked.
    2. guard each text as a prompt; one that is blocked ends the request.
    3. route and ask: one model, wherever it is served, because vectors of two models do not mix.
    4. record: the end is durable before the vectors are given out.

    Raises:
        NotAllowedError: the persona is not open to this person, or does not use the model that was named.
        BadInputError: there is no text, one is empty, all are too long, or no model was named.
        QuotaError: a limit of what this person may use is reached.
        UnavailableError: what is used cannot be counted now.
        AuditUnavailableError: the audit log cannot be written; nothing was sent anywhere.
    """
    try:
        persona, model = accept_texts(turn, parts)  # 1
    except NotAllowedError:
        await parts.audit.append(AccessRefused(actor=turn.person.id, wanted="persona", door=turn.door))
        raise
    held = await take(turn, persona, parts.quotas, parts.audit)
    turn = replace(turn, weight=held.weight)
    record = VectorRecord(turn, persona, history=parts.history, audit=parts.audit, marker=parts.marker)
    used, is_refunded = 0, False
    try:
        record.accepted()
        prompt = await build_vector_prompt(turn, turn.inputs or _NOTHING, persona.name, parts.guard)  # 2
        await record.noted()
        yield Accepted(turn.reference, held.balance)
        if prompt.verdict.is_blocked:
            last: TurnEvent = await to_the_end(record.prompt_blocked(prompt))
        else:
            yield Guarded(prompt.verdict, await record.guarded(prompt))
            started = parts.clock()
            async with aclosing(_ask(prompt, model, record, parts)) as events:  # 3
                async for event in events:
                    if isinstance(event, Routed):
                        route, used = event.route, prompt.tokens  # whoever leaves now has used it
                    if isinstance(event, Vectors):
                        vectors = event
                    else:
                        yield event
            used = vectors.tokens or prompt.tokens
            milliseconds = round((parts.clock() - started) * 1000)
            done = await to_the_end(record.embedded(route, prompt, Usage(used, 0), milliseconds))  # 4
            last = replace(done, vectors=vectors)
    except (asyncio.CancelledError, GeneratorExit):
        await to_the_end(record.interrupted(None, cause=Cause.STOPPED, said="Stopped before its end."))
        raise
    except Exception as error:  # whatever fails refuses, is recorded, and reaches the person as words
        failed = await to_the_end(record.failed(None, error))
        if failed is None:  # the log never had the turn
            is_refunded = True
            raise
        last, is_refunded = failed, is_refunded_for(failed)
    finally:
        await held.settle(0 if is_refunded else used, is_refunded=is_refunded)
    yield last


def accept_texts(turn: Turn, parts: TurnParts) -> tuple[Persona, str]:
    """Check role, model and size; return the persona and the one model whose vectors are wanted.

    Raises:
        NotAllowedError: the persona is not open to this person, or does not use the model that was named.
        BadInputError: there is no text, one is empty, all are too long, or no model was named.
    """
    persona = parts.personas.choose(turn.persona, turn.person)
    if turn.model and not persona.embeds_with(turn.model):
        raise NotAllowedError(f"The persona {persona.name!r} does not use the model {turn.model[:120]!r}.")
    model = turn.model or persona.embed_model
    if not model:
        raise BadInputError(
            f"{persona.label} has no embed_model, and vectors of two models do not mix. Name one: {persona.name}/MODEL."
        )
    texts = turn.inputs.texts if turn.inputs is not None else ()
    if not texts or not all(text.strip() for text in texts):
        raise BadInputError("There is nothing to embed: a text is empty. Leave it out.")
    if turn.chars > parts.max_prompt_chars:
        raise BadInputError(
            f"Nothing was sent. The texts have {turn.chars:,} characters together and at most "
            f"{parts.max_prompt_chars:,} are accepted. Send fewer at once."
        )
    return persona, model


async def _ask(
    prompt: VectorPrompt, model: str, record: VectorRecord, parts: TurnParts
) -> AsyncGenerator[Waiting | Routed | Vectors, None]:
    """Yield the vectors of the best deployment of the model; where one fails, of the next."""
    turn = record.turn
    need = Need(
        models=(model,),
        capability=Capability.EMBED,
        answer_tokens=0,
        prompt_tokens=prompt.longest_tokens,
        asker=Asker(owner=str(turn.person.id), is_interactive=turn.is_interactive, weight=turn.weight),
        only=prompt.only,
    )
    attempts = await parts.lethal.begin(parts.marker.mark(prompt.sent))
    while True:
        need = replace(need, is_suspect=attempts.is_suspect)
        try:
            parts.hosts.choose(need, excluding=attempts.failed)
        except NoRouteError:
            if attempts.last_error is not None:  # what a host said before it failed tells more than that none is left
                raise attempts.last_error from None
            raise
        route: Route | None = None
        try:
            async with aclosing(parts.hosts.line_up(need, excluding=attempts.failed)) as standing:
                async for step in standing:
                    if isinstance(step, Place):
                        yield Waiting(step.words)
                        continue
                    route = step
                    yield Routed(route)
                    vectors = await parts.hosts.embed(route, prompt.inputs)
                    await attempts.answered()
                    yield vectors
                    return
        except HostError as error:
            if route is None:
                raise
            await attempts.met(route, error, record)
            if not error.can_retry:
                raise
