"""Numbers of Asia, the Gulf, Turkey, Israel, Oceania and Africa."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from policies.detectors.national_ids.checksums import (
    digits_of,
    is_long_date,
    is_luhn,
    is_short_date,
    is_short_date_day_first,
    is_varied,
    is_verhoeff,
    letters_and_digits_of,
    number_of,
    weighted,
)

_GSTIN_CHARS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_USCC_CHARS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_NRIC_LETTERS = {"S": "JZIHGFEDCBA", "T": "JZIHGFEDCBA", "F": "XWUTRQPNMLK", "G": "XWUTRQPNMLK", "M": "KLJNPQRTUWX"}
_TW_LETTERS = "ABCDEFGHJKLMNPQRSTUVXYWZIO"  # A = 10, in this order (Ministry of the Interior)
_NHI_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_MOST_OF_COLOUR = 255
_SEVERITIES = "EISW"  # error, information, severe, warning: the last letter of messages
_WOMAN_DAY = 40  # added to the day in Indonesian numbers
_KR_CENTURIES = range(1, 9)


def is_tr_id(text: str) -> bool:
    """Check a Turkish identity number: two check digits (NVI)."""
    digits = digits_of(text)
    tenth = (7 * sum(digits[0:9:2]) - sum(digits[1:8:2])) % 10
    is_binary = set(digits) <= {0, 1}
    return digits[0] != 0 and not is_binary and digits[9:] == [tenth, sum(digits[:10]) % 10]


def is_tr_tax(text: str) -> bool:
    """Check a Turkish tax number: powers of two by 9 (Gelir İdaresi)."""
    digits = digits_of(text)
    total = 0
    for place, digit in enumerate(digits[:9]):
        shifted = (digit + 9 - place) % 10
        value = shifted * 2 ** (9 - place) % 9
        total += 9 if shifted and not value else value
    return is_varied(digits) and -total % 10 == digits[9]


def is_il_id(text: str) -> bool:
    """Check an Israeli identity number: Luhn over nine digits (Population Authority)."""
    return is_luhn("".join(map(str, digits_of(text))).zfill(9))


def is_ae_id(text: str) -> bool:
    """Check an Emirates ID: 784 and a year (ICP); cards against Luhn were given out, so the year does."""
    return number_of(digits_of(text)[3:7]) in range(1900, 2100)


def is_sa_id(text: str) -> bool:
    """Check a Saudi identity or residence number: 1 or 2 in front, and Luhn (NIC)."""
    return digits_of(text)[0] in {1, 2} and is_luhn(text)


def is_kw_id(text: str) -> bool:
    """Check a Kuwaiti civil id: century, date, weights 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2, modulus 11 (PACI)."""
    digits = digits_of(text)
    is_date = digits[0] in {1, 2, 3} and is_short_date(digits[1:7])
    return is_date and 11 - weighted(digits, (2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)) % 11 == digits[11]


def is_qa_id(text: str) -> bool:
    """Check a Qatari id: the century, 2 or 3, in front (MOI)."""
    return digits_of(text)[0] in {2, 3}


def is_eg_id(text: str) -> bool:
    """Check an Egyptian national number: century 2 or 3, date, governorate (CSO)."""
    digits = digits_of(text)
    return digits[0] in {2, 3} and is_short_date(digits[1:7]) and 1 <= number_of(digits[7:9]) <= 88  # noqa: PLR2004


def is_za_id(text: str) -> bool:
    """Check a South African identity number: date, citizenship 0 to 2, 8 or 9, and Luhn (Home Affairs)."""
    digits = digits_of(text)
    return is_short_date(digits) and digits[10] in {0, 1, 2} and is_luhn(text)


def is_in_aadhaar(text: str) -> bool:
    """Check an Indian Aadhaar number: Verhoeff's scheme (UIDAI)."""
    digits = digits_of(text)
    return digits[0] > 1 and is_verhoeff(digits)


def is_in_gstin(text: str) -> bool:
    """Check an Indian GSTIN: a state, and modulus 36 with factors 1 and 2 (GSTN)."""
    number = letters_and_digits_of(text)
    total = sum(sum(divmod(_GSTIN_CHARS.index(c) * (1 + n % 2), 36)) for n, c in enumerate(number[:14]))
    return 1 <= int(number[:2]) <= 99 and _GSTIN_CHARS[-total % 36] == number[14]  # noqa: PLR2004


def is_lk_nic(text: str) -> bool:
    """Check a Sri Lankan identity number: the day of the year, 500 added for women (DRP)."""
    digits = digits_of(text)
    day = number_of(digits[4:7] if len(digits) == 12 else digits[2:5])  # noqa: PLR2004
    return 1 <= (day - 500 if day > 500 else day) <= 366  # noqa: PLR2004


