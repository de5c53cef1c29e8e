"""Limits over real Redis: never more than they allow and never less, whoever asks, leaves, fails or dies."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from assistant.balance import Counted, QuotaError, Window
from assistant.bootstrap.quotas import open_counting
from assistant.conversation import Person, Role
from assistant.errors import UnavailableError
from assistant.quotas.limits import Claim, QuotaRules
from assistant.quotas.quotas import Held, Quotas
from assistant.quotas.reader import parse_quotas
from assistant.redis_client import open_redis

pytestmark = pytest.mark.integration

MARIA = Person(UUID(int=7), "maria", frozenset({Role.DEVELOPER}))
TOM = Person(UUID(int=8), "tom", frozenset({Role.EMPLOYEE}))
TOKEN, OTHER = UUID(int=1), UUID(int=2)


def rules(*limits: str, doors: str = "[]") -> QuotaRules:
    text = "limits:\n" + "\n".join(f"  - {{{limit}}}" for limit in limits) + f"\nuncounted_without_redis: {doors}\n"
    return parse_quotas(text, personas=["general", "starcoder"])


def claim(
    person: Person = MARIA,
    *,
    tokens: int = 0,
    token: UUID | None = None,
    persona: str | None = "general",
    door: str = "gateway",
) -> Claim:
    return Claim(uuid4(), person, door, persona, token, tokens)


@pytest.fixture
async def clients(redis_url: str) -> AsyncIterator[list[Redis]]:
    clients = [open_redis(SecretStr(redis_url), patience_seconds=60.0) for _ in range(3)]
    yield clients
    for client in clients:
        await client.aclose()


def over(client: Redis, *limits: str, doors: str = "[]", lease: float = 30.0) -> Quotas:
    site = rules(*limits, doors=doors)
    return Quotas(client, lambda: site, lease_seconds=lease)


async def taken(quotas: Quotas, wanted: Claim) -> Held | QuotaError:
    try:
        return await quotas.take(wanted)
    except QuotaError as error:
        return error


async def settle(*held: Held | QuotaError) -> None:
    for one in held:
        assert isinstance(one, Held)
        await one.settle()


async def refusal(quotas: Quotas, wanted: Claim) -> QuotaError:
    with pytest.raises(QuotaError) as refused:
        await quotas.take(wanted)
    return refused.value


async def test_of_many_at_once_exactly_as_many_run_as_may(clients: list[Redis]) -> None:
    processes = [over(client, "name: one, counts: each token, running: 4") for client in clients]
    asked = [taken(processes[number % 3], claim(token=TOKEN)) for number in range(90)]
    results = await asyncio.gather(*asked)
    running = [result for result in results if isinstance(result, Held)]
    assert len(running) == 4
    refused = next(result for result in results if isinstance(result, QuotaError))
    assert (refused.limit, refused.counted, refused.retry_after_seconds) == ("one", Counted.RUNNING, 1)
    await settle(*running)
    await settle(*await asyncio.gather(*(taken(processes[0], claim(token=TOKEN)) for _ in range(4))))


async def test_of_many_at_once_exactly_as_many_requests_are_let_in_as_fit(clients: list[Redis]) -> None:
    processes = [over(client, "name: one, counts: each person, requests: {month: 25}") for client in clients]

    async def ask(number: int) -> bool:
        held = await taken(processes[number % 3], claim())
        if isinstance(held, Held):
            await held.settle()
        return isinstance(held, Held)

    assert sum(await asyncio.gather(*map(ask, range(100)))) == 25


async def test_tokens_are_never_overdrawn_and_what_was_not_used_comes_back(clients: list[Redis]) -> None:
    """Any order of takes, growths, settlements and failures: used and reserved together stay below the limit."""
    most = 1000
    processes = [over(client, f"name: one, counts: each person, tokens: {{month: {most}}}") for client in clients]
    chance = random.Random(7)  # noqa: S311 - an order of steps
    used, most_held, now_held = 0, 0, 0

    async def turn(number: int) -> None:
        nonlocal used, most_held, now_held
        tokens = chance.randrange(1, 200)
        held = await taken(processes[number % 3], claim(tokens=tokens))
        if not isinstance(held, Held):
            return
        now_held += tokens
        most_held = max(most_held, used + now_held)
        if chance.random() < 0.3:
            try:
                await held.grow(tokens + 10)
                now_held, tokens = now_held + 10, tokens + 10
                most_held = max(most_held, used + now_held)
            except QuotaError:
                pass
        really = chance.randrange(tokens + 1)
        used, now_held = used + really, now_held - tokens  # before Redis does so, which may let others in at once
        await held.settle(really)

    for _ in range(4):
        await asyncio.gather(*map(turn, range(30)))
    assert most_held <= most
    left = (await processes[0].look(claim())).scarcest(Counted.TOKENS)
    assert left is not None
    assert left.left == most - used
    assert now_held == 0


async def test_a_limit_that_refuses_takes_nothing_of_the_others(clients: list[Redis]) -> None:
    quotas = over(
        clients[0],
        "name: wide, counts: each person, requests: {day: 10}, running: 10, tokens: {day: 1000}",
        "name: narrow, counts: each token, requests: {day: 1}",
    )
    await settle(await quotas.take(claim(token=TOKEN, tokens=5)))
    for _ in range(5):
        refused = await refusal(quotas, claim(token=TOKEN, tokens=5))
    assert refused.limit == "narrow"
    held = await quotas.take(claim(token=OTHER, tokens=5))
    left = {(entry.limit, entry.counted): entry.left for entry in held.balance.allowances}
    assert left["wide", Counted.REQUESTS] == 8
    assert left["wide", Counted.RUNNING] == 9
    assert left["wide", Counted.TOKENS] == 995
    await held.settle()


async def test_who_shares_what(clients: list[Redis]) -> None:
    quotas = over(
        clients[0],
        "name: persona, counts: each persona, personas: [starcoder], requests: {day: 3}",
        "name: person, counts: each person, requests: {day: 2}",
        "name: group, counts: all together, roles: [developer], requests: {day: 2}",
    )
    await settle(await quotas.take(claim()), await quotas.take(claim(TOM)))
    await settle(await quotas.take(claim(persona="starcoder")))
    assert (await refusal(quotas, claim())).limit == "person"  # the first of equals
    other = Person(UUID(int=9), "other", frozenset({Role.DEVELOPER}))
    assert (await refusal(quotas, claim(other))).limit == "group"
    await settle(await quotas.take(claim(TOM, persona="starcoder")))
    assert (await refusal(quotas, claim(TOM))).limit == "person"


async def test_one_limit_instead_of_another(clients: list[Redis]) -> None:
    quotas = over(
        clients[0],
        "name: everybody, counts: each person, requests: {day: 1}",
        "name: builds, counts: each person, people: [maria], requests: {day: 3}, instead_of: everybody",
    )
    for _ in range(3):
        await settle(await quotas.take(claim()))
    assert (await refusal(quotas, claim())).limit == "builds"
    await settle(await quotas.take(claim(TOM)))
    assert (await refusal(quotas, claim(TOM))).limit == "everybody"


async def test_a_request_that_failed_by_our_fault_does_not_count(clients: list[Redis]) -> None:
    quotas = over(clients[0], "name: one, counts: each person, requests: {month: 1}, tokens: {month: 10}")
    for _ in range(3):
        held = await quotas.take(claim(tokens=10))
        await held.settle(is_refunded=True)
        await held.settle(is_refunded=True)  # a second time changes nothing
    held = await quotas.take(claim(tokens=10))
    await held.settle(3)
    await held.settle(3)
    left = (await quotas.look(claim())).scarcest(Counted.TOKENS)
    assert left is not None
    assert left.left == 7


async def test_what_fails_again_and_again_still_meets_the_brake_on_loops(clients: list[Redis]) -> None:
    """A script may name a model whose host is away: each request costs a guard and events, and is no budget's loss."""
    quotas = over(clients[0], "name: one, counts: each person, requests: {minute: 3, month: 1}")

    async def fail() -> None:
        for _ in range(7):  # in two minutes, if a new one begins meanwhile
            await (await quotas.take(claim())).settle(is_refunded=True)

    with pytest.raises(QuotaError) as refused:
        await fail()
    left = {one.window: one.left for one in refused.value.balance.allowances}
    assert left == {Window.MINUTE: 0, Window.MONTH: 1}


