"""Search in the log: by person (a pseudonym), time, rule, model, host, persona, type, severity, turn and words.

The search is in the log before anything is looked for, and the person who was searched for can see it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from uuid import UUID

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from assistant.audit.events import Tag
from assistant.audit.reader_pool import TooBroadError
from assistant.audit.reading.lists import Cursor, EventPage
from assistant.audit.reading.read import Search, StoredEvent
from assistant.errors import BadInputError
from assistant.rights import Right
from assistant.web.console import filters
from assistant.web.console.queue import page_links
from assistant.web.console.routes import ConsoleRoute
from assistant.web.console.shell import Shell
from assistant.web.console.telling import Told, tell
from assistant.web.console.turn import turn_path
from assistant.web.console_parts import ConsoleParts
from assistant.web.refusals import acting

PATH: Final = "/console/search"
_A_PAGE: Final = 25
_NAMES: Final = ("person", "turn", "words", "rule", "model", "host", "persona")
_NOBODY: Final = (
    "Nothing has this reference or pseudonym. Look at it again: a pseudonym has eight hexadecimal digits, a reference "
    "seven letters and digits."
)
_TAGS: Final[Mapping[str, Tag]] = {tag.value: tag for tag in Tag}


@dataclass(frozen=True, slots=True)
class Line:
    """An event that was found."""

    event: StoredEvent
    told: Told


class SearchPages:
    """Search the log."""

    def __init__(self, parts: ConsoleParts, shell: Shell) -> None:
        self._parts = parts
        self._shell = shell

    def routes(self) -> list[ConsoleRoute]:
        """Return the addresses."""
        return [ConsoleRoute(PATH, Right.SEARCH_LOG, self._show)]

    async def _show(self, request: Request) -> Response:
        fields = read_fields(request)
        people = await self._parts.people.ids_of_pseudonym(fields["person"]) if fields["person"] else ()
        subject = next(iter(people), None)
        noted = await self._shell.note_search(
            acting(request),
            filters.names(fields),
            subject=subject,
            text_mark=self._parts.mark(fields["words"]) if fields["words"] else None,
        )
        page, said = EventPage(), ""
        try:
            if fields["turn"] and (turn := await self._parts.lists.turn(fields["turn"])):
                return RedirectResponse(turn_path(turn[0].turn_id or ""), 303)
            if fields["turn"] or (fields["person"] and subject is None):
                said = _NOBODY
            elif any(fields.values()):
                cursor = filters.cursor(request)
                search = search_of(fields, subject)
                if fields["words"]:
                    page, said = await self._find_words(fields["words"], search, cursor)
                else:
                    page = await self._parts.lists.page(search, cursor, limit=_A_PAGE)
        except (BadInputError, TooBroadError) as error:
            said = str(error)
        return self._shell.render(
            noted,
            "search.html",
            title="Search",
            path=PATH,
            fields=fields,
            said=said,
            lines=[Line(event, tell(event)) for event in page.events],
            types=sorted(_TAGS),
            severities=list(filters.SEVERITIES),
            labels=self._parts.labels(),
            links=page_links(PATH, fields, page),
        )

    async def _find_words(self, words: str, search: Search, cursor: Cursor) -> tuple[EventPage, str]:
        """Return a page of events whose text has the words, and what to know about it."""
        found = await self._parts.words.search_text(words, before=cursor.before, limit=_A_PAGE, search=search)
        page = EventPage(found.events, has_newer=cursor.before is not None, has_older=len(found.events) == _A_PAGE)
        if found.is_cut_off:
            return page, "The search was given up after two seconds. Ask for fewer days, or for other words."
        if found.until is None:
            return page, "No text is ready to be searched yet. The worker makes them ready every minute."
        return page, ""


def read_fields(request: Request) -> dict[str, str]:
    """Return what is asked for, by field; a field that cannot be read counts as not set."""
    return {name: filters.asked(request, name) for name in _NAMES} | {
        "type": filters.asked_of(request, "type", _TAGS),
        "severity": filters.asked_of(request, "severity", filters.SEVERITIES),
        "from": _day(filters.asked(request, "from")),
        "to": _day(filters.asked(request, "to")),
    }


def search_of(fields: Mapping[str, str], person_id: UUID | None) -> Search:
    """Return the search that the fields of an address mean; days are in UTC, the last one included."""
    severity = filters.SEVERITIES.get(fields["severity"], 0)
    return Search(
        types=frozenset({_TAGS[fields["type"]]}) if fields["type"] else frozenset(),
        person_id=person_id,
        rule=fields["rule"],
        model=fields["model"],
        host=fields["host"],
        persona=fields["persona"],
        severity=severity,
        since=_midnight(fields["from"]) if fields["from"] else None,
        until=_midnight(fields["to"]) + timedelta(days=1) if fields["to"] else None,
    )


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat() if text else ""
    except ValueError:
        return ""


def _midnight(day: str) -> datetime:
    return datetime.combine(date.fromisoformat(day), time(), UTC)
