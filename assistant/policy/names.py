"""The model for names as `CLOISTER_NAMES` says: checked at the start, never downloaded."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Protocol

from assistant.errors import SettingsError, UnavailableError
from assistant.settings import Settings
from connectors.errors import HostError
from connectors.model_hosts.values import AnswerItem, Asker, ChatMessage, Need, Route, Token, Usage, most_tokens
from policies.detectors.names import NamesDetector, gliner_names, llm_names, spacy_names

OFF: Final = "none"
_LLM: Final = "llm"
_SPACY_FILES: Final = ("meta.json", "config.cfg")
# GLiNER reads the tokenizer from the folder if it is there, else it would look for it on the internet.
_GLINER_FILES: Final = ("gliner_config.json", "tokenizer_config.json")
_ONNX_FILES: Final = ("model.onnx", "onnx/model.onnx")
_ANSWER_TOKENS: Final = 2048
_ASK_SECONDS: Final = 120.0  # for one piece of a text, the loading of the model included
_ASKER: Final = Asker(owner="names", is_interactive=False)  # files and jobs: no answer waits for it
_READER: Final = ""  # nobody: passages are not asked for
_OFFLINE: Final = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE", "HF_HUB_DISABLE_TELEMETRY")

Ask = Callable[[str], str]


class AskedHosts(Protocol):
    """The door to the model hosts of the company."""

    def seat(self, need: Need) -> AbstractAsyncContextManager[Route]:
        """Wait in line for where to ask, and hold that seat."""

    def ask(
        self, route: Route, messages: Sequence[ChatMessage], *, max_tokens: int, temperature: float, reader: str
    ) -> AsyncGenerator[AnswerItem, None]:
        """Ask."""


def check_names(settings: Settings) -> None:
    """Look whether the model for names can be there, without loading it.

    Raises:
        SettingsError: the setting has another form, a package or a folder is missing; says what to do.
    """
    kind, _, model = settings.names.partition(":")
    if settings.names == OFF:
        return
    checks: dict[str, Callable[[str], None]] = {"spacy": _check_spacy, "gliner": _check_gliner}
    if kind not in {*checks, _LLM} or not model:
        raise _wrong(f"{settings.names!r} is not 'none', 'spacy:…', 'gliner:…' or 'llm:…'. See docs/settings.md.")
    if kind in checks:
        checks[kind](model)


def model_of_fleet(settings: Settings) -> str:
    """Return the name of the language model that is asked for names; empty when it is none of the fleet."""
    kind, _, model = settings.names.partition(":")
    return model if kind == _LLM else ""


def build_names(settings: Settings, ask: Ask | None = None) -> NamesDetector | None:
    """Return the detector for names, not loaded yet; None when it is off.

    Args:
        settings: say which.
        ask: asks the language model; without it, as in a command without model hosts, its texts are refused.

    Raises:
        SettingsError: see `check_names`.
    """
    check_names(settings)
    kind, _, model = settings.names.partition(":")
    if settings.names == OFF:
        return None
    if kind == "spacy":
        return spacy_names(model)
    if kind == "gliner":
        for name in _OFFLINE:  # before Presidio imports GLiNER, which imports what would look for models
            os.environ[name] = "1"
        return gliner_names(model, _onnx_file(Path(model)))
    return llm_names(ask or _ask_nobody)


class Attempt(Protocol):
    """One asking of a prompt, which may be one over which hosts went down."""

    @property
    def is_suspect(self) -> bool:
        """Tell whether a host went down over it a moment ago."""

    async def note(self, deployment: str, error: HostError) -> None:
        """Note that a host failed."""

    async def answered(self) -> None:
        """Note that it was answered."""


class FleetAsk:
    """Ask a model of the fleet from a thread, on the loop where the hosts live.

    Args:
        hosts: the company's, or those of this machine.
        model: its name; no other takes its place.
        begin: begins the asking of a prompt, and raises if it took down too many hosts; counts together with turns.
        loop: where the hosts were started.
        only: says now which labels its host must have, one of each set.
        patience_seconds: until the answer has to be there.
    """

    def __init__(
        self,
        hosts: AskedHosts,
        model: str,
        *,
        begin: Callable[[str], Awaitable[Attempt]],
        loop: asyncio.AbstractEventLoop,
        only: Callable[[], tuple[frozenset[str], ...]],
        patience_seconds: float = _ASK_SECONDS,
    ) -> None:
        self._hosts = hosts
        self._model = model
        self._begin = begin
        self._loop = loop
        self._only = only
        self._patience_seconds = patience_seconds

    def __call__(self, prompt: str) -> str:
        """Return the whole answer.

        Raises:
            UnavailableError: the answer was cut off.
            LethalPromptError: hosts went down over it a moment ago.
            TimeoutError, HostError, NoRouteError: the model did not answer, or may not be sent it.
        """
        asked = asyncio.run_coroutine_threadsafe(self._in_time(self._ask(prompt)), self._loop)
        return asked.result()

    async def _in_time(self, answer: Coroutine[Any, Any, str]) -> str:
        async with asyncio.timeout(self._patience_seconds):
            return await answer

    async def _ask(self, prompt: str) -> str:
        messages = [ChatMessage("user", prompt)]
        attempt = await self._begin(prompt)
        need = Need(
            (self._model,),
            prompt_tokens=most_tokens(messages),
            answer_tokens=_ANSWER_TOKENS,
            asker=_ASKER,
            only=self._only(),
            is_suspect=attempt.is_suspect,
        )
        async with self._hosts.seat(need) as route:
            try:
                answer = await self._ask_on(route, messages)
            except HostError as error:
                await attempt.note(route.deployment, error)
                raise
        await attempt.answered()
        return answer

    async def _ask_on(self, route: Route, messages: Sequence[ChatMessage]) -> str:
        pieces: list[str] = []
        usage = Usage(finish_reason="")
        answer = self._hosts.ask(route, messages, max_tokens=_ANSWER_TOKENS, temperature=0.0, reader=_READER)
        async with aclosing(answer):
            async for item in answer:
                if isinstance(item, Token):
                    pieces.append(item.text)
                elif isinstance(item, Usage):
                    usage = item
        if usage.finish_reason != "stop" or usage.is_truncated:
            raise UnavailableError("The model for names did not read or answer all of it.")
        return "".join(pieces)


def _ask_nobody(prompt: str) -> str:
    del prompt
    raise UnavailableError("No model host can be asked here.")


def _check_spacy(model: str) -> None:
    folder = Path(model)
    if folder.is_dir():
        _need_files(folder, _SPACY_FILES, "a spaCy pipeline")
        return
    try:
        distribution(model)
    except (PackageNotFoundError, ValueError):
        raise _wrong(
            f"{model!r} is neither a folder nor an installed spaCy model. Install its wheel into Cloister's "
            "environment, or give the folder of a pipeline."
        ) from None


def _check_gliner(model: str) -> None:
    folder = Path(model)
    if not folder.is_dir():
        raise _wrong(f"{model!r} is not a folder. Put a GLiNER model in ONNX form there; nothing is downloaded.")
    _need_files(folder, _GLINER_FILES, "a GLiNER model")
    _onnx_file(folder)
    missing = [name for name in ("gliner", "onnxruntime") if find_spec(name) is None]
    if missing:
        raise _wrong(f"{' and '.join(missing)} not installed. Install gliner[onnx] into Cloister's environment.")


def _onnx_file(folder: Path) -> str:
    found = next((name for name in _ONNX_FILES if (folder / name).is_file()), None)
    if found is None:
        raise _wrong(f"{str(folder)!r} holds no {_ONNX_FILES[0]}. Export the model to ONNX.")
    return found


def _need_files(folder: Path, names: Sequence[str], what: str) -> None:
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise _wrong(f"{str(folder)!r} is not {what}: {', '.join(missing)} missing.")


def _wrong(message: str) -> SettingsError:
    return SettingsError(f"CLOISTER_NAMES: {message}")
