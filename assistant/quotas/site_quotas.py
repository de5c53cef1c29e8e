"""The site's limits in force: read at the start, and again whenever the file changes; a broken one changes nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

from assistant.errors import SettingsError, where
from assistant.quotas.limits import QuotaRules
from assistant.quotas.reader import read_quotas
from assistant.site_files import looking, stamp_of
from policies.errors import PolicyError

_log = logging.getLogger(__name__)


class QuotaReports(Protocol):
    """Who is told of a change; the audit log. An error here puts the change off."""

    async def loaded(self, rules: QuotaRules) -> None:
        """Note that limits come into force."""

    async def refused(self, place: str, kept: QuotaRules) -> None:
        """Note that a file cannot be used, where it is wrong, and which limits stay."""


class SiteQuotas:
    """The limits in force in this process.

    Args:
        file: quotas.yaml; None: the shipped limits.
        personas: those there are.
        reports: who is told.

    Raises:
        SettingsError: the file does not fit; names file and line.
    """

    def __init__(self, file: Path | None, *, personas: Collection[str], reports: QuotaReports) -> None:
        self._file = file
        self._files = () if file is None else (file,)
        self._personas = personas
        self._reports = reports
        self._stamp = stamp_of(self._files)
        try:
            self._rules = _read(file, personas)
        except PolicyError as error:
            raise SettingsError(f"The limits cannot be used: {error}") from error

    def current(self) -> QuotaRules:
        """Return the limits in force now."""
        return self._rules

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Note what is in force, and look every two seconds while this context is open."""
        await self._reports.loaded(self._rules)
        async with looking(self.refresh):
            yield

    async def refresh(self) -> None:
        """Put the limits in force that the file holds now, if it changed. Never raises."""
        try:
            await self._refresh()
        except Exception as error:  # noqa: BLE001 - whatever it is, the limits in force stay and the next look comes
            _log.warning("changed limits wait: %s", where(error))

    async def _refresh(self) -> None:
        stamp = await asyncio.to_thread(stamp_of, self._files)
        if stamp == self._stamp:
            return
        try:
            rules = await asyncio.to_thread(_read, self._file, self._personas)
        except PolicyError as error:
            _log.error("the limits are refused at %s, %s stay", error.where, self._rules.version)
            await self._reports.refused(error.where, self._rules)
        else:
            await self._reports.loaded(rules)
            self._rules = rules
            _log.info("limits %s are in force, %d of them", rules.version, len(rules.limits))
        self._stamp = stamp


def _read(file: Path | None, personas: Collection[str]) -> QuotaRules:
    try:
        return read_quotas(file, personas)
    except RecursionError:
        raise PolicyError(file.name if file else "quotas.yaml", "Nested too deeply to be a file of limits.") from None
