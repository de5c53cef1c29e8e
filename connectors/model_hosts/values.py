"""The words of the model hosts: frozen values that the choice, the kinds and the turn share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Final, Literal

ANY_MODEL = "*"  # as the last of a need's models: any other one will do

# In UTF-8. English prose has 4 to 4.5, code about 3, scripts of three bytes a letter take about one token each:
# counting 3 errs on the side that nothing is cut.
_BYTES_PER_TOKEN = 3
_MESSAGE_TOKENS = 8  # what a chat template puts around one message, at most
_LONGEST_TOKEN_CHARS = 16  # few vocabularies hold longer words; keeps the lower bound low for strange texts


class Capability(StrEnum):
    """What a model can be asked for."""

    CHAT = "chat"
    FIM = "fim"  # fill in the middle: code between a prefix and a suffix
    EMBED = "embed"
    VISION = "vision"
    TOOLS = "tools"


class Ability(StrEnum):
    """What a kind of host can do with an answer, whichever model gives it."""

    JSON_OBJECT = "json_object"
    JSON_SCHEMA = "json_schema"
    LOGPROBS = "logprobs"
    TOOL_CHOICE = "tool_choice"  # make a model call a tool, or one of them


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


@dataclass(frozen=True, slots=True)
class Vectors:
    """What an embedding model makes of texts: one vector each, in their order.

    Attributes:
        tokens: of all texts as the host counted them; 0 if it did not.
    """

    rows: tuple[tuple[float, ...], ...]
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Wishes:
    """How a caller wants an answer; what is unset is left to the host. Every kind of host takes the first four.

    Attributes:
        stop: the answer ends before the first of these; guarded by the caller, for they reach the host.
        tools: what the model may wish to call.
        tool_choice: `auto`, `none`, `required`, or `tool:` and the name of the one to call.
        parallel_calls: whether one answer may hold several calls.
        format: `json_object` or `json_schema`.
        schema: of `json_schema`: name, schema and the rest as JSON text.
        has_chances: say how likely each token was.
    """

    top_p: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    frequency_penalty: float | None = None
    tools: tuple[Tool, ...] = ()
    tool_choice: str = ""
    parallel_calls: bool | None = None
    format: Literal["", "json_object", "json_schema"] = ""
    schema: str = ""
    has_chances: bool = False

    @property
    def may_call(self) -> bool:
        """Tell whether the model may wish to call a tool."""
        return bool(self.tools) and self.tool_choice != "none"

    @property
    def may_be_refused(self) -> bool:
        """Tell whether a host may refuse the request because of these; none refuses stops."""
        return replace(self, stop=(), parallel_calls=None) != NO_WISHES

    @property
    def abilities(self) -> frozenset[Ability]:
        """Return what a host must be able to do, so that no wish is dropped in silence."""
        wanted = {
            Ability.LOGPROBS: self.has_chances,
            Ability.TOOL_CHOICE: self.may_call and self.tool_choice not in {"", "auto"},
            Ability.JSON_OBJECT: self.format == Ability.JSON_OBJECT.value,
            Ability.JSON_SCHEMA: self.format == Ability.JSON_SCHEMA.value,
        }
        return frozenset(ability for ability, is_wanted in wanted.items() if is_wanted)

    @property
    def chars(self) -> int:
        """Return the length of all texts that reach the model."""
        tools = sum(len(tool.name) + len(tool.description) + len(tool.parameters) for tool in self.tools)
        return tools + len(self.schema)


NO_WISHES: Final = Wishes()


@dataclass(frozen=True, slots=True)
class Asker:
    """For whom a prompt is answered: what decides who is next where several wait.

    Attributes:
        owner: who shares what is there with the others; opaque, such as a person's id.
        is_interactive: somebody sits before it; goes before what a program asks.
        weight: how many answers this owner gets while another one with weight 1 gets one.
    """

    owner: str = ""
    is_interactive: bool = True
    weight: float = 1.0


NOBODY: Final = Asker()


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the line before the model hosts.

    Attributes:
        before: how many prompts are asked before this one.
        seconds: how long that takes by what was measured; None before anything was.
    """

    before: int
    seconds: int | None = None

    @property
    def words(self) -> str:
        """Say it to who waits."""
        ahead = f"{self.before} before you" if self.before else "You are next"
        return ahead if self.seconds is None else f"{ahead}, about {self.seconds} s"


