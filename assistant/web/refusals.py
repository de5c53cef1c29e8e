"""Handlers of our own routes: whoever asks is signed in, and a refusal of ours is answered in its words."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from assistant.conversation import Person
from assistant.errors import CloisterError, NotFoundError
from assistant.web.hardening import error_response, http_status

_log = logging.getLogger(__name__)

Handler = Callable[[Request], Awaitable[Response]]

_NUMBER: Final = re.compile(r"[0-9]{1,9}")


def in_words(handler: Handler) -> Handler:
    """Answer a refusal of ours with its words and the status that fits: a page for a browser, JSON for a script."""

    async def handle(request: Request) -> Response:
        try:
            return await handler(request)
        except CloisterError as error:
            status, reference = http_status(error), request.state.reference
            _log.info("refused %s: %s (ref %s)", status, type(error).__name__, reference)
            return error_response(request.scope, status, str(error), reference)

    return handle


def acting(request: Request) -> Person:
    """Return who is signed in; `SessionGate` put them there."""
    person: Person = request.state.person
    return person


def number_of(request: Request, name: str) -> int:
    """Return a number out of an address; Starlette's own `:int` fails on one of more than 4,300 digits.

    Raises:
        NotFoundError: it is none, or longer than what is counted here.
    """
    given: str = request.path_params[name]
    if not _NUMBER.fullmatch(given):
        raise NotFoundError("There is no such page. Look at the end of its address.")
    return int(given)
