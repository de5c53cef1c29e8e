"""Feed a witness: show it the newest checkpoint and how it continues the last one, and keep what it signs.

Source: https://c2sp.org/tlog-witness.
"""

from __future__ import annotations

import asyncio
import logging
import time
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, Self

import httpx
import psycopg
from pydantic import SecretStr

from assistant.audit.anchors.notices import Notices
from assistant.audit.reading.proof import read_consistency, read_newest
from assistant.audit.seals.checkpoint import Algorithm, NoteError, NoteKey, parse_signature, split_note
from assistant.audit.seals.heads import Head
from assistant.audit.seals.seal_key import SealKeyFile
from assistant.database import connect
from assistant.errors import SettingsError
from assistant.repeating import is_set_within

FEED_SECONDS: Final = 5.0
_DEADLINE_SECONDS: Final = 5.0  # a witness that is slow delays only itself
_AGAIN_SECONDS: Final = 60.0  # a log that does not grow is shown again: a witness that is gone, or knows more, is seen
_MOST_ANSWER_BYTES: Final = 64 << 10
_UNPACKED: Final = {"accept-encoding": "identity"}
_MOST_ROUNDS: Final = 4  # of one offer: its size, a new key, the offer itself

_SELECT_SIZE: Final = "SELECT size FROM audit.cosignature WHERE witness = %s ORDER BY size DESC LIMIT 1"
_INSERT: Final = "INSERT INTO audit.cosignature (size, witness, line) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"


@dataclass(frozen=True, slots=True)
class WitnessAddress:
    """A witness of the settings: its public key, and where it answers."""

    key: NoteKey
    url: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a key, a blank and an address.

        Raises:
            SettingsError: it is something else.
        """
        key_text, _, url = text.strip().partition(" ")
        try:
            key = NoteKey.parse(key_text)
        except NoteError as error:
            raise SettingsError(f"CLOISTER_AUDIT_WITNESSES: {error}") from error
        if key.algorithm is not Algorithm.COSIGNATURE or not url.startswith(("http://", "https://")):
            raise SettingsError(
                f"CLOISTER_AUDIT_WITNESSES: {text!r} is no witness. Write what `cloister audit witness --init` prints, "
                "a blank, and its address as http://host:port."
            )
        return cls(key, url.strip().rstrip("/"))

    @property
    def label(self) -> str:
        """Return how its cosignatures are filed: its name and the id of its key."""
        return f"{self.key.name}+{self.key.id.hex()}"


class WitnessFeeder:
    """Feed one witness.

    Args:
        sealer_url: the database as the sealer, who may add cosignatures.
        witness: whom.
        keys: the log's keys, of which a witness is told how one followed the other.
        notices: where is told what came of it.
    """

    def __init__(self, sealer_url: SecretStr, witness: WitnessAddress, keys: SealKeyFile, notices: Notices) -> None:
        self._sealer_url = sealer_url
        self._witness = witness
        self._keys = keys
        self._notices = notices
        self._old_size: int | None = None
        self._shown = ""  # the note that it cosigned last, in this process
        self._shown_at = 0.0

    async def run(self, stop: asyncio.Event) -> None:
        """Feed it every few seconds until told to stop."""
        logging.getLogger("httpx").setLevel(logging.WARNING)  # it has a line for each request
        async with httpx.AsyncClient(trust_env=False, follow_redirects=False, timeout=_DEADLINE_SECONDS) as client:
            while not stop.is_set():
                try:
                    await self.feed(client)
                except Exception as error:  # noqa: BLE001 - whatever it was, the next round is tried, and it is told
                    await self._notices.failed(type(error).__name__)
                await is_set_within(stop, FEED_SECONDS)

    async def feed(self, client: httpx.AsyncClient) -> None:
        """Show it the newest checkpoint once.

        Raises:
            psycopg.Error: the database is away.
            httpx.HTTPError: the witness is.
            TimeoutError: it takes too long.
            NotFoundError: nothing was sealed yet.
        """
        async with await connect(self._sealer_url, autocommit=True) as connection:
            head = await read_newest(connection)
            if head.note == self._shown and time.monotonic() - self._shown_at < _AGAIN_SECONDS:
                return
            if self._old_size is None:
                row = await (await connection.execute(_SELECT_SIZE, [self._witness.label])).fetchone()
                self._old_size = int(row[0]) if row else 0
            await self._offer(connection, client, self._old_size)

    async def _offer(self, connection: psycopg.AsyncConnection, client: httpx.AsyncClient, old: int) -> None:
        """Offer the newest head, again where the witness says that it saw another size or does not know the key."""
        has_told_keys = False
        for _ in range(_MOST_ROUNDS):
            head = await read_newest(connection)
            old = min(old, head.size)
            proof = await read_consistency(connection, old, head.size)
            status, text = await self._post(client, "add-checkpoint", build_request(old, proof, head.note))
            seen = int(text) if status == HTTPStatus.CONFLICT and text.strip().isdecimal() else old
            if status == HTTPStatus.OK:
                await self._keep(connection, head, text)
                return
            if status == HTTPStatus.FORBIDDEN and not has_told_keys:
                has_told_keys = True
                await self._tell_keys(client)
            elif status == HTTPStatus.CONFLICT and seen != old and await _has(connection, seen):
                old = seen
            elif status in (HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY):
                await self._notices.contradicted(head.size, seen)
                return
            else:
                break
        await self._notices.failed(f"status-{status}")

    async def _keep(self, connection: psycopg.AsyncConnection, head: Head, answer: str) -> None:
        text = split_note(head.note)[0]
        signatures = [parse_signature(line) for line in answer.splitlines()]
        own = [each for each in signatures if each.is_of(self._witness.key)]
        valid = [each for each in own if each.time_of(text, self._witness.key) is not None]
        if not valid:
            await self._notices.failed("bad-cosignature")
            return
        await connection.execute(_INSERT, [head.size, self._witness.label, valid[0].line.removesuffix("\n")])
        self._old_size, self._shown, self._shown_at = head.size, head.note, time.monotonic()
        await self._notices.kept(head.size)

    async def _tell_keys(self, client: httpx.AsyncClient) -> None:
        """Announce every key that followed another; the witness takes those that it does not know yet, in order."""
        for announced in self._keys.read().announced:
            body = f"{announced.old_key}\n{announced.new_key}\n{announced.signature}\n"
            await self._post(client, "add-key", body.encode())

    async def _post(self, client: httpx.AsyncClient, path: str, body: bytes) -> tuple[int, str]:
        answer = b""
        async with (
            asyncio.timeout(_DEADLINE_SECONDS),
            client.stream("POST", f"{self._witness.url}/{path}", content=body, headers=_UNPACKED) as response,
        ):
            async for chunk in response.aiter_raw():  # nothing is unpacked: a few hundred bytes could be gigabytes
                answer += chunk
                if len(answer) > _MOST_ANSWER_BYTES:
                    break
        return response.status_code, answer[:_MOST_ANSWER_BYTES].decode("utf-8", "replace")


def build_request(old_size: int, proof: Sequence[bytes], note: str) -> bytes:
    """Return the body of `add-checkpoint`."""
    lines = [f"old {old_size}", *(b64encode(each).decode() for each in proof), "", note]
    return "\n".join(lines).encode()


async def _has(connection: psycopg.AsyncConnection, size: int) -> bool:
    """Tell whether the log has so many events, by now: another sealer may have shown what is newer."""
    return (await read_newest(connection)).size >= size
