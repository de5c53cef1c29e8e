"""The gateway around its start and its end, and what it leaves running: nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from starlette.responses import PlainTextResponse

from assistant.balance import Allowance, Balance, Counted, QuotaError, Window
from assistant.conversation import Person, Role
from assistant.errors import AuditUnavailableError, UnavailableError
from assistant.identity.scopes import Scopes
from assistant.identity.tokens import Holder
from assistant.personas.reader import read_personas
from assistant.quotas.limits import Claim
from assistant.settings import Settings
from assistant.web.gateway.door import Gateway
from assistant.web.gateway_parts import GatewayParts
from assistant.web.root import build_root
from policies.verdict import Verdict
from tests.fakes.web_parts import FakeHistory, FakeIdentity, FakeTurns, hosts, judge

MARIA = Person(UUID(int=7), "maria", frozenset({Role.DEVELOPER}))
ASKED = {"model": "general", "messages": [{"role": "user", "content": "Hello?"}]}
OWN = {"host": "127.0.0.1:8420", "authorization": "Bearer clst_x"}


async def nothing(*_: object) -> Any:
    raise AssertionError


class FakeTokens:
    """Knows one token of maria's."""

    def __init__(self) -> None:
        self.outage: Exception | None = None
        self.may_refuse = False

    async def holder(self, token: str, client: str) -> Holder:
        if self.outage is not None:
            raise self.outage
        return Holder(MARIA, uuid4(), Scopes(("chat",)))

    async def note_refusal(self, holder: Holder, wanted: str) -> None:
        assert self.may_refuse, wanted


class Site:
    """A gateway behind the shell, over turns that can be held back."""

    def __init__(self) -> None:
        self.turns = FakeTurns(FakeHistory())
        self.tokens = FakeTokens()
        self.is_open = asyncio.Event()
        self.gateway = Gateway(self.tokens, self._open)
        root = build_root(
            Settings(),
            FakeIdentity(),
            check_parts=nothing,
            close_windows=nothing,
            signed_in=PlainTextResponse("the page"),
            nothing_here="Nothing.",
            gateway=self.gateway.routes(),
        )
        transport = httpx.ASGITransport(app=root, raise_app_exceptions=False)
        self.http = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8420", headers=OWN)

    async def ask(self, **change: Any) -> httpx.Response:
        return await self.http.post("/v1/chat/completions", json=ASKED | change)

    async def _open(self) -> GatewayParts:
        await self.is_open.wait()
        return GatewayParts(self.turns.answer, read_personas(), hosts, self._check_apart, self._look)

    async def _look(self, claim: Claim) -> Balance:
        assert claim.person == MARIA
        return Balance((Allowance("one", Counted.REQUESTS, Window.MINUTE, 60, 59, 12.3),))

    async def _check_apart(self, text: str, person: Person) -> Verdict:
        return judge(text)


@asynccontextmanager
async def opened(*, is_ready: bool = True) -> AsyncIterator[Site]:
    site = Site()
    site.gateway.start()
    if is_ready:
        site.is_open.set()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    yield site
    await site.gateway.stop()
    await site.http.aclose()


async def test_before_it_is_there_it_says_so_and_when_to_come_back() -> None:
    async with opened(is_ready=False) as site:
        answer = await site.ask()
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert answer.json()["error"]["code"] == "unavailable"
        assert not site.gateway.state.is_ready


@pytest.mark.parametrize("outage", [UnavailableError("The database is away."), AuditUnavailableError("No log.")])
async def test_who_cannot_be_looked_up_is_not_let_in(outage: Exception) -> None:
    async with opened() as site:
        site.tokens.outage = outage
        assert (await site.ask()).status_code == 503
        assert site.turns.asked == []


async def test_an_error_that_nobody_foresaw_says_nothing_of_itself() -> None:
    async with opened() as site:
        answer = await site.ask(messages=[{"role": "user", "content": "explode"}])
        assert answer.status_code == 500
        assert "planted" not in answer.text
        assert f"(ref {answer.headers['x-request-id']})" in answer.json()["error"]["message"]


