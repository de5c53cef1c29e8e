"""Where Cloister may connect to: a site's allow-list, and the judgement of URLs, names, addresses and programs.

Everything that is not on the list is refused. A URL is judged before a request so that a person reads a good reason; a
name is judged before it is looked up, because a look-up alone carries its name out of the building; and what counts in
the end is the address really connected to, in `Egress.check_address`. Nothing here opens a socket or looks a name up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, Self

from policies.egress_hosts import (
    BUILDING,
    METADATA_NAMES,
    Address,
    EgressReason,
    Network,
    NotAHostError,
    hidden_address,
    parse_host,
    parse_port,
    refused_for_good,
)
from policies.egress_list import NAMES_OF_LOOPBACK, Destination

_URL: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)(?:[/?#].*)?")
# Browsers drop tabs and line ends and read a backslash as a slash, HTTP clients do not: two readers, two hosts.
_UNCLEAR: Final = re.compile(r"[\x00-\x20\x7f-\xa0\\\u2028\u2029]")
_AUTHORITY: Final = re.compile(r"(\[[^\[\]]*\]|[^\[\]:]*)(?::([^:]*))?")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_MAX_URL_CHARS: Final = 8192
_MAX_REMEMBERED: Final = 4096  # judgements of addresses; each some 300 bytes


@dataclass(frozen=True, slots=True)
class EgressVerdict:
    """What the allow-list says of one attempt.

    Attributes:
        reason: why.
        host: the name or address in its one canonical writing; empty when it could not be read.
        port: the port; 0 where none was asked about.
    """

    reason: EgressReason
    host: str = ""
    port: int = 0

    @property
    def is_allowed(self) -> bool:
        """Tell whether the attempt may go on."""
        return self.reason.allows


@dataclass(frozen=True, slots=True)
class Program:
    """A program that may start, with a network.

    Attributes:
        path: absolute; compared as written, so that nobody's folder in `PATH` decides what runs.
        arguments: what its arguments must begin with, such as `("-P", "-m", "assistant")`: an interpreter that takes
            any argument would be every program.
    """

    path: str
    arguments: tuple[str, ...] = ()

    @classmethod
    def of(cls, command: Sequence[str]) -> Self:
        """Return the program that a command begins with, with the command's arguments."""
        return cls(command[0], tuple(command[1:]))


