"""Attempts to leave the process that the network lock refused, as the audit log and the log file tell of them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Final

from pydantic import SecretStr

from assistant.audit.events import EgressRefused
from assistant.audit.record import Origin
from assistant.errors import AuditUnavailableError
from assistant.logging_guard import guard_line
from assistant.settings import Settings
from connectors.network import installed
from connectors.refusals import Refusal

_log = logging.getLogger(__name__)

_PAUSE_SECONDS: Final = 1.0
_QUIET_SECONDS: Final = 60.0  # something that tries again and again must not fill the log
_MOST_REMEMBERED: Final = 1024


def report_refusals(settings: Settings, process: str) -> None:
    """Have refused attempts of this process logged and, once it knows the audit log's address, recorded.

    Args:
        settings: as this process got them.
        process: its label in the log, such as `web`.
    """
    lock = installed()
    if lock is not None:
        lock.report_to(RefusalWriter(settings.audit_database_url, process))


class RefusalWriter:
    """Tell of one refusal after the other, on the lock's own thread and on a connection of its own.

    It works beside a busy loop, between the tasks of a worker and in processes that write no other event. Refusals are
    rare: a connection each is no load, and a database that is away is waited for. The same attempt, tried again within
    a minute, is counted and told with the next one after it.

    Args:
        writer_url: the database as the audit writer; None leaves it at the log file.
        process: see `report_refusals`.
        clock: seconds, from any moment on.
    """

    def __init__(
        self, writer_url: SecretStr | None, process: str, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._writer_url = writer_url
        self._process = process
        self._clock = clock
        self._told: dict[tuple[str, str, int, str], _Told] = {}

    def __call__(self, refusal: Refusal) -> None:
        """Tell of a refusal; returns once its event is durable."""
        repeated = self._count(refusal)
        if repeated is None:
            return
        host = guard_line(refusal.host)  # a name can carry a secret out, and must not carry it into the log
        _log.warning("refused to %s %s, port %d; asked by %s", refusal.action, host, refusal.port, refusal.caller)
        if self._writer_url is None:
            return
        event = EgressRefused(
            process=self._process,
            action=str(refusal.action),
            host=host,
            port=refusal.port,
            caller=refusal.caller,
            dropped=refusal.dropped,
            repeated=repeated,
        )
        while True:
            try:
                asyncio.run(_append(self._writer_url, event))
            except AuditUnavailableError:
                time.sleep(
                    _PAUSE_SECONDS
                )  # later refusals wait in the lock's queue, which counts what it has no room for
            else:
                return

    def _count(self, refusal: Refusal) -> int | None:
        """Return how often this was tried since it was last told; None when it is too early to tell again.

        What found the queue full is told at once: nobody knows what it was.
        """
        attempt = (refusal.action, refusal.host, refusal.port, refusal.caller)
        now = self._clock()
        told = self._told.get(attempt)
        if told is not None and now - told.at < _QUIET_SECONDS and not refusal.dropped:
            told.repeated += 1
            return None
        if len(self._told) >= _MOST_REMEMBERED:
            self._told.clear()
        self._told[attempt] = _Told(now)
        return told.repeated if told is not None else 0


@dataclass(slots=True)
class _Told:
    """When an attempt was last told, and how often it was made since."""

    at: float
    repeated: int = 0


async def _append(writer_url: SecretStr, event: EgressRefused) -> None:
    from assistant.audit.writing.append import Appender  # noqa: PLC0415 - the scheduler loads psycopg only if it must

    async with Appender(writer_url, Origin.here(version("cloister"))) as audit:
        await audit.append(event)
