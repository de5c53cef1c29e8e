"""A sealer that kills itself at a chosen point: before or after any wait for the database, or any write of its key."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
from pydantic import SecretStr

from assistant.audit.seals.seal import Sealer
from assistant.audit.seals.seal_key import SealKeyFile

SEALS = 2  # the second one takes a key that the first one sealed the announcement of


def seal_until(sealer_url: str, key_file: str, last_point: int) -> int:
    """Seal twice, and die at a point; return how many points there were, if it was not reached."""
    passed = 0

    def point() -> None:
        nonlocal passed
        passed += 1
        if passed == last_point:
            os.kill(os.getpid(), signal.SIGKILL)

    _watch_waits(point)
    _watch_files(point)

    async def run() -> None:
        for _ in range(SEALS):
            await Sealer(SecretStr(sealer_url), SealKeyFile(Path(key_file))).seal()

    asyncio.run(run())
    return passed


def _watch_waits(point: Callable[[], None]) -> None:
    """Every statement, fetch, commit and rollback of psycopg comes through here."""
    wait = psycopg.AsyncConnection.wait

    async def watched(self: psycopg.AsyncConnection, *arguments: Any, **more: Any) -> Any:
        point()
        result = await wait(self, *arguments, **more)
        point()
        return result

    psycopg.AsyncConnection.wait = watched  # type: ignore[method-assign]


def _watch_files(point: Callable[[], None]) -> None:
    fsync, replace = os.fsync, Path.replace

    def watched_fsync(descriptor: int) -> None:
        point()
        fsync(descriptor)
        point()

    def watched_replace(self: Path, target: Any) -> Path:
        point()
        result = replace(self, target)
        point()
        return result

    os.fsync = watched_fsync  # type: ignore[assignment]
    Path.replace = watched_replace  # type: ignore[method-assign]


def report(sealer_url: str, key_file: str, last_point: int, answer: Any) -> None:
    """Do it in a process of its own, and tell how far it came."""
    answer.send(seal_until(sealer_url, key_file, last_point))
