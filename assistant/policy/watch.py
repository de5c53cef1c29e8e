"""Put a changed policy in force while the processes run; a broken one changes nothing and is told."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from assistant.errors import where
from assistant.policy.files import PolicyReader, ReadPolicy
from assistant.policy.source import GuardSource
from assistant.site_files import Stamp, looking
from policies.errors import PolicyError
from policies.policy import Policy

_log = logging.getLogger(__name__)


class PolicyReports(Protocol):
    """Who is told of a change; the audit log. An error here puts the change off."""

    async def loaded(self, policy: Policy) -> None:
        """Note that a policy comes into force."""

    async def refused(self, error: PolicyError, kept: Policy) -> None:
        """Note that a policy cannot be used, and which one stays."""


class PolicyWatch:
    """Compare the files with what was read, and read again when they differ.

    Args:
        reader: reads the files.
        guards: where the new guard is put in force.
        stamp: of the files as they were read for the guard in force.
        reports: who is told.
    """

    def __init__(self, reader: PolicyReader, guards: GuardSource, stamp: Stamp, reports: PolicyReports) -> None:
        self._reader = reader
        self._guards = guards
        self._stamp = stamp
        self._reports = reports
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Look every two seconds while this context is open."""
        async with looking(self.refresh):
            yield

    async def refresh(self) -> None:
        """Put the policy in force that the files hold now, if they changed. Never raises."""
        async with self._turn:
            try:
                await self._refresh()
            except Exception as error:  # noqa: BLE001 - whatever it is, the policy in force stays and the next look comes
                _log.warning("a changed policy waits: %s", where(error))

    async def _refresh(self) -> None:
        stamp = await asyncio.to_thread(self._reader.stamp)
        if stamp == self._stamp:
            return
        kept = self._guards.current.policy
        try:
            read = await asyncio.to_thread(self._read)
        except PolicyError as error:
            # Only the place: the message may quote an example, and a log holds no such text.
            _log.error("the policy is refused at %s, %s stays; see `cloister policy check`", error.where, kept.version)
            await self._reports.refused(error, kept)
            self._stamp = stamp
            return
        await self._reports.loaded(read.guard.policy)  # durable before the first text is judged by it
        self._guards.replace(read.guard)
        self._stamp = read.stamp
        _log.info("policy %s is in force, with %d rules", read.guard.policy.version, len(read.guard.policy.rules))

    def _read(self) -> ReadPolicy:
        try:
            return self._reader.read()
        except PolicyError:
            raise
        except Exception as error:  # such as a file nested too deep for a parser
            raise PolicyError("policy", f"Cannot be read: {type(error).__name__}.") from error
