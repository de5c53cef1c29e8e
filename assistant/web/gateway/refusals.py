"""What the gateway refuses, and with which status.

GatewayError
├── UnreadableError     the body is no request of this API; names the field
├── NoSuchModelError    no such persona or model for this token: unknown and forbidden look the same
└── WrongModelError     the persona has this model for something else than what the route does
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from starlette.responses import Response

from assistant.balance import Balance, Counted, QuotaError
from assistant.errors import BadInputError, CloisterError, NotAllowedError, NotFoundError, UnavailableError
from assistant.identity.attempts import TooManyAttemptsError
from assistant.turn_events import Trouble
from assistant.web.api_errors import api_error

WHO_ASKS: Final = "Send an API token of Cloister as `Authorization: Bearer clst_…`. Ask your administrator for one."
HELD_BACK: Final = "content_filter"  # OpenAI's word for what a filter ended
_STATUS: Final = (
    (TooManyAttemptsError, 429, "rate_limit_exceeded"),
    (QuotaError, 429, "rate_limit_exceeded"),
    (NotAllowedError, 403, "not_allowed"),
    (NotFoundError, 404, "not_found"),
    (BadInputError, 400, ""),
    (UnavailableError, 503, "unavailable"),
)
TROUBLES: Final[Mapping[Trouble, tuple[int, str]]] = {
    Trouble.UNFIT: (400, "unsupported_value"),
    Trouble.OVERLONG: (400, "context_length_exceeded"),
    Trouble.AWAY: (503, "unavailable"),
    Trouble.BUSY: (503, "busy"),
    Trouble.OURS: (500, ""),
    Trouble.LIMIT: (429, "rate_limit_exceeded"),
}


class GatewayError(Exception):
    """A request is refused.

    Attributes:
        status: of HTTP.
        code, param: as OpenAI's clients read them; empty when there is nothing to name.
        headers: of the response.
    """

    def __init__(
        self, status: int, words: str, *, code: str = "", param: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(words)
        self.status = status
        self.code = code
        self.param = param
        self.headers = dict(headers or {})

    def response(self, reference: str) -> Response:
        """Return the response that says so."""
        return api_error(
            self.status, str(self), reference, code=self.code, param=self.param, headers=self.headers or None
        )


class UnreadableError(GatewayError):
    """The body is no request that is answered here."""

    def __init__(self, words: str, *, param: str = "", code: str = "") -> None:
        super().__init__(400, words, param=param, code=code)


class NoSuchModelError(GatewayError):
    """There is no such persona or model for who asks."""

    def __init__(self, wanted: str) -> None:
        words = f"There is no model {wanted[:120]!r} that this token may use. GET /v1/models lists those there are."
        super().__init__(404, words, param="model", code="model_not_found")


class WrongModelError(GatewayError):
    """The token may use the model, and not for this."""

    def __init__(self, wanted: str, use: str) -> None:
        words = f"{wanted[:120]!r} is not there for {use}, but for something else. Name another model."
        super().__init__(403, words, param="model", code="not_allowed")


def refusal_of(error: CloisterError) -> GatewayError:
    """Return one of our refusals as this API says it."""
    status, code = next(((status, code) for kind, status, code in _STATUS if isinstance(error, kind)), (500, ""))
    headers = retry_headers(error.retry_after_seconds if isinstance(error, TooManyAttemptsError | QuotaError) else 0)
    if isinstance(error, QuotaError):
        headers |= balance_headers(error.balance)
    param = "messages" if isinstance(error, BadInputError) else ""
    return GatewayError(status, str(error), code=code, param=param, headers=headers)


def retry_headers(seconds: int) -> dict[str, str]:
    """Return the header that says when to ask again; none if nobody knows."""
    return {"retry-after": str(seconds)} if seconds else {}


def balance_headers(balance: Balance) -> dict[str, str]:
    """Return what is left, under the names that OpenAI's clients know; of several limits the one with the least left.

    Source: https://platform.openai.com/docs/guides/rate-limits, "Rate limits in headers".
    """
    headers: dict[str, str] = {}
    for counted in (Counted.REQUESTS, Counted.TOKENS):
        if scarcest := balance.scarcest(counted):
            headers[f"x-ratelimit-limit-{counted}"] = str(scarcest.most)
            headers[f"x-ratelimit-remaining-{counted}"] = str(scarcest.left)
            headers[f"x-ratelimit-reset-{counted}"] = duration(scarcest.resets_seconds)
    return headers


def duration(seconds: float) -> str:
    """Return a time as that API spells it.

    >>> [duration(seconds) for seconds in (0.25, 59, 360, 86399)]
    ['1s', '59s', '6m0s', '23h59m59s']
    """
    minutes, rest = divmod(max(1, math.ceil(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return (f"{hours}h" if hours else "") + (f"{minutes}m" if hours or minutes else "") + f"{rest}s"


def unauthorized(words: str) -> GatewayError:
    """Return the refusal of who did not say, or prove, who they are."""
    return GatewayError(401, words, code="invalid_api_key", headers={"www-authenticate": "Bearer"})
