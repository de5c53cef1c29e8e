"""The proof: the whole product on a machine whose cable leads to a world that answers everything; every packet is read.

With the lock on, not one packet goes to a name or an address that the settings do not list. The same product with the
lock taken out of its source does try: so the capture would have shown it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from assistant.embedded.plan import Service
from assistant.embedded.processes import Addresses, FirstAdministrator, product_steps
from assistant.settings import Settings
from tests.fakes.world import ELSEWHERE, HOST_PORT, WORLD

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1_200)]

ROOT = Path(__file__).parents[2]
# The second host is listed by its name, and its name server has been told to lead out of the building.
FLEET = f"""
hosts:
  - name: Dev1
    kind: ollama
    address: http://dev1.lan:{HOST_PORT}
  - name: Rebound
    kind: ollama
    address: http://rebound.lan:{HOST_PORT}
"""
LISTED = {"dns dev1.lan", "dns rebound.lan", f"tcp {WORLD} {HOST_PORT}"}
LEAK = f"tcp {ELSEWHERE} {HOST_PORT}"


def run_in_world(folder: Path, *command: str) -> tuple[subprocess.CompletedProcess[str], set[str]]:
    """Run a command with this fleet in its environment; return what it told, and what came over the cable."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        if os.environ.get("CI"):
            pytest.fail("The proof needs root and `ip`, and CI must not skip it.")
        pytest.skip("needs root and `ip`, for network namespaces")
    folder.mkdir()
    (folder / "fleet.yaml").write_text(FLEET, encoding="utf-8")
    capture = folder / "capture"
    done = subprocess.run(
        ["unshare", "--net", "--mount", sys.executable, "-m", "tests.fakes.world", str(capture), "--", *command],
        cwd=ROOT,
        env={**os.environ, "CLOISTER_FLEET": str(folder / "fleet.yaml")},
        capture_output=True,
        text=True,
        timeout=1_100,
        check=False,
    )
    return done, set(capture.read_text(encoding="utf-8").splitlines())


def run_session(folder: Path, *source: str) -> tuple[dict[str, Any], set[str]]:
    """Run a whole session; return what it told, and what came over the cable."""
    session = [sys.executable, "-m", "tests.e2e.egress_session", str(folder / "fleet.yaml"), *source]
    done, contacts = run_in_world(folder, *session)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
    return json.loads(done.stdout.splitlines()[-1]), contacts


def test_with_the_lock_nothing_leaves_but_what_is_listed(tmp_path: Path) -> None:
    told, contacts = run_session(tmp_path / "locked")
    assert contacts - LISTED == set()
    assert contacts >= LISTED, "the capture sees what is allowed"
    assert told["answered_by"].startswith("Dev1 · ")
    assert {
        "person:signed-in",
        "turn:answered",
        "document:added",
        "job:finished",
        "report:filed",
        "token:created",
    } <= set(told["events"])
    assert {(each["action"], each["host"], each["port"]) for each in told["refused"]} == {
        ("connect", ELSEWHERE, HOST_PORT)
    }
    assert {each["process"] for each in told["refused"]} == {"web"}
    assert told["unused"] == [], "have the session use what was added to the page"


def test_the_session_runs_every_process() -> None:
    addresses = Addresses(*(SecretStr("postgresql://nobody@127.0.0.1/none"),) * 5)
    steps = product_steps(Settings(), addresses, FirstAdministrator("admin", SecretStr("x"), is_generated=False))
    started = {step.program.argv[-1] for step in steps if isinstance(step, Service)}
    assert started == {"web", "worker", "scheduler", "seal"}, "add the new process to the session, and here"


def test_without_the_lock_the_same_session_is_seen_to_lead_out(tmp_path: Path) -> None:
    source = tmp_path / "unlocked"
    for package in ("assistant", "connectors", "policies", "workers"):
        shutil.copytree(ROOT / package, source / package, ignore=shutil.ignore_patterns("__pycache__"))
    egress = source / "assistant" / "egress.py"
    locked = egress.read_text(encoding="utf-8")
    unlocked = locked.replace("    install(judge_with(_egress()))\n", "")
    assert unlocked != locked
    egress.write_text(unlocked, encoding="utf-8")
    told, contacts = run_session(tmp_path / "open", str(source))
    assert contacts - LISTED == {LEAK}
    assert told["refused"] == []


def test_the_doctor_sees_what_tries_to_leave(tmp_path: Path) -> None:
    doctor = [sys.executable, "-m", "assistant", "doctor", "--egress"]
    done, contacts = run_in_world(tmp_path / "doctor", *doctor)
    assert contacts - LISTED == set()
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"fail  web: connect {ELSEWHERE}:{HOST_PORT}, asked by " in done.stdout
    assert "a question was answered" in done.stdout


def test_the_doctor_finds_nothing_where_nothing_tries() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CLOISTER_")}
    doctor = [sys.executable, "-m", "assistant", "doctor", "--egress"]
    done = subprocess.run(doctor, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[-1] == "Nothing tried to leave."
    assert [line for line in lines if "its job: done" in line]
    assert [line for line in lines if "a question was answered" in line]
