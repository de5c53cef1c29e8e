"""Read the site's fleet.yaml, and put a changed one in force while the processes run; a broken one changes nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

from assistant.errors import SettingsError, where
from assistant.site_files import Stamp, looking, stamp_of
from connectors.errors import FleetError
from connectors.model_hosts.catalogue import Fleet, read_fleet

_log = logging.getLogger(__name__)


class FleetReports(Protocol):
    """Who is told of a change; the audit log. An error here puts the change off."""

    async def loaded(self, fleet: Fleet) -> None:
        """Note that a fleet comes into force."""

    async def refused(self, place: str, kept: Fleet) -> None:
        """Note that a fleet cannot be used, where it is wrong, and which one stays."""


class SiteFleet:
    """The fleet of this process: read when somebody first asks for it, and again whenever its files change.

    A process that asks no model host never opens it, and reaches none of its hosts.

    Args:
        file: fleet.yaml; None when hosts are looked for on loopback.
        allow: lets this process reach the hosts of a fleet, and of no other.
        reports: who is told.
    """

    def __init__(self, file: Path | None, *, allow: Callable[[Fleet], None], reports: FleetReports) -> None:
        self._file = file
        self._allow = allow
        self._reports = reports
        self._fleet: Fleet | None = None
        self._stamp: Stamp = ()
        self._followers: list[Callable[[Fleet], None]] = []
        self._turn = asyncio.Lock()

    async def open(self) -> Fleet | None:
        """Return the fleet in force; None when hosts are looked for on loopback.

        Raises:
            SettingsError: the file does not fit; names file and line.
        """
        if self._file is None:
            return None
        async with self._turn:
            if self._fleet is None:
                try:
                    fleet, stamp = await asyncio.to_thread(_read, self._file)
                except FleetError as error:
                    raise SettingsError(str(error)) from error
                self._allow(fleet)
                await self._reports.loaded(fleet)
                self._fleet, self._stamp = fleet, stamp
            return self._fleet

    def follow(self, follow: Callable[[Fleet], None]) -> None:
        """Call with each later fleet."""
        self._followers.append(follow)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Look every two seconds while this context is open."""
        async with looking(self.refresh):
            yield

    async def refresh(self) -> None:
        """Put the fleet in force that the files hold now, if they changed. Never raises."""
        async with self._turn:
            try:
                if self._file is not None and self._fleet is not None:
                    await self._refresh(self._file, self._fleet)
            except Exception as error:  # noqa: BLE001 - whatever it is, the fleet in force stays and the next look comes
                _log.warning("a changed fleet waits: %s", where(error))

    async def _refresh(self, file: Path, kept: Fleet) -> None:
        stamp = await asyncio.to_thread(stamp_of, (file, *kept.key_files))
        if stamp == self._stamp:
            return
        try:
            fleet, new_stamp = await asyncio.to_thread(_read, file)
        except FleetError as error:
            await self._refuse(f"{error.file.name}:{error.line}" if error.line else error.file.name, kept)
            self._stamp = stamp
            return
        await self._reports.loaded(fleet)  # durable before the first prompt goes to one of its hosts
        try:
            self._allow(fleet)
        except SettingsError:
            await self._refuse(file.name, kept)
        else:
            self._fleet = fleet
            for follow in self._followers:
                follow(fleet)
            _log.info("fleet %s is in force, with %d hosts", fleet.version, len(fleet.hosts))
        self._stamp = new_stamp

    async def _refuse(self, place: str, kept: Fleet) -> None:
        _log.error("the fleet is refused at %s, %s stays; see `cloister fleet check`", place, kept.version)
        await self._reports.refused(place, kept)


def _read(file: Path) -> tuple[Fleet, Stamp]:
    before = stamp_of((file,))  # a change while reading is seen as one afterwards
    fleet = read_fleet(file)
    return fleet, before + stamp_of(fleet.key_files)
