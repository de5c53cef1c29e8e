"""All addresses of the console; a family of pages is one line here and one in `navigation`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from assistant.rights import Right
from assistant.web.console.cases import CasePages
from assistant.web.console.charts import ChartPages
from assistant.web.console.erasing import ErasurePages
from assistant.web.console.exports import ExportPages
from assistant.web.console.fleet import FleetPages
from assistant.web.console.fleet_plan import FleetPlanPages
from assistant.web.console.hits import HitPages
from assistant.web.console.integrity import IntegrityPages
from assistant.web.console.looking_up import LookUpPages
from assistant.web.console.my_log import MyLogPages
from assistant.web.console.navigation import entries_for
from assistant.web.console.queue import QueuePages
from assistant.web.console.reports import ReportPages
from assistant.web.console.routes import ConsoleRoute, build_routes
from assistant.web.console.samples import SamplePages
from assistant.web.console.search import SearchPages
from assistant.web.console.second_looks import SecondLookPages
from assistant.web.console.shell import Shell
from assistant.web.console.turn import TurnPages
from assistant.web.console.unmasking import UnmaskPages
from assistant.web.console_parts import ConsoleParts
from assistant.web.refusals import acting

HOME: Final = "/console"


def console_pages(parts: ConsoleParts) -> Sequence[ConsoleRoute]:
    """Return every address with the right that it takes."""
    shell = Shell(parts.audit, parts.desk.unmasking)
    return [
        ConsoleRoute(HOME, Right.READ_OWN_LOG, _go_home),
        *QueuePages(parts, shell).routes(),
        *SearchPages(parts, shell).routes(),
        *TurnPages(parts, shell).routes(),
        *LookUpPages(parts).routes(),
        *HitPages(parts, shell).routes(),
        *SecondLookPages(parts, shell).routes(),
        *CasePages(parts, shell).routes(),
        *SamplePages(parts, shell).routes(),
        *UnmaskPages(parts, shell).routes(),
        *ExportPages(parts, shell).routes(),
        *ErasurePages(parts, shell).routes(),
        *IntegrityPages(parts, shell).routes(),
        *FleetPages(parts, shell).routes(),
        *FleetPlanPages(parts, shell).routes(),
        *ChartPages(parts, shell).routes(),
        *ReportPages(parts.review, shell).routes(),
        *MyLogPages(parts, shell).routes(),
    ]


def console_routes(parts: ConsoleParts) -> list[Route]:
    """Return the routes; every one is reached with `person` in the request's state."""
    return build_routes(console_pages(parts), parts.audit)


async def _go_home(request: Request) -> Response:
    """Lead to the first page that this person may open; everybody has one."""
    return RedirectResponse(entries_for(acting(request))[0].path, 303)
