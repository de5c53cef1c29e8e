"""Lines of attached files over HTTP: whose they are, which there are, and what of them is shown."""

from __future__ import annotations

from uuid import uuid4

import httpx
import pytest

from assistant.conversation import Role
from tests.fakes.web_site import RunningSite
from tests.integration.web_scene import Newcomer, Somebody

pytestmark = pytest.mark.integration

CODE = "import time\n\ndef send():\n    return '<b>&'\n"


async def attach(somebody: Somebody) -> str:
    """Ask about a file, and return the beginning of the addresses of its lines."""
    files = {"file": ("src/retry.py", CODE.encode(), "text/x-python")}
    upload = (await somebody.http.post("/project/file?session_id=x", files=files)).json()["id"]
    async with somebody.window(chatProfile="starcoder") as window:
        await window.say("what is this?", files=[upload])
        await window.wait_for("task_end", count=2)
        answer = [one for one in window.got("new_message") if isinstance(one, dict)]
    assert "Attached: src/retry.py" in [one["name"] for one in answer]
    return f"/lines/{somebody.web.fakes.turns.asked[-1].message_id}/0/"


async def test_lines_of_ones_own_file_are_shown_as_text(newcomer: Newcomer) -> None:
    maria = await newcomer(Role.DEVELOPER)
    path = await attach(maria)
    page = await maria.http.get(f"{path}3-4")
    assert page.status_code == 200
    assert "src/retry.py, lines 3 to 4" in page.text
    assert "    return &#39;&lt;b&gt;&amp;&#39;" in page.text
    assert page.text.count('class="cited"') == 2


async def test_nobody_reads_lines_of_anothers_file(newcomer: Newcomer) -> None:
    maria, eve = await newcomer(Role.DEVELOPER), await newcomer(Role.REVIEWER, Role.ADMINISTRATOR)
    path = await attach(maria)
    foreign, absent = await eve.http.get(f"{path}3-4"), await eve.http.get(f"/lines/{uuid4()}/0/3-4")
    assert foreign.status_code == absent.status_code == 404
    assert foreign.json()["detail"] == absent.json()["detail"]


@pytest.mark.parametrize(
    "lines", ["0-1", "4-5", "4-3", "1-99999999999999999999", "1-" + "9" * 5_000, "x-1", "-1-1", "\u0661-1"]
)
async def test_lines_that_there_are_not_are_not_shown(newcomer: Newcomer, lines: str) -> None:
    maria = await newcomer(Role.DEVELOPER)
    path = await attach(maria)
    assert (await maria.http.get(path + lines)).status_code == 404
    assert (await maria.http.get(path.removesuffix("0/") + "1/1-1")).status_code == 404


async def test_a_stranger_is_asked_to_sign_in(web: RunningSite) -> None:
    async with httpx.AsyncClient(base_url=web.url, headers={"origin": web.url}) as stranger:
        assert (await stranger.get(f"/lines/{uuid4()}/0/1-1")).status_code == 401
