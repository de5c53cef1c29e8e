"""What the doctor says of files, disks, clocks and packages that are not as they should be."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from assistant.commands.doctor import run_egress
from assistant.doctor import examination, site
from assistant.doctor.check import Check, State
from assistant.doctor.clocks import check_skew
from assistant.doctor.examination import examine
from assistant.doctor.files import Room, check_disk, check_files
from assistant.settings import Settings

GIB = 1 << 30
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def installation(folder: Path) -> Settings:
    (folder / "secrets").mkdir(mode=0o700)
    for name in ("master.key", "postgres.password"):
        (folder / "secrets" / name).write_bytes(bytes(32))
        (folder / "secrets" / name).chmod(0o600)
    folder.chmod(0o700)
    return Settings(data_dir=folder)


def states(checks: list[Check]) -> set[State]:
    return {check.state for check in checks}


def test_a_sound_installation_has_nothing_to_say(tmp_path: Path) -> None:
    assert states([*check_files(installation(tmp_path))]) == {State.OK}


@pytest.mark.parametrize(
    ("place", "mode", "state"),
    [
        ("secrets/master.key", 0o644, State.FAIL),
        ("secrets/master.key", 0o620, State.FAIL),
        ("secrets/master.key", 0o640, State.WARN),
        ("secrets/master.key", 0o400, State.OK),
        ("secrets/postgres.password", 0o604, State.FAIL),
        ("secrets", 0o755, State.FAIL),
        (".", 0o777, State.FAIL),
    ],
)
def test_open_files_are_found_and_the_way_to_close_them_is_told(
    tmp_path: Path, place: str, mode: int, state: State
) -> None:
    settings = installation(tmp_path)
    (tmp_path / place).chmod(mode)
    found = [*check_files(settings)]
    (tmp_path / place).chmod(0o700)
    worst = next((check for check in found if check.state is not State.OK), found[0])
    assert worst.state is state
    assert ("chmod" in worst.advice) is (state is not State.OK)


def test_a_policy_that_anybody_may_change_is_found(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o700)
    policy = tmp_path / "policy"
    policy.mkdir()
    (policy / "site.yaml").write_text("")
    (policy / "site.yaml").chmod(0o666)
    settings = installation(tmp_path / "data").model_copy(update={"policy": policy})
    assert [check.name for check in check_files(settings) if check.state is State.FAIL] == ["policy files"]


@pytest.mark.parametrize(
    ("room", "state"),
    [
        (Room(50 * GIB, 0.9), State.OK),
        (Room(4 * GIB, 0.9), State.WARN),
        (Room(50 * GIB, 0.01), State.WARN),
        (Room(GIB // 2, 0.9), State.FAIL),
    ],
)
def test_a_disk_that_fills_is_seen_before_it_is_full(tmp_path: Path, room: Room, state: State) -> None:
    check = check_disk(Settings(data_dir=tmp_path), lambda _: room)
    assert check.state is state
    assert bool(check.advice) is (state is not State.OK)


def test_audit_events_that_wait_or_were_set_aside_are_told(tmp_path: Path) -> None:
    def told() -> list[State]:
        return [check.state for check in check_files(Settings(data_dir=tmp_path)) if check.name == "audit spool"]

    assert told() == []
    folder = tmp_path / "audit-spool"
    (folder / "unreadable").mkdir(parents=True)
    folder.chmod(0o700)
    assert told() == [State.OK]
    (folder / "1.spool").touch()
    assert told() == [State.OK, State.WARN]
    (folder / "1.spool").rename(folder / "unreadable" / "1.spool")
    assert told() == [State.OK, State.FAIL]


def test_a_disk_that_cannot_be_asked_is_a_failure(tmp_path: Path) -> None:
    def gone(_: Path) -> Room:
        raise OSError(5, "Input/output error")

    assert check_disk(Settings(data_dir=tmp_path), gone).state is State.FAIL


@pytest.mark.parametrize(("seconds", "state"), [(0, State.OK), (1.9, State.OK), (-3, State.WARN), (90, State.WARN)])
def test_clocks_that_differ_are_seen(seconds: float, state: State) -> None:
    check = check_skew("database clock", NOW + timedelta(seconds=seconds), NOW)
    assert check.state is state
    assert ("ahead" in check.found) is (seconds > 2)


@pytest.mark.parametrize(
    ("requirement", "wrong"),
    [
        ("pytest>=1", []),
        ("no-such-package>=1", ["no-such-package is missing"]),
        ("no-such-package>=1; extra == 'x'", []),
    ],
)
def test_packages_are_compared(requirement: str, wrong: list[str]) -> None:
    assert [*site._wrong_packages([requirement])] == wrong


def test_another_version_than_the_pinned_one_is_found() -> None:
    (said,) = site._wrong_packages(["pytest==0.0.1"])
    assert said.startswith("pytest is ")
    assert said.endswith(" instead of 0.0.1")


def test_a_python_that_nobody_tried_is_a_failure() -> None:
    assert next(site.check_versions((3, 9))).state is State.FAIL


async def test_a_check_that_fails_or_hangs_stops_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(_: Settings) -> AsyncIterator[Check]:
        raise ZeroDivisionError("made-up-word")
        yield

    async def hangs(_: Settings) -> AsyncIterator[Check]:
        await examination.asyncio.sleep(60)
        yield

    monkeypatch.setattr(examination, "_database", fails)
    monkeypatch.setattr(examination, "_redis", hangs)
    monkeypatch.setattr(examination, "_PATIENCE_SECONDS", 5.0)
    found = [check async for check in examine(installation(tmp_path))]
    failed = {check.name: check.found for check in found if check.state is State.FAIL}
    assert set(failed) == {"database", "redis"}
    assert "ZeroDivisionError" in failed["database"]
    assert "made-up-word" not in str(found)
    assert "model hosts" in {check.name for check in found}


async def test_nothing_started_yet_is_no_failure(tmp_path: Path) -> None:
    found = [check async for check in examine(Settings(data_dir=tmp_path / "none"))]
    assert State.FAIL not in states(found)
    assert {check.name for check in found if check.state is State.WARN} >= {"master key", "database", "redis"}


async def test_a_site_whose_files_are_wrong_is_told_where(tmp_path: Path) -> None:
    fleet = tmp_path / "fleet.yaml"
    fleet.write_text("hosts:\n  - name: Dev1\n    kind: olama\n    address: http://dev1.lan:11434\n")
    policy = tmp_path / "policy.yaml"
    policy.write_text("actions: 7\n")
    settings = Settings(data_dir=tmp_path / "none", fleet=fleet, policy=policy)
    failed = {check.name: check.found async for check in examine(settings) if check.state is State.FAIL}
    assert "line 3" in failed["fleet"]
    assert "policy.yaml" in failed["policy"]


def test_a_session_without_the_lock_proves_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_egress(Settings(), as_json=False) == 1
    assert "not on" in capsys.readouterr().err
