"""What a turn takes of its person's limits before it begins, and what it used at its end."""

from __future__ import annotations

from typing import Final, Protocol

from assistant.answering.answer import Answer
from assistant.answering.prompt import GuardedPrompt
from assistant.audit.events import TurnRefused
from assistant.audit.log import AuditLog
from assistant.audit.parts import TurnPlace
from assistant.balance import Balance, QuotaError
from assistant.conversation import Turn
from assistant.personas.reader import Persona
from assistant.quotas.limits import Claim
from assistant.turn_events import Failed, Trouble, TurnEvent
from connectors.model_hosts.fim.window import WINDOW_TOKENS, gap_tokens
from connectors.model_hosts.values import ChatMessage, most_tokens, most_tokens_of

_OUR_TROUBLES: Final = frozenset({Trouble.AWAY, Trouble.BUSY, Trouble.OURS})
_CHARS_PER_TOKEN: Final = 4  # of an answer that its host did not count to the end; English prose has 4 to 4.5


class Taken(Protocol):
    """What one turn took."""

    @property
    def balance(self) -> Balance:
        """Return what is left."""

    @property
    def weight(self) -> float:
        """Return how many answers this person gets where hosts are busy, while another one gets one."""

    async def grow(self, tokens: int) -> None:
        """Hold as many tokens as the turn turns out to need.

        Raises:
            QuotaError: there are not as many.
        """

    async def settle(self, tokens: int = 0, *, is_refunded: bool = False) -> None:
        """Give back what was taken and count what was used; never raises."""


class Limits(Protocol):
    """The limits of the site as a turn meets them."""

    async def take(self, claim: Claim) -> Taken:
        """Take what a claim needs, all or nothing.

        Raises:
            QuotaError: a limit is reached.
            UnavailableError: nothing can be counted now.
        """


async def take(turn: Turn, persona: Persona, limits: Limits, audit: AuditLog) -> Taken:
    """Take a request, a place, and as many tokens as the turn may use; settle it however the turn ends.

    Raises:
        QuotaError: a limit is reached; it is noted, and nothing was taken.
        UnavailableError: nothing can be counted now.
    """
    claim = Claim(turn.id, turn.person, turn.door, persona.name, turn.token_id, _most_tokens(turn, persona))
    try:
        return await limits.take(claim)
    except QuotaError as error:
        await note_refusal(turn, persona, error, audit)
        raise


async def note_refusal(turn: Turn, persona: Persona, error: QuotaError, audit: AuditLog) -> None:
    """Note that a limit was reached, once a minute: a script that asks on and on must not fill the log."""
    if error.is_first:
        await audit.append(
            TurnRefused(
                turn=TurnPlace.of(turn),
                door=turn.door,
                persona=persona.name,
                token_id=turn.token_id,
                limit=error.limit,
                counted=error.counted.value,
            )
        )


def is_refunded_for(last: TurnEvent) -> bool:
    """Tell whether what ended a turn was ours, so that nobody pays for it."""
    return isinstance(last, Failed) and last.trouble in _OUR_TROUBLES


def longest_answer(turn: Turn, persona: Persona) -> int:
    """Return how many tokens the answer may have at most: the persona's limit, or what the caller wants of it."""
    most, wanted = persona.max_answer_tokens, turn.max_answer_tokens
    return most if wanted is None else min(most, wanted)


def used_tokens(prompt: GuardedPrompt | None, answer: Answer | None) -> int:
    """Return what a turn used: its host's count, or ours of what was sent and said if it did not come to that.

    Whoever leaves before the end has used what the host did until then.
    """
    if prompt is None or answer is None or answer.route is None:
        return 0
    if answer.usage is not None and answer.usage.prompt_tokens + answer.usage.answer_tokens:
        return answer.usage.prompt_tokens + answer.usage.answer_tokens
    return prompt.tokens + -(-answer.heard_chars // _CHARS_PER_TOKEN)


def _most_tokens(turn: Turn, persona: Persona) -> int:
    """Return how many tokens prompt and answer take at most, as far as that is known before the history is read."""
    if turn.inputs is not None:
        return sum(map(most_tokens_of, turn.inputs.texts))
    if turn.gap is not None:
        return min(gap_tokens(turn.gap), WINDOW_TOKENS) + longest_answer(turn, persona)
    context = [turn.context.system, *(said.text for said in turn.context.earlier)] if turn.context else []
    texts = [persona.system, turn.text, *(file.text for file in turn.attachments), *context]
    messages = [ChatMessage("user", text.encode(errors="replace").decode()) for text in texts]
    return most_tokens(messages) + longest_answer(turn, persona)
