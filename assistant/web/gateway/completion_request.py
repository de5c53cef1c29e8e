"""A request to complete code, in OpenAI's form, in Mistral's or in llama.cpp's: what each field of it means here.

`docs/editors.md` has their tables, and a test holds them and the code together.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, Final, Protocol

from pydantic import BaseModel, ConfigDict, Field

from assistant.web.gateway.refusals import UnreadableError
from assistant.web.gateway.request_fields import read_as, taken_fields
from connectors.model_hosts.code_models import CODE_FORMATS
from connectors.model_hosts.fim.prompts import read_prompt
from connectors.model_hosts.values import CodeFile, Gap, Wishes

FILLING_TOKENS: Final = 256  # where a client says nothing; OpenAI's own default of 16 ends in mid-line
_MOST_STOPS: Final = 32  # editors send the control tokens of every model that they know
_STOP_CHARS: Final = 200
_MOST_FILES: Final = 64
_TOKENS: Final = frozenset(token for known in CODE_FORMATS for token in known.tokens)

PASSED_ON: Final = frozenset({"temperature", "top_p", "seed", "stop", "frequency_penalty"})
HONOURED: Final = frozenset({"model", "prompt", "suffix", "stream", "stream_options", "max_tokens"})
NEUTRAL: Final[Mapping[str, tuple[object, ...]]] = {  # the values that ask for nothing
    "n": (1,),
    "best_of": (1,),
    "echo": (False,),
    "presence_penalty": (0, 0.0),  # Ollama takes no other
    "logit_bias": ({},),
}

FIM_PASSED_ON: Final = frozenset({"temperature", "top_p", "random_seed", "stop", "frequency_penalty"})
FIM_HONOURED: Final = frozenset({"model", "prompt", "suffix", "stream", "max_tokens"})
FIM_NEUTRAL: Final[Mapping[str, tuple[object, ...]]] = {
    "min_tokens": (0,),  # of hosts only vLLM can
    "presence_penalty": (0, 0.0),
    "metadata": ({},),
}

INFILL_PASSED_ON: Final = frozenset({"temperature", "top_p", "seed", "stop", "frequency_penalty"})
INFILL_HONOURED: Final = frozenset(
    {"model", "input_prefix", "input_suffix", "input_extra", "prompt", "n_predict", "stream"}
)
# About the one server that the client believes to speak with. Which host answers is chosen here, and it knows best.
INFILL_OURS: Final = frozenset(
    {
        "cache_prompt",
        "id_slot",
        "n_cmpl",  # how many fillings at most: one is given
        "n_indent",
        "response_fields",
        "samplers",
        "t_max_predict_ms",
        "t_max_prompt_ms",
        "top_k",
    }
)


class CodeRequest(Protocol):
    """What a request to complete code asks for, in whichever form it came."""

    @property
    def model(self) -> str:
        """Return the id that the client named; empty leaves the choice to us."""

    @property
    def stream(self) -> bool:
        """Tell whether the filling is sent as it is made."""

    @property
    def has_usage(self) -> bool:
        """Tell whether a stream ends with the count of tokens."""

    @property
    def stops(self) -> tuple[str, ...]:
        """Return the texts before which the filling ends."""

    @property
    def temperature(self) -> float | None:
        """Return how freely words are chosen."""

    @property
    def longest(self) -> int:
        """Return the most tokens that the client wants."""

    @property
    def wishes(self) -> Wishes:
        """Return what the host is told beside the gap."""

    @property
    def is_warming(self) -> bool:
        """Tell whether nothing is to be written: the request is to fill a server's cache before the next key."""

    @property
    def gap(self) -> Gap:
        """Return what stands around the cursor."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class StreamOptions(_Strict):
    """What a stream holds beside the filling."""

    include_usage: bool = False


class _Sampled(_Strict):
    """The fields that all forms have."""

    model: str = Field(default="", max_length=200)
    stream: bool = False
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, ge=0, le=1)
    frequency_penalty: float | None = Field(default=None, ge=-2, le=2)
    stop: str | list[str] | None = None

    @property
    def is_warming(self) -> bool:
        """Tell that something is to be written."""
        return False

    @property
    @abstractmethod
    def chosen_seed(self) -> int | None:
        """Return the number that makes the same filling again."""

    @property
    def stops(self) -> tuple[str, ...]:
        """Return the texts before which the filling ends."""
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())

    @property
    def wishes(self) -> Wishes:
        """Return what the host is told beside the gap."""
        return Wishes(
            top_p=self.top_p, seed=self.chosen_seed, stop=self.stops, frequency_penalty=self.frequency_penalty
        )


class _Seeded(_Sampled):
    """Of the forms that call it `seed`."""

    seed: int | None = Field(default=None, ge=-(1 << 63), lt=1 << 63)

    @property
    def chosen_seed(self) -> int | None:
        """Return the number that makes the same filling again."""
        return self.seed


class CompletionRequest(_Seeded):
    """A request in OpenAI's form."""

    prompt: str
    suffix: str = ""
    stream_options: StreamOptions | None = None
    max_tokens: int = Field(default=FILLING_TOKENS, ge=1, le=1 << 30)

    @property
    def has_usage(self) -> bool:
        """Tell whether a stream ends with the count of tokens."""
        return self.stream_options is not None and self.stream_options.include_usage

    @property
    def longest(self) -> int:
        """Return the most tokens that the client wants."""
        return self.max_tokens

    @property
    def gap(self) -> Gap:
        """Return what stands around the cursor, also where the client wrote it into the prompt itself."""
        written = None if self.suffix else read_prompt(self.prompt)
        return written or Gap(self.prompt, self.suffix)


