"""Attempts to leave the process that the network lock refused, as the audit log and the log file tell of them."""

from __future__ import annotations

import asyncio
import logging
import time
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
    rare: a connection each is no load, and a database that is away is waited for.

    Args:
        writer_url: the database as the audit writer; None leaves it at the log file.
        process: see `report_refusals`.
    """

    def __init__(self, writer_url: SecretStr | None, process: str) -> None:
        self._writer_url = writer_url
        self._process = process

    def __call__(self, refusal: Refusal) -> None:
        """Tell of a refusal; returns once its event is durable."""
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


async def _append(writer_url: SecretStr, event: EgressRefused) -> None:
    from assistant.audit.append import Appender  # noqa: PLC0415 - the scheduler loads psycopg only if it must

    async with Appender(writer_url, Origin.here(version("cloister"))) as audit:
        await audit.append(event)
