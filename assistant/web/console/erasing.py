"""Erasure and legal holds: asked for by one person, decided by another one; what is held cannot be erased."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from assistant.audit.removal.eraser import Scope
from assistant.errors import BadInputError
from assistant.rights import Right, has_right
from assistant.web.console import filters
from assistant.web.console.routes import ConsoleRoute
from assistant.web.console.shell import Shell
from assistant.web.console_parts import ConsoleParts
from assistant.web.forms import read_form
from assistant.web.refusals import acting

PATH: Final = "/console/erasure"
_SHOW: Final = {"all": "Also what is over"}


class ErasurePages:
    """Show requests and holds, and take steps with them."""

    def __init__(self, parts: ConsoleParts, shell: Shell) -> None:
        self._parts = parts
        self._shell = shell

    def routes(self) -> list[ConsoleRoute]:
        """Return the addresses."""
        return [
            ConsoleRoute(PATH, Right.ASK_ERASURE, self._show),
            ConsoleRoute(PATH, Right.ASK_ERASURE, self._ask, methods=("POST",)),
            ConsoleRoute(f"{PATH}/{{request_id:uuid}}", Right.DECIDE_ERASURE, self._decide, methods=("POST",)),
            ConsoleRoute(f"{PATH}/{{request_id:uuid}}/withdraw", Right.ASK_ERASURE, self._withdraw, methods=("POST",)),
            ConsoleRoute("/console/hold/{hold_id:uuid}", Right.DECIDE_ERASURE, self._release, methods=("POST",)),
        ]

    async def _show(self, request: Request) -> Response:
        person, erasure = acting(request), self._parts.erasure
        fields = {"show": filters.asked_of(request, "show", _SHOW)}
        requests = await erasure.requests(person, with_decided=bool(fields["show"]))
        holds = await erasure.holds(person, with_released=bool(fields["show"]))
        noted = await self._shell.note_view(
            person, "erasure", filters=filters.names(fields), shown=len(requests) + len(holds)
        )
        return self._shell.render(
            noted,
            "erasure.html",
            title="Erasure",
            path=PATH,
            fields=fields,
            requests=requests,
            withdrawn=await erasure.withdrawn_from(person),
            holds=holds,
            may_decide=has_right(person, Right.DECIDE_ERASURE),
        )

    async def _ask(self, request: Request) -> Response:
        fields, person, erasure = await read_form(request), acting(request), self._parts.erasure
        asks = {"erase": erasure.request_erasure, "hold": erasure.place_hold}
        if fields.get("what") not in asks:
            raise BadInputError("The page sent no wish. Go back and choose one of its buttons.")
        scope, subject_id = await self._subject(fields)
        await asks[fields["what"]](person, scope, subject_id, fields.get("reason", ""))
        return RedirectResponse(PATH, 303)

    async def _decide(self, request: Request) -> Response:
        fields, person = await read_form(request), acting(request)
        request_id: UUID = request.path_params["request_id"]
        match fields.get("answer"):
            case "approve":
                await self._parts.erasure.approve(person, request_id)
            case "deny":
                await self._parts.erasure.deny(person, request_id)
            case _:
                raise BadInputError("The page sent no answer. Go back and choose one of the two buttons.")
        return RedirectResponse(PATH, 303)

    async def _withdraw(self, request: Request) -> Response:
        await self._parts.erasure.withdraw(acting(request), request.path_params["request_id"])
        return RedirectResponse(PATH, 303)

    async def _release(self, request: Request) -> Response:
        await self._parts.erasure.release_hold(acting(request), request.path_params["hold_id"])
        return RedirectResponse(PATH, 303)

    async def _subject(self, fields: Mapping[str, str]) -> tuple[Scope, UUID]:
        """Return what a form means: a person by pseudonym, or the conversation of a turn by its reference.

        Raises:
            BadInputError: neither or both are named, or there is no such person or turn.
        """
        person, turn = fields.get("person", "").strip(), fields.get("turn", "").strip()
        if bool(person) == bool(turn):
            raise BadInputError("Name a person by pseudonym, or a turn whose conversation you mean; one of the two.")
        if person:
            people = await self._parts.people.ids_of_pseudonym(person)
            if len(people) != 1:
                raise BadInputError("Nobody has this pseudonym, or several do: use the command with the whole id.")
            return Scope.PERSON, next(iter(people))
        threads = {event.thread_id for event in await self._parts.lists.turn(turn)} - {None}
        thread_id = next(iter(threads), None)
        if thread_id is None:
            raise BadInputError("There is no turn with this reference. Look at it again.")
        return Scope.THREAD, thread_id
