"""The quote host: answers by quoting the best passages of what was indexed; it generates nothing."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Protocol

from connectors.model_hosts.values import ChatMessage, Token, Usage

HOST = "quote"
MODEL = "quote"
MAX_QUESTION_CHARS = 2000  # more words do not find better passages
_MAX_PASSAGES = 3
_MAX_PASSAGE_CHARS = 900
_WORD = re.compile(r"\S+\s*|\s+")
_BLANK = re.compile(r"\n{3,}")

# Real questions that the shipped documentation answers, shown when nothing fits.
TOPICS = (
    "How do I add a model host?",
    "What does the guard hold back from a prompt?",
    "Who can read the audit log?",
)

NO_HOST_NOTE = (
    "No model host was found, so this is quoted and not written: the passages below are the best that the indexed "
    "documents hold.\n\n"
    "To add one, run a model on this machine, or name your own:\n\n"
    "```\n"
    "ollama serve & ollama pull qwen2.5:7b\n"
    "CLOISTER_GGUF=/path/to/model.gguf make run    # or CLOISTER_FLEET=/path/to/fleet.yaml\n"
    "```\n"
)


@dataclass(frozen=True, slots=True)
class QuotedPassage:
    """A passage with its source, as the reader may see it."""

    title: str
    source: str
    text: str
    heading: str = ""


class Retriever(Protocol):
    """Where passages come from; it returns only what the reader may read."""

    async def __call__(self, question: str, reader: str) -> Sequence[QuotedPassage]:
        """Return the passages that fit a question, best first."""
        ...


class QuoteHost:
    """Answers with passages.

    Args:
        retriever: finds them.
        topics: questions to offer when nothing fits.
    """

    def __init__(self, retriever: Retriever, *, topics: Sequence[str] = TOPICS) -> None:
        self._retriever = retriever
        self._topics = tuple(topics)

    async def answer(
        self, messages: Sequence[ChatMessage], *, reader: str, is_last_resort: bool
    ) -> AsyncGenerator[Token | Usage, None]:
        """Stream an answer word by word.

        Args:
            messages: the prompt; its last message of a user is the question.
            reader: who asks, for the retriever.
            is_last_resort: no model host was found, which the answer then says.
        """
        question = next((message.content for message in reversed(messages) if message.role == "user"), "")
        passages = await self._retriever(question[:MAX_QUESTION_CHARS], reader)
        text = self.compose(passages, is_last_resort=is_last_resort)
        words = _WORD.findall(text)
        for word in words:
            yield Token(word)
            await asyncio.sleep(0)  # others get their turn; Stop works between any two words
        yield Usage(answer_tokens=len(words))

    def compose(self, passages: Sequence[QuotedPassage], *, is_last_resort: bool) -> str:
        """Write the whole answer in Markdown."""
        parts = [NO_HOST_NOTE] if is_last_resort else []
        chosen = [passage for passage in passages if passage.text.strip()][:_MAX_PASSAGES]
        if not chosen:
            return "\n".join([*parts, self._compose_nothing()])
        parts.extend(_compose_passage(number, passage) for number, passage in enumerate(chosen, start=1))
        parts.append("**Sources**\n")
        parts.extend(f"{number}. {_source_line(passage)}" for number, passage in enumerate(chosen, start=1))
        return "\n".join(parts) + "\n"

    def _compose_nothing(self) -> str:
        lines = ["Nothing in the indexed documents fits this question. They do answer these:", ""]
        lines.extend(f"- {topic}" for topic in self._topics)
        return "\n".join(lines) + "\n"


def _compose_passage(number: int, passage: QuotedPassage) -> str:
    text = _BLANK.sub("\n\n", passage.text.strip())
    if len(text) > _MAX_PASSAGE_CHARS:
        text = text[:_MAX_PASSAGE_CHARS].rsplit(maxsplit=1)[0] + " …"
    quoted = "\n".join(f"> {line}".rstrip() for line in text.splitlines())
    return f"{quoted}\n>\n> — [{number}]\n"


def _source_line(passage: QuotedPassage) -> str:
    title = ", ".join(part for part in (passage.title, passage.heading) if part)
    return f"{title} (`{passage.source}`)" if passage.source else title