@pytest.mark.parametrize("is_stream", [False, True])
async def test_an_end_of_the_process_ends_answers_with_words(*, is_stream: bool) -> None:
    async with opened() as site:
        site.turns.hold()
        asking = asyncio.create_task(site.ask(stream=is_stream))
        while not site.turns.asked:  # noqa: ASYNC110 - the fake says so in no other way
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        await site.gateway.stop()
        answer = await asking
        assert site.turns.closed == [site.turns.asked[0].reference]
        last = answer.text.strip().rpartition("data: ")[2] if is_stream else answer.text
        assert json.loads(last)["error"]["code"] == "interrupted"
        assert answer.status_code == (200 if is_stream else 503)
        assert "[DONE]" not in answer.text
        assert (await site.ask()).status_code == 503
        assert len(site.turns.asked) == 1


async def test_thoughts_come_beside_the_answer_and_calls_of_tools_that_nobody_offered_do_not() -> None:
    async with opened() as site:
        message = (await site.ask(messages=[{"role": "user", "content": "think"}])).json()["choices"][0]["message"]
        assert message["reasoning_content"].startswith("The log says")
        assert message["content"].startswith("The restart failed")
        assert "tool_calls" not in message


LEFT = {"x-ratelimit-limit-requests": "60", "x-ratelimit-remaining-requests": "59", "x-ratelimit-reset-requests": "13s"}


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/v1/models", None, 200),
        ("GET", "/v1/models/none", None, 404),
        ("POST", "/v1/chat/completions", ASKED | {"n": 2}, 400),
        ("POST", "/v1/chat/completions", ASKED | {"model": "none"}, 404),
        ("POST", "/v1/chat/completions", ASKED | {"messages": [{"role": "user", "content": " "}]}, 400),
    ],
)
async def test_whoever_proved_who_they_are_reads_what_is_left(
    method: str, path: str, body: dict[str, Any] | None, status: int
) -> None:
    async with opened() as site:
        site.tokens.may_refuse = True
        answer = await site.http.request(method, path, json=body)
        assert answer.status_code == status
        assert {name: answer.headers.get(name) for name in LEFT} == LEFT


async def test_a_stranger_reads_nothing_of_limits() -> None:
    async with opened() as site:
        answer = await site.http.get("/v1/models", headers={"authorization": "Basic x"})
        assert answer.status_code == 401
        assert not [name for name in answer.headers if name.startswith("x-ratelimit")]


@pytest.mark.parametrize("is_stream", [False, True])
async def test_a_limit_that_is_reached_is_a_429_that_says_when_to_come_back(*, is_stream: bool) -> None:
    reached = Allowance("one", Counted.TOKENS, Window.DAY, 1000, 20, 3600.5)
    async with opened() as site:
        site.turns.refusal = QuotaError(reached, Balance((reached,)), wanted=300)
        answer = await site.ask(stream=is_stream)
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "3601")
        assert answer.headers["x-ratelimit-remaining-tokens"] == "20"
        assert answer.headers["x-ratelimit-reset-tokens"] == "1h0m1s"
        error = answer.json()["error"]
        assert (error["type"], error["code"]) == ("rate_limit_error", "rate_limit_exceeded")
        assert "needs up to 300" in error["message"]


@pytest.mark.parametrize("is_stream", [False, True])
async def test_an_answer_says_what_it_left(*, is_stream: bool) -> None:
    async with opened() as site:
        site.turns.balance = Balance((Allowance("one", Counted.REQUESTS, Window.MINUTE, 60, 7, 1.0),))
        answer = await site.ask(stream=is_stream)
        assert (answer.status_code, answer.headers["x-ratelimit-remaining-requests"]) == (200, "7")


@pytest.mark.parametrize("is_stream", [True, False])
async def test_a_turn_knows_whether_anybody_reads_before_its_end(*, is_stream: bool) -> None:
    async with opened() as site:
        assert (await site.ask(stream=is_stream)).status_code == 200
        assert [turn.is_whole for turn in site.turns.asked] == [not is_stream]
