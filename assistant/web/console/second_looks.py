"""Second looks: what waits to be read again, what somebody says of it, and what an approver says where two differ."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from assistant.compliance.standing import Disposition
from assistant.compliance.texts import REASON_CHARS
from assistant.conversation import short_reference
from assistant.errors import BadInputError
from assistant.rights import Right, has_right
from assistant.web.console import filters
from assistant.web.console.hits import PATH as HITS
from assistant.web.console.hits import QUEUE, SHOW
from assistant.web.console.moves import WORDS
from assistant.web.console.routes import ConsoleRoute
from assistant.web.console.shell import Shell
from assistant.web.console_parts import ConsoleParts
from assistant.web.forms import read_form
from assistant.web.refusals import acting

PATH: Final = "/console/second-looks"
_ONE: Final = "/console/second-look/{decision_id:uuid}"


class SecondLookPages:
    """Show what is to be read again, take what people say."""

    def __init__(self, parts: ConsoleParts, shell: Shell) -> None:
        self._parts = parts
        self._shell = shell

    def routes(self) -> list[ConsoleRoute]:
        """Return the addresses."""
        return [
            ConsoleRoute(PATH, Right.READ_DESK, self._show),
            ConsoleRoute(_ONE, Right.WORK_AT_DESK, self._judge, methods=("POST",)),
            ConsoleRoute(f"{_ONE}/settle", Right.SETTLE_LOOKS, self._settle, methods=("POST",)),
        ]

    async def _show(self, request: Request) -> Response:
        person, desk = acting(request), self._parts.desk
        after, differing = filters.asked(request, "after"), filters.asked(request, "differing")
        page = await desk.looks.page(person, after=after, differing_after=differing)
        noted = await self._shell.note_view(person, "second-looks", shown=len(page.mine) + len(page.differing))
        people = {one for each in (*page.done, *page.differing) for one in (each.first_by, each.second_by)}
        people |= {each.settled_by for each in page.done if each.settled_by}
        may_read_all = has_right(person, Right.READ_HITS)
        return self._shell.render(
            noted,
            "second_looks.html",
            title="Second look",
            path=QUEUE if may_read_all else HITS,
            hits_path=HITS,
            may_read_all=may_read_all,
            tabs=SHOW,
            page=page,
            first=PATH if after else "",
            more=filters.address(PATH, {"differing": differing}, after=page.more) if page.more else "",
            first_differing=PATH if differing else "",
            more_differing=filters.address(PATH, {"after": after}, differing=page.more_differing)
            if page.more_differing
            else "",
            may_work=has_right(person, Right.WORK_AT_DESK),
            may_settle=has_right(person, Right.SETTLE_LOOKS),
            dispositions=list(Disposition),
            names=await desk.people.names(people),
            labels=self._parts.labels(),
            reference=short_reference,
            reason_chars=REASON_CHARS,
            words=WORDS,
        )

    async def _judge(self, request: Request) -> Response:
        said = _disposition(await read_form(request))
        look = await self._parts.desk.looks.judge(acting(request), _decision_of(request), said)
        return RedirectResponse(f"{PATH}#done-{look.decision_id}", 303)

    async def _settle(self, request: Request) -> Response:
        fields = await read_form(request)
        await self._parts.desk.looks.settle(
            acting(request), _decision_of(request), _disposition(fields), fields.get("note", "")
        )
        return RedirectResponse(PATH, 303)


def _disposition(fields: dict[str, str]) -> Disposition:
    try:
        return Disposition(fields.get("disposition", ""))
    except ValueError:
        raise BadInputError("Nothing was chosen. Go back and say what it is.") from None


def _decision_of(request: Request) -> UUID:
    decision_id: UUID = request.path_params["decision_id"]
    return decision_id
