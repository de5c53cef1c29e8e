"""Who there is and who is speaking: people, roles, sign-in and sessions."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from argon2 import PasswordHasher
from sqlalchemy import delete, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import col

from assistant.conversation import Person, Role
from assistant.database import reading, transaction
from assistant.errors import BadInputError, NotAllowedError
from assistant.identity.attempts import AttemptLimits, Attempts
from assistant.identity.names import check_name, check_roles, known_roles, parse_login, stored_roles
from assistant.identity.passwords import Passwords
from assistant.identity.people import (
    Credentials,
    PersonEntry,
    change_person,
    entries,
    find_credentials,
    has_people,
    insert_person,
    lock_people,
    nobody,
    require_administrator,
    to_entry,
)
from assistant.identity.tables import PersonRow, SessionRow

_TOKEN_BYTES: Final = 32  # 256 bits: not to be guessed, so a plain SHA-256 is enough to store it
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")  # 32 bytes in URL-safe base 64
_SEEN_EVERY: Final = timedelta(minutes=1)  # precision of `last_seen_at`: a write a minute, not one a request
_PAGE_MOST: Final = 200


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A person who just signed in, and the token of their new session: for the cookie, never for a log."""

    person: Person
    token: str

    def __repr__(self) -> str:
        """Show who, and nothing of the token."""
        return f"SignedIn({self.person.name!r})"


