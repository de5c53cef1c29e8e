"""The site's fleet as this process reads it, and which of its hosts the process may reach."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pydantic import SecretStr
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from assistant.answering.attempts import LethalPrompts
from assistant.audit.events import FleetLoaded, FleetRefused
from assistant.audit.writing.append import Appender
from assistant.egress import allow_site
from assistant.errors import SettingsError
from assistant.fleet.deaths import RedisDeaths
from assistant.fleet.site_fleet import SiteFleet
from assistant.keys import Keys
from assistant.redis_client import open_redis
from assistant.settings import Settings
from connectors.errors import FleetError
from connectors.model_hosts.catalogue import Fleet, read_fleet

_MOST_HOSTS = 64  # named in one event, which stays under its 16 KiB
_PATIENCE_SECONDS = 2.0  # for Redis; a prompt waits for it more briefly, and goes by what this process knows


class _FleetReports:
    """Changes of the fleet, as the audit log notes them."""

    def __init__(self, audit: Appender) -> None:
        self._audit = audit

    async def loaded(self, fleet: Fleet) -> None:
        names = tuple(host.name for host in fleet.hosts[:_MOST_HOSTS])
        await self._audit.append(FleetLoaded(fleet_version=fleet.version, hosts=names))

    async def refused(self, place: str, kept: Fleet) -> None:
        await self._audit.append(FleetRefused(fleet_version=kept.version, place=place))


def build_fleet(settings: Settings, audit: Appender) -> SiteFleet:
    """Return the site's fleet; nothing is read and no host may be reached before somebody opens it."""
    return SiteFleet(settings.fleet, allow=lambda fleet: _allow_fleet(settings, fleet), reports=_FleetReports(audit))


def _allow_fleet(settings: Settings, fleet: Fleet) -> None:
    allow_site(settings, fleet=[host.address for host in fleet.hosts])


def read_hosts(settings: Settings) -> Fleet | None:
    """Read the fleet's file, and let this process reach its hosts; None when hosts are looked for on loopback.

    Raises:
        SettingsError: the file does not fit; names file and line.
    """
    if settings.fleet is None:
        return None
    try:
        fleet = read_fleet(settings.fleet)
    except FleetError as error:
        raise SettingsError(str(error)) from error
    _allow_fleet(settings, fleet)
    return fleet


@asynccontextmanager
async def open_lethal(redis_url: SecretStr, keys: Keys) -> AsyncIterator[LethalPrompts]:
    """Open what is known of prompts over which hosts went down: one for all that this process asks of hosts."""
    async with open_redis(redis_url, patience_seconds=_PATIENCE_SECONDS, retry=Retry(NoBackoff(), 0)) as client:
        yield LethalPrompts(RedisDeaths(client, key=keys.derive("fleet-deaths")))
