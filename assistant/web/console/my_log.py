"""“My log”: what the log says of whoever asks, and who else looked. There is no way to ask for somebody else."""

from __future__ import annotations

from asyncio import gather
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from assistant.audit.events import Tag
from assistant.audit.reading.read import Search, StoredEvent
from assistant.conversation import Person
from assistant.rights import Right
from assistant.web.console import filters
from assistant.web.console.queue import page_links
from assistant.web.console.routes import ConsoleRoute
from assistant.web.console.shell import Shell
from assistant.web.console.telling import tell
from assistant.web.console.words import pseudonym
from assistant.web.console_parts import ConsoleParts
from assistant.web.refusals import acting

PATH: Final = "/my-log"
_A_PAGE: Final = 50
_SHOW: Final = {"others": "What others did about you"}


@dataclass(frozen=True, slots=True)
class OwnLine:
    """An event as its person reads it.

    Attributes:
        by_others: somebody else did it.
    """

    at: datetime
    reference: str
    words: str
    details: str
    by_others: bool


class MyLogPages:
    """Show everybody their own events."""

    def __init__(self, parts: ConsoleParts, shell: Shell) -> None:
        self._parts = parts
        self._shell = shell

    def routes(self) -> list[ConsoleRoute]:
        """Return the addresses."""
        return [ConsoleRoute(PATH, Right.READ_OWN_LOG, self._show)]

    async def _show(self, request: Request) -> Response:
        person = acting(request)
        fields = {"show": filters.asked_of(request, "show", _SHOW)}
        search = Search(done_to=person.id) if fields["show"] else Search(person_id=person.id)
        cursor = filters.cursor(request)
        page, noted = await gather(
            self._parts.lists.page(search, cursor, limit=_A_PAGE),
            self._shell.note_view(person, "my-log", subject=person.id, filters=filters.names(fields)),
        )
        notices = await self._parts.desk.unmasking.notices(person)
        lines = [line for event in page.events if (line := tell_own(event, person))]
        return self._shell.render(
            noted,
            "my_log.html",
            title="My log",
            path=PATH,
            fields=fields,
            lines=lines,
            notices=notices,
            hidden=len(page.events) - len(lines),
            links=page_links(PATH, fields, page),
        )


def tell_own(event: StoredEvent, person: Person) -> OwnLine | None:
    """Return an event as its person reads it; none for what they are told of in another way, or later.

    The table below lists what is shown. What it does not name is not: a notice that has to wait, such as that of an
    unmasking, must not be given away by a type that was added without a thought about it.
    """
    by_others = event.actor != person.id
    telling = (_BY_OTHERS if by_others else _OWN).get(event.type)
    if telling is None:
        return None
    details = "" if telling.is_plain else tell(event).line
    words = telling.words.format(who=_who(event), view=_view(event), **_also(event))
    return OwnLine(event.occurred_at, event.reference, words, details, by_others)


@dataclass(frozen=True, slots=True)
class _Telling:
    words: str
    is_plain: bool = True  # no details: they would say what somebody looked for


def _who(event: StoredEvent) -> str:
    return f"the person {pseudonym(event.actor)}" if event.actor else "the operator"


def _view(event: StoredEvent) -> str:
    return str(_data(event).get("view", "page")).removesuffix("-blind")  # of a turn; what was hidden is the desk's


def _also(event: StoredEvent) -> Mapping[str, str]:
    roles = _data(event).get("roles")
    change = str(_data(event).get("change", "")).replace("-", " ")
    return {"roles": ", ".join(map(str, roles)) if isinstance(roles, list) else "", "change": change}


def _data(event: StoredEvent) -> Mapping[str, object]:
    data = event.document.get("data")
    return data if isinstance(data, Mapping) else {}


