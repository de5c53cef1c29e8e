"""What witnesses said, compared with the heads as they come."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final

import psycopg

from assistant.audit.seals.checkpoint import NoteError, NoteKey, check_signatures, parse_signature, split_note
from assistant.audit.seals.heads import Head
from assistant.audit.verification.findings import Findings

_ROWS_AT_ONCE: Final = 500


class CosignatureCheck:
    """Look at the table of cosignatures beside the heads, both in the order of size."""

    def __init__(self, connection: psycopg.AsyncConnection, witnesses: Sequence[NoteKey], findings: Findings) -> None:
        self._rows = _read(connection)
        self._witnesses = witnesses
        self._findings = findings
        self._next: tuple[int, str, str] | None = None
        self._silent = {f"{key.name}+{key.id.hex()}": key.name for key in witnesses}  # by what lines are filed under

    async def check(self, head: Head) -> None:
        """Look at the cosignatures of this head's size."""
        while (entry := await self._peek()) and entry[0] <= head.size:
            self._take(entry)
            if entry[0] < head.size:
                self._findings.add(
                    "cosignature", f"A cosignature is over {entry[0]} events, and no head has that size."
                )
            else:
                self._judge(head, entry[1], entry[2])

    async def check_rest(self) -> None:
        """Look at those that are larger than the log, and for witnesses that said nothing at all."""
        while entry := await self._peek():
            self._take(entry)
            self._findings.add("cosignature", f"A witness saw {entry[0]} events; the log has fewer.")
        for name in self._silent.values() if self._findings.heads else ():
            self._findings.add(
                "witness", f"No head has a line of the witness {name!r}: it was never asked, or its lines were removed."
            )

    def _judge(self, head: Head, witness: str, line: str) -> None:
        try:
            signature = parse_signature(line.removesuffix("\n"))
            if witness != f"{signature.name}+{signature.key_id.hex()}":
                raise NoteError(f"It is filed under {witness!r}.")  # noqa: TRY301 - told as what the parser raises
            signed = check_signatures(split_note(head.note)[0], [signature], self._witnesses)
        except NoteError as error:
            self._findings.add("cosignature", f"A cosignature over {head.size} events cannot be trusted: {error}")
            return
        self._findings.cosignatures += len(signed)
        self._findings.unchecked_cosignatures += not signed

    def _take(self, entry: tuple[int, str, str]) -> None:
        self._next = None
        self._silent.pop(entry[1], None)

    async def _peek(self) -> tuple[int, str, str] | None:
        if self._next is None:
            self._next = await anext(self._rows, None)
        return self._next


async def _read(connection: psycopg.AsyncConnection) -> AsyncIterator[tuple[int, str, str]]:
    async with connection.cursor("cosignatures") as cursor:
        await cursor.execute("SELECT size, witness, line FROM audit.cosignature ORDER BY size, witness")
        while rows := await cursor.fetchmany(_ROWS_AT_ONCE):
            for row in rows:
                yield row
