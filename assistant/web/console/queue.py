"""The queue: what the guard held back, the newest first; who it was stays a pseudonym."""

from __future__ import annotations

from asyncio import gather
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from assistant.audit.events import Tag
from assistant.audit.reading.lists import Cursor, EventPage
from assistant.audit.reading.read import Search, StoredEvent
from assistant.rights import Right
from assistant.web.console import filters
from assistant.web.console.hits import PATH as TO_DECIDE
from assistant.web.console.hits import SHOW
from assistant.web.console.routes import ConsoleRoute
from assistant.web.console.shell import Shell
from assistant.web.console_parts import ConsoleParts
from assistant.web.refusals import acting
from policies.explanation import Detail
from policies.verdict import Action

PATH: Final = "/console/queue"
_A_PAGE: Final = 25
_MOST_COUNTED: Final = 200  # a count costs as much as it counts, and nobody works off more in a day
_SHOWN: Final = {action.value: action.severity for action in (Action.BLOCK, Action.REDACT)}
_OF_ANSWERS: Final = frozenset({Tag.TURN_ANSWERED, Tag.ANSWER_BLOCKED, Tag.TURN_INTERRUPTED})


@dataclass(frozen=True, slots=True)
class Hit:
    """A line of the queue.

    Attributes:
        action: `redact` or `block`.
        label: the rule in words; its name where the policy has it no more.
        person: the pseudonym's owner.
        host: where the turn was sent; empty if it went nowhere.
        masked: the value, unreadable; empty where nothing is kept of it.
    """

    event_id: UUID
    turn_id: UUID | None
    reference: str
    action: str
    rule: str
    label: str
    person: UUID | None
    host: str
    at: datetime
    masked: str
    is_answer: bool


class QueuePages:
    """Show what the guard held back."""

    def __init__(self, parts: ConsoleParts, shell: Shell) -> None:
        self._parts = parts
        self._shell = shell

    def routes(self) -> list[ConsoleRoute]:
        """Return the addresses."""
        return [ConsoleRoute(PATH, Right.READ_HITS, self._show)]

    async def _show(self, request: Request) -> Response:
        fields = {
            "severity": filters.asked_of(request, "severity", _SHOWN),
            "rule": filters.asked(request, "rule"),
            "age": filters.asked_of(request, "age", filters.AGES),
        }
        only = _SHOWN.get(fields["severity"])
        search = Search(
            severity=only or Action.REDACT.severity,
            severest=only or Action.BLOCK.severity,
            rule=fields["rule"],
            since=filters.since(fields["age"]),
        )
        cursor = filters.cursor(request)
        page, count = await gather(self._parts.lists.page(search, cursor, limit=_A_PAGE), self._count(search, cursor))
        hits, noted = await gather(
            self._hits(page.events),
            self._shell.note_view(acting(request), "queue", filters=filters.names(fields), shown=len(page.events)),
        )
        return self._shell.render(
            noted,
            "queue.html",
            title="Queue",
            path=PATH,
            may_read_all=True,
            hits_path=TO_DECIDE,
            tabs=SHOW,
            fields=fields,
            hits=hits,
            counted=f"at least {count:,} hits" if count == _MOST_COUNTED else f"{count:,} hits",
            is_first=cursor == Cursor(),
            labels=self._parts.labels(),
            age_words=filters.AGE_WORDS,
            links=page_links(PATH, fields, page),
        )

    async def _count(self, search: Search, cursor: Cursor) -> int:
        """Return how many hits there are, for the first page alone: the others do not say it."""
        return await self._parts.lists.count(search, most=_MOST_COUNTED) if cursor == Cursor() else 0

    async def _hits(self, events: Sequence[StoredEvent]) -> list[Hit]:
        hosts, spots = await gather(
            self._parts.lists.hosts_of(events),
            self._parts.spots.of_turns({event.turn_id for event in events if event.turn_id}),
        )
        labels = self._parts.labels()
        return [_hit(event, hosts, spots, labels) for event in events]


def page_links(path: str, fields: Mapping[str, str], page: EventPage) -> dict[str, str]:
    """Return the addresses of `newest`, `newer` and `older` pages; empty where there is none."""
    is_beyond = not page.events and (page.has_newer or page.has_older)
    return {
        "newest": filters.address(path, fields) if page.has_newer or is_beyond else "",
        "newer": filters.address(path, fields, after=str(page.events[0].id)) if page.events and page.has_newer else "",
        "older": filters.address(path, fields, before=str(page.events[-1].id))
        if page.events and page.has_older
        else "",
    }


def _hit(
    event: StoredEvent,
    hosts: Mapping[UUID, str],
    spots: Mapping[UUID, Sequence[Detail]],
    labels: Mapping[str, str],
) -> Hit:
    turn_id = event.turn_id or UUID(int=0)
    found = [spot for spot in spots.get(turn_id, ()) if spot.rule == event.rule]
    rule = event.rule or "the guard itself"
    return Hit(
        event_id=event.id,
        turn_id=event.turn_id,
        reference=event.reference,
        action=next((word for word, severity in _SHOWN.items() if severity == event.severity), ""),
        rule=rule,
        label=labels.get(rule, rule),
        person=event.subject,
        host=event.host or hosts.get(turn_id, ""),
        at=event.occurred_at,
        masked=found[0].masked if found else "",
        is_answer=event.type in _OF_ANSWERS,
    )
