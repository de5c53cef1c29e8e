"""Makers of personal values with a check digit or a fixed structure, written from the published standards alone.

Every maker is registered under its own name and is called by `{=name}` in `personal.txt`.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import random
import re
from collections.abc import Callable, Iterable, Sequence
from ipaddress import IPv4Address

from tests.data.guard.shapes import draw, fill

Maker = Callable[[random.Random], str]

MAKERS: dict[str, Maker] = {}
"""The makers by the name that stands in `{=name}`."""

ALNUM = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
RIPPLE58 = "rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz"
BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def maker(function: Maker) -> Maker:
    """Register a maker under its name."""
    MAKERS[function.__name__] = function
    return function


# --- arithmetic shared by many standards -----------------------------------------------------------------------------


def weigh(digits: str, weights: Iterable[int]) -> int:
    """Sum the digits, each times its weight."""
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True))


def luhn(digits: str) -> str:
    """Compute the check digit of ISO/IEC 7812-1 annex B (Luhn)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 if place % 2 else 2)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def mod_11_10(digits: str) -> str:
    """Compute the check digit of ISO/IEC 7064 MOD 11,10."""
    rest = 10
    for digit in digits:
        rest = (rest + int(digit)) % 10 or 10
        rest = rest * 2 % 11
    return str((11 - rest) % 10)


_DIHEDRAL = (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
    "5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
)  # fmt: skip
_PERMUTED = (
    "0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901", "2793806415", "7046913258",
)  # fmt: skip


def verhoeff(digits: str) -> str:
    """Compute the check digit of Verhoeff's scheme of the dihedral group D5 (1969)."""
    state = 0
    for place, digit in enumerate(reversed(digits), start=1):
        state = int(_DIHEDRAL[state][int(_PERMUTED[place % 8][int(digit)])])
    return str(_DIHEDRAL[state].index("0"))


def icao(text: str) -> str:
    """Compute the check digit of ICAO 9303 (weights 7, 3, 1; letters from A = 10)."""
    return str(sum(ALNUM.index(sign) * (7, 3, 1)[place % 3] for place, sign in enumerate(text)) % 10)


def as_number(text: str) -> int:
    """Read letters as two digits from A = 10, as ISO/IEC 7064 MOD 97-10 does for IBANs."""
    return int("".join(str(ALNUM.index(sign)) for sign in text))


def group(text: str, sizes: Sequence[int], separator: str = " ") -> str:
    """Cut a value into groups; what is left makes groups of the last size."""
    parts, rest = [], text
    sizes = list(sizes)
    while rest:
        size = sizes.pop(0) if len(sizes) > 1 else sizes[0]
        parts.append(rest[:size])
        rest = rest[size:]
    return separator.join(parts)


def born(rng: random.Random, first: int = 1945, last: int = 2004) -> dt.date:
    """Draw a day of birth."""
    return dt.date(first, 1, 1) + dt.timedelta(days=rng.randrange((last - first + 1) * 365))


def until(rng: random.Random, draft: Callable[[random.Random], str | None]) -> str:
    """Draw until the scheme has a check digit for the draft."""
    while True:
        value = draft(rng)
        if value is not None:
            return value


def number(rng: random.Random, length: int) -> str:
    """Draw a number of that many digits that does not begin with a zero."""
    return draw(rng, "nz", 1) + draw(rng, "dig", length - 1)


# --- people, places, days --------------------------------------------------------------------------------------------


@maker
def given(rng: random.Random) -> str:
    """Draw a given name in ASCII lower case (RFC 5321 local parts)."""
    return rng.choice(
        [
            "annika",
            "tobias",
            "mireille",
            "joao",
            "katarzyna",
            "henrik",
            "siobhan",
            "yusuf",
            "priya",
            "mateo",
            "chiara",
            "oleksandr",
            "wanjiru",
            "haruka",
            "leandro",
            "ingrid",
            "florian",
            "beatriz",
            "zsofia",
            "emeka",
            "dilara",
            "rasmus",
            "noemie",
            "patrick",
            "solveig",
            "tamara",
            "kwame",
            "lucinda",
        ]
    )


@maker
def family(rng: random.Random) -> str:
    """Draw a family name in ASCII lower case (RFC 5321 local parts)."""
    return rng.choice(
        [
            "brandt",
            "kowalczyk",
            "lindqvist",
            "moreau",
            "pereira",
            "okafor",
            "yamamoto",
            "fitzgerald",
            "horvath",
            "deshpande",
            "ruiz",
            "vandenberg",
            "castellani",
            "oyelaran",
            "mcallister",
            "tanaka",
            "gruber",
            "novotny",
            "haddad",
            "kaya",
            "sandoval",
            "achterberg",
            "whitcombe",
            "lefebvre",
            "jokinen",
            "zimmermann",
            "balogun",
            "petrescu",
        ]
    )


@maker
def Given(rng: random.Random) -> str:  # noqa: N802 - the name tells what is drawn
    """Draw a given name with a capital (no standard; plain use)."""
    return given(rng).capitalize()


@maker
def Family(rng: random.Random) -> str:  # noqa: N802 - the name tells what is drawn
    """Draw a family name with a capital (no standard; plain use)."""
    return family(rng).capitalize()


@maker
def host(rng: random.Random) -> str:
    """Draw a registrable domain name of the form of RFC 1035."""
    stem = rng.choice(("nord", "alpen", "rivo", "clear", "sand", "ober", "luma", "vent", "kupfer", "haven", "tri"))
    tail = rng.choice(("werk", "tec", "logistik", "care", "studio", "bau", "line", "foods", "med", "soft", "labs"))
    return f"{stem}{tail}{draw(rng, 'low', 2)}"


@maker
def day_iso(rng: random.Random) -> str:
    """Make a day of birth as ISO 8601 writes it."""
    return born(rng).isoformat()


@maker
def day_dots(rng: random.Random) -> str:
    """Make a day of birth as DIN 1355 writes it (day.month.year)."""
    return born(rng).strftime("%d.%m.%Y")


@maker
def day_slash(rng: random.Random) -> str:
    """Make a day of birth as France, Spain, Brazil and the UK write it (CLDR short date, day first)."""
    return born(rng).strftime("%d/%m/%Y")


@maker
def day_us(rng: random.Random) -> str:
    """Make a day of birth as the United States write it (CLDR en-US short date)."""
    return born(rng).strftime("%m/%d/%Y")


@maker
def day_en(rng: random.Random) -> str:
    """Make a day of birth with the month as an English word (CLDR en-GB long date)."""
    day = born(rng)
    months = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ]
    return f"{day.day} {months[day.month - 1]} {day.year}"


@maker
def day_cjk(rng: random.Random) -> str:
    """Make a day of birth as Japan and China write it (CLDR ja/zh long date)."""
    day = born(rng)
    return f"{day.year}年{day.month}月{day.day}日"


@maker
def exchange(rng: random.Random) -> str:
    """Make the exchange of a North American number (NANP: NXX, never N11, never 555)."""
    return until(
        rng, lambda r: code if (code := f"{r.randint(2, 9)}{draw(r, 'dig', 2)}")[1:] not in ("11", "55") else None
    )


@maker
def lat(rng: random.Random) -> str:
    """Make a latitude of decimal degrees (ISO 6709) between 36 and 59 north."""
    return f"{rng.uniform(36, 59):.6f}"


@maker
def lon(rng: random.Random) -> str:
    """Make a longitude of decimal degrees (ISO 6709) between 2 and 24 east."""
    return f"{rng.uniform(2, 24):.6f}"


@maker
def ipv4(rng: random.Random) -> str:
    """Make a global unicast IPv4 address (RFC 791, RFC 6890)."""

    def draft(rng: random.Random) -> str | None:
        address = IPv4Address(rng.getrandbits(32))
        return str(address) if address.is_global and not address.is_multicast else None

    return until(rng, draft)


@maker
def ipv6(rng: random.Random) -> str:
    """Make a global unicast IPv6 address in the form of RFC 5952."""
    words = [rng.randrange(0x1000, 0x10000) for _ in range(6)]
    return f"2a0{rng.choice('0123')}:" + ":".join(f"{word:x}" for word in words) + f":{rng.randrange(1, 0x1000):x}"


@maker
def mac(rng: random.Random) -> str:
    """Make a universally administered unicast MAC address (IEEE 802, EUI-48)."""
    first = rng.randrange(64) * 4
    return ":".join(f"{octet:02x}" for octet in (first, *(rng.randrange(256) for _ in range(5))))


# --- devices, vehicles, parcels --------------------------------------------------------------------------------------


@maker
def imei(rng: random.Random) -> str:
    """Make an IMEI (3GPP TS 23.003: TAC of reporting body 35, serial number, Luhn digit)."""
    body = "35" + draw(rng, "dig", 12)
    return body + luhn(body)


@maker
def imsi(rng: random.Random) -> str:
    """Make an IMSI (ITU-T E.212: MCC, MNC, MSIN) of a European network."""
    return rng.choice(("26201", "26202", "20801", "23410", "22201", "21403", "23205", "26006")) + draw(rng, "dig", 10)


@maker
def iccid(rng: random.Random) -> str:
    """Make an ICCID of 19 digits (ITU-T E.118: 89, country, issuer, number, Luhn digit)."""
    body = "89" + rng.choice(("4902", "3301", "4410", "3901", "3403", "4301")) + draw(rng, "dig", 12)
    return body + luhn(body)


_VIN = dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ0123456789", map(int, "123456781234579234567890123456789"), strict=True))


def vin_check(vin: str) -> str:
    """Compute the ninth place of a VIN (49 CFR 565.15)."""
    weights = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
    return "0123456789X"[sum(_VIN[sign] * weight for sign, weight in zip(vin, weights, strict=True)) % 11]


@maker
def vin(rng: random.Random) -> str:
    """Make a VIN (ISO 3779, with the check digit of 49 CFR 565.15)."""
    signs = "ABCDEFGHJKLMNPRSTUVWXYZ0123456789"
    head = rng.choice(("WVW", "WBA", "VF1", "ZFA", "1FT", "5YJ", "JTD", "KMH", "VSS", "TMB"))
    body = head + "".join(rng.choices(signs, k=5)) + "0" + rng.choice("LMNPRSTV") + rng.choice(signs[:23])
    body += draw(rng, "dig", 6)
    return body[:8] + vin_check(body) + body[9:]


def s10_check(digits: str) -> str:
    """Compute the check digit of UPU S10."""
    rest = 11 - weigh(digits, (8, 6, 4, 2, 3, 5, 9, 7)) % 11
    return {10: "0", 11: "5"}.get(rest, str(rest))


@maker
def s10(rng: random.Random) -> str:
    """Make a postal item identifier (UPU S10)."""
    body = draw(rng, "dig", 8)
    return f"R{rng.choice('ABCEGR')}{body}{s10_check(body)}{rng.choice(('DE', 'GB', 'FR', 'CN', 'NL', 'SE', 'JP'))}"


def ups_check(text: str) -> str:
    """Compute the last digit of a UPS 1Z number (letters from A = 2, every second place twice)."""
    values = [int(sign) if sign.isdigit() else (ord(sign) - 63) % 10 for sign in text]
    return str(-(sum(values[0::2]) + 2 * sum(values[1::2])) % 10)


@maker
def ups(rng: random.Random) -> str:
    """Make a UPS tracking number (UPS's 1Z format: shipper, service, package, check digit)."""
    body = draw(rng, "UD", 6) + rng.choice(("01", "03", "12", "68")) + draw(rng, "dig", 7)
    return f"1Z{body}{ups_check(body)}"


@maker
def usps(rng: random.Random) -> str:
    """Make a USPS tracking number (Publication 199, Intelligent Mail package barcode, mod 10 with weights 3 and 1)."""
    body = rng.choice(("9400", "9205", "9361")) + draw(rng, "dig", 17)
    return body + gs1_check(body)


def gs1_check(digits: str) -> str:
    """Compute the check digit of the GS1 General Specifications (weights 3 and 1 from the right)."""
    return str(-sum(int(d) * (1 if place % 2 else 3) for place, d in enumerate(reversed(digits))) % 10)


# --- money -----------------------------------------------------------------------------------------------------------


def card(name: str, prefixes: str, length: int, sizes: Sequence[int], separator: str = "") -> None:
    """Register a maker of cards of one network."""
    heads = prefixes.split()

    def make(rng: random.Random) -> str:
        """Make a payment card number (ISO/IEC 7812: issuer's range, account, Luhn digit)."""
        head = rng.choice(heads)
        body = head + draw(rng, "dig", length - 1 - len(head))
        return group(body + luhn(body), sizes, separator)

    make.__name__ = name
    MAKERS[name] = make


for _name, _prefixes, _length, _sizes in (
    ("visa", "40 41 43 44 45 46 47 48 49", 16, (4,)),
    ("mastercard", "51 52 53 54 55 2231 2345 2512 2699", 16, (4,)),
    ("amex", "34 37", 15, (4, 6, 5)),
    ("discover", "6011 644 645 649 65", 16, (4,)),
    ("diners", "36 300 301 305 38", 14, (4, 6, 4)),
    ("jcb", "3528 3540 3566 3589", 16, (4,)),
    ("unionpay", "6200 6212 6217 6228", 16, (4,)),
    ("unionpay19", "6212 6217 6228", 19, (4,)),
    ("maestro", "5018 5020 5038 6304 6759 6761", 16, (4,)),
    ("mir", "2200 2201 2202 2204", 16, (4,)),
    ("rupay", "6521 6522 8172 5085", 16, (4,)),
    ("elo", "636368 504175 438935", 16, (4,)),
    ("hipercard", "606282", 16, (4,)),
    ("troy", "9792", 16, (4,)),
    ("verve", "506099 506100 506197", 16, (4,)),
    ("dankort", "5019", 16, (4,)),
):
    card(_name, _prefixes, _length, _sizes)
    card(f"{_name}_spaced", _prefixes, _length, _sizes, " ")
    card(f"{_name}_dashed", _prefixes, _length, _sizes, "-")


def iban_of(country: str, bban: str) -> str:
    """Put the country and the check digits of ISO 13616 (MOD 97-10) before a BBAN."""
    return f"{country}{98 - as_number(bban + country + '00') % 97:02}{bban}"


def _bban_be(rng: random.Random) -> str:
    body = number(rng, 10)
    return f"{body}{int(body) % 97 or 97:02}"


def _bban_es(rng: random.Random) -> str:
    bank, account = rng.choice(("2100", "0049", "0182", "2085")) + draw(rng, "dig", 4), draw(rng, "dig", 10)
    weights = (1, 2, 4, 8, 5, 10, 9, 7, 3, 6)
    checks = ""
    for part in ("00" + bank, account):
        rest = 11 - weigh(part, weights) % 11
        checks += {10: "1", 11: "0"}.get(rest, str(rest))
    return bank + checks + account


