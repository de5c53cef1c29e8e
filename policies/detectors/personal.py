"""The inner form of what reaches a person: mail, telephone, and numbers that stand alone on a line."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from policies.detectors import countries
from policies.detectors.national_ids.americas import is_us_npi
from policies.detectors.national_ids.checksums import digits_of, is_long_date, letters_and_digits_of
from policies.detectors.rarity import is_filling

_FILE_ENDINGS_LIST = (
    "png jpg jpeg gif svg webp avif ico js mjs cjs ts tsx jsx css scss less json yaml yml toml py pyi rb rs go md txt "
    "html htm xml map lock c h cpp hpp java kt sh cfg ini conf log vue svelte woff woff2 ttf "
    "service socket timer target mount automount slice scope swap"  # units of systemd: `getty@tty1.service`
)
_FILE_ENDINGS = frozenset(_FILE_ENDINGS_LIST.split())
# Local parts that stand for nobody, at hosts that stand for none.
_NOBODY_LIST = (
    "user username user1 user2 you your yourname your.name your-name me myname name foo bar baz foobar someone "
    "somebody anyone nobody noreply no-reply donotreply do-not-reply example test tester email mail abc xyz "
    "root admin postmaster webmaster info hello first.last firstname.lastname person my-email "
    "youremail your-email your_email bot ci author maintainer myuser login"
)
_NOBODY = frozenset(_NOBODY_LIST.split())
_NOWHERE = re.compile(
    r"(?:.*\.)?(?:example\.(?:com|org|net|edu|co\.uk|de|fr)|example|domain\.(?:com|tld|org)|mydomain\.com|yourdomain\.com"
    r"|your-domain\.com|test\.com|test|foo\.(?:com|org|bar|net)|bar\.(?:com|org)|baz\.com|localhost(?:\.localdomain)?|local"
    r"|invalid|host\.com|hostname\.com|email\.com|company\.com|server\.com|site\.com|acme\.com|corp\.com|a\.com|b\.com|x\.com)"
)
_MINE = re.compile(r"(?:my|your)[-_.]")  # `my-account@my-project.example.com`
_MACHINES_LIST = "git hg svn ssh noreply no-reply donotreply npm"
_MACHINES = frozenset(_MACHINES_LIST.split())
# Names of algorithms and extensions of SSH are written like addresses (RFC 4251, section 6).
_PROTOCOL_HOSTS = ("openssh.com", "lysator.liu.se", "libssh.org")
_HOSTS_OF_PROGRAMS = (".gserviceaccount.com",)  # of accounts that no person has
_MIN_DIFFERENT_DIGITS = 3  # fewer are fillings
_PHONE_DIGITS = range(7, 16)  # ITU-T E.164 allows fifteen
_INTERNATIONAL_DIGITS = range(8, 16)
_LICENCE_ADDRESSES = ("51 Franklin", "59 Temple", "675 Mass", "31 Milk", "02110-13", "02111", "02139")
_CODE_POINT_DIGITS = 4
# A house's number beside a name, and what no address of a house has: signs of code, of addresses on the network.
_HOUSE = re.compile(
    r"[A-Za-zÀ-ÿ\x80-\x9f.']{2,}[ ,]{1,2}(?:[Nn][ro°º]?[.:]? ?)?\d{1,6}[A-Za-z]?\b"
    r"|\b\d{1,5}[A-Za-z]?,? [A-ZÀ-Þ\x80-\x9f][A-Za-zß-ÿ\x80-\x9f]"
)
_PLACE = re.compile(r"[A-ZÀ-Þ\x80-\x9f][a-zß-ÿ\x80-\x9f]{2,}")
_NO_ADDRESS = re.compile(r"[=@{}<>\\_$*#%]|://|0x|\d:\d|\.\d|[a-z]\(")
_MIN_PLACES = 2
_MIN_OTHER_LETTERS = 5
_YEAR = re.compile(r"(?:19[89]|20[0-3])\d ")  # `Copyright 2016 Iain Lane`
_LONE_DIGITS = range(8, 25)
_EPOCHS = re.compile(r"1[3-8][0-9]{8}(?:[0-9]{3}){0,3}")  # seconds to nanoseconds since 1970, from 2011 to 2030
_DATES = re.compile(
    r"(?:19|20)\d\d[-./ ]\d\d?[-./ ]\d\d?|\d\d?[-./ ]\d\d?[-./ ](?:19|20)\d\d|(?:19|20)\d\d[-/ ](?:19|20)\d\d"
)
_DATE_OF_VERSION = re.compile(r"(?:\(| - )(?:19|20)\d\d-[01]\d-[0-3]\d")  # `0.2.19 (1998-05-29)`, `2.1.1 - 2016-06-10`
_NUMBER_OF_SECTION = re.compile(
    r"\d{1,5}(?:\.\d{1,5}){4,}|\d+\s+\d{1,2}\.\d{1,2}\.\d{3,4}"
)  # `1.9.3.111.1`, `17743  9.0.0603`
_NUMBER_PARTS = re.compile(r"\d+")
_COLOURS = re.compile(r"[0-9A-F]{6}")  # `AA22FF`, as styles write them
# ISO 8601, basic.
_TIMES = re.compile(r"(?:19|20)\d\d[01]\d[0-3]\d(?:T[0-2]\d(?:[0-5]\d){0,2}|[0-2]\d(?:[0-5]\d){1,2})")
# Plates as written, with their gaps; two letters in front of digits alone, lest `RFC 2119` be one.
_LONE_PLATES_LIST = (
    r"[A-Z]{1,3}[ -]?[0-9]{1,4}[ -]?[A-Z]{1,3}",
    r"[0-9]{1,4}[ -][A-Z]{2,4}(?:[ -]?[0-9]{1,4})?",
    r"[A-Z]{2} [0-9]{2} [0-9]{2,3}",
    r"[0-9]{1,2}[A-Z] ?[A-Z]?[0-9]{3,4}[A-Z]?",
    r"[0-9]{2}[A-Z]-[0-9]{3,5}",
    r"[A-Z]{3}-[0-9][A-Z][0-9]{2}",
    r"[A-ZÄÖÜ]{1,3}[ -][A-Z]{1,2}[ -][1-9][0-9]{0,3}[EH]?",
    r"[0-9]{2} [A-Z] [0-9]{2,4}",
    r"[A-Z][0-9]{1,3} [A-Z]{3}",
    r"[A-Z]{3} [0-9]{1,3}[A-Z]",
    r"[A-Z]{2}[- ][0-9]{2}[- ][0-9]{2}",
    r"[0-9]{2}-[A-Z]{2}-[A-Z]{2}",
    r"[A-Z]{2} [0-9]{5}",
    r"[A-Z]{3}[0-9]{3}(?:GP|EC|FS|KZN|MP|NC|NW|WP|ZN)|[A-Z]{2}[0-9]{2}[A-Z]{2}(?:GP|EC|FS|KZN|MP|NC|NW|WP|ZN)",
    r"[0-9]{3} [A-Z]{3} EC",
    r"[0-9]{1,2}-?[A-Z]{1,3}-?[0-9]{1,4}",
)
_LONE_PLATES = re.compile("|".join(_LONE_PLATES_LIST))
# What keeps its form in small letters; a word with a number behind it must be none of these.
_SMALL_FORMS_LIST = (
    r"[A-Z][0-9]{8,9}",  # passports, health numbers
    r"[A-Z]{2,3}[0-9]{6,7}",
    r"[A-Z][0-9]{3}[A-Z][0-9]{4}",  # Korean passport
    r"[A-Z]{1,2}[0-9]{7,8}[A-Z]",
    r"[CFGHJKLMNPRTVWXYZ](?=.*[GHJKLMNPRTVWXYZ].{2})[0-9CFGHJKLMNPRTVWXYZ]{8}[0-9]?",  # German card and passport
    r"[A-CEGHJ-PR-TW-Z]{2}[0-9]{6}[A-D]",  # British insurance number
    r"[1-9][AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y][0-9][AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y][0-9][AC-HJKMNP-RT-Y]{2}[0-9]{2}",
    r"[A-Z]{3}[0-9]{3}[A-Z]{2}",  # Nigerian plate
    r"[0-9]{8}[A-HJ-NP-TV-Z]",  # Spanish identity number
    r"[A-Z]{5}[0-9]{4}[A-Z]",  # Indian tax number
)
_SMALL_FORMS = re.compile("|".join(_SMALL_FORMS_LIST))
_COUNTED_WORDS = re.compile(
    r"(?:bug|cve|pep|rfc|utf|sha|img|dsc|iso|usb|pr|gh|no|nr|id|v|r|line|page|test|foo|bar)[0-9]+", re.IGNORECASE
)
_HEX = re.compile(r"[0-9a-f]+|[0-9A-F]+")
_CODE_UNITS = re.compile(r"00[0-9A-F]{2}(?: 00[0-9A-F]{2})+")  # of UTF-16, as tables of characters give them
_LONE_GAPS = frozenset(" .")  # `PEP 440`, `PHP-3.01`
_LONE_GROUPS = re.compile(r"[A-Z]{1,3} ?[0-9]{3,6}(?: [0-9]{2,6}){1,3}[A-Z]?")  # `D1234 56789 01234`
_SERIAL = re.compile(
    r"(?:ISO|IEC|DIN|UTF|ITU|IEEE|ANSI|RFC)[ -].*|(?:[A-Z]{4,6}-)?SHA-?[0-9]{3}"
    r"|[A-Z]{2,6}-(?:19|20)\d\d-\d+|\d{1,3}(?:\.\d{1,3}){3}"
)  # `CVE-2024-1234`, a network's mask
_RELEASE = re.compile(r"\d{1,2}(?:\.\d{1,2}){1,3}(?:[-+~]\d{1,2})?")  # `7.88.1-10`
_VERSION = re.compile(r"\d+(?:\.\d+){1,2}")
_DATE_RUN = re.compile(r"(?:19[5-9]\d|20[0-4]\d)(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])")
_SLUG = re.compile(r"(?:19|20)\d\d-[a-z]{4,}")  # `2011-approximating`, in an address
_RFC = re.compile(r"RFC[ -]?\d{1,5}")
_SIZE = re.compile(r"\d{1,4}B|\d{1,6} ?[kKMGT]i?B")
_FRACTION = re.compile(r"\d{1,6}\.\d{2}|\d\.\d{4,}")  # a sum of money, a number of a table
_PAGE = re.compile(r"\S*\.(?:html?|php|png|jpe?g|svg|pdf|js|css|py|xml)")
_NO_NUMBERS = (_DATES, _DATE_RUN, _RELEASE, _SLUG, _RFC, _SIZE, _FRACTION, _PAGE)
# Where ids have their letters; separators are gone.
_LONE_FORMS_LIST = (
    r"[A-Z]{1,3}[0-9]{6,14}[A-Z]{0,2}",  # passports, NRIC, licences, health numbers
    r"[0-9]{7,10}[A-Z]{1,2}",  # DNI, PPS, UEN
    r"[0-9]{7,9}[A-Z][A-Z0-9]{2,4}",  # Portuguese and South African cards
    r"[0-9]{2}[A-Z]{2}[0-9]{5}",  # French passport
    r"[0-9]{2}[A-Z][0-9]{4}[A-Z]{3}",
    r"[A-Z]{2,4}[0-9]{3,6}[A-Z][0-9]{3,6}",  # member ids
    r"[A-Z]{5}[0-9]{4}[A-Z]",  # PAN
    r"[A-Z]{5}[0-9]{6}[A-Z0-9]{5}",  # British driving licence
    r"[A-Z]{4}0[A-Z0-9]{6}",  # IFSC
    r"[A-Z0-9]{3}[0-9]{6}[A-Z0-9]",
    r"[A-Z]{2}[0-9][A-Z0-9]{2}[0-9]{4}",  # Italian card
    r"[CFGHJKLMNPRTVWXYZ][0-9CFGHJKLMNPRTVWXYZ]{8}[0-9]?",  # German card and passport
    r"[A-Z]{2}[0-9]{2}[A-Z]{1,3}[0-9]{4}",  # Indian plate
    r"[A-Z]{2}[0-9]{2}[A-Z]{3}",  # British plate
    r"[A-Z]{3}[0-9]{3,4}",
    r"[A-Z]{1,3}[0-9]{3}[A-Z]{2}",  # Nigerian plate
    r"(?:0[1-9]|[1-7][0-9]|8[01])[A-Z]{1,3}[0-9]{2,4}",  # Turkish plate
    r"[A-Z]{1,2}[0-9]{1,2}[A-Z]?[0-9][A-Z]{2}",  # British postcode
    r"[A-Z][0-9][A-Z][0-9][A-Z][0-9]",  # Canadian postcode
)
_LONE_FORMS = re.compile("|".join(_LONE_FORMS_LIST))


def is_email(value: str) -> bool:
    """Tell whether an address is a person's: no file or package, not git's own user, nobody at nowhere."""
    local, _, domain = value.lower().rpartition("@")
    local, ending = local.strip("\"'"), domain.rpartition(".")[2]
    if domain.endswith(_HOSTS_OF_PROGRAMS):
        return False
    if local in _MACHINES or ending in _FILE_ENDINGS or ".." in local or local.endswith("."):
        return False
    if (_MINE.match(local) and _MINE.match(domain)) or ("-" in local and domain.startswith(_PROTOCOL_HOSTS)):
        return False
    return local not in _NOBODY or not (domain.startswith("[") or _NOWHERE.fullmatch(domain))


def is_phone_number(value: str) -> bool:
    """Tell whether there are as many digits as a telephone number has (ITU-T E.164), not all alike, and no date."""
    digits = digits_of(_without_extension(value))
    is_written_date = bool(_DATES.fullmatch(value) or _DATE_OF_VERSION.search(value))
    is_date = is_written_date or (len(digits) == 8 and is_long_date(digits))  # noqa: PLR2004
    if is_date or is_limit(value) or _is_section(value):
        return False
    return len(digits) in _PHONE_DIGITS and len(set(digits)) >= _MIN_DIFFERENT_DIGITS


def is_limit(value: str) -> bool:
    """Tell whether digits are a power of two, or one less: the flags and limits of programs, such as 2147483647."""
    if not value.isdecimal() or len(value) < _MIN_LIMIT_DIGITS:
        return False
    number = int(value)
    return number & (number - 1) == 0 or number & (number + 1) == 0


def _is_section(value: str) -> bool:
    """Tell whether dots divide the numbers of a chapter, not all of two digits as those of a telephone in France."""
    return _NUMBER_OF_SECTION.fullmatch(value) is not None and any(
        len(part) == 1 for part in _NUMBER_PARTS.findall(value)
    )


def is_international_phone_number(value: str) -> bool:
    """Tell whether a number with `+` or `00` in front begins with a country's code (ITU-T E.164)."""
    number = "".join(map(str, digits_of(_without_extension(value))))
    if not value.lstrip("(").startswith("+"):
        if all(len(group) == _CODE_POINT_DIGITS for group in re.findall(r"\d+", value)):
            return False  # `0067 0067 0079` are code points
        number = number[2:]
    is_country = any(number[:length] in countries.CALLING_CODES for length in (1, 2, 3))
    return is_country and len(number) in _INTERNATIONAL_DIGITS and len(set(number)) >= _MIN_DIFFERENT_DIGITS


