"""A log with anchors: a witness that answers without a network, a file, and a superuser who sets the log back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path

import httpx

from assistant.audit.anchors.anchoring import Keeping
from assistant.audit.anchors.feed import WitnessAddress, WitnessFeeder
from assistant.audit.anchors.keepers import CheckpointKeeper
from assistant.audit.anchors.notices import AnchorLog, Notices
from assistant.audit.anchors.witness import Witness
from assistant.audit.anchors.witness_server import witness_app
from assistant.audit.events import Event
from assistant.audit.seals.seal_key import read_public_key
from assistant.audit.writing.append import Appender
from assistant.audit.writing.vouching import VouchedLog
from tests.integration.seal_scene import ORIGIN, SealedLog

URL = "http://witness.test"


@dataclass
class Anchored:
    """A sealed log, and a witness of it in a folder of its own."""

    log: SealedLog
    folder: Path

    @property
    def witness(self) -> Witness:
        return Witness(self.folder, [read_public_key(self.log.keys.public_file)])

    def feed(self, witness: Witness | None = None, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        """Show the witness the newest head, as a sealer does that has just started."""
        serving = witness or self.witness
        address = WitnessAddress(serving.public, URL)

        async def run(audit: AnchorLog) -> None:
            notices = Notices("witness", address.label, audit)
            feeder = WitnessFeeder(self.log.database.audit_sealer_url, address, self.log.keys, notices)
            app = transport or httpx.ASGITransport(app=witness_app(serving))
            async with httpx.AsyncClient(transport=app) as client:
                await feeder.feed(client)

        self._with_audit(run)

    def keep(self, keeper: CheckpointKeeper) -> None:
        """Give a keeper the newest head, as a sealer does that has just started."""

        async def run(audit: AnchorLog) -> None:
            await Keeping(self.log.database.audit_sealer_url, keeper, Notices(keeper.kind, keeper.label, audit)).keep()

        self._with_audit(run)

    def vouch(self, *events: Event) -> None:
        """Write events as who verifies does."""

        async def run(audit: VouchedLog) -> None:
            for event in events:
                await audit.append(event)

        self._with_audit(run)

    def set_back(self, size: int) -> None:
        """Take away everything after a size that a head had, so that nothing inside tells of it."""
        (batch,) = (head.batch for head in self.log.heads() if head.size == size)
        gone = {
            "event": f"id IN (SELECT id FROM audit.event ORDER BY era, xid, id OFFSET {size})",  # noqa: S608
            "head": f"batch > {batch}",
            "tile": f"(number + 1) * (256 ^ (level + 1)) > {size}",
            "cosignature": f"size > {size}",
        }
        self.log.execute(*(f"DELETE FROM audit.{table} WHERE {which}" for table, which in gone.items()))  # noqa: S608
        self.log.keys.mark_file.unlink()

    def told(self) -> list[tuple[str, object]]:
        """Return what the log says of its anchors: type, and for a contradiction the size that was seen."""
        return [
            (str(tag), seen)
            for tag, seen in self.log.rows(
                "SELECT type, (convert_from(body, 'UTF8')::jsonb #>> '{data,seen}')::int FROM audit.event "
                "WHERE type LIKE 'anchor:%' ORDER BY era, xid, id"
            )
        ]

    def _with_audit(self, run: Callable[[VouchedLog], Coroutine[None, None, None]]) -> None:
        async def whole() -> None:
            async with Appender(self.log.database.audit_writer_url, ORIGIN) as audit:
                await run(VouchedLog(audit, self.log.database.audit_sealer_url))

        asyncio.run(whole())
