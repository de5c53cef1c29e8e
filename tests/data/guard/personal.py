# ruff: noqa: E501 - a table has a line a type
"""Patterned personal data of the world: mail, telephone, cards, accounts, devices, addresses; numbers of states."""

from __future__ import annotations

import random
from dataclasses import dataclass

from tests.data.guard import national
from tests.data.guard.checksums import base58check, bech32, luhn, mod97, regroup
from tests.data.guard.labelled import Labelled
from tests.data.guard.shapes import Maker, draw, fill

FIRST = [
    "anna",
    "ben",
    "chloe",
    "david",
    "elif",
    "farid",
    "greta",
    "hugo",
    "ines",
    "jonas",
    "katja",
    "luca",
    "maria",
    "nils",
    "olga",
    "pedro",
    "quentin",
    "rosa",
    "sven",
    "tara",
]
LAST = [
    "berg",
    "novak",
    "rossi",
    "garcia",
    "schmidt",
    "dubois",
    "kowalski",
    "jansen",
    "silva",
    "yilmaz",
    "tanaka",
    "olsen",
    "murphy",
    "weber",
    "costa",
    "horvat",
    "popov",
]
DOMAINS = (
    "firma-{}.de",
    "{}.com",
    "mail.{}.co.uk",
    "{}.org",
    "{}-group.fr",
    "{}.io",
    "dept.{}.edu",
    "{}.com.br",
    "{}.eu",
)


@dataclass(frozen=True, slots=True)
class PersonalType:
    """One type of personal data: how it is made and how people write it down."""

    name: str
    maker: Maker
    frames: tuple[str, ...]
    distinctive: bool = False
    label: str = ""
    """What a person calls it, if not by the type's name."""

    def make(self, rng: random.Random) -> Labelled:
        """Make one value in one plain place."""
        value = self.maker(rng)
        before, _, after = rng.choice(self.frames).partition("\0")
        span = (len(before), len(before) + len(value))
        label = self.label or self.name
        return Labelled(before + value + after, (span,), "personal", "personal", self.name, label, self.distinctive)


def mail(rng: random.Random) -> str:
    """Make a mail address of somebody."""
    first, last = rng.choice(FIRST), rng.choice(LAST)
    user = rng.choice(
        (
            f"{first}.{last}",
            f"{first[0]}{last}",
            f"{first}_{last}{rng.randint(1, 99)}",
            f"{first}+news",
            f"{last}-{first}",
        )
    )
    return f"{user}@{rng.choice(DOMAINS).format(draw(rng, 'low', rng.randint(4, 9)))}"


CARD_PREFIXES = {
    "Visa": (("4",), 16), "Mastercard": (("51", "52", "53", "54", "55", "2221", "2500", "2720"), 16), "Amex": (("34", "37"), 15),
    "Discover": (("6011", "65"), 16), "JCB": (("3528", "3550", "3589"), 16), "Diners": (("36", "300", "38"), 14),
    "UnionPay": (("62",), 16), "Maestro": (("5018", "6304", "6759"), 16),
}  # fmt: skip


def card(brand: str) -> Maker:
    """Make card numbers of a brand, in groups or not."""
    prefixes, length = CARD_PREFIXES[brand]

    def make(rng: random.Random) -> str:
        body = rng.choice(prefixes)
        body += draw(rng, "dig", length - 1 - len(body))
        number = body + luhn(body)
        glue = rng.choice(("", " ", "-"))
        sizes = (4, 6, len(number) - 10) if length in {14, 15} else (4, 4, 4, 4)
        groups, at = [], 0
        for size in sizes:
            groups.append(number[at : at + size])
            at += size
        return glue.join(groups)

    return make


