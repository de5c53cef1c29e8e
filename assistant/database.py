"""Postgres: addresses, engines and transactions. Tables live with the rooms that own them."""

from __future__ import annotations

import asyncio
import select
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Self

import psycopg
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr
from sqlalchemy import create_engine as create_sync_engine
from sqlalchemy import event
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool
from sqlalchemy.util import await_only
from sqlmodel import SQLModel

from assistant.errors import UnavailableError
from connectors.network import installed

if TYPE_CHECKING:
    from psycopg.abc import PQGenConn

TRANSIENT: Final = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.InternalError, OSError)
"""What another connection, or the same one a moment later, can mend: a server away, starting, full or a standby."""

_DEFAULT_PORT: Final = "5432"
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
    engine = create_async_engine(parse_url(url), pool_size=_POOL_SIZE, pool_pre_ping=True, hide_parameters=True)

    def judge(_dialect: object, _record: object, _arguments: object, parameters: dict[str, Any]) -> None:
        if _has_network_host(parameters):
            parameters |= await_only(asyncio.to_thread(judged_hosts, parameters))

    event.listen(engine.sync_engine, "do_connect", judge)
    dialect = engine.sync_engine.dialect
    ping = dialect.do_ping

    def is_there(dbapi_connection: DBAPIConnection) -> bool:
        return _is_quiet(dbapi_connection) or ping(dbapi_connection)

    dialect.do_ping = is_there  # type: ignore[method-assign]  # to ask the server costs as much as what is asked next
    return engine


def create_command_engine(url: SecretStr) -> Engine:
    """Return an engine for a command that ends soon: no pool, no loop."""
    engine = create_sync_engine(parse_url(url), poolclass=NullPool, hide_parameters=True)

    def judge(_dialect: object, _record: object, _arguments: object, parameters: dict[str, Any]) -> None:
        parameters |= judged_hosts(parameters)

    event.listen(engine, "do_connect", judge)
    return engine


def _is_quiet(connection: Any) -> bool:
    """Tell whether nothing came over a connection that nobody uses: a server that went has closed it, or said so.

    A server that fell silent closes nothing; keep-alives notice within seconds (`_PATIENCE`), and then it is closed.
    """
    driver: psycopg.AsyncConnection = connection.driver_connection
    if driver.closed:
        return False
    poll = select.poll()
    poll.register(driver.pgconn.socket, select.POLLIN)
    return not poll.poll(0)


class _Connection(psycopg.AsyncConnection):
    """A connection whose making leaves nothing behind when whoever waits for it is cancelled.

    psycopg drops its half of an attempt then, and the exception's traceback keeps the socket open: the server waits for
    a password for a minute, and counts it as a connection.
    """

    @classmethod
    def _connect_gen(cls, conninfo: str = "") -> PQGenConn[Self]:
        attempt = super()._connect_gen(conninfo)
        _ATTEMPTS.get().append(attempt)
        return attempt


_ATTEMPTS: Final[ContextVar[list[PQGenConn[_Connection]]]] = ContextVar("attempts")


async def connect(url: SecretStr, **options: Any) -> psycopg.AsyncConnection:
    """Connect without SQLAlchemy; `options` are those of `psycopg.AsyncConnection.connect`.

    Whoever is cancelled meanwhile leaves no connection open.

    Raises:
        psycopg.Error: the database cannot be reached, or may not be.
    """
    parameters = conninfo_to_dict(libpq_dsn(url))
    if _has_network_host(parameters):
        parameters |= await asyncio.to_thread(judged_hosts, parameters)
    attempts: list[PQGenConn[_Connection]] = []
    token = _ATTEMPTS.set(attempts)
    try:
        return await _Connection.connect(**{**parameters, **options})
    except BaseException:
        for attempt in attempts:
            attempt.close()
        raise
    finally:
        _ATTEMPTS.reset(token)


