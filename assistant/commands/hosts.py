"""`cloister fleet list | probe | drain | undrain`: look at model hosts, take one out of service and back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import typer

if TYPE_CHECKING:  # so that `--help` answers at once
    from assistant.fleet.board import RedisBoard
    from assistant.settings import Settings
    from connectors.model_hosts.catalogue import Host
    from connectors.model_hosts.inspection import Inspection
    from connectors.model_hosts.sharing import Told
    from connectors.model_hosts.watch import Watch

T = TypeVar("T")

FAILED: Final = 1
_PATIENCE_SECONDS: Final = 3.0

hosts = typer.Typer()  # its commands become those of `cloister fleet`

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, a line each, for machines.")]
HostName = Annotated[str, typer.Argument(metavar="HOST", help="Its name, as fleet.yaml has it.")]


@hosts.command("list")
def fleet_list(*, as_json: AsJson = False) -> None:
    """Look at every model host once: what the file says, what it offers, what all processes ask of it."""
    from assistant.commands.settings import site_settings
    from assistant.fleet.listing import host_rows, render_row

    settings = site_settings()

    async def look() -> list[Mapping[str, object]]:
        async with _watched(settings) as watch:
            told = await _told(settings)
            watch.take_drained(told.drained)
            await watch.look()
            return list(host_rows(watch, told))

    rows = asyncio.run(look())
    for row in rows:
        for line in [json.dumps(row)] if as_json else render_row(row):
            typer.echo(line)
    if not rows:
        typer.echo("No model host was named, and none listens on this machine; see docs/fleet.md.", err=True)


@hosts.command("probe")
def fleet_probe(name: HostName, *, as_json: AsJson = False) -> None:
    """Look at one host closely: every request with its time, and all that it says of itself."""
    from assistant.commands.settings import site_settings
    from assistant.fleet.listing import inspection_data, render_inspection
    from connectors.model_hosts.inspection import inspect
    from connectors.model_hosts.kinds import build_kinds

    settings = site_settings()

    async def look() -> tuple[Host, Inspection]:
        async with _watched(settings) as watch:
            host = await _host(watch, name)
        kinds = {kind.name: kind for kind in build_kinds()}
        return host, await inspect(kinds[host.kind], host)

    host, inspection = asyncio.run(look())
    for line in [json.dumps(inspection_data(host, inspection))] if as_json else render_inspection(host, inspection):
        typer.echo(line)
    raise typer.Exit(0 if inspection.report.is_reachable else FAILED)


@hosts.command("drain")
def fleet_drain(name: HostName) -> None:
    """Send no new prompt to a host, from any process; what it answers it finishes. `fleet undrain` ends it."""
    _change_service(name, is_drained=True)


@hosts.command("undrain")
def fleet_undrain(name: HostName) -> None:
    """Put a host that was drained into service again."""
    _change_service(name, is_drained=False)


def _change_service(name: str, *, is_drained: bool) -> None:
    from assistant.audit.events import HostDrained, HostUndrained
    from assistant.bootstrap.log import open_audit
    from assistant.commands.settings import server_settings, site_settings

    settings = site_settings()

    async def change() -> tuple[str, bool]:
        async with _watched(settings) as watch, _board(settings) as board:
            drained = (await _or_refuse(board.read())).drained
            host = name if name in drained and not is_drained else (await _host(watch, name)).name
            if (host in drained) is is_drained:
                return host, False
            async with open_audit(server_settings()) as audit:
                await audit.append((HostDrained if is_drained else HostUndrained)(actor=None, host=host))
            change = board.drain(host, f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC") if is_drained else board.undrain(host)
            return host, await _or_refuse(change)

    host, is_changed = asyncio.run(change())
    state = "is drained: it gets no new prompts" if is_drained else "is in service"
    typer.echo(f"{host} {state}." if is_changed else f"{host} {state} already; nothing was changed.")


@asynccontextmanager
async def _watched(settings: Settings) -> AsyncIterator[Watch]:
    """Read the fleet, let this process reach its hosts, and give a watch that has not looked yet."""
    from assistant.bootstrap.fleet import read_hosts
    from connectors.model_hosts.kinds import build_kinds
    from connectors.model_hosts.watch import Watch

    watch = Watch(read_hosts(settings), build_kinds(), on_change=lambda: None)
    try:
        yield watch
    finally:
        await watch.close()


@asynccontextmanager
async def _board(settings: Settings) -> AsyncIterator[RedisBoard]:
    """Open the board in the company's own Redis, or in that of `cloister up`."""
    import redis.asyncio

    from assistant.embedded.running import redis_address
    from assistant.fleet.board import RedisBoard

    address = redis_address(settings).get_secret_value()
    client = redis.asyncio.Redis.from_url(address, socket_timeout=_PATIENCE_SECONDS, socket_connect_timeout=3)
    try:
        yield RedisBoard(client)
    finally:
        await client.aclose()


async def _told(settings: Settings) -> Told:
    """Read the board; without it a list still shows what a look sees."""
    import redis

    from assistant.errors import EmbeddedError
    from connectors.model_hosts.sharing import Told

    try:
        async with _board(settings) as board:
            return await board.read()
    except (redis.RedisError, OSError, EmbeddedError):
        typer.echo("Redis does not answer: what is drained and in flight is not known.", err=True)
        return Told()


async def _or_refuse(asked: Awaitable[T]) -> T:
    import redis

    from assistant.errors import UnavailableError

    try:
        return await asked
    except (redis.RedisError, OSError):
        raise UnavailableError("Redis does not answer; nothing was changed. `cloister doctor` tells more.") from None


async def _host(watch: Watch, name: str) -> Host:
    """Return a host by name; where no fleet names any, look on this machine first."""
    from connectors.model_hosts.yaml_fields import suggestion

    if not watch.hosts:
        await watch.look()
    by_folded = {known.casefold(): entry.host for known, entry in watch.hosts.items()}
    if name.casefold() not in by_folded:
        known = suggestion(name, watch.hosts) if watch.hosts else "no host was named or found"
        raise typer.BadParameter(f"{name!r} is not a host of the fleet; {known}.")
    return by_folded[name.casefold()]
