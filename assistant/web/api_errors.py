"""Errors of the gateway in the shape that clients of OpenAI's API read.

Source: https://platform.openai.com/docs/guides/error-codes, and `openai._exceptions` of the official Python client.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from starlette.responses import JSONResponse, Response
from starlette.types import Scope

API_PATH: Final = "/v1"
_TYPES: Final[Mapping[int, str]] = {
    401: "authentication_error",
    403: "permission_error",
    429: "rate_limit_error",
}
_SERVER_FAULT: Final = 500


def is_api(scope: Scope) -> bool:
    """Tell whether a request is for the gateway."""
    path: str = scope["path"]
    return path == API_PATH or path.startswith(f"{API_PATH}/")


def api_error(
    status: int,
    words: str,
    reference: str,
    *,
    code: str = "",
    param: str = "",
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return an error response; our reference stands in the message, and in `x-request-id` like every one."""
    return JSONResponse(error_body(status, words, reference, code=code, param=param), status, headers)


def error_body(status: int, words: str, reference: str, *, code: str = "", param: str = "") -> dict[str, object]:
    """Return an error as its JSON value; of a stream that has begun it is the last event."""
    return {
        "error": {
            "message": words if f"(ref {reference})" in words else f"{words} (ref {reference})",
            "type": _TYPES.get(status, "server_error" if status >= _SERVER_FAULT else "invalid_request_error"),
            "param": param or None,
            "code": code or None,
        }
    }
