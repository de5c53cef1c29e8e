"""How an address of the console becomes a route: with a right, asked for before its handler runs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from assistant.audit.events import AccessRefused
from assistant.rights import Right, has_right, refusal
from assistant.web.console_parts import AuditLog
from assistant.web.refusals import Handler, acting, in_words


@dataclass(frozen=True, slots=True)
class ConsoleRoute:
    """An address, and the right that it takes."""

    path: str
    right: Right
    handler: Handler
    methods: tuple[str, ...] = ("GET",)


def build_routes(routes: Iterable[ConsoleRoute], audit: AuditLog) -> list[Route]:
    """Return routes that refuse whoever lacks the right; each is reached with `person` in the request's state."""
    return [
        Route(route.path, in_words(_with_right(route, audit)), methods=list(route.methods), name=route.right.value)
        for route in routes
    ]


def _with_right(route: ConsoleRoute, audit: AuditLog) -> Handler:
    async def handle(request: Request) -> Response:
        person = acting(request)
        if not has_right(person, route.right):
            await audit.append(AccessRefused(actor=person.id, wanted=route.right.value, door="console"))
            raise refusal(route.right)
        return await route.handler(request)

    return handle
