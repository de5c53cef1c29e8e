"""Three rooms in a row: a container, the machine it runs on, and the world, where every address answers.

`unshare --net --mount python -m tests.fakes.rooms LISTED PORT OTHER RULES`, as root, tries from the container and from
two accounts of the machine to reach two addresses, before and after the rules are loaded; a line for each.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path

WORLD = """
import socket, sys, threading
def run(port):
    listener = socket.create_server(("0.0.0.0", port))
    while True:
        listener.accept()[0].close()
for port in map(int, sys.argv[1:]):
    threading.Thread(target=run, args=(port,)).start()
print("ready", flush=True)
"""
TRY = """
import os, socket, sys
host, port, uid = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
"x".encode("idna")  # loaded now: the account may not be able to read Python's own files
if uid:
    os.setgid(uid)
    os.setuid(uid)
try:
    socket.create_connection((host, port), 3).close()
    print("reached")
except OSError as error:
    print(type(error).__name__)
"""


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


class Room:
    """A network namespace, alive as long as its sleeper."""

    def __init__(self) -> None:
        self._sleeper = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", "echo made; exec sleep 90"], stdout=subprocess.PIPE
        )
        assert self._sleeper.stdout is not None
        self._sleeper.stdout.readline()

    def command(self, *words: str) -> list[str]:
        return ["nsenter", "--net", "-t", str(self._sleeper.pid), *words]

    def ip(self, *words: str) -> None:
        subprocess.run(self.command("ip", *words), check=True)

    def connect(self, device: str, here: str, there: str, *, subnet: str) -> None:
        """Lay a cable from a device of the machine to this room."""
        ip("link", "add", device, "type", "veth", "peer", "name", "eth0", "netns", str(self._sleeper.pid))
        ip("addr", "add", f"{here}/{subnet}", "dev", device)
        ip("link", "set", device, "up")
        self.ip("link", "set", "lo", "up")
        self.ip("addr", "add", f"{there}/{subnet}", "dev", "eth0")
        self.ip("link", "set", "eth0", "up")
        self.ip("route", "add", "default", "via", here)

    def end(self) -> None:
        self._sleeper.kill()


def attempt(host: str, port: int, *, uid: int = 0, room: Room | None = None) -> str:
    words = [sys.executable, "-c", TRY, host, str(port), str(uid)]
    done = subprocess.run(
        room.command(*words) if room else words, stdout=subprocess.PIPE, text=True, check=False, timeout=20
    )
    return done.stdout.strip()


def main(listed: str, port: int, other: str, rules: Path) -> None:
    container, world = Room(), Room()
    ip("link", "set", "lo", "up")
    container.connect("cloister-models", "172.31.66.1", "172.31.66.2", subnet="24")
    world.connect("lan", "10.99.9.1", "10.99.9.2", subnet="24")
    world.ip("route", "add", "local", "0.0.0.0/0", "dev", "lo", "table", "local")
    world.ip("route", "add", "172.31.66.0/24", "via", "10.99.9.1")
    ip("route", "add", "default", "via", "10.99.9.2")
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1", encoding="ascii")
    command = world.command(sys.executable, "-c", WORLD, str(port), "443")
    server = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert server.stdout is not None
    server.stdout.readline()
    with socket.create_server(("127.0.0.1", port)):
        for when in ("before", "after"):
            if when == "after":
                for _ in range(2):  # at each boot, and again after a change
                    subprocess.run(["nft", "-f", str(rules)], check=True)
                time.sleep(0.1)
            for host in (listed, other):
                for each in (port, 443):
                    print(when, "container", host, each, attempt(host, each, room=container), flush=True)
            for uid in (0, 10001):
                for host in (listed, other, "127.0.0.1"):
                    print(when, f"account-{uid}", host, port, attempt(host, port, uid=uid), flush=True)
    for part in (server.kill, container.end, world.end):
        part()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], Path(sys.argv[4]))
