"""The reviewer's pages: the queue of reports, and what they say about each rule."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from assistant.errors import BadInputError
from assistant.reports.report import Decision
from assistant.web.chat_parts import Reviewing
from assistant.web.forms import read_form
from assistant.web.pages import render
from assistant.web.refusals import acting, in_words

_RULE_CHARS: Final = 120
_NOTE_CHARS: Final = 500
_UNITS: Final = ((timedelta(days=1), "d"), (timedelta(hours=1), "h"), (timedelta(minutes=1), "min"))


class ReviewRoutes:
    """Show reviewers what people reported, and take their decisions."""

    def __init__(self, review: Reviewing) -> None:
        self._review = review

    def routes(self) -> list[Route]:
        """Return the routes; every one is reached with `person` in the request's state."""
        return [
            Route("/review", in_words(self._show_queue)),
            Route("/review/rules", in_words(self._show_rules)),
            Route("/review/{report_id:uuid}", in_words(self._decide), methods=["POST"]),
        ]

    async def _show_queue(self, request: Request) -> Response:
        person, asked = acting(request), request.query_params
        is_decided = asked.get("show") == "decided"
        rule = asked.get("rule", "").strip()[:_RULE_CHARS]
        page = await self._review.queue(person, is_decided=is_decided, rule=rule, before=asked.get("before", ""))
        return render(
            "review.html",
            title="Reports",
            person=person,
            page=page,
            rule=rule,
            is_decided=is_decided,
            is_first="before" not in asked,
            link=queue_link,
            ago=ago,
            note_chars=_NOTE_CHARS,
        )

    async def _show_rules(self, request: Request) -> Response:
        person = acting(request)
        figures = await self._review.figures(person)
        return render("review_rules.html", title="Rules", person=person, figures=figures, link=queue_link)

    async def _decide(self, request: Request) -> Response:
        fields = await read_form(request)
        if fields.get("decision") not in set(Decision):
            raise BadInputError("The page sent no decision. Go back and choose one of the two buttons.")
        report_id: UUID = request.path_params["report_id"]
        await self._review.decide(acting(request), report_id, Decision(fields["decision"]), fields.get("note", ""))
        return RedirectResponse(queue_link(rule=fields.get("rule", "")[:_RULE_CHARS]), 303)


def queue_link(*, rule: str = "", is_decided: bool = False, before: str = "") -> str:
    """Return the address of one page of the queue, so that a view can be sent to somebody.

    >>> queue_link(rule="personal/e-mail", is_decided=True)
    '/review?rule=personal%2Fe-mail&show=decided'
    """
    asked = {"rule": rule, "show": "decided" if is_decided else "", "before": before}
    query = urlencode({name: value for name, value in asked.items() if value})
    return f"/review?{query}" if query else "/review"


def ago(moment: datetime, *, now: datetime | None = None) -> str:
    """Return how long ago something was.

    >>> ago(datetime(2026, 1, 1, tzinfo=UTC), now=datetime(2026, 1, 3, tzinfo=UTC))
    '2 d'
    """
    passed = (now or datetime.now(UTC)) - moment
    return next((f"{passed // length} {unit}" for length, unit in _UNITS if passed >= length), "now")
