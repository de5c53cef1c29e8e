"""The inner form of numbers of machines and things: network addresses, telephones, cars, parcels."""

from __future__ import annotations

import ipaddress
import itertools
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from policies.detectors.national_ids.checksums import digits_of, is_luhn, is_varied, letters_and_digits_of, weighted

_VERSION_LAST = 30  # four numbers up to here are a version far more often than an address
_LOWEST_MACHINE_NETWORK = 5  # and so are those that begin with 0 to 4, unless they end high
_HIGH = 50
_WELL_KNOWN = frozenset({"8.8.8.8", "8.8.4.4", "9.9.9.9"})  # resolvers that people do paste
_MASK_FIRST = 224  # multicast, reserved and masks
_IPV6_MIN_COLONS = 3  # fewer are times and ratios; `fe80::1` and `2001:db8::1` have a group of their own
_IPV6_LONGEST_MIN = 3  # `7:6:5:4:3:2:1:0` counts
_WIDE_IPV4_BITS = 16  # of so few network bits, a network tells of no machine and hardly of a company
_WIDE_IPV6_BITS = 48
_IPV6_PREFIXES = ("2", "3", "fc", "fd", "fe8", "fe9", "fea", "feb")  # IANA, what is given out, and the local ones
_VIN_VALUES = dict(
    zip(
        "0123456789ABCDEFGHJKLMNPRSTUVWXYZ", [*range(10), *range(1, 9), 1, 2, 3, 4, 5, 7, 9, *range(2, 10)], strict=True
    )
)
_VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
_MONTHS_AND_UNITS_LIST = (
    "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC B KB MB GB TB HZ KHZ MHZ GHZ V W A X N AM PM TO AND OR IN ON BY "
    "OF AT "
    "UTC GMT WET CET EET BST IST MSK EST CST MST PST AST EDT CDT MDT PDT ADT JST KST HKT SST NZT"
)
_MONTHS_AND_UNITS = frozenset(_MONTHS_AND_UNITS_LIST.split())
_PRODUCTS = frozenset({"HP-UX", "BY-SA", "BY-NC", "BY-ND", "X-UA", "UTF-X", "RS-X"})
_MAC_MIN_DIFFERENT = 3
_IMEI_DIGITS = 15
_FLOATS = re.compile(r"(?:\dE-\d\d-?)+")  # `2E-21-5E-22-4E-21`


# RFC 3849, as manuals count through it; all of it would hide what is made from it to stand for a true one.
_IPV6_COUNTED = ipaddress.IPv6Network("2001:db8::/112")
# RFC 5737: examples, and nobody's machine; RFC 6890: for protocols alone
_DOCUMENTATION = frozenset({(192, 0, 2), (198, 51, 100), (203, 0, 113), (192, 0, 0)})
_HOME = [192, 168]
_HOME_NETWORKS = frozenset({0, 1, 2, 178})  # as routers come out of their boxes
_HOME_ROUTERS = frozenset({1, 254})
_COUNTED_DIGITS = "123456789"  # `12.34.56.78`


def is_ipv4(value: str) -> bool:
    """Tell whether the address could be a machine's: no mask, loopback or multicast, and not likely a version."""
    address, _, prefix = value.partition("/")
    parts = [int(part) for part in address.split(".")]
    if any(part > 255 for part in parts) or (prefix and int(prefix) > 32):  # noqa: PLR2004 - RFC 791, RFC 4632
        return False
    if (
        parts[0] in {0, 127}
        or parts[0] >= _MASK_FIRST
        or any(part[0] == "0" and len(part) > 1 for part in address.split("."))
    ):
        return False
    if tuple(parts[:3]) in _DOCUMENTATION or _is_wide_network(value, _WIDE_IPV4_BITS) or _is_everybodys(parts, prefix):
        return False
    if parts[0] == 10:  # noqa: PLR2004 - RFC 1918
        return parts[1:3] != [0, 0] or parts[3] > 0
    if parts[0] < _LOWEST_MACHINE_NETWORK:
        return max(parts) >= _HIGH
    return max(parts) > _VERSION_LAST or address in _WELL_KNOWN


def _is_everybodys(parts: list[int], prefix: str) -> bool:
    """Tell whether an address is no one's: that of every home's router, of all machines of a network, or made up."""
    is_counted = len(set(parts)) == 1 or _COUNTED_DIGITS.startswith("".join(map(str, parts)))
    if parts[:2] != _HOME:
        return is_counted
    is_router = parts[2] in _HOME_NETWORKS and parts[3] in _HOME_ROUTERS
    return is_router or (not prefix and parts[3] in {0, 255})  # the network itself, and its broadcast


def is_ipv6(value: str) -> bool:
    """Tell whether it is an IPv6 address of some machine (RFC 4291)."""
    bare, _, _ = value.partition("/")
    bare, _, _ = bare.partition("%")
    try:
        address = ipaddress.IPv6Address(bare)
    except ValueError:
        return False
    if address.is_loopback or address.is_unspecified or _is_wide_network(value, _WIDE_IPV6_BITS):
        return False
    if address in _IPV6_COUNTED:
        return False
    if bare.startswith("::") or "." in bare:
        last = bare.rpartition(":")[2]  # RFC 4291, 2.2: an IPv4 address may stand at the end
        return "." in last and is_ipv4(last)
    has_digit = any(c.isdigit() for c in bare)
    if max(map(len, bare.split(":"))) < _IPV6_LONGEST_MIN:
        return False
    return has_digit and (bare.count(":") >= _IPV6_MIN_COLONS + 4 or bare.lower().startswith(_IPV6_PREFIXES))


