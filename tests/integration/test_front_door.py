"""`compose/nginx.conf` under a real nginx: a page that was made anew, at another address, is found again."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]


def test_a_page_that_moved_is_found_again() -> None:
    if os.geteuid() != 0 or not shutil.which("nginx") or not shutil.which("ip"):
        if os.environ.get("CI"):
            pytest.fail("The proxy needs root, `ip` and nginx, and CI must not skip it.")
        pytest.skip("needs root, `ip` and nginx")
    door = [sys.executable, "-m", "tests.fakes.front_door", str(ROOT / "compose" / "nginx.conf")]
    done = subprocess.run(
        ["unshare", "--net", "--mount", *door], cwd=ROOT, capture_output=True, text=True, timeout=90, check=False
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["first"] == "127.0.1.1:8420 /a/b?c=d cloister.corp.example", done.stderr
    assert said["second"] == "127.0.1.2:8420 /a/b?c=d cloister.corp.example", done.stderr
    paths = ("/console/queue?a=b", "/my-log", "/review")
    assert said["console"] == " ".join(f"127.0.1.1:8421 {path} cloister.corp.example" for path in paths)
    assert said["chat"] == "127.0.1.1:8420 /consoles cloister.corp.example"
    assert said["asked"] == ["console", "web"], "no other name is looked up"
