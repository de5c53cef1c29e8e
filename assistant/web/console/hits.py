"""Hits that wait for a decision, what is due first at the top; several are decided together."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from assistant.compliance.hits import HitFilter
from assistant.compliance.standing import Disposition
from assistant.conversation import short_reference
from assistant.errors import BadInputError
from assistant.rights import Right, has_right
from assistant.web.console import filters
from assistant.web.console.moves import WORDS, people_of, read_ids, read_move
from assistant.web.console.routes import ConsoleRoute
from assistant.web.console.shell import Shell
from assistant.web.console_parts import ConsoleParts
from assistant.web.forms import read_lists
from assistant.web.refusals import acting
from policies.verdict import Action

PATH: Final = "/console/hits"
QUEUE: Final = "/console/queue"  # the entry in the head that this page belongs to
_SEVERITIES: Final = {action.value: action.severity for action in (Action.REDACT, Action.BLOCK)}
SHOW: Final = {"mine": "Mine", "second": "Awaiting a second reviewer"}
_MOST_FIELDS: Final = 120  # a page of hits, and what is done with them


class HitPages:
    """Show hits, and take steps with them."""

    def __init__(self, parts: ConsoleParts, shell: Shell) -> None:
        self._parts = parts
        self._shell = shell

    def routes(self) -> list[ConsoleRoute]:
        """Return the addresses."""
        return [
            ConsoleRoute(PATH, Right.READ_DESK, self._show),
            ConsoleRoute(PATH, Right.WORK_AT_DESK, self._take_step, methods=("POST",)),
        ]

    async def _show(self, request: Request) -> Response:
        person, desk = acting(request), self._parts.desk
        fields = {
            "severity": filters.asked_of(request, "severity", _SEVERITIES),
            "rule": filters.asked(request, "rule"),
            "show": filters.asked_of(request, "show", SHOW),
        }
        wanted = HitFilter(
            severity=_SEVERITIES.get(fields["severity"]),
            rule=fields["rule"],
            assignee=person.id if fields["show"] == "mine" else None,
            awaits_second=fields["show"] == "second",
        )
        after = filters.asked(request, "after")
        page = await desk.hits.page(person, wanted, after=after)
        names = await desk.people.names(people_of(hit.standing for hit in page.hits))
        noted = await self._shell.note_view(person, "hits", filters=filters.names(fields), shown=len(page.hits))
        return self._shell.render(
            noted,
            "hits.html",
            title="To decide",
            path=QUEUE if has_right(person, Right.READ_HITS) else PATH,
            hits_path=PATH,
            may_read_all=has_right(person, Right.READ_HITS),
            may_tick=has_right(person, Right.WORK_AT_DESK) and fields["show"] != "second",
            fields=fields,
            hits=page.hits,
            names=names,
            labels=self._parts.labels(),
            reference=short_reference,
            today=datetime.now(UTC),
            tabs=SHOW,
            first=filters.address(PATH, fields) if after else "",
            more=filters.address(PATH, fields, after=page.cursor) if page.cursor else "",
            back=filters.address(PATH, fields),
            bulk=[one for one in Disposition if not one.is_grave],
            words=WORDS,
        )

    async def _take_step(self, request: Request) -> Response:
        lists = await read_lists(request, most_fields=_MOST_FIELDS)
        fields = {name: values[0] for name, values in lists.items()}
        hits = read_ids(lists.get("hit", ()))
        if not hits:
            raise BadInputError("No hit is ticked. Go back and tick those that you mean.")
        await self._parts.desk.hits.take_step(acting(request), hits, read_move(fields))
        return RedirectResponse(back_from(fields), 303)


def back_from(fields: dict[str, str]) -> str:
    """Return the page that a form came from, if that is one of the console.

    >>> back_from({"back": "/console/hits?show=mine"}), back_from({"back": "//evil.example/console/"})
    ('/console/hits?show=mine', '/console/hits')
    """
    back = fields.get("back", "")
    return back if back.startswith("/console/") and "\\" not in back and back.isprintable() else PATH
