"""Cases: the list, one case with its turns and its history, and the steps that people take."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from assistant.compliance.cases import CaseFile
from assistant.compliance.grants import Grant
from assistant.compliance.standing import Disposition, Step
from assistant.compliance.texts import REASON_CHARS
from assistant.compliance.unmask import MOST_MINUTES
from assistant.compliance.unmask import MOST_TURNS as MOST_UNMASKED
from assistant.conversation import Person, Role, short_reference
from assistant.errors import BadInputError
from assistant.rights import Right, has_right
from assistant.web.console import filters
from assistant.web.console.exports import PATH as EXPORTS
from assistant.web.console.hits import back_from
from assistant.web.console.moves import WORDS, people_of, read_ids, read_move
from assistant.web.console.routes import ConsoleRoute
from assistant.web.console.shell import Shell
from assistant.web.console_parts import ConsoleParts
from assistant.web.forms import read_form
from assistant.web.refusals import acting

PATH: Final = "/console/cases"
_ONE: Final = "/console/case/{case_id:uuid}"
_SHOW: Final = {"mine": "Mine", "decided": "Decided"}


def case_path(case_id: UUID) -> str:
    """Return the address of a case."""
    return f"/console/case/{case_id}"


def _is_open_to(grant: Grant, person: Person, file: CaseFile) -> bool:
    return grant.requested_by == person.id and grant.is_open and file.case.standing.is_open


class CasePages:
    """Show cases, and take steps with them."""

    def __init__(self, parts: ConsoleParts, shell: Shell) -> None:
        self._parts = parts
        self._shell = shell

    def routes(self) -> list[ConsoleRoute]:
        """Return the addresses."""
        return [
            ConsoleRoute(PATH, Right.READ_DESK, self._show_list),
            ConsoleRoute(PATH, Right.WORK_AT_DESK, self._open, methods=("POST",)),
            ConsoleRoute(_ONE, Right.READ_DESK, self._show),
            ConsoleRoute(f"{_ONE}/step", Right.WORK_AT_DESK, self._take_step, methods=("POST",)),
            ConsoleRoute(f"{_ONE}/turns", Right.WORK_AT_DESK, self._add_turn, methods=("POST",)),
            ConsoleRoute(f"{_ONE}/export", Right.EXPORT_LOG, self._export, methods=("POST",)),
            ConsoleRoute("/console/turn/{turn_id:uuid}/step", Right.WORK_AT_DESK, self._step_turn, methods=("POST",)),
        ]

    async def _show_list(self, request: Request) -> Response:
        person, desk = acting(request), self._parts.desk
        fields = {"show": filters.asked_of(request, "show", _SHOW)}
        before = filters.asked(request, "before")
        page = await desk.cases.page(
            person, is_open=fields["show"] != "decided", is_mine=fields["show"] == "mine", before=before
        )
        names = await desk.people.names(people_of(case.standing for case in page.cases))
        noted = await self._shell.note_view(person, "cases", filters=filters.names(fields), shown=len(page.cases))
        return self._shell.render(
            noted,
            "cases.html",
            title="Cases",
            path=PATH,
            fields=fields,
            cases=page.cases,
            names=names,
            tabs=_SHOW,
            today=datetime.now(UTC),
            first=filters.address(PATH, fields) if before else "",
            more=filters.address(PATH, fields, before=page.cursor) if page.cursor else "",
            may_work=has_right(person, Right.WORK_AT_DESK),
            words=WORDS,
        )

    async def _show(self, request: Request) -> Response:
        person, desk = acting(request), self._parts.desk
        case_id: UUID = request.path_params["case_id"]
        file = await desk.cases.case(person, case_id)
        noted = await self._shell.note_view(person, "case", shown=len(file.turns))
        grants = await desk.unmasking.of_case(person, case_id)
        staff = {entry.person_id for entry in file.entries} | people_of([file.case.standing])
        staff |= {grant.requested_by for grant in grants}
        return self._shell.render(
            noted,
            "case.html",
            title=f"Case {file.case.number}",
            path=PATH,
            case=file.case,
            turns=file.turns,
            history=file.entries,
            grants=grants,
            names=await desk.people.names(staff),
            reviewers=await desk.people.holding(Role.REVIEWER),
            reference=short_reference,
            today=datetime.now(UTC),
            may_work=has_right(person, Right.WORK_AT_DESK),
            may_export=has_right(person, Right.EXPORT_LOG),
            names_open=[grant for grant in grants if grant.shows_names and _is_open_to(grant, person, file)],
            steps={step.name: file.case.standing.allows(step) for step in Step},
            dispositions=list(Disposition),
            reason_chars=REASON_CHARS,
            most_minutes=MOST_MINUTES,
            most_unmasked=MOST_UNMASKED,
            notice_days=desk.unmasking.notice_days,
            words=WORDS,
        )

    async def _open(self, request: Request) -> Response:
        fields = await read_form(request)
        turns = await self._turns(fields)
        case_id = await self._parts.desk.cases.open(
            acting(request), fields.get("title", ""), turns, fields.get("note", "")
        )
        return RedirectResponse(case_path(case_id), 303)

    async def _take_step(self, request: Request) -> Response:
        case_id: UUID = request.path_params["case_id"]
        await self._parts.desk.cases.take_step(acting(request), case_id, read_move(await read_form(request)))
        return RedirectResponse(case_path(case_id), 303)

    async def _add_turn(self, request: Request) -> Response:
        case_id: UUID = request.path_params["case_id"]
        await self._parts.desk.cases.add_turns(acting(request), case_id, await self._turns(await read_form(request)))
        return RedirectResponse(case_path(case_id), 303)

    async def _export(self, request: Request) -> Response:
        fields = await read_form(request)
        unmask_id = next(iter(read_ids([fields["unmask"]])), None) if fields.get("unmask") else None
        await self._parts.desk.case_exports.request(
            acting(request), request.path_params["case_id"], fields.get("reason", ""), unmask_id=unmask_id
        )
        return RedirectResponse(EXPORTS, 303)

    async def _step_turn(self, request: Request) -> Response:
        """Take a step with every hit of a turn."""
        fields = await read_form(request)
        turn_id: UUID = request.path_params["turn_id"]
        await self._parts.desk.hits.take_step_in_turn(acting(request), turn_id, read_move(fields))
        return RedirectResponse(back_from({"back": f"/console/turn/{turn_id}"}), 303)

    async def _turns(self, fields: Mapping[str, str]) -> list[UUID]:
        """Return the turn that a form names, by its id or by the reference that people read."""
        turn = fields.get("turn", "").strip()
        if not turn:
            raise BadInputError("No turn is named. Write its reference: seven letters and digits, such as 7QK2M4X.")
        if len(turn) > len("7QK2-M4X"):
            return read_ids([turn])
        events = await self._parts.lists.turn(turn)
        found = next((event.turn_id for event in events if event.turn_id), None)
        if found is None:
            raise BadInputError(f"There is no turn {turn!r}. Look at the reference again.")
        return [found]