def _without_extension(value: str) -> str:
    return re.split("[xeXE]", value, maxsplit=1)[0]


def is_national_phone_number(value: str) -> bool:
    """Tell whether groups with a 0 in front are those of a telephone number rather than of a table of numbers."""
    groups = re.findall(r"\d+", value)
    number = "".join(groups)
    if len(set(number)) < _MIN_DIFFERENT_DIGITS + 1 or _DATES.match(value):
        return False
    is_pairs = len(groups) == 5 and all(len(group) == 2 for group in groups)  # noqa: PLR2004 - France
    is_grouped = (
        len(number) in {9, 10, 11, 12}
        and len(groups) in {2, 3, 4}
        and len(groups[0]) <= 5  # noqa: PLR2004 - the longest area codes
        and (len(groups[1]) >= 3 or len(groups) == 4)  # noqa: PLR2004 - 044 123 45 67 is Swiss
        and sum(len(group) > 2 for group in groups) >= 1  # noqa: PLR2004
    )
    return is_pairs or is_grouped


_MIN_LIMIT_DIGITS = 7
_MOST_POINTS = 3  # the Swiss 756.9217.0769.85 has as many
_VERSIONS = re.compile(r"(?:[0-9]{1,2}\.[0-9]{1,2} ){2}")
_OTHER_LINES_LIST = (
    r"[0-9]+\.[0-9]+(?: -?[0-9]+\.[0-9]+)+",  # a row of a table of numbers
    r"[2-5][0-5][0-9]-(?:VRFY|ETRN|DSN|AUTH|SIZE|HELP|EXPN)",  # what a mail server says it can do
    r"(?:19|20)[0-9]{6}-[0-9]{1,2}",  # the second release of a day
    r"EST5EDT|CST6CDT|MST7MDT|PST8PDT",
    r"97[89](?:-[0-9]{1,7}){3}-[0-9]|[0-9]{1,5}-[0-9]{2,7}-[0-9]{2,7}-[0-9X]",  # ISBN
)
_OTHER_LINES = re.compile("|".join(_OTHER_LINES_LIST))


