"""A process that seats prompts on one host, as each replica of the page does.

It says `ready`, waits for a line, seats its prompts, and says how many were on the host at once at most. What the host
does is counted in Redis.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import aclosing
from dataclasses import replace

import redis.asyncio
from pydantic import SecretStr

from assistant.fleet.board import RedisBoard
from assistant.redis_client import open_redis
from connectors.model_hosts.choosing.choice import Candidate
from connectors.model_hosts.choosing.held import HeldThreads
from connectors.model_hosts.choosing.line import Line
from connectors.model_hosts.choosing.load import Load
from connectors.model_hosts.choosing.seats import Seats
from connectors.model_hosts.choosing.sharing import Exchange, Share, Told, Word
from connectors.model_hosts.values import Asker, Capability, Need, Place

PROMPTS = 24
_NAME = "Host1/m"
_CHAT = frozenset({Capability.CHAT})


class Replica:
    """The line of a process over one deployment."""

    def __init__(self, client: redis.asyncio.Redis, slots: int) -> None:
        self._client = client
        self._load = Load()
        self._told = Told()
        self._host = Candidate(_NAME, "Host1", "m", "m", 8192, _CHAT, is_loaded=True, slots=slots)
        self.most_at_once = 0
        self.exchange = Exchange(RedisBoard(client), own=self._word, on_sent=self._note_sent, on_told=self._hear)
        self._seats = Seats(self.exchange, HeldThreads())
        self._line = Line(
            candidates=lambda: [replace(self._host, in_flight=self._in_flight)],
            others=lambda: (self._told.tickets, self._told.used),
            take=lambda _: self._load.take(self.exchange.soon),
            give_back=lambda _: self._load.give_back(self.exchange.soon),
            seat=self._seats.take,
            end_seat=self._seats.end,
            on_change=self.exchange.soon,
            most_waiting=1000,
            patience_seconds=600.0,
        )

    @property
    def _in_flight(self) -> int:
        return self._load.in_flight + self._told.others.get(_NAME, Share()).in_flight

    def _word(self) -> Word:
        shares = {_NAME: Share(self._load.in_flight)}
        return Word(shares, self._line.tickets, self._line.used, seats=self._seats.taken, ended_seats=self._seats.ended)

    def _note_sent(self, word: Word) -> None:
        self._seats.were_told(word)

    def _hear(self, told: Told) -> None:
        self._told = told
        self._line.stir()

    async def ask(self, owner: str) -> None:
        async with aclosing(self._line.wait(Need(asker=Asker(owner)))) as steps:
            async for step in steps:
                if not isinstance(step, Place):
                    self.most_at_once = max(self.most_at_once, await self._client.incr("on-the-host"))
                    await asyncio.sleep(0.002)
                    await self._client.decr("on-the-host")
                    return


async def _run(slots: int, redis_url: str) -> None:
    async with open_redis(SecretStr(redis_url), patience_seconds=5.0) as client:
        replica = Replica(client, slots)
        await replica.exchange.start()
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        for _ in range(PROMPTS // 8):
            await asyncio.gather(*(replica.ask(f"person {number}") for number in range(8)))
        await replica.exchange.close()
    print(replica.most_at_once, flush=True)


if __name__ == "__main__":
    asyncio.run(_run(int(sys.argv[1]), sys.argv[2]))
