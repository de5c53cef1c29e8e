"""The board in Redis on which all processes write what they ask of the model hosts, and which hosts are drained."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import astuple, fields
from typing import Final
from uuid import uuid4

import orjson
import redis.asyncio

from connectors.model_hosts.sharing import Share, Ticket, Told, Word

_DRAINED: Final = "cloister:fleet:drained"  # host -> since when, in words
_PROCESSES: Final = "cloister:fleet:processes"  # keys of the processes that may be alive
_PROCESS: Final = "cloister:fleet:process:"
_FORGET_MILLISECONDS: Final = 5000  # a process that died is missed for as long; the others write every second
_MOST: Final = 1e6  # answers, tokens a second or seconds: whatever stands there, none is larger
_MOST_TICKETS: Final = 1000  # of one process; a longer line is refused long before
_FIELDS: Final = len(fields(Share))


class RedisBoard:
    """The board as one process uses it.

    Args:
        client: of the installation's Redis. Every method raises its `RedisError` when it does not answer.
    """

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self._client = client
        self._key = _PROCESS + uuid4().hex

    async def exchange(self, own: Word) -> Told:
        """Write down what this process knows, and read what the others wrote."""
        async with self._client.pipeline(transaction=False) as pipe:
            pipe.set(self._key, orjson.dumps(_written(own)), px=_FORGET_MILLISECONDS)
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
        words = [word for word in map(_word, written) if word is not None]
        return Told(
            {_text(host): _text(since) for host, since in drained.items()},
            _joined(words),
            tuple(ticket for word in words for ticket in word.tickets),
            _added(word.used for word in words),
        )

    async def drain(self, host: str, since: str) -> bool:
        """Have all processes send no new work to a host; tell whether that is new."""
        return bool(await self._client.hsetnx(_DRAINED, host, since))

    async def undrain(self, host: str) -> bool:
        """Have all processes use a host again; tell whether that is new."""
        return bool(await self._client.hdel(_DRAINED, host))


def _written(word: Word) -> Mapping[str, object]:
    return {
        "shares": {name: astuple(share) for name, share in word.shares.items()},
        "tickets": [astuple(ticket) for ticket in word.tickets[:_MOST_TICKETS]],
        "used": word.used,
    }


def _word(text: bytes | str | None) -> Word | None:
    """Return what one process wrote; what another version wrote in another form is nothing."""
    try:
        read = orjson.loads(text or b"{}")
    except ValueError:
        return None
    if not isinstance(read, dict):
        return None
    tickets = read.get("tickets")
    return Word(
        dict(_shares(read.get("shares"))),
        tuple(_tickets(tickets[:_MOST_TICKETS])) if isinstance(tickets, list) else (),
        dict(_amounts(read.get("used"))),
    )


def _joined(words: Iterable[Word]) -> Mapping[str, Share]:
    joined: dict[str, Share] = {}
    for word in words:
        for name, share in word.shares.items():
            joined[name] = joined.get(name, Share()).joined(share)
    return joined


def _shares(read: object) -> Iterator[tuple[str, Share]]:
    for name, values in read.items() if isinstance(read, dict) else ():
        if isinstance(values, list) and len(values) == _FIELDS and all(_is_amount(value) for value in values):
            in_flight, *measured = values
            yield name, Share(int(in_flight), *(float(value) for value in measured))


def _tickets(read: Iterable[object]) -> Iterator[Ticket]:
    for values in read:
        match values:
            case [str(owner), bool(is_interactive), int() | float() as weight, int() | float() as waited, [*names]] if (
                _is_amount(weight) and weight and _is_amount(waited)
            ):
                yield Ticket(
                    owner, is_interactive, weight, waited, tuple(name for name in names if isinstance(name, str))
                )


def _amounts(read: object) -> Iterator[tuple[str, float]]:
    for owner, amount in read.items() if isinstance(read, dict) else ():
        if _is_amount(amount):
            yield owner, float(amount)


def _added(parts: Iterable[Mapping[str, float]]) -> Mapping[str, float]:
    added: dict[str, float] = {}
    for part in parts:
        for owner, amount in part.items():
            added[owner] = added.get(owner, 0.0) + amount
    return added


def _is_amount(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _MOST


def _text(raw: bytes | str) -> str:
    return raw.decode("utf-8", errors="replace") if isinstance(raw, bytes) else raw
