"""Exports: ask for events as a file that proves itself, see how far it is, fetch it."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from uuid import UUID

from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response

from assistant.audit.events import Tag
from assistant.audit.exports.export_query import ExportQuery
from assistant.compliance.exports import ExportState
from assistant.compliance.texts import REASON_CHARS
from assistant.conversation import short_reference
from assistant.errors import BadInputError
from assistant.rights import Right
from assistant.web.console.routes import ConsoleRoute
from assistant.web.console.shell import Shell
from assistant.web.console_parts import ConsoleParts
from assistant.web.forms import read_lists
from assistant.web.refusals import acting

PATH: Final = "/console/exports"
_MOST_FIELDS: Final = 16
_VALUE_CHARS: Final = 120
_OPEN: Final = frozenset({ExportState.WAITING, ExportState.WRITING})


class ExportPages:
    """Show exports, take requests, send files."""

    def __init__(self, parts: ConsoleParts, shell: Shell) -> None:
        self._parts = parts
        self._shell = shell

    def routes(self) -> list[ConsoleRoute]:
        """Return the addresses."""
        return [
            ConsoleRoute(PATH, Right.EXPORT_LOG, self._show),
            ConsoleRoute(PATH, Right.EXPORT_LOG, self._request, methods=("POST",)),
            # A POST, so that no prefetch fetches it: each fetch is an event.
            ConsoleRoute("/console/export/{export_id:uuid}", Right.EXPORT_LOG, self._fetch, methods=("POST",)),
        ]

    async def _show(self, request: Request) -> Response:
        person = acting(request)
        exports = await self._parts.desk.exports.list_own(person)
        noted = await self._shell.note_view(person, "exports", shown=len(exports))
        return self._shell.render(
            noted,
            "exports.html",
            title="Exports",
            path=PATH,
            exports=exports,
            is_working=any(export.state in _OPEN for export in exports),
            types=sorted(tag.value for tag in Tag),
            reference=short_reference,
            reason_chars=REASON_CHARS,
            labels=self._parts.labels(),
        )

    async def _request(self, request: Request) -> Response:
        lists = await read_lists(request, most_fields=_MOST_FIELDS)
        fields = {name: values[0].strip()[:_VALUE_CHARS] for name, values in lists.items()}
        people = await self._parts.people.ids_of_pseudonym(fields["person"]) if fields.get("person") else ()
        person_id = next(iter(people), None)
        if fields.get("person") and person_id is None:
            raise BadInputError("Nobody has this pseudonym. Look at it again: it has eight hexadecimal digits.")
        kind = fields.get("type", "")
        if kind and kind not in set(Tag):
            raise BadInputError("There is no event of this type.")
        query = ExportQuery(
            person_id=person_id,
            reference=fields.get("turn", ""),
            types=frozenset({Tag(kind)}) if kind else frozenset(),
            rule=fields.get("rule", ""),
            since=_midnight(fields.get("from", "")),
            until=_midnight(fields.get("to", ""), days=1),
        )
        reason = next(iter(lists.get("reason", ())), "")
        await self._parts.desk.exports.request(acting(request), query, reason)
        return RedirectResponse(PATH, 303)

    async def _fetch(self, request: Request) -> Response:
        export_id: UUID = request.path_params["export_id"]
        file = await self._parts.desk.exports.fetch(acting(request), export_id)
        return FileResponse(
            file,
            media_type="application/zip",
            filename=f"cloister-export-{short_reference(export_id)}.zip",
            headers={"cache-control": "no-store"},
        )


def _midnight(day: str, *, days: int = 0) -> datetime | None:
    """Return the beginning of a day in UTC, or of one some days later; none without a day.

    Raises:
        BadInputError: it is no day.
    """
    try:
        return datetime.combine(date.fromisoformat(day), time(), UTC) + timedelta(days=days) if day else None
    except (ValueError, OverflowError):
        raise BadInputError("This is no day. Write it as 2026-11-29.") from None
