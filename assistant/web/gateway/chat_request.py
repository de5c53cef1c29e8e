"""A request for a chat completion: what each field of OpenAI's API means here.

Every field is passed on to the model host, honoured by us, taken because its value changes nothing, or refused by
name; none is dropped in silence. `docs/editors.md` has the table, and a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from assistant.conversation import Author, Context, Said
from assistant.web.gateway.refusals import UnreadableError
from assistant.web.gateway.request_fields import read_as, taken_fields
from connectors.model_hosts.values import Tool, ToolCall, Wishes

MOST_MESSAGES: Final = 2000
_MOST_STOPS: Final = 4  # OpenAI's own limit
_STOP_CHARS: Final = 200
_BETWEEN_TEXTS: Final = "\n"
_BETWEEN_RULES: Final = "\n\n"
_INSTRUCTIONS: Final = frozenset({"system", "developer"})

PASSED_ON: Final = frozenset({"temperature", "top_p", "seed", "stop", "frequency_penalty"})
HONOURED: Final = frozenset(
    {
        *("model", "messages", "stream", "stream_options", "max_tokens", "max_completion_tokens", "n_predict"),
        *("tools", "tool_choice", "parallel_tool_calls", "response_format", "logprobs"),
    },
)
NEUTRAL: Final[Mapping[str, tuple[object, ...]]] = {  # the values that ask for nothing
    "n": (1,),
    "top_logprobs": (0,),
    "store": (False,),
    "presence_penalty": (0, 0.0),  # Ollama takes no other
    "functions": ([],),
}
_ASKS_NOTHING: Final[Mapping[str, object]] = {
    "response_format": {"type": "text"},
    "tools": [],
    "logprobs": False,
}  # of what is honoured
# About the one server that the client believes to speak with, as for `/v1/infill`: its cache, its ways of choosing.
OURS: Final = frozenset({"prompt_cache_key", "cache_prompt", "id_slot", "min_p", "samplers", "response_fields"})
_CACHE_MARK: Final = {"type": "ephemeral"}  # which part of a prompt Anthropic's servers are to keep
MOST_TOOLS: Final = 128  # OpenAI's own limit
_TOOL_NAME: Final = r"^[A-Za-z0-9_-]{1,64}$"


def _text_of(content: object) -> object:
    """Return the text of a message's content: itself, or its text parts, a line each."""
    if not isinstance(content, list):
        return content
    texts = []
    for part in content:
        if not isinstance(part, dict) or part.get("type") != "text" or not isinstance(part.get("text"), str):
            raise PydanticCustomError("text_only", "Only text is taken: a string, or parts of type 'text'")
        kept = {"cache_control"} if part.get("cache_control") == _CACHE_MARK else set()
        if others := part.keys() - {"type", "text"} - kept:
            raise PydanticCustomError("part_field", "A part has the unknown field {name}", {"name": repr(min(others))})
        texts.append(part["text"])
    return _BETWEEN_TEXTS.join(texts)


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class CalledFunction(_Strict):
    """A function that the model wished to call."""

    name: str = Field(pattern=_TOOL_NAME)
    arguments: str


class ClientCall(_Strict):
    """A call that the model wished for, as a client holds it.

    Attributes:
        index: its place in the stream that it was read from, which the official client sends back; the list says it.
    """

    id: str = Field(min_length=1, max_length=200)
    type: Literal["function"] = "function"
    function: CalledFunction
    index: int | None = None


class ClientMessage(_Strict):
    """One message as a client sends it.

    Attributes:
        name: of a tool; says again what its call says.
        reasoning_content: what a model thought before an earlier answer; it goes to no other one, as the templates of
            most models leave it out, too.
        provider_specific_fields: what litellm read beside an earlier answer's text, and sends back; it goes nowhere.
    """

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: Annotated[str, BeforeValidator(_text_of)] = ""
    tool_calls: tuple[ClientCall, ...] = Field(default=(), max_length=MOST_TOOLS, strict=False)
    tool_call_id: str = ""
    name: str = ""
    reasoning_content: str = ""
    provider_specific_fields: dict[str, Any] = {}


class OfferedFunction(_Strict):
    """A function that the model may wish to call."""

    name: str = Field(pattern=_TOOL_NAME)
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None  # hosts keep to the schema as well as they can, and take no order


class OfferedTool(_Strict):
    """A tool; there is one type of them."""

    type: Literal["function"]
    function: OfferedFunction