@dataclass(frozen=True, slots=True)
class Need:
    """What a prompt asks of a deployment.

    Attributes:
        models: names in order of preference; empty means any, and so does a last `*`. A name without a tag
            (`qwen2.5`) fits every tag of it.
        prompt_tokens: of all messages together, counted with `most_tokens`.
        answer_tokens: room to leave for the answer.
        asker: for whom; decides who is next where several wait.
        thread: of which conversation it is the next prompt; opaque, empty if of none.
        only: labels that its host must have, one of each set.
        calls_tools: the model must know how to call tools as well.
        abilities: what its host must be able to do.
        is_suspect: a host went down with it: where it goes no other suspect goes until it begins to be answered.
    """

    models: tuple[str, ...] = ()
    capability: Capability = Capability.CHAT
    calls_tools: bool = False
    abilities: frozenset[Ability] = frozenset()
    prompt_tokens: int = 0
    answer_tokens: int = 1024
    asker: Asker = NOBODY
    thread: str = ""
    only: tuple[frozenset[str], ...] = ()
    is_suspect: bool = False

    @property
    def tokens(self) -> int:
        """Return how many tokens of context the prompt and its answer need, counted generously."""
        return self.prompt_tokens + self.answer_tokens

    @property
    def is_open(self) -> bool:
        """Tell whether a model of any name will do."""
        return not self.models or ANY_MODEL in self.models