def is_lone_number(value: str) -> bool:
    """Tell whether a number that is a line of its own may name somebody: no date, no epoch, no filling.

    Nothing but its form and its loneliness speaks for it, so letters must stand where ids have them.
    """
    number = letters_and_digits_of(value)
    digits = digits_of(value)
    if _DATES.search(value) or _VERSION.fullmatch(value) or _SERIAL.fullmatch(value) or _VERSIONS.match(value):
        return False
    if _OTHER_LINES.fullmatch(value) or _TIMES.fullmatch(value) or (_COLOURS.fullmatch(value) and not number.isdigit()):
        return False
    if _CODE_UNITS.fullmatch(value) or value.count(".") > _MOST_POINTS:
        return False  # so many are versions in a row, when the blanks between them are taken away
    if number[:1].isalpha() and len(set(number[::2])) == 1 and number[1::2].isdigit():
        return False  # `L2 L3 L4`
    if number.isdigit():
        is_date = len(number) == 8 and is_long_date(digits)  # noqa: PLR2004
        is_varied = len(set(digits)) >= _MIN_DIFFERENT_DIGITS
        return (
            len(number) in _LONE_DIGITS and is_varied and not is_date and (not _is_counting(number) or is_us_npi(value))
        )
    is_plate = len(number) >= 5 and len(digits) >= 1 and _LONE_PLATES.fullmatch(value) is not None  # noqa: PLR2004
    has_gaps = not _LONE_GAPS.isdisjoint(value) and not _LONE_GROUPS.fullmatch(value)
    return is_plate or (len(digits) >= 2 and not has_gaps and _LONE_FORMS.fullmatch(number) is not None)  # noqa: PLR2004


