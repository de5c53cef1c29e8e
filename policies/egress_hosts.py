"""How hosts can be written, and what can never be one: spellings, hidden addresses, metadata services, reasons.

Source: RFC 6943 (spellings of addresses), WHATWG URL (hosts that end in a number are addresses), inet_aton(3).
"""

from __future__ import annotations

import re
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class EgressReason(StrEnum):
    """Why an attempt to leave the process passes or not; closed, so that reports and translations can list it."""

    LOOPBACK = "this machine itself"
    ADDRESS = "an address needs no look-up"
    LISTED_HOST = "the host is on the allow-list"
    LISTED_NETWORK = "the network is on the allow-list"
    LISTED_PROGRAM = "the program is on the allow-list"

    NOT_LISTED = "the host is not on the allow-list"
    PORT = "the host is on the allow-list, this port of it is not"
    ANSWER_OUTSIDE = "the name is on the allow-list, but its address is outside of the building"
    TUNNELLED = "an IPv6 address that carries an IPv4 address out of sight"
    LINK_LOCAL = "a link-local address"
    METADATA = "a cloud's metadata service"
    UNSPECIFIED = "no particular address"
    MULTICAST = "an address of many machines"
    RESERVED = "an address that no machine has"
    ZONE = "an address with a zone"
    NOT_AN_ADDRESS = "a name where an address was due"
    MALFORMED = "a host or URL that readers understand differently"
    SCHEME = "a URL of another kind than HTTP"
    USERINFO = "a URL with a user before the host"
    PROGRAM = "the program is not on the allow-list"

    @property
    def allows(self) -> bool:
        """Tell whether this is a reason to pass."""
        return self in _ALLOWING

    @property
    def yields_to_name(self) -> bool:
        """Tell whether a listed name that led to the address changes the judgement."""
        return self in _YIELDING


_ALLOWING: Final = frozenset(
    {
        EgressReason.LOOPBACK,
        EgressReason.ADDRESS,
        EgressReason.LISTED_HOST,
        EgressReason.LISTED_NETWORK,
        EgressReason.LISTED_PROGRAM,
    }
)
_YIELDING: Final = frozenset({EgressReason.NOT_LISTED, EgressReason.PORT})

# Where a listed name may lead without its addresses being listed: private (RFC 1918, RFC 4193) and shared (RFC 6598).
BUILDING: Final[tuple[Network, ...]] = tuple(
    map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"))
)

METADATA_NAMES: Final = frozenset(
    {
        "instance-data",
        "instance-data.ec2.internal",
        "metadata",
        "metadata.azure.internal",
        "metadata.google.internal",
        "metadata.goog",
        "metadata.packet.net",
        "metadata.platformequinix.com",
        "metadata.tencentyun.com",
    }
)

# From the vendors' pages on instance metadata; those in 169.254.0.0/16 are link-local as well.
_METADATA: Final[tuple[Network, ...]] = tuple(
    map(
        ip_network,
        (
            "169.254.169.254/32",  # AWS, Azure, Google, Oracle, OpenStack, DigitalOcean, Hetzner …
            "169.254.170.0/24",  # AWS: credentials of containers
            "169.254.0.23/32",  # Tencent
            "168.63.129.16/32",  # Azure: host of the machine
            "100.100.100.200/32",  # Alibaba
            "192.0.0.192/32",  # Oracle, classic
            "fd00:ec2::/32",  # AWS
            "fd20:ce::254/128",  # Google
        ),
    )
)
_NAT64: Final = IPv6Network("64:ff9b::/96")  # RFC 6052
_NAT64_LOCAL: Final = IPv6Network("64:ff9b:1::/48")  # RFC 8215; read as /96 below it, the only use met
_COMPATIBLE: Final = IPv6Network("::/96")  # RFC 4291, deprecated
_ISATAP: Final = frozenset({0x00005EFE, 0x02005EFE})  # RFC 5214: the third quarter of the address
_LOW_32_BITS: Final = 0xFFFFFFFF

_MAX_HOST_CHARS: Final = 253  # RFC 1035
_LABEL: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER: Final = re.compile(r"0x[0-9a-f]*|[0-9]+")
_PORT: Final = re.compile(r"[0-9]{1,5}")
_LAST_PORT: Final = 65535


class NotAHostError(ValueError):
    """A text is no host, or not one that every reader understands in the same way.

    Attributes:
        reason: what is wrong with it.
    """

    def __init__(self, reason: EgressReason) -> None:
        super().__init__(str(reason))
        self.reason = reason


