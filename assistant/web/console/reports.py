"""The reviewer's pages: the queue of reports, and what they say about each rule."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode
from uuid import UUID

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from assistant.errors import BadInputError
from assistant.reports.report import Decision
from assistant.review import COMMENT_CHARS
from assistant.rights import Right
from assistant.web.chat_parts import Reviewing
from assistant.web.console import filters
from assistant.web.console.routes import ConsoleRoute
from assistant.web.console.shell import Shell
from assistant.web.forms import read_form
from assistant.web.refusals import acting

PATH: Final = "/review"


class ReportPages:
    """Show reviewers what people reported, and take their decisions."""

    def __init__(self, review: Reviewing, shell: Shell) -> None:
        self._review = review
        self._shell = shell

    def routes(self) -> list[ConsoleRoute]:
        """Return the addresses."""
        right = Right.DECIDE_REPORTS
        return [
            ConsoleRoute(PATH, right, self._show_queue),
            ConsoleRoute(f"{PATH}/rules", right, self._show_rules),
            ConsoleRoute(f"{PATH}/{{report_id:uuid}}", right, self._decide, methods=("POST",)),
        ]

    async def _show_queue(self, request: Request) -> Response:
        person = acting(request)
        is_decided = filters.asked(request, "show") == "decided"
        rule, before = filters.asked(request, "rule"), filters.asked(request, "before")
        page = await self._review.queue(person, is_decided=is_decided, rule=rule, before=before)
        asked_for = {"rule": rule, "show": "decided" if is_decided else ""}
        noted = await self._shell.note_view(
            person, "reports", filters=filters.names(asked_for), shown=len(page.reports)
        )
        return self._shell.render(
            noted,
            "reports.html",
            title="Reports",
            path=PATH,
            page=page,
            rule=rule,
            is_decided=is_decided,
            is_first=not before,
            link=queue_link,
            note_chars=COMMENT_CHARS,
        )

    async def _show_rules(self, request: Request) -> Response:
        person = acting(request)
        figures = await self._review.figures(person)
        noted = await self._shell.note_view(person, "reports-by-rule", shown=len(figures.rules))
        return self._shell.render(
            noted, "report_rules.html", title="Rules", path=PATH, figures=figures, link=queue_link
        )

    async def _decide(self, request: Request) -> Response:
        fields = await read_form(request)
        if fields.get("decision") not in set(Decision):
            raise BadInputError("The page sent no decision. Go back and choose one of the two buttons.")
        report_id: UUID = request.path_params["report_id"]
        await self._review.decide(acting(request), report_id, Decision(fields["decision"]), fields.get("note", ""))
        return RedirectResponse(queue_link(rule=filters.value_of(fields.get("rule", ""))), 303)


def queue_link(*, rule: str = "", is_decided: bool = False, before: str = "") -> str:
    """Return the address of one page of the queue, so that a view can be sent to somebody.

    >>> queue_link(rule="personal/e-mail", is_decided=True)
    '/review?rule=personal%2Fe-mail&show=decided'
    """
    asked = {"rule": rule, "show": "decided" if is_decided else "", "before": before}
    query = urlencode({name: value for name, value in asked.items() if value})
    return f"/review?{query}" if query else "/review"
