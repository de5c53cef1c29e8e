"""Samples: draw one, see that nobody picked it, and say what each event in it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from assistant.audit.reading.sample import MOST_WANTED, Population
from assistant.compliance.standing import Disposition
from assistant.conversation import short_reference
from assistant.errors import BadInputError
from assistant.rights import Right, has_right
from assistant.web.console.moves import WORDS
from assistant.web.console.routes import ConsoleRoute
from assistant.web.console.shell import Shell
from assistant.web.console_parts import ConsoleParts
from assistant.web.forms import read_form
from assistant.web.refusals import acting

PATH: Final = "/console/samples"
_ONE: Final = "/console/sample/{sample_id:uuid}"


class SamplePages:
    """Show samples, draw them, judge what is in them."""

    def __init__(self, parts: ConsoleParts, shell: Shell) -> None:
        self._parts = parts
        self._shell = shell

    def routes(self) -> list[ConsoleRoute]:
        """Return the addresses."""
        return [
            ConsoleRoute(PATH, Right.READ_DESK, self._show_list),
            ConsoleRoute(PATH, Right.WORK_AT_DESK, self._draw, methods=("POST",)),
            ConsoleRoute(_ONE, Right.READ_DESK, self._show),
            ConsoleRoute(_ONE, Right.WORK_AT_DESK, self._judge, methods=("POST",)),
        ]

    async def _show_list(self, request: Request) -> Response:
        person, desk = acting(request), self._parts.desk
        runs = await desk.samples.list_runs(person)
        noted = await self._shell.note_view(person, "samples", shown=len(runs))
        return self._shell.render(
            noted,
            "samples.html",
            title="Samples",
            path=PATH,
            runs=runs,
            names=await desk.people.names({run.drawn_by for run in runs}),
            last_week=f"{datetime.now(UTC) - timedelta(days=7):%G-W%V}",
            most=MOST_WANTED,
            may_work=has_right(person, Right.WORK_AT_DESK),
        )

    async def _show(self, request: Request) -> Response:
        person, desk = acting(request), self._parts.desk
        run, events = await desk.samples.run(person, request.path_params["sample_id"])
        noted = await self._shell.note_view(person, "sample", shown=len(events))
        return self._shell.render(
            noted,
            "sample.html",
            title=f"Sample of {run.week}",
            path=PATH,
            run=run,
            events=events,
            names=await desk.people.names({one.judged_by for one in events if one.judged_by} | {run.drawn_by}),
            reference=short_reference,
            light=[one for one in Disposition if not one.is_grave],
            may_work=has_right(person, Right.WORK_AT_DESK),
            words=WORDS,
        )

    async def _draw(self, request: Request) -> Response:
        fields = await read_form(request)
        population, size = fields.get("population", ""), fields.get("size", "")
        if population not in set(Population) or not size.isdecimal() or len(size) > len(str(MOST_WANTED)):
            raise BadInputError(f"Choose turns or hits, and between 1 and {MOST_WANTED} of them.")
        sample_id = await self._parts.desk.samples.draw(
            acting(request), fields.get("week", ""), Population(population), int(size)
        )
        return RedirectResponse(f"/console/sample/{sample_id}", 303)

    async def _judge(self, request: Request) -> Response:
        fields = await read_form(request)
        sample_id: UUID = request.path_params["sample_id"]
        place, disposition = fields.get("place", ""), fields.get("disposition", "")
        if not place.isdecimal() or len(place) > len(str(MOST_WANTED)) or disposition not in set(Disposition):
            raise BadInputError("The page sent no judgement. Go back and choose one of its buttons.")
        await self._parts.desk.samples.judge(acting(request), sample_id, int(place), Disposition(disposition))
        return RedirectResponse(f"/console/sample/{sample_id}#place-{int(place)}", 303)
