"""The page for one's own tokens, over HTTP and without a script: made once, shown once, nobody else's."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest

from assistant.balance import Allowance, Balance, Counted, QuotaError, Window
from assistant.conversation import Role
from assistant.identity.tokens import TokenEntry
from tests.fakes.web_parts import ACCESS_KEY
from tests.fakes.web_site import RunningSite
from tests.integration.web_scene import Newcomer, Somebody

pytestmark = pytest.mark.integration

HTML = {"accept": "text/html"}


async def form_of(somebody: Somebody) -> dict[str, str | list[str]]:
    """Return the form as a browser without a script would send it, untouched."""
    page = (await somebody.http.get("/tokens", headers=HTML)).text
    (form,) = re.findall(r'name="form" value="([0-9a-f-]{36})"', page)
    return {"form": form, "label": "laptop", "days": "90", "route": "chat"}


def own(somebody: Somebody) -> list[TokenEntry]:
    return [entry for entry in somebody.web.fakes.tokens.rows.values() if entry.owner == somebody.name]


async def test_a_token_is_made_shown_once_listed_and_revoked(newcomer: Newcomer) -> None:
    maria = await newcomer()
    fields = await form_of(maria) | {"persona": ["starcoder", "general"], "model": ["*", "llama3.1:70b"]}
    answer = await maria.http.post("/tokens", data=fields, headers=HTML)
    (token,) = re.findall(r'<code class="secret">(clst_\w+)</code>', answer.text)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    (entry,) = own(maria)
    assert entry.scopes.words == ("chat", "persona:starcoder", "persona:general", "model:*", "model:llama3.1:70b")
    page = (await maria.http.get("/tokens", headers=HTML)).text
    assert token not in page
    assert "laptop" in page
    revoked = await maria.http.post(f"/tokens/{entry.id}/revoke", headers=HTML)
    assert (revoked.status_code, revoked.headers["location"]) == (303, "/tokens")
    assert own(maria)[0].fault is not None
    assert f"/tokens/{entry.id}/revoke" not in (await maria.http.get("/tokens", headers=HTML)).text


async def test_a_form_that_is_sent_again_by_a_reload_makes_no_second_token(newcomer: Newcomer) -> None:
    maria = await newcomer()
    fields = await form_of(maria)
    assert (await maria.http.post("/tokens", data=fields, headers=HTML)).status_code == 200
    again = await maria.http.post("/tokens", data=fields, headers=HTML)
    assert again.status_code == 400
    assert "clst_" not in again.text
    assert len(own(maria)) == 1


async def test_nobody_sees_or_revokes_anothers_token(newcomer: Newcomer) -> None:
    maria, eve = await newcomer(), await newcomer(Role.ADMINISTRATOR)
    await maria.http.post("/tokens", data=await form_of(maria), headers=HTML)
    (entry,) = own(maria)
    foreign, missing = [await eve.http.post(f"/tokens/{which}/revoke") for which in (entry.id, uuid4())]
    assert foreign.status_code == missing.status_code == 404
    assert foreign.json()["detail"] == missing.json()["detail"]
    assert own(maria)[0].fault is None
    assert str(entry.id) not in (await eve.http.get("/tokens", headers=HTML)).text


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://elsewhere.example"},
        {"origin": "null"},
        {"origin": "", "sec-fetch-site": "cross-site"},
    ],
)
async def test_a_foreign_page_makes_and_revokes_nothing(newcomer: Newcomer, headers: dict[str, str]) -> None:
    maria = await newcomer()
    await maria.http.post("/tokens", data=await form_of(maria), headers=HTML)
    (entry,) = own(maria)
    for path, fields in (("/tokens", await form_of(maria)), (f"/tokens/{entry.id}/revoke", {})):
        assert (await maria.http.post(path, data=fields, headers=headers)).status_code == 403
    assert [row.fault for row in own(maria)] == [None]


async def test_without_a_session_there_is_no_page(web: RunningSite, newcomer: Newcomer) -> None:
    maria = await newcomer()
    fields = await form_of(maria)
    maria.http.cookies.clear()
    assert (await maria.http.get("/tokens", headers=HTML)).headers["location"] == "/sign-in?next=/tokens"
    assert (await maria.http.post("/tokens", data=fields)).status_code == 401
    token = {"authorization": "Bearer clst_x"}
    assert (await maria.http.post("/tokens", data=fields, headers=token)).status_code == 401
    assert own(maria) == []


@pytest.mark.parametrize(
    "change",
    [
        {"route": ""},
        {"route": "admin"},
        {"persona": "operations"},
        {"persona": "x" * 200},
        {"model": "a b"},
        {"days": "0x10"},
        {"days": "-1"},
        {"days": "²"},
        {"days": "9" * 400},
        {"form": "x"},
        {"form": ""},
        {"label": f"rotate {ACCESS_KEY}"},
    ],
    ids=str,
)
async def test_what_does_not_fit_is_said_on_the_page(newcomer: Newcomer, change: dict[str, str]) -> None:
    tom = await newcomer(Role.EMPLOYEE)
    answer = await tom.http.post("/tokens", data=await form_of(tom) | change, headers=HTML)
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert ACCESS_KEY not in answer.text
    assert own(tom) == []


async def test_what_somebody_calls_a_token_is_shown_as_text(newcomer: Newcomer) -> None:
    maria = await newcomer()
    fields = await form_of(maria) | {"label": "<img src=x onerror=alert(1)>"}
    page = (await maria.http.post("/tokens", data=fields, headers=HTML)).text
    assert "<img src=x" not in page
    assert "&lt;img src=x" in page


async def test_the_page_says_what_is_left(newcomer: Newcomer) -> None:
    page = (await (await newcomer()).http.get("/tokens", headers=HTML)).text
    assert "at-the-chat" in page
    assert "59 of 60 requests left this minute" in page
    assert "in 34 s" in page


async def test_a_limit_that_is_reached_is_said_above_the_composer_and_a_scarce_one_below(
    web: RunningSite, newcomer: Newcomer
) -> None:
    maria = await newcomer()
    scarce = Allowance("everyday", Counted.REQUESTS, Window.DAY, 100, 4, 7200)
    web.fakes.turns.balance = Balance((scarce,))
    try:
        async with maria.window() as window:
            await window.say("hello")
            await window.wait_for("task_end", count=2)
            assert "4 of 100 requests left today; more in 2 h" in str(window.got("new_message"))
            web.fakes.turns.refusal = QuotaError(scarce, Balance((scarce,)))
            await window.say("once more")
            told = await window.wait_for("window_message", count=2)  # the first: the conversation is stored
            assert "The limit 'everyday' allows 100 requests a day" in str(told)
            assert "It goes on in 2 h." in str(told)
    finally:
        web.fakes.turns.refusal, web.fakes.turns.balance = None, Balance()
