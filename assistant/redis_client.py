"""Redis as tasks use it that may be stopped: what cancels them is heard, and nothing is waited for without end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.connection import Connection, parse_url
from redis.asyncio.retry import Retry
from redis.exceptions import TimeoutError as RedisTimeoutError

if TYPE_CHECKING:
    from redis.asyncio.connection import AbstractConnection as _Base
else:
    _Base = object

_MOST_CONNECTIONS = 100  # of one client; who asks when all are out waits for one


def open_redis(url: SecretStr, *, patience_seconds: float, retry: Retry | None = None) -> Redis:
    """Return a client; nothing is connected yet, and whoever gets it closes it.

    Args:
        url: redis, rediss or unix.
        patience_seconds: how long a connection may take to stand, and an answer to come.
        retry: what is tried again; without it, what the library does.
    """
    options: dict[str, Any] = dict(parse_url(url.get_secret_value()))
    kind = options.pop("connection_class", Connection)
    options |= {"socket_timeout": patience_seconds, "socket_connect_timeout": patience_seconds}
    if retry is not None:
        options["retry"] = retry
    options.setdefault("max_connections", _MOST_CONNECTIONS)
    # Not the plain pool: it refuses who asks when all of its connections are out, as in a moment of many turns.
    return Redis.from_pool(BlockingConnectionPool(connection_class=_hearing(kind), timeout=patience_seconds, **options))


class _Hearing(_Base):
    """Sends without `asyncio.wait_for`, which loses a cancellation in Python 3.11 (python/cpython#86296).

    A turn that is stopped in that moment would go on, and a background task never end.
    """

    async def send_packed_command(self, command: bytes | str | Iterable[bytes], check_health: bool = True) -> None:  # noqa: FBT001, FBT002  # the library's signature
        """Send, within the same time."""
        patience, self.socket_timeout = self.socket_timeout, None
        try:
            async with asyncio.timeout(patience):
                await super().send_packed_command(command, check_health)
        except TimeoutError:
            raise RedisTimeoutError("Timeout writing to socket") from None
        finally:
            self.socket_timeout = patience


@cache
def _hearing(kind: type[_Base]) -> type[_Base]:
    return type(f"Hearing{kind.__name__}", (_Hearing, kind), {})