class FimRequest(_Sampled):
    """A request in Mistral's form; its prompt is what precedes the cursor, and never a format that a client wrote.

    Source: https://docs.mistral.ai/api, "Fim Completion".
    """

    prompt: str
    suffix: str = ""
    max_tokens: int = Field(default=FILLING_TOKENS, ge=1, le=1 << 30)
    random_seed: int | None = Field(default=None, ge=0, lt=1 << 63)

    @property
    def has_usage(self) -> bool:
        """Tell that the last event always has the counts."""
        return True

    @property
    def chosen_seed(self) -> int | None:
        """Return the number that makes the same filling again."""
        return self.random_seed

    @property
    def longest(self) -> int:
        """Return the most tokens that the client wants."""
        return self.max_tokens

    @property
    def gap(self) -> Gap:
        """Return what stands around the cursor."""
        return Gap(self.prompt, self.suffix)


class ExtraFile(_Strict):
    """Another file, as llama.cpp's clients send it; when they saw it is of no use here."""

    text: str
    filename: str = Field(default="", max_length=1000)
    time: object = None


class InfillRequest(_Seeded):
    """A request in llama.cpp's form."""

    input_prefix: str = ""
    input_suffix: str = ""
    prompt: str = ""
    input_extra: list[ExtraFile] = Field(default=[], max_length=_MOST_FILES)
    n_predict: int = Field(default=FILLING_TOKENS, ge=-1, le=1 << 30)

    @property
    def has_usage(self) -> bool:
        """Tell that the last event always has the counts."""
        return True

    @property
    def longest(self) -> int:
        """Return the most tokens that the client wants; -1 leaves it open."""
        return self.n_predict if self.n_predict > 0 else FILLING_TOKENS

    @property
    def is_warming(self) -> bool:
        """Tell whether nothing is to be written; llama.vim says so with 0 tokens, llama.vscode once had no gap."""
        return not self.n_predict or not (self.input_prefix + self.prompt + self.input_suffix)

    @property
    def gap(self) -> Gap:
        """Return what stands around the cursor: the `prompt` is the beginning of its line."""
        files = tuple(CodeFile(file.filename, file.text) for file in self.input_extra)
        return Gap(self.input_prefix + self.prompt, self.input_suffix, files=files)


def parse_completion_request(body: Mapping[str, Any]) -> CompletionRequest:
    """Read a request in OpenAI's form.

    Raises:
        UnreadableError: a field does not fit or is not taken here; names it.
    """
    fields = taken_fields(body, PASSED_ON | HONOURED, NEUTRAL)
    prompt = fields.get("prompt")
    if isinstance(prompt, list):
        if len(prompt) != 1 or not isinstance(prompt[0], str):
            raise UnreadableError("prompt is one text: lists of texts or tokens are not taken here.", param="prompt")
        fields["prompt"] = prompt[0]  # LangChain sends a list of one
    if isinstance(options := fields.get("stream_options"), dict):
        fields["stream_options"] = {name: value for name, value in options.items() if value is not None}
    request = read_as(CompletionRequest, fields)
    _check_model(request)
    if request.stream_options is not None and not request.stream:
        raise UnreadableError("stream_options is for streams: set stream.", param="stream_options")
    _check_stops(request.stops)
    return request


def parse_fim_request(body: Mapping[str, Any]) -> FimRequest:
    """Read a request in Mistral's form.

    Raises:
        UnreadableError: a field does not fit or is not taken here; names it.
    """
    request = read_as(FimRequest, taken_fields(body, FIM_PASSED_ON | FIM_HONOURED, FIM_NEUTRAL))
    _check_model(request)
    _check_stops(request.stops)
    return request


def parse_infill_request(body: Mapping[str, Any]) -> InfillRequest:
    """Read a request in llama.cpp's form.

    Raises:
        UnreadableError: a field does not fit or is not taken here; names it.
    """
    fields = taken_fields(body, INFILL_PASSED_ON | INFILL_HONOURED | INFILL_OURS, {})
    request = read_as(InfillRequest, {name: value for name, value in fields.items() if name not in INFILL_OURS})
    _check_stops(request.stops)
    return request


def foreign_stops(asked: CodeRequest) -> tuple[str, ...]:
    """Return the stops that are somebody's own text and no model's published control token."""
    return tuple(stop for stop in asked.stops if stop not in _TOKENS)


def _check_model(request: CodeRequest) -> None:
    if not request.model:
        raise UnreadableError("model: Field required.", param="model")


def _check_stops(stops: tuple[str, ...]) -> None:
    if len(stops) > _MOST_STOPS or not all(0 < len(stop) <= _STOP_CHARS for stop in stops):
        raise UnreadableError(f"stop has at most {_MOST_STOPS} texts of 1 to {_STOP_CHARS} characters.", param="stop")