IBAN_FORMS = dict(line.split() for line in """
AD {dig:8}{UD:12}
AE {dig:19}
AL {dig:8}{UD:16}
AT {dig:16}
AZ {UP:4}{UD:20}
BA {dig:16}
BE {dig:12}
BG {UP:4}{dig:6}{UD:8}
BH {UP:4}{UD:14}
BR {dig:23}{UP:1}{UD:1}
BY {UD:4}{dig:4}{UD:16}
CH {dig:5}{UD:12}
CR {dig:18}
CY {dig:8}{UD:16}
CZ {dig:20}
DE {dig:18}
DK {dig:14}
DO {UD:4}{dig:20}
EE {dig:16}
EG {dig:25}
ES {dig:20}
FI {dig:14}
FO {dig:14}
FR {dig:10}{UD:11}{dig:2}
GB {UP:4}{dig:14}
GE {UP:2}{dig:16}
GI {UP:4}{UD:15}
GL {dig:14}
GR {dig:7}{UD:16}
GT {UD:4}{UD:20}
HR {dig:17}
HU {dig:24}
IE {UP:4}{dig:14}
IL {dig:19}
IQ {UP:4}{dig:15}
IS {dig:22}
IT {UP:1}{dig:10}{UD:12}
JO {UP:4}{dig:4}{UD:18}
KW {UP:4}{UD:22}
KZ {dig:3}{UD:13}
LB {dig:4}{UD:20}
LC {UP:4}{UD:24}
LI {dig:5}{UD:12}
LT {dig:16}
LU {dig:3}{UD:13}
LV {UP:4}{UD:13}
LY {dig:21}
MC {dig:10}{UD:11}{dig:2}
MD {UD:20}
ME {dig:18}
MK {dig:3}{UD:10}{dig:2}
MR {dig:23}
MT {UP:4}{dig:5}{UD:18}
MU {UP:4}{dig:19}{UP:3}
NL {UP:4}{dig:10}
NO {dig:11}
PK {UP:4}{UD:16}
PL {dig:24}
PS {UP:4}{UD:21}
PT {dig:21}
QA {UP:4}{UD:21}
RO {UP:4}{UD:16}
RS {dig:18}
SA {dig:2}{UD:18}
SC {UP:4}{dig:20}{UP:3}
SD {dig:14}
SE {dig:20}
SI {dig:15}
SK {dig:20}
SM {UP:1}{dig:10}{UD:12}
ST {dig:21}
SV {UP:4}{dig:20}
TL {dig:19}
TN {dig:20}
TR {dig:5}0{UD:16}
UA {dig:6}{UD:19}
VA {dig:18}
VG {UP:4}{dig:16}
XK {dig:16}
""".strip().splitlines())  # fmt: skip
"""What follows the check digits, by country (the IBAN registry of SWIFT)."""


def iban(countries: tuple[str, ...]) -> Maker:
    """Make account numbers of these countries, in groups of four or in one piece."""

    def make(rng: random.Random) -> str:
        country = rng.choice(countries)
        body = fill(IBAN_FORMS[country], rng)
        number = f"{country}{98 - mod97(body + country + '00'):02d}{body}"
        return number if rng.random() < 0.5 else " ".join(number[at : at + 4] for at in range(0, len(number), 4))

    return make