def connect_blocking(url: SecretStr, **options: Any) -> psycopg.Connection:
    """Connect for a thread of its own that reads much: it waits outside Python, and costs the loop nothing.

    Raises:
        psycopg.Error: the database cannot be reached, or may not be.
    """
    parameters = conninfo_to_dict(libpq_dsn(url))
    parameters |= judged_hosts(parameters)
    return psycopg.connect(**{**parameters, **options})


def judged_hosts(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Return `host`, `hostaddr` and `port` as libpq may be handed them: it connects unseen by the network lock.

    Names are looked up here and the addresses judged; libpq looks nothing up any more; names are for certificates.
    Without a lock, or for Unix sockets alone, nothing changes.

    Args:
        parameters: of a connection, each as libpq takes it: several hosts are separated by commas.

    Raises:
        psycopg.OperationalError: no host is known and allowed.
    """
    lock = installed()
    if lock is None or not _has_network_host(parameters):
        return {}
    hosts, addresses, ports = (str(parameters.get(name) or "").split(",") for name in ("host", "hostaddr", "port"))
    count = max(len(hosts), len(addresses))
    found: list[tuple[str, str, str]] = []
    failure: OSError | None = None
    for number in range(count):
        host, address = _nth(hosts, number, count), _nth(addresses, number, count)
        port = _nth(ports, number, count) or _DEFAULT_PORT
        try:
            allowed = lock.check_address(address or host, int(port)) if address or not _is_socket(host) else ("",)
        except OSError as error:
            failure = error
        else:
            found += [(host, each, port) for each in allowed]
    if not found:
        raise psycopg.OperationalError(str(failure)) from failure
    return {
        name: ",".join(part) for name, part in zip(("host", "hostaddr", "port"), zip(*found, strict=True), strict=True)
    }


def _has_network_host(parameters: Mapping[str, Any]) -> bool:
    hosts = str(parameters.get("host") or "").split(",")
    return bool(parameters.get("hostaddr")) or not all(map(_is_socket, hosts))


def _is_socket(host: str) -> bool:
    """Tell whether libpq takes a host for a folder of Unix sockets; no host at all means the default folder."""
    return not host or host.startswith(("/", "@"))


def _nth(values: Sequence[str], number: int, count: int) -> str:
    return values[number] if len(values) == count else values[0]


def is_gone(error: psycopg.Error) -> bool:
    """Tell whether a table, column or function that this version needs is not there, or is another one."""
    return isinstance(error, psycopg.ProgrammingError) and not isinstance(error, psycopg.errors.InsufficientPrivilege)


def unreadable(error: psycopg.Error, away: str) -> UnavailableError:
    """Return what a reader of the log raises: `away`, or that something of the log is gone, which is no outage."""
    if not is_gone(error):
        return UnavailableError(away)
    return UnavailableError(
        f"The audit log cannot be read: something of it is gone ({error.diag.message_primary or 'unknown'}). Keep the "
        "database as it is, and run `cloister audit verify`."
    )


@asynccontextmanager
async def transaction(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Give a connection whose work is committed at the end, or undone when the block raises.

    Raises:
        UnavailableError: the database does not answer, or ended the transaction; the same call may succeed later.
    """
    with _told():
        async with engine.begin() as connection:
            yield connection


@asynccontextmanager
async def reading(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Give a connection for statements that only read, without the transaction, which costs as much as one of them.

    Each sees what is committed when it begins, as in a transaction here, too. Nothing is locked.

    Raises:
        UnavailableError: the database does not answer; the same call may succeed later.
    """
    with _told():
        async with engine.connect() as connection:
            await _end_transactions(connection)
            yield connection


async def _end_transactions(connection: AsyncConnection) -> None:
    """Let each statement stand for itself until the connection goes back to its pool.

    SQLAlchemy undoes that there only if it was done to the end: who was cancelled in the middle would leave to the next
    a connection that begins no transaction, and commits half of what that one writes.
    """
    try:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
    except BaseException as error:
        await connection.invalidate(error)
        raise


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeoutError) as error:
        raise UnavailableError("The database does not answer. Nothing was changed; try again in a moment.") from error
