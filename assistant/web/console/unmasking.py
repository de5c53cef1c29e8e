"""Unmasking: ask from a case, answer as an approver, look at what was granted, look at emergencies afterwards."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from assistant.compliance.cases import MOST_TURNS as MOST_IN_CASE
from assistant.compliance.grants import GrantState
from assistant.compliance.texts import REASON_CHARS
from assistant.compliance.unmask import Asked
from assistant.conversation import short_reference
from assistant.errors import BadInputError
from assistant.rights import Right, has_right
from assistant.web.console.moves import WORDS, read_ids
from assistant.web.console.routes import ConsoleRoute
from assistant.web.console.shell import Shell
from assistant.web.console.words import pseudonym
from assistant.web.console_parts import ConsoleParts
from assistant.web.forms import read_form, read_lists
from assistant.web.refusals import acting

PATH: Final = "/console/unmask"
_ONE: Final = "/console/unmask/{grant_id:uuid}"


class UnmaskPages:
    """Show requests, take answers, show what was granted."""

    def __init__(self, parts: ConsoleParts, shell: Shell) -> None:
        self._parts = parts
        self._shell = shell

    def routes(self) -> list[ConsoleRoute]:
        """Return the addresses."""
        return [
            ConsoleRoute(PATH, Right.READ_DESK, self._show_list),
            ConsoleRoute("/console/case/{case_id:uuid}/unmask", Right.UNMASK, self._request, methods=("POST",)),
            ConsoleRoute(_ONE, Right.READ_DESK, self._show),
            ConsoleRoute(f"{_ONE}/answer", Right.ANSWER_UNMASK, self._answer, methods=("POST",)),
            ConsoleRoute(f"{_ONE}/delay", Right.ANSWER_UNMASK, self._delay, methods=("POST",)),
            ConsoleRoute(f"{_ONE}/review", Right.ANSWER_UNMASK, self._review, methods=("POST",)),
            # A look is a POST: no link, no prefetch and no reload by accident takes one.
            ConsoleRoute(f"{_ONE}/view", Right.UNMASK, self._view, methods=("POST",)),
        ]

    async def _show_list(self, request: Request) -> Response:
        person, desk = acting(request), self._parts.desk
        grants, emergencies = await desk.unmasking.open_requests(person), await desk.unmasking.emergencies(person)
        noted = await self._shell.note_view(person, "unmask-requests", shown=len(grants))
        names = await desk.people.names({grant.requested_by for grant in (*grants, *emergencies)})
        return self._shell.render(
            noted,
            "unmask_list.html",
            title="Unmask",
            path=PATH,
            grants=grants,
            unreviewed=emergencies,
            names=names,
            reference=short_reference,
            may_answer=has_right(person, Right.ANSWER_UNMASK),
        )

    async def _show(self, request: Request) -> Response:
        person, desk = acting(request), self._parts.desk
        grant, notices = await desk.unmasking.grant(person, request.path_params["grant_id"])
        noted = await self._shell.note_view(person, "unmask-request", shown=len(grant.turns))
        people = {grant.requested_by, grant.answered_by, grant.reviewed_by, *(one.delayed_by for one in notices)}
        return self._shell.render(
            noted,
            "unmask.html",
            title=f"Unmask {short_reference(grant.id)}",
            path=PATH,
            grant=grant,
            notices=notices,
            names=await desk.people.names({one for one in people if one}),
            reference=short_reference,
            is_own=grant.requested_by == person.id,
            may_answer=has_right(person, Right.ANSWER_UNMASK) and grant.requested_by != person.id,
            is_waiting=grant.state is GrantState.REQUESTED and not grant.is_over,
            notice_days=desk.unmasking.notice_days,
            reason_chars=REASON_CHARS,
            words=WORDS,
        )

    async def _request(self, request: Request) -> Response:
        lists = await read_lists(request, most_fields=MOST_IN_CASE + 10)
        fields = {name: values[0] for name, values in lists.items()}
        minutes = fields.get("minutes", "")
        if not minutes.isdecimal() or len(minutes) > len("60"):
            raise BadInputError("Choose between 1 and 60 minutes.")
        asked = Asked(
            request.path_params["case_id"],
            read_ids(lists.get("turn", ())),
            fields.get("reason", ""),
            int(minutes),
            shows_names="names" in lists.get("what", ()),
            shows_values="values" in lists.get("what", ()),
        )
        unmasking = self._parts.desk.unmasking
        request_it = unmasking.force if fields.get("how") == "emergency" else unmasking.request
        return RedirectResponse(_path(await request_it(acting(request), asked)), 303)

    async def _answer(self, request: Request) -> Response:
        fields, grant_id = await read_form(request), _grant_of(request)
        unmasking = self._parts.desk.unmasking
        answers = {"approve": unmasking.approve, "deny": unmasking.deny}
        if fields.get("answer") not in answers:
            raise BadInputError("The page sent no answer. Go back and choose one of the two buttons.")
        await answers[fields["answer"]](acting(request), grant_id, fields.get("note", ""))
        return RedirectResponse(_path(grant_id), 303)

    async def _delay(self, request: Request) -> Response:
        fields, grant_id = await read_form(request), _grant_of(request)
        (subject,) = read_ids([fields.get("subject", "")])
        await self._parts.desk.unmasking.delay_notice(acting(request), grant_id, subject, fields.get("reason", ""))
        return RedirectResponse(_path(grant_id), 303)

    async def _review(self, request: Request) -> Response:
        fields, grant_id = await read_form(request), _grant_of(request)
        if fields.get("verdict") not in {"justified", "unjustified"}:
            raise BadInputError("The page sent no answer. Go back and choose one of the two buttons.")
        await self._parts.desk.unmasking.review(
            acting(request), grant_id, fields.get("note", ""), is_justified=fields["verdict"] == "justified"
        )
        return RedirectResponse(_path(grant_id), 303)

    async def _view(self, request: Request) -> Response:
        person, grant_id = acting(request), _grant_of(request)
        view = await self._parts.desk.unmasking.view(person, grant_id)  # notes the look before it opens anything
        noted = await self._shell.note_view(person, "unmasked", shown=len(view.grant.turns))
        return self._shell.render(
            noted,
            "unmasked.html",
            title=f"Unmasked {short_reference(grant_id)}",
            path=PATH,
            view=view,
            mark=str(view.watermark),
            who=pseudonym,
            reference=short_reference,
        )


def _path(grant_id: UUID) -> str:
    return f"{PATH}/{grant_id}"


def _grant_of(request: Request) -> UUID:
    grant_id: UUID = request.path_params["grant_id"]
    return grant_id