PHONES = {
    "US": "+1 {2/3/4/6/7/8}{nz:2} {2/3/4/6/7/8}{dig:2} {dig:4}|({2/3/4/6/7/8}{nz:2}) {3/4/6/7}{dig:2}-{dig:4}|{2/3/4/7}{nz:2}-{3/4/7}{dig:2}-{dig:4}",
    "GB": "+44 20 7{dig:3} {dig:4}|07{4/5/7/8/9}{dig:2} {dig:6}|+44 7{4/5/7}{dig:2} {dig:6}|020 7{dig:3} {dig:4}",
    "DE": "+49 30 {nz:1}{dig:6}|+49 (0)89 {nz:1}{dig:6}|0{151/160/171/176} {dig:8}|030/{nz:1}{dig:7}|0211 {nz:1}{dig:6}",
    "FR": "+33 {1/4/6/7} {dig:2} {dig:2} {dig:2} {dig:2}|0{1/4/6/7} {dig:2} {dig:2} {dig:2} {dig:2}|0{6/7}.{dig:2}.{dig:2}.{dig:2}.{dig:2}",
    "ES": "+34 6{dig:2} {dig:3} {dig:3}|+34 91 {dig:3} {dig:2} {dig:2}|6{dig:2} {dig:2} {dig:2} {dig:2}",
    "IT": "+39 3{2/3/4}{dig:1} {dig:3} {dig:4}|+39 06 {dig:4} {dig:4}|02 {nz:1}{dig:7}",
    "NL": "+31 6 {dig:8}|06-{nz:1}{dig:7}|+31 20 {nz:1}{dig:2} {dig:4}",
    "BE": "+32 4{7/8/9}{dig:1} {dig:2} {dig:2} {dig:2}|04{7/8}{dig:1} {dig:2} {dig:2} {dig:2}",
    "CH": "+41 44 {nz:1}{dig:2} {dig:2} {dig:2}|07{6/8/9} {nz:1}{dig:2} {dig:2} {dig:2}",
    "AT": "+43 1 {nz:1}{dig:6}|+43 6{50/60/64/99} {dig:7}|0664 {dig:7}",
    "PL": "+48 {5/6/7}{dig:2} {dig:3} {dig:3}|+48 22 {nz:1}{dig:2} {dig:2} {dig:2}",
    "CZ": "+420 {6/7}{dig:2} {dig:3} {dig:3}|+420{6/7}{dig:8}",
    "SE": "+46 7{0/2/3/6} {dig:3} {dig:2} {dig:2}|08-{nz:1}{dig:2} {dig:3} {dig:2}",
    "NO": "+47 {4/9}{dig:2} {dig:2} {dig:3}|+47 22 {dig:2} {dig:2} {dig:2}",
    "DK": "+45 {2/3/4}{dig:1} {dig:2} {dig:2} {dig:2}|+45{2/3}{dig:7}",
    "FI": "+358 4{0/4/5} {dig:7}|+358 9 {nz:1}{dig:6}",
    "PT": "+351 9{1/2/3/6}{dig:1} {dig:3} {dig:3}|+351 21 {nz:1}{dig:2} {dig:4}",
    "IE": "+353 8{5/6/7} {nz:1}{dig:2} {dig:4}|+353 1 {nz:1}{dig:2} {dig:4}",
    "GR": "+30 69{4/7}{dig:1} {dig:6}|+30 21{dig:1} {dig:7}",
    "TR": "+90 5{3/4}{dig:1} {nz:1}{dig:2} {dig:2} {dig:2}|0532 {nz:1}{dig:2} {dig:2} {dig:2}",
    "RU": "+7 9{1/2/6}{dig:1} {dig:3}-{dig:2}-{dig:2}|8 (495) {nz:1}{dig:2}-{dig:2}-{dig:2}",
    "UA": "+380 {50/67/93} {nz:1}{dig:2} {dig:2} {dig:2}|+380{50/67/93}{dig:7}",
    "IN": "+91 9{dig:4} {dig:5}|+91-8{dig:9}|+91 98{dig:3} {dig:5}",
    "CN": "+86 13{dig:1} {dig:4} {dig:4}|+86 10 6{dig:3} {dig:4}|+8613{dig:9}",
    "JP": "+81 90-{nz:1}{dig:3}-{dig:4}|03-{nz:1}{dig:3}-{dig:4}|090-{nz:1}{dig:3}-{dig:4}",
    "KR": "+82 10-{nz:1}{dig:3}-{dig:4}|010-{nz:1}{dig:3}-{dig:4}",
    "AU": "+61 4{dig:2} {dig:3} {dig:3}|04{dig:2} {dig:3} {dig:3}|(02) 9{dig:3} {dig:4}",
    "NZ": "+64 21 {nz:1}{dig:2} {dig:4}|021 {nz:1}{dig:2} {dig:4}",
    "BR": "+55 11 9{dig:4}-{dig:4}|(21) 9{dig:4}-{dig:4}|+55 (31) 3{dig:3}-{dig:4}",
    "MX": "+52 55 {nz:1}{dig:3} {dig:4}|+52 1 33 {nz:1}{dig:3} {dig:4}",
    "AR": "+54 9 11 {nz:1}{dig:3}-{dig:4}|+54 11 {nz:1}{dig:3}-{dig:4}",
    "ZA": "+27 8{2/3/4} {dig:3} {dig:4}|082 {dig:3} {dig:4}",
    "IL": "+972 5{0/2/4}-{nz:1}{dig:2}-{dig:4}|05{0/2/4}-{dig:7}",
    "SG": "+65 {8/9}{dig:3} {dig:4}",
    "AE": "+971 5{0/5} {nz:1}{dig:2} {dig:4}",
    "NG": "+234 80{3/5/6} {dig:3} {dig:4}",
    "HU": "+36 {20/30/70} {nz:1}{dig:2} {dig:4}",
    "RO": "+40 7{2/4}{dig:1} {dig:3} {dig:3}",
}  # fmt: skip
"""Ways to write numbers that can be dialled, by country."""