def is_th_id(text: str) -> bool:
    """Check a Thai identity number: weights 13 to 2, modulus 11 (DOPA)."""
    digits = digits_of(text)
    return digits[0] != 0 and is_varied(digits) and (11 - weighted(digits, range(13, 1, -1)) % 11) % 10 == digits[12]


def is_th_company(text: str) -> bool:
    """Check a Thai company number: the arithmetic of an identity number behind a zero (DBD)."""
    digits = digits_of(text)
    return is_varied(digits) and (11 - weighted(digits, range(13, 1, -1)) % 11) % 10 == digits[12]


def is_sg_nric(text: str) -> bool:
    """Check a Singaporean NRIC or FIN: weights 2, 7, 6, 5, 4, 3, 2, modulus 11 (ICA)."""
    number = letters_and_digits_of(text)
    total = weighted(digits_of(number), (2, 7, 6, 5, 4, 3, 2)) + {"T": 4, "G": 4, "M": 3}.get(number[0], 0)
    rest = 10 - total % 11 if number[0] == "M" else total % 11
    return _NRIC_LETTERS[number[0]][rest] == number[8]


def is_my_nric(text: str) -> bool:
    """Check a Malaysian identity number: a date and a place of birth that exists (JPN)."""
    digits = digits_of(text)
    place = number_of(digits[6:8])
    return is_short_date(digits) and place not in {0, 17, 18, 19, 20, 69, 70, 73, 80, 81, 94, 95, 96, 97}


def is_id_nik(text: str) -> bool:
    """Check an Indonesian NIK: a province, and a date with 40 added for women (Dukcapil)."""
    digits = digits_of(text)
    day = digits[6] * 10 + digits[7]
    day -= _WOMAN_DAY if day > _WOMAN_DAY else 0
    return 11 <= number_of(digits[:2]) <= 96 and is_short_date_day_first([*divmod(day, 10), *digits[8:12]])  # noqa: PLR2004


def is_kr_rrn(text: str) -> bool:
    """Check a Korean resident's or foreigner's number: a date and a century; no modulus since 2020 (MOIS)."""
    digits = digits_of(text)
    return is_short_date(digits) and digits[6] in _KR_CENTURIES


def is_kr_rrn_mod_11(text: str) -> bool:
    """Check a Korean resident's or foreigner's number by date and by the modulus 11 that held until 2020."""
    digits = digits_of(text)
    total = weighted(digits, (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5))
    return is_kr_rrn(text) and digits[12] in {(11 - total % 11) % 10, (13 - total % 11) % 10}


def is_kr_brn(text: str) -> bool:
    """Check a Korean business number: weights 1, 3, 7, 1, 3, 7, 1, 3, 5, the tens of the last product added (NTS)."""
    digits = digits_of(text)
    total = weighted(digits, (1, 3, 7, 1, 3, 7, 1, 3, 5)) + digits[8] * 5 // 10
    return is_varied(digits) and (10 - total % 10) % 10 == digits[9]


