"""The frame of every page of the console; a page is drawn only for a view that is in the log."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse

from assistant.audit.events import ReviewSearched, ReviewViewed
from assistant.audit.parts import TextMark
from assistant.conversation import Person
from assistant.web.console.navigation import entries_for
from assistant.web.console.words import ago, exactly, pseudonym
from assistant.web.console_parts import AuditLog

_templates: Final = Environment(
    loader=ChoiceLoader([PackageLoader("assistant.web.console"), PackageLoader("assistant.web")]),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters |= {"ago": ago, "exactly": exactly, "pseudonym": pseudonym}


@dataclass(frozen=True, slots=True)
class Noted:
    """A view that is durable in the log. `Shell.render` wants one, so that no page is sent without."""

    person: Person


class Shell:
    """Note who looks at what, and draw the page."""

    def __init__(self, audit: AuditLog) -> None:
        self._audit = audit

    async def note_view(
        self,
        person: Person,
        view: str,
        *,
        subject: UUID | None = None,
        turn_id: UUID | None = None,
        filters: tuple[str, ...] = (),
        shown: int = 0,
    ) -> Noted:
        """Return when the log has it that this person looks at this page; see `ReviewViewed`.

        Raises:
            AuditUnavailableError: the log cannot be written: the page must not be sent.
        """
        await self._audit.append(
            ReviewViewed(actor=person.id, subject=subject, turn_id=turn_id, view=view, filters=filters, shown=shown)
        )
        return Noted(person)

    async def note_search(
        self,
        person: Person,
        filters: tuple[str, ...],
        *,
        subject: UUID | None = None,
        text_mark: TextMark | None = None,
    ) -> Noted:
        """Return when the log has it what this person looks for; see `ReviewSearched`.

        Raises:
            AuditUnavailableError: the log cannot be written: nothing must be looked for.
        """
        await self._audit.append(ReviewSearched(actor=person.id, subject=subject, filters=filters, text_mark=text_mark))
        return Noted(person)

    def render(
        self, noted: Noted, template: str, *, title: str, path: str, status: int = 200, **values: object
    ) -> HTMLResponse:
        """Return a page in the console's frame; every value is escaped.

        Args:
            noted: that the log has this view.
            template: a file of this package's templates.
            title: of the browser's tab.
            path: of the entry in the head that this page belongs to.
            status: of the answer.
            values: for the template.
        """
        html = _templates.get_template(template).render(
            title=title,
            path=path,
            person=noted.person,
            roles=" and ".join(sorted(role.value for role in noted.person.roles)),
            entries=entries_for(noted.person),
            now=datetime.now(UTC),
            **values,
        )
        return HTMLResponse(html, status, headers={"cache-control": "no-store"})