def phone(country: str) -> Maker:
    """Make telephone numbers of a country."""
    forms = PHONES[country].split("|")
    return lambda rng: fill(rng.choice(forms), rng)


def ipv4(rng: random.Random) -> str:
    """Make a public or private IPv4 address."""
    return f"{rng.choice((10, 46, 81, 88, 91, 145, 178, 188, 193, 203, 212, 217))}.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randint(1, 254)}"


def ipv6(rng: random.Random) -> str:
    """Make an IPv6 address, in full or shortened."""
    groups = [draw(rng, "nz", 1) + draw(rng, "hex", 3) for _ in range(6)]
    return (
        f"2a02:{groups[0]}:{groups[1]}::{groups[2]}" if rng.random() < 0.5 else f"2001:{groups[5]}:" + ":".join(groups)
    )


def mac(rng: random.Random) -> str:
    """Make the address of a network card."""
    glue, upper = rng.choice((":", "-")), rng.random() < 0.5
    text = glue.join(f"{rng.randrange(256):02x}" for _ in range(6))
    return text.upper() if upper else text


def with_luhn(prefix: str, length: int) -> Maker:
    """Make numbers of that many digits, the last by Luhn."""

    def make(rng: random.Random) -> str:
        body = prefix + draw(rng, "dig", length - 1 - len(prefix))
        return body + luhn(body)

    return make


def vin(rng: random.Random) -> str:
    """Make a vehicle identification number with the check digit of ISO 3779 as North America computes it."""
    values = dict(
        zip(
            "ABCDEFGHJKLMNPRSTUVWXYZ0123456789",
            [*range(1, 9), *range(1, 6), 7, 9, *range(2, 10), *range(10)],
            strict=True,
        )
    )
    signs = [rng.choice("ABCDEFGHJKLMNPRSTUVWXYZ0123456789") for _ in range(17)]
    signs[:3], signs[8], signs[13:] = rng.choice(("1HG", "WBA", "JT2", "5YJ", "2FM")), "0", draw(rng, "dig", 4)
    weights = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
    rest = sum(values[sign] * weight for sign, weight in zip(signs, weights, strict=True)) % 11
    signs[8] = "X" if rest == 10 else str(rest)
    return "".join(signs)