def is_lone_number_in_small_letters(value: str) -> bool:
    """Tell whether a run that is a line of its own and not all in capitals has the form of an id, and is no hex."""
    number = value.replace("-", "")
    if number.upper() == number or _HEX.fullmatch(number) or _COUNTED_WORDS.fullmatch(number):
        return False
    has_digits = len(set(digits_of(number))) >= _MIN_DIFFERENT_DIGITS
    return has_digits and _SMALL_FORMS.fullmatch(number.upper()) is not None


def _is_counting(number: str) -> bool:
    return _EPOCHS.fullmatch(number) is not None or is_limit(number) or number.endswith("0000")


def has_digits_enough(value: str) -> bool:
    """Tell whether what a word announced is a number, neither a word nor a date: four digits, five without letters."""
    digits = digits_of(value)
    least = 4 if any(character.isalpha() for character in value) else 5  # four digits alone are a year
    is_other = is_limit(value) or any(form.fullmatch(value) for form in _NO_NUMBERS)
    return len(digits) >= least and len(set(digits)) > 1 and not is_other and value[:2].lower() != "0x"


def has_letter_behind_digit(value: str) -> bool:
    """Tell whether a letter stands right behind a digit, as in no code of letters and a counted number."""
    return any(one.isdigit() and other.isalpha() for one, other in itertools.pairwise(value))


