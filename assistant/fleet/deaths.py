"""Over which prompts hosts went down: what all processes of an installation tell each other of it, in Redis."""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import orjson
import redis.asyncio

FORGET_SECONDS: Final = 600.0
"""How long a death counts: by then somebody has looked at the hosts."""

_DEATHS: Final = "cloister:fleet:deaths:"  # of a prompt, as a keyed hash: id of a death -> who, in which asking, when
_MOST_OF_A_PROMPT: Final = 64  # two are enough to refuse it; what else stands there, nobody of us wrote


@dataclass(frozen=True, slots=True)
class Death:
    """A host that went down over a prompt.

    Attributes:
        id: of this death, over all processes.
        asking: in which asking of the prompt; a host may go down twice in one, under two of its models.
        begun_at: when that asking began, in seconds of the reader's own clock.
        at: when the host went down.
    """

    id: str
    asking: str
    host: str
    begun_at: float
    at: float


class RedisDeaths:
    """The deaths that all processes know of.

    Args:
        client: of the installation's Redis. Every method raises its `RedisError` when it does not answer.
        key: makes what stands for a prompt; the same in all processes, and used for nothing else: who reads Redis can
            neither tell nor try which text it is, nor find it in the audit log.
    """

    def __init__(self, client: redis.asyncio.Redis, *, key: bytes) -> None:
        self._client = client
        self._key = key

    async def exchange(self, mark: str, deaths: Sequence[Death], *, now: float) -> Sequence[Death]:
        """Write down what this process has not told yet of a prompt, and return what all know.

        Args:
            mark: of the prompt.
            deaths: those not told yet; telling them twice changes nothing.
            now: by the clock of these deaths, and of those returned.
        """
        name = self._name(mark)
        if not deaths:
            found = await self._client.hgetall(name)
            return list(_read(found, await self._ahead(now))) if found else ()
        ahead = await self._ahead(now)
        async with self._client.pipeline(transaction=False) as pipe:
            pipe.hset(name, mapping={death.id: _written(death, ahead) for death in deaths})
            pipe.expire(name, round(FORGET_SECONDS))
            pipe.hgetall(name)
            *_, found = await pipe.execute()
        return list(_read(found, ahead))

    async def forget(self, mark: str) -> None:
        """Forget what is known of a prompt: it was answered."""
        await self._client.delete(self._name(mark))

    def _name(self, mark: str) -> str:
        return _DEATHS + hmac.digest(self._key, mark.encode(), "sha256").hex()

    async def _ahead(self, now: float) -> float:
        """Return how far Redis' clock is ahead of the caller's."""
        seconds, microseconds = await self._client.time()
        return float(seconds + microseconds / 1e6 - now)


def _written(death: Death, ahead: float) -> bytes:
    """Return a death by Redis' clock, which is so much ahead."""
    return orjson.dumps([death.asking, death.host, death.begun_at + ahead, death.at + ahead])


def _read(found: Mapping[bytes | str, bytes | str], ahead: float) -> Iterator[Death]:
    """Yield deaths by the clock that Redis' is so much ahead of; what has another form is none."""
    for name, text in list(found.items())[:_MOST_OF_A_PROMPT]:
        try:
            read = orjson.loads(text)
        except ValueError:
            continue
        match read:
            case [str(asking), str(host), int() | float() as begun_at, int() | float() as at]:
                named = name.decode("utf-8", errors="replace") if isinstance(name, bytes) else name
                yield Death(named, asking, host, begun_at - ahead, at - ahead)