def parse_host(text: str) -> Address | str:
    """Return the address or the canonical name (lower case, ASCII, no trailing dot) that a host in a URL means.

    Raises:
        NotAHostError: it cannot be read, or readers differ.

    >>> parse_host("0x7f.1"), parse_host("Dev1.LAN."), parse_host("[::ffff:10.0.0.1]")
    (IPv4Address('127.0.0.1'), 'dev1.lan', IPv6Address('::ffff:a00:1'))
    """
    if text.startswith("["):
        return _parse_ipv6(text.removeprefix("[").removesuffix("]"))
    name = _to_ascii(text)
    if "%" in name:
        raise NotAHostError(EgressReason.MALFORMED)
    name = name.removesuffix(".")
    labels = name.split(".")
    if len(name) > _MAX_HOST_CHARS:
        raise NotAHostError(EgressReason.MALFORMED)
    if _NUMBER.fullmatch(labels[-1]):
        return _parse_ipv4(labels)
    if any(_LABEL.fullmatch(label) is None for label in labels):
        raise NotAHostError(EgressReason.MALFORMED)
    return name


def parse_port(text: str) -> int:
    """Return the port that ASCII digits name.

    Raises:
        NotAHostError: it is none; digits of other scripts are refused, readers differ about them.
    """
    port = int(text) if _PORT.fullmatch(text) else 0
    if not 0 < port <= _LAST_PORT:
        raise NotAHostError(EgressReason.MALFORMED)
    return port


def hidden_address(address: Address) -> IPv4Address | None:
    """Return the IPv4 address that an IPv6 address would be turned into on its way."""
    if not isinstance(address, IPv6Address):
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    number = int(address)
    is_compatible = address in _COMPATIBLE and number > 1  # not :: and ::1
    is_isatap = (number >> 32) & _LOW_32_BITS in _ISATAP
    if is_compatible or is_isatap or address in _NAT64 or address in _NAT64_LOCAL:
        return IPv4Address(number & _LOW_32_BITS)
    return None


def refused_for_good(address: Address) -> EgressReason | None:
    """Return why an address is refused whatever a list says; None when the list decides."""
    if any(address in network for network in _METADATA):
        return EgressReason.METADATA
    if address.is_link_local or (isinstance(address, IPv6Address) and address.is_site_local):
        return EgressReason.LINK_LOCAL
    if address.is_unspecified or (isinstance(address, IPv4Address) and int(address) >> 24 == 0):
        return (
            EgressReason.UNSPECIFIED
        )  # Linux takes all of 0.0.0.0/8 but the first for a mistake, the first for itself
    if address.is_multicast or int(address) == _LOW_32_BITS:
        return EgressReason.MULTICAST
    if isinstance(address, IPv4Address) and address.is_reserved:  # in IPv6 the ranges of tunnels count as reserved
        return EgressReason.RESERVED
    return None


def _to_ascii(text: str) -> str:
    """Return a name as it is looked up; look-alikes become `xn--` names of their own, full-width letters plain ones."""
    if text.isascii():
        return text.lower()
    if len(text) > _MAX_HOST_CHARS:  # the codec takes quadratic time
        raise NotAHostError(EgressReason.MALFORMED)
    try:
        return text.encode("idna").decode("ascii").lower()
    except UnicodeError:
        raise NotAHostError(EgressReason.MALFORMED) from None


def _parse_ipv6(text: str) -> IPv6Address:
    if "%" in text:
        raise NotAHostError(EgressReason.ZONE)
    try:
        return IPv6Address(text)
    except ValueError:
        raise NotAHostError(EgressReason.MALFORMED) from None


def _parse_ipv4(parts: list[str]) -> IPv4Address:
    """Read an address in any writing of inet_aton(3): one to four decimal, octal or hexadecimal numbers."""
    *firsts, last = [_parse_number(part) for part in parts]
    if len(firsts) > 3 or any(first > 0xFF for first in firsts) or last >= 1 << 8 * (4 - len(firsts)):  # noqa: PLR2004 - bytes of an address
        raise NotAHostError(EgressReason.MALFORMED)
    for place, first in enumerate(firsts):
        last += first << 8 * (3 - place)
    return IPv4Address(last)


def _parse_number(text: str) -> int:
    if _NUMBER.fullmatch(text) is None or len(text) > len("0x") + 32:
        raise NotAHostError(EgressReason.MALFORMED)
    try:
        if text.startswith("0x"):
            return int(text, 0)
        return int(text, 8 if text.startswith("0") else 10)
    except ValueError:
        raise NotAHostError(EgressReason.MALFORMED) from None
