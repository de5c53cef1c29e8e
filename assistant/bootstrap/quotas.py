"""The limits of use as this process reads them, and the Redis in which all processes count."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from pathlib import Path

import redis.asyncio
from pydantic import SecretStr
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from assistant.audit.events import QuotasLoaded, QuotasRefused
from assistant.audit.writing.append import Appender
from assistant.quotas.limits import QuotaRules
from assistant.quotas.quotas import Quotas
from assistant.quotas.site_quotas import SiteQuotas
from assistant.redis_client import open_redis

_MOST_NAMED = 64  # limits in one event, which stays under its 16 KiB
_PATIENCE_SECONDS = 2.0  # for Redis to count something


class _QuotaReports:
    """Changes of the limits, as the audit log notes them."""

    def __init__(self, audit: Appender) -> None:
        self._audit = audit

    async def loaded(self, rules: QuotaRules) -> None:
        names = tuple(limit.name for limit in rules.limits[:_MOST_NAMED])
        await self._audit.append(QuotasLoaded(quotas_version=rules.version, limits=names))

    async def refused(self, place: str, kept: QuotaRules) -> None:
        await self._audit.append(QuotasRefused(quotas_version=kept.version, place=place))


@asynccontextmanager
async def open_quotas(
    file: Path | None, *, personas: Collection[str], redis_url: SecretStr, audit: Appender
) -> AsyncIterator[Quotas]:
    """Read the limits, follow their file, and count in Redis meanwhile.

    Raises:
        SettingsError: the file does not fit; names file and line.
    """
    site = SiteQuotas(file, personas=personas, reports=_QuotaReports(audit))
    async with open_counting(redis_url) as client, site.running():
        yield Quotas(client, site.current)


@asynccontextmanager
async def open_counting(url: SecretStr) -> AsyncIterator[redis.asyncio.Redis]:
    """Open Redis as quotas need it: whoever waits for an answer learns soon that it is away."""
    async with open_redis(url, patience_seconds=_PATIENCE_SECONDS, retry=Retry(NoBackoff(), 1)) as client:
        yield client
