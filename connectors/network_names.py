"""Which names led to an address: only so can a connection to an address be judged by the name that was meant."""

from __future__ import annotations

import functools
import socket
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, Final

_MAX_NAMES: Final = 4096
# HTTP clients keep answers for some minutes (aiohttp as litellm sets it: five); an older answer no longer counts.
_SUPERSEDED_SECONDS: Final = 600.0
_MAPPED: Final = bytes(10) + b"\xff\xff"  # ::ffff:0:0/96


class Answers:
    """What this process was last told about names; bounded, and safe in threads."""

    def __init__(self) -> None:
        self._of_name: dict[str, frozenset[bytes]] = {}
        self._of_address: dict[bytes, dict[str, float]] = {}  # name to the time it stops counting
        self._changing = threading.RLock()  # a destructor may look a name up in the middle of a change

    def record(self, name: str, addresses: Iterable[str]) -> None:
        """Remember the answer to a look-up; what was answered before counts for a while longer."""
        now = time.monotonic()
        packed = frozenset(each for each in map(pack, addresses) if each is not None)
        with self._changing:
            before = self._of_name.pop(name, frozenset())
            for address in before - packed:
                self._grant(address, name, now + _SUPERSEDED_SECONDS, now)
            for address in packed:
                self._grant(address, name, float("inf"), now)
            self._of_name[name] = packed
            if len(self._of_name) > _MAX_NAMES:
                self._forget(next(iter(self._of_name)))

    def names_of(self, address: str) -> tuple[str, ...]:
        """Return the names that led to an address; none for what is no address."""
        packed = pack(address)
        names = None if packed is None else self._of_address.get(packed)
        if not names:
            return ()
        now = time.monotonic()
        return tuple(name for name, until in names.items() if until > now)

    def watch(self) -> None:
        """Replace the look-ups of the socket module, so that each answer is recorded; theirs remain the same."""
        look_up, by_name, by_name_ex = socket.getaddrinfo, socket.gethostbyname, socket.gethostbyname_ex

        @functools.wraps(look_up)
        def getaddrinfo(host: Any, *arguments: Any, **options: Any) -> Any:
            answers = look_up(host, *arguments, **options)
            self._note(host, lambda: [str(answer[4][0]) for answer in answers])
            return answers

        @functools.wraps(by_name)
        def gethostbyname(name: Any, /) -> str:
            answer = by_name(name)
            self._note(name, lambda: [answer])
            return answer

        @functools.wraps(by_name_ex)
        def gethostbyname_ex(name: Any, /) -> tuple[str, list[str], list[str]]:
            answer = by_name_ex(name)
            self._note(name, lambda: answer[2])
            return answer

        socket.getaddrinfo = getaddrinfo
        socket.gethostbyname = gethostbyname
        socket.gethostbyname_ex = gethostbyname_ex

    def _note(self, host: object, addresses: Callable[[], list[str]]) -> None:
        name = host.decode("latin-1") if isinstance(host, bytes | bytearray) else host
        if isinstance(name, str) and name and pack(name) is None:
            self.record(name, addresses())

    def _grant(self, address: bytes, name: str, until: float, now: float) -> None:
        kept = {each: end for each, end in self._of_address.get(address, {}).items() if end > now and each != name}
        self._of_address[address] = {**kept, name: until}  # replaced, not changed: readers hold no lock

    def _forget(self, name: str) -> None:
        for address in self._of_name.pop(name):
            left = {each: end for each, end in self._of_address.get(address, {}).items() if each != name}
            if left:
                self._of_address[address] = left
            else:
                self._of_address.pop(address, None)


def pack(host: object) -> bytes | None:
    """Return the bytes of an address in its usual writing, an IPv4 one also out of IPv6; None for anything else."""
    if type(host) is str:
        return _pack(host)
    return _pack(str.__str__(host)) if isinstance(host, str) else None


@functools.lru_cache(_MAX_NAMES)
def _pack(host: str) -> bytes | None:
    try:
        if ":" not in host:
            return socket.inet_pton(socket.AF_INET, host)
        packed = socket.inet_pton(socket.AF_INET6, host.partition("%")[0])
    except (OSError, ValueError):
        return None
    return packed[12:] if packed.startswith(_MAPPED) else packed
