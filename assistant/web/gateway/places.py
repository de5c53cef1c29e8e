"""How many answers one token may have running at once, over all processes: counted in Redis, exactly."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final
from uuid import UUID, uuid4

from redis.asyncio import Redis
from redis.exceptions import RedisError

from assistant.errors import UnavailableError
from assistant.web.gateway.refusals import GatewayError

_log = logging.getLogger(__name__)

LEASE_SECONDS: Final = 30.0  # a place of a process that died is free after as long
_RENEWALS: Final = 3  # in one lease: two may be lost
_TRY_AGAIN: Final = {"retry-after": "1"}

# One script is one step for everybody else. Scores are the ends of leases, by Redis' own clock.
_TAKE: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then
    return 0
end
redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
"""


class Places:
    """Give each token its places, and take them back when an answer ends, however it ends.

    Args:
        client: of Redis. While it does not answer, nothing is answered here: what cannot be counted is not let in.
        most: places of one token.
        lease_seconds: how long a place outlives the process that took it.
    """

    def __init__(self, client: Redis, *, most: int, lease_seconds: float = LEASE_SECONDS) -> None:
        self._client = client
        self._most = most
        self._lease_seconds = lease_seconds
        self._take_script = client.register_script(_TAKE)

    @asynccontextmanager
    async def taken(self, token_id: UUID) -> AsyncIterator[None]:
        """Hold a place as long as the block runs.

        Raises:
            GatewayError: this token has as many answers running as it may.
            UnavailableError: Redis does not answer.
        """
        key, place = f"gateway:answers:{token_id}", uuid4().hex
        try:
            is_taken = await self._take(key, place)
        except RedisError as error:
            raise UnavailableError("Running answers cannot be counted now. Ask again in a moment.") from error
        if not is_taken:
            words = f"This token has {self._most} answers running, as many as it may. Wait for one to end."
            raise GatewayError(429, words, code="rate_limit_exceeded", headers=_TRY_AGAIN)
        renewing = asyncio.create_task(self._renew(key, place), name="renew a place")
        try:
            yield
        finally:
            renewing.cancel()
            with suppress(RedisError):  # its lease ends by itself
                await self._client.zrem(key, place)

    async def _take(self, key: str, place: str) -> bool:
        lease = round(self._lease_seconds * 1000)
        return bool(await self._take_script(keys=[key], args=[place, self._most, lease]))

    async def _renew(self, key: str, place: str) -> None:
        while True:
            await asyncio.sleep(self._lease_seconds / _RENEWALS)
            try:
                await self._take(key, place)
            except RedisError as error:  # the next renewal comes in time, or the place is lost and the answer goes on
                _log.warning("a place was not renewed: %s", type(error).__name__)
