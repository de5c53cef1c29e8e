"""The hosts as commands look at them: the fleet's or those of this machine, and the board that all processes share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import typer

if TYPE_CHECKING:  # so that `--help` answers at once
    from assistant.fleet.board import RedisBoard
    from assistant.settings import Settings
    from connectors.model_hosts.catalogue import Host
    from connectors.model_hosts.watching.watch import Watch

T = TypeVar("T")

_PATIENCE_SECONDS: Final = 3.0

HostName = Annotated[str, typer.Argument(metavar="HOST", help="Its name, as fleet.yaml has it.")]


@asynccontextmanager
async def watched(settings: Settings) -> AsyncIterator[Watch]:
    """Read the fleet, let this process reach its hosts, and give a watch that has not looked yet."""
    from assistant.bootstrap.fleet import read_hosts
    from connectors.model_hosts.kinds.kinds import build_kinds
    from connectors.model_hosts.watching.watch import Watch

    watch = Watch(read_hosts(settings), build_kinds(), on_change=lambda: None)
    try:
        yield watch
    finally:
        await watch.close()


@asynccontextmanager
async def opened_board(settings: Settings) -> AsyncIterator[RedisBoard]:
    """Open the board in the company's own Redis, or in that of `cloister up`."""
    from assistant.embedded.running import redis_address
    from assistant.fleet.board import RedisBoard
    from assistant.redis_client import open_redis

    async with open_redis(redis_address(settings), patience_seconds=_PATIENCE_SECONDS) as client:
        yield RedisBoard(client)


async def or_refuse(asked: Awaitable[T]) -> T:
    """Wait for something of Redis, or say that it does not answer."""
    import redis

    from assistant.errors import UnavailableError

    try:
        return await asked
    except (redis.RedisError, OSError):
        raise UnavailableError("Redis does not answer; nothing was changed. `cloister doctor` tells more.") from None


async def find_host(watch: Watch, name: str) -> Host:
    """Return a host by name; where no fleet names any, look on this machine first."""
    from connectors.model_hosts.yaml_fields import suggestion

    if not watch.hosts:
        await watch.look()
    by_folded = {known.casefold(): entry.host for known, entry in watch.hosts.items()}
    if name.casefold() not in by_folded:
        known = suggestion(name, watch.hosts) if watch.hosts else "no host was named or found"
        raise typer.BadParameter(f"{name!r} is not a host of the fleet; {known}.")
    return by_folded[name.casefold()]
