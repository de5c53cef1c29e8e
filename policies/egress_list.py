"""The allow-list as it is written, and as it follows from the settings.

An entry is a host, a network or a suffix of names, with or without ports::

    idp.corp.example:443
    10.20.0.0/16:8000-8010,9000
    [fd00:20::/48]:443
    *.intranet.example

No ports means every port. Addresses of servers come from the settings themselves, so that nobody writes them twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_network
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from policies.egress_hosts import (
    METADATA_NAMES,
    Address,
    EgressReason,
    Network,
    NotAHostError,
    parse_host,
    parse_port,
    refused_for_good,
)
from policies.errors import PolicyError

NAMES_OF_LOOPBACK: Final = frozenset({"localhost", "ip6-localhost", "ip6-loopback"})

_ENTRY: Final = re.compile(r"(\[[^\[\]]+\]|[^\[\]:]+)(?::([0-9,-]+))?")
_SCHEME_PORTS: Final = {
    "http": 80,
    "https": 443,
    "ws": 80,
    "wss": 443,
    "postgresql": 5432,
    "postgres": 5432,
    "redis": 6379,
    "rediss": 6379,
    "ldap": 389,
    "ldaps": 636,
    "ssh": 22,
    "udp": 514,  # syslog
    "git": 9418,
}
_FILE_SCHEMES: Final = frozenset({"unix", "redis+socket", "file"})
_BROADEST_IPV4: Final = 8  # bits: 10.0.0.0/8 is the largest network that a company has to itself
_BROADEST_IPV6: Final = 7  # fc00::/7


@dataclass(frozen=True, slots=True)
class Destination:
    """One entry of the allow-list.

    Attributes:
        name: canonical, or `*.` and a suffix; empty for a network.
        network: addresses; None for a name.
        ports: ranges, both ends included; empty takes every port.
        origin: where the entry comes from, for whoever asks why something passes.
    """

    name: str
    network: Network | None
    ports: tuple[range, ...] = ()
    origin: str = ""

    def takes(self, port: int | None) -> bool:
        """Tell whether the entry lets this port pass; None asks for any."""
        return port is None or not self.ports or any(port in each for each in self.ports)

    def __str__(self) -> str:
        """Return the entry as it is written in a list."""
        host = self.name
        if self.network is not None:
            is_one = self.network.prefixlen == self.network.max_prefixlen
            host = str(self.network.network_address) if is_one else str(self.network)
            host = f"[{host}]" if ":" in host else host
        ports = ",".join(f"{p.start}" if len(p) == 1 else f"{p.start}-{p.stop - 1}" for p in self.ports)
        return f"{host}:{ports}" if ports else host


def parse_destination(text: str, *, origin: str = "allow-list") -> Destination:
    """Turn one written entry into a value.

    Raises:
        PolicyError: it is none, too broad, or what can never be allowed.

    >>> str(parse_destination("IdP.Corp.Example.:443"))
    'idp.corp.example:443'
    """
    parts = _ENTRY.fullmatch(text.strip())
    if parts is None:
        raise PolicyError(
            origin, f"{text!r} is no entry. Write it as host, host:443, 10.0.0.0/8:443 or [fd00::/8]:443."
        )
    written = parts[1].removeprefix("[").removesuffix("]")
    ports = _parse_ports(parts[2], text, origin) if parts[2] else ()
    if "/" in written:
        return Destination("", _parse_network(written, text, origin), ports, origin)
    if written.startswith("*."):
        suffix = _host_of(written[2:], text, origin)
        if not isinstance(suffix, str) or "." not in suffix:
            raise PolicyError(origin, f"{text!r} is too broad. A suffix needs two labels, as in *.corp.example.")
        return Destination(f"*.{suffix}", None, ports, origin)
    return _one_host(parts[1], ports, text, origin)


def destinations_of_url(url: str, *, origin: str) -> tuple[Destination, ...]:
    """Return where the address of a server in the settings leads; none for a Unix socket.

    Several hosts in one Postgres address are several destinations. The URL is never repeated in an error: it may hold
    a password.

    Raises:
        PolicyError: it names no host or no port that is known.
    """
    scheme, _, rest = url.partition("://")
    scheme = scheme.lower().split("+")[0] if scheme.lower() not in _FILE_SCHEMES else scheme.lower()
    if scheme in _FILE_SCHEMES:
        return ()
    if scheme not in _SCHEME_PORTS or not rest:
        raise PolicyError(origin, "not an address that Cloister can read. Write it as scheme://host:port.")
    netloc, query = _split(rest, origin)
    hosts = netloc.rpartition("@")[2].split(",")
    found = [_host_in_url(host, _SCHEME_PORTS[scheme], origin) for host in hosts if host and not _is_folder(host)]
    if scheme in {"postgresql", "postgres"}:
        found += _hosts_in_query(query, origin)
    if not found and not any(map(_is_folder, [*hosts, *query.get("host", ())])):
        raise PolicyError(origin, "the address names no host. Write it as scheme://host:port.")
    return tuple(found)


def derive_destinations(
    *,
    fleet: Iterable[str] = (),
    database: Iterable[str] = (),
    redis: Iterable[str] = (),
    identity: Iterable[str] = (),
    sources: Iterable[str] = (),
    anchors: Iterable[str] = (),
    allow: Iterable[str] = (),
) -> tuple[Destination, ...]:
    """Return the allow-list that follows from the settings.

    Args:
        fleet: addresses of model hosts.
        database: addresses of Postgres, passwords and all.
        redis: addresses of Redis.
        identity: addresses of the identity provider (issuer, keys, LDAP).
        sources: addresses that documents come from.
        anchors: addresses of the audit log's witnesses and of its syslog server.
        allow: entries that the administrator wrote.

    Raises:
        PolicyError: one of them cannot be read.
    """
    derived: list[Destination] = []
    for origin, urls in (
        ("fleet", fleet),
        ("database", database),
        ("redis", redis),
        ("identity provider", identity),
        ("source", sources),
        ("anchor", anchors),
    ):
        for url in urls:
            derived += destinations_of_url(url, origin=origin)
    derived += [parse_destination(entry) for entry in allow]
    return tuple(dict.fromkeys(derived))


def _host_in_url(written: str, default_port: int, origin: str) -> Destination:
    parts = re.fullmatch(r"(\[[^\[\]]*\]|[^\[\]:]*)(?::([0-9]*))?", written)
    if parts is None:
        raise PolicyError(origin, "the address names no host that can be read. Write it as scheme://host:port.")
    try:
        port = parse_port(parts[2]) if parts[2] else default_port
    except NotAHostError:
        raise PolicyError(origin, "the address names no port from 1 to 65535.") from None
    return _one_host(parts[1], (range(port, port + 1),), parts[1], origin)


def _split(rest: str, origin: str) -> tuple[str, dict[str, list[str]]]:
    try:
        parts = urlsplit(f"//{rest}")
        return parts.netloc, parse_qs(parts.query)
    except ValueError:  # its message quotes the address, password and all
        raise PolicyError(origin, "not an address that Cloister can read. Write it as scheme://host:port.") from None


def _hosts_in_query(query: dict[str, list[str]], origin: str) -> list[Destination]:
    """Return what libpq reads from the query: `host`, `hostaddr` and `port` there win over the place before it."""
    ports = ",".join(query.get("port", [""])).split(",")
    found = []
    for key in ("host", "hostaddr"):
        hosts = [host for value in query.get(key, ()) for host in value.split(",")]
        for number, host in enumerate(hosts):
            if host and not _is_folder(host):
                port = ports[number] if len(ports) == len(hosts) else ports[0]
                written = f"[{host}]" if ":" in host else host
                found.append(_host_in_url(f"{written}:{port}", _SCHEME_PORTS["postgresql"], origin))
    return found


def _is_folder(host: str) -> bool:
    """Tell whether libpq takes a host for a folder of Unix sockets, or for an abstract one."""
    return unquote(host).startswith(("/", "@"))


def _one_host(written: str, ports: tuple[range, ...], text: str, origin: str) -> Destination:
    host = _host_of(written, text, origin)
    if isinstance(host, str):
        if host in METADATA_NAMES:
            raise PolicyError(origin, f"{text!r} is {EgressReason.METADATA}, which is never allowed.")
        return Destination(host, None, ports, origin)
    if isinstance(host, IPv6Address) and host.ipv4_mapped is not None:
        host = host.ipv4_mapped  # what the system connects to, and what is judged
    return Destination("", _parse_network(str(host), text, origin), ports, origin)


def _host_of(written: str, text: str, origin: str) -> Address | str:
    try:
        return parse_host(written)
    except NotAHostError as error:
        raise PolicyError(origin, f"{text!r} is {error.reason}.") from None


def _parse_network(written: str, text: str, origin: str) -> Network:
    try:
        network = ip_network(written)
    except ValueError:
        raise PolicyError(
            origin, f"{text!r} is no network. Write it as 10.20.0.0/16, with no bit set behind."
        ) from None
    broadest = _BROADEST_IPV4 if network.version == 4 else _BROADEST_IPV6  # noqa: PLR2004 - IPv4
    if network.prefixlen < broadest:
        raise PolicyError(origin, f"{text!r} is too broad. The largest networks are /{broadest}; name what is needed.")
    refused = refused_for_good(network.network_address)
    if refused is not None and refused_for_good(network.broadcast_address) is not None:
        raise PolicyError(origin, f"{text!r} is {refused}, which is never allowed.")
    return network


def _parse_ports(written: str, text: str, origin: str) -> tuple[range, ...]:
    ranges = []
    for part in written.split(","):
        first, dash, last = part.partition("-")
        try:
            start = parse_port(first)
            stop = parse_port(last) if dash else start
        except NotAHostError:
            start, stop = 1, 0
        if stop < start:
            raise PolicyError(origin, f"{text!r} names no ports. Write them as 443 or 8000-8010,9000.")
        ranges.append(range(start, stop + 1))
    return tuple(ranges)
