"""People as rows: finding, adding and changing them inside a transaction of the caller."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import Row, Select, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from assistant.conversation import Person, Role
from assistant.errors import BadInputError, NotFoundError
from assistant.identity.names import check_display_name, known_roles, parse_login, stored_roles
from assistant.identity.tables import PersonRow, SessionRow

_PEOPLE_LOCK: Final = 0x636C_6F69_7065  # "cloipe": advisory lock of changes to who administers


@dataclass(frozen=True, slots=True)
class PersonEntry:
    """A line of the list of people.

    Attributes:
        last_seen_at: to the minute, of sessions that are still kept; none if there is none.
    """

    id: UUID
    name: str
    display_name: str
    roles: frozenset[Role]
    is_disabled: bool
    created_at: datetime
    last_seen_at: datetime | None


@dataclass(frozen=True, slots=True)
class Credentials:
    """What sign-in compares; `epoch` changes when the password does."""

    person: Person
    epoch: int
    password_hash: str
    is_disabled: bool


async def find_credentials(connection: AsyncConnection, login: str) -> Credentials | None:
    """Return what sign-in compares for a name; none if nobody has it."""
    wanted = select(
        col(PersonRow.id),
        col(PersonRow.roles),
        col(PersonRow.session_epoch),
        col(PersonRow.password_hash),
        col(PersonRow.is_disabled),
    ).where(col(PersonRow.name) == login)
    row = (await connection.execute(wanted)).one_or_none()
    if row is None:
        return None
    person = Person(id=row.id, name=login, roles=known_roles(row.roles))
    return Credentials(
        person=person, epoch=row.session_epoch, password_hash=row.password_hash, is_disabled=row.is_disabled
    )


async def insert_person(
    connection: AsyncConnection, login: str, display_name: str, roles: frozenset[Role], password_hash: str
) -> Person | None:
    """Add a person; none if the name is taken."""
    person = Person(id=uuid4(), name=login, roles=roles)
    added = await connection.scalar(
        insert(PersonRow)
        .values(
            id=person.id,
            name=login,
            display_name=check_display_name(display_name),
            password_hash=password_hash,
            roles=stored_roles(roles),
        )
        .on_conflict_do_nothing(index_elements=[col(PersonRow.name)])
        .returning(col(PersonRow.id))
    )
    return None if added is None else person


async def lock_people(connection: AsyncConnection) -> None:
    """Let one change to who administers follow the other, so that two cannot each remove the other's last one."""
    await connection.execute(select(func.pg_advisory_xact_lock(_PEOPLE_LOCK)))


async def has_people(connection: AsyncConnection) -> bool:
    """Tell whether anybody exists."""
    return bool(await connection.scalar(select(exists().where(col(PersonRow.id).is_not(None)))))


async def change_person(connection: AsyncConnection, name: str, **values: object) -> None:
    """Change columns of the person with this name.

    Raises:
        NotFoundError: nobody has this name.
    """
    changed = await connection.execute(
        update(PersonRow).where(col(PersonRow.name) == parse_login(name)).values(**values)
    )
    if changed.rowcount != 1:
        raise nobody(name)


async def require_administrator(connection: AsyncConnection) -> None:
    """Undo the transaction if it leaves nobody to administer.

    Raises:
        BadInputError: no enabled administrator is left.
    """
    left = exists().where(
        col(PersonRow.is_disabled).is_(False), col(PersonRow.roles).contains([Role.ADMINISTRATOR.value])
    )
    if not await connection.scalar(select(left)):
        raise BadInputError("Nobody would be left to administer. Make somebody else an administrator first.")


def entries() -> Select[UUID, str, str, list[str], bool, datetime, datetime]:
    """Select the columns of a `PersonEntry`."""
    last_seen = (
        select(func.max(col(SessionRow.last_seen_at)))
        .where(col(SessionRow.person_id) == col(PersonRow.id))
        .scalar_subquery()
    )
    return select(
        col(PersonRow.id),
        col(PersonRow.name),
        col(PersonRow.display_name),
        col(PersonRow.roles),
        col(PersonRow.is_disabled),
        col(PersonRow.created_at),
        last_seen.label("last_seen_at"),
    )


def to_entry(row: Row[UUID, str, str, list[str], bool, datetime, datetime]) -> PersonEntry:
    """Return the entry of a row of `entries`."""
    return PersonEntry(
        id=row.id,
        name=row.name,
        display_name=row.display_name,
        roles=known_roles(row.roles),
        is_disabled=row.is_disabled,
        created_at=row.created_at,
        last_seen_at=row.last_seen_at,
    )


def nobody(name: str) -> NotFoundError:
    """Return the error for a name that nobody has."""
    return NotFoundError(f"There is nobody named {parse_login(name) or name[:64]!r}.")
