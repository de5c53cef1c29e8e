"""With the network cut after installation everything still works: the other tests, run where there is only loopback."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1_200)]

LOOPBACK_ONLY = """
import fcntl, socket, struct, sys, os
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1  # linux/sockios.h, linux/if.h
with socket.socket() as any_socket:
    request = fcntl.ioctl(any_socket, SIOCGIFFLAGS, struct.pack("16sh14x", b"lo", 0))
    flags = struct.unpack("16sh14x", request)[1]
    fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""
TESTS = ("tests/e2e/test_product.py::test_the_main_job", "tests/e2e/test_first_answer.py")


def test_everything_works_without_a_network() -> None:
    """A network namespace of its own has no way out: a connection to anywhere but loopback fails at once."""
    if os.geteuid() != 0:
        pytest.skip("Only root makes a network namespace.")
    done = subprocess.run(
        ["unshare", "--net", sys.executable, "-c", LOOPBACK_ONLY, "-m", "pytest", "-q", "-p", "no:randomly", *TESTS],
        capture_output=True,
        text=True,
        check=False,
        timeout=1_100,
    )
    assert done.returncode == 0, done.stdout[-6000:]
