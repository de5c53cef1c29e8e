"""A machine at one end of a cable, and the whole world at the other: what leaves the machine is captured.

`python -m tests.fakes.world CAPTURE -- COMMAND …` runs COMMAND in the present network namespace, which must have no
device but loopback (`unshare --net --mount`, as root). The world, a namespace of its own, answers DNS for every name
and accepts connections for every address. CAPTURE gets a line for each different thing that came over the cable:
`dns NAME`, `tcp ADDRESS PORT`, `udp ADDRESS PORT`, or a protocol's number. `dev1.lan` is a model host over there.
"""

from __future__ import annotations

import contextlib
import resource
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from tests.fakes.bait import question_of, reply_to
from tests.fakes.model_host import FakeModelHost

WORLD: Final = "10.66.0.1"
MACHINE: Final = "10.66.0.2"
ELSEWHERE: Final = "203.0.113.7"  # what every name means but dev1.lan
HOST_PORT: Final = 11434
_PORTS: Final = (*range(20, 1025), 3128, 4317, 4318, 5432, 6379, 8000, 8080, 8443, 9092, 9200, HOST_PORT, 27017)
_OUTGOING: Final = 4  # PACKET_OUTGOING, packet(7)
_IGMP, _ICMP6, _TCP, _UDP = 2, 58, 6, 17


def main() -> int:
    """Lay the cable, then run the command."""
    if sys.argv[1] == "--be-the-world":
        _be_the_world(Path(sys.argv[2]))
    capture, command = sys.argv[1], sys.argv[3:]
    with subprocess.Popen(
        ["unshare", "--net", sys.executable, "-m", "tests.fakes.world", "--be-the-world", capture],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as world:
        assert world.stdin is not None
        assert world.stdout is not None
        assert world.stdout.readline() == "here\n"
        _ip("link", "set", "lo", "up")
        _ip("link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", str(world.pid))
        world.stdin.write("plugged in\n")
        world.stdin.flush()
        assert world.stdout.readline() == "ready\n"
        _ip("addr", "add", f"{MACHINE}/24", "dev", "cable")
        _ip("-6", "addr", "add", "fd66::2/64", "dev", "cable", "nodad")
        _ip("link", "set", "cable", "up")
        _ip("route", "add", "default", "via", WORLD)
        _ip("-6", "route", "add", "default", "via", "fd66::1")
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as resolver:
            resolver.write(f"nameserver {WORLD}\noptions timeout:1 attempts:1\n")
            resolver.flush()
            subprocess.run(["mount", "--bind", resolver.name, "/etc/resolv.conf"], check=True)
            status = subprocess.run(command, check=False).returncode
            subprocess.run(["umount", "/etc/resolv.conf"], check=False)
        world.kill()
    return status


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


def _be_the_world(capture: Path) -> None:
    print("here", flush=True)
    sys.stdin.readline()
    for command in (
        "link set lo up",
        f"addr add {WORLD}/24 dev cable",
        "-6 addr add fd66::1/64 dev cable nodad",
        "link set cable up",
        "route add local 0.0.0.0/0 dev lo",  # every address is one of ours
        "-6 route add local ::/0 dev lo",
    ):
        _ip(*command.split())
    resource.setrlimit(resource.RLIMIT_NOFILE, (8192, 8192))
    host = FakeModelHost("ollama", reply="The model over the cable says so.")
    host.__enter__()
    for port in _PORTS:
        if port == 53:
            continue
        listener = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
        _run(_serve, listener, host.port)
    names = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    names.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    names.bind(("::", 53))
    _run(_answer, names)
    tap = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))  # ETH_P_ALL
    tap.bind(("cable", 3))
    print("ready", flush=True)
    _capture(tap, capture)


def _run(work: Callable[..., None], *arguments: object) -> None:
    threading.Thread(target=work, args=arguments, daemon=True).start()


def _serve(listener: socket.socket, host_port: int) -> None:
    """Be the model host where dev1.lan is; elsewhere, a web server that says ok."""
    while True:
        connection, _ = listener.accept()
        here, port = connection.getsockname()[:2]
        if port == HOST_PORT and here.removeprefix("::ffff:") == WORLD:
            other = socket.create_connection(("127.0.0.1", host_port))
            _run(_pass_on, connection, other)
            _run(_pass_on, other, connection)
        else:
            _run(_say_ok, connection)


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while part := source.recv(65536):
            target.sendall(part)
        target.shutdown(socket.SHUT_WR)


def _say_ok(connection: socket.socket) -> None:
    with contextlib.suppress(OSError), connection:
        connection.settimeout(2)
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")


def _answer(names: socket.socket) -> None:
    while True:
        question, sender = names.recvfrom(4096)
        with contextlib.suppress(IndexError, OSError):
            name, end = question_of(question)
            names.sendto(reply_to(question, end, WORLD if name == "dev1.lan" else ELSEWHERE), sender)


def _capture(tap: socket.socket, capture: Path) -> None:
    seen: set[str] = set()
    with capture.open("w", encoding="utf-8", buffering=1) as lines:
        while True:
            packet, (_, kind, direction, *_rest) = tap.recvfrom(65536)
            contact = "" if direction == _OUTGOING else contact_of(packet, kind)
            if contact and contact not in seen:
                seen.add(contact)
                lines.write(contact + "\n")


def contact_of(packet: bytes, kind: int) -> str:
    """Say what a packet from the machine is for; nothing for answers, and for what a kernel does to find neighbours."""
    if kind == 0x0800:
        protocol, target, payload = packet[9], ip_address(packet[16:20]), packet[(packet[0] & 15) * 4 :]
    elif kind == 0x86DD:
        protocol, target, payload = packet[6], ip_address(packet[24:40]), packet[40:]
    else:
        return ""  # ARP
    if protocol == _TCP:
        is_opening = payload[13] & 0x12 == 0x02  # SYN without ACK
        return f"tcp {target} {struct.unpack('!H', payload[2:4])[0]}" if is_opening else ""
    if protocol == _UDP:
        port = struct.unpack("!H", payload[2:4])[0]
        with contextlib.suppress(IndexError):
            return f"dns {question_of(payload[8:])[0]}" if port == 53 else f"udp {target} {port}"
        return f"udp {target} {port}"
    if protocol in {_ICMP6, 0, _IGMP} and (target.is_multicast or target.is_link_local or str(target) == "fd66::1"):
        return ""
    return f"protocol {protocol} to {target}"


if __name__ == "__main__":
    sys.exit(main())
