"""Who reads a stream, and who does not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any
from uuid import uuid4

import pytest
from starlette.requests import ClientDisconnect

from assistant.turn_events import AnswerText, Failed, Trouble, TurnEvent, Waiting
from assistant.web.gateway import sending
from assistant.web.gateway.chat_answer import ChatAnswer
from assistant.web.gateway.code_answer import CompletionAnswer, InfillAnswer
from assistant.web.gateway.sending import AnswerResponse


async def test_a_client_that_reads_nothing_gives_its_host_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "_UNREAD_SECONDS", 0.05)
    given_back: list[str] = []

    async def events() -> AsyncGenerator[TurnEvent, None]:
        try:
            while True:
                yield AnswerText("word ")
        finally:
            given_back.append("host")

    async def look() -> dict[str, str]:
        return {}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()  # as uvicorn does when what was sent is not taken

    async def receive() -> Any:
        await asyncio.Event().wait()

    response = AnswerResponse(events(), ChatAnswer(uuid4(), "general"), is_stream=True, look=look, running=set())
    async with asyncio.timeout(60):
        with pytest.raises(ClientDisconnect):
            await response({"type": "http", "state": {"reference": "X"}}, receive, send)
    assert given_back == ["host"]


async def test_a_client_that_reads_a_little_now_and_then_gives_its_host_back_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sending, "_UNREAD_SECONDS", 5)
    monkeypatch.setattr(sending, "_UNREAD_IN_ALL_SECONDS", 0.05)
    sent = 0

    async def events() -> AsyncGenerator[TurnEvent, None]:
        while True:
            yield AnswerText("word ")

    async def look() -> dict[str, str]:
        return {}

    async def send(message: Any) -> None:
        nonlocal sent
        sent += 1
        await asyncio.sleep(0.01)  # the host has long said more by then

    async def receive() -> Any:
        await asyncio.Event().wait()

    response = AnswerResponse(events(), ChatAnswer(uuid4(), "general"), is_stream=True, look=look, running=set())
    async with asyncio.timeout(60):
        with pytest.raises(ClientDisconnect):
            await response({"type": "http", "state": {"reference": "X"}}, receive, send)
    assert sent < 10


@pytest.mark.parametrize("is_stream", [True, False])
@pytest.mark.parametrize("form", [ChatAnswer, CompletionAnswer, InfillAnswer])
async def test_a_full_line_is_told_with_when_to_come_back(form: type[ChatAnswer], *, is_stream: bool) -> None:
    async def events() -> AsyncGenerator[TurnEvent, None]:
        yield Waiting("3 before you, about 30 s")
        yield Failed("7K2F9QX", "Every model host is busy.", Trouble.BUSY, 30)

    async def look() -> dict[str, str]:
        return {}

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        await asyncio.Event().wait()

    response = AnswerResponse(events(), form(uuid4(), "general"), is_stream=is_stream, look=look, running=set())
    await response({"type": "http", "state": {"reference": "7K2F9QX"}}, receive, send)
    assert sent[0]["status"] == 503
    assert (b"retry-after", b"30") in sent[0]["headers"]
    assert b'"code":"busy"' in sent[1]["body"].replace(b" ", b"")
