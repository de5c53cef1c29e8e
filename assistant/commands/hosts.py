"""`cloister fleet list | probe | drain | undrain`: look at model hosts, take one out of service and back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final

import typer

from assistant.commands.watched import HostName, find_host, opened_board, or_refuse, watched

if TYPE_CHECKING:  # so that `--help` answers at once
    from assistant.settings import Settings
    from connectors.model_hosts.catalogue import Host
    from connectors.model_hosts.choosing.sharing import Told
    from connectors.model_hosts.watching.inspection import Inspection

FAILED: Final = 1

hosts = typer.Typer()  # its commands become those of `cloister fleet`

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, a line each, for machines.")]


@hosts.command("list")
def fleet_list(*, as_json: AsJson = False) -> None:
    """Look at every model host once: what the file says, what it offers, what all processes ask of it."""
    from assistant.commands.settings import site_settings
    from assistant.fleet.listing import host_rows, render_row

    settings = site_settings()

    async def look() -> list[Mapping[str, object]]:
        async with watched(settings) as watch:
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
    from connectors.model_hosts.kinds.kinds import build_kinds
    from connectors.model_hosts.watching.inspection import inspect

    settings = site_settings()

    async def look() -> tuple[Host, Inspection]:
        async with watched(settings) as watch:
            host = await find_host(watch, name)
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
        async with watched(settings) as watch, opened_board(settings) as board:
            drained = (await or_refuse(board.read())).drained
            host = name if name in drained and not is_drained else (await find_host(watch, name)).name
            if (host in drained) is is_drained:
                return host, False
            async with open_audit(server_settings()) as audit:
                await audit.append((HostDrained if is_drained else HostUndrained)(actor=None, host=host))
            change = board.drain(host, f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC") if is_drained else board.undrain(host)
            return host, await or_refuse(change)

    host, is_changed = asyncio.run(change())
    state = "is drained: it gets no new prompts" if is_drained else "is in service"
    typer.echo(f"{host} {state}." if is_changed else f"{host} {state} already; nothing was changed.")


async def _told(settings: Settings) -> Told:
    """Read the board; without it a list still shows what a look sees."""
    import redis

    from assistant.errors import EmbeddedError
    from connectors.model_hosts.choosing.sharing import Told

    try:
        async with opened_board(settings) as board:
            return await board.read()
    except (redis.RedisError, OSError, EmbeddedError):
        typer.echo("Redis does not answer: what is drained and in flight is not known.", err=True)
        return Told()
