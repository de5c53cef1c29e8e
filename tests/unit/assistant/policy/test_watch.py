from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path

import pytest

from assistant import site_files
from assistant.policy import files
from assistant.policy.files import PolicyReader
from assistant.policy.source import GuardSource
from assistant.policy.watch import PolicyWatch
from policies.errors import PolicyError
from policies.policy import Policy
from policies.pseudonyms import Pseudonyms

RULE = """
rules:
  - name: site/badge
    label: badge number
    entity_type: BADGE
    patterns: ['ZB-[0-9]{6}']
    examples: {found: ["badge «ZB-123456»"], passed: ["ZB-12"]}
actions:
  - {rules: site/badge, action: redact}
"""
NO_STREAM = frozenset[str]()


class Reports:
    """Who is told, and may refuse to listen."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.is_deaf = False
        self.heard = asyncio.Event()

    async def loaded(self, policy: Policy) -> None:
        if self.is_deaf:
            raise OSError("down")
        self.told.append(f"loaded {len(policy.rules)}")
        self.heard.set()

    async def refused(self, error: PolicyError, kept: Policy) -> None:
        self.told.append(f"refused {error.where}")


class Scene:
    """A folder of policy files and the watch over it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write("a.yaml", RULE)
        reader = PolicyReader(folder)
        read = reader.read()
        self.guards = GuardSource(read.guard)
        self.reports = Reports()
        self.watch = PolicyWatch(reader, self.guards, read.stamp, self.reports)

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.write_text(text)
        # Two writes within one tick of the clock must differ as two of an administrator do.
        later = path.stat().st_mtime_ns + len(list(self.folder.iterdir())) + hash(text) % 1000 + 1
        os.utime(path, ns=(later, later))

    def stream(self) -> str:
        """Return what becomes of a badge in a stream that begins now."""
        opened = self.guards.current.open_stream(persona="", roles=NO_STREAM, pseudonyms=Pseudonyms())
        return opened.feed("ZB-123456 ") + opened.close()


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setattr(files, "SHIPPED", ())  # a second to compile, at every look
    return Scene(tmp_path)


async def test_a_changed_policy_comes_into_force(scene: Scene) -> None:
    assert scene.stream() == "[BADGE_1] "
    before = scene.guards.current
    await scene.watch.refresh()
    assert scene.guards.current is before
    scene.write("a.yaml", RULE.replace("action: redact", "action: warn"))
    await scene.watch.refresh()
    assert scene.stream() == "ZB-123456 "
    assert [one.split()[0] for one in scene.reports.told] == ["loaded"]


async def test_what_has_begun_keeps_the_policy_it_began_with(scene: Scene) -> None:
    running = scene.guards.current.open_stream(persona="", roles=NO_STREAM, pseudonyms=Pseudonyms())
    out = running.feed("first ZB-12")
    scene.write("a.yaml", RULE.replace("action: redact", "action: allow"))
    await scene.watch.refresh()
    assert out + running.feed("3456 ") + running.close() == "first [BADGE_1] "
    assert running.verdict.policy_version != scene.guards.current.policy.version


@pytest.mark.parametrize(
    ("name", "text", "where"),
    [
        ("a.yaml", RULE.replace("label", "lable"), "a.yaml:4"),
        ("a.yaml", RULE.replace("«ZB-123456»", "«ZB-12345»"), "a.yaml:3"),
        ("b.yaml", "actions: [\n", "b.yaml:2"),
        ("b.yaml", "", "b.yaml:1"),
        ("b.yaml", "[" * 5_000, "b.yaml:1"),
    ],
)
async def test_a_broken_file_keeps_the_old_policy_and_says_so(
    scene: Scene, caplog: pytest.LogCaptureFixture, name: str, text: str, where: str
) -> None:
    before = scene.guards.current
    scene.write(name, text)
    await scene.watch.refresh()
    await scene.watch.refresh()
    assert scene.guards.current is before
    assert len(scene.reports.told) == 1  # once, not at every look
    assert scene.reports.told[0].startswith("refused")
    if len(text) < 5_000:
        assert scene.reports.told == [f"refused {where}"]
    assert "cloister policy check" in caplog.text
    assert "ZB-12345" not in caplog.text
    (scene.folder / name).unlink()
    scene.write("a.yaml", RULE)
    await scene.watch.refresh()
    assert scene.reports.told[1].startswith("loaded")


async def test_a_folder_that_is_gone_keeps_the_old_policy(scene: Scene) -> None:
    (scene.folder / "a.yaml").unlink()
    scene.folder.rmdir()
    before = scene.guards.current
    await scene.watch.refresh()
    assert scene.guards.current is before
    assert scene.reports.told == [f"refused {scene.folder}"]


async def test_a_change_that_cannot_be_noted_waits(scene: Scene) -> None:
    scene.reports.is_deaf = True
    scene.write("a.yaml", RULE.replace("action: redact", "action: warn"))
    await scene.watch.refresh()
    assert scene.stream() == "[BADGE_1] "
    scene.reports.is_deaf = False
    await scene.watch.refresh()
    assert scene.stream() == "ZB-123456 "


async def test_the_watch_looks_by_itself(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site_files, "POLL_SECONDS", 0.01)
    scene.write("a.yaml", RULE.replace("action: redact", "action: warn"))
    async with scene.watch.running(), asyncio.timeout(60):
        await scene.reports.heard.wait()
        await scene.watch.refresh()  # waits for the one that is under way
    assert scene.stream() == "ZB-123456 "
    assert len(asyncio.all_tasks()) == 1


async def test_the_event_loop_goes_on_while_rules_are_compiled(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    read = PolicyReader.read
    loop = asyncio.get_running_loop()
    reached = asyncio.Event()

    def slow(reader: PolicyReader) -> object:
        # Reading waits for the loop: on the loop's own thread this would never end.
        asyncio.run_coroutine_threadsafe(_set(reached), loop).result(timeout=60)
        return read(reader)

    monkeypatch.setattr(PolicyReader, "read", slow)
    scene.write("a.yaml", RULE.replace("action: redact", "action: warn"))
    await asyncio.gather(scene.watch.refresh(), reached.wait())
    assert scene.stream() == "ZB-123456 "


async def _set(event: asyncio.Event) -> None:
    event.set()
