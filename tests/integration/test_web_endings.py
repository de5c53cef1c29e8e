"""Answers that end before their end: whoever reads them is gone, deleted the conversation, or reads on elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest

from assistant.conversation import MessageState
from tests.fakes.web_site import RunningSite
from tests.integration.web_scene import Newcomer, Window

pytestmark = pytest.mark.integration


@pytest.fixture
def long_answers(web: RunningSite) -> Iterator[None]:
    turns = web.fakes.turns
    turns.repeat, turns.pause_seconds = 100_000, 0.01
    yield
    turns.repeat, turns.pause_seconds = 0, 0.0


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(180):
        while not is_so():  # noqa: ASYNC110 - set in the thread of the site
            await asyncio.sleep(0.01)


async def until_stopped(web: RunningSite) -> None:
    turn = web.fakes.turns.asked[-1]
    await until(lambda: turn.reference in web.fakes.turns.closed)


async def reads_no_further(window: Window) -> bool:
    """Tell whether the page was shown out and its connection closed."""
    await until(lambda: not window.client.connected)
    return "signed-out" in str(window.got("window_message"))


@pytest.mark.usefixtures("long_answers")
async def test_somebody_who_is_disabled_in_the_middle_of_an_answer_reads_no_further(
    web: RunningSite, newcomer: Newcomer
) -> None:
    somebody = await newcomer()
    async with somebody.window() as window:
        await window.say("a long one")
        await window.wait_for("stream_token", count=2)
        del web.fakes.identity.people[somebody.name]  # what `users disable` comes to: the session names nobody
        assert await reads_no_further(window)
        await until_stopped(web)
    stored = web.fakes.history.stored[web.fakes.turns.asked[-1].thread_id]
    assert stored[-1].message.state is MessageState.INTERRUPTED


@pytest.mark.usefixtures("long_answers")
async def test_the_watch_survives_a_look_that_failed(web: RunningSite, newcomer: Newcomer) -> None:
    somebody = await newcomer()
    async with somebody.window() as window:
        await window.say("a long one")
        await window.wait_for("stream_token", count=2)
        web.fakes.identity.fault = RuntimeError("a planted secret")
        try:
            await asyncio.sleep(2.5)  # at least one look falls into it
        finally:
            web.fakes.identity.fault = None
        assert window.client.connected
        del web.fakes.identity.people[somebody.name]
        assert await reads_no_further(window)
        await until_stopped(web)


@pytest.mark.usefixtures("long_answers")
@pytest.mark.parametrize("path", ["/sign-out", "/logout"])
async def test_signing_out_shows_out_and_stops_the_answer_at_once(
    web: RunningSite, newcomer: Newcomer, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assistant.web.chat.session_watch.SessionWatch.wake", lambda _watch: None)  # not by the watch
    somebody, other = await newcomer(), await newcomer()
    async with somebody.window() as window, other.window() as foreign:
        await window.say("a long one")
        await window.wait_for("stream_token", count=2)
        await somebody.http.post(path)
        assert await reads_no_further(window)
        await until_stopped(web)
        assert foreign.client.connected


async def test_signing_in_again_closes_the_windows_of_the_session_that_is_replaced(newcomer: Newcomer) -> None:
    somebody = await newcomer()
    async with somebody.window() as window:
        await somebody.sign_in()
        assert await reads_no_further(window)


@pytest.mark.usefixtures("long_answers")
async def test_deleting_a_conversation_stops_the_answer_in_it(web: RunningSite, newcomer: Newcomer) -> None:
    somebody, attacker = await newcomer(), await newcomer()
    async with somebody.window() as window:
        await window.say("a long one")
        await window.wait_for("stream_token", count=2)
        turn = web.fakes.turns.asked[-1]
        body = {"threadId": str(turn.thread_id)}
        assert (await attacker.http.request("DELETE", "/project/thread", json=body)).status_code == 404
        assert turn.reference not in web.fakes.turns.closed
        assert (await somebody.http.request("DELETE", "/project/thread", json=body)).status_code == 200
        assert turn.reference in web.fakes.turns.closed
        await window.wait_for("task_end", count=2)
    assert turn.thread_id not in web.fakes.history.stored


async def test_a_window_whose_answer_goes_on_elsewhere_is_told_and_free_again(
    web: RunningSite, newcomer: Newcomer
) -> None:
    somebody = await newcomer()
    web.fakes.turns.hold()
    try:
        async with somebody.window() as first:
            await first.say("tell me")
            await first.wait_for("stream_start")
            thread = str(web.fakes.turns.asked[-1].thread_id)
            async with somebody.window(threadId=thread) as second:
                await first.wait_for("task_end", count=2)
                assert "This answer goes on in another window." in str(first.got("new_message"))
                assert "This answer goes on in another window." not in str(second.seen)
                web.fakes.turns.release()
                await second.wait_for("task_end", count=2)
                assert "because the disk was full" in str(second.got("update_message"))
    finally:
        web.fakes.turns.release()


async def test_a_window_that_only_connects_again_is_not_told_that_it_is_another(
    web: RunningSite, newcomer: Newcomer
) -> None:
    somebody = await newcomer()
    web.fakes.turns.hold()
    try:
        async with somebody.window() as first:
            await first.say("tell me")
            await first.wait_for("stream_start")
        thread = str(web.fakes.turns.asked[-1].thread_id)
        async with somebody.window(sessionId=first.session_id, threadId=thread) as back:
            web.fakes.turns.release()
            await back.wait_for("task_end", count=2)
    finally:
        web.fakes.turns.release()
    assert "another window" not in str(back.seen)


async def test_a_stop_that_comes_after_the_record_says_what_the_record_says(
    web: RunningSite, newcomer: Newcomer
) -> None:
    somebody = await newcomer()
    turns = web.fakes.turns
    turns.recorded_seconds = 20.0
    try:
        async with somebody.window() as window:
            await window.say("tell me")
            await window.wait_for("stream_start")
            stored = web.fakes.history.stored[turns.asked[-1].thread_id]
            await until(lambda: stored[-1].message.state is MessageState.COMPLETE)
            await window.client.emit("stop")
            await window.wait_for("task_end", count=2)
    finally:
        turns.recorded_seconds = 0.0
    assert "Stopped" not in str(window.seen)
    assert f"logged {turns.asked[-1].reference}" in str(window.got("new_message"))