def birth(rng: random.Random) -> str:
    """Make a date of birth as people write it."""
    year, month, day = rng.randint(1941, 2007), rng.randint(1, 12), rng.randint(1, 28)
    names = [
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
    return rng.choice((f"{day:02d}.{month:02d}.{year}", f"{year}-{month:02d}-{day:02d}", f"{month:02d}/{day:02d}/{year}",
                       f"{day} {names[month - 1]} {year}", f"{names[month - 1]} {day}, {year}"))  # fmt: skip


STREETS = {
    "US": "{nz:1}{dig:2} {Maple/Oak/Cedar/Lincoln} {Street/Ave/Blvd/Drive}, {Denver/Boise/Austin}, {CO/ID/TX} {8/7}{dig:4}",
    "GB": "{nz:1}{dig:1} {Baker/Church/Mill} {Street/Road/Lane}, {Leeds/York/Bath} {LS/YO/BA}{nz:1} {nz:1}{UP:2}",
    "DE": "{Haupt/Garten/Bahnhof/Linden}{str./straße} {nz:2}, {nz:1}{dig:4} {Kassel/Jena/Bonn}",
    "FR": "{nz:2} {rue/avenue} {Victor.Hugo/Pasteur/Voltaire}, {75/69/33}0{dig:2} {Paris/Lyon/Bordeaux}",
    "ES": "{Calle/Avenida} {Mayor/Goya/Serrano} {nz:2}, 280{dig:2} Madrid",
    "IT": "Via {Garibaldi/Verdi/Mazzini} {nz:2}, {20/40}1{dig:2} {Milano/Bologna}",
    "NL": "{Kerk/Dorps/School}straat {nz:2}, {nz:1}{dig:3} {UP:2} {Utrecht/Leiden}",
    "CH": "{Bahnhof/See}strasse {nz:2}, {8/3}{dig:3} {Zürich/Bern}",
    "AT": "{Linzer/Mariahilfer}.Straße {nz:2}, 1{dig:1}{nz:1}0 Wien",
    "PL": "ul. {Długa/Polna/Leśna} {nz:2}, {dig:2}-{dig:3} {Kraków/Gdańsk}",
}  # fmt: skip


def street(country: str) -> Maker:
    """Make postal addresses of a country."""
    form = STREETS[country]
    return lambda rng: fill(form, rng).replace("Victor.Hugo", "Victor Hugo").replace("r.Straße", "r Straße")


def shaped(shape: str) -> Maker:
    """Make values of one shape."""
    return lambda rng: fill(shape, rng)


def routing(rng: random.Random) -> str:
    """Make an ABA routing number."""
    body = rng.choice(("01", "02", "03", "06", "07", "11", "12", "26", "32")) + draw(rng, "dig", 6)
    total = sum(int(digit) * weight for digit, weight in zip(body, (3, 7, 1, 3, 7, 1, 3, 7), strict=True))
    return body + str(-total % 10)


MAIL = ("Contact: \0", "my mail is \0, write me", "From: Anna <\0>", '"email": "\0"', "mail=\0", "Bitte an \0 schicken.",
        '<a href="mailto:\0">', "user \0 logged in", "écris à \0", "1,\0,active")  # fmt: skip
PHONE = (
    "Call me at \0.",
    "phone: \0",
    "Tel.: \0",
    "Meine Nummer ist \0.",
    '"phone": "\0"',
    "mobile \0",
    "Rückruf bitte unter \0",
    "WhatsApp \0",
)
CARD = (
    "card: \0",
    "my credit card is \0",
    '"card_number": "\0"',
    "Kreditkarte \0",
    "paid with \0 today",
    "carte bancaire \0",
)
ACCOUNT = ("IBAN: \0", "Please transfer to \0.", "Konto \0", '"iban": "\0"', "compte \0", "my account is \0")
NET = (
    "client ip \0",
    "login from \0 at 10:11",
    "ip_address=\0",
    '"remote_addr": "\0"',
    "The user's IP is \0",
    "ssh anna@\0",
)
ADDRESS = ("Address: \0", "I live at \0.", "Anschrift: \0", "ship it to \0", "Adresse: \0")
COIN = ("wallet \0", "send it to \0", "BTC address: \0", '"address": "\0"', "my address is \0")

EUROPE, REST = ("DE", "FR", "ES", "IT", "NL", "BE", "AT", "CH", "PL", "GB"), tuple(sorted(IBAN_FORMS))

TYPES: list[PersonalType] = [
    PersonalType("e-mail", mail, MAIL, distinctive=True),
    *(PersonalType(f"{country} phone", phone(country), PHONE) for country in PHONES),
    *(PersonalType(f"{brand} card", card(brand), CARD, distinctive=True) for brand in CARD_PREFIXES),
    PersonalType("IBAN", iban(EUROPE), ACCOUNT, distinctive=True),
    PersonalType("IBAN of the world", iban(REST), ACCOUNT, distinctive=True),
    PersonalType("IPv4", ipv4, NET),
    PersonalType("IPv6", ipv6, NET),
    PersonalType("MAC", mac, ("MAC \0", "hwaddr \0", "device \0 joined", '"mac": "\0"', "ether \0")),
    PersonalType("IMEI", with_luhn("35", 15), ("IMEI: \0", "imei=\0", "the phone's IMEI is \0", "IMEI-Nummer \0")),
    PersonalType("IMSI", shaped("262{01/02/03}{dig:10}"), ("IMSI: \0", "imsi=\0")),
    PersonalType("ICCID", with_luhn("8949", 19), ("ICCID: \0", "SIM \0", "sim card iccid \0")),
    PersonalType("VIN", vin, ("VIN: \0", "vin=\0", "my car's VIN is \0", "Fahrgestellnummer \0", "FIN \0")),
    PersonalType("Bitcoin address", lambda rng: base58check(b"\0" + rng.randbytes(20)), COIN, distinctive=True),
    PersonalType("Bitcoin script address", lambda rng: base58check(b"\5" + rng.randbytes(20)), COIN, distinctive=True),
    PersonalType("Bitcoin segwit address", lambda rng: bech32("bc", [0, *regroup(rng.randbytes(20))]), COIN, distinctive=True),
    PersonalType("Bitcoin taproot address", lambda rng: bech32("bc", [1, *regroup(rng.randbytes(32))], 0x2BC830A3), COIN, distinctive=True),
    PersonalType("Ethereum address", lambda rng: "0x" + draw(rng, "hex", 40), COIN, distinctive=True),
    PersonalType("Litecoin address", lambda rng: base58check(b"\x30" + rng.randbytes(20)), ("LTC \0", "litecoin wallet \0")),
    PersonalType("Tron address", lambda rng: base58check(b"\x41" + rng.randbytes(20)), ("TRX wallet \0", "tron address \0")),
    PersonalType("date of birth", birth, ("born on \0", "DOB: \0", "date of birth: \0", "geboren am \0", "Geburtsdatum: \0", '"birthdate": "\0"', "né le \0", "nacido el \0")),
    *(PersonalType(f"{country} address", street(country), ADDRESS) for country in STREETS),
    PersonalType("ABA routing number", routing, ("routing number: \0", "ABA \0", "RTN \0", "routing no. \0, account below")),
    PersonalType("US bank account", shaped("{nz:1}{dig:9}"), ("account number: \0", "bank account \0", "acct no. \0")),
    PersonalType("BIC", shaped("{DEUT/COBA/BNPA/UBSW/INGB/BARC}{DE/FR/CH/NL/GB}{FF/PP/22/2L}{XXX/500}"), ("BIC: \0", "SWIFT code \0", "swift/bic \0")),
    PersonalType("UK sort code and account", shaped("{dig:2}-{dig:2}-{dig:2} {dig:8}"), ("sort code and account: \0", "Sort code / account number \0")),
    *(
        PersonalType(name, maker, frames, label=frames[0].removesuffix(": \0"))
        for name, maker, frames in national.TYPES
    ),
]  # fmt: skip
"""All types; the numbers of states stand in `national`."""