class ChosenFunction(_Strict):
    """The name of the function that must be called."""

    name: str


class ChosenTool(_Strict):
    """The tool that must be called."""

    type: Literal["function"]
    function: ChosenFunction


class JsonSchema(_Strict):
    """The form of an answer."""

    name: str = Field(pattern=_TOOL_NAME)
    description: str = ""
    form: dict[str, Any] = Field(alias="schema")
    strict: bool | None = None


class ResponseFormat(_Strict):
    """That an answer is JSON, and of which form."""

    type: Literal["json_object", "json_schema"]
    json_schema: JsonSchema | None = None


class StreamOptions(_Strict):
    """What a stream holds beside the answer."""

    include_usage: bool = False


class _Ours(_Strict):
    """What is taken and left to us; typed, so that nothing else hides in it."""

    prompt_cache_key: str = Field(default="", max_length=1000)
    cache_prompt: bool = False
    id_slot: int = 0
    min_p: float = Field(default=0, ge=0, le=1)
    samplers: str | list[str] = []
    response_fields: list[str] = []


class ChatRequest(_Ours):
    """What is answered; whatever is not a field here was taken as neutral, or is refused."""

    model: str = Field(min_length=1, max_length=200)
    messages: tuple[ClientMessage, ...] = Field(min_length=1, max_length=MOST_MESSAGES, strict=False)
    stream: bool = False
    stream_options: StreamOptions | None = None
    max_tokens: int | None = Field(default=None, ge=1, le=1 << 30)
    max_completion_tokens: int | None = Field(default=None, ge=1, le=1 << 30)
    n_predict: int | None = Field(default=None, ge=-1, le=1 << 30)  # llama.cpp's name; -1 leaves it open
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, ge=0, le=1)
    frequency_penalty: float | None = Field(default=None, ge=-2, le=2)
    seed: int | None = Field(default=None, ge=-(1 << 63), lt=1 << 63)
    stop: str | list[str] | None = None
    tools: tuple[OfferedTool, ...] = Field(default=(), max_length=MOST_TOOLS, strict=False)
    tool_choice: Literal["auto", "none", "required"] | ChosenTool | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    logprobs: bool = False

    @property
    def longest_answer(self) -> int | None:
        """Return the most tokens that the client wants; the newer name goes before the older."""
        wanted = (self.max_completion_tokens, self.max_tokens, self.n_predict)
        return next((tokens for tokens in wanted if tokens is not None and tokens > 0), None)

    @property
    def is_warming(self) -> bool:
        """Tell whether nothing is to be said: llama.vim fills a server's cache while somebody types what they want."""
        return self.n_predict == 0

    @property
    def has_usage(self) -> bool:
        """Tell whether a stream ends with the count of tokens."""
        return self.stream_options is not None and self.stream_options.include_usage

    @property
    def stops(self) -> tuple[str, ...]:
        """Return the texts before which the answer ends."""
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())

    @property
    def wishes(self) -> Wishes:
        """Return what the host is told beside the prompt."""
        asked, chosen = self.response_format, self.tool_choice
        schema = asked.json_schema if asked is not None else None
        return Wishes(
            top_p=self.top_p,
            seed=self.seed,
            stop=self.stops,
            frequency_penalty=self.frequency_penalty,
            tools=tuple(_tool(offered.function) for offered in self.tools),
            tool_choice=f"tool:{chosen.function.name}" if isinstance(chosen, ChosenTool) else chosen or "",
            parallel_calls=self.parallel_tool_calls,
            has_chances=self.logprobs,
            format=asked.type if asked is not None else "",
            schema=schema.model_dump_json(by_alias=True, exclude_defaults=True) if schema is not None else "",
        )

    @property
    def text(self) -> str:
        """Return what the person asks now, or what a tool gave."""
        return self.conversation[-1].content

    @property
    def conversation(self) -> list[ClientMessage]:
        """Return the messages that are no instructions."""
        return [message for message in self.messages if message.role not in _INSTRUCTIONS]

    @property
    def context(self) -> Context:
        """Return what came along: every instruction, wherever it stood, and what was said before."""
        rules = [message.content for message in self.messages if message.role in _INSTRUCTIONS]
        *earlier, own = _said(self.conversation)
        return Context(system=_BETWEEN_RULES.join(rules), earlier=tuple(earlier), call_id=own.call_id)


def _tool(function: OfferedFunction) -> Tool:
    parameters = "" if function.parameters is None else orjson.dumps(function.parameters).decode()
    return Tool(function.name, function.description or "", parameters)


