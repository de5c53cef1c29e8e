"""Read the body of a request: in time, as JSON without ambiguity, never deeper than anybody needs."""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections import Counter
from typing import Any, Final

from starlette.requests import Request

from assistant.web.gateway.refusals import GatewayError, UnreadableError

BODY_SECONDS: Final = 20.0  # for the whole body: the longest takes one at 100 KB/s
_MOST_DEPTH: Final = 16  # of brackets; a request of this API has 5
_STRING: Final = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)', re.DOTALL)  # matches at every quote, so it is linear
_ALIKE: Final = bytes.maketrans(b"{}", b"[]")  # which closes which is the parser's to say
_NO_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))


async def read_object(request: Request, *, seconds: float = BODY_SECONDS) -> dict[str, Any]:
    """Return the JSON object in a request's body.

    Raises:
        GatewayError: it is of another type, comes too slowly, or is no such object.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" or request.headers.get("content-encoding", "identity") != "identity":
        raise GatewayError(415, "Send the request as plain JSON, with `content-type: application/json`.")
    try:
        async with asyncio.timeout(seconds):
            raw = await request.body()
    except TimeoutError:
        words = f"The request did not arrive within {seconds:.0f} seconds. Send it again."
        raise GatewayError(408, words, headers={"connection": "close"}) from None
    return parse_object(raw)


def parse_object(raw: bytes) -> dict[str, Any]:
    """Parse a JSON object whose meaning no two parsers could disagree on.

    Raises:
        UnreadableError: it is no object, too deep, repeats a key, or holds what is no JSON number.
    """
    try:
        text = raw.decode("utf-8-sig")  # json itself guesses: UTF-16 and bytes of half characters pass with it
    except UnicodeDecodeError:
        raise UnreadableError("The request is not UTF-8.") from None
    if _is_deep(raw):
        raise UnreadableError(f"The request is nested deeper than {_MOST_DEPTH} levels.")
    try:
        value = json.loads(text, object_pairs_hook=_unambiguous, parse_constant=_refuse_constant, parse_float=_finite)
    except ValueError:  # of a number with thousands of digits, too
        raise UnreadableError("The request is not JSON.") from None
    if not isinstance(value, dict):
        raise UnreadableError("The request is not a JSON object.")
    if b"\\ud" in raw or b"\\uD" in raw:
        _refuse_half_characters(value)
    return value


def _is_deep(raw: bytes) -> bool:
    """Tell whether brackets go deeper than anybody needs, before a parser recurses into them.

    Level by level, the innermost pairs first: counted one by one, a megabyte of brackets would keep every other answer
    of the process waiting for half a second.
    """
    brackets = _STRING.sub(b"", raw).translate(_ALIKE, _NO_BRACKETS)
    for _ in range(_MOST_DEPTH):
        if not brackets:
            return False
        brackets = brackets.replace(b"[]", b"")
    return b"[]" in brackets or brackets.count(b"[") > _MOST_DEPTH  # those without a partner are the parser's to refuse


def _refuse_half_characters(value: dict[str, Any]) -> None:
    """Refuse a surrogate without its pair, which JSON can spell and UTF-8 cannot."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise UnreadableError("The request holds half a character: a surrogate without its pair.") from None


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        (twice, _), *_ = Counter(name for name, _ in pairs).most_common(1)
        raise UnreadableError(f"The field {twice[:60]!r} stands twice. Which of the two counts is not guessed.")
    return value


def _refuse_constant(name: str) -> Any:
    raise UnreadableError(f"{name} is no JSON number.")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise UnreadableError("A number is too large.")
    return number