_OWN: Final[Mapping[str, _Telling]] = {
    Tag.PERSON_SIGNED_IN: _Telling("You signed in."),
    Tag.PERSON_SIGNED_OUT: _Telling("You signed out."),
    Tag.TURN_ACCEPTED: _Telling("You asked a question.", is_plain=False),
    Tag.TURN_GUARDED: _Telling("The guard looked at it.", is_plain=False),
    Tag.PROMPT_BLOCKED: _Telling("The guard held your question back; nothing was sent.", is_plain=False),
    Tag.TURN_ROUTED: _Telling("A model host was chosen.", is_plain=False),
    Tag.HOST_UNREACHABLE: _Telling("A model host failed.", is_plain=False),
    Tag.TURN_CALLED: _Telling("The answer asked your program to run tools.", is_plain=False),
    Tag.TURN_ANSWERED: _Telling("The answer was complete.", is_plain=False),
    Tag.ANSWER_BLOCKED: _Telling("The guard held the answer back.", is_plain=False),
    Tag.TURN_INTERRUPTED: _Telling("The answer stopped before its end.", is_plain=False),
    Tag.TURN_FAILED: _Telling("There was no answer.", is_plain=False),
    Tag.TURN_REFUSED: _Telling("You reached a limit; nothing was sent.", is_plain=False),
    Tag.ACCESS_REFUSED: _Telling("You were refused something that your roles do not give.", is_plain=False),
    Tag.TOKEN_CREATED: _Telling("You made an API token.", is_plain=False),
    Tag.TOKEN_REVOKED: _Telling("You revoked an API token.", is_plain=False),
    Tag.FEEDBACK_GIVEN: _Telling("You judged an answer."),
    Tag.THREAD_DELETED: _Telling("You deleted a conversation."),
    Tag.REPORT_FILED: _Telling("You called a finding wrong.", is_plain=False),
    Tag.REPORT_DECIDED: _Telling("You decided a report.", is_plain=False),
    Tag.DOCUMENT_ADDED: _Telling("You added a document."),
    Tag.DOCUMENT_REMOVED: _Telling("You removed a document."),
    Tag.JOB_ENQUEUED: _Telling("You started a job.", is_plain=False),
    Tag.JOB_FINISHED: _Telling("Your job ended.", is_plain=False),
    Tag.JOB_FAILED: _Telling("Your job failed.", is_plain=False),
    Tag.JOB_CANCELLED: _Telling("Your job was stopped.", is_plain=False),
    Tag.LOG_READ: _Telling("You read counts from the log."),
    Tag.PERSON_ADDED: _Telling("You added an account."),
    Tag.PERSON_CHANGED: _Telling("You changed an account.", is_plain=False),
    Tag.REVIEW_VIEWED: _Telling("You opened the page “{view}” of the console."),
    Tag.REVIEW_SEARCHED: _Telling("You searched the log.", is_plain=False),
    Tag.PERSON_LOOKED_UP: _Telling("You asked which pseudonym belongs to a name."),
    Tag.EXPORT_CREATED: _Telling("You took events out of the log, as a file."),
    Tag.EXPORT_DOWNLOADED: _Telling("You fetched events of the log, as a file."),
}
_BY_OTHERS: Final[Mapping[str, _Telling]] = {
    Tag.REVIEW_VIEWED: _Telling("A reviewer, {who}, looked at this turn of yours, under your pseudonym."),
    Tag.REVIEW_SEARCHED: _Telling("A reviewer, {who}, searched for your pseudonym."),
    Tag.PERSON_LOOKED_UP: _Telling("A reviewer, {who}, asked which pseudonym belongs to your name."),
    Tag.EXPORT_CREATED: _Telling("Events of yours were taken out of the log as a file, for {who}."),
    Tag.REPORT_DECIDED: _Telling("A reviewer, {who}, decided your report.", is_plain=False),
    Tag.PERSON_ADDED: _Telling("Your account was added by {who}, with the roles {roles}."),
    Tag.PERSON_CHANGED: _Telling("Your account was changed by {who}: {change} {roles}"),
    Tag.PERSON_SIGN_IN_FAILED: _Telling("Somebody tried to sign in with your name and was refused.", is_plain=False),
    Tag.PERSON_SIGNED_OUT: _Telling("You were signed out by {who}."),
    Tag.TOKEN_CREATED: _Telling("An API token was made for you by {who}.", is_plain=False),
    Tag.TOKEN_REVOKED: _Telling("An API token of yours was revoked by {who}.", is_plain=False),
}
