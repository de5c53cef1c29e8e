"""`compose/nftables.conf` in namespaces of its own: what is listed is reached, and everything else refused at once."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
RULES = ROOT / "compose" / "nftables.conf"
LISTED, PORT, OTHER = "10.20.0.11", 11434, "203.0.113.7"


def can_load_rules() -> bool:
    if os.geteuid() != 0 or not shutil.which("nft") or not shutil.which("ip"):
        return False
    probe = ["unshare", "--net", "nft", "add table inet probe"]
    return subprocess.run(probe, check=False, capture_output=True, timeout=20).returncode == 0


def test_the_rules_let_through_what_is_listed_and_nothing_else() -> None:
    if not can_load_rules():
        pytest.skip("needs root, nft and a kernel with nf_tables")
    rooms = [sys.executable, "-m", "tests.fakes.rooms", LISTED, str(PORT), OTHER, str(RULES)]
    done = subprocess.run(
        ["unshare", "--net", "--mount", *rooms],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = {tuple(line.split()[:4]): line.split()[4] for line in done.stdout.splitlines()}
    reached = {key for key, word in said.items() if word == "reached"}
    assert {key for key in said if key[0] == "before"} <= reached, done.stdout
    assert {key for key in reached if key[0] == "after"} == {
        ("after", "container", LISTED, str(PORT)),
        ("after", "account-0", LISTED, str(PORT)),
        ("after", "account-0", OTHER, str(PORT)),
        ("after", "account-0", "127.0.0.1", str(PORT)),
        ("after", "account-10001", LISTED, str(PORT)),
        ("after", "account-10001", "127.0.0.1", str(PORT)),
    }, done.stdout
    refused = {word for key, word in said.items() if key not in reached}
    assert not any("Timeout" in word for word in refused), "refused at once, not left to wait"


def test_the_rules_name_the_accounts_of_the_image_and_the_unit() -> None:
    rules = RULES.read_text(encoding="utf-8")
    dockerfile = (RULES.parent / "Dockerfile").read_text(encoding="utf-8")
    uid = re.search(r"--uid (\d+)", dockerfile)
    assert uid is not None
    assert f"meta skuid {{ {uid[1]}," in rules
