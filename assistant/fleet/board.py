"""The board in Redis on which all processes write what they ask of the model hosts, and which hosts are drained."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import astuple, fields
from importlib.resources import files
from typing import Final
from uuid import uuid4

import orjson
import redis.asyncio

from connectors.model_hosts.choosing.choice import Held
from connectors.model_hosts.choosing.held import FORGET_SECONDS
from connectors.model_hosts.choosing.sharing import Failing, GivenSeat, Share, Ticket, Told, WantedSeat, Word

_DRAINED: Final = "cloister:fleet:drained"  # host -> since when, in words
_PROCESSES: Final = "cloister:fleet:processes"  # keys of the processes that may be alive
_PROCESS: Final = "cloister:fleet:process:"
_FAILING: Final = "cloister:fleet:failing"  # deployment -> failures in a row, and until when it rests by Redis' clock
_TRIAL: Final = "cloister:fleet:trial:"  # of a deployment; there while one prompt tries it
_SEATS: Final = "cloister:fleet:seats:"  # of a deployment
_THREAD: Final = "cloister:fleet:thread:"  # of a conversation, as a keyed hash -> which deployment has how much of it
_FORGET_FAILURES_SECONDS: Final = 3600
_FORGET_MILLISECONDS: Final = 5000  # a process that died is missed for as long; the others write every second
_MOST: Final = 1e6  # answers, tokens a second or seconds: whatever stands there, none is larger
_MOST_TICKETS: Final = 1000  # of one process; a longer line is refused long before
_FIELDS: Final = len(fields(Share))


class RedisBoard:
    """The board as one process uses it.

    Args:
        client: of the installation's Redis. Every method raises its `RedisError` when it does not answer.
        thread_key: makes what stands for a conversation; the same in all processes. Without one they tell each other
            nothing of who has which conversation in its cache.
    """

    def __init__(self, client: redis.asyncio.Redis, *, thread_key: bytes = b"") -> None:
        self._client = client
        self._thread_key = thread_key
        self._id = uuid4().hex
        self._key = _PROCESS + self._id
        text = (files("assistant.fleet") / "seats.lua").read_text("utf-8")
        self._seats, self._script = client.register_script(text), text

    async def exchange(self, own: Word) -> Told:
        """Write down what this process knows, and read what the others wrote."""
        now = await self._now() if own.failing else 0
        async with self._client.pipeline(transaction=False) as pipe:
            pipe.set(self._key, orjson.dumps(_written(own)), px=_FORGET_MILLISECONDS)
            pipe.sadd(_PROCESSES, self._key)
            for name, failing in own.failing.items():
                if failing.failures:
                    pipe.hset(_FAILING, name, f"{failing.failures} {now + round(failing.rest_seconds * 1000)}")
                    pipe.expire(_FAILING, _FORGET_FAILURES_SECONDS)
                else:
                    pipe.hdel(_FAILING, name)
            for name in own.trials:
                pipe.pexpire(_TRIAL + name, _FORGET_MILLISECONDS)
            if own.seats or own.ended_seats:
                keys = [
                    *(_SEATS + name for name in own.seats.values()),
                    *(_SEATS + name for name, _ in own.ended_seats),
                ]
                told = {"held": list(map(self._seat, own.seats)), "ended": self._names(own.ended_seats)}
                pipe.eval(self._script, len(keys), *keys, "keep", str(_FORGET_MILLISECONDS), orjson.dumps(told))
            await pipe.execute()
        return await self.read()

    async def read(self) -> Told:
        """Read what all other processes wrote."""
        async with self._client.pipeline(transaction=False) as pipe:
            pipe.hgetall(_DRAINED)
            pipe.smembers(_PROCESSES)
            pipe.hgetall(_FAILING)
            pipe.time()
            drained, keys, failing, now = await pipe.execute()
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
            dict(_failing(failing, _milliseconds(now))),
        )

    async def claim_trial(self, deployment: str) -> bool:
        """Tell whether a prompt of this process may be the one that tries a deployment."""
        if await self._client.set(_TRIAL + deployment, self._key, nx=True, px=_FORGET_MILLISECONDS):
            return True
        owner = await self._client.get(_TRIAL + deployment)  # ours, when the prompt that tried it here has ended
        return owner is not None and _text(owner) == self._key

    async def take_seat(self, wanted: WantedSeat) -> GivenSeat:
        """Take a seat on the first deployment that has one, in one step over all processes."""
        thread = self._thread(wanted.thread)
        asked = {
            "seat": self._seat(wanted.name),
            "places": [[place.slots, int(place.is_favoured), place.deployment] for place in wanted.places],
            "ended": self._names(wanted.ended),
            "tokens": wanted.prompt_tokens,
            "remember": round(FORGET_SECONDS * 1000) if thread else 0,
        }
        keys = (
            _THREAD + thread,
            *(_SEATS + place.deployment for place in wanted.places),
            *(_SEATS + name for name, _ in wanted.ended),
        )
        number, held = await self._seats(keys=keys, args=("take", _FORGET_MILLISECONDS, orjson.dumps(asked)))
        return GivenSeat(wanted.places[number - 1].deployment if number else "", _held(_text(held)))

    def _seat(self, name: str) -> str:
        return f"{self._id}:{name}"

    def _names(self, ended: Iterable[tuple[str, str]]) -> list[str]:
        return [self._seat(name) for _, name in ended]

    def _thread(self, thread: str) -> str:
        """Return what stands for a conversation: who reads Redis can neither tell nor try which one it is."""
        if not thread or not self._thread_key:
            return ""
        return hmac.digest(self._thread_key, thread.encode("utf-8", "surrogatepass"), "sha256").hex()

    async def _now(self) -> int:
        return _milliseconds(await self._client.time())

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
                deployments = tuple(name for name in names if isinstance(name, str))
                if len(deployments) == len(names):
                    yield Ticket(owner, is_interactive, weight, waited, deployments)


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


def _failing(read: Mapping[bytes | str, bytes | str], now: int) -> Iterator[tuple[str, Failing]]:
    for name, text in read.items():
        failures, _, until = _text(text).partition(" ")
        if failures.isdecimal() and until.isdecimal():
            yield _text(name), Failing(int(failures), max(0, int(until) - now) / 1000)


def _held(text: str) -> Held | None:
    deployment, _, tokens = text.rpartition(" ")
    return Held(deployment, int(tokens)) if deployment and tokens.isdecimal() else None


def _milliseconds(time: tuple[int, int]) -> int:
    seconds, microseconds = time
    return seconds * 1000 + microseconds // 1000


def _is_amount(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _MOST


def _text(raw: bytes | str) -> str:
    return raw.decode("utf-8", errors="replace") if isinstance(raw, bytes) else raw
