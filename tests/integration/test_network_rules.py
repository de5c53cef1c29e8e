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
LISTED, PORT, OTHER, OTHER_6 = "10.20.0.11", "11434", "203.0.113.7", "2001:db8::7"


def can_load_rules() -> bool:
    if os.geteuid() != 0 or not shutil.which("nft") or not shutil.which("ip"):
        return False
    probe = ["unshare", "--net", "nft", "add table inet probe"]
    return subprocess.run(probe, check=False, capture_output=True, timeout=20).returncode == 0


@pytest.fixture(scope="module")
def said() -> dict[tuple[str, ...], str]:
    """What was tried, `(before or after the rules, who, host, port)`, and what came of it."""
    if not can_load_rules():
        if os.environ.get("CI"):
            pytest.fail("The rules need root, `ip`, `nft` and a kernel with nf_tables, and CI must not skip them.")
        pytest.skip("needs root, `ip`, `nft` and a kernel with nf_tables")
    rooms = [sys.executable, "-m", "tests.fakes.rooms", LISTED, PORT, OTHER, OTHER_6, str(RULES)]
    done = subprocess.run(
        ["unshare", "--net", "--mount", *rooms],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {tuple(line.split()[:4]): line.split()[4] for line in done.stdout.splitlines()}


def reached(said: dict[tuple[str, ...], str], when: str, *who: str) -> set[tuple[str, ...]]:
    return {key[1:] for key, word in said.items() if key[0] == when and key[1] in who and word == "reached"}


def test_without_the_rules_everything_is_reached(said: dict[tuple[str, ...], str]) -> None:
    assert {key: word for key, word in said.items() if key[0] == "before" and word != "reached"} == {}
    assert {key[1] for key in said} == {
        "front",
        "page",
        "data",
        "models",
        "account-0",
        "account-10001",
        "account-10002",
    }


def test_the_container_that_people_reach_begins_no_connection(said: dict[tuple[str, ...], str]) -> None:
    assert reached(said, "after", "front") == set()


def test_a_container_on_the_way_to_the_model_hosts_reaches_what_is_listed(said: dict[tuple[str, ...], str]) -> None:
    assert reached(said, "after", "models") == {("models", LISTED, PORT)}


@pytest.mark.parametrize(("name", "part"), [("page", 64), ("data", 65)])
def test_a_container_reaches_its_neighbour_and_no_service_of_its_machine(
    said: dict[tuple[str, ...], str], name: str, part: int
) -> None:
    tried = {key[2] for key in said if key[1] == name}
    assert {f"172.31.{part}.1", f"fd00:31:{part}::1", "fe80::99%eth0", "172.31.99.1", OTHER, OTHER_6} <= tried
    assert reached(said, "after", name) == {(name, f"172.31.{part}.3", PORT), (name, f"fd00:31:{part}::3", PORT)}


@pytest.mark.parametrize("account", ["account-10001", "account-10002"])
def test_an_account_of_the_product_reaches_what_is_listed(said: dict[tuple[str, ...], str], account: str) -> None:
    assert reached(said, "after", account) == {(account, host, PORT) for host in (LISTED, "127.0.0.1", "::1")}


def test_root_reaches_everything(said: dict[tuple[str, ...], str]) -> None:
    assert reached(said, "after", "account-0") == {
        ("account-0", host, PORT) for host in (LISTED, OTHER, OTHER_6, "127.0.0.1", "::1")
    }


def test_what_is_refused_is_refused_at_once(said: dict[tuple[str, ...], str]) -> None:
    assert {key: word for key, word in said.items() if "Timeout" in word} == {}


def test_the_rules_name_the_accounts_of_the_image_and_the_unit() -> None:
    rules = RULES.read_text(encoding="utf-8")
    dockerfile = (RULES.parent / "Dockerfile").read_text(encoding="utf-8")
    uid = re.search(r"--uid (\d+)", dockerfile)
    assert uid is not None
    assert f"meta skuid {{ {uid[1]}," in rules