def _is_wide_network(value: str, most_bits: int) -> bool:
    """Tell whether it is a whole network such as `10.20.0.0/16`, and none of its machines."""
    try:
        network = ipaddress.ip_network(value)  # strict: refuses what has bits of a machine
    except ValueError:
        return False
    return "/" in value and network.prefixlen <= most_bits


def is_mac(value: str) -> bool:
    """Tell whether the address is some machine's: not all alike, no counting example (IEEE 802)."""
    number = letters_and_digits_of(value)
    pairs = {number[place : place + 2] for place in range(0, 12, 2)}
    if _FLOATS.fullmatch(value):
        return False
    octets = [int(number[place : place + 2], 16) for place in range(0, len(number), 2)]
    steps = [after - before for before, after in itertools.pairwise(octets)]
    if max(map(steps.count, steps)) >= len(steps) - 1:
        return False  # `00:11:22:33:44:55`, `00:1a:2b:3c:4d:5e`
    is_dotted = "." in value  # three groups with points are collation keys and versions, too
    return len(pairs) >= _MAC_MIN_DIFFERENT and (not is_dotted or sum(c.isalpha() for c in value) > 2)  # noqa: PLR2004


def is_imei(value: str) -> bool:
    """Check an IMEI: Luhn over fifteen digits; the sixteen with a version of software have none (3GPP TS 23.003)."""
    digits = digits_of(value)
    return is_varied(digits) and (len(digits) > _IMEI_DIGITS or is_luhn("".join(map(str, digits))))


def is_iccid(value: str) -> bool:
    """Check the number of a SIM card: 89 in front; nineteen digits end by Luhn (ITU-T E.118)."""
    digits = digits_of(value)
    return digits[:2] == [8, 9] and (len(digits) in {18, 19, 20}) and is_varied(digits[2:])


def is_vin(value: str) -> bool:
    """Check a vehicle identification number: the ninth character by modulus 11 (49 CFR 565)."""
    number = value.upper()
    total = sum(_VIN_VALUES[c] * w for c, w in zip(number, _VIN_WEIGHTS, strict=True))
    return "0123456789X"[total % 11] == number[8] and is_vin_form(value)


def is_vin_form(value: str) -> bool:
    """Tell whether letters and digits are mixed as in a vehicle identification number (ISO 3779)."""
    return sum(c.isdigit() for c in value) >= 4 and sum(c.isalpha() for c in value) >= 2  # noqa: PLR2004


def is_telephone_or_sim(value: str) -> bool:
    """Check an IMEI or the number of a SIM card that no word announces: both end by Luhn."""
    if len(digits_of(value)) == _IMEI_DIGITS:
        return is_imei(value)
    return is_iccid(value) and is_luhn("".join(map(str, digits_of(value)[:19])))


def is_serial_number(value: str) -> bool:
    """Tell whether letters and digits are mixed as makers of devices do, and it is no number in hex."""
    number = letters_and_digits_of(value)
    letters, digits = sum(c.isalpha() for c in number), sum(c.isdigit() for c in number)
    is_standard = number.startswith(("RFC", "ISO")) and number[3:].isdecimal()
    return letters > 0 and digits > 1 and not is_standard and not set(number) <= set("0123456789ABCDEF")


def is_plate(value: str) -> bool:
    """Tell whether letters and digits are mixed as on a licence plate, or digits enough are grouped."""
    letters, digits = sum(c.isalpha() for c in value), sum(c.isdigit() for c in value)
    is_written = value.upper() == value or value.isalnum()  # words in small letters are the rest of a sentence
    return is_written and 4 <= letters + digits <= 10 and digits > 0 and (letters > 0 or digits >= 5)  # noqa: PLR2004


def is_plate_of_other_letters(value: str) -> bool:
    """Tell whether three digits at least stand on a plate, and it is no year alone."""
    digits = sum(c.isdigit() for c in value)
    return digits > 4 or (digits > 1 and not value.isdigit())  # noqa: PLR2004 - four alone are a year


def is_plate_no_date(value: str) -> bool:
    """Tell whether the letters between two numbers are neither a month nor a unit."""
    return value.split()[1] not in _MONTHS_AND_UNITS


def is_plate_no_product(value: str) -> bool:
    """Tell whether the letters are no product or licence that has a number behind it: `HP-UX 11`, `BY-SA 40`."""
    return value.split(maxsplit=1)[0] not in _PRODUCTS


def is_ups_tracking(value: str) -> bool:
    """Check a UPS tracking number: letters by their place, odd and doubled even digits, modulus 10."""
    body = letters_and_digits_of(value)[2:]
    values = [int(c) if c.isdigit() else (ord(c) - 63) % 10 for c in body]
    return (sum(values[0:15:2]) + 2 * sum(values[1:15:2])) % 10 == (10 - values[15]) % 10


def is_postal_tracking(value: str) -> bool:
    """Check an S10 number of the Universal Postal Union: weights 8, 6, 4, 2, 3, 5, 9, 7."""
    digits = digits_of(value)
    check = 11 - weighted(digits, (8, 6, 4, 2, 3, 5, 9, 7)) % 11
    return digits[8] == {10: 0, 11: 5}.get(check, check)


CHECKS: Mapping[str, Callable[[str], bool]] = MappingProxyType(
    {
        "ipv4": is_ipv4,
        "ipv6": is_ipv6,
        "mac": is_mac,
        "imei": is_imei,
        "iccid": is_iccid,
        "telephone-or-sim": is_telephone_or_sim,
        "serial-number": is_serial_number,
        "vin": is_vin,
        "vin-form": is_vin_form,
        "plate": is_plate,
        "plate-of-other-letters": is_plate_of_other_letters,
        "plate-no-date": is_plate_no_date,
        "plate-no-product": is_plate_no_product,
        "ups-tracking": is_ups_tracking,
        "postal-tracking": is_postal_tracking,
    }
)
