"""From a name to the pseudonym that is searched for: with a reason, and noted before it is answered."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from assistant.rights import Right
from assistant.web.console.filters import address, value_of
from assistant.web.console.routes import ConsoleRoute
from assistant.web.console.words import pseudonym
from assistant.web.console_parts import ConsoleParts
from assistant.web.forms import read_form
from assistant.web.refusals import acting

PATH: Final = "/console/people"
_SEARCH: Final = "/console/search"


class LookUpPages:
    """Take a name, and lead to the search for its pseudonym."""

    def __init__(self, parts: ConsoleParts) -> None:
        self._parts = parts

    def routes(self) -> list[ConsoleRoute]:
        """Return the addresses."""
        return [ConsoleRoute(PATH, Right.WORK_AT_DESK, self._look_up, methods=("POST",))]

    async def _look_up(self, request: Request) -> Response:
        fields = await read_form(request)
        look_up = self._parts.desk.look_up.look_up
        found = await look_up(acting(request), value_of(fields.get("name", "")), fields.get("reason", ""))
        return RedirectResponse(address(_SEARCH, {"person": pseudonym(found)}), 303)
