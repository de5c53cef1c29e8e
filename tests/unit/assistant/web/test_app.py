"""The order of a start: what can be answered before the heavy parts are there."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from assistant.settings import Settings
from assistant.web.app import WebApplication, create_app
from assistant.web.chat_parts import ChatParts
from assistant.web.doors import Doors, PartState
from tests.fakes.web_parts import PASSWORD, FakeIdentity, FakeSite

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


def doors(tmp_path: Path, *, fails: bool = False) -> tuple[Doors, FakeIdentity]:
    site = FakeSite()

    async def check_parts() -> Mapping[str, PartState]:
        return {"database": PartState(is_ready=True, words="Answers.")}

    async def open_chat() -> ChatParts:
        if fails:
            raise RuntimeError("no policy")
        await asyncio.Event().wait()
        raise AssertionError

    return Doors(Settings(data_dir=tmp_path), site.identity, check_parts, open_chat), site.identity


async def test_the_first_pages_are_there_while_the_chat_is_still_loading(tmp_path: Path) -> None:
    wired, identity = doors(tmp_path)
    identity.add("maria")
    async with started(create_app(wired)) as client:
        assert (await client.get("/health/live")).json() == {"status": "live"}
        assert (await client.get("/sign-in")).status_code == 200
        ready = await client.get("/health/ready")
        assert ready.status_code == 503
        assert ready.json()["parts"]["chat"] == {"ready": False, "words": "The chat is starting."}
        own = {"origin": "http://127.0.0.1:8420"}
        await client.post("/sign-in", data={"name": "maria", "password": PASSWORD}, headers=own)
        waiting = await client.get("/", headers={"accept": "text/html"})
        assert (waiting.status_code, waiting.headers["retry-after"]) == (503, "1")
        assert 'http-equiv="refresh"' in waiting.text
        assert (await client.get("/user")).json() == {"detail": "The chat is starting."}


async def test_a_chat_that_cannot_start_says_so_and_leaves_the_rest_open(tmp_path: Path) -> None:
    wired, identity = doors(tmp_path, fails=True)
    identity.add("maria")
    async with started(create_app(wired)) as client:
        own = {"origin": "http://127.0.0.1:8420"}
        await client.post("/sign-in", data={"name": "maria", "password": PASSWORD}, headers=own)
        page = await client.get("/", headers={"accept": "text/html"})
        assert page.status_code == 503
        assert "The chat could not start" in page.text
        assert "no policy" not in page.text
        assert (await client.get("/health/live")).status_code == 200


async def test_a_wrong_sign_in_repeats_the_name_and_never_the_password(tmp_path: Path) -> None:
    wired, _identity = doors(tmp_path)
    async with started(create_app(wired)) as client:
        own = {"origin": "http://127.0.0.1:8420"}
        typed = {"name": '"><script>alert(1)</script>', "password": "hunter2hunter2"}
        answer = await client.post("/sign-in", data=typed, headers=own)
        assert answer.status_code == 401
        assert "hunter2" not in answer.text
        assert "<script>" not in answer.text
        assert "set-cookie" not in answer.headers


async def test_a_form_that_is_none_is_refused_in_words(tmp_path: Path) -> None:
    wired, _identity = doors(tmp_path)
    async with started(create_app(wired)) as client:
        own = {"origin": "http://127.0.0.1:8420"}
        for content, kind in [
            (b"{}", "application/json"),
            (b"name=%ff&password=\xff", "application/x-www-form-urlencoded"),
        ]:
            answer = await client.post("/sign-in", content=content, headers={**own, "content-type": kind})
            assert answer.status_code == 400
            assert "Enter your name" in answer.text


def test_building_the_application_imports_nothing_heavy() -> None:
    found = f"import sys, assistant.web.app; print([name for name in {_HEAVY} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", found], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