def _said(messages: Sequence[ClientMessage]) -> list[Said]:
    """Return a conversation with ids of our own: those of a client are texts that no guard has seen.

    Nine letters and digits: the templates of Mistral's models take no others.

    Raises:
        UnreadableError: a result is of no call before it, or of another tool.
    """
    calls: dict[str, ToolCall] = {}  # a client may use an id again; then the later call is meant
    said: list[Said] = []
    given = 0
    for message in messages:
        own: list[ToolCall] = []
        for call in message.tool_calls:
            given += 1
            calls[call.id] = ToolCall(f"c{given:08d}", call.function.name, call.function.arguments)
            own.append(calls[call.id])
        if message.role == "tool":
            called = calls.get(message.tool_call_id)
            if called is None or message.name not in {"", called.name}:
                raise UnreadableError("The result of a tool belongs to no call before it.", param="messages")
            said.append(Said(Author.USER, message.content, call_id=called.id))
        else:
            said.append(Said(Author(message.role), message.content, tuple(own)))
    return said


def parse_chat_request(body: Mapping[str, Any]) -> ChatRequest:
    """Read a request.

    Raises:
        UnreadableError: a field does not fit or is not taken here; names it.
    """
    asking = {
        name: value for name, value in body.items() if not (name in _ASKS_NOTHING and value == _ASKS_NOTHING[name])
    }
    fields = taken_fields(asking, PASSED_ON | HONOURED | OURS, NEUTRAL)
    if "stream_options" in fields:
        fields["stream_options"] = _without_nothing(fields["stream_options"])
    messages = fields.get("messages")
    if isinstance(messages, list):
        fields["messages"] = [_without_nothing(message) for message in messages]
    request = read_as(ChatRequest, fields)
    if not request.conversation or request.conversation[-1].role not in {"user", "tool"}:
        raise UnreadableError("The last message, instructions aside, must be the user's or a tool's.", param="messages")
    _check_messages(request)
    _check_tools(request)
    if request.stream_options is not None and not request.stream:
        raise UnreadableError("stream_options is for streams: set stream.", param="stream_options")
    if len(request.stops) > _MOST_STOPS or not all(0 < len(stop) <= _STOP_CHARS for stop in request.stops):
        raise UnreadableError(f"stop has at most {_MOST_STOPS} texts of 1 to {_STOP_CHARS} characters.", param="stop")
    return request


def _check_messages(request: ChatRequest) -> None:
    for number, message in enumerate(request.messages):
        place = f"messages[{number}]"
        if message.tool_calls and message.role != "assistant":
            raise UnreadableError(f"{place}.tool_calls: only an assistant calls tools.", param=f"{place}.tool_calls")
        for name in ("tool_call_id", "name"):
            if getattr(message, name) and message.role != "tool":
                raise UnreadableError(f"{place}.{name}: only a tool's message has it.", param=f"{place}.{name}")
        for name in ("reasoning_content", "provider_specific_fields"):
            if getattr(message, name) and message.role != "assistant":
                raise UnreadableError(f"{place}.{name}: only an assistant's message has it.", param=f"{place}.{name}")
        if "content" not in message.model_fields_set and not message.tool_calls:
            raise UnreadableError(f"{place}.content: Field required.", param=f"{place}.content")
    _said(request.conversation)


def _check_tools(request: ChatRequest) -> None:
    names = [offered.function.name for offered in request.tools]
    if len(set(names)) < len(names):
        raise UnreadableError("tools holds two of one name.", param="tools")
    chosen = request.tool_choice
    if isinstance(chosen, ChosenTool) and chosen.function.name not in names:
        raise UnreadableError("tool_choice names a tool that is not offered.", param="tool_choice")
    if not names and chosen == "required":
        raise UnreadableError("tool_choice wants a tool, and none is offered.", param="tool_choice")
    asked = request.response_format
    if asked is not None and (asked.type == "json_schema") is not (asked.json_schema is not None):
        raise UnreadableError(
            "response_format: json_schema needs its schema, and nothing else does.", param="response_format"
        )


def _without_nothing(message: object) -> object:
    """Return a message without the fields that clients send as null, such as `tool_calls` of an earlier answer."""
    if not isinstance(message, dict):
        return message
    is_call = message.get("role") == "assistant" and bool(message.get("tool_calls"))
    return {name: value for name, value in message.items() if value is not None or (name == "content" and not is_call)}
