"""Postgres: addresses, engines and transactions. Tables live with the rooms that own them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Final

from pydantic import SecretStr
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlmodel import SQLModel

from assistant.errors import UnavailableError

_POOL_SIZE = 8  # connections a process; a turn holds one for milliseconds at a time

# A server that went silent is noticed within seconds, by whoever connects and by whoever waits for an answer; over a
# Unix socket only the first has an effect. An address that sets one of these itself keeps its own.
_PATIENCE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "connect_timeout": "3",  # seconds, as the next three
        "keepalives_idle": "5",
        "keepalives_interval": "2",
        "keepalives_count": "3",
        "tcp_user_timeout": "8000",  # milliseconds
    }
)

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


def parse_url(url: SecretStr) -> URL:
    """Parse a Postgres address, and give it the driver and the patience that all of Cloister uses."""
    parsed = make_url(url.get_secret_value()).set(drivername="postgresql+psycopg")
    return parsed.set(query={**_PATIENCE, **parsed.query})


def libpq_dsn(url: SecretStr) -> str:
    """Return the address as libpq takes it, for code that speaks psycopg directly. Holds the password."""
    return parse_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def create_engine(url: SecretStr) -> AsyncEngine:
    """Return an engine for ordinary tables; parameters never show in errors or logs."""
    return create_async_engine(parse_url(url), pool_size=_POOL_SIZE, pool_pre_ping=True, hide_parameters=True)


@asynccontextmanager
async def transaction(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Give a connection whose work is committed at the end, or undone when the block raises.

    Raises:
        UnavailableError: the database does not answer, or ended the transaction; the same call may succeed later.
    """
    try:
        async with engine.begin() as connection:
            yield connection
    except (OperationalError, InterfaceError, PoolTimeoutError) as error:
        raise UnavailableError("The database does not answer. Nothing was changed; try again in a moment.") from error