class Identity:
    """People, their passwords and sessions, in Postgres alone: every process sees a change at once.

    Args:
        session_hours: how long a sign-in lasts, whatever happens.
        limits: how often sign-in may fail.
        hasher: Argon2id with the wanted cost.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        *,
        session_hours: int,
        limits: AttemptLimits | None = None,
        hasher: PasswordHasher | None = None,
    ) -> None:
        self._engine = engine
        self._session_length = timedelta(hours=session_hours)
        self._attempts = Attempts(engine, limits or AttemptLimits())
        self._passwords = Passwords(hasher or PasswordHasher())

    async def add_person(self, name: str, roles: Iterable[Role], password: str, *, display_name: str = "") -> Person:
        """Add somebody who may sign in.

        Raises:
            BadInputError: the name or the password cannot be used, no role is given, or the name is taken.
        """
        login, held = check_name(name), check_roles(roles)
        password_hash = await self._passwords.hash(password)
        async with transaction(self._engine) as connection:
            person = await insert_person(connection, login, display_name or name, held, password_hash)
        if person is None:
            raise BadInputError(f"There is already somebody named {login!r}. Choose another name.")
        return person

    async def add_first_administrator(self, name: str, password: str) -> bool:
        """Add an administrator if nobody exists yet, and tell whether that was so; safe when several processes start.

        Raises:
            BadInputError: the name or the password cannot be used.
        """
        login = check_name(name)
        async with transaction(self._engine) as connection:
            if await has_people(connection):
                return False
        password_hash = await self._passwords.hash(password)
        async with transaction(self._engine) as connection:
            await lock_people(connection)
            if await has_people(connection):
                return False
            await insert_person(connection, login, name, frozenset({Role.ADMINISTRATOR}), password_hash)
        return True

    async def set_password(self, name: str, password: str) -> None:
        """Change a password, and sign the person out everywhere: who knew the old one is out.

        Raises:
            BadInputError: the password cannot be used.
            NotFoundError: nobody has this name.
        """
        password_hash = await self._passwords.hash(password)
        async with transaction(self._engine) as connection:
            await change_person(
                connection, name, password_hash=password_hash, session_epoch=PersonRow.session_epoch + 1
            )

    async def set_roles(self, name: str, roles: Iterable[Role]) -> None:
        """Give exactly these roles; running sessions have them from the next request on.

        Raises:
            BadInputError: no role is given, or this would leave nobody to administer.
            NotFoundError: nobody has this name.
        """
        held = check_roles(roles)
        async with transaction(self._engine) as connection:
            await lock_people(connection)
            await change_person(connection, name, roles=stored_roles(held))
            await require_administrator(connection)

    async def disable(self, name: str) -> None:
        """Switch an account off: every session ends at once, the history stays.

        Raises:
            BadInputError: this would leave nobody to administer.
            NotFoundError: nobody has this name.
        """
        async with transaction(self._engine) as connection:
            await lock_people(connection)
            await change_person(connection, name, is_disabled=True, session_epoch=PersonRow.session_epoch + 1)
            await require_administrator(connection)

    async def enable(self, name: str) -> None:
        """Switch an account on again; the person signs in anew.

        Raises:
            NotFoundError: nobody has this name.
        """
        async with transaction(self._engine) as connection:
            await change_person(connection, name, is_disabled=False)

    async def find_person(self, name: str) -> PersonEntry:
        """Return the entry of one person.

        Raises:
            NotFoundError: nobody has this name.
        """
        async with reading(self._engine) as connection:
            row = (await connection.execute(entries().where(col(PersonRow.name) == parse_login(name)))).one_or_none()
        if row is None:
            raise nobody(name)
        return to_entry(row)

    async def list_people(self, *, limit: int = 50, after: str = "") -> list[PersonEntry]:
        """Return people by name, from the one behind `after` on; a full page means there may be more."""
        page = entries().where(col(PersonRow.name) > parse_login(after)).order_by(col(PersonRow.name))
        async with reading(self._engine) as connection:
            rows = await connection.execute(page.limit(max(1, min(limit, _PAGE_MOST))))
        return [to_entry(row) for row in rows]

    async def sign_in(self, name: str, password: str, client: str) -> SignedIn:
        """Check a name and a password and begin a session.

        1. The attempt is counted before anything is compared.
        2. An unknown name costs the same work as a known one, and gets the same words.
        3. The session is written only if the account is still as it was when the password was checked.

        Args:
            name: as it was typed.
            password: as it was typed.
            client: who tries, such as the address of the connection; counted, never stored.

        Raises:
            TooManyAttemptsError: wait first.
            BadInputError: the password is empty or cannot be one.
            NotAllowedError: name and password do not fit, or the account is switched off.
        """
        login = parse_login(name)
        await self._attempts.begin(login, client)  # 1
        async with transaction(self._engine) as connection:
            found = await find_credentials(connection, login)
        is_right = await self._passwords.verify(found.password_hash if found else None, password)  # 2
        if found is None or not is_right:
            raise _refused()
        await self._attempts.forgive(login, client)
        if found.is_disabled:
            raise NotAllowedError("This account is switched off. Ask your administrator.")
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        await self._begin_session(found, token)  # 3
        if self._passwords.is_outdated(found.password_hash):
            await self._renew_hash(found, password)
        return SignedIn(found.person, token)

    async def person_for_session(self, token: str) -> Person | None:
        """Return who holds this token, with the roles in force now; none if the session is over or never was."""
        if not _TOKEN.fullmatch(token):
            return None
        found = (
            select(
                col(PersonRow.id),
                col(PersonRow.name),
                col(PersonRow.roles),
                (col(SessionRow.last_seen_at) < func.now() - literal(_SEEN_EVERY)).label("is_seen_late"),
            )
            .join(PersonRow, col(PersonRow.id) == col(SessionRow.person_id))
            .where(
                col(SessionRow.id) == _digest(token),
                col(SessionRow.revoked_at).is_(None),
                col(SessionRow.expires_at) > func.now(),
                col(SessionRow.epoch) == col(PersonRow.session_epoch),
                col(PersonRow.is_disabled).is_(False),
            )
        )
        async with transaction(self._engine) as connection:
            row = (await connection.execute(found)).one_or_none()
            if row is None:
                return None
            if row.is_seen_late:
                await connection.execute(
                    update(SessionRow).where(col(SessionRow.id) == _digest(token)).values(last_seen_at=func.now())
                )
        return Person(id=row.id, name=row.name, roles=known_roles(row.roles))

    async def sign_out(self, token: str) -> None:
        """End this session; unknown tokens are none."""
        if not _TOKEN.fullmatch(token):
            return
        async with transaction(self._engine) as connection:
            await connection.execute(
                update(SessionRow)
                .where(col(SessionRow.id) == _digest(token), col(SessionRow.revoked_at).is_(None))
                .values(revoked_at=func.now())
            )

    async def _begin_session(self, found: Credentials, token: str) -> None:
        unchanged = select(
            literal(_digest(token)),
            col(PersonRow.id),
            col(PersonRow.session_epoch),
            func.now() + literal(self._session_length),
        ).where(
            col(PersonRow.id) == found.person.id,
            col(PersonRow.session_epoch) == found.epoch,
            col(PersonRow.is_disabled).is_(False),
        )
        session = (
            insert(SessionRow)
            .from_select(["id", "person_id", "epoch", "expires_at"], unchanged)
            .returning(col(SessionRow.person_id))
        )
        async with transaction(self._engine) as connection:
            if await connection.scalar(session) is None:
                raise _refused()
            await connection.execute(
                delete(SessionRow).where(
                    col(SessionRow.person_id) == found.person.id, col(SessionRow.expires_at) <= func.now()
                )
            )

    async def _renew_hash(self, found: Credentials, password: str) -> None:
        """Store the password under today's parameters, unless it was changed meanwhile."""
        renewed = await self._passwords.rehash(password)
        async with transaction(self._engine) as connection:
            await connection.execute(
                update(PersonRow)
                .where(col(PersonRow.id) == found.person.id, col(PersonRow.password_hash) == found.password_hash)
                .values(password_hash=renewed)
            )


def _refused() -> NotAllowedError:
    return NotAllowedError("The name or the password is not right. Check both and try again.")


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("ascii")).digest()
