"""The end of a web process: answers are ended first, then everything else, and the exit status is 0."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import httpx
import pytest

from assistant.conversation import Role
from assistant.settings import Settings
from tests.fakes.web_parts import FakeSite
from tests.fakes.web_site import RunningSite
from tests.integration.web_scene import COOKIE, Somebody

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_process_that_is_told_to_end_records_its_answers_as_interrupted(tmp_path: Path, number: int) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.fakes.web_process", str(tmp_path), "10000", "0.01", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        url, token = (await process.stdout.readline()).decode().split()
        somebody = Somebody(RunningSite(url, FakeSite(), Settings(data_dir=tmp_path)), Role.EMPLOYEE)
        somebody.token = token
        await somebody.http.aclose()
        await until_ready(url, token)
        async with somebody.window() as window:
            await window.say("a long one")
            await window.wait_for("stream_token", count=3)
            process.send_signal(number)
            await window.wait_for("task_end", count=2)
            assert "Cloister is being restarted" in str(window.got("new_message"))
        async with asyncio.timeout(180):
            said = (await process.stdout.read()).decode()
            assert await process.wait() == 0
        assert said.strip() == "{'interrupted': 1}"  # printed after serving: what holds the doors open was closed too
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def until_ready(url: str, token: str) -> None:
    async with httpx.AsyncClient(base_url=url, cookies={COOKIE: token}) as client, asyncio.timeout(180):
        while True:
            try:
                if (await client.get("/health/ready")).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.1)