def is_jp_my_number(text: str) -> bool:
    """Check a Japanese My Number: weights 6 to 2 and 7 to 2, modulus 11 (Ordinance 85 of 2014)."""
    digits = digits_of(text)
    rest = weighted(digits, (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return is_varied(digits) and (0 if rest <= 1 else 11 - rest) == digits[11]


def is_cn_id(text: str) -> bool:
    """Check a Chinese resident number: a date, and ISO/IEC 7064 MOD 11-2 (GB 11643-1999)."""
    number = letters_and_digits_of(text)
    total = sum(int(c) * 2 ** (17 - n) for n, c in enumerate(number[:17]))
    return is_long_date(digits_of(number[6:14])) and "10X98765432"[total % 11] == number[17]


def is_cn_company(text: str) -> bool:
    """Check a Chinese unified social credit code: powers of three, modulus 31 (GB 32100-2015)."""
    number = letters_and_digits_of(text)
    total = sum(_USCC_CHARS.index(c) * 3**n for n, c in enumerate(number[:17]))
    return sum(c.isdigit() for c in number) < len(number) and _USCC_CHARS[-total % 31] == number[17]


def is_hk_id(text: str) -> bool:
    """Check a Hong Kong identity card: weights 9 to 2, a missing first letter counting 36, modulus 11 (ImmD)."""
    number = letters_and_digits_of(text)
    letters = number[:-7]
    values = [36, *(int(c, 36) for c in letters)][-2:] + digits_of(number[-7:-1])
    return "0A987654321"[weighted(values, range(9, 1, -1)) % 11] == number[-1]


def is_tw_id(text: str) -> bool:
    """Check a Taiwanese identity or residence number: the letter as two digits, modulus 10 (MOI)."""
    number = letters_and_digits_of(text)
    tens, ones = divmod(_TW_LETTERS.index(number[0]) + 10, 10)
    return (tens + 9 * ones + weighted(digits_of(number[1:]), (8, 7, 6, 5, 4, 3, 2, 1, 1))) % 10 == 0


def is_au_abn(text: str) -> bool:
    """Check an Australian business number: 1 taken from the first digit, modulus 89 (ABR)."""
    digits = digits_of(text)
    return digits[0] > 0 and (weighted(digits, (10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19)) - 10) % 89 == 0


def is_au_acn(text: str) -> bool:
    """Check an Australian company number: weights 8 to 1, modulus 10 (ASIC)."""
    digits = digits_of(text)
    return is_varied(digits) and -weighted(digits[:8], range(8, 0, -1)) % 10 == digits[8]


def is_au_tfn(text: str) -> bool:
    """Check an Australian tax file number: weights 1, 4, 3, 7, 5, 8, 6, 9, 10, modulus 11 (ATO)."""
    digits = digits_of(text)
    weights = (10, 7, 8, 4, 6, 3, 5, 1) if len(digits) == 8 else (1, 4, 3, 7, 5, 8, 6, 9, 10)  # noqa: PLR2004
    return is_varied(digits) and weighted(digits, weights) % 11 == 0


def is_au_medicare(text: str) -> bool:
    """Check an Australian Medicare number: 2 to 6 in front, weights 1, 3, 7, 9, modulus 10 (Services Australia)."""
    digits = digits_of(text)
    return digits[0] in range(2, 7) and weighted(digits, (1, 3, 7, 9, 1, 3, 7, 9)) % 10 == digits[8]


def is_nz_ird(text: str) -> bool:
    """Check a New Zealand IRD number: two sets of weights, modulus 11 (Inland Revenue)."""
    digits = digits_of(text)
    digits = [0] * (9 - len(digits)) + digits
    check = -weighted(digits, (3, 2, 7, 6, 5, 4, 3, 2)) % 11
    if check == 10:  # noqa: PLR2004
        check = -weighted(digits, (7, 4, 3, 2, 5, 2, 7, 6)) % 11
    return is_varied(digits) and check == digits[8]


def is_nz_nhi(text: str) -> bool:
    """Check a New Zealand health number of the first form: letters from 1, weights 7 to 2, modulus 11 (HISO 10046)."""
    number = letters_and_digits_of(text)
    values = [_NHI_LETTERS.index(c) + 1 for c in number[:3]] + digits_of(number[3:6])
    rest = weighted(values, range(7, 1, -1)) % 11
    return rest != 0 and number[6].isdigit() and (11 - rest) % 10 == int(number[6])


def is_au_grouped(text: str) -> bool:
    """Check nine Australian digits in three groups: a tax file number's or a company's checksum, and no colour."""
    is_colour = all(int(group) <= _MOST_OF_COLOUR for group in text.split())
    return not is_colour and (is_au_tfn(text) or is_au_acn(text))


def is_in_pan(text: str) -> bool:
    """Check that an Indian tax number is no message of a program: `AMQJS0003E`, with a low number and a severity."""
    return not (text[5:7] == "00" and text[9] in _SEVERITIES)


CHECKS: Mapping[str, Callable[[str], bool]] = MappingProxyType(
    {
        "tr-id": is_tr_id,
        "tr-tax": is_tr_tax,
        "il-id": is_il_id,
        "ae-id": is_ae_id,
        "sa-id": is_sa_id,
        "kw-id": is_kw_id,
        "qa-id": is_qa_id,
        "eg-id": is_eg_id,
        "za-id": is_za_id,
        "in-aadhaar": is_in_aadhaar,
        "in-gstin": is_in_gstin,
        "in-pan": is_in_pan,
        "lk-nic": is_lk_nic,
        "th-id": is_th_id,
        "th-company": is_th_company,
        "sg-nric": is_sg_nric,
        "my-nric": is_my_nric,
        "id-nik": is_id_nik,
        "kr-rrn": is_kr_rrn,
        "kr-rrn-mod-11": is_kr_rrn_mod_11,
        "kr-brn": is_kr_brn,
        "jp-my-number": is_jp_my_number,
        "cn-id": is_cn_id,
        "cn-company": is_cn_company,
        "hk-id": is_hk_id,
        "tw-id": is_tw_id,
        "au-abn": is_au_abn,
        "au-acn": is_au_acn,
        "au-tfn": is_au_tfn,
        "au-grouped": is_au_grouped,
        "au-medicare": is_au_medicare,
        "nz-ird": is_nz_ird,
        "nz-nhi": is_nz_nhi,
    }
)
