"""What a model is told: persona, earlier messages and the person's own text, every one of them guarded."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from assistant.answering.guarding import GuardedConversation
from assistant.conversation import Attachment, Author, Message, Turn
from connectors.model_hosts.values import ChatMessage, most_tokens
from policies.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Prompt:
    """A guarded prompt.

    Attributes:
        system, earlier, own: the messages in the order in which the model reads them.
        verdict: of the person's own text and files; of the first text that was blocked, if one was.
        left_out: how many of the oldest messages were dropped because no model has room for them.
    """

    system: ChatMessage
    earlier: tuple[ChatMessage, ...]
    own: ChatMessage
    verdict: Verdict
    left_out: int = 0

    @property
    def messages(self) -> tuple[ChatMessage, ...]:
        """Return all messages, oldest first."""
        return (self.system, *self.earlier, self.own)

    @property
    def tokens(self) -> int:
        """Return how many tokens the messages take at most."""
        return most_tokens(self.messages)

    def without_oldest(self) -> Prompt:
        """Return the prompt without the oldest exchange: a person's message and what answered it."""
        cut = next(
            (index for index, message in enumerate(self.earlier) if index and message.role == "user"),
            len(self.earlier),
        )
        return replace(self, earlier=self.earlier[cut:], left_out=self.left_out + cut)


async def build_prompt(
    turn: Turn, system: str, earlier: Sequence[Message], conversation: GuardedConversation
) -> Prompt:
    """Guard every text that will reach the model and put them in order.

    The person's own text is judged last, so that its verdict and its placeholders continue those of the conversation;
    if any text is blocked, the prompt's verdict is that block.
    """
    texts = (system, *(message.text for message in earlier))
    verdicts = [await conversation.check_prompt(text) for text in texts]
    own = await conversation.check_prompt(compose_text(turn.text, turn.attachments))
    deciding = next((verdict for verdict in (own, *verdicts) if verdict.is_blocked), own)
    return Prompt(
        system=ChatMessage(role="system", content=verdicts[0].text),
        earlier=tuple(
            ChatMessage(role="assistant" if message.author is Author.ASSISTANT else "user", content=verdict.text)
            for message, verdict in zip(earlier, verdicts[1:], strict=True)
        ),
        own=ChatMessage(role="user", content=own.text),
        verdict=deciding,
    )


def compose_text(text: str, attachments: Sequence[Attachment]) -> str:
    """Return the typed text followed by each file under its name, fenced so that a file cannot end its own block."""
    parts = [text]
    for attachment in attachments:
        fence = "`" * (_longest_run_of_backticks(attachment.text) + 3)
        parts.append(f"File {attachment.name}:\n{fence}\n{attachment.text}\n{fence}")
    return "\n\n".join(part for part in parts if part)


def _longest_run_of_backticks(text: str) -> int:
    return max(map(len, re.findall(r"`+", text)), default=0)
