"""The frame of every page of the console; a page is drawn only for a view that is in the log."""

from __future__ import annotations

from asyncio import gather
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol
from uuid import UUID

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse

from assistant.audit.events import ReviewSearched, ReviewViewed
from assistant.audit.parts import TextMark
from assistant.compliance.grants import Grant
from assistant.conversation import Person
from assistant.rights import Right, has_right
from assistant.web.console.navigation import entries_for
from assistant.web.console.words import ago, exactly, pseudonym, until
from assistant.web.console_parts import AuditLog

_templates: Final = Environment(
    loader=ChoiceLoader([PackageLoader("assistant.web.console"), PackageLoader("assistant.web")]),
    autoescape=True,
    auto_reload=False,  # pages of an installed product do not change under it
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters |= {"ago": ago, "until": until, "exactly": exactly, "pseudonym": pseudonym}


class _Options:
    """The rules of the policy as options of a list: hundreds of lines that change with the policy alone."""

    def __init__(self) -> None:
        self._labels: Mapping[str, str] = {}
        self._drawn = Markup()

    def __call__(self, labels: Mapping[str, str]) -> Markup:
        if labels is not self._labels:
            option = Markup('<option value="{}">{}</option>')
            self._drawn = Markup().join(option.format(rule, labels[rule]) for rule in sorted(labels))
            self._labels = labels
        return self._drawn


_templates.filters["options"] = _Options()


@dataclass(frozen=True, slots=True)
class Noted:
    """A view that is durable in the log. `Shell.render` wants one, so that no page is sent without.

    Attributes:
        emergencies: what somebody unmasked alone and no approver looked at yet; every page says so to whoever may know.
    """

    person: Person
    emergencies: Sequence[Grant] = ()


class Emergencies(Protocol):
    """Unmaskings by one person alone that no approver looked at yet."""

    async def emergencies(self, person: Person) -> Sequence[Grant]:
        """Return them; for whoever may read at the desk."""


class Shell:
    """Note who looks at what, and draw the page."""

    def __init__(self, audit: AuditLog, emergencies: Emergencies) -> None:
        self._audit = audit
        self._emergencies = emergencies

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
        return await self._noted(
            person,
            ReviewViewed(actor=person.id, subject=subject, turn_id=turn_id, view=view, filters=filters, shown=shown),
        )

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
        return await self._noted(
            person, ReviewSearched(actor=person.id, subject=subject, filters=filters, text_mark=text_mark)
        )

    async def _noted(self, person: Person, event: ReviewViewed | ReviewSearched) -> Noted:
        _, emergencies = await gather(self._audit.append(event), self._emergencies_for(person))
        return Noted(person, emergencies)

    async def _emergencies_for(self, person: Person) -> Sequence[Grant]:
        return await self._emergencies.emergencies(person) if has_right(person, Right.READ_DESK) else ()

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
            emergencies=noted.emergencies,
            roles=" and ".join(sorted(role.value for role in noted.person.roles)),
            entries=entries_for(noted.person),
            is_anchor=has_right(noted.person, Right.CONFIRM_HEAD),
            now=datetime.now(UTC),
            **values,
        )
        return HTMLResponse(html, status, headers={"cache-control": "no-store"})
