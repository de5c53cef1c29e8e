"""What a model reads: messages, tools, gaps in code, texts to embed; and how many tokens that is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

# In UTF-8. English prose has 4 to 4.5, code about 3, scripts of three bytes a letter take about one token each:
# counting 3 errs on the side that nothing is cut.
BYTES_PER_TOKEN: Final = 3
"""The fewest bytes that a token is counted for."""

LONGEST_TOKEN_CHARS: Final = 16
"""Few vocabularies hold longer words; keeps the lower bound low for strange texts, and what a host may answer high."""

_MESSAGE_TOKENS: Final = 8  # what a chat template puts around one message, at most


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of a tool that a model wished for and a caller carried out.

    Attributes:
        id: ours, never a caller's text.
        arguments: a JSON text.
    """

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message as a model receives it.

    Attributes:
        calls: of an assistant's message.
        call_id: of the call that a tool's message is the result of.
    """

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    calls: tuple[ToolCall, ...] = ()
    call_id: str = ""


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that a model may wish to call.

    Attributes:
        parameters: a JSON schema as text; empty for a tool without any.
    """

    name: str
    description: str = ""
    parameters: str = ""


@dataclass(frozen=True, slots=True)
class CodeFile:
    """Another file that helps to fill a gap; the name may be empty."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Gap:
    """A place in a file that a model is asked to fill.

    Attributes:
        prefix, suffix: what stands before and behind the cursor.
        name: of the file; may be empty.
        files: others that help.
    """

    prefix: str
    suffix: str
    name: str = ""
    files: tuple[CodeFile, ...] = ()

    @property
    def chars(self) -> int:
        """Return the length of all texts together in characters."""
        files = sum(len(file.name) + len(file.text) for file in self.files)
        return len(self.prefix) + len(self.suffix) + len(self.name) + files


@dataclass(frozen=True, slots=True)
class Inputs:
    """Texts of which an embedding model is to make vectors.

    Attributes:
        dimensions: of each vector; None leaves it to the model.
    """

    texts: tuple[str, ...]
    dimensions: int | None = None

    @property
    def chars(self) -> int:
        """Return the length of all texts together in characters."""
        return sum(map(len, self.texts))


def most_tokens(messages: Iterable[ChatMessage]) -> int:
    """Count the tokens of a prompt so that hardly any tokenizer would count more.

    For `Need.prompt_tokens`; it also holds for scripts whose letters are a token each.
    """
    return sum(-(-_bytes_of(message) // BYTES_PER_TOKEN) + _MESSAGE_TOKENS for message in messages)


def most_tokens_of(text: str) -> int:
    """Count the tokens of a text likewise."""
    return -(-len(text.encode("utf-8", "surrogatepass")) // BYTES_PER_TOKEN)


def _bytes_of(message: ChatMessage) -> int:
    calls = sum(len(call.name.encode()) + len(call.arguments.encode()) for call in message.calls)
    return len(message.content.encode()) + calls


def least_tokens(messages: Iterable[ChatMessage]) -> int:
    """Count the tokens of a prompt so that no tokenizer would count fewer.

    No tokenizer in use joins two words, so each word is one token at least. A host that reports fewer prompt tokens
    than this has not read the whole prompt.
    """
    return sum(-(-len(word) // LONGEST_TOKEN_CHARS) for message in messages for word in message.content.split())
