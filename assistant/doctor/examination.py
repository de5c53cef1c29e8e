"""The whole examination: every check in its turn, each within its time, none able to stop the others."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Final

from pydantic import SecretStr

from assistant.bootstrap.fleet import read_hosts
from assistant.database_roles import AUDIT_READER_ROLE, url_for_role
from assistant.doctor.check import Check, fail, warn
from assistant.doctor.database import check_database, not_running
from assistant.doctor.files import check_disk, check_files
from assistant.doctor.hosts import check_hosts
from assistant.doctor.integrity import check_integrity
from assistant.doctor.redis import check_redis
from assistant.doctor.site import check_personas, check_policy, check_versions
from assistant.embedded.redis import EmbeddedRedis
from assistant.embedded.running import owner_address
from assistant.errors import CloisterError, UnavailableError, where
from assistant.keys import Keys
from assistant.settings import Settings

_log = logging.getLogger(__name__)

_PATIENCE_SECONDS: Final = 20.0  # for one family


async def examine(settings: Settings) -> AsyncIterator[Check]:
    """Look at everything once and yield what was found as it is found. Nothing is changed."""
    families: tuple[tuple[str, Callable[[], AsyncIterator[Check]]], ...] = (
        ("versions", lambda: _each(check_versions)),
        ("files", lambda: _each(lambda: (*check_files(settings), check_disk(settings)))),
        ("policy", lambda: _each(lambda: (check_policy(settings), check_personas(settings)))),
        ("database", lambda: _database(settings)),
        ("redis", lambda: _redis(settings)),
        ("model hosts", lambda: _hosts(settings)),
    )
    for name, family in families:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                async for check in family():
                    yield check
        except TimeoutError:
            yield fail(name, f"No end after {_PATIENCE_SECONDS:.0f} s.", "Look at what it waits for.")
        except Exception as error:  # noqa: BLE001 - the other checks matter all the same
            _log.error("the check of %s failed: %s", name, where(error))
            yield fail(
                name,
                f"The check itself failed ({type(error).__name__}).",
                "The line before this one says where; report it.",
            )


async def _each(checks: Callable[[], Iterable[Check]]) -> AsyncIterator[Check]:
    for check in await asyncio.to_thread(lambda: tuple(checks())):
        yield check


async def _database(settings: Settings) -> AsyncIterator[Check]:
    if not settings.master_key.exists():
        yield not_running("Nothing was ever started on this data folder.")
        return
    try:
        owner = owner_address(settings)
    except CloisterError as error:
        yield not_running(str(error))
        return
    keys = Keys.load_or_create(settings.master_key)
    async for check in check_database(owner, keys):
        yield check
    with contextlib.suppress(UnavailableError):  # was told above
        yield await check_integrity(settings, url_for_role(owner, AUDIT_READER_ROLE, keys))


async def _redis(settings: Settings) -> AsyncIterator[Check]:
    url: SecretStr | None = settings.redis_url
    if url is None:
        embedded = EmbeddedRedis(settings.data_dir)
        if not embedded.socket.exists():
            yield warn("redis", "The embedded one does not run.", "Start `cloister up`; then run this again.")
            return
        url = embedded.url
    yield await check_redis(url)


async def _hosts(settings: Settings) -> AsyncIterator[Check]:
    try:
        fleet = read_hosts(settings)
    except CloisterError as error:
        yield fail("fleet", str(error), "Correct the file; `cloister fleet check` tells more.")
        return
    async for check in check_hosts(fleet):
        yield check
