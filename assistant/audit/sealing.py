"""The sealer as a process of its own: it seals until it is told to stop, and complains where it may not go on."""

from __future__ import annotations

import asyncio
import logging
import signal
from importlib.metadata import version
from typing import Final

from pydantic import SecretStr

from assistant.audit.anchors.anchoring import NO_ANCHORS, AnchorPlaces, anchor_tasks
from assistant.audit.events import LogOpened
from assistant.audit.record import Origin
from assistant.audit.seals.seal import Sealer
from assistant.audit.seals.seal_key import SealKeyFile
from assistant.audit.writing.append import Appender
from assistant.audit.writing.vouching import VouchedLog
from assistant.errors import SettingsError
from assistant.repeating import is_set_within

_log = logging.getLogger(__name__)

_COMPLAINT_SECONDS: Final = 60.0


async def run_sealer(
    sealer_url: SecretStr, writer_url: SecretStr, keys: SealKeyFile, anchors: AnchorPlaces = NO_ANCHORS
) -> int:
    """Seal until SIGTERM or SIGINT, and return an exit status.

    A log that may not be sealed further stays as it is, and so does the process: events are stored all the same, and
    what is wrong is said every minute.

    Raises:
        AuditUnavailableError: the audit log cannot be written.
        SettingsError: an anchor of the settings cannot be read.
    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with Appender(writer_url, Origin.here(version("cloister"))) as audit:
        await audit.append(LogOpened(process="sealer"))
        if not anchors.are_any:  # then the log needs no writer here
            await audit.close()
        told = VouchedLog(audit, sealer_url)
        tasks = [asyncio.create_task(each) for each in anchor_tasks(sealer_url, anchors, keys, told, stop)]
        try:
            await _seal(Sealer(sealer_url, keys), stop)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    return 0


async def _seal(sealer: Sealer, stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            await sealer.run(stop)
        except SettingsError as error:
            _log.error("%s", error)
            await is_set_within(stop, _COMPLAINT_SECONDS)