def most_tokens(messages: Iterable[ChatMessage]) -> int:
    """Count the tokens of a prompt so that hardly any tokenizer would count more.

    For `Need.prompt_tokens`; it also holds for scripts whose letters are a token each.
    """
    return sum(-(-_bytes_of(message) // _BYTES_PER_TOKEN) + _MESSAGE_TOKENS for message in messages)


def most_tokens_of(text: str) -> int:
    """Count the tokens of a text likewise."""
    return -(-len(text.encode("utf-8", "surrogatepass")) // _BYTES_PER_TOKEN)


def _bytes_of(message: ChatMessage) -> int:
    calls = sum(len(call.name.encode()) + len(call.arguments.encode()) for call in message.calls)
    return len(message.content.encode()) + calls


def least_tokens(messages: Iterable[ChatMessage]) -> int:
    """Count the tokens of a prompt so that no tokenizer would count fewer.

    No tokenizer in use joins two words, so each word is one token at least. A host that reports fewer prompt tokens
    than this has not read the whole prompt.
    """
    return sum(-(-len(word) // _LONGEST_TOKEN_CHARS) for message in messages for word in message.content.split())


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a host is waited for, in seconds.

    Attributes:
        connect: until the connection stands.
        first_token: until its first word, with the model in memory.
        load: the same, with a model that it reads into memory first.
        stall: between two pieces.
    """

    connect: float = 3.0
    first_token: float = 120.0
    load: float = 240.0
    stall: float = 30.0


@dataclass(frozen=True, slots=True)
class Route:
    """The choice that was made.

    Attributes:
        deployment: id of the model on its host, such as `Mini2/llama3.1:70b`.
        context_tokens: the window in force; 0 where it has no meaning (the quote host).
        reason: the choice in words for the page and the console.
        is_seated: who chose it counts it as work in flight for as long as it is asked.
        can_continue: it goes on from an answer that was begun, instead of beginning anew.
        held_tokens: of the prompt, that it read for the same conversation before and need not read again.
        is_suspect: as `Need` has it.
    """

    deployment: str
    host: str
    model: str
    context_tokens: int
    reason: str
    is_seated: bool = False
    can_continue: bool = False
    held_tokens: int = 0
    is_suspect: bool = False


@dataclass(frozen=True, slots=True)
class TokenChance:
    """How likely a token was, as its natural logarithm."""

    token: str
    logprob: float


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of an answer; several tokens of the model that came together are one of these.

    Attributes:
        chances: of the tokens that it is made of, which spell it; empty where nobody asked or the host did not say.
    """

    text: str
    chances: tuple[TokenChance, ...] = ()


@dataclass(frozen=True, slots=True)
class Reasoning:
    """A piece of what a model thinks before, or between, what it says."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCallPiece:
    """A piece of a model's wish to call a tool.

    Attributes:
        number: of the call in this answer, from 0; the pieces of several calls may alternate.
        name: of the tool; comes with the first piece, later ones leave it empty.
        arguments: the next characters of a JSON text.
    """

    number: int
    name: str = ""
    arguments: str = ""


@dataclass(frozen=True, slots=True)
class Loading:
    """The host reads the model into memory first; comes before everything else of an answer.

    Attributes:
        seconds: how long that took the last time; 0 before it was seen.
    """

    host: str
    model: str
    seconds: float = 0.0

    @property
    def words(self) -> str:
        """Say it to who waits."""
        about = f", about {self.seconds:.0f} s" if self.seconds >= 1 else ""
        return f"{self.host} is loading {self.model}{about}"


@dataclass(frozen=True, slots=True)
class Usage:
    """How an answer ended; always the last item of its stream.

    Attributes:
        prompt_tokens, answer_tokens: as the host counted them; 0 when it did not say.
        finish_reason: `stop`, `length` (the answer was cut at its limit) or what the host said.
        is_truncated: the host read less than the whole prompt.
        note: what the person should know about that; empty when nothing is worth saying.
    """

    prompt_tokens: int = 0
    answer_tokens: int = 0
    finish_reason: str = "stop"
    is_truncated: bool = False
    note: str = ""


AnswerItem = Loading | Token | Reasoning | ToolCallPiece | Usage


@dataclass(frozen=True, slots=True)
class ModelReport:
    """What a host says about one of its models.

    Attributes:
        name: as the host knows it.
        context_tokens: the window in force, 0 while the model is not loaded or the host does not say.
        max_context_tokens: the longest window that the model itself allows, 0 if unknown.
        memory_bytes: what it takes; 0 where the host does not say, as for the following.
        processor_bytes: what of that lies in the memory of the processor, and is slow.
        capabilities: empty when the host does not say.
    """

    name: str
    is_loaded: bool = False
    context_tokens: int = 0
    max_context_tokens: int = 0
    capabilities: frozenset[Capability] = frozenset()
    memory_bytes: int = 0
    processor_bytes: int = 0


@dataclass(frozen=True, slots=True)
class HostReport:
    """What one look at a host found.

    Attributes:
        is_reachable: it answered, and it is of the kind it was said to be.
        is_loading: it is up and reads a model into memory; nothing else can be said yet.
        names: of all models that it has, also those that nobody asked about.
        waiting: requests in its own queue; 0 where the host does not say.
        slots: answers it gives at once; 0 where the host does not say, as for the following.
        running: answers in the making, whoever asked.
        cache_share: how full the memory for caches is, from 0 to 1.
        free_bytes: memory that no model takes.
        drawn_watts: what it draws now; only exo says.
        gpu_share: how busy its GPUs are, in the mean, from 0 to 1; likewise.
        version: of its software; empty where it does not say.
        refused: models that must not be used, each with the reason.
        note: why it is not reachable, or what its administrator should change.
    """

    is_reachable: bool
    models: tuple[ModelReport, ...] = ()
    is_loading: bool = False
    names: frozenset[str] = frozenset()
    waiting: int = 0
    slots: int = 0
    running: int = 0
    cache_share: float = 0.0
    free_bytes: int = 0
    drawn_watts: float = 0.0
    gpu_share: float = 0.0
    version: str = ""
    refused: tuple[tuple[str, str], ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """A model on a host as the console and the page show it.

    Attributes:
        context_tokens: the window that prompts are measured against now.
        tokens_per_second: measured on its answers; 0 before the first one.
    """

    name: str
    is_available: bool
    is_loaded: bool
    context_tokens: int
    in_flight: int
    capabilities: frozenset[Capability]
    tokens_per_second: float = 0.0
    note: str = ""


@dataclass(frozen=True, slots=True)
class HostStatus:
    """A model host as the console and the page show it.

    Attributes:
        words: one sentence for people, such as `Mini2 is loading llama3.1:70b`.
        since: when it went up or down.
        origin: where it comes from: `fleet`, `found`, `bundled` or `quote`.
        is_drained: it gets no new work, by order.
    """

    name: str
    kind: str
    address: str
    is_up: bool
    words: str
    since: datetime
    origin: Literal["fleet", "found", "bundled", "quote"]
    models: tuple[ModelStatus, ...] = field(default=())
    is_drained: bool = False