def has_many_digits(value: str) -> bool:
    """Tell whether six digits at least occur."""
    return len(digits_of(value)) >= 6  # noqa: PLR2004


def has_letters_between(value: str) -> bool:
    """Tell whether letters and digits take turns at least four times, as in no word and no number."""
    kinds = [character.isdigit() for character in value]
    return sum(one != other for one, other in itertools.pairwise(kinds)) >= 4  # noqa: PLR2004


def has_varied_digits(value: str) -> bool:
    """Tell whether three different digits at least occur."""
    return len(set(digits_of(value))) >= _MIN_DIFFERENT_DIGITS


def has_uncounted_digits(value: str) -> bool:
    """Tell whether the digits do more than count, as those of examples do: `54321`."""
    return not is_filling("".join(map(str, digits_of(value))).encode("ascii"))


def is_no_licence_address(value: str) -> bool:
    """Tell whether an address is none of the Free Software Foundation's, which stand in every licence, and no year."""
    return not value.startswith(_LICENCE_ADDRESSES) and not _YEAR.match(value)


def is_postal_address(value: str) -> bool:
    """Tell whether what is called an address has a house's number beside a name and two names of places."""
    is_code = _NO_ADDRESS.search(value) is not None
    return not is_code and _HOUSE.search(value) is not None and len(_PLACE.findall(value)) >= _MIN_PLACES


