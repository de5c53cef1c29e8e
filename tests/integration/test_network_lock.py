"""Every way out of a locked process, tried in a room where the whole world answers.

The control runs the same ways without the lock, and the world is reached: otherwise the test would prove nothing.
"""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.evasions import PASSES, UNSEEN, WAYS

ROOT = Path(__file__).parents[2]
ROOM = ("unshare", "--user", "--map-root-user", "--net", "--")
# Some ways lead nowhere even without the lock: the system, or the client, already refuses them.
LEADS_NOWHERE = {
    "connect_unspecified",
    "connect_unspecified_name",
    "connect_zero",
    "urllib_userinfo",
}
# A forked child counts for itself, and ends before anybody could ask.
COUNTS_IN_A_CHILD = {"os_spawnv", "fork_and_exec", "fork_and_connect"}


def is_possible() -> bool:
    try:
        return subprocess.run([*ROOM, "ip", "link", "set", "lo", "up"], check=False, timeout=20).returncode == 0
    except OSError:
        return False


@cache
def tried(mode: str) -> dict[str, dict[str, Any]]:
    """Return what came of each way, by name."""
    if not is_possible():
        pytest.skip("needs user and network namespaces, and ip")
    names = [*WAYS, *PASSES, *UNSEEN] if mode == "locked" else list(WAYS)
    run = subprocess.run(
        [*ROOM, sys.executable, "-m", "tests.fakes.bait", mode],
        cwd=ROOT,
        input="".join(f"{name}\n" for name in names),
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    results = [json.loads(line) for line in run.stdout.splitlines()]
    assert [each["name"] for each in results] == names, run.stderr[-2000:]
    return {each["name"]: each for each in results}


def test_there_are_at_least_sixty_ways() -> None:
    assert len(WAYS) >= 60


@pytest.mark.parametrize("name", WAYS)
def test_a_locked_process_lets_nothing_out(name: str) -> None:
    result = tried("locked")[name]
    assert result["leaks"] == [], result
    assert result["refused"] >= 1 or name in COUNTS_IN_A_CHILD, result


@pytest.mark.parametrize("name", [name for name in WAYS if name not in LEADS_NOWHERE])
def test_without_the_lock_the_same_way_leads_out(name: str) -> None:
    result = tried("open")[name]
    assert result["leaks"] != [], result


@pytest.mark.parametrize("name", PASSES)
def test_what_a_company_needs_passes(name: str) -> None:
    result = tried("locked")[name]
    assert (result["refused"], result["error"], result["leaks"]) == (0, "", []), result


@pytest.mark.parametrize("name", UNSEEN)
def test_what_the_lock_cannot_see_is_known(name: str) -> None:
    """A limit that has gone is good news: it moves to the table of ways, and out of docs/security.md."""
    result = tried("locked")[name]
    assert result["leaks"] != [], result
    assert f"`{name}`" in (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
