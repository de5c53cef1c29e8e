"""The rules by which states form their numbers: bodies, check digits, layouts.

Each maker follows the published rule of its number; a wrong draw (a check "digit" of ten) is drawn again.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from tests.data.guard.checksums import luhn, weighted
from tests.data.guard.shapes import Maker, draw, fill

Day = tuple[int, int, int]
Check = Callable[[str], str | None]


def day_of_birth(rng: random.Random) -> Day:
    """Draw a day between 1940 and 2007: year, month, day."""
    return rng.randint(1940, 2007), rng.randint(1, 12), rng.randint(1, 28)


def checked(body: Maker, check: Check, form: str = "") -> Maker:
    """Make numbers with check digits behind a body, laid out like `form` (`#` is a sign), or in one piece."""

    def make(rng: random.Random) -> str:
        while True:
            start = body(rng)
            digits = check(start)
            if digits is not None:
                return lay_out(start + digits, form, rng)

    return make


def lay_out(number: str, form: str, rng: random.Random) -> str:
    """Lay a number out like one of these forms, `|` between them."""
    chosen = rng.choice(form.split("|")) if form else ""
    if not chosen:
        return number
    signs = iter(number)
    return "".join(next(signs) if sign == "#" else sign for sign in chosen)


def shaped(shape: str) -> Maker:
    """Make values of one shape."""
    return lambda rng: fill(shape, rng)


def dated(form: str, *, century: bool = False) -> Maker:
    """Make a birthday and what follows: `YYMMDD{dig:3}`."""

    def make(rng: random.Random) -> str:
        year, month, day = day_of_birth(rng)
        if not century:
            year = min(year, 1999)
        filled = form.replace("YYYY", f"{year}").replace("YY", f"{year % 100:02d}")
        return fill(filled.replace("MM", f"{month:02d}").replace("DD", f"{day:02d}"), rng)

    return make


def modulus(weights: Sequence[int], by: int, *, minus: bool = False, ten: str | None = None) -> Check:
    """Check by weights: the remainder, or what it lacks to the modulus. `ten` stands for a remainder of ten."""

    def check(body: str) -> str | None:
        rest = weighted(body, weights) % by
        rest = -rest % by if minus else rest
        return str(rest) if rest < 10 else ten

    return check


def both(first: Check, second: Check) -> Check:
    """Put a second check digit behind the first."""

    def check(body: str) -> str | None:
        one = first(body)
        two = None if one is None else second(body + one)
        return None if one is None or two is None else one + two

    return check


def spanish_letter(body: str) -> str:
    """Return the letter of a DNI or NIE."""
    digits = body.replace("X", "0").replace("Y", "1").replace("Z", "2")
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(digits) % 23]


ODD_SIGNS = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)
"""What A to Z count at odd places of a codice fiscale; digits count as the first ten letters."""

ODD = {
    sign: ODD_SIGNS[int(sign, 36) - (10 if sign.isalpha() else 0)] for sign in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
}


def italian_letter(body: str) -> str:
    """Return the last letter of a codice fiscale."""
    total = sum(
        ODD[sign] if place % 2 == 0 else int(sign) if sign.isdigit() else ord(sign) - 65
        for place, sign in enumerate(body)
    )
    return chr(65 + total % 26)


def italian_code(rng: random.Random) -> str:
    """Make a codice fiscale without its last letter."""
    consonants = "BCDFGLMNPRSTVZ"
    name = "".join(rng.choices(consonants, k=6))
    year, _, day = day_of_birth(rng)
    town = rng.choice(("H501", "F205", "D612", "L219", "A944"))
    return f"{name}{year % 100:02d}{rng.choice('ABCDEHLMPRST')}{day + rng.choice((0, 40)):02d}{town}"


def french_key(body: str) -> str:
    """Return the key of a French social security number."""
    return f"{97 - int(body) % 97:02d}"


def french_person(rng: random.Random) -> str:
    """Make a French social security number without its key."""
    year, month, _ = day_of_birth(rng)
    town, serial = f"{rng.randint(1, 95):02d}{rng.randint(1, 400):03d}", f"{rng.randint(1, 400):03d}"
    return f"{rng.choice('12')}{year % 100:02d}{month:02d}{town}{serial}"


def german_tax_body(rng: random.Random) -> str:
    """Make ten digits of which one comes twice, as a German tax number has them."""
    digits = rng.sample("0123456789", 10)
    first = rng.randrange(10)
    twice = rng.choice([place for place in range(10) if place != first])
    digits[first] = digits[twice]
    if digits[0] == "0":
        digits[0], digits[-1] = digits[-1], digits[0]
    return "".join(digits) if digits[0] != "0" else german_tax_body(rng)


def german_document_check(body: str) -> str:
    """Return the check digit of a German identity card or passport (ICAO 9303)."""
    return str(sum(int(sign, 36) * (7, 3, 1)[place % 3] for place, sign in enumerate(body)) % 10)


def german_pension(rng: random.Random) -> str:
    """Make a German social security number."""
    year, month, day = day_of_birth(rng)
    area, letter = rng.choice(("12", "15", "65", "53", "40")), rng.choice("ABDGHKLMNRSW")
    head, serial = f"{area}{day:02d}{month:02d}{year % 100:02d}", f"{rng.randint(0, 99):02d}"
    digits = head + f"{ord(letter) - 64:02d}" + serial
    products = (int(digit) * weight for digit, weight in zip(digits, (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1), strict=True))
    return head + letter + serial + str(sum(sum(map(int, str(product))) for product in products) % 10)


def german_health(rng: random.Random) -> str:
    """Make the number of a German health card: a letter, eight digits, a check digit."""
    letter, body = rng.choice("ABCDEHKMPRSTW"), draw(rng, "dig", 8)
    digits = f"{ord(letter) - 64:02d}" + body
    total = sum(sum(map(int, str(int(digit) * (1 + place % 2)))) for place, digit in enumerate(digits))
    return letter + body + str(total % 10)


def baltic_check(body: str) -> str:
    """Return the check digit of Estonian and Lithuanian personal codes."""
    rest = weighted(body, (1, 2, 3, 4, 5, 6, 7, 8, 9, 1)) % 11
    rest = weighted(body, (3, 4, 5, 6, 7, 8, 9, 1, 2, 3)) % 11 if rest == 10 else rest
    return str(rest % 10)


def finnish(rng: random.Random) -> str:
    """Make a Finnish personal identity code."""
    year, month, day = day_of_birth(rng)
    born, serial = f"{day:02d}{month:02d}{year % 100:02d}", f"{rng.randint(2, 899):03d}"
    return f"{born}{'A' if year >= 2000 else '-'}{serial}" + "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(born + serial) % 31]


def norwegian_check(body: str) -> str | None:
    """Return both check digits of a Norwegian birth number."""
    return both(
        modulus((3, 7, 6, 1, 8, 9, 4, 5, 2), 11, minus=True), modulus((5, 4, 3, 2, 7, 6, 5, 4, 3, 2), 11, minus=True)
    )(body)


def czech(rng: random.Random) -> str:
    """Make a Czech or Slovak birth number: divisible by eleven, women's months plus fifty."""
    while True:
        year, month, day = day_of_birth(rng)
        if not 1954 <= year <= 1999:
            continue
        body = f"{year % 100:02d}{month + rng.choice((0, 50)):02d}{day:02d}{rng.randint(0, 999):03d}"
        rest = -int(body + "0") % 11
        if rest < 10:
            return f"{body[:6]}{rng.choice(('/', ''))}{body[6:]}{rest}"