def is_address_of_other_letters(value: str) -> bool:
    """Tell whether what is called an address in another alphabet has a number and a few letters of it."""
    letters = sum(character.isalpha() or "\x80" <= character <= "\x9f" for character in value)
    return not _NO_ADDRESS.search(value) and letters >= _MIN_OTHER_LETTERS and any(c.isdigit() for c in value)


def is_no_epoch(value: str) -> bool:
    """Tell whether digits are no time since 1970 and no power of two."""
    number = letters_and_digits_of(value)
    return number != value or not number.isdigit() or not _is_counting(number)


def is_birth_date(value: str) -> bool:
    """Tell whether a date of digits has a day and a month, in any order; one with the name of a month has."""
    value = value.partition("T")[0]
    if any(character.isalpha() for character in value):
        return True
    digits = [int(part) for part in re.findall(r"\d+", value)]
    if len(digits) == 3:  # noqa: PLR2004 - day, month and year, in some order
        small = [number for number in digits if number <= 31]  # noqa: PLR2004
        return len(small) >= 2 and min(small) >= 1 and min(small[:2]) <= 12  # noqa: PLR2004
    run = digits_of(value)
    year, first, second = run[4:], run[:2], run[2:4]
    return any(is_long_date(order) for order in (run, year + second + first, year + first + second))


CHECKS: Mapping[str, Callable[[str], bool]] = MappingProxyType(
    {
        "email": is_email,
        "phone-number": is_phone_number,
        "international-phone-number": is_international_phone_number,
        "national-phone-number": is_national_phone_number,
        "lone-number": is_lone_number,
        "lone-number-in-small-letters": is_lone_number_in_small_letters,
        "digits-enough": has_digits_enough,
        "digits-many": has_many_digits,
        "letter-behind-digit": has_letter_behind_digit,
        "digits-mixed": has_letters_between,
        "digits-varied": has_varied_digits,
        "digits-uncounted": has_uncounted_digits,
        "no-licence-address": is_no_licence_address,
        "postal-address": is_postal_address,
        "address-of-other-letters": is_address_of_other_letters,
        "no-epoch": is_no_epoch,
        "birth-date": is_birth_date,
    }
)
