import asyncio

import pytest

from connectors.model_hosts.ending import end_task

SECRET = "the-secret-of-the-prompt"


async def test_a_task_has_ended_when_it_returns() -> None:
    task = asyncio.create_task(asyncio.sleep(3600))
    await end_task(task)
    assert task.cancelled()


async def test_whoever_cancels_the_caller_is_heard() -> None:
    is_ending, may_end = asyncio.Event(), asyncio.Event()

    async def reluctant() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            is_ending.set()
            await may_end.wait()

    task = asyncio.create_task(reluctant())
    await asyncio.sleep(0)
    caller = asyncio.create_task(end_task(task))
    await is_ending.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    may_end.set()
    await asyncio.wait({task})


async def test_a_task_that_fails_at_its_end_is_told_without_its_words(caplog: pytest.LogCaptureFixture) -> None:
    async def clumsy() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            raise ValueError(SECRET)

    task = asyncio.create_task(clumsy(), name="clumsy")
    await asyncio.sleep(0)
    await end_task(task)
    assert "'clumsy' failed: ValueError" in caplog.text
    assert SECRET not in caplog.text
