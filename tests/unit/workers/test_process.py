from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from assistant.settings import Settings
from workers.process import WorkerProcess


class Chores:
    """An application of which only one use case is asked."""

    def __init__(self) -> None:
        self.recovered = 0
        self.looked_at_policy = self.looked_at_fleet = 0

    async def refresh_policy(self) -> None:
        self.looked_at_policy += 1

    async def refresh_fleet(self) -> None:
        self.looked_at_fleet += 1

    async def recover_turns(self) -> int:
        self.recovered += 1
        assert self.looked_at_policy == self.looked_at_fleet == self.recovered
        if self.recovered == 1:
            raise ValueError(SECRET)
        return self.recovered


SECRET = "sesame"


@pytest.fixture
def opened() -> list[str]:
    return []


@pytest.fixture
def process(opened: list[str]) -> WorkerProcess:
    application = Chores()

    @asynccontextmanager
    async def open_chores(_: Settings) -> AsyncIterator[Chores]:
        if not opened:
            opened.append("failed")
            raise OSError(SECRET)
        opened.append("opened")
        yield application
        opened.append("closed")

    return WorkerProcess(Settings(), open_chores)


def test_an_application_is_opened_once_and_again_after_a_failure(process: WorkerProcess, opened: list[str]) -> None:
    receipts = [process.run_chore("close_stale_turns") for _ in range(4)]
    assert receipts == ["failed", "failed", "2 closed", "3 closed"]
    assert opened == ["failed", "opened"]
    process.close()
    assert opened == ["failed", "opened", "closed"]
    process.close()


def test_a_failure_is_logged_without_what_it_says(process: WorkerProcess, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        process.run_chore("close_stale_turns")
    process.close()
    assert "OSError" in caplog.text
    assert "ValueError" in caplog.text
    assert SECRET not in caplog.text


def test_what_is_no_job_id_breaks_nothing(process: WorkerProcess) -> None:
    for _ in range(3):
        assert process.run_job("index_upload", "../../etc/passwd") == "failed"
    process.close()
