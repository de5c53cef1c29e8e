"""The order of a start: what can be answered before the heavy parts are there."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import cast

import httpx
import pytest

from assistant.errors import AuditUnavailableError
from assistant.identity.attempts import TooManyAttemptsError
from assistant.settings import Settings
from assistant.web import chat_door
from assistant.web.app import WebApplication, create_app
from assistant.web.chat_parts import ChatParts
from assistant.web.doors import Doors, PartState
from tests.fakes.web_parts import PASSWORD, FakeIdentity, FakeSite

OWN = {"origin": "http://127.0.0.1:8420"}
_HEAVY = ("chainlit", "litellm", "presidio_analyzer", "socketio", "spacy")


@asynccontextmanager
async def started(application: WebApplication) -> AsyncIterator[httpx.AsyncClient]:
    """Run the application's start and end, as a server would."""
    inbox: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    outbox: asyncio.Queue[object] = asyncio.Queue()
    living = asyncio.create_task(application({"type": "lifespan", "state": {}}, inbox.get, outbox.put))
    await inbox.put({"type": "lifespan.startup"})
    await outbox.get()
    transport = httpx.ASGITransport(app=application, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8420") as client:
        yield client
    await inbox.put({"type": "lifespan.shutdown"})
    await living


def doors(tmp_path: Path, *, fails: bool = False, let_go: list[str] | None = None) -> tuple[Doors, FakeIdentity]:
    site = FakeSite()

    async def check_parts() -> Mapping[str, PartState]:
        hosts = PartState(is_ready=True, words="1 of 2 model hosts answer.", details="Dev1 serves qwen2.5.")
        return {"database": PartState(is_ready=True, words="Answers."), "model hosts": hosts}

    async def open_chat() -> ChatParts:
        if fails:
            raise RuntimeError("no policy, and a planted secret")
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            if let_go is not None:
                let_go.append("let go")
        raise AssertionError

    doors = Doors(Settings(data_dir=tmp_path), site.identity, check_parts, open_chat, site.console_parts())
    return doors, site.identity


async def test_the_first_pages_are_there_while_the_chat_is_still_loading(tmp_path: Path) -> None:
    wired, identity = doors(tmp_path)
    identity.add("maria")
    async with started(create_app(wired)) as client:
        assert (await client.get("/health/live")).json() == {"status": "live"}
        assert (await client.get("/sign-in")).status_code == 200
        ready = await client.get("/health/ready")
        assert ready.status_code == 503
        assert ready.json()["parts"]["chat"] == {"ready": False, "words": "The chat is starting."}
        await client.post("/sign-in", data={"name": "maria", "password": PASSWORD}, headers=OWN)
        waiting = await client.get("/", headers={"accept": "text/html"})
        assert (waiting.status_code, waiting.headers["retry-after"]) == (503, "1")
        assert 'http-equiv="refresh"' in waiting.text
        assert (await client.get("/user")).json() == {"detail": "The chat is starting."}


async def test_a_chat_that_cannot_start_says_so_and_leaves_the_rest_open(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    wired, identity = doors(tmp_path, fails=True)
    identity.add("maria")
    async with started(create_app(wired)) as client:
        await client.post("/sign-in", data={"name": "maria", "password": PASSWORD}, headers=OWN)
        page = await client.get("/", headers={"accept": "text/html"})
        assert page.status_code == 503
        assert "The chat could not start" in page.text
        assert "no policy" not in page.text
        assert (await client.get("/health/live")).status_code == 200
    assert "RuntimeError at test_app.py" in caplog.text
    assert "planted secret" not in caplog.text


async def test_a_stop_waits_until_a_chat_that_was_loading_has_let_go(tmp_path: Path) -> None:
    let_go: list[str] = []
    wired, _identity = doors(tmp_path, let_go=let_go)
    async with started(create_app(wired)):
        await asyncio.sleep(0)
    assert let_go == ["let go"]


class _Chat:
    """A chat without a page."""

    async def stop(self) -> None:
        """Have nothing to stop."""


async def test_that_the_chat_is_loaded_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []

    async def open_chat() -> ChatParts:
        return cast("ChatParts", object())

    monkeypatch.setattr(chat_door, "_build", lambda *_: told.append("built") or _Chat())
    wired, _identity = doors(tmp_path)
    application = create_app(replace(wired, open_chat=open_chat, on_loaded=lambda: told.append("told")))
    async with started(application), asyncio.timeout(30):
        while not application.is_chat_ready:  # noqa: ASYNC110 - it is built in a thread
            await asyncio.sleep(0.01)
    assert told == ["built", "told"]


async def test_names_of_model_hosts_are_told_to_whoever_is_signed_in(tmp_path: Path) -> None:
    wired, identity = doors(tmp_path)
    identity.add("maria")
    async with started(create_app(wired)) as client:
        assert "Dev1" not in (await client.get("/health/ready")).text
        forged = await client.get("/health/ready", headers={"cookie": "cloister_session=guessed"})
        assert forged.json()["parts"]["model hosts"]["words"] == "1 of 2 model hosts answer."
        await client.post("/sign-in", data={"name": "maria", "password": PASSWORD}, headers=OWN)
        signed_in = (await client.get("/health/ready")).json()["parts"]
        assert signed_in["model hosts"]["words"] == "Dev1 serves qwen2.5."
        assert signed_in["database"]["words"] == "Answers."


async def test_a_sign_out_during_an_outage_says_so_and_can_be_tried_again(tmp_path: Path) -> None:
    wired, identity = doors(tmp_path)
    identity.add("maria")
    async with started(create_app(wired)) as client:
        await client.post("/sign-in", data={"name": "maria", "password": PASSWORD}, headers=OWN)
        identity.outage = AuditUnavailableError("The audit log cannot be written.")
        answer = await client.post("/sign-out", headers=OWN)
        assert answer.status_code == 503
        assert "Signing out was not completed. The audit log cannot be written." in answer.text
        assert "set-cookie" not in answer.headers
        again = await client.post("/sign-in", data={"name": "maria", "password": PASSWORD}, headers=OWN)
        assert again.status_code == 303  # the new session has begun, whatever becomes of the old one
        assert "cloister_session=" in again.headers["set-cookie"]
        identity.outage = None
        assert (await client.post("/sign-out", headers=OWN)).status_code == 303


async def test_who_guesses_too_fast_is_told_when_to_come_back(tmp_path: Path) -> None:
    wired, identity = doors(tmp_path)
    identity.refusal = TooManyAttemptsError(150)
    async with started(create_app(wired)) as client:
        answer = await client.post("/sign-in", data={"name": "maria", "password": "x"}, headers=OWN)
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "150")
        assert "try again in 3 minutes" in answer.text


async def test_a_wrong_sign_in_repeats_the_name_and_never_the_password(tmp_path: Path) -> None:
    wired, _identity = doors(tmp_path)
    async with started(create_app(wired)) as client:
        typed = {"name": '"><script>alert(1)</script>', "password": "hunter2hunter2"}
        answer = await client.post("/sign-in", data=typed, headers=OWN)
        assert answer.status_code == 401
        assert "hunter2" not in answer.text
        assert "<script>" not in answer.text
        assert "set-cookie" not in answer.headers


async def test_a_form_that_is_none_is_refused_in_words(tmp_path: Path) -> None:
    wired, _identity = doors(tmp_path)
    async with started(create_app(wired)) as client:
        for content, kind in [
            (b"{}", "application/json"),
            (b"name=%ff&password=\xff", "application/x-www-form-urlencoded"),
        ]:
            answer = await client.post("/sign-in", content=content, headers={**OWN, "content-type": kind})
            assert answer.status_code == 400
            assert "Enter your name" in answer.text


def test_building_the_application_imports_nothing_heavy() -> None:
    found = f"import sys, assistant.web.app; print([name for name in {_HEAVY} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", found], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
