"""Who may come in: the identity does it, the audit log says so. Every door and command changes people through here."""

from __future__ import annotations

from collections.abc import Coroutine, Iterable
from contextlib import closing
from typing import Any, Final
from uuid import UUID

from assistant.audit.events import (
    PersonAdded,
    PersonChanged,
    PersonSignedIn,
    PersonSignedOut,
    PersonSignInFailed,
    Refusal,
)
from assistant.audit.log import AuditLog
from assistant.audit.parts import TextMarker
from assistant.conversation import Person, Role
from assistant.errors import CloisterError, NotFoundError
from assistant.identity.attempts import TooManyAttemptsError
from assistant.identity.identity import Identity, SignedIn
from assistant.identity.names import check_roles
from assistant.identity.people import PersonEntry

ON_THE_SERVER: Final = None  # the actor of a change that was made by a command on the server


class Access:
    """Sign in and out, and administer people, with a trace of each in the audit log.

    Args:
        identity: people and sessions.
        audit: the open audit log.
        marker: makes the mark of a name that was typed at a refused sign-in; it may be a password.
    """

    def __init__(self, identity: Identity, audit: AuditLog, marker: TextMarker) -> None:
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
        try:
            await self._audit.append(PersonAdded(actor=actor, subject=person.id, roles=tuple(sorted(person.roles))))
        except CloisterError:
            await self._identity.disable(name)
            raise
        return person

    async def set_roles(self, name: str, roles: Iterable[Role], *, actor: UUID | None = None) -> None:
        """Give exactly these roles; running sessions have them from the next request on.

        Raises:
            BadInputError: no role is given, or this would leave nobody to administer.
            NotFoundError: nobody has this name.
        """
        wanted = check_roles(roles)
        await self._change(name, "roles", self._identity.set_roles(name, wanted), actor=actor, roles=wanted)

    async def set_password(self, name: str, password: str, *, actor: UUID | None = None) -> None:
        """Change a password, and sign the person out everywhere.

        Raises:
            BadInputError: the password cannot be used.
            NotFoundError: nobody has this name.
        """
        await self._change(name, "password", self._identity.set_password(name, password), actor=actor)

    async def disable(self, name: str, *, actor: UUID | None = None) -> None:
        """Switch an account off: every session ends at once, the history stays.

        Raises:
            BadInputError: this would leave nobody to administer.
            NotFoundError: nobody has this name.
        """
        await self._change(name, "switched-off", self._identity.disable(name), actor=actor)

    async def enable(self, name: str, *, actor: UUID | None = None) -> None:
        """Switch an account on again.

        Raises:
            NotFoundError: nobody has this name.
        """
        await self._change(name, "switched-on", self._identity.enable(name), actor=actor)

    async def find_id(self, name: str) -> UUID | None:
        """Return the id of whoever has this name; none where nobody does."""
        try:
            return (await self._identity.find_person(name)).id
        except NotFoundError:
            return None

    async def find_person(self, name: str) -> PersonEntry:
        """Return the entry of one person.

        Raises:
            NotFoundError: nobody has this name.
        """
        return await self._identity.find_person(name)

    async def list_people(self, *, limit: int = 50, after: str = "") -> list[PersonEntry]:
        """Return people by name, from the one behind `after` on; a full page means there may be more."""
        return await self._identity.list_people(limit=limit, after=after)

    async def _change(
        self,
        name: str,
        change: str,
        doing: Coroutine[Any, Any, None],
        *,
        actor: UUID | None,
        roles: frozenset[Role] | None = None,
    ) -> None:
        """Note a change, then do it: no right changes without a trace. A refusal is noted too."""
        with closing(doing):  # not begun yet; closed without a warning if the note fails
            entry = await self._identity.find_person(name)
            held = tuple(sorted(entry.roles if roles is None else roles))
            await self._audit.append(PersonChanged(actor=actor, subject=entry.id, change=change, roles=held))
            try:
                await doing
            except CloisterError:
                undone = PersonChanged(
                    actor=actor, subject=entry.id, change=f"{change}-refused", roles=tuple(sorted(entry.roles))
                )
                await self._audit.append(undone)
                raise

    async def _note_refusal(self, name: str, error: CloisterError) -> None:
        try:
            subject = (await self._identity.find_person(name)).id
        except NotFoundError:
            subject = None
        reason = Refusal.TOO_MANY_ATTEMPTS if isinstance(error, TooManyAttemptsError) else Refusal.WRONG
        await self._audit.append(
            PersonSignInFailed(subject=subject, name_mark=self._marker.mark(name[:200]), reason=reason)
        )
