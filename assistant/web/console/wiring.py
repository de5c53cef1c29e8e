"""Put the console together: its parts from what is open, and its own process."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from assistant.bootstrap.console import ConsoleBackend, build_console
from assistant.collector import set_apart
from assistant.settings import Settings
from assistant.web.console.app import ConsoleApplication
from assistant.web.console_parts import ConsoleParts
from assistant.web.doors import PartState
from assistant.web.server import serve


def run_console(settings: Settings) -> int:
    """Serve the console alone until SIGTERM or SIGINT, and return an exit status.

    Raises:
        SettingsError: a setting or the policy does not fit.
        AuditUnavailableError: the audit log cannot be opened.
    """
    return asyncio.run(_serve(settings.model_copy(update={"port": settings.console_port})))


async def _serve(settings: Settings) -> int:
    async with build_console(settings) as (access, backend):

        async def check_parts() -> Mapping[str, PartState]:
            is_open = backend.audit.is_connected
            words = "The audit log is open." if is_open else "The audit log cannot be written; no page is shown."
            return {"audit": PartState(is_ready=is_open, words=words)}

        set_apart()
        return await serve(ConsoleApplication(settings, access, parts_of(backend), check_parts), settings)


def parts_of(backend: ConsoleBackend) -> ConsoleParts:
    """Return what the pages are made of."""
    return ConsoleParts(
        audit=backend.audit,
        lists=backend.lists,
        seals=backend.seals,
        heads=backend.heads,
        integrity=backend.integrity,
        spots=backend.spots,
        people=backend.people,
        tallies=backend.tallies,
        figures=backend.figures,
        texts=backend.texts,
        words=backend.words,
        mark=backend.mark,
        review=backend.review,
        desk=backend.desk,
        erasure=backend.erasure,
        fleet=backend.fleet,
        read_fleet=backend.read_fleet,
        labels=backend.labels,
    )
