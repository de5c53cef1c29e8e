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
_NUMBERED = re.compile(r"[0-9]{1,3}[.)] ")
_BLOCK_STARTS = frozenset("#|>-*+")
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

    async def answer(self, messages: Sequence[ChatMessage], *, reader: str) -> AsyncGenerator[Token | Usage, None]:
        """Stream an answer word by word; it says that no model host was found.

        Args:
            messages: the prompt; its last message of a user is the question.
            reader: who asks, for the retriever.
        """
        question = next((message.content for message in reversed(messages) if message.role == "user"), "")
        passages = await self._retriever(question[:MAX_QUESTION_CHARS], reader)
        text = self.compose(passages)
        words = _WORD.findall(text)
        for word in words:
            yield Token(word)
            await asyncio.sleep(0)  # others get their turn; Stop works between any two words
        yield Usage(answer_tokens=len(words))

    def compose(self, passages: Sequence[QuotedPassage]) -> str:
        """Write the whole answer in Markdown."""
        parts = [NO_HOST_NOTE]
        chosen = [passage for passage in passages if _without_headings(passage.text)]
        del chosen[_MAX_PASSAGES:]
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
    text = _unwrapped(_BLANK.sub("\n\n", passage.text.strip()))
    if len(text) > _MAX_PASSAGE_CHARS:
        text = text[:_MAX_PASSAGE_CHARS].rsplit(maxsplit=1)[0] + " …"
    quoted = "\n".join(f"> {line}".rstrip() for line in text.splitlines())
    return f"{quoted}\n>\n> — [{number}]\n"


def _without_headings(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.startswith("#")).strip()


def _unwrapped(text: str) -> str:
    """Join the lines of a paragraph: files break them for an editor, and the page would show each break."""
    lines: list[str] = []
    is_code = is_open = False
    for line in text.splitlines():
        is_fence = line.lstrip().startswith("```")
        begins_block = (
            not line.strip() or is_fence or line.lstrip()[:1] in _BLOCK_STARTS or _NUMBERED.match(line.strip())
        )
        if is_open and not is_code and not begins_block:
            lines[-1] += f" {line.strip()}"
        else:
            lines.append(line)
        is_code ^= is_fence
        is_open = bool(line.strip()) and not is_fence and line.lstrip()[:1] not in {"#", "|"}
    return "\n".join(lines)


def _source_line(passage: QuotedPassage) -> str:
    # A heading names the headings above it, and the first of those is the title.
    both = ", ".join(part for part in (passage.title, passage.heading) if part)
    title = passage.heading if passage.title and passage.heading.startswith(passage.title) else both
    return f"{title} (`{passage.source}`)" if passage.source else title
