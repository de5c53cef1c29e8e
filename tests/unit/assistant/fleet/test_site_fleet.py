from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path

import pytest

from assistant import site_files
from assistant.errors import SettingsError
from assistant.fleet.site_fleet import SiteFleet
from connectors.model_hosts.catalogue import Fleet

ONE = "hosts:\n  - {name: Dev1, kind: ollama, address: 'http://dev1.lan:11434', api_key_file: dev1.key}\n"
TWO = f"{ONE}  - {{name: Dev2, kind: vllm, address: 'http://dev2.lan:8000'}}\n"


class Scene:
    """A fleet.yaml, and everybody who is told of it."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "fleet.yaml"
        self.key = folder / "dev1.key"
        self.told: list[str] = []
        self.is_deaf = False
        self.heard = asyncio.Event()
        self.key.write_text("first")
        self.write(ONE)
        self.fleet = SiteFleet(self.file, allow=self.allow, reports=self)
        self.fleet.follow(lambda fleet: self.told.append(f"asks {_names(fleet)}"))

    def write(self, text: str) -> None:
        self.file.write_text(text)
        touch(self.file)

    def allow(self, fleet: Fleet) -> None:
        self.told.append(f"may reach {_names(fleet)}")

    async def loaded(self, fleet: Fleet) -> None:
        if self.is_deaf:
            raise OSError("down")
        self.told.append(f"loaded {_names(fleet)}")
        self.heard.set()

    async def refused(self, place: str, kept: Fleet) -> None:
        self.told.append(f"refused {place}, {_names(kept)} stays")


def touch(file: Path) -> None:
    """Make a file look changed even when it was written twice in one tick of the clock."""
    state = file.stat()
    touch.ticks += 1  # type: ignore[attr-defined]
    os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns + touch.ticks))  # type: ignore[attr-defined]


touch.ticks = 0  # type: ignore[attr-defined]


def _names(fleet: Fleet) -> str:
    return " ".join(host.name for host in fleet.hosts)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


async def test_nothing_is_read_or_allowed_before_somebody_asks(scene: Scene) -> None:
    await scene.fleet.refresh()
    assert scene.told == []
    fleet = await scene.fleet.open()
    assert fleet is await scene.fleet.open()
    assert scene.told == ["may reach Dev1", "loaded Dev1"]


async def test_without_a_file_there_is_no_fleet(scene: Scene) -> None:
    fleet = SiteFleet(None, allow=scene.allow, reports=scene)
    assert await fleet.open() is None
    await fleet.refresh()
    assert scene.told == []


async def test_changed_file_is_told_before_it_is_used(scene: Scene) -> None:
    await scene.fleet.open()
    await scene.fleet.refresh()
    scene.write(TWO)
    await scene.fleet.refresh()
    await scene.fleet.refresh()
    assert scene.told[2:] == ["loaded Dev1 Dev2", "may reach Dev1 Dev2", "asks Dev1 Dev2"]


async def test_broken_file_changes_nothing_and_is_told_once(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    await scene.fleet.open()
    scene.write(TWO.replace("vllm", "vlm"))
    await scene.fleet.refresh()
    await scene.fleet.refresh()
    assert scene.told[2:] == ["refused fleet.yaml:3, Dev1 stays"]
    assert "the fleet is refused at fleet.yaml:3" in caplog.text
    scene.write(TWO)
    await scene.fleet.refresh()
    assert scene.told[-1] == "asks Dev1 Dev2"


async def test_changed_key_is_read_again(scene: Scene) -> None:
    before = await scene.fleet.open()
    scene.key.write_text("second")
    touch(scene.key)
    await scene.fleet.refresh()
    after = await scene.fleet.open()
    assert before is not None
    assert after is not None
    assert (before.hosts[0].api_key, after.hosts[0].api_key) == ("first", "second")


async def test_a_change_that_nobody_could_note_waits(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    await scene.fleet.open()
    scene.write(TWO)
    scene.is_deaf = True
    await scene.fleet.refresh()
    assert "a changed fleet waits" in caplog.text
    assert _names(await scene.fleet.open() or Fleet(())) == "Dev1"
    scene.is_deaf = False
    await scene.fleet.refresh()
    assert scene.told[-1] == "asks Dev1 Dev2"


async def test_running_looks_by_itself(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site_files, "POLL_SECONDS", 0.01)
    await scene.fleet.open()
    scene.heard.clear()
    async with scene.fleet.running():
        scene.write(TWO)
        async with asyncio.timeout(60):
            await scene.heard.wait()


async def test_first_file_that_does_not_fit_stops_the_start(scene: Scene) -> None:
    scene.write("hosts: []")
    with pytest.raises(SettingsError, match="no host is named"):
        await scene.fleet.open()
