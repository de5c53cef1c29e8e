"""Rooms in a row: containers on the bridges of `compose.yaml`, their machine, and a world where all addresses answer.

`unshare --net --mount python -m tests.fakes.rooms LISTED PORT OTHER OTHER6 RULES`, as root, tries to reach listed and
other addresses, the machine, and neighbours: from each container and from three accounts of the machine, before and
after the rules are loaded; a line for each.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ANSWER = """
import socket, sys, threading
def run(port):
    listener = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
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
NETWORKS = {"front": 63, "page": 64, "data": 65, "models": 66}  # name: third part of its addresses
NEIGHBOURS = ("page", "data")
MACHINE_LINK_LOCAL = "fe80::99"
ELSEWHERE_6 = "2001:db8::/32"  # for documentation: RFC 3849


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


class Room:
    """A network namespace, alive as long as its sleeper."""

    def __init__(self) -> None:
        self._sleeper = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", "echo made; exec sleep 170"], stdout=subprocess.PIPE
        )
        assert self._sleeper.stdout is not None
        self._sleeper.stdout.readline()

    def command(self, *words: str) -> list[str]:
        return ["nsenter", "--net", "-t", str(self._sleeper.pid), *words]

    def ip(self, *words: str) -> None:
        subprocess.run(self.command("ip", *words), check=True)

    def connect(self, device: str, part: int, *, address: int = 2) -> None:
        """Lay a cable to a bridge of the machine; the machine is the first address of its subnet."""
        name = f"v{part}-{address}"
        ip("link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", str(self._sleeper.pid))
        ip("link", "set", name, "master", device, "up")
        self.ip("link", "set", "lo", "up")
        self.ip("link", "set", "eth0", "up")
        self.ip("addr", "add", f"172.31.{part}.{address}/24", "dev", "eth0")
        self.ip("addr", "add", f"fd00:31:{part}::{address}/64", "dev", "eth0", "nodad")
        self.ip("route", "add", "default", "via", f"172.31.{part}.1")
        self.ip("-6", "route", "add", "default", "via", f"fd00:31:{part}::1")

    def answer(self, *ports: int) -> subprocess.Popen[bytes]:
        return answer(*ports, room=self)

    def end(self) -> None:
        self._sleeper.kill()


def answer(*ports: int, room: Room | None = None) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-c", ANSWER, *map(str, ports)]
    server = subprocess.Popen(room.command(*words) if room else words, stdout=subprocess.PIPE)
    assert server.stdout is not None
    server.stdout.readline()
    return server


def bridge(device: str, part: int) -> None:
    ip("link", "add", device, "type", "bridge")
    ip("link", "set", device, "up")
    ip("addr", "add", f"172.31.{part}.1/24", "dev", device)
    for address in (f"fd00:31:{part}::1/64", f"{MACHINE_LINK_LOCAL}/64"):
        ip("addr", "add", address, "dev", device, "nodad")


@dataclass(frozen=True)
class Attempt:
    """Somebody who tries to reach a port of a host: an account of the machine, or root in a room."""

    who: str
    host: str
    port: int
    uid: int = 0
    room: Room | None = None

    def make(self) -> str:
        words = [sys.executable, "-I", "-c", TRY, self.host, str(self.port), str(self.uid)]
        command = self.room.command(*words) if self.room else words
        return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, timeout=60).stdout.strip()


def list_attempts(containers: dict[str, Room], port: int, outside: tuple[str, ...]) -> Iterator[Attempt]:
    for name, room in containers.items():
        part = NETWORKS[name]
        machine = (f"172.31.{part}.1", f"fd00:31:{part}::1", f"{MACHINE_LINK_LOCAL}%eth0", "172.31.99.1")
        neighbour = (f"172.31.{part}.3", f"fd00:31:{part}::3") if name in NEIGHBOURS else ()
        for host in (*outside, *machine, *neighbour):
            yield Attempt(name, host, port, room=room)
        yield Attempt(name, outside[0], 443, room=room)
    for uid in (0, 10001, 10002):
        for host in (*outside, "127.0.0.1", "::1"):
            yield Attempt(f"account-{uid}", host, port, uid=uid)


def build_world() -> Room:
    """Lay the machine's cable to a world where every address answers."""
    ip("link", "set", "lo", "up")
    bridge("lan", 99)
    world = Room()
    world.connect("lan", 99)
    world.ip("route", "add", "local", "0.0.0.0/0", "dev", "lo", "table", "local")
    world.ip("-6", "route", "add", "local", ELSEWHERE_6, "dev", "lo", "table", "local")
    for part in NETWORKS.values():
        world.ip("route", "add", f"172.31.{part}.0/24", "via", "172.31.99.1")
        world.ip("-6", "route", "add", f"fd00:31:{part}::/64", "via", "fd00:31:99::1")
    ip("route", "add", "default", "via", "172.31.99.2")
    ip("-6", "route", "add", "default", "via", "fd00:31:99::2")
    for switch in ("ipv4/ip_forward", "ipv6/conf/all/forwarding"):
        Path("/proc/sys/net", switch).write_text("1", encoding="ascii")
    return world


def build_container(name: str, *, address: int = 2) -> Room:
    room = Room()
    room.connect(f"cloister-{name}", NETWORKS[name], address=address)
    return room


def main(listed: str, port: int, other: str, other6: str, rules: Path) -> None:
    world = build_world()
    for name, part in NETWORKS.items():
        bridge(f"cloister-{name}", part)
    for switch in Path("/proc/sys/net/bridge").glob("bridge-nf-call-ip*tables"):  # as container engines set it
        switch.write_text("1", encoding="ascii")
    containers = {name: build_container(name) for name in NETWORKS}
    neighbours = [build_container(name, address=3) for name in NEIGHBOURS]
    servers = [answer(port), world.answer(port, 443), *(room.answer(port) for room in neighbours)]
    attempts = list(list_attempts(containers, port, (listed, other, other6)))
    for when in ("before", "after"):
        if when == "after":
            for _ in range(2):  # at each boot, and again after a change
                subprocess.run(["nft", "-f", str(rules)], check=True)
        with ThreadPoolExecutor(8) as pool:
            for each, word in zip(attempts, pool.map(Attempt.make, attempts), strict=True):
                print(when, each.who, each.host, each.port, word)
    for server in servers:
        server.kill()
    for room in (world, *containers.values(), *neighbours):
        room.end()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4], Path(sys.argv[5]))
