"""Names of people and places, found by a model where the site has one; for files and jobs, never in a stream.

The model is Presidio's: a spaCy pipeline, GLiNER, or a model of the company's fleet asked through `ask`. It is loaded
at the first use, on the caller's thread. When it cannot be loaded or asked, `detect` raises, and the guard refuses.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from threading import Lock
from types import MappingProxyType
from typing import Final, Protocol

from policies.verdict import Finding

RULES: Final[Mapping[str, str]] = MappingProxyType(
    {"personal/name": "name of a person", "personal/place": "name of a place"}
)
"""What the policy can speak about, each with its label in words."""

_RULE_OF: Final = {"PERSON": "personal/name", "LOCATION": "personal/place"}
_OVERLAP_CHARS: Final = 200  # a name that one piece cuts off stands whole in the next


class NamesModel(Protocol):
    """What finds names in a text; its findings have Presidio's entity types."""

    def detect(self, text: str) -> list[Finding]:
        """Return the findings in a piece of a text."""


class NamesDetector:
    """A detector of the guard around a model for names, with its state for the health page.

    Args:
        open_model: loads the model; slow, and called once.
        piece_chars: how long a text the model reads at once.
        is_serial: the model bears one text at a time.
    """

    def __init__(self, open_model: Callable[[], NamesModel], *, piece_chars: int, is_serial: bool = True) -> None:
        self._open_model = open_model
        self._piece_chars = piece_chars
        self._is_serial = is_serial
        self._lock = Lock()
        self._model: NamesModel | None = None
        self.failure = ""

    @property
    def is_loaded(self) -> bool:
        """Tell whether the model was loaded."""
        return self._model is not None

    @property
    def state(self) -> str:
        """Return how the model is: `not loaded`, `ready`, or `failed:` and the class of the error."""
        if self.failure:
            return f"failed: {self.failure}"
        return "ready" if self.is_loaded else "not loaded"

    def load(self) -> None:
        """Load the model. Never raises: a failure stands in `state`, and every text is refused until it loads."""
        try:
            self._loaded()
        except Exception as error:  # noqa: BLE001 - a foreign import may raise anything
            self.failure = type(error).__name__

    def detect(self, text: str) -> list[Finding]:
        """Return the names of people and places in a text.

        Raises:
            Exception: the model cannot be loaded, or did not answer; the text must not pass.
        """
        try:
            model = self._loaded()
            found = {finding for start, piece in self._pieces(text) for finding in self._read(model, piece, start)}
        except Exception as error:
            self.failure = type(error).__name__
            raise
        self.failure = ""
        return sorted(found, key=lambda finding: (finding.start, finding.end))

    def _loaded(self) -> NamesModel:
        with self._lock:
            if self._model is None:
                self._model = self._open_model()
            return self._model

    def _pieces(self, text: str) -> Iterator[tuple[int, str]]:
        start = 0
        while text[start:].strip():
            yield start, text[start : start + self._piece_chars]
            if start + self._piece_chars >= len(text):
                return
            start += self._piece_chars - _OVERLAP_CHARS

    def _read(self, model: NamesModel, piece: str, offset: int) -> Iterator[Finding]:
        if self._is_serial:
            with self._lock:
                found = model.detect(piece)
        else:
            found = model.detect(piece)
        for finding in found:
            if finding.entity_type in _RULE_OF:
                rule = _RULE_OF[finding.entity_type]
                yield replace(finding, start=finding.start + offset, end=finding.end + offset, rule=rule)


def spacy_names(model: str) -> NamesDetector:
    """Return a detector that runs an installed spaCy pipeline, or one in a folder."""
    return NamesDetector(lambda: _framed("open_spacy", model), piece_chars=50_000)


def gliner_names(folder: str, onnx_file: str) -> NamesDetector:
    """Return a detector that runs Presidio's GLiNER recogniser on an ONNX model in a folder."""
    return NamesDetector(lambda: _framed("open_gliner", folder, onnx_file), piece_chars=50_000)


def llm_names(ask: Callable[[str], str]) -> NamesDetector:
    """Return a detector that asks a language model; `ask` gets a prompt and gives the answer, or raises."""
    return NamesDetector(lambda: _framed("open_llm", ask), piece_chars=4_000, is_serial=False)


def _framed(opener: str, *arguments: object) -> NamesModel:
    # Imported here: a process that only scans never loads Presidio and spaCy.
    model: NamesModel = getattr(importlib.import_module("policies.detectors.names_models"), opener)(*arguments)
    return model
