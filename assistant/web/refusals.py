"""Handlers of our own routes: whoever asks is signed in, and a refusal of ours is answered in its words."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from assistant.conversation import Person
from assistant.errors import CloisterError
from assistant.web.hardening import error_response, http_status

_log = logging.getLogger(__name__)

Handler = Callable[[Request], Awaitable[Response]]


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
