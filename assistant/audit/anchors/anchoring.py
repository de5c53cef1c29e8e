"""What the sealer's process does beside sealing: give each minute's checkpoint to files, syslog servers and witnesses.

None of it delays a seal: each anchor has a task, a connection and a deadline of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg
from pydantic import SecretStr

from assistant.audit.anchors.keepers import AnchorFile, CheckpointKeeper, SyslogServer
from assistant.audit.anchors.notices import AnchorLog, Notices
from assistant.audit.reading.proof import read_newest, read_root
from assistant.audit.seals.checkpoint import Checkpoint
from assistant.audit.seals.heads import Head
from assistant.audit.seals.seal_key import SealKeyFile
from assistant.database import connect
from assistant.errors import NotFoundError
from assistant.repeating import is_set_within

KEEP_SECONDS: Final = 60.0
_DEADLINE_SECONDS: Final = 20.0


@dataclass(frozen=True, slots=True)
class AnchorPlaces:
    """The anchors of the settings, as they are written there."""

    witnesses: Sequence[str] = ()
    file: Path | None = None
    syslog: str = ""

    @property
    def are_any(self) -> bool:
        """Tell whether there is one."""
        return bool(self.witnesses or self.file or self.syslog)


NO_ANCHORS: Final = AnchorPlaces()


class Keeping:
    """Give checkpoints to a file or a server, once a minute.

    Args:
        sealer_url: the database as the sealer.
        keeper: who takes them.
        notices: where is told what came of it.
    """

    def __init__(self, sealer_url: SecretStr, keeper: CheckpointKeeper, notices: Notices) -> None:
        self._sealer_url = sealer_url
        self._keeper = keeper
        self._notices = notices
        self._kept = ""

    async def run(self, stop: asyncio.Event) -> None:
        """Go on until told to stop."""
        while not stop.is_set():
            try:
                async with asyncio.timeout(_DEADLINE_SECONDS):
                    await self.keep()
            except Exception as error:  # noqa: BLE001 - whatever it was, the next round is tried, and it is told
                await self._notices.failed(type(error).__name__)
            await is_set_within(stop, KEEP_SECONDS)

    async def keep(self) -> None:
        """Give it the newest checkpoint, unless it has it; nothing where it saw another history.

        Raises:
            psycopg.Error: the database is away.
            OSError: the checkpoint cannot be written.
            NotFoundError: nothing was sealed yet.
        """
        last = await asyncio.to_thread(self._keeper.newest)  # before the head: another sealer may add to it meanwhile
        async with await connect(self._sealer_url, autocommit=True) as connection:
            head = await read_newest(connection)
            if last is not None and not await continues(connection, head, last):
                await self._notices.contradicted(head.size, last.size)
                return
        if head.checkpoint.text != self._kept:
            await asyncio.to_thread(self._keeper.keep, head.note)
            self._kept = head.checkpoint.text
        await self._notices.kept(head.size)


async def continues(connection: psycopg.AsyncConnection, head: Head, earlier: Checkpoint) -> bool:
    """Tell whether the log begins with what a checkpoint says; signatures are not looked at."""
    if earlier.origin != head.checkpoint.origin:
        return False
    try:
        return await read_root(connection, earlier.size) == earlier.root
    except NotFoundError:
        return False


def anchor_tasks(
    sealer_url: SecretStr, places: AnchorPlaces, keys: SealKeyFile, audit: AnchorLog, stop: asyncio.Event
) -> list[Coroutine[None, None, None]]:
    """Return what to run beside the sealer, one for each anchor.

    Raises:
        SettingsError: an anchor cannot be read.
    """
    keepers: list[CheckpointKeeper] = []
    if places.file is not None:
        keepers.append(AnchorFile(places.file))
    if places.syslog:
        keepers.append(SyslogServer.parse(places.syslog))
    tasks = [Keeping(sealer_url, keeper, Notices(keeper.kind, keeper.label, audit)).run(stop) for keeper in keepers]
    if places.witnesses:
        from assistant.audit.anchors.feed import WitnessAddress, WitnessFeeder  # noqa: PLC0415 - httpx weighs 10 MB

        for address in map(WitnessAddress.parse, places.witnesses):
            notices = Notices("witness", address.label, audit)
            tasks.append(WitnessFeeder(sealer_url, address, keys, notices).run(stop))
    return tasks
