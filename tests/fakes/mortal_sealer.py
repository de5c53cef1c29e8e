"""A sealer that kills itself at a chosen point: before or after any wait for the database, or any write of its key."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
from pydantic import SecretStr

from assistant.audit.seals.seal import Sealer
from assistant.audit.seals.seal_key import SealKeyFile
from tests.fakes.mortal_files import Points, watch_files

SEALS = 2  # the second one takes a key that the first one sealed the announcement of


def seal_until(sealer_url: str, key_file: str, last_point: int) -> int:
    """Seal twice, and die at a point; return how many points there were, if it was not reached."""
    point = Points(last_point)
    _watch_waits(point)
    watch_files(point)

    async def run() -> None:
        for _ in range(SEALS):
            await Sealer(SecretStr(sealer_url), SealKeyFile(Path(key_file))).seal()

    asyncio.run(run())
    return point.passed


def _watch_waits(point: Callable[[], None]) -> None:
    """Every statement, fetch, commit and rollback of psycopg comes through here."""
    wait = psycopg.AsyncConnection.wait

    async def watched(self: psycopg.AsyncConnection, *arguments: Any, **more: Any) -> Any:
        point()
        result = await wait(self, *arguments, **more)
        point()
        return result

    psycopg.AsyncConnection.wait = watched  # type: ignore[method-assign]


def report(sealer_url: str, key_file: str, last_point: int, answer: Any) -> None:
    """Do it in a process of its own, and tell how far it came."""
    answer.send(seal_until(sealer_url, key_file, last_point))
