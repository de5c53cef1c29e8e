"""A room without a way out in which every address answers and every contact is counted.

`python -m tests.fakes.bait locked|open` must run in a network namespace of its own (`unshare --user --map-root-user
--net`). It gives the loopback device the addresses of the world, answers DNS for every name, and tries the ways out of
`tests.fakes.evasions` that standard input names: a line of JSON each, with the contacts that were seen.
"""

from __future__ import annotations

import itertools
import json
import os
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from tests.fakes.evasions import METADATA, PORT, PUBLIC, PUBLIC6

REBOUND = "10.99.0.6"  # what rebind.lan means, every second time
ADDRESSES = (
    *(PUBLIC, PUBLIC6, METADATA, "fd00:ec2::254", "::203.0.113.7", "2002:cb00:7107::1", "64:ff9b::cb00:7107"),
    *("10.99.0.5", REBOUND, "10.99.0.9"),
)
TCP_PORTS = (PORT, 443, 11434)
UDP_PORTS = (PORT, 53)
MARK = b"all who came before me"
HARMLESS = ("127.", "::1", "::ffff:127.")


class Bait:
    """Answers everybody, and counts who came to an address that is not of this machine."""

    def __init__(self) -> None:
        self.contacts: list[str] = []
        self._marks = threading.Semaphore(0)
        self._rebinding = itertools.cycle((REBOUND, PUBLIC))

    def open(self) -> None:
        for port in TCP_PORTS:
            listener = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=64)
            self._run(self._serve, listener)
        for port in UDP_PORTS:
            receiver = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            receiver.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            receiver.bind(("::", port))
            self._run(self._receive if port != 53 else self._answer, receiver)

    def settle(self) -> None:
        """Return when all who came so far are counted: each port hears of them in their order."""
        for port in TCP_PORTS:
            with socket.create_connection(("127.0.0.1", port)) as connection:
                connection.sendall(MARK)
                connection.recv(1)
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sender:
            for port in UDP_PORTS:
                sender.sendto(MARK, ("::1", port))
        for _ in UDP_PORTS:
            assert self._marks.acquire(timeout=60)

    def _run(self, work: Callable[..., None], *arguments: object) -> None:
        threading.Thread(target=work, args=arguments, daemon=True).start()

    def _serve(self, listener: socket.socket) -> None:
        while True:
            connection, _ = listener.accept()
            here, port = connection.getsockname()[:2]
            self.contacts.append(f"tcp {here} {port}")
            self._run(self._speak, connection)

    def _speak(self, connection: socket.socket) -> None:
        """Answer in HTTP; `/redirect` leads out."""
        connection.settimeout(1)
        try:
            asked = connection.recv(4096)
            if asked.startswith(b"GET /redirect"):
                to = f"Location: http://{PUBLIC}:{PORT}/\r\n".encode()
                connection.sendall(b"HTTP/1.1 302 Found\r\n" + to + b"Content-Length: 0\r\nConnection: close\r\n\r\n")
            else:
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        except OSError:
            pass
        finally:
            connection.close()

    def _receive(self, receiver: socket.socket) -> None:
        while True:
            if receiver.recvfrom(4096)[0] == MARK:
                self._marks.release()
            else:
                self.contacts.append("udp")

    def _answer(self, receiver: socket.socket) -> None:
        """Be the name server of the world."""
        while True:
            question, sender = receiver.recvfrom(4096)
            if question == MARK:
                self._marks.release()
                continue
            try:
                name, place = question_of(question)
            except IndexError:
                self.contacts.append("dns, and no question")
                continue
            self.contacts.append(f"dns {name}")
            listed = {"dev1.lan": "10.99.0.5", "data1.lan": "10.99.0.5"}
            address = (
                next(self._rebinding)
                if name == "rebind.lan" and asks_ipv4(question, place)
                else listed.get(name, PUBLIC)
            )
            receiver.sendto(reply_to(question, place, address), sender)


def asks_ipv4(question: bytes, end: int) -> bool:
    return question[end - 4 : end - 2] == b"\0\1"


def reply_to(question: bytes, end: int, address: str) -> bytes:
    """Answer a question that ends there: with one IPv4 address, or that there is nothing of another kind."""
    answers = b""
    if asks_ipv4(question, end):
        answers = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 0, 4) + socket.inet_aton(address)
    head = question[:2] + b"\x81\x80" + struct.pack("!HHHH", 1, bool(answers), 0, 0)
    return head + question[12:end] + answers


def question_of(message: bytes) -> tuple[str, int]:
    """Return the name that is asked for, and where the question ends."""
    labels, place = [], 12
    while message[place]:
        labels.append(message[place + 1 : place + 1 + message[place]].decode("latin-1").lower())
        place += 1 + message[place]
    return ".".join(labels), place + 5


def leaks(contacts: list[str]) -> list[str]:
    """Return the contacts that would have left the building."""
    inside = (
        "dns dev1.lan",
        "dns data1.lan",
        "dns rebind.lan",
        "tcp ::ffff:10.99.0.5 11434",
        "tcp ::ffff:10.99.0.9 443",
    )
    return [
        each
        for each in contacts
        if each not in inside
        and each != f"tcp ::ffff:{REBOUND} {PORT}"
        and not (each.startswith("tcp ") and each.split()[1].startswith(HARMLESS))
    ]


def main() -> None:
    """Furnish the room, then try what is asked for."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    servers = [
        line.split()[1] for line in Path("/etc/resolv.conf").read_text().splitlines() if line[:10] == "nameserver"
    ]
    for address in (*ADDRESSES, *servers):
        if not address.startswith("127."):
            size = "128" if ":" in address else "32"
            subprocess.run(["ip", "addr", "add", f"{address}/{size}", "dev", "lo"], check=True)
    bait = Bait()
    bait.open()
    environment = {**os.environ, "GRPC_VERBOSITY": "NONE"}
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "tests.fakes.evasions", sys.argv[1]],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        for name in sys.stdin:
            bait.contacts.clear()
            child.stdin.write(name)
            child.stdin.flush()
            result = json.loads(child.stdout.readline())
            bait.settle()
            contacts = list(bait.contacts)
            told = {"name": name.strip(), **result, "contacts": contacts, "leaks": leaks(contacts)}
            print(json.dumps(told), flush=True)
        child.stdin.close()


if __name__ == "__main__":
    main()