def belgian_check(body: str) -> str:
    """Return the check number of a Belgian national number of somebody born before 2000."""
    return f"{97 - int(body) % 97:02d}"


def hong_kong(rng: random.Random) -> str:
    """Make a Hong Kong identity card number."""
    letter, digits = rng.choice("ABCDEGHKPRSVYZ"), draw(rng, "dig", 6)
    total = 9 * 36 + 8 * (ord(letter) - 55) + weighted(digits, (7, 6, 5, 4, 3, 2))
    rest = -total % 11
    return f"{letter}{digits}({'A' if rest == 10 else rest})"


def taiwan_check(body: str) -> str:
    """Return the check digit of a Taiwanese identity card."""
    number = "ABCDEFGHJKLMNPQRSTUVXYWZIO".index(body[0]) + 10
    return str(-(number // 10 + number % 10 * 9 + weighted(body[1:], (8, 7, 6, 5, 4, 3, 2, 1))) % 10)


def singapore(rng: random.Random) -> str:
    """Make a Singaporean identity number."""
    kind, body = rng.choice("STFG"), draw(rng, "dig", 7)
    rest = (weighted(body, (2, 7, 6, 5, 4, 3, 2)) + (4 if kind in "TG" else 0)) % 11
    return kind + body + ("JZIHGFEDCBA" if kind in "ST" else "XWUTRQPNMLK")[rest]


def chinese_check(body: str) -> str:
    """Return the check sign of a Chinese resident identity number (ISO 7064 MOD 11-2)."""
    return "10X98765432"[weighted(body, (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)) % 11]


def chilean_check(body: str) -> str:
    """Return the check sign of a Chilean RUT."""
    rest = -sum(int(digit) * (2 + place % 6) for place, digit in enumerate(reversed(body))) % 11
    return "K" if rest == 10 else str(rest)


def brazilian(weights: Sequence[int]) -> Check:
    """Check as Brazil does: a remainder below two is zero."""

    def check(body: str) -> str:
        rest = weighted(body, weights) % 11
        return "0" if rest < 2 else str(11 - rest)

    return check


def turkish_check(body: str) -> str:
    """Return both check digits of a Turkish identity number."""
    digits = [int(digit) for digit in body]
    tenth = (sum(digits[0::2]) * 7 - sum(digits[1::2])) % 10
    return f"{tenth}{(sum(digits) + tenth) % 10}"


def mexican_check(body: str) -> str:
    """Return the check digit of a CURP."""
    signs = "0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ"
    return str(-sum(signs.index(sign) * (18 - place) for place, sign in enumerate(body)) % 10)


def australian_company(rng: random.Random) -> str:
    """Make an Australian business number: two check digits in front, the weighted sum divisible by 89."""
    while True:
        body = draw(rng, "dig", 9)
        rest = weighted(body, (3, 5, 7, 9, 11, 13, 15, 17, 19))
        for check in range(10, 100):
            if (10 * (check // 10 - 1) + check % 10 + rest) % 89 == 0:
                return lay_out(f"{check}{body}", "## ### ### ###|", rng)


def british_health(body: str) -> str | None:
    """Return the check digit of an NHS number."""
    rest = -weighted(body, range(10, 1, -1)) % 11
    return None if rest == 10 else str(rest)


def dutch_check(body: str) -> str | None:
    """Return the last digit of a Dutch citizen number, whose weight is minus one."""
    rest = weighted(body, range(9, 1, -1)) % 11
    return None if rest == 10 else str(rest)


def irish_letter(body: str) -> str:
    """Return the letter of an Irish PPS number."""
    return "WABCDEFGHIJKLMNOPQRSTUV"[weighted(body, range(8, 1, -1)) % 23]


def dea_check(body: str) -> str:
    """Return the check digit of a DEA number."""
    digits = [int(digit) for digit in body[2:]]
    return str((sum(digits[0::2]) + 2 * sum(digits[1::2])) % 10)


def npi(rng: random.Random) -> str:
    """Make a US provider number: Luhn with 80840 in front."""
    body = rng.choice("12") + draw(rng, "dig", 8)
    return body + luhn("80840" + body)


def kazakh_check(body: str) -> str | None:
    """Return the check digit of a Kazakh number, by a second row of weights if the first gives ten."""
    rest = weighted(body, range(1, 12)) % 11
    rest = weighted(body, (3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2)) % 11 if rest == 10 else rest
    return None if rest == 10 else str(rest)


def snils_check(body: str) -> str:
    """Return the check number of a Russian SNILS."""
    total = weighted(body, range(9, 0, -1)) % 101
    return f"{total % 100:02d}"


def swiss(rng: random.Random) -> str:
    """Make a Swiss AHV number: an EAN-13 that begins with 756."""
    body = "756" + draw(rng, "dig", 9)
    number = body + str(-weighted(body, (1, 3) * 6) % 10)
    return lay_out(number, "###.####.####.##", rng)


def austrian(rng: random.Random) -> str:
    """Make an Austrian social insurance number, whose check digit is the fourth."""
    while True:
        year, month, day = day_of_birth(rng)
        serial, born = str(rng.randint(100, 999)), f"{day:02d}{month:02d}{year % 100:02d}"
        rest = weighted(serial + born, (3, 7, 9, 5, 8, 4, 2, 1, 6)) % 11
        if rest < 10:
            return f"{serial}{rest}{rng.choice(('', ' '))}{born}"


def icelandic(rng: random.Random) -> str:
    """Make an Icelandic kennitala."""
    make = checked(dated("DDMMYY{2/3/4}{dig:1}"), modulus((3, 2, 7, 6, 5, 4, 3, 2), 11, minus=True))
    number = make(rng)
    return f"{number[:6]}-{number[6:]}9"


def medicare(rng: random.Random) -> str:
    """Make an Australian Medicare number."""
    body = rng.choice("23456") + draw(rng, "dig", 7)
    return lay_out(body + str(weighted(body, (1, 3, 7, 9, 1, 3, 7, 9)) % 10) + rng.choice("123"), "#### ##### #|", rng)


def polish_card(rng: random.Random) -> str:
    """Make a Polish identity card number, whose check digit stands behind the letters."""
    letters, digits = "A" + draw(rng, "UP", 2), draw(rng, "dig", 5)
    values = [ord(sign) - 55 for sign in letters] + [int(digit) for digit in digits]
    check = sum(value * weight for value, weight in zip(values, (7, 3, 1, 7, 3, 1, 7, 3), strict=True)) % 10
    return f"{letters}{check}{digits}"


def japanese_check(body: str) -> str:
    """Return the check digit of a Japanese personal number."""
    rest = weighted(body, (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return "0" if rest <= 1 else str(11 - rest)


def gstin_check(body: str) -> str:
    """Return the check sign of an Indian GSTIN."""
    signs = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    total = sum(sum(divmod(signs.index(sign) * (1 + place % 2), 36)) for place, sign in enumerate(body))
    return signs[-total % 36]


def french_place(rng: random.Random) -> str:
    """Make a French SIRET without its check digit: a SIREN and a place."""
    return checked(shaped("{4/5/8}{dig:7}"), luhn)(rng) + fill("000{dig:1}", rng)


def latvian_check(body: str) -> str:
    """Return the check digit of a Latvian personal code."""
    return str((1101 - weighted(body, (1, 6, 3, 7, 9, 10, 5, 8, 4, 2))) % 11 % 10)


def korean_check(body: str) -> str:
    """Return the check digit of a Korean resident registration number."""
    return str((11 - weighted(body, (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)) % 11) % 10)


def colombian_check(body: str) -> str:
    """Return the check digit of a Colombian NIT."""
    rest = weighted(body, (41, 37, 29, 23, 19, 17, 13, 7, 3)) % 11
    return str(rest if rest < 2 else 11 - rest)


def european_vat(rng: random.Random) -> str:
    """Make a VAT number of Austria, Belgium or France."""
    siren = checked(shaped("{4/5/8}{dig:7}"), luhn)(rng)
    return rng.choice((
        austrian_vat(rng),
        checked(shaped("0{nz:1}{dig:6}"), belgian_check, "BE##########")(rng),
        f"FR{(12 + 3 * (int(siren) % 97)) % 97:02d}{siren}",
    ))  # fmt: skip


def austrian_vat(rng: random.Random) -> str:
    """Make an Austrian VAT number: ATU, seven digits, a check digit from their products' digit sums."""
    body = draw(rng, "dig", 7)
    total = sum(sum(map(int, str(int(digit) * (1 + place % 2)))) for place, digit in enumerate(body))
    return f"ATU{body}{(10 - (total + 4) % 10) % 10}"
