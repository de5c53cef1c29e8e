"""A request for vectors of texts: what each field of OpenAI's API means here; `docs/editors.md` has the table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import Field

from assistant.web.gateway.refusals import UnreadableError
from assistant.web.gateway.request_fields import Strict, read_as, taken_fields
from connectors.model_hosts.values import Inputs

PASSED_ON: Final = frozenset({"dimensions"})
HONOURED: Final = frozenset({"model", "input", "encoding_format", "user"})
_MOST_TEXTS: Final = 2048  # as many as OpenAI takes
_MOST_DIMENSIONS: Final = 16_384  # four times what models have
_TOKENS = (
    "input is a text or a list of texts: token numbers are of one tokenizer, and the guard reads texts. "
    "LangChain sends texts with check_embedding_ctx_length=False."
)


class EmbeddingRequest(Strict):
    """A request for vectors.

    Attributes:
        user: what OpenAI asks for about the person; the token says who it is, so it goes nowhere.
    """

    model: str = Field(min_length=1, max_length=200)
    input: str | list[str]
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = Field(default=None, ge=1, le=_MOST_DIMENSIONS)
    user: str = Field(default="", max_length=1000)

    @property
    def inputs(self) -> Inputs:
        """Return what is asked for."""
        texts = (self.input,) if isinstance(self.input, str) else tuple(self.input)
        return Inputs(texts, self.dimensions)


def parse_embedding_request(body: Mapping[str, Any]) -> EmbeddingRequest:
    """Read a request.

    Raises:
        UnreadableError: a field does not fit or is not taken here; names it.
    """
    fields = taken_fields(body, PASSED_ON | HONOURED, {})
    given = fields.get("input")
    if isinstance(given, list):
        if not all(isinstance(each, str) for each in given):
            raise UnreadableError(_TOKENS, param="input")
        if len(given) > _MOST_TEXTS:
            raise UnreadableError(f"input has at most {_MOST_TEXTS:,} texts.", param="input")
    elif given is not None and not isinstance(given, str):
        raise UnreadableError(_TOKENS, param="input")
    request = read_as(EmbeddingRequest, fields)
    if not request.inputs.texts or not all(text.strip() for text in request.inputs.texts):
        raise UnreadableError("input is empty, or one of its texts is. Leave it out.", param="input")
    return request
