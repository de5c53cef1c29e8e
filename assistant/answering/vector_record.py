"""What a request for vectors leaves behind: two events, as a completion does, and no text anywhere."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from assistant.answering import words
from assistant.answering.code_record import CodeRecord
from assistant.answering.guarding import ConversationGuard
from assistant.answering.prompt import TextlessPrompt
from assistant.audit.events import TurnAnswered
from assistant.audit.parts import GuardReport
from assistant.conversation import Turn
from assistant.turn_events import Answered
from connectors.model_hosts.values import Inputs, Route, Usage, most_tokens_of
from policies.verdict import Verdict, joined

_EMBEDDED = "embedded"
_BETWEEN = "\n"


@dataclass(frozen=True, slots=True)
class VectorPrompt(TextlessPrompt):
    """Guarded texts of which vectors are to be made.

    Attributes:
        inputs: as they may reach a model.
        verdict: of all texts, with offsets into them as lines of one text.
        only: labels of hosts that they may be sent to, one of each set.
    """

    inputs: Inputs
    verdict: Verdict
    only: tuple[frozenset[str], ...] = ()

    @property
    def tokens(self) -> int:
        """Return how many tokens all texts take at most."""
        return sum(map(most_tokens_of, self.inputs.texts))

    @property
    def sent(self) -> str:
        """Return all texts as one."""
        return "\0".join(self.inputs.texts)

    @property
    def longest_tokens(self) -> int:
        """Return how many tokens the longest text takes at most: a model reads each by itself."""
        return max(map(most_tokens_of, self.inputs.texts))

    @property
    def can_shorten(self) -> bool:
        """Tell that it cannot: the vector of half a text would be another text's."""
        return False

    def shortened(self) -> Self:
        """Return the same."""
        return self


async def build_vector_prompt(turn: Turn, inputs: Inputs, persona: str, guard: ConversationGuard) -> VectorPrompt:
    """Guard each text by itself, as a prompt: the same text has the same vector, whatever it is sent with."""
    verdicts: list[Verdict] = []
    labels: dict[frozenset[str], None] = {}
    for text in inputs.texts:
        apart = guard.open_text(turn.person, persona)
        verdict = await apart.check_prompt(text)
        verdicts.append(verdict)
        labels |= dict.fromkeys(apart.labels_for((verdict,)))
    whole = joined(inputs.texts, verdicts, _BETWEEN)
    if whole.is_blocked:
        return VectorPrompt(Inputs(()), whole)
    guarded = replace(inputs, texts=tuple(verdict.text for verdict in verdicts))
    return VectorPrompt(guarded, whole, tuple(labels))


class VectorRecord(CodeRecord):
    """The record of a request for vectors."""

    async def embedded(self, route: Route, prompt: VectorPrompt, usage: Usage, milliseconds: int) -> Answered:
        """Note that the vectors were made, before anybody is given them."""
        note = words.answered_note(route, milliseconds / 1000, usage, prompt.verdict, self.turn.reference)
        event = TurnAnswered(
            turn=self._place,
            guard=GuardReport.of(prompt.verdict),
            host=route.host,
            model=route.model,
            chars=0,
            text_mark=self._marker.mark(""),
            prompt_tokens=usage.prompt_tokens,
            answer_tokens=0,
            first_token_milliseconds=None,
            total_milliseconds=milliseconds,
            finish_reason=_EMBEDDED,
        )
        async with self._ending():
            await self._audit.append_with(event, "")
        return Answered(self.turn.reference, note, prompt.verdict, usage)