async def test_a_refusal_says_when_it_goes_on_and_is_news_once_a_minute(clients: list[Redis]) -> None:
    quotas = over(clients[0], "name: one, counts: each person, requests: {day: 1, month: 1}")
    await settle(await quotas.take(claim()))
    refused = [await refusal(quotas, claim()) for _ in range(3)]
    assert [error.is_first for error in refused] == [True, False, False]
    now = datetime.now(UTC)
    next_month = datetime(now.year + now.month // 12, now.month % 12 + 1, 1, tzinfo=UTC)
    assert refused[0].retry_after_seconds == pytest.approx((next_month - now).total_seconds(), abs=60)


async def test_too_many_tokens_are_told_apart(clients: list[Redis]) -> None:
    quotas = over(clients[0], "name: one, counts: each person, tokens: {month: 100}")
    assert "Send less" in str(await refusal(quotas, claim(tokens=101)))
    held = await quotas.take(claim(tokens=80))
    waits = await refusal(quotas, claim(tokens=30))
    assert "Wait for one to end" in str(waits)
    assert waits.retry_after_seconds == 1
    await held.settle(80)
    assert "has 20 left" in str(await refusal(quotas, claim(tokens=30)))


async def test_what_a_dead_process_took_is_free_again_and_a_living_one_keeps_it(clients: list[Redis]) -> None:
    limit = "name: one, counts: each person, running: 1, tokens: {day: 100}"
    dead, alive = over(clients[0], limit, lease=2), over(clients[1], limit, lease=2)
    killed = await dead.take(claim(tokens=100))
    assert killed._alarm is not None
    killed._alarm.cancel()
    assert isinstance(await taken(alive, claim(tokens=100)), QuotaError)
    async with asyncio.timeout(180):
        while isinstance(held := await taken(alive, claim(tokens=100)), QuotaError):  # noqa: ASYNC110 - Redis tells nobody
            await asyncio.sleep(0.05)
    await asyncio.sleep(2.5)  # longer than the lease: nothing to wait for would show that nothing happens
    assert isinstance(await taken(dead, claim(tokens=100)), QuotaError)
    await settle(held)


class LateRedis(Redis):
    """Does at once what it is told, and says so late."""

    has_done: asyncio.Event
    may_answer: asyncio.Event

    async def execute_command(self, *args: object, **options: object) -> object:
        done = await super().execute_command(*args, **options)
        self.has_done.set()
        await self.may_answer.wait()
        return done


async def test_a_client_that_leaves_at_once_takes_nothing_with_it(redis_url: str, clients: list[Redis]) -> None:
    late = LateRedis.from_url(redis_url)
    late.has_done, late.may_answer = asyncio.Event(), asyncio.Event()
    late.may_answer.set()
    limit = "name: one, counts: each person, running: 1, requests: {month: 1}"
    quotas = over(late, limit)
    await quotas.take(claim(TOM))  # Redis knows the script now
    late.has_done.clear()
    late.may_answer.clear()
    coming = asyncio.create_task(quotas.take(claim()))
    await late.has_done.wait()
    coming.cancel()
    late.may_answer.set()
    with pytest.raises(asyncio.CancelledError):
        await coming
    await settle(await over(clients[0], limit).take(claim()))
    await late.aclose()


async def test_what_was_taken_once_is_not_taken_twice(clients: list[Redis]) -> None:
    """A client of Redis asks once more when an answer was lost on its way."""
    quotas = over(clients[0], "name: one, counts: each person, running: 5, requests: {month: 5}")
    same = claim()
    first, again = await quotas.take(same), await quotas.take(same)
    assert first.balance.allowances[0].left == again.balance.allowances[0].left == 4
    await settle(first, again)
    left = (await quotas.look(claim())).allowances
    assert {entry.counted: entry.left for entry in left} == {Counted.RUNNING: 5, Counted.REQUESTS: 4}


@pytest.mark.parametrize("door", ["gateway", "chat"])
async def test_without_redis_a_door_refuses_unless_it_may_go_on_uncounted(door: str) -> None:
    async with open_counting(SecretStr("redis://127.0.0.1:9/0")) as client:
        quotas = over(client, "name: one, counts: each person, running: 1", doors="[chat]")
        async with asyncio.timeout(180):
            if door == "chat":
                for _ in range(2):
                    held = await quotas.take(claim(door=door))
                    await held.grow(100)
                    await held.settle(5)
            else:
                with pytest.raises(UnavailableError):
                    await quotas.take(claim(door=door))
        assert (await quotas.look(claim())).allowances == ()


async def test_counts_say_who_and_nothing_else_and_go_away(clients: list[Redis]) -> None:
    quotas = over(clients[0], "name: one, counts: each person, running: 1, requests: {minute: 5}, tokens: {hour: 9}")
    await settle(await quotas.take(claim(tokens=3)))
    keys = [key.decode() for key in await clients[0].keys("*")]
    assert keys == [f"cloister:quota:one:{MARIA.id}:counts"]
    assert 0 < await clients[0].pttl(keys[0]) <= 3_600_000


async def test_windows_of_redis_are_those_of_the_calendar(clients: list[Redis]) -> None:
    quotas = over(clients[0], "name: one, counts: each person, requests: {minute: 9, hour: 9, day: 9, month: 9}")
    seconds, _ = await clients[0].time()
    found = {entry.window: entry.resets_seconds for entry in (await quotas.look(claim())).allowances}
    now = datetime.fromtimestamp(seconds, UTC)
    assert found[Window.MINUTE] == pytest.approx(60 - now.second, abs=2) or found[Window.MINUTE] > 58
    for window, length in ((Window.HOUR, 3600), (Window.DAY, 86400)):
        assert found[window] == pytest.approx(length - seconds % length, abs=2) or found[window] > length - 2
