"""The board in Redis on which all processes write what they ask of the model hosts, and which hosts are drained."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import astuple, fields
from typing import Final
from uuid import uuid4

import orjson
import redis.asyncio

from connectors.model_hosts.sharing import Share, Told

_DRAINED: Final = "cloister:fleet:drained"  # host -> since when, in words
_PROCESSES: Final = "cloister:fleet:processes"  # keys of the processes that may be alive
_PROCESS: Final = "cloister:fleet:process:"
_FORGET_MILLISECONDS: Final = 5000  # a process that died is missed for as long; the others write every second
_MOST: Final = 1e6  # answers, tokens a second or seconds: whatever stands there, none is larger
_FIELDS: Final = len(fields(Share))


class RedisBoard:
    """The board as one process uses it.

    Args:
        client: of the installation's Redis. Every method raises its `RedisError` when it does not answer.
    """

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self._client = client
        self._key = _PROCESS + uuid4().hex

    async def exchange(self, own: Mapping[str, Share]) -> Told:
        """Write down what this process knows, and read what the others wrote."""
        shares = {name: astuple(share) for name, share in own.items()}
        async with self._client.pipeline(transaction=False) as pipe:
            pipe.set(self._key, orjson.dumps(shares), px=_FORGET_MILLISECONDS)
            pipe.sadd(_PROCESSES, self._key)
            await pipe.execute()
        return await self.read()

    async def read(self) -> Told:
        """Read what all other processes wrote."""
        async with self._client.pipeline(transaction=False) as pipe:
            pipe.hgetall(_DRAINED)
            pipe.smembers(_PROCESSES)
            drained, keys = await pipe.execute()
        others = sorted(_text(key) for key in keys if _text(key) != self._key)
        written = await self._client.mget(others) if others else []
        gone = [key for key, text in zip(others, written, strict=True) if text is None]
        if gone:
            await self._client.srem(_PROCESSES, *gone)
        return Told({_text(host): _text(since) for host, since in drained.items()}, _joined(written))

    async def drain(self, host: str, since: str) -> bool:
        """Have all processes send no new work to a host; tell whether that is new."""
        return bool(await self._client.hsetnx(_DRAINED, host, since))

    async def undrain(self, host: str) -> bool:
        """Have all processes use a host again; tell whether that is new."""
        return bool(await self._client.hdel(_DRAINED, host))


def _joined(written: Iterable[bytes | str | None]) -> Mapping[str, Share]:
    joined: dict[str, Share] = {}
    for text in written:
        for name, share in _shares(text):
            joined[name] = joined.get(name, Share()).joined(share)
    return joined


def _shares(text: bytes | str | None) -> Iterable[tuple[str, Share]]:
    """Yield what one process wrote; what another version wrote in another form is nothing."""
    try:
        read = orjson.loads(text or b"{}")
    except ValueError:
        return
    for name, values in read.items() if isinstance(read, dict) else ():
        if isinstance(values, list) and len(values) == _FIELDS and all(_is_amount(value) for value in values):
            in_flight, *measured = values
            yield name, Share(int(in_flight), *(float(value) for value in measured))


def _is_amount(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _MOST


def _text(raw: bytes | str) -> str:
    return raw.decode("utf-8", errors="replace") if isinstance(raw, bytes) else raw