class Egress:
    """A site's allow-list, ready to judge. Immutable, but for judgements it remembers.

    Args:
        destinations: what may be connected to, beside loopback.
        programs: what may be started.
        own_names: names of this machine, which may be looked up.
    """

    def __init__(
        self,
        destinations: Iterable[Destination] = (),
        *,
        programs: Iterable[Program] = (),
        own_names: Iterable[str] = (),
    ) -> None:
        self.destinations = tuple(destinations)
        self.programs = tuple(programs)
        self._own_names = NAMES_OF_LOOPBACK | {name.lower().rstrip(".") for name in own_names}
        self._names: dict[str, list[Destination]] = {}
        self._suffixes: dict[str, list[Destination]] = {}
        self._networks: list[tuple[Network, Destination]] = []
        for destination in self.destinations:
            if destination.network is not None:
                self._networks.append((destination.network, destination))
            elif destination.name.startswith("*."):
                self._suffixes.setdefault(destination.name[1:], []).append(destination)
            else:
                self._names.setdefault(destination.name, []).append(destination)
        self._remembered: dict[tuple[str, int, tuple[str, ...]], EgressVerdict] = {}

    def check_url(self, url: str) -> EgressVerdict:
        """Judge a URL before a request. The name's addresses are judged again when they are connected to."""
        try:
            host, port = _parse_url(url)
        except NotAHostError as error:
            return EgressVerdict(error.reason)
        return self._check_named(host, port) if isinstance(host, str) else self._check_static(host, port)

    def check_name(self, name: str) -> EgressVerdict:
        """Judge a look-up before it is sent.

        An address in its usual writing needs no name server and is passed; connecting to it is judged by itself.
        """
        if not name or _is_plain_address(name):
            return EgressVerdict(EgressReason.ADDRESS, name)
        try:
            host = parse_host(name)
        except NotAHostError as error:
            return EgressVerdict(error.reason)
        return self._check_named(host, None) if isinstance(host, str) else self._check_static(host, None)

    def check_reverse(self, address: str) -> EgressVerdict:
        """Judge asking which name an address has: the question carries the address to the name server."""
        parsed = _parse_plain_address(address)
        return self.check_name(address) if parsed is None else self._check_static(parsed, None)

    def check_address(self, address: str, port: int, names: tuple[str, ...] = ()) -> EgressVerdict:
        """Judge a connection by the address that it really goes to.

        Args:
            address: as the system takes it, such as `10.1.2.3` or `fd00::7`; a name is refused.
            port: as the system takes it.
            names: what this process had looked up when it was given this address.
        """
        asked = (address, port, names)
        verdict = self._remembered.get(asked)
        if verdict is None:
            verdict = self._judge_address(address, port)
            if verdict.reason.yields_to_name:
                verdict = self._check_answer(verdict, names)
            if len(self._remembered) >= _MAX_REMEMBERED:
                self._remembered.clear()
            self._remembered[asked] = verdict
        return verdict

    def check_program(self, argv: Sequence[str]) -> EgressVerdict:
        """Judge starting a program; `argv` begins with the path that is executed."""
        path, arguments = (argv[0], tuple(argv[1:])) if argv else ("", ())
        for program in self.programs:
            if program.path == path and arguments[: len(program.arguments)] == program.arguments:
                return EgressVerdict(EgressReason.LISTED_PROGRAM, path)
        return EgressVerdict(EgressReason.PROGRAM, path)

    def _judge_address(self, address: str, port: int) -> EgressVerdict:
        if not address:  # INADDR_ANY: the system takes it for itself
            return EgressVerdict(EgressReason.UNSPECIFIED, port=port)
        if "%" in address and not address.lower().startswith("fe80:"):
            return EgressVerdict(EgressReason.ZONE, address, port)
        parsed = _parse_plain_address(address)
        if parsed is None:
            return EgressVerdict(EgressReason.NOT_AN_ADDRESS, address, port)
        return self._check_static(parsed, port)

    def _check_static(self, address: Address, port: int | None) -> EgressVerdict:
        """Judge an address without regard to names; no port asks whether any would do."""
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped  # the system connects by IPv4
        return EgressVerdict(self._reason_for(address, port), str(address), port or 0)

    def _reason_for(self, address: Address, port: int | None) -> EgressReason:
        hidden = hidden_address(address)
        for each in (address, hidden):
            refused = refused_for_good(each) if each is not None else None
            if refused is not None:
                return refused
        if address.is_loopback:
            return EgressReason.LOOPBACK
        listed = [entry for network, entry in self._networks if address in network]
        if any(entry.takes(port) for entry in listed):
            return EgressReason.LISTED_NETWORK
        if listed:
            return EgressReason.PORT
        return EgressReason.NOT_LISTED if hidden is None else EgressReason.TUNNELLED

    def _check_named(self, name: str, port: int | None) -> EgressVerdict:
        if name in self._own_names:
            return EgressVerdict(EgressReason.LOOPBACK, name, port or 0)
        listed = self._entries_for(name)
        if any(entry.takes(port) for entry in listed):
            return EgressVerdict(EgressReason.LISTED_HOST, name, port or 0)
        if name in METADATA_NAMES:
            return EgressVerdict(EgressReason.METADATA, name, port or 0)
        return EgressVerdict(EgressReason.PORT if listed else EgressReason.NOT_LISTED, name, port or 0)

    def _entries_for(self, name: str) -> list[Destination]:
        found = list(self._names.get(name, ()))
        dot = name.find(".")
        while dot >= 0 and self._suffixes:
            found += self._suffixes.get(name[dot:], ())
            dot = name.find(".", dot + 1)
        return found

    def _check_answer(self, refused: EgressVerdict, names: Sequence[str]) -> EgressVerdict:
        """Let an address pass because a listed name led to it; never out of the building.

        A name server that lies, or is told to (rebinding), could otherwise send what is meant for a listed name to any
        address in the world. A listed host with a public address needs this address on the list, too.
        """
        reason = refused.reason
        for name in names:
            try:
                host = parse_host(name)
            except NotAHostError:
                continue
            if not isinstance(host, str) or host in self._own_names:
                continue
            entries = self._entries_for(host)
            if not any(entry.takes(refused.port) for entry in entries):
                reason = EgressReason.PORT if entries and reason is EgressReason.NOT_LISTED else reason
            elif any(ip_address(refused.host) in network for network in BUILDING):
                return EgressVerdict(EgressReason.LISTED_HOST, refused.host, refused.port)
            else:
                reason = EgressReason.ANSWER_OUTSIDE
        return EgressVerdict(reason, refused.host, refused.port)


def _parse_url(url: str) -> tuple[Address | str, int]:
    """Return host and port of a URL that every reader takes apart in the same way."""
    parts = None if len(url) > _MAX_URL_CHARS or _UNCLEAR.search(url) else _URL.fullmatch(url)
    if parts is None:
        raise NotAHostError(EgressReason.MALFORMED)
    scheme, authority = parts[1].lower(), parts[2]
    if scheme not in _DEFAULT_PORTS:
        raise NotAHostError(EgressReason.SCHEME)
    if "@" in authority or "＠" in authority:  # noqa: RUF001 - some readers fold the full-width sign
        raise NotAHostError(EgressReason.USERINFO)
    place = _AUTHORITY.fullmatch(authority)
    if place is None:
        raise NotAHostError(EgressReason.MALFORMED)
    return parse_host(place[1]), parse_port(place[2]) if place[2] else _DEFAULT_PORTS[scheme]


def _parse_plain_address(text: str) -> Address | None:
    try:
        return ip_address(text.partition("%")[0])
    except ValueError:
        return None


def _is_plain_address(text: str) -> bool:
    return isinstance(_parse_plain_address(text), IPv4Address | IPv6Address)
