"""Who may come in: the identity does it, the audit log says so. Every door and command changes people through here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from assistant.audit.append import Appender
from assistant.audit.events import PersonAdded, PersonChanged, PersonSignedIn, PersonSignedOut, PersonSignInFailed
from assistant.audit.parts import TextMarker
from assistant.conversation import Person, Role
from assistant.errors import CloisterError, NotFoundError
from assistant.identity.attempts import TooManyAttemptsError
from assistant.identity.identity import Identity, SignedIn
from assistant.identity.people import PersonEntry

ON_THE_SERVER: Final = None  # the actor of a change that was made by a command on the server


class Access:
    """Sign in and out, and administer people, with a trace of each in the audit log.

    Args:
        identity: people and sessions.
        audit: the open audit log.
        marker: makes the mark of a name that was typed at a refused sign-in; it may be a password.
    """

    def __init__(self, identity: Identity, audit: Appender, marker: TextMarker) -> None:
        self._identity = identity
        self._audit = audit
        self._marker = marker

    async def sign_in(self, name: str, password: str, client: str) -> SignedIn:
        """Begin a session, and note it before anybody holds its token.

        Raises:
            CloisterError: refused; the message may be shown and tells a stranger nothing.
        """
        try:
            signed_in = await self._identity.sign_in(name, password, client)
        except CloisterError as error:
            await self._note_refusal(name, error)
            raise
        try:
            await self._audit.append(PersonSignedIn(actor=signed_in.person.id))
        except CloisterError:
            await self._identity.sign_out(signed_in.token)
            raise
        return signed_in

    async def person_for_session(self, token: str) -> Person | None:
        """Return who holds this session, with the roles in force now; none when it is over."""
        return await self._identity.person_for_session(token)

    async def sign_out(self, token: str) -> None:
        """End a session, whatever becomes of its note."""
        person = await self._identity.person_for_session(token)
        await self._identity.sign_out(token)
        if person is not None:
            await self._audit.append(PersonSignedOut(actor=person.id, subject=person.id))

    async def add_first_administrator(self, name: str, password: str) -> bool:
        """Add an administrator if nobody exists yet, and tell whether that was so.

        Raises:
            BadInputError: the name or the password cannot be used.
        """
        if not await self._identity.add_first_administrator(name, password):
            return False
        entry = await self._identity.find_person(name)
        await self._audit.append(PersonAdded(actor=ON_THE_SERVER, subject=entry.id, roles=tuple(entry.roles)))
        return True

    async def add_person(
        self, name: str, roles: Iterable[Role], password: str, *, display_name: str = "", actor: UUID | None = None
    ) -> Person:
        """Add somebody who may sign in.

        Raises:
            BadInputError: the name or the password cannot be used, no role is given, or the name is taken.
        """
        person = await self._identity.add_person(name, roles, password, display_name=display_name)
        await self._audit.append(PersonAdded(actor=actor, subject=person.id, roles=tuple(sorted(person.roles))))
        return person

    async def set_roles(self, name: str, roles: Iterable[Role], *, actor: UUID | None = None) -> None:
        """Give exactly these roles; running sessions have them from the next request on.

        Raises:
            BadInputError: no role is given, or this would leave nobody to administer.
            NotFoundError: nobody has this name.
        """
        await self._identity.set_roles(name, roles)
        await self._note_change(name, "roles", actor)

    async def set_password(self, name: str, password: str, *, actor: UUID | None = None) -> None:
        """Change a password, and sign the person out everywhere.

        Raises:
            BadInputError: the password cannot be used.
            NotFoundError: nobody has this name.
        """
        await self._identity.set_password(name, password)
        await self._note_change(name, "password", actor)

    async def disable(self, name: str, *, actor: UUID | None = None) -> None:
        """Switch an account off: every session ends at once, the history stays.

        Raises:
            BadInputError: this would leave nobody to administer.
            NotFoundError: nobody has this name.
        """
        await self._identity.disable(name)
        await self._note_change(name, "switched-off", actor)

    async def enable(self, name: str, *, actor: UUID | None = None) -> None:
        """Switch an account on again.

        Raises:
            NotFoundError: nobody has this name.
        """
        await self._identity.enable(name)
        await self._note_change(name, "switched-on", actor)

    async def list_people(self, *, limit: int = 50, after: str = "") -> list[PersonEntry]:
        """Return people by name, from the one behind `after` on; a full page means there may be more."""
        return await self._identity.list_people(limit=limit, after=after)

    async def _note_change(self, name: str, change: str, actor: UUID | None) -> None:
        entry = await self._identity.find_person(name)
        await self._audit.append(
            PersonChanged(actor=actor, subject=entry.id, change=change, roles=tuple(sorted(entry.roles)))
        )

    async def _note_refusal(self, name: str, error: CloisterError) -> None:
        try:
            subject = (await self._identity.find_person(name)).id
        except NotFoundError:
            subject = None
        reason = "too-many-attempts" if isinstance(error, TooManyAttemptsError) else "refused"
        await self._audit.append(
            PersonSignInFailed(subject=subject, name_mark=self._marker.mark(name[:200]), reason=reason)
        )
