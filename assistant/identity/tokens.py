"""API tokens: made once, shown once, stored as a keyed hash, void in the moment they are revoked."""

from __future__ import annotations

import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import Row, case, func, literal, null, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlmodel import col

from assistant.conversation import Person
from assistant.database import transaction
from assistant.errors import BadInputError, NotAllowedError, NotFoundError
from assistant.identity.attempts import AttemptLimits, Attempts
from assistant.identity.names import known_roles, parse_login
from assistant.identity.people import nobody
from assistant.identity.scopes import Scopes
from assistant.identity.tables import ApiTokenRow, PersonRow
from assistant.identity.token_lookup import TokenFault, TokenLookup

PREFIX: Final = "clst_"  # secret scanners and our own guard know a token by it: policies/rules/infrastructure.yaml
MOST_DAYS: Final = 366
_TOKEN_BYTES: Final = 32  # 256 bits: not to be guessed
_TOKEN = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{43}}")  # 32 bytes in URL-safe base 64
_MOST_TOKENS: Final = 100  # alive, of one person
LABEL_CHARS: Final = 60


class TokenRefusedError(NotAllowedError):
    """A token opens nothing; the message is the same for every reason.

    Attributes:
        fault: the reason, for the audit log alone.
        token_id, owner: of a token that once was one.
    """

    def __init__(self, fault: TokenFault, *, token_id: UUID | None = None, owner: UUID | None = None) -> None:
        super().__init__("This token opens nothing: it is unknown, expired or revoked. Ask your administrator for one.")
        self.fault = fault
        self.token_id = token_id
        self.owner = owner


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token that was just made: the only moment in which it can be read."""

    id: UUID
    owner: UUID
    token: str
    expires_at: datetime

    def __repr__(self) -> str:
        """Show which, and nothing of the token."""
        return f"NewToken({str(self.id)!r})"


@dataclass(frozen=True, slots=True)
class Holder:
    """Who asks with a token, with the roles in force now, and what the token may be used for."""

    person: Person
    token_id: UUID
    scopes: Scopes


@dataclass(frozen=True, slots=True)
class TokenEntry:
    """A line of the list of tokens.

    Attributes:
        owner: the name that its owner signs in with.
        last_used_at: to ten minutes; none if it never was.
        fault: why it opens nothing any more; none if it does.
    """

    id: UUID
    owner: str
    label: str
    scopes: Scopes
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    fault: TokenFault | None


_FAULT = case(
    (col(ApiTokenRow.revoked_at).is_not(None), TokenFault.REVOKED.value),
    (or_(col(PersonRow.is_disabled), col(PersonRow.session_epoch) != col(ApiTokenRow.epoch)), TokenFault.VOID.value),
    (col(ApiTokenRow.expires_at) <= func.now(), TokenFault.EXPIRED.value),
    else_=null(),
)
_ENTRY = (
    col(ApiTokenRow.id),
    col(PersonRow.name),
    col(ApiTokenRow.label),
    col(ApiTokenRow.scopes),
    col(ApiTokenRow.created_at),
    col(ApiTokenRow.expires_at),
    col(ApiTokenRow.last_used_at),
    _FAULT.label("fault"),
)


class ApiTokens:
    """Tokens in Postgres alone: every process sees a revocation with its next request.

    Args:
        key: of the hash. Whoever steals the table can neither find a token nor tell whether a guess is one; and how
            long the index takes to compare hashes tells nothing to who cannot compute them.
        limits: how often tokens may be refused.
    """

    def __init__(self, engine: AsyncEngine, key: bytes, limits: AttemptLimits | None = None) -> None:
        self._engine = engine
        self._key = key
        self._attempts = Attempts(engine, limits or AttemptLimits())
        self._lookup = TokenLookup(engine)

    async def create(
        self, owner: str, scopes: Scopes, *, days: int, label: str = "", token_id: UUID | None = None
    ) -> NewToken:
        """Make a token for a person.

        Raises:
            BadInputError: days or label do not fit, the account is switched off or holds too many tokens, or there is
                one of this id.
            NotFoundError: nobody has this name.
        """
        if not 1 <= days <= MOST_DAYS:
            raise BadInputError(f"A token lives 1 to {MOST_DAYS} days.")
        if len(label) > LABEL_CHARS or not label.isprintable():
            raise BadInputError(f"A label has at most {LABEL_CHARS} characters that can be shown.")
        token = PREFIX + secrets.token_urlsafe(_TOKEN_BYTES)
        async with transaction(self._engine) as connection:
            person = await _lock_owner(connection, owner)
            row = (
                await connection.execute(
                    insert(ApiTokenRow)
                    .values(
                        id=token_id or uuid4(),
                        digest=self._digest(token),
                        person_id=person.id,
                        epoch=person.session_epoch,
                        label=label,
                        scopes=list(scopes.words),
                        expires_at=func.now() + literal(timedelta(days=days)),
                    )
                    .on_conflict_do_nothing(index_elements=[col(ApiTokenRow.id)])
                    .returning(col(ApiTokenRow.id), col(ApiTokenRow.expires_at))
                )
            ).one_or_none()
        if row is None:
            raise BadInputError("This form was sent before, and its token was shown then. Fill it in anew for another.")
        return NewToken(row.id, person.id, token, row.expires_at)

    async def list(self, owner: str = "") -> list[TokenEntry]:
        """Return the tokens of one person, or of everybody, the newest first.

        Raises:
            NotFoundError: nobody has this name.
        """
        wanted = select(*_ENTRY).join(PersonRow, col(PersonRow.id) == col(ApiTokenRow.person_id))
        async with transaction(self._engine) as connection:
            if owner:
                wanted = wanted.where(col(ApiTokenRow.person_id) == await _id_of(connection, owner))
            rows = await connection.execute(wanted.order_by(col(ApiTokenRow.created_at).desc(), col(ApiTokenRow.id)))
        return [_entry(row) for row in rows]

    async def revoke(self, token_id: UUID) -> UUID:
        """Void a token for good, and return its owner; a second time changes nothing.

        Raises:
            NotFoundError: there is no such token.
        """
        async with transaction(self._engine) as connection:
            owner: UUID | None = await connection.scalar(
                update(ApiTokenRow)
                .where(col(ApiTokenRow.id) == token_id)
                .values(revoked_at=func.coalesce(col(ApiTokenRow.revoked_at), func.now()))
                .returning(col(ApiTokenRow.person_id))
            )
        if owner is None:
            raise no_such_token()
        return owner

    async def owner_of(self, token_id: UUID) -> UUID:
        """Return whose token this is, alive or not.

        Raises:
            NotFoundError: there is no such token.
        """
        async with transaction(self._engine) as connection:
            owner = await connection.scalar(select(col(ApiTokenRow.person_id)).where(col(ApiTokenRow.id) == token_id))
        if owner is None:
            raise no_such_token()
        return owner

    async def holder(self, token: str, client: str) -> Holder:
        """Return who holds this token.

        Only refusals are counted, each before it is told: a token that is right costs one look-up and no write, and an
        office behind one address is not locked out by a colleague's old editor.

        Args:
            token: as it came.
            client: who asks, such as the address of the connection; counted, never stored.

        Raises:
            TokenRefusedError: it opens nothing.
            TooManyAttemptsError: it opens nothing, and too many before it did not either.
        """
        digest = self._digest(token)
        row = await self._lookup.find(digest) if _TOKEN.fullmatch(token) else None
        if row is None or row.fault is not None:
            # Counters of their own: an office whose old editors go on asking must still be able to sign in.
            await self._attempts.begin(f"token:{digest.hex()}", f"token:{client}")
            if row is None or row.fault is None:
                raise TokenRefusedError(TokenFault.UNKNOWN)
            raise TokenRefusedError(row.fault, token_id=row.token_id, owner=row.person_id)
        if row.is_used_late:
            await self._note_use(row.token_id)
        person = Person(id=row.person_id, name=row.name, roles=known_roles(row.roles))
        return Holder(person, row.token_id, Scopes(tuple(row.scopes)))

    async def _note_use(self, token_id: UUID) -> None:
        async with transaction(self._engine) as connection:
            await connection.execute(
                update(ApiTokenRow).where(col(ApiTokenRow.id) == token_id).values(last_used_at=func.now())
            )

    def _digest(self, token: str) -> bytes:
        return hmac.digest(self._key, token.encode("utf-8", "surrogatepass"), sha256)


def no_such_token() -> NotFoundError:
    """Return the refusal of a token that is not there, or not for who asks: the two look the same."""
    return NotFoundError("There is no such token, or it is not yours. The list shows those there are.")


async def _lock_owner(connection: AsyncConnection, name: str) -> Row[UUID, int, bool]:
    """Return id and epoch of a person who may be given one more token; two at once follow each other."""
    wanted = (
        select(col(PersonRow.id), col(PersonRow.session_epoch), col(PersonRow.is_disabled))
        .where(col(PersonRow.name) == parse_login(name))
        .with_for_update()
    )
    person = (await connection.execute(wanted)).one_or_none()
    if person is None:
        raise nobody(name)
    if person.is_disabled:
        raise BadInputError("This account is switched off. Switch it on first: `cloister users enable`.")
    alive = (
        select(func.count())
        .select_from(ApiTokenRow)
        .join(PersonRow, col(PersonRow.id) == col(ApiTokenRow.person_id))
        .where(col(ApiTokenRow.person_id) == person.id, _FAULT.is_(None))
    )
    if (await connection.scalar(alive) or 0) >= _MOST_TOKENS:
        raise BadInputError(f"This person holds {_MOST_TOKENS} tokens already. Revoke those that are not used.")
    return person


async def _id_of(connection: AsyncConnection, name: str) -> UUID:
    found = await connection.scalar(select(col(PersonRow.id)).where(col(PersonRow.name) == parse_login(name)))
    if found is None:
        raise nobody(name)
    return found


def _entry(row: Row[Any]) -> TokenEntry:
    return TokenEntry(
        id=row.id,
        owner=row.name,
        label=row.label,
        scopes=Scopes(tuple(row.scopes)),
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        fault=None if row.fault is None else TokenFault(row.fault),
    )