def _bban_fr(rng: random.Random) -> str:
    bank, branch, account = number(rng, 5), draw(rng, "dig", 5), draw(rng, "dig", 11)
    return f"{bank}{branch}{account}{97 - (89 * int(bank) + 15 * int(branch) + 3 * int(account)) % 97:02}"


def _bban_no(rng: random.Random) -> str:
    def draft(rng: random.Random) -> str | None:
        body = number(rng, 10)
        check = -weigh(body, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
        return f"{body}{check}" if check < 10 else None

    return until(rng, draft)


def _bban_fi(rng: random.Random) -> str:
    body = rng.choice(("1", "2", "5", "8")) + draw(rng, "dig", 12)
    return body + luhn(body)


def _shape(shape: str) -> Maker:
    return lambda rng: fill(shape, rng)


_BBANS: dict[str, Maker] = {
    "BE": _bban_be, "ES": _bban_es, "FR": _bban_fr, "NO": _bban_no, "FI": _bban_fi,
    "DE": _shape("{nz:1}{dig:17}"), "AT": _shape("{nz:1}{dig:15}"), "CH": _shape("0{nz:1}{dig:15}"),
    "LI": _shape("088{dig:14}"), "NL": _shape("{ABNA/INGB/RABO/TRIO}0{dig:9}"), "LU": _shape("0{dig:15}"),
    "GB": _shape("{BARC/NWBK/LOYD/MIDL}{dig:14}"), "IE": _shape("{AIBK/BOFI/IPBS}{dig:14}"),
    "PT": _shape("00{dig:19}"), "IT": _shape("{UP:1}0{dig:9}{dig:12}"), "GR": _shape("0{dig:22}"),
    "CY": _shape("00{dig:22}"), "MT": _shape("{UP:4}{dig:5}{dig:18}"), "PL": _shape("{nz:1}{dig:23}"),
    "CZ": _shape("0{dig:19}"), "SK": _shape("{nz:1}{dig:19}"), "HU": _shape("1{dig:23}"),
    "RO": _shape("{BTRL/RNCB/INGB/BRDE}{UD:16}"), "BG": _shape("{UNCR/STSA/BPBI}{dig:6}{dig:8}"),
    "SE": _shape("{nz:1}{dig:19}"), "DK": _shape("{nz:1}{dig:13}"), "EE": _shape("22{dig:14}"),
    "LV": _shape("{HABA/UNLA/PARX}{dig:13}"), "LT": _shape("7{dig:15}"), "HR": _shape("2{dig:16}"),
    "TR": _shape("000{dig:2}0{dig:16}"), "SA": _shape("{80/10/05}{dig:18}"), "AE": _shape("0{dig:18}"),
    "IL": _shape("01{dig:17}"), "BR": _shape("00000000{dig:5}{dig:10}{C/P}1"), "UA": _shape("3{dig:5}{dig:19}"),
}  # fmt: skip


def _iban(country: str, bban: Maker, *, spaced: bool) -> None:
    def make(rng: random.Random) -> str:
        """Make an IBAN (ISO 13616, the country's BBAN of the SWIFT IBAN registry)."""
        return group(iban_of(country, bban(rng)), (4,), " " if spaced else "")

    name = f"iban_{country.lower()}" + "_spaced" * spaced
    make.__name__ = name
    MAKERS[name] = make


for _country, _bban in _BBANS.items():
    _iban(_country, _bban, spaced=False)
    _iban(_country, _bban, spaced=True)


def aba_check(digits: str) -> str:
    """Compute the check digit of an ABA routing number (weights 3, 7, 1)."""
    return str(-weigh(digits, (3, 7, 1, 3, 7, 1, 3, 7)) % 10)


@maker
def aba(rng: random.Random) -> str:
    """Make a US routing number (ABA routing number policy: Federal Reserve district, weights 3, 7, 1)."""
    body = rng.choice(("01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11", "12", "31", "32"))
    body += draw(rng, "dig", 6)
    return body + aba_check(body)


def clabe_check(digits: str) -> str:
    """Compute the check digit of a Mexican CLABE (each product mod 10, weights 3, 7, 1)."""
    return str(-sum(int(d) * (3, 7, 1)[place % 3] % 10 for place, d in enumerate(digits)) % 10)


@maker
def clabe(rng: random.Random) -> str:
    """Make a Mexican CLABE (Banco de México: bank, place, account, check digit)."""
    body = rng.choice(("002180", "012320", "014580", "072910")) + draw(rng, "dig", 11)
    return body + clabe_check(body)


def base58(data: bytes, alphabet: str = BASE58) -> str:
    """Write bytes in base 58, leading zeros as the first sign."""
    value, text = int.from_bytes(data, "big"), ""
    while value:
        value, rest = divmod(value, 58)
        text = alphabet[rest] + text
    return alphabet[0] * (len(data) - len(data.lstrip(b"\0"))) + text


def base58check(data: bytes, alphabet: str = BASE58) -> str:
    """Write bytes with four bytes of double SHA-256 behind (Base58Check)."""
    return base58(data + hashlib.sha256(hashlib.sha256(data).digest()).digest()[:4], alphabet)


def bech32(prefix: str, values: Sequence[int], constant: int) -> str:
    """Write five-bit values with the checksum of BIP 173 (constant 1) or BIP 350."""

    def polymod(items: Iterable[int]) -> int:
        state = 1
        for item in items:
            top = state >> 25
            state = (state & 0x1FFFFFF) << 5 ^ item
            for place, part in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
                state ^= part if top >> place & 1 else 0
        return state

    head = [ord(sign) >> 5 for sign in prefix] + [0] + [ord(sign) & 31 for sign in prefix]
    rest = polymod([*head, *values, 0, 0, 0, 0, 0, 0]) ^ constant
    return f"{prefix}1" + "".join(BECH32[value] for value in (*values, *(rest >> 5 * (5 - i) & 31 for i in range(6))))


def five_bits(data: bytes) -> list[int]:
    """Cut bytes into values of five bits, padded with zeros at the end."""
    bits = "".join(f"{byte:08b}" for byte in data)
    return [int(bits[at : at + 5].ljust(5, "0"), 2) for at in range(0, len(bits), 5)]


@maker
def btc_legacy(rng: random.Random) -> str:
    """Make a Bitcoin P2PKH address (Base58Check, version 0)."""
    return base58check(b"\0" + rng.randbytes(20))


@maker
def btc_script(rng: random.Random) -> str:
    """Make a Bitcoin P2SH address (BIP 13, version 5)."""
    return base58check(b"\5" + rng.randbytes(20))


@maker
def btc_segwit(rng: random.Random) -> str:
    """Make a Bitcoin P2WPKH address (BIP 173)."""
    return bech32("bc", [0, *five_bits(rng.randbytes(20))], 1)


@maker
def btc_taproot(rng: random.Random) -> str:
    """Make a Bitcoin taproot address (BIP 350)."""
    return bech32("bc", [1, *five_bits(rng.randbytes(32))], 0x2BC830A3)


@maker
def ltc(rng: random.Random) -> str:
    """Make a Litecoin segwit address (BIP 173 with prefix ltc)."""
    return bech32("ltc", [0, *five_bits(rng.randbytes(20))], 1)


@maker
def doge(rng: random.Random) -> str:
    """Make a Dogecoin address (Base58Check, version 30)."""
    return base58check(b"\x1e" + rng.randbytes(20))


@maker
def tron(rng: random.Random) -> str:
    """Make a TRON address (Base58Check, version 0x41)."""
    return base58check(b"\x41" + rng.randbytes(20))


@maker
def xrp(rng: random.Random) -> str:
    """Make an XRP Ledger classic address (Base58Check with the XRPL dictionary, type 0)."""
    return base58check(b"\0" + rng.randbytes(20), RIPPLE58)


@maker
def ada(rng: random.Random) -> str:
    """Make a Cardano base address of the main network (CIP 19, bech32 with prefix addr)."""
    return bech32("addr", five_bits(b"\x01" + rng.randbytes(56)), 1)


@maker
def sol(rng: random.Random) -> str:
    """Make a Solana address (32 bytes in base 58)."""
    return until(rng, lambda r: text if len(text := base58(r.randbytes(32))) == 44 else None)


# --- North America ---------------------------------------------------------------------------------------------------


@maker
def ssn(rng: random.Random) -> str:
    """Make a US social security number (SSA: area not 000, 666, 9xx; group not 00; serial not 0000)."""
    area = until(rng, lambda r: f"{value:03}" if (value := r.randint(1, 899)) != 666 else None)
    return f"{area}-{rng.randint(1, 99):02}-{rng.randint(1, 9999):04}"


@maker
def itin(rng: random.Random) -> str:
    """Make a US ITIN (IRS: 9xx and a group of 50-65, 70-88, 90-92 or 94-99)."""
    middle = rng.choice([*range(50, 66), *range(70, 89), *range(90, 93), *range(94, 100)])
    return f"9{draw(rng, 'dig', 2)}-{middle}-{draw(rng, 'dig', 4)}"


@maker
def ein(rng: random.Random) -> str:
    """Make a US EIN (IRS: campus prefix and seven digits)."""
    return f"{rng.choice(('20', '26', '27', '38', '45', '47', '58', '81', '82', '85', '92'))}-{draw(rng, 'dig', 7)}"


@maker
def mbi(rng: random.Random) -> str:
    """Make a US Medicare Beneficiary Identifier (CMS: C A AN N A AN N A A N N without S, L, O, I, B, Z)."""
    letters = "ACDEFGHJKMNPQRTUVWXY"
    either = letters + "0123456789"
    pick = rng.choice
    first = draw(rng, "nz", 1) + pick(letters) + pick(either) + draw(rng, "dig", 1)
    second = pick(letters) + pick(either) + draw(rng, "dig", 1)
    return f"{first}-{second}-{pick(letters)}{pick(letters)}{draw(rng, 'dig', 2)}"


@maker
def npi(rng: random.Random) -> str:
    """Make a US NPI (45 CFR 162.406: Luhn digit over the prefix 80840)."""
    body = rng.choice("12") + draw(rng, "dig", 8)
    return body + luhn("80840" + body)


@maker
def dea(rng: random.Random) -> str:
    """Make a US DEA registration number (DEA: two letters, six digits, check digit)."""
    body = draw(rng, "dig", 6)
    return f"{rng.choice('ABFM')}{draw(rng, 'UP', 1)}{body}{weigh(body, (1, 2, 1, 2, 1, 2)) % 10}"


@maker
def sin(rng: random.Random) -> str:
    """Make a Canadian SIN (ESDC: nine digits, Luhn)."""
    body = rng.choice("1234567") + draw(rng, "dig", 7)
    return body + luhn(body)


@maker
def ohip(rng: random.Random) -> str:
    """Make an Ontario health card number with version code (Ministry of Health: ten digits, Luhn)."""
    body = draw(rng, "nz", 1) + draw(rng, "dig", 8)
    return f"{group(body + luhn(body), (4, 3, 3), '-')}-{''.join(rng.choices('ABCDEFGHJKMNPRTVWXY', k=2))}"


def bc_phn_check(digits: str) -> int:
    """Compute the check digit of a British Columbia PHN over the digits after the 9."""
    return 11 - weigh(digits, (2, 4, 8, 5, 10, 9, 7, 3)) % 11


@maker
def bc_phn(rng: random.Random) -> str:
    """Make a British Columbia personal health number (MSP: begins with 9, mod 11)."""

    def draft(rng: random.Random) -> str | None:
        body = draw(rng, "dig", 8)
        check = bc_phn_check(body)
        return group(f"9{body}{check}", (4, 3, 3)) if check < 10 else None

    return until(rng, draft)


@maker
def ramq(rng: random.Random) -> str:
    """Make a Québec health insurance number (RAMQ: four letters, YYMM with 50 more for women, DD, two digits)."""
    day, shift = born(rng), rng.choice((0, 50))
    letters = "".join(rng.choices("BCDGLMPRT", k=3)) + draw(rng, "UP", 1)
    return f"{letters} {day:%y}{day.month + shift:02} {day:%d}{draw(rng, 'dig', 2)}"


_CURP = "0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ"


def curp_check(text: str) -> str:
    """Compute the check digit of a Mexican CURP."""
    return str(-sum(_CURP.index(sign) * (18 - place) for place, sign in enumerate(text)) % 10)


@maker
def curp(rng: random.Random) -> str:
    """Make a Mexican CURP (RENAPO: name, day of birth, sex, state, consonants, homonym sign, check digit)."""
    day = born(rng, 1950, 1999)
    consonants = "BCDFGHJKLMNPQRSTVWXYZ"
    text = rng.choice(consonants) + rng.choice("AEIOU") + rng.choice(consonants) + rng.choice("ABCDEFGHJLMNRST")
    text += f"{day:%y%m%d}{rng.choice('HM')}{rng.choice(('DF', 'JC', 'NL', 'PL', 'YN', 'MC', 'OC', 'BC'))}"
    text += "".join(rng.choices(consonants, k=3)) + "0"
    return text + curp_check(text)


_RFC = "0123456789ABCDEFGHIJKLMN&OPQRSTUVWXYZ Ñ"


def rfc_check(text: str) -> str:
    """Compute the last sign of a Mexican RFC."""
    rest = -sum(_RFC.index(sign) * (13 - place) for place, sign in enumerate(text.rjust(12))) % 11
    return "0123456789A"[rest]


@maker
def rfc(rng: random.Random) -> str:
    """Make a Mexican RFC of a person (SAT: name, day of birth, two homonym signs, check sign)."""
    text = rng.choice("BCDFGHLMNPRSTV") + rng.choice("AEIOU") + rng.choice("BCDFGLMPRSTV") + rng.choice("ABCDEFGJLMR")
    text += f"{born(rng):%y%m%d}{draw(rng, 'UD', 2)}"
    return text + rfc_check(text)


# --- United Kingdom and Ireland --------------------------------------------------------------------------------------


@maker
def nhs(rng: random.Random) -> str:
    """Make an NHS number (NHS Data Dictionary: mod 11 with weights 10 to 2)."""

    def draft(rng: random.Random) -> str | None:
        body = rng.choice("4679") + draw(rng, "dig", 8)
        check = -weigh(body, range(10, 1, -1)) % 11
        return group(f"{body}{check}", (3, 3, 4)) if check < 10 else None

    return until(rng, draft)


@maker
def nino(rng: random.Random) -> str:
    """Make a UK national insurance number (HMRC NIM39110)."""
    prefix = until(
        rng,
        lambda r: (
            pair
            if (pair := r.choice("ABCEGHJKLMNOPRSTWXYZ") + r.choice("ABCEGHJKLMNPRSTWXYZ"))
            not in ("BG", "GB", "KN", "NK", "NT", "TN", "ZZ")
            else None
        ),
    )
    return f"{prefix}{draw(rng, 'dig', 6)}{rng.choice('ABCD')}"


@maker
def nino_spaced(rng: random.Random) -> str:
    """Make a UK national insurance number in pairs (HMRC NIM39110)."""
    return group(nino(rng), (2,))


def utr_check(digits: str) -> str:
    """Compute the first digit of a UK UTR over the nine that follow."""
    return "21987654321"[weigh(digits, (6, 7, 8, 9, 10, 5, 4, 3, 2)) % 11]


@maker
def utr(rng: random.Random) -> str:
    """Make a UK unique taxpayer reference (HMRC: modulus 11 with the check digit in front)."""
    body = draw(rng, "dig", 9)
    return utr_check(body) + body


@maker
def dvla(rng: random.Random) -> str:
    """Make a Great Britain driver number (DVLA: surname, decade, month, day, year, initials, three signs)."""
    day, shift = born(rng), rng.choice((0, 50))
    name = family(rng).upper()[:5].ljust(5, "9")
    date = f"{day.year // 10 % 10}{day.month + shift:02}{day:%d}{day.year % 10}"
    return f"{name}{date}{draw(rng, 'UP', 1)}{rng.choice('9ABEJM')}9{draw(rng, 'UP', 2)}"


def pps_check(digits: str, second: str = "") -> str:
    """Compute the letter of an Irish PPS number."""
    total = weigh(digits, range(8, 1, -1)) + 9 * ("WABCDEFGHI".index(second) if second else 0)
    return "WABCDEFGHIJKLMNOPQRSTUV"[total % 23]


@maker
def pps(rng: random.Random) -> str:
    """Make an Irish PPS number (Department of Social Protection: mod 23)."""
    digits, second = draw(rng, "nz", 1) + draw(rng, "dig", 6), rng.choice(("", "A"))
    return digits + pps_check(digits, second) + second


# --- German-speaking countries ---------------------------------------------------------------------------------------


@maker
def steuer_id(rng: random.Random) -> str:
    """Make a German tax identification number (BZSt: one digit twice among ten, ISO/IEC 7064 MOD 11,10)."""
    digits = rng.sample("0123456789", 9)
    digits.insert(rng.randrange(9), rng.choice(digits))
    body = "".join(digits)
    if body[0] == "0":
        return steuer_id(rng)
    return body + mod_11_10(body)


@maker
def steuer_id_spaced(rng: random.Random) -> str:
    """Make a German tax identification number in the groups of the official letter (BZSt)."""
    return group(steuer_id(rng), (2, 3, 3, 3))


@maker
def personalausweis(rng: random.Random) -> str:
    """Make a German identity card number with check digit (PAuswV, ICAO 9303)."""
    body = rng.choice("LMNPRTVWXY") + "".join(rng.choices("CFGHJKLMNPRTVWXYZ0123456789", k=8))
    return body + icao(body)


@maker
def reisepass(rng: random.Random) -> str:
    """Make a German passport number (PassV: C, F, G, H, J or K first, ICAO 9303 letters)."""
    return rng.choice("CFGHJK") + "".join(rng.choices("CFGHJKLMNPRTVWXYZ0123456789", k=7)) + draw(rng, "dig", 1)


@maker
def aufenthaltstitel(rng: random.Random) -> str:
    """Make a German residence permit number (AufenthV: Y first, ICAO 9303 letters without vowels)."""
    return "Y" + "".join(rng.choices("CFGHJKLMNPRTVWXYZ0123456789", k=7)) + draw(rng, "dig", 1)


def rente_check(text: str) -> str:
    """Compute the check digit of a German pension number."""
    digits = text[:8] + f"{ord(text[8]) - 64:02}" + text[9:]
    products = (int(d) * w for d, w in zip(digits, (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1), strict=True))
    return str(sum(product // 10 + product % 10 for product in products) % 10)


@maker
def rente(rng: random.Random) -> str:
    """Make a German pension insurance number (VKVV: area, day of birth, letter, serial, check digit)."""
    area = rng.choice(("02", "10", "13", "15", "24", "38", "50", "53", "65"))
    body = f"{area}{born(rng):%d%m%y}{rng.choice('ABDFGHKLMRSW')}{rng.randint(0, 99):02}"
    return body + rente_check(body)


@maker
def rente_spaced(rng: random.Random) -> str:
    """Make a German pension insurance number in groups (VKVV)."""
    return group(rente(rng), (2, 6, 1, 3))


def kvnr_check(text: str) -> str:
    """Compute the check digit of a German health insurance number."""
    digits = f"{ord(text[0]) - 64:02}" + text[1:]
    products = (int(d) * (1 + place % 2) for place, d in enumerate(digits))
    return str(sum(product // 10 + product % 10 for product in products) % 10)


@maker
def kvnr(rng: random.Random) -> str:
    """Make a German health insurance number (§ 290 SGB V: letter, eight digits, modified Luhn)."""
    body = draw(rng, "UP", 1) + draw(rng, "dig", 8)
    return body + kvnr_check(body)


@maker
def ahv(rng: random.Random) -> str:
    """Make a Swiss AHV number (eCH-0044: 756 and nine digits, EAN-13 check digit)."""
    body = "756" + draw(rng, "dig", 9)
    return group(body + gs1_check(body), (3, 4, 4, 2), ".")


def svnr_check(serial: str, day: str) -> int:
    """Compute the fourth digit of an Austrian social insurance number."""
    return weigh(serial + day, (3, 7, 9, 5, 8, 4, 2, 1, 6)) % 11


@maker
def svnr(rng: random.Random) -> str:
    """Make an Austrian social insurance number (Dachverband: serial, check digit, day of birth)."""

    def draft(rng: random.Random) -> str | None:
        serial, day = str(rng.randint(100, 999)), f"{born(rng):%d%m%y}"
        check = svnr_check(serial, day)
        return f"{serial}{check} {day}" if check < 10 else None

    return until(rng, draft)


# --- Romance countries, Benelux --------------------------------------------------------------------------------------


def nir_key(body: str) -> str:
    """Compute the key of a French NIR."""
    return f"{97 - int(body) % 97:02}"


@maker
def nir(rng: random.Random) -> str:
    """Make a French NIR with key (INSEE: sex, year, month, department, commune, order, key mod 97)."""
    day = born(rng)
    body = f"{rng.choice('12')}{day:%y%m}{rng.randint(21, 95)}{rng.randint(1, 600):03}{rng.randint(1, 999):03}"
    return body + nir_key(body)


@maker
def nir_spaced(rng: random.Random) -> str:
    """Make a French NIR in the groups of the carte Vitale (INSEE)."""
    body = nir(rng)
    return " ".join(body[a:b] for a, b in ((0, 1), (1, 3), (3, 5), (5, 7), (7, 10), (10, 13), (13, 15)))


@maker
def spi(rng: random.Random) -> str:
    """Make a French fiscal number (DGFiP: thirteen digits, the last three the first ten mod 511)."""
    body = rng.choice("0123") + draw(rng, "dig", 9)
    return group(f"{body}{int(body) % 511:03}", (2, 2, 3, 3, 3))


_CF_ODD = dict(
    zip(
        ALNUM,
        (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16,
         10, 22, 25, 24, 23),
        strict=True,
    )
)  # fmt: skip


def cf_check(text: str) -> str:
    """Compute the last letter of an Italian codice fiscale."""
    odd = sum(_CF_ODD[sign] for sign in text[0::2])
    even = sum(int(sign) if sign.isdigit() else ord(sign) - 65 for sign in text[1::2])
    return chr(65 + (odd + even) % 26)


@maker
def codice_fiscale(rng: random.Random) -> str:
    """Make an Italian codice fiscale (DM 23/12/1976)."""
    day, shift = born(rng), rng.choice((0, 40))
    consonants = "BCDFGLMNPRSTVZ"
    body = "".join(rng.choices(consonants, k=6)) + f"{day:%y}{'ABCDEHLMPRST'[day.month - 1]}{day.day + shift:02}"
    body += rng.choice(("H501", "F205", "L219", "A944", "D612", "F839", "G273"))
    return body + cf_check(body)


@maker
def partita_iva(rng: random.Random) -> str:
    """Make an Italian partita IVA (DM 23/12/1976: seven digits, province, Luhn)."""
    body = f"0{draw(rng, 'dig', 6)}{rng.randint(1, 100):03}"
    return body + luhn(body)


_NIF = "TRWAGMYFPDXBNJZSQVHLCKE"


@maker
def nif(rng: random.Random) -> str:
    """Make a Spanish NIF of a person (RD 1553/2005: eight digits, letter mod 23)."""
    body = number(rng, 8)
    return body + _NIF[int(body) % 23]


@maker
def nie(rng: random.Random) -> str:
    """Make a Spanish NIE (Orden INT/2058/2008: X, Y or Z, seven digits, letter mod 23)."""
    first, body = rng.randrange(3), draw(rng, "dig", 7)
    return "XYZ"[first] + body + _NIF[int(f"{first}{body}") % 23]


@maker
def nss_es(rng: random.Random) -> str:
    """Make a Spanish social security number (TGSS: province, eight digits, mod 97)."""
    body = f"{rng.randint(1, 52):02}{number(rng, 8)}"
    return f"{body[:2]}/{body[2:]}/{int(body) % 97:02}"


@maker
def nif_pt(rng: random.Random) -> str:
    """Make a Portuguese NIF of a person (Decreto-Lei 14/2013: mod 11 with weights 9 to 2)."""
    body = rng.choice("12") + draw(rng, "dig", 7)
    check = -weigh(body, range(9, 1, -1)) % 11
    return f"{body}{check if check < 10 else 0}"


def cc_check(text: str) -> str:
    """Compute the last digit of a Portuguese cartão de cidadão number (Luhn with letters from A = 10)."""
    total = 0
    for place, sign in enumerate(reversed(text)):
        value = ALNUM.index(sign) * (1 if place % 2 else 2)
        total += value - 9 if place % 2 == 0 and value > 9 else value
    return str(-total % 10)


@maker
def cartao_cidadao(rng: random.Random) -> str:
    """Make a Portuguese citizen card number (AMA: eight digits, check digit mod 11, version, check digit)."""
    body = number(rng, 8)
    check = -weigh(body, range(9, 1, -1)) % 11
    text = f"{body}{check if check < 10 else 0}{rng.choice(('ZY', 'ZX', 'ZZ', 'ZV'))}"
    return f"{text[:8]} {text[8]} {text[9:]}{cc_check(text)}"


@maker
def bsn(rng: random.Random) -> str:
    """Make a Dutch BSN (Logisch Ontwerp BSN: the eleven test with the last weight -1)."""

    def draft(rng: random.Random) -> str | None:
        body = number(rng, 8)
        check = weigh(body, range(9, 1, -1)) % 11
        return f"{body}{check}" if check < 10 else None

    return until(rng, draft)


def rrn_be_check(body: str, *, millennium: bool) -> str:
    """Compute the last two digits of a Belgian national number."""
    return f"{97 - int(('2' if millennium else '') + body) % 97:02}"


@maker
def rijksregister(rng: random.Random) -> str:
    """Make a Belgian national register number (Royal Decree of 3 April 1984: day of birth, serial, mod 97)."""
    day = born(rng)
    body = f"{day:%y%m%d}{rng.randint(1, 997):03}"
    return f"{day:%y.%m.%d}-{body[6:]}.{rrn_be_check(body, millennium=day.year >= 2000)}"


@maker
def matricule(rng: random.Random) -> str:
    """Make a Luxembourg matricule (law of 19 June 2013: day of birth, serial, Luhn digit, Verhoeff digit)."""
    body = f"{born(rng):%Y%m%d}{rng.randint(1, 999):03}"
    return body + luhn(body) + verhoeff(body)


# --- northern Europe and the Baltic ----------------------------------------------------------------------------------


@maker
def personnummer(rng: random.Random) -> str:
    """Make a Swedish personnummer (SKV 704: day of birth, serial, Luhn digit)."""
    body = f"{born(rng):%y%m%d}{rng.randint(1, 979):03}"
    return f"{body[:6]}-{body[6:]}{luhn(body)}"


def fnr_checks(body: str) -> str | None:
    """Compute the two check digits of a Norwegian number, if it can have them."""
    first = -weigh(body, (3, 7, 6, 1, 8, 9, 4, 5, 2)) % 11
    if first > 9:
        return None
    second = -weigh(f"{body}{first}", (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return f"{first}{second}" if second < 10 else None


@maker
def fodselsnummer(rng: random.Random) -> str:
    """Make a Norwegian fødselsnummer (folkeregisterforskriften § 2-2-3: two mod 11 digits)."""

    def draft(rng: random.Random) -> str | None:
        day = born(rng, 1945, 1999)
        body = f"{day:%d%m%y}{rng.randint(0, 499):03}"
        checks = fnr_checks(body)
        return body + checks if checks else None

    return until(rng, draft)


@maker
def cpr(rng: random.Random) -> str:
    """Make a Danish CPR number (CPR-kontoret: day of birth, serial, mod 11 digit)."""

    def draft(rng: random.Random) -> str | None:
        body = f"{born(rng, 1945, 1999):%d%m%y}{rng.randint(0, 399):03}"
        check = -weigh(body, (4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
        return f"{body[:6]}-{body[6:]}{check}" if check < 10 else None

    return until(rng, draft)


def hetu_check(digits: str) -> str:
    """Compute the last sign of a Finnish henkilötunnus."""
    return "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(digits) % 31]


@maker
def hetu(rng: random.Random) -> str:
    """Make a Finnish henkilötunnus (Valtioneuvoston asetus 128/2010: day of birth, century, serial, mod 31)."""
    day, serial = born(rng), rng.randint(2, 899)
    sign = "A" if day.year >= 2000 else "-"
    return f"{day:%d%m%y}{sign}{serial:03}{hetu_check(f'{day:%d%m%y}{serial:03}')}"


@maker
def kennitala(rng: random.Random) -> str:
    """Make an Icelandic kennitala (Þjóðskrá: day of birth, two digits, mod 11 digit, century)."""

    def draft(rng: random.Random) -> str | None:
        day = born(rng)
        body = f"{day:%d%m%y}{rng.randint(20, 99)}"
        check = -weigh(body, (3, 2, 7, 6, 5, 4, 3, 2)) % 11
        return f"{body[:6]}-{body[6:]}{check}{'0' if day.year >= 2000 else '9'}" if check < 10 else None

    return until(rng, draft)


def baltic_check(body: str) -> str:
    """Compute the check digit of an Estonian or Lithuanian personal code."""
    check = weigh(body, (1, 2, 3, 4, 5, 6, 7, 8, 9, 1)) % 11
    if check == 10:
        check = weigh(body, (3, 4, 5, 6, 7, 8, 9, 1, 2, 3)) % 11 % 10
    return str(check)


@maker
def isikukood(rng: random.Random) -> str:
    """Make an Estonian or Lithuanian personal code (EVS 585: sex and century, day of birth, serial, check digit)."""
    day = born(rng)
    body = f"{rng.choice('56' if day.year >= 2000 else '34')}{day:%y%m%d}{rng.randint(1, 999):03}"
    return body + baltic_check(body)


@maker
def personas_kods(rng: random.Random) -> str:
    """Make a Latvian personas kods (Iedzīvotāju reģistra likums: day of birth, century, serial, check digit)."""

    def draft(rng: random.Random) -> str | None:
        day = born(rng)
        body = f"{day:%d%m%y}{'2' if day.year >= 2000 else '1'}{rng.randint(1, 999):03}"
        check = (1101 - weigh(body, (1, 6, 3, 7, 9, 10, 5, 8, 4, 2))) % 11
        return f"{body[:6]}-{body[6:]}{check}" if check < 10 else None

    return until(rng, draft)


# --- central and south-eastern Europe --------------------------------------------------------------------------------


def pesel_check(body: str) -> str:
    """Compute the check digit of a Polish PESEL."""
    return str(-weigh(body, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3)) % 10)


@maker
def pesel(rng: random.Random) -> str:
    """Make a Polish PESEL (ustawa o ewidencji ludności: day of birth, serial, check digit)."""
    day = born(rng)
    body = f"{day:%y}{day.month + (20 if day.year >= 2000 else 0):02}{day:%d}{draw(rng, 'dig', 4)}"
    return body + pesel_check(body)


@maker
def nip(rng: random.Random) -> str:
    """Make a Polish NIP (ustawa o NIP: mod 11 with weights 6 5 7 2 3 4 5 6 7)."""

    def draft(rng: random.Random) -> str | None:
        body = draw(rng, "nz", 3) + draw(rng, "dig", 6)
        check = weigh(body, (6, 5, 7, 2, 3, 4, 5, 6, 7)) % 11
        return f"{body}{check}" if check < 10 else None

    return until(rng, draft)


@maker
def regon(rng: random.Random) -> str:
    """Make a Polish REGON of nine digits (GUS: mod 11 with weights 8 9 2 3 4 5 6 7)."""
    body = draw(rng, "dig", 8)
    return f"{body}{weigh(body, (8, 9, 2, 3, 4, 5, 6, 7)) % 11 % 10}"


def dowod_check(letters: str, digits: str) -> str:
    """Compute the fourth place of a Polish identity card number."""
    return str(
        (sum(ALNUM.index(s) * w for s, w in zip(letters, (7, 3, 1), strict=True)) + weigh(digits, (7, 3, 1, 7, 3))) % 10
    )


@maker
def dowod(rng: random.Random) -> str:
    """Make a Polish identity card number (MSWiA: three letters, check digit, five digits, ICAO weights)."""
    letters, digits = rng.choice("ACD") + "".join(rng.choices("ABCDEFGHJKLMNPRSTUVWXYZ", k=2)), draw(rng, "dig", 5)
    return f"{letters}{dowod_check(letters, digits)}{digits}"


@maker
def rodne_cislo(rng: random.Random) -> str:
    """Make a Czech or Slovak rodné číslo (zákon 133/2000 Sb.: day of birth, serial, divisible by 11)."""

    def draft(rng: random.Random) -> str | None:
        day, shift = born(rng, 1954, 2003), rng.choice((0, 50))
        body = f"{day:%y}{day.month + shift:02}{day:%d}{rng.randint(1, 999):03}"
        check = int(body) % 11
        return f"{body[:6]}/{body[6:]}{check}" if check < 10 else None

    return until(rng, draft)


@maker
def adoazonosito(rng: random.Random) -> str:
    """Make a Hungarian tax identification number (1996. évi XX. törvény: 8, nine digits, mod 11)."""

    def draft(rng: random.Random) -> str | None:
        body = f"8{rng.randint(28000, 49000)}{draw(rng, 'dig', 3)}"
        check = weigh(body, range(1, 10)) % 11
        return f"{body}{check}" if check < 10 else None

    return until(rng, draft)


@maker
def taj(rng: random.Random) -> str:
    """Make a Hungarian TAJ number (1996. évi XX. törvény: weights 3 and 7, mod 10)."""
    body = draw(rng, "dig", 8)
    return group(f"{body}{weigh(body, (3, 7) * 4) % 10}", (3,))


def cnp_check(body: str) -> str:
    """Compute the check digit of a Romanian CNP."""
    return str(weigh(body, (2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9)) % 11).replace("10", "1")


@maker
def cnp(rng: random.Random) -> str:
    """Make a Romanian CNP (OUG 97/2005: sex and century, day of birth, county, serial, mod 11)."""
    day = born(rng)
    body = (
        f"{rng.choice('56' if day.year >= 2000 else '12')}{day:%y%m%d}{rng.randint(1, 46):02}{rng.randint(1, 999):03}"
    )
    return body + cnp_check(body)


def egn_check(body: str) -> str:
    """Compute the check digit of a Bulgarian EGN."""
    return str(weigh(body, (2, 4, 8, 5, 10, 9, 7, 3, 6)) % 11 % 10)


@maker
def egn(rng: random.Random) -> str:
    """Make a Bulgarian EGN (ГРАО: day of birth, serial, mod 11)."""
    day = born(rng)
    body = f"{day:%y}{day.month + (40 if day.year >= 2000 else 0):02}{day:%d}{draw(rng, 'dig', 3)}"
    return body + egn_check(body)


@maker
def oib(rng: random.Random) -> str:
    """Make a Croatian OIB (Zakon o OIB: ISO/IEC 7064 MOD 11,10)."""
    body = number(rng, 10)
    return body + mod_11_10(body)


def _jmbg(rng: random.Random, region: str) -> str:
    def draft(rng: random.Random) -> str | None:
        day = born(rng)
        body = f"{day:%d%m}{day.year % 1000:03}{region}{rng.randint(0, 999):03}"
        check = -weigh(body, (7, 6, 5, 4, 3, 2) * 2) % 11
        return f"{body}{check}" if check < 10 else None

    return until(rng, draft)


@maker
def emso(rng: random.Random) -> str:
    """Make a Slovenian EMŠO (Zakon o centralnem registru prebivalstva: region 50, mod 11)."""
    return _jmbg(rng, "50")


@maker
def jmbg(rng: random.Random) -> str:
    """Make a Serbian JMBG (Zakon o JMBG: regions 71 to 79, mod 11)."""
    return _jmbg(rng, str(rng.randint(71, 79)))


@maker
def amka(rng: random.Random) -> str:
    """Make a Greek AMKA (ΗΔΙΚΑ: day of birth, serial, Luhn digit)."""
    body = f"{born(rng):%d%m%y}{draw(rng, 'dig', 4)}"
    return body + luhn(body)


def afm_check(body: str) -> str:
    """Compute the check digit of a Greek AFM."""
    return str(weigh(body, (256, 128, 64, 32, 16, 8, 4, 2)) % 11 % 10)


@maker
def afm(rng: random.Random) -> str:
    """Make a Greek AFM (ΑΑΔΕ: powers of two, mod 11)."""
    body = rng.choice("01") + draw(rng, "dig", 7)
    return body + afm_check(body)


def tic_check(body: str) -> str:
    """Compute the letter of a Cypriot tax identification code."""
    odd = sum((1, 0, 5, 7, 9, 13, 15, 17, 19, 21)[int(digit)] for digit in body[0::2])
    return chr(65 + (odd + sum(map(int, body[1::2]))) % 26)


@maker
def tic(rng: random.Random) -> str:
    """Make a Cypriot tax identification code of a person (Tax Department: eight digits, letter mod 26)."""
    body = "00" + draw(rng, "dig", 6)
    return body + tic_check(body)


def tckn_checks(body: str) -> str:
    """Compute the two last digits of a Turkish TCKN."""
    first = (7 * sum(map(int, body[0::2])) - sum(map(int, body[1::2]))) % 10
    return f"{first}{(sum(map(int, body)) + first) % 10}"


@maker
def tckn(rng: random.Random) -> str:
    """Make a Turkish TCKN (law 5490 on civil registration: eleven digits, two check digits)."""
    body = number(rng, 9)
    return body + tckn_checks(body)


def rnokpp_check(body: str) -> str:
    """Compute the check digit of a Ukrainian RNOKPP."""
    return str(weigh(body, (-1, 5, 7, 9, 4, 6, 10, 5, 7)) % 11 % 10)


@maker
def rnokpp(rng: random.Random) -> str:
    """Make a Ukrainian RNOKPP (ДПС: days since 1900, serial, mod 11)."""
    body = f"{rng.randint(18000, 38000)}{draw(rng, 'dig', 4)}"
    return body + rnokpp_check(body)


def inn_checks(body: str) -> str:
    """Compute the two last digits of a personal INN."""
    first = weigh(body, (7, 2, 4, 10, 3, 5, 9, 4, 6, 8)) % 11 % 10
    second = weigh(f"{body}{first}", (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)) % 11 % 10
    return f"{first}{second}"


@maker
def inn(rng: random.Random) -> str:
    """Make a Russian INN of a person (Federal Tax Service order on INN of 2012: twelve digits, two check digits)."""
    body = rng.choice(("77", "78", "50", "52", "66", "23")) + draw(rng, "dig", 8)
    return body + inn_checks(body)


def snils_check(body: str) -> str:
    """Compute the control number of a SNILS."""
    return f"{weigh(body, range(9, 0, -1)) % 101 % 100:02}"


@maker
def snils(rng: random.Random) -> str:
    """Make a Russian SNILS (ПФР: nine digits, control number mod 101)."""
    body = number(rng, 9)
    return f"{group(body, (3,), '-')} {snils_check(body)}"


# --- Middle East and Africa ------------------------------------------------------------------------------------------


@maker
def teudat_zehut(rng: random.Random) -> str:
    """Make an Israeli identity number (Population Registry: nine digits, Luhn)."""
    body = rng.choice("023") + draw(rng, "dig", 7)
    return body + luhn(body)


@maker
def emirates_id(rng: random.Random) -> str:
    """Make an Emirates ID (ICP: 784, year of birth, seven digits, Luhn digit)."""
    body = f"784{born(rng).year}{draw(rng, 'dig', 7)}"
    return group(body + luhn(body), (3, 4, 7, 1), "-")


@maker
def saudi_id(rng: random.Random) -> str:
    """Make a Saudi national identity number (Ministry of Interior: 1 first, Luhn)."""
    body = "1" + draw(rng, "dig", 8)
    return body + luhn(body)


@maker
def iqama(rng: random.Random) -> str:
    """Make a Saudi residence permit number (Ministry of Interior: 2 first, Luhn)."""
    body = "2" + draw(rng, "dig", 8)
    return body + luhn(body)


@maker
def egypt_id(rng: random.Random) -> str:
    """Make an Egyptian national ID (Civil Status: century, day of birth, governorate, serial, check digit)."""
    day = born(rng)
    body = (
        f"{3 if day.year >= 2000 else 2}{day:%y%m%d}{rng.choice(('01', '02', '12', '21', '14'))}{draw(rng, 'dig', 4)}"
    )
    return f"{body}{(11 - weigh(body, (2, 7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11) % 10}"


@maker
def za_id(rng: random.Random) -> str:
    """Make a South African identity number (Home Affairs: day of birth, sex, citizenship, 8, Luhn digit)."""
    body = f"{born(rng):%y%m%d}{draw(rng, 'dig', 4)}{rng.choice('01')}8"
    return body + luhn(body)


# --- Asia ------------------------------------------------------------------------------------------------------------


@maker
def aadhaar(rng: random.Random) -> str:
    """Make an Indian Aadhaar number (UIDAI: twelve digits, not 0 or 1 first, Verhoeff)."""
    body = rng.choice("23456789") + draw(rng, "dig", 10)
    return body + verhoeff(body)


@maker
def aadhaar_spaced(rng: random.Random) -> str:
    """Make an Indian Aadhaar number in groups (UIDAI)."""
    return group(aadhaar(rng), (4,))


@maker
def pan(rng: random.Random) -> str:
    """Make an Indian PAN of a person (Income Tax Department: AAAPA9999A)."""
    return f"{draw(rng, 'UP', 3)}P{draw(rng, 'UP', 1)}{rng.randint(1, 9999):04}{draw(rng, 'UP', 1)}"


def gstin_check(text: str) -> str:
    """Compute the last sign of a GSTIN."""
    total = 0
    for place, sign in enumerate(text):
        value = ALNUM.index(sign) * (1 + place % 2)
        total += value // 36 + value % 36
    return ALNUM[-total % 36]


@maker
def gstin(rng: random.Random) -> str:
    """Make an Indian GSTIN of a sole trader (GSTN: state, PAN, entity, Z, mod 36)."""
    body = f"{rng.randint(1, 37):02}{pan(rng)}1Z"
    return body + gstin_check(body)


@maker
def epic(rng: random.Random) -> str:
    """Make an Indian voter id (Election Commission: three letters, six digits, Luhn digit)."""
    body = draw(rng, "dig", 6)
    return draw(rng, "UP", 3) + body + luhn(body)


@maker
def cnic(rng: random.Random) -> str:
    """Make a Pakistani CNIC (NADRA: province and district, family number, sex digit)."""
    return f"{rng.randint(1, 7)}{draw(rng, 'nz', 1)}{draw(rng, 'dig', 3)}-{draw(rng, 'dig', 7)}-{draw(rng, 'nz', 1)}"


@maker
def nic_lk(rng: random.Random) -> str:
    """Make a Sri Lankan NIC of the old form (DRP: year, day of the year, serial, V)."""
    return f"{rng.randint(50, 99)}{rng.randint(1, 365) + rng.choice((0, 500)):03}{draw(rng, 'dig', 4)}V"


def prc_check(body: str) -> str:
    """Compute the last sign of a Chinese resident identity number (ISO/IEC 7064 MOD 11-2)."""
    return "10X98765432"[weigh(body, (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)) % 11]


@maker
def prc_id(rng: random.Random) -> str:
    """Make a Chinese resident identity number (GB 11643-1999)."""
    area = rng.choice(("110105", "310104", "440305", "510107", "330106", "420111", "610113"))
    body = f"{area}{born(rng):%Y%m%d}{rng.randint(1, 999):03}"
    return body + prc_check(body)


def hkid_check(text: str) -> str:
    """Compute the check digit of a Hong Kong identity card number with one letter."""
    total = 36 * 9 + ALNUM.index(text[0]) * 8 + weigh(text[1:], range(7, 1, -1))
    return "0123456789A"[-total % 11]


@maker
def hkid(rng: random.Random) -> str:
    """Make a Hong Kong identity card number (Immigration Department: letter, six digits, mod 11)."""
    body = rng.choice("ABCDEGHKPRSVYZ") + draw(rng, "dig", 6)
    return f"{body}({hkid_check(body)})"


def tw_check(text: str) -> str:
    """Compute the last digit of a Taiwanese identity number."""
    code = "ABCDEFGHJKLMNPQRSTUVXYWZIO".index(text[0]) + 10
    return str(-(code // 10 + code % 10 * 9 + weigh(text[1:], range(8, 0, -1))) % 10)


@maker
def tw_id(rng: random.Random) -> str:
    """Make a Taiwanese identity number (Ministry of the Interior: letter, sex, seven digits, check digit)."""
    body = draw(rng, "UP", 1) + rng.choice("12") + draw(rng, "dig", 7)
    return body + tw_check(body)


def my_number_check(body: str) -> str:
    """Compute the check digit of a Japanese individual number."""
    rest = weigh(body, (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return str(11 - rest if rest > 1 else 0)


@maker
def my_number(rng: random.Random) -> str:
    """Make a Japanese individual number (総務省令第85号 of 2014: twelve digits, mod 11)."""
    body = number(rng, 11)
    return body + my_number_check(body)


def rrn_kr_check(body: str) -> str:
    """Compute the last digit of a Korean resident registration number."""
    return str((11 - weigh(body, (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)) % 11) % 10)


@maker
def rrn(rng: random.Random) -> str:
    """Make a Korean resident registration number (주민등록법: day of birth, sex and century, region, check digit)."""
    day = born(rng)
    sex = rng.choice("34" if day.year >= 2000 else "12")
    body = f"{day:%y%m%d}{sex}{rng.randint(0, 95):02}{draw(rng, 'dig', 3)}"
    return f"{body[:6]}-{body[6:]}{rrn_kr_check(body)}"


def nric_check(text: str) -> str:
    """Compute the last letter of a Singaporean NRIC or FIN."""
    rest = (weigh(text[1:], (2, 7, 6, 5, 4, 3, 2)) + (4 if text[0] in "TG" else 0)) % 11
    return ("JZIHGFEDCBA" if text[0] in "ST" else "XWUTRQPNMLK")[rest]


@maker
def nric(rng: random.Random) -> str:
    """Make a Singaporean NRIC or FIN (ICA: letter, seven digits, letter mod 11)."""
    first = rng.choice("STFG")
    body = first + (rng.choice("0123") if first == "T" else rng.choice("56789")) + draw(rng, "dig", 6)
    return body + nric_check(body)


def uen_check(body: str) -> str:
    """Compute the letter of a Singaporean business UEN."""
    return "XMKECAWLJDB"[weigh(body, (10, 4, 9, 3, 8, 2, 7, 1)) % 11]


@maker
def uen(rng: random.Random) -> str:
    """Make a Singaporean UEN of a sole trader (ACRA: eight digits and a letter)."""
    body = "53" + draw(rng, "dig", 6)
    return body + uen_check(body)


@maker
def mykad(rng: random.Random) -> str:
    """Make a Malaysian MyKad number (JPN: day of birth, place of birth, serial)."""
    return f"{born(rng):%y%m%d}-{rng.randint(1, 16):02}-{draw(rng, 'dig', 4)}"


@maker
def thai_id(rng: random.Random) -> str:
    """Make a Thai identity number (DOPA: thirteen digits, mod 11)."""
    body = rng.choice("1345") + rng.choice("1234567") + draw(rng, "dig", 10)
    return body + thai_check(body)


def thai_check(body: str) -> str:
    """Compute the last digit of a Thai identity number."""
    return str((11 - weigh(body, range(13, 1, -1)) % 11) % 10)


@maker
def cccd(rng: random.Random) -> str:
    """Make a Vietnamese CCCD number (Nghị định 137/2015: province, century and sex, year, six digits)."""
    day = born(rng)
    sex = rng.choice("23" if day.year >= 2000 else "01")
    return f"{rng.choice(('001', '079', '048', '031', '092'))}{sex}{day:%y}{draw(rng, 'dig', 6)}"


@maker
def nik(rng: random.Random) -> str:
    """Make an Indonesian NIK (UU 24/2013: region, day of birth with 40 more for women, serial)."""
    day, shift = born(rng), rng.choice((0, 40))
    area = rng.choice(("317105", "327308", "357812", "337402", "517103"))
    return f"{area}{day.day + shift:02}{day:%m%y}{rng.randint(1, 9999):04}"


# --- Oceania ---------------------------------------------------------------------------------------------------------


@maker
def tfn(rng: random.Random) -> str:
    """Make an Australian tax file number (ATO: weights 1 4 3 7 5 8 6 9 10, mod 11)."""

    def draft(rng: random.Random) -> str | None:
        body = number(rng, 8)
        check = weigh(body, (1, 4, 3, 7, 5, 8, 6, 9)) % 11  # ten times the last digit is minus the last digit
        return group(f"{body}{check}", (3,)) if check < 10 else None

    return until(rng, draft)


def abn_of(body: str) -> str:
    """Put the two check digits of the ABN before nine digits (mod 89)."""
    return f"{11 + (-weigh(body, (3, 5, 7, 9, 11, 13, 15, 17, 19)) - 1) % 89}{body}"


@maker
def abn(rng: random.Random) -> str:
    """Make an Australian business number (A New Tax System Act 1999: mod 89)."""
    return group(abn_of(number(rng, 9)), (2, 3, 3, 3))


@maker
def acn(rng: random.Random) -> str:
    """Make an Australian company number (Corporations Regulations 2001: weights 8 to 1, mod 10)."""
    body = rng.choice("016") + draw(rng, "dig", 7)
    return group(f"{body}{-weigh(body, range(8, 0, -1)) % 10}", (3,))


@maker
def medicare(rng: random.Random) -> str:
    """Make an Australian Medicare number (Services Australia: eight digits, check digit, issue number)."""
    body = rng.choice("23456") + draw(rng, "dig", 7)
    return group(f"{body}{weigh(body, (1, 3, 7, 9, 1, 3, 7, 9)) % 10}{rng.choice('123')}", (4, 5, 1))


def ird_check(body: str) -> int:
    """Compute the check digit of a New Zealand IRD number with the first weights."""
    return -weigh(body.rjust(8, "0"), (3, 2, 7, 6, 5, 4, 3, 2)) % 11


@maker
def ird(rng: random.Random) -> str:
    """Make a New Zealand IRD number (Inland Revenue: mod 11 with the first weights)."""

    def draft(rng: random.Random) -> str | None:
        body = f"{rng.randint(10_000_000, 14_999_999)}"
        check = ird_check(body)
        return group(f"{body}{check}", (3,), "-") if check < 10 else None

    return until(rng, draft)


def nhi_check(text: str) -> int:
    """Compute the check digit of a New Zealand NHI number of the old form."""
    letters = "ABCDEFGHJKLMNPQRSTUVWXYZ"
    values = [letters.index(sign) + 1 if sign.isalpha() else int(sign) for sign in text]
    return 11 - sum(value * weight for value, weight in zip(values, range(7, 1, -1), strict=True)) % 11


@maker
def nhi(rng: random.Random) -> str:
    """Make a New Zealand NHI number (HISO 10046: three letters, three digits, mod 11 digit)."""

    def draft(rng: random.Random) -> str | None:
        body = "".join(rng.choices("ABCDEFGHJKLMNPQRSTUVWXY", k=3)) + draw(rng, "dig", 3)
        check = nhi_check(body)
        return f"{body}{check % 10}" if check != 11 else None

    return until(rng, draft)


# --- South America ---------------------------------------------------------------------------------------------------


def brazil_checks(body: str, longest: int) -> str:
    """Compute the two last digits of a CPF (weights up to 11) or a CNPJ (weights up to 9)."""
    text = body
    for _ in range(2):
        rest = sum(int(d) * (2 + place % (longest - 1)) for place, d in enumerate(reversed(text))) % 11
        text += str(11 - rest if rest > 1 else 0)
    return text[-2:]


@maker
def cpf(rng: random.Random) -> str:
    """Make a Brazilian CPF (Receita Federal IN 1548/2015: nine digits, two mod 11 digits)."""
    body = draw(rng, "dig", 9)
    return f"{group(body, (3,), '.')}-{brazil_checks(body, 11)}"


@maker
def cpf_plain(rng: random.Random) -> str:
    """Make a Brazilian CPF without punctuation (Receita Federal IN 1548/2015)."""
    body = draw(rng, "dig", 9)
    return body + brazil_checks(body, 11)


@maker
def cnpj(rng: random.Random) -> str:
    """Make a Brazilian CNPJ (Receita Federal IN 2119/2022: eight digits, branch, two mod 11 digits)."""
    body = number(rng, 8) + "0001"
    return f"{body[:2]}.{body[2:5]}.{body[5:8]}/{body[8:]}-{brazil_checks(body, 9)}"


@maker
def cnh(rng: random.Random) -> str:
    """Make a Brazilian CNH register number (DENATRAN: nine digits, two mod 11 digits; no draft with a carry)."""

    def draft(rng: random.Random) -> str | None:
        body = draw(rng, "dig", 9)
        first, second = weigh(body, range(9, 0, -1)) % 11, weigh(body, range(1, 10)) % 11
        return f"{body}{first}{second}" if first < 10 and second < 10 else None

    return until(rng, draft)


@maker
def pis(rng: random.Random) -> str:
    """Make a Brazilian PIS/PASEP number (Caixa: ten digits, mod 11 digit)."""
    body = "1" + draw(rng, "dig", 9)
    rest = 11 - weigh(body, (3, 2, 9, 8, 7, 6, 5, 4, 3, 2)) % 11
    return f"{body[:3]}.{body[3:8]}.{body[8:]}-{rest if rest < 10 else 0}"


@maker
def cns(rng: random.Random) -> str:
    """Make a Brazilian CNS health card number (DATASUS: fifteen digits, weights 15 to 1 divisible by 11)."""

    def draft(rng: random.Random) -> str | None:
        body = rng.choice("789") + draw(rng, "dig", 13)
        check = -weigh(body, range(15, 1, -1)) % 11
        return group(f"{body}{check}", (3, 4)) if check < 10 else None

    return until(rng, draft)


def cuit_check(body: str) -> int:
    """Compute the check digit of an Argentine CUIT."""
    return -weigh(body, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11


@maker
def cuit(rng: random.Random) -> str:
    """Make an Argentine CUIT/CUIL of a person (AFIP: type, DNI, mod 11)."""

    def draft(rng: random.Random) -> str | None:
        body = rng.choice(("20", "27")) + str(rng.randint(10_000_000, 46_000_000))
        check = cuit_check(body)
        return f"{body[:2]}-{body[2:]}-{check}" if check < 10 else None

    return until(rng, draft)


def rut_check(body: str) -> str:
    """Compute the last sign of a Chilean RUT."""
    total = sum(int(digit) * (2 + place % 6) for place, digit in enumerate(reversed(body)))
    return "0123456789K"[-total % 11]


@maker
def rut(rng: random.Random) -> str:
    """Make a Chilean RUT (Registro Civil: mod 11 with weights 2 to 7)."""
    body = str(rng.randint(6_000_000, 22_000_000))
    return f"{int(body):,}".replace(",", ".") + f"-{rut_check(body)}"


def nit_check(body: str) -> str:
    """Compute the check digit of a Colombian NIT."""
    weights = (3, 7, 13, 17, 19, 23, 29, 37, 41, 43, 47)
    return "01987654321"[sum(int(d) * w for d, w in zip(reversed(body), weights, strict=False)) % 11]


@maker
def nit(rng: random.Random) -> str:
    """Make a Colombian NIT of a person (DIAN: cédula and mod 11 digit)."""
    body = str(rng.randint(1_010_000_000, 1_150_000_000))
    return f"{int(body):,}".replace(",", ".") + f"-{nit_check(body)}"


@maker
def ruc_pe(rng: random.Random) -> str:
    """Make a Peruvian RUC of a person (SUNAT: 10, DNI, mod 11)."""
    body = "10" + draw(rng, "dig", 8)
    return f"{body}{(11 - weigh(body, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11) % 10}"


@maker
def cedula_ec(rng: random.Random) -> str:
    """Make an Ecuadorian cédula (Registro Civil: province, third digit below 6, Luhn digit)."""
    body = f"{rng.randint(1, 24):02}{rng.randint(0, 5)}{draw(rng, 'dig', 6)}"
    return body + luhn(body)


def ci_check(body: str) -> str:
    """Compute the last digit of a Uruguayan cédula."""
    return str(-weigh(body, (2, 9, 8, 7, 6, 3, 4)) % 10)


@maker
def ci_uy(rng: random.Random) -> str:
    """Make a Uruguayan cédula de identidad (DNIC: weights 2 9 8 7 6 3 4, mod 10)."""
    body = str(rng.randint(1_000_000, 5_600_000))
    return f"{int(body):,}".replace(",", ".") + f"-{ci_check(body)}"


def rif_check(letter: str, body: str) -> str:
    """Compute the last digit of a Venezuelan RIF."""
    return "00987654321"[({"V": 4, "E": 8, "J": 12}[letter] + weigh(body, (3, 2, 7, 6, 5, 4, 3, 2))) % 11]


@maker
def rif(rng: random.Random) -> str:
    """Make a Venezuelan RIF of a person (SENIAT: V, eight digits, mod 11)."""
    body = f"{rng.randint(5_000_000, 31_000_000):08}"
    return f"V-{body}-{rif_check('V', body)}"


# --- spellings -------------------------------------------------------------------------------------------------------


def variant(name: str, source: str, change: Callable[[str], str]) -> None:
    """Register a maker that spells what another one makes in another way."""
    MAKERS[name] = lambda rng: change(MAKERS[source](rng))


def plain(text: str) -> str:
    """Take all signs between letters and digits away."""
    return re.sub(r"[\W_]", "", text)


def cut(name: str, source: str, sizes: Sequence[int], separator: str = " ") -> None:
    """Register a maker that cuts what another one makes into groups."""
    variant(name, source, lambda text: group(plain(text), sizes, separator))


# --- crypto ----------------------------------------------------------------------------------------------------------
def keccak256(message: bytes) -> bytes:  # noqa: C901 - as the standard writes it
    """Compute Keccak-256 as Ethereum does (padding 0x01, not that of SHA-3)."""
    rate, mask = 136, (1 << 64) - 1
    rc, state = [], 1
    for _ in range(24):
        value = 0
        for j in range(7):
            if state & 1:
                value |= 1 << ((1 << j) - 1)
            state <<= 1
            if state & 0x100:
                state ^= 0x171
        rc.append(value)
    lanes = [[0] * 5 for _ in range(5)]

    def rol(v: int, n: int) -> int:
        return ((v << n) | (v >> (64 - n))) & mask if n else v

    data = bytearray(message) + b"\x01" + b"\0" * (-(len(message) + 1) % rate)
    data[-1] |= 0x80
    for at in range(0, len(data), rate):
        for i in range(rate // 8):
            lanes[i % 5][i // 5] ^= int.from_bytes(data[at + 8 * i : at + 8 * i + 8], "little")
        for r in range(24):
            c = [lanes[x][0] ^ lanes[x][1] ^ lanes[x][2] ^ lanes[x][3] ^ lanes[x][4] for x in range(5)]
            d = [c[(x - 1) % 5] ^ rol(c[(x + 1) % 5], 1) for x in range(5)]
            lanes = [[lanes[x][y] ^ d[x] for y in range(5)] for x in range(5)]
            x, y, cur = 1, 0, lanes[1][0]
            for t in range(24):
                x, y = y, (2 * x + 3 * y) % 5
                cur, lanes[x][y] = lanes[x][y], rol(cur, (t + 1) * (t + 2) // 2 % 64)
            for y in range(5):
                row = [lanes[x][y] for x in range(5)]
                for x in range(5):
                    lanes[x][y] = row[x] ^ (~row[(x + 1) % 5] & row[(x + 2) % 5] & mask)
            lanes[0][0] ^= rc[r]
    return b"".join(lanes[i % 5][i // 5].to_bytes(8, "little") for i in range(4))


@maker
def eth55(rng: random.Random) -> str:
    """Make an Ethereum address with the capitals of EIP-55 (Keccak-256 of the small letters)."""
    text = draw(rng, "hex", 40)
    digest = keccak256(text.encode()).hex()
    return "0x" + "".join(s.upper() if int(d, 16) > 7 else s for s, d in zip(text, digest, strict=False))


@maker
def xmr(rng: random.Random) -> str:
    """Make a Monero address (network 18, two public keys, four bytes of Keccak-256, base 58 in blocks)."""
    data = b"\x12" + rng.randbytes(64)
    data += keccak256(data)[:4]
    out = ""
    for at in range(0, len(data), 8):
        block = data[at : at + 8]
        value, text, size = int.from_bytes(block, "big"), "", {8: 11, 5: 7}[len(block)]
        for _ in range(size):
            value, rest = divmod(value, 58)
            text = BASE58[rest] + text
        out += text
    assert len(out) == 95
    return out


@maker
def ltc_legacy(rng: random.Random) -> str:
    """Make a Litecoin address of the old form (Base58Check, version 0x30)."""
    return base58check(b"\x30" + rng.randbytes(20))


@maker
def dash(rng: random.Random) -> str:
    """Make a Dash address (Base58Check, version 0x4c)."""
    return base58check(b"\x4c" + rng.randbytes(20))


@maker
def zec(rng: random.Random) -> str:
    """Make a transparent Zcash address (Zcash protocol specification: Base58Check, version 0x1cb8)."""
    return base58check(b"\x1c\xb8" + rng.randbytes(20))


@maker
def xtz(rng: random.Random) -> str:
    """Make a Tezos address (Base58Check, prefix tz1)."""
    return base58check(b"\x06\xa1\x9f" + rng.randbytes(20))


@maker
def cosmos(rng: random.Random) -> str:
    """Make a Cosmos address (BIP 173)."""
    return bech32("cosmos", five_bits(rng.randbytes(20)), 1)


def crc16(data: bytes) -> int:
    """Compute the CRC-16 of XMODEM."""
    crc = 0
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021) & 0xFFFF if crc & 0x8000 else crc << 1 & 0xFFFF
    return crc


@maker
def xlm(rng: random.Random) -> str:
    """Make a Stellar account (SEP-23: base 32, CRC-16)."""
    data = b"\x30" + rng.randbytes(32)
    return base64.b32encode(data + crc16(data).to_bytes(2, "little")).decode()


@maker
def ton(rng: random.Random) -> str:
    """Make a TON address (TEP-2: base 64 for URLs, CRC-16)."""
    data = b"\x11\x00" + rng.randbytes(32)
    return base64.urlsafe_b64encode(data + crc16(data).to_bytes(2, "big")).decode()


@maker
def dot(rng: random.Random) -> str:
    """Make a Polkadot address (SS58: BLAKE2b, base 58)."""
    data = b"\0" + rng.randbytes(32)
    return base58(data + hashlib.blake2b(b"SS58PRE" + data).digest()[:2])


@maker
def bch(rng: random.Random) -> str:
    """Make a Bitcoin Cash address (CashAddr)."""
    bits = five_bits(b"\0" + rng.randbytes(20))

    def polymod(values: Iterable[int]) -> int:
        c = 1
        for d in values:
            c0 = c >> 35
            c = (c & 0x07FFFFFFFF) << 5 ^ d
            for i, g in enumerate((0x98F2BC8E61, 0x79B76D99E2, 0xF33E5FB3C4, 0xAE2EABE2A8, 0x1E4F43E470)):
                c ^= g if c0 >> i & 1 else 0
        return c ^ 1

    rest = polymod([ord(s) & 31 for s in "bitcoincash"] + [0] + bits + [0] * 8)
    return "bitcoincash:" + "".join(BECH32[v] for v in [*bits, *(rest >> 5 * (7 - i) & 31 for i in range(8))])


variant("btc_segwit_up", "btc_segwit", str.upper)


# --- IBANs of more countries -----------------------------------------------------------------------------------------
def iban(country: str, make: Maker) -> None:
    """Register makers of an IBAN, plain and in groups of four."""
    name = f"iban_{country.lower()}"
    MAKERS[name] = lambda rng: iban_of(country, make(rng))
    MAKERS[name + "_spaced"] = lambda rng: group(iban_of(country, make(rng)), (4,))


def shape(text: str) -> Maker:
    """Make what a shape says."""
    return lambda rng: fill(text, rng)


def mod97_bban(head: str, length: int) -> Maker:
    """Make an account number that ends by ISO/IEC 7064 MOD 97-10."""

    def make(rng: random.Random) -> str:
        body = head + draw(rng, "dig", length - len(head) - 2)
        return f"{body}{98 - int(body + '00') % 97:02}"

    return make


iban("MC", _bban_fr)
iban("SI", mod97_bban("0", 15))
iban("RS", mod97_bban("2", 18))
iban("BA", mod97_bban("1", 16))
iban("ME", mod97_bban("5", 18))
iban("MK", mod97_bban("2", 15))
iban("KW", shape("{NBOK/CBKU/KFHO}{dig:22}"))
iban("QA", shape("{QNBA/DOHB}{dig:21}"))
iban("KZ", shape("{dig:3}{UD:13}"))
iban("GE", shape("{TB/BG}{dig:16}"))
iban("PK", shape("{HABB/MUCB/UNIL}{dig:16}"))
iban("JO", shape("{ARAB/JONB}00{dig:2}{dig:18}"))
iban("EG", shape("00{dig:23}"))
iban("MD", shape("{AG/VI}{dig:18}"))
iban("IS", lambda rng: fill("01{dig:2}26{dig:6}", rng) + plain(MAKERS["kennitala"](rng)))
iban("GI", shape("NWBK{dig:15}"))
iban("AD", shape("0001{dig:4}{dig:12}"))
iban("TN", mod97_bban("08", 20))
for _c in ("de", "fr", "at", "ch", "nl", "gb", "es", "it", "pl"):
    variant(f"iban_{_c}_low", f"iban_{_c}", str.lower)
variant("iban_de_dashed", "iban_de", lambda t: group(t, (4,), "-"))


BANKS = (
    "DEUT",
    "GENO",
    "COBA",
    "BNPA",
    "CRLY",
    "UBSW",
    "INGB",
    "RABO",
    "NDEA",
    "HAND",
    "UNCR",
    "BCIT",
    "CAIX",
    "BARC",
)


@maker
def bic(rng: random.Random) -> str:
    """Make a BIC (ISO 9362)."""
    return (
        rng.choice(BANKS)
        + rng.choice(("DE", "FR", "CH", "NL", "IT", "ES", "GB", "SE", "AT", "PL"))
        + draw(rng, "UP", 1)
        + rng.choice("123456789ABDFHLM")
        + rng.choice(("", "XXX", "XXX", f"{rng.randint(100, 999)}"))
    )


# --- company and tax numbers of Europe -------------------------------------------------------------------------------
@maker
def vat_de(rng: random.Random) -> str:
    """Make a German USt-IdNr. (BZSt: ISO/IEC 7064 MOD 11,10)."""
    body = number(rng, 8)
    return f"DE{body}{mod_11_10(body)}"


@maker
def vat_at(rng: random.Random) -> str:
    """Make an Austrian UID (BMF: U, seven digits, modulus 10)."""
    body = draw(rng, "dig", 7)
    total = sum(int(d) if p % 2 == 0 else (int(d) * 2 // 10 + int(d) * 2 % 10) for p, d in enumerate(body))
    return f"ATU{body}{-(total + 4) % 10}"


@maker
def stnr_at(rng: random.Random) -> str:
    """Make an Austrian tax number (BMF: office, number, Luhn digit)."""
    body = fill("{03/09/12/22/46/51/68/91}{dig:6}", rng)
    full = body + luhn(body)
    return f"{full[:2]}-{full[2:5]}/{full[5:]}"


@maker
def siren(rng: random.Random) -> str:
    """Make a French SIREN (INSEE: nine digits, Luhn)."""
    body = rng.choice("3458") + draw(rng, "dig", 7)
    return body + luhn(body)


@maker
def siret(rng: random.Random) -> str:
    """Make a French SIRET (INSEE: SIREN, establishment, Luhn)."""
    body = siren(rng) + f"000{draw(rng, 'dig', 1)}"
    return body + luhn(body)


cut("siret_spaced", "siret", (3, 3, 3, 5))


@maker
def vat_fr(rng: random.Random) -> str:
    """Make a French VAT number (two digits by 97 before the SIREN)."""
    body = siren(rng)
    return f"FR{(12 + 3 * (int(body) % 97)) % 97:02}{body}"


@maker
def rpps(rng: random.Random) -> str:
    """Make a French RPPS number (Luhn over eleven digits)."""
    body = "10" + draw(rng, "dig", 8)
    return body + luhn(body)


@maker
def vat_be(rng: random.Random) -> str:
    """Make a Belgian VAT number (97 minus the rest)."""
    body = "0" + rng.choice("4578") + draw(rng, "dig", 6)
    return f"BE{body}{97 - int(body) % 97:02}"


@maker
def kbo(rng: random.Random) -> str:
    """Make a Belgian enterprise number with its points (97 minus the rest)."""
    text = vat_be(rng)[2:]
    return f"{text[:4]}.{text[4:7]}.{text[7:]}"


@maker
def bis_be(rng: random.Random) -> str:
    """Make a Belgian bis number (20 or 40 more in the month)."""
    day = born(rng, 1950, 1999)
    body = f"{day:%y}{day.month + rng.choice((20, 40)):02}{day:%d}{rng.randint(1, 997):03}"
    return f"{body[:2]}.{body[2:4]}.{body[4:6]}-{body[6:]}.{97 - int(body) % 97:02}"


@maker
def eid_be(rng: random.Random) -> str:
    """Make a Belgian identity card number (rest by 97)."""
    body = "59" + draw(rng, "dig", 8)
    return f"{body[:3]}-{body[3:]}-{int(body) % 97 or 97:02}"


@maker
def vat_nl(rng: random.Random) -> str:
    """Make a Dutch VAT number (BSN, B and a suffix)."""
    return f"NL{MAKERS['bsn'](rng)}B0{rng.choice('123')}"


@maker
def cif(rng: random.Random) -> str:
    """Make a Spanish CIF (AEAT: Luhn as digit or letter)."""
    head, body = rng.choice("ABGF"), fill("{28/08/46/41/15}{dig:5}", rng)
    total = sum(int(d) for d in body[1::2]) + sum(int(d) * 2 // 10 + int(d) * 2 % 10 for d in body[0::2])
    digit = -total % 10
    return f"{head}{body}{'JABCDEFGHI'[digit] if head in 'PQRSNW' else digit}"


@maker
def vat_uk(rng: random.Random) -> str:
    """Make a British VAT number (HMRC: weights 8 to 2, 97)."""
    body = number(rng, 7)
    return f"GB{body}{97 - weigh(body, range(8, 1, -1)) % 97:02}"


cut("vat_uk_spaced", "vat_uk", (2, 3, 4, 2))


@maker
def vat_pl(rng: random.Random) -> str:
    """Make a Polish VAT number (PL before the NIP)."""
    return "PL" + MAKERS["nip"](rng)


@maker
def cvr(rng: random.Random) -> str:
    """Make a Danish CVR number (modulus 11)."""

    def draft(rng: random.Random) -> str | None:
        body = number(rng, 7)
        check = -weigh(body, (2, 7, 6, 5, 4, 3, 2)) % 11
        return f"{body}{check}" if check < 10 else None

    return until(rng, draft)


@maker
def ytunnus(rng: random.Random) -> str:
    """Make a Finnish Y-tunnus (PRH: modulus 11)."""

    def draft(rng: random.Random) -> str | None:
        body = rng.choice("0123") + draw(rng, "dig", 6)
        check = -weigh(body, (7, 9, 10, 5, 8, 4, 2)) % 11
        return f"{body}-{check}" if check < 10 else None

    return until(rng, draft)


@maker
def vat_fi(rng: random.Random) -> str:
    """Make a Finnish VAT number (FI before the Y-tunnus)."""
    return "FI" + plain(ytunnus(rng))


@maker
def orgnr_se(rng: random.Random) -> str:
    """Make a Swedish organisation number (SKV 709: Luhn)."""
    body = rng.choice(("556", "559", "802", "769")) + draw(rng, "dig", 6)
    return f"{body[:6]}-{body[6:]}{luhn(body)}"


@maker
def vat_se(rng: random.Random) -> str:
    """Make a Swedish VAT number (organisation number and 01)."""
    return f"SE{plain(orgnr_se(rng))}01"


@maker
def bankgiro(rng: random.Random) -> str:
    """Make a Swedish bankgiro number (Luhn)."""
    body = number(rng, 7)
    full = body + luhn(body)
    return f"{full[:4]}-{full[4:]}"


@maker
def plusgiro(rng: random.Random) -> str:
    """Make a Swedish plusgiro number (Luhn)."""
    body = number(rng, 6)
    return f"{body[:2]} {body[2:4]} {body[4:]}-{luhn(body)}"


@maker
def samordning(rng: random.Random) -> str:
    """Make a Swedish samordningsnummer (SKV 707: 60 added to the day, Luhn)."""
    day = born(rng)
    body = f"{day:%y%m}{day.day + 60}{rng.randint(1, 979):03}"
    return f"{body[:6]}-{body[6:]}{luhn(body)}"


@maker
def personnummer12(rng: random.Random) -> str:
    """Make a Swedish personnummer with its century (SKV 704: Luhn)."""
    day = born(rng)
    body = f"{day:%y%m%d}{rng.randint(1, 979):03}"
    return f"{day:%Y%m%d}-{body[6:]}{luhn(body)}"


@maker
def orgnr_no(rng: random.Random) -> str:
    """Make a Norwegian organisasjonsnummer (Brønnøysund: modulus 11)."""

    def draft(rng: random.Random) -> str | None:
        body = rng.choice("89") + draw(rng, "dig", 7)
        check = -weigh(body, (3, 2, 7, 6, 5, 4, 3, 2)) % 11
        return group(f"{body}{check}", (3,)) if check < 10 else None

    return until(rng, draft)


@maker
def dnummer(rng: random.Random) -> str:
    """Make a Norwegian D-nummer (Skatteetaten: 40 added to the day)."""

    def draft(rng: random.Random) -> str | None:
        day = born(rng, 1950, 1999)
        body = f"{day.day + 40}{day:%m%y}{rng.randint(0, 499):03}"
        checks = fnr_checks(body)
        return body + checks if checks else None

    return until(rng, draft)


@maker
def konto_no(rng: random.Random) -> str:
    """Make a Norwegian account number with its points (modulus 11)."""
    return group(_bban_no(rng), (4, 2, 5), ".")


@maker
def uid_ch(rng: random.Random) -> str:
    """Make a Swiss UID (BFS: modulus 11)."""

    def draft(rng: random.Random) -> str | None:
        body = number(rng, 8)
        check = -weigh(body, (5, 4, 3, 2, 7, 6, 5, 4)) % 11
        return "CHE-" + group(f"{body}{check}", (3,), ".") if check < 10 else None

    return until(rng, draft)


@maker
def vat_lu(rng: random.Random) -> str:
    """Make a Luxembourgish VAT number (rest by 89)."""
    body = number(rng, 6)
    return f"LU{body}{int(body) % 89:02}"


@maker
def vat_ie(rng: random.Random) -> str:
    """Make an Irish VAT number (Revenue: modulus 23)."""
    digits = number(rng, 7)
    return f"IE{digits}{pps_check(digits)}"


@maker
def adoszam(rng: random.Random) -> str:
    """Make a Hungarian adószám (NAV: weights 9, 7, 3, 1)."""
    body = number(rng, 7)
    return f"{body}{-weigh(body, (9, 7, 3, 1, 9, 7, 3)) % 10}-{rng.choice('12')}-{rng.choice(('13', '41', '42', '43'))}"


@maker
def szemelyi_szam(rng: random.Random) -> str:
    """Make a Hungarian személyi szám (weights 1 to 10, modulus 11)."""

    def draft(rng: random.Random) -> str | None:
        day = born(rng, 1950, 1996)
        body = f"{rng.choice('12')}{day:%y%m%d}{rng.randint(0, 999):03}"
        check = weigh(body, range(1, 11)) % 11
        return f"{body[0]}-{body[1:7]}-{body[7:]}{check}" if check < 10 else None

    return until(rng, draft)


@maker
def szamla_hu(rng: random.Random) -> str:
    """Make a Hungarian bank account (MNB: weights 9, 7, 3, 1 in both parts)."""
    bank = fill("{117/104/120/103}{dig:4}", rng)
    bank += str(-weigh(bank, (9, 7, 3, 1, 9, 7, 3)) % 10)
    acct = draw(rng, "dig", 15)
    acct += str(-weigh(acct, (9, 7, 3, 1, 9, 7, 3, 1, 9, 7, 3, 1, 9, 7, 3)) % 10)
    return f"{bank}-{acct[:8]}-{acct[8:]}"


@maker
def cui_ro(rng: random.Random) -> str:
    """Make a Romanian CUI (ANAF: weights 7, 5, 3, 2, 1)."""
    body = number(rng, 7)
    return f"RO{body}{weigh(body.rjust(9, '0'), (7, 5, 3, 2, 1, 7, 5, 3, 2)) * 10 % 11 % 10}"


@maker
def ico(rng: random.Random) -> str:
    """Make a Czech or Slovak IČO (weights 8 to 2, modulus 11)."""
    body = rng.choice("0267") + draw(rng, "dig", 6)
    return f"{body}{(11 - weigh(body, range(8, 1, -1)) % 11) % 10}"


@maker
def dic_cz(rng: random.Random) -> str:
    """Make a Czech DIČ of a person (CZ before the rodné číslo)."""
    return "CZ" + plain(MAKERS["rodne_cislo"](rng))


@maker
def icdph_sk(rng: random.Random) -> str:
    """Make a Slovak IČ DPH (divisible by 11)."""

    def draft(rng: random.Random) -> str | None:
        value = int(fill("20{dig:8}", rng)) // 11 * 11
        text = str(value)
        return "SK" + text if len(text) == 10 and text[2] in "234789" else None

    return until(rng, draft)


@maker
def ucet_cz(rng: random.Random) -> str:
    """Make a Czech bank account (ČNB: both parts by 11)."""

    def draft(rng: random.Random) -> str | None:
        body = number(rng, 9)
        check = -weigh(body, (6, 3, 7, 9, 10, 5, 8, 4, 2)) % 11
        prefix = draw(rng, "nz", 1) + draw(rng, "dig", 4)
        pcheck = -weigh(prefix, (10, 5, 8, 4, 2)) % 11
        return (
            f"{prefix}{pcheck}-{body}{check}/{rng.choice(('0100', '0300', '0800', '2010', '5500'))}"
            if max(check, pcheck) < 10
            else None
        )

    return until(rng, draft)


@maker
def davcna(rng: random.Random) -> str:
    """Make a Slovene davčna številka (weights 8 to 2, modulus 11)."""

    def draft(rng: random.Random) -> str | None:
        body = number(rng, 7)
        check = 11 - weigh(body, range(8, 1, -1)) % 11
        return f"{body}{check % 10}" if check != 11 else None

    return until(rng, draft)


@maker
def vat_ee(rng: random.Random) -> str:
    """Make an Estonian KMKR number (weights 3, 7, 1)."""
    body = "10" + draw(rng, "dig", 6)
    return f"EE{body}{-weigh(body, (3, 7, 1, 3, 7, 1, 3, 7)) % 10}"


@maker
def vat_el(rng: random.Random) -> str:
    """Make a Greek VAT number (EL before the AFM)."""
    return "EL" + MAKERS["afm"](rng)


@maker
def vat_hr(rng: random.Random) -> str:
    """Make a Croatian VAT number (HR before the OIB)."""
    return "HR" + MAKERS["oib"](rng)


@maker
def vat_it(rng: random.Random) -> str:
    """Make an Italian VAT number (IT before the partita IVA)."""
    return "IT" + MAKERS["partita_iva"](rng)


@maker
def vat_pt(rng: random.Random) -> str:
    """Make a Portuguese VAT number (PT before the NIF)."""
    return "PT" + MAKERS["nif_pt"](rng)


@maker
def eik_bg(rng: random.Random) -> str:
    """Make a Bulgarian EIK (weights 1 to 8, then 3 to 10, modulus 11)."""
    body = rng.choice("12") + draw(rng, "dig", 7)
    check = weigh(body, range(1, 9)) % 11
    if check == 10:
        check = weigh(body, range(3, 11)) % 11 % 10
    return f"{body}{check}"


@maker
def lnch_bg(rng: random.Random) -> str:
    """Make a Bulgarian number of a foreigner (ЛНЧ, modulus 10)."""
    body = number(rng, 9)
    return f"{body}{weigh(body, (21, 19, 17, 13, 11, 9, 7, 3, 1)) % 10}"


@maker
def pib_rs(rng: random.Random) -> str:
    """Make a Serbian PIB (ISO/IEC 7064 MOD 11,10)."""
    body = "10" + draw(rng, "dig", 6)
    return body + mod_11_10(body)


@maker
def jmbg_ba(rng: random.Random) -> str:
    """Make a Bosnian JMBG (regions 10 to 19)."""
    return _jmbg(rng, str(rng.randint(10, 19)))


@maker
def jmbg_me(rng: random.Random) -> str:
    """Make a Montenegrin JMBG (region 21)."""
    return _jmbg(rng, "21")


@maker
def embg_mk(rng: random.Random) -> str:
    """Make a Macedonian EMBG (regions 41 to 49)."""
    return _jmbg(rng, str(rng.randint(41, 49)))


@maker
def passport_pl(rng: random.Random) -> str:
    """Make a Polish passport number (two letters, check digit, six digits)."""
    letters, digits = draw(rng, "UP", 2), draw(rng, "dig", 6)
    total = ALNUM.index(letters[0]) * 7 + ALNUM.index(letters[1]) * 3 + weigh(digits, (1, 7, 3, 1, 7, 3))
    return f"{letters}{total % 10}{digits}"  # nine times the check digit is minus it


@maker
def regon14(rng: random.Random) -> str:
    """Make a Polish REGON of fourteen digits (GUS: modulus 11)."""
    body = MAKERS["regon"](rng) + draw(rng, "dig", 4)
    return f"{body}{weigh(body, (2, 4, 8, 5, 0, 9, 7, 3, 6, 1, 2, 4, 8)) % 11 % 10}"


@maker
def niss_pt(rng: random.Random) -> str:
    """Make a Portuguese NISS (Segurança Social: primes, modulus 10)."""
    body = "1" + draw(rng, "dig", 9)
    return f"{body}{9 - weigh(body, (29, 23, 19, 17, 13, 11, 7, 5, 3, 2)) % 10}"


@maker
def fuehrerschein(rng: random.Random) -> str:
    """Make a German driving licence number (KBA: weights 9 to 1, modulus 11)."""
    body = draw(rng, "UP", 1) + draw(rng, "dig", 3) + draw(rng, "UD", 5)
    total = sum(ALNUM.index(s) * w for s, w in zip(body, range(9, 0, -1), strict=True))
    return f"{body}{'0123456789X'[total % 11]}{rng.choice('123')}"


@maker
def lanr(rng: random.Random) -> str:
    """Make a German doctor's LANR (KBV: weights 4 and 9)."""
    body = number(rng, 6)
    return f"{body}{-weigh(body, (4, 9, 4, 9, 4, 9)) % 10}{rng.choice(('01', '03', '11', '34', '46'))}"


@maker
def chi(rng: random.Random) -> str:
    """Make a Scottish CHI number (day of birth, modulus 11)."""

    def draft(rng: random.Random) -> str | None:
        body = f"{born(rng):%d%m%y}{draw(rng, 'dig', 3)}"
        check = -weigh(body, range(10, 1, -1)) % 11
        return f"{body}{check}" if check < 10 else None

    return until(rng, draft)


@maker
def hetu_new(rng: random.Random) -> str:
    """Make a Finnish henkilötunnus with the signs of 2023 (DVV)."""
    day, serial = born(rng), rng.randint(2, 899)
    sign = rng.choice("FED") if day.year >= 2000 else rng.choice("YXWVU")
    return f"{day:%d%m%y}{sign}{serial:03}{hetu_check(f'{day:%d%m%y}{serial:03}')}"


# --- former Soviet Union ---------------------------------------------------------------------------------------------
@maker
def idnp(rng: random.Random) -> str:
    """Make a Moldovan IDNP (weights 7, 3, 1)."""
    body = "20" + draw(rng, "dig", 10)
    return f"{body}{weigh(body, (7, 3, 1) * 4) % 10}"


@maker
def iin_kz(rng: random.Random) -> str:
    """Make a Kazakh IIN (day of birth, century and sex, modulus 11)."""

    def draft(rng: random.Random) -> str | None:
        day = born(rng)
        body = f"{day:%y%m%d}{rng.choice('56' if day.year >= 2000 else '34')}{draw(rng, 'dig', 4)}"
        check = weigh(body, range(1, 12)) % 11
        if check == 10:
            check = weigh(body, (3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2)) % 11
        return f"{body}{check}" if check < 10 else None

    return until(rng, draft)


@maker
def pinfl(rng: random.Random) -> str:
    """Make an Uzbek PINFL (day of birth, weights 7, 3, 1)."""
    day = born(rng, 1950, 1999)
    body = f"{rng.choice('34')}{day:%d%m%y}{rng.randint(1, 300):03}{draw(rng, 'dig', 3)}"
    return f"{body}{weigh(body, (7, 3, 1, 7, 3, 1, 7, 3, 1, 7, 3, 1, 7)) % 10}"


@maker
def belarus(rng: random.Random) -> str:
    """Make a Belarusian personal number (day of birth, region, ICAO check digit)."""
    day = born(rng, 1950, 1999)
    body = (
        f"{rng.choice('34')}{day:%d%m%y}{rng.choice('ABCHKEM')}{rng.randint(1, 999):03}{rng.choice(('PB', 'BA', 'BI'))}"
    )
    return body + icao(body)


@maker
def ogrnip(rng: random.Random) -> str:
    """Make a Russian OGRNIP (rest by 13)."""
    body = fill("3{04/12/15/19/21}77{dig:9}", rng)
    return f"{body}{int(body) % 13 % 10}"


@maker
def ogrn(rng: random.Random) -> str:
    """Make a Russian OGRN (rest by 11)."""
    body = fill("1{02/07/14/18}77{dig:7}", rng)
    return f"{body}{int(body) % 11 % 10}"


@maker
def inn10(rng: random.Random) -> str:
    """Make a Russian INN of a company (FNS: modulus 11)."""
    body = rng.choice(("77", "78", "50")) + draw(rng, "dig", 7)
    return f"{body}{weigh(body, (2, 4, 10, 3, 5, 9, 4, 6, 8)) % 11 % 10}"


@maker
def oms(rng: random.Random) -> str:
    """Make a Russian OMS policy number (sixteen digits, Luhn)."""
    body = number(rng, 15)
    return body + luhn(body)


# --- Asia ------------------------------------------------------------------------------------------------------------
@maker
def brn_kr(rng: random.Random) -> str:
    """Make a Korean business number (NTS)."""
    body = number(rng, 9)
    total = weigh(body, (1, 3, 7, 1, 3, 7, 1, 3, 5)) + int(body[8]) * 5 // 10
    full = f"{body}{-total % 10}"
    return f"{full[:3]}-{full[3:5]}-{full[5:]}"


@maker
def frn_kr(rng: random.Random) -> str:
    """Make a Korean number of a foreigner (MOJ)."""
    day = born(rng)
    body = f"{day:%y%m%d}{rng.choice('78' if day.year >= 2000 else '56')}{rng.randint(0, 99):02}{draw(rng, 'dig', 3)}"
    body = body[:8] + rng.choice("02468") + body[9:]
    return f"{body[:6]}-{body[6:]}{(13 - weigh(body, (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)) % 11) % 10}"


@maker
def crn_kr(rng: random.Random) -> str:
    """Make a Korean corporate number (weights 1 and 2, modulus 10)."""
    body = "1101" + fill("11{dig:6}", rng)
    return f"{body[:6]}-{body[6:]}{-weigh(body, (1, 2) * 6) % 10}"


@maker
def uscc(rng: random.Random) -> str:
    """Make a Chinese unified social credit code (GB 32100-2015: modulus 31)."""
    signs = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    body = "91" + rng.choice(("110105", "310115", "440300", "330106")) + "MA" + "".join(rng.choices(signs, k=7))
    total = sum(signs.index(s) * (3**p % 31) for p, s in enumerate(body))
    return body + signs[-total % 31]


@maker
def ubn_tw(rng: random.Random) -> str:
    """Make a Taiwanese unified business number (MOF: weights 1, 2, 1, 2, 1, 2, 4, 1)."""

    def draft(rng: random.Random) -> str | None:
        text = draw(rng, "dig", 8)
        total = sum(sum(map(int, str(int(d) * w))) for d, w in zip(text, (1, 2, 1, 2, 1, 2, 4, 1), strict=True))
        return text if total % 10 == 0 and text[6] != "7" else None

    return until(rng, draft)


@maker
def arc_tw(rng: random.Random) -> str:
    """Make a Taiwanese residence number of the form of 2021 (MOI)."""
    body = draw(rng, "UP", 1) + rng.choice("89") + draw(rng, "dig", 7)
    return body + tw_check(body)


@maker
def hkid2(rng: random.Random) -> str:
    """Make a Hong Kong identity card number with two letters (ImmD)."""
    first, second = rng.choice(("WX", "XA", "XE", "EC")), draw(rng, "dig", 6)
    total = ALNUM.index(first[0]) * 9 + ALNUM.index(first[1]) * 8 + weigh(second, range(7, 1, -1))
    return f"{first}{second}({'0123456789A'[-total % 11]})"


@maker
def license_jp(rng: random.Random) -> str:
    """Make a Japanese driving licence number (modulus 11)."""
    body = fill("{30/44/62/10}{dig:8}", rng)
    rest = weigh(body, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return f"{body}{11 - rest if rest > 1 else 0}{rng.choice('01')}"


@maker
def houjin(rng: random.Random) -> str:
    """Make a Japanese corporate number (NTA: modulus 9)."""
    body = draw(rng, "dig", 12)
    return f"{9 - weigh(body, (2, 1) * 6) % 9}{body}"


@maker
def npwp(rng: random.Random) -> str:
    """Make an Indonesian NPWP of fifteen digits (DJP: Luhn)."""
    body = fill("0{1/2/3/7/8}{dig:6}", rng)
    full = body + luhn(body) + fill("{407/411/013/541}000", rng)
    return f"{full[:2]}.{full[2:5]}.{full[5:8]}.{full[8]}-{full[9:12]}.{full[12:]}"


@maker
def mst_vn(rng: random.Random) -> str:
    """Make a Vietnamese tax number (weights 31 to 3, modulus 11)."""

    def draft(rng: random.Random) -> str | None:
        body = fill("0{1/2/3}{dig:7}", rng)
        check = 10 - weigh(body, (31, 29, 23, 19, 17, 13, 7, 5, 3)) % 11
        return f"{body}{check}" if 0 <= check < 10 else None

    return until(rng, draft)


@maker
def kuwait(rng: random.Random) -> str:
    """Make a Kuwaiti civil id (PACI: modulus 11)."""

    def draft(rng: random.Random) -> str | None:
        day = born(rng, 1950, 2004)
        body = f"{3 if day.year >= 2000 else 2}{day:%y%m%d}{draw(rng, 'dig', 4)}"
        check = 11 - weigh(body, (2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)) % 11
        return f"{body}{check}" if check < 10 else None

    return until(rng, draft)


@maker
def codemelli(rng: random.Random) -> str:
    """Make an Iranian national code (modulus 11)."""
    body = fill("{001/002/127/228/093}{dig:6}", rng)
    rest = weigh(body, range(10, 1, -1)) % 11
    return f"{body}{rest if rest < 2 else 11 - rest}"


@maker
def tax_za(rng: random.Random) -> str:
    """Make a South African tax number (SARS: Luhn)."""
    body = rng.choice("0123") + draw(rng, "dig", 8)
    return body + luhn(body)


@maker
def nin_ng(rng: random.Random) -> str:
    """Make a Nigerian NIN (NIMC: eleven digits; Verhoeff's scheme)."""
    body = number(rng, 10)
    return body + verhoeff(body)


# --- the Americas ----------------------------------------------------------------------------------------------------
@maker
def nss_mx(rng: random.Random) -> str:
    """Make a Mexican NSS (IMSS: Luhn)."""
    body = fill("{12/45/61/32}{90/85/02}{78/88/95}{dig:4}", rng)
    return body + luhn(body)


@maker
def bn_ca(rng: random.Random) -> str:
    """Make a Canadian business number (CRA: Luhn, RC0001)."""
    body = rng.choice("178") + draw(rng, "dig", 7)
    return f"{body}{luhn(body)}RC0001"


@maker
def renavam(rng: random.Random) -> str:
    """Make a Brazilian RENAVAM (modulus 11)."""
    body = number(rng, 10)
    return f"{body}{weigh(body, (3, 2, 9, 8, 7, 6, 5, 4, 3, 2)) * 10 % 11 % 10}"


@maker
def titulo(rng: random.Random) -> str:
    """Make a Brazilian título de eleitor (TSE: state, two digits by modulus 11)."""
    body, state = number(rng, 8), rng.choice(("03", "04", "05", "06", "07", "08"))
    first = weigh(body, range(2, 10)) % 11 % 10
    second = weigh(f"{state}{first}", (7, 8, 9)) % 11 % 10
    return f"{body}{state}{first}{second}"


@maker
def rg_sp(rng: random.Random) -> str:
    """Make an RG of São Paulo (SSP-SP: modulus 11)."""
    body = number(rng, 8)
    check = 11 - weigh(body, range(2, 10)) % 11
    return f"{body[:2]}.{body[2:5]}.{body[5:]}-{ {10: 'X', 11: '0'}.get(check, str(check)) }"


@maker
def cbu(rng: random.Random) -> str:
    """Make an Argentine CBU (BCRA: two check digits)."""
    bank = fill("{0110/0170/0720/2850}{dig:3}", rng)
    bank += str(-weigh(bank, (7, 1, 3, 9, 7, 1, 3)) % 10)
    acct = draw(rng, "dig", 13)
    return f"{bank}{acct}{-weigh(acct, (3, 9, 7, 1, 3, 9, 7, 1, 3, 9, 7, 1, 3)) % 10}"


@maker
def ruc_ec(rng: random.Random) -> str:
    """Make an Ecuadorian RUC of a person (SRI: cédula and 001)."""
    return MAKERS["cedula_ec"](rng) + "001"


@maker
def dui(rng: random.Random) -> str:
    """Make a Salvadoran DUI (weights 9 to 2, modulus 10)."""
    body = "0" + draw(rng, "dig", 7)
    return f"{body}-{-weigh(body, range(9, 1, -1)) % 10}"


@maker
def cedula_do(rng: random.Random) -> str:
    """Make a Dominican cédula (JCE: Luhn)."""
    body = rng.choice(("001", "402", "031", "223")) + draw(rng, "dig", 7)
    return f"{body[:3]}-{body[3:]}-{luhn(body)}"


@maker
def cui_gt(rng: random.Random) -> str:
    """Make a Guatemalan CUI (RENAP: modulus 11, department)."""

    def draft(rng: random.Random) -> str | None:
        body = number(rng, 8)
        check = weigh(body, range(2, 10)) % 11
        return f"{body[:4]} {body[4:]}{check} {rng.choice(('0101', '0108', '0901', '1601'))}" if check < 10 else None

    return until(rng, draft)


@maker
def nit_gt(rng: random.Random) -> str:
    """Make a Guatemalan NIT (SAT: modulus 11, K for 10)."""
    body = number(rng, 7)
    total = sum(int(d) * w for d, w in zip(reversed(body), range(2, 9), strict=True))
    return f"{body}-{'0123456789K'[-total % 11]}"


@maker
def ruc_py(rng: random.Random) -> str:
    """Make a Paraguayan RUC (SET: modulus 11)."""
    body = str(rng.randint(1_000_000, 7_000_000))
    total = sum(int(d) * w for d, w in zip(reversed(body), range(2, 13), strict=False))
    rest = total % 11
    return f"{body}-{11 - rest if rest > 1 else 0}"


@maker
def rut_uy(rng: random.Random) -> str:
    """Make a Uruguayan RUT (DGI: modulus 11)."""

    def draft(rng: random.Random) -> str | None:
        body = f"21{rng.randint(1, 99):02}{draw(rng, 'dig', 4)}001"
        body = body[:8] + "001"
        check = -weigh("21" + body[2:8] + "001", (4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)) % 11
        return f"{body}{check}" if check < 10 else None

    return until(rng, draft)


@maker
def rfc_company(rng: random.Random) -> str:
    """Make a Mexican RFC of a company (SAT)."""
    text = "".join(rng.choices("BCDFGLMNPRST", k=3)) + f"{born(rng, 1985, 2004):%y%m%d}{draw(rng, 'UD', 2)}"
    return text + rfc_check(text)


# --- days ------------------------------------------------------------------------------------------------------------
@maker
def day_short(rng: random.Random) -> str:
    """Make a day of birth with two digits of the year."""
    return born(rng).strftime("%d.%%y")


@maker
def day_us_long(rng: random.Random) -> str:
    """Make a day of birth with the month as a word, as the United States write it (CLDR en-US long date)."""
    return born(rng).strftime("%B %-d, %Y")


def months(name: str, words: str, pattern: str) -> None:
    """Register a maker of a day of birth with the month as a word (CLDR)."""
    month_names = words.split()

    def make(rng: random.Random) -> str:
        day = born(rng)
        return pattern.format(d=day.day, m=month_names[day.month - 1], y=day.year)

    MAKERS[name] = make


months("day_de", "Januar Februar März April Mai Juni Juli August September Oktober November Dezember", "{d}. {m} {y}")
months("day_fr", "janvier février mars avril mai juin juillet août septembre octobre novembre décembre", "{d} {m} {y}")
months(
    "day_es",
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "{d} de {m} de {y}",
)
months(
    "day_pt",
    "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
    "{d} de {m} de {y}",
)
months(
    "day_it",
    "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "{d} {m} {y}",
)
months(
    "day_nl", "januari februari maart april mei juni juli augustus september oktober november december", "{d} {m} {y}"
)
months(
    "day_pl",
    "stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia",
    "{d} {m} {y}",
)
months("day_ru", "января февраля марта апреля мая июня июля августа сентября октября ноября декабря", "{d} {m} {y}")
months("day_kr", "1 2 3 4 5 6 7 8 9 10 11 12", "{y}년 {m}월 {d}일")
months("day_abbr", "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC", "{d:02}-{m}-{y}")

variant("mac_dash", "mac", lambda t: t.upper().replace(":", "-"))
variant("mac_cisco", "mac", lambda t: group(t.replace(":", ""), (4,), "."))
variant("vin_low", "vin", str.lower)
variant("ssn_spaced", "ssn", lambda t: t.replace("-", " "))
variant("ssn_dots", "ssn", lambda t: t.replace("-", "."))
variant("nhs_dashed", "nhs", lambda t: t.replace(" ", "-"))
variant("ahv_spaced", "ahv", lambda t: t.replace(".", " "))
cut("imei_dashed", "imei", (2, 6, 6, 1), "-")
cut("imei_spaced", "imei", (2, 6, 6, 1), " ")
cut("iccid_spaced", "iccid", (4,))
cut("sin_spaced", "sin", (3,))
cut("sin_dashed", "sin", (3,), "-")
cut("utr_spaced", "utr", (5, 5))
cut("bsn_dots", "bsn", (4, 2, 3), ".")
cut("bsn_spaced", "bsn", (3,))
cut("nif_pt_spaced", "nif_pt", (3,))
cut("aadhaar_dashed", "aadhaar", (4,), "-")
cut("fodsels_spaced", "fodselsnummer", (6, 5))
cut("thai_dashed", "thai_id", (1, 4, 5, 2, 1), "-")
cut("my_number_spaced", "my_number", (4,))
cut("za_spaced", "za_id", (6, 4, 2, 1))
cut("nif_dashed", "nif", (8, 1), "-")
cut("kvnr_spaced", "kvnr", (1, 3, 3, 3))
cut("clabe_spaced", "clabe", (3, 3, 11, 1))
cut("tfn_plain", "tfn", (9,))
cut("cf_spaced", "codice_fiscale", (3, 3, 5, 5))
cut("nip_dashed", "nip", (3, 3, 2, 2), "-")
cut("egn_plain", "egn", (10,))
cut("inn_spaced", "inn", (4,))
cut("snils_dashes", "snils", (3, 3, 3, 2), "-")
cut("aba_spaced", "aba", (4, 4, 1))
variant("nif_dotted", "nif", lambda t: f"{t[:2]}.{t[2:5]}.{t[5:8]}-{t[8]}")
variant("visa_dots", "visa", lambda t: group(t, (4,), "."))
variant("steuer_id_slash", "steuer_id", lambda t: f"{t[:2]}/{t[2:5]}/{t[5:8]}/{t[8:]}")
for _n in tuple(MAKERS):
    if not re.search(r"_(plain|low|spaced|dashed)$|^day_|^lat|^lon|^ip", _n):
        if f"{_n}_plain" not in MAKERS:
            variant(f"{_n}_plain", _n, plain)
        if f"{_n}_low" not in MAKERS:
            variant(f"{_n}_low", _n, str.lower)
cut("dowod_cut", "dowod", (3, 6))
variant("rut_nodots", "rut", lambda t: t.replace(".", ""))
