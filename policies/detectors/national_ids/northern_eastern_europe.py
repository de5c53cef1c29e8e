"""Numbers of the Nordic and Baltic states, central and eastern Europe, the Balkans and Greece."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from policies.detectors.national_ids.checksums import (
    digits_of,
    is_day,
    is_luhn,
    is_mod_11_10,
    is_short_date,
    is_short_date_day_first,
    is_varied,
    letters_and_digits_of,
    number_of,
    weighted,
)

_SAMORDNING = 60  # added to the day in the numbers of people who are not registered (SKV 707)
_ORGNUMMER_LEAST_MONTH = 20  # tells a company from a person (SKV 709)
_D_NUMBER = 40  # added to the day in the Norwegian numbers of people who are not registered
_HETU_LETTERS = "0123456789ABCDEFHJKLMNPRSTUVWXY"
_BALTIC_FIRST = (1, 2, 3, 4, 5, 6, 7, 8, 9, 1)
_BALTIC_SECOND = (3, 4, 5, 6, 7, 8, 9, 1, 2, 3)


def is_se_personnummer(text: str) -> bool:
    """Check a Swedish personnummer: a date, and Luhn over the last ten digits (SKV 704)."""
    digits = digits_of(text)[-10:]
    month, day = digits[2] * 10 + digits[3], digits[4] * 10 + digits[5]
    return is_day(month, day - _SAMORDNING if day > _SAMORDNING else day) and is_luhn("".join(map(str, digits)))


def is_se_orgnummer(text: str) -> bool:
    """Check a Swedish organisation number: no month below 20, and Luhn (SKV 709)."""
    digits = digits_of(text)[-10:]
    return digits[2] * 10 + digits[3] >= _ORGNUMMER_LEAST_MONTH and is_luhn("".join(map(str, digits)))


def is_se_number(text: str) -> bool:
    """Check the number of a Swedish person or organisation."""
    return is_se_personnummer(text) or is_se_orgnummer(text)


def is_no_birth_number(text: str) -> bool:
    """Check a Norwegian fødselsnummer: a date and two digits by modulus 11 (Skatteetaten)."""
    digits = digits_of(text)
    day = digits[0] * 10 + digits[1]
    first = (11 - weighted(digits, (3, 7, 6, 1, 8, 9, 4, 5, 2)) % 11) % 11
    second = (11 - weighted(digits, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11) % 11
    is_date = is_day((digits[2] * 10 + digits[3]) % 40, day - _D_NUMBER if day > _D_NUMBER else day)
    return is_date and digits[9:] == [first, second]


def is_no_company(text: str) -> bool:
    """Check a Norwegian organisasjonsnummer: weights 3, 2, 7, 6, 5, 4, 3, 2, modulus 11 (Brønnøysund)."""
    digits = digits_of(text)
    return is_varied(digits) and (11 - weighted(digits, (3, 2, 7, 6, 5, 4, 3, 2)) % 11) % 11 == digits[8]


def is_dk_cpr(text: str) -> bool:
    """Check a Danish CPR number: its date; the modulus was given up in 2007 (CPR-kontoret)."""
    digits = digits_of(text)
    day = digits[0] * 10 + digits[1]
    return is_day(digits[2] * 10 + digits[3], day - 60 if day > 60 else day) and is_varied(digits[6:])  # noqa: PLR2004


def is_dk_cpr_mod_11(text: str) -> bool:
    """Check a Danish CPR number by its date and by the modulus 11 that held until 2007."""
    return is_dk_cpr(text) and weighted(digits_of(text), (4, 3, 2, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0


def is_fi_hetu(text: str) -> bool:
    """Check a Finnish henkilötunnus: the rest by 31 names the last character (DVV)."""
    number = letters_and_digits_of(text)
    digits = digits_of(text[:6]) + digits_of(text[7:10])
    return is_short_date_day_first(digits) and _HETU_LETTERS[number_of(digits) % 31] == number[-1]


def is_is_kennitala(text: str) -> bool:
    """Check an Icelandic kennitala: a date and modulus 11 (Þjóðskrá)."""
    digits = digits_of(text)
    day = digits[0] * 10 + digits[1]
    is_date = is_day(digits[2] * 10 + digits[3], day - 40 if day > 40 else day)  # noqa: PLR2004 - companies add 40
    return is_date and (11 - weighted(digits, (3, 2, 7, 6, 5, 4, 3, 2)) % 11) % 11 == digits[8]


def is_baltic(text: str) -> bool:
    """Check an Estonian or Lithuanian personal code: a date and modulus 11 in two steps (EVS 585)."""
    digits = digits_of(text)
    check = weighted(digits, _BALTIC_FIRST) % 11
    if check == 10:  # noqa: PLR2004 - then the second weights count
        check = weighted(digits, _BALTIC_SECOND) % 11 % 10
    return digits[0] in range(1, 9) and is_short_date(digits[1:7]) and check == digits[10]


def is_lv_code(text: str) -> bool:
    """Check a Latvian personal code: 32 in front since 2017, before that a date (PMLP)."""
    digits = digits_of(text)
    return digits[:2] == [3, 2] or is_short_date_day_first(digits)


def is_pl_pesel(text: str) -> bool:
    """Check a Polish PESEL: a date with the century in the month, and weights 1, 3, 7, 9 (gov.pl)."""
    digits = digits_of(text)
    month, day = (digits[2] * 10 + digits[3]) % 20, digits[4] * 10 + digits[5]
    return is_day(month, day) and (10 - weighted(digits[:10], (1, 3, 7, 9) * 3) % 10) % 10 == digits[10]


def is_pl_nip(text: str) -> bool:
    """Check a Polish NIP: weights 6, 5, 7, 2, 3, 4, 5, 6, 7, modulus 11 (Ministerstwo Finansów)."""
    digits = digits_of(text)
    return is_varied(digits) and weighted(digits, (6, 5, 7, 2, 3, 4, 5, 6, 7)) % 11 == digits[9]


def is_pl_regon(text: str) -> bool:
    """Check a Polish REGON of nine or fourteen digits: modulus 11 (GUS)."""
    digits = digits_of(text)
    short = weighted(digits, (8, 9, 2, 3, 4, 5, 6, 7)) % 11 % 10 == digits[8]
    long = len(digits) != 14 or weighted(digits, (2, 4, 8, 5, 0, 9, 7, 3, 6, 1, 2, 4, 8)) % 11 % 10 == digits[13]  # noqa: PLR2004
    return is_varied(digits) and short and long


def is_pl_card(text: str) -> bool:
    """Check a Polish identity card: three letters, weights 7, 3, 1, 7, 3, 1, 7, 3 around the check digit (MSWiA)."""
    number = letters_and_digits_of(text)
    values = [int(c, 36) for c in number]
    return weighted(values[:3] + values[4:], (7, 3, 1, 7, 3, 1, 7, 3)) % 10 == values[3]


def is_pl_passport(text: str) -> bool:
    """Check a Polish passport: two letters, weights 7, 3, 1, 7, 3, 1, 7, 3 around the check digit (MSWiA)."""
    values = [int(c, 36) for c in letters_and_digits_of(text)]
    return weighted(values[:2] + values[3:], (7, 3, 1, 7, 3, 1, 7, 3)) % 10 == values[2]


def is_cz_birth_number(text: str) -> bool:
    """Check a Czech or Slovak rodné číslo: a date, and divisible by 11 since 1954 (zákon 133/2000 Sb.)."""
    digits = digits_of(text)
    month = (digits[2] * 10 + digits[3]) % 50
    is_date = is_day(month - 20 if month > 20 else month, digits[4] * 10 + digits[5])  # noqa: PLR2004
    return is_date and (len(digits) == 9 or number_of(digits) % 11 == 0 or number_of(digits[:9]) % 11 % 10 == digits[9])  # noqa: PLR2004


def is_hu_taj(text: str) -> bool:
    """Check a Hungarian TAJ number: weights 3 and 7 in turn (NEAK)."""
    digits = digits_of(text)
    return is_varied(digits) and weighted(digits[:8], (3, 7) * 4) % 10 == digits[8]


def is_hu_tax_id(text: str) -> bool:
    """Check a Hungarian adóazonosító jel: 8 in front, weights 1 to 9, modulus 11 (1996. évi XX. törvény)."""
    digits = digits_of(text)
    return digits[0] == 8 and weighted(digits, range(1, 10)) % 11 == digits[9]  # noqa: PLR2004


def is_hu_tax_number(text: str) -> bool:
    """Check a Hungarian adószám: weights 9, 7, 3, 1 twice, the eighth digit making the sum a ten (NAV)."""
    return weighted(digits_of(text)[:8], (9, 7, 3, 1, 9, 7, 3, 1)) % 10 == 0


def is_ro_cnp(text: str) -> bool:
    """Check a Romanian CNP: a date and weights 2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9 (Legea 105/1996)."""
    digits = digits_of(text)
    check = weighted(digits, (2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9)) % 11
    return digits[0] != 0 and is_short_date(digits[1:7]) and digits[12] == (1 if check == 10 else check)  # noqa: PLR2004


def is_bg_egn(text: str) -> bool:
    """Check a Bulgarian EGN: a date with the century in the month, modulus 11 (GRAO)."""
    digits = digits_of(text)
    month = (digits[2] * 10 + digits[3]) % 20
    check = weighted(digits, (2, 4, 8, 5, 10, 9, 7, 3, 6)) % 11 % 10
    return is_day(month, digits[4] * 10 + digits[5]) and check == digits[9]


def is_bg_eik(text: str) -> bool:
    """Check a Bulgarian company number: weights 1 to 8, then 3 to 10, modulus 11 (Registry Agency)."""
    digits = digits_of(text)
    check = weighted(digits[:8], range(1, 9)) % 11
    if check == 10:  # noqa: PLR2004 - then the second weights count
        check = weighted(digits[:8], range(3, 11)) % 11 % 10
    return is_varied(digits) and check == digits[8]


def is_bg_foreigner(text: str) -> bool:
    """Check a Bulgarian number of a foreigner: weights 21, 19, 17, 13, 11, 9, 7, 3, 1, modulus 10 (MVR)."""
    digits = digits_of(text)
    return is_varied(digits) and weighted(digits, (21, 19, 17, 13, 11, 9, 7, 3, 1)) % 10 == digits[9]


def is_hu_personal(text: str) -> bool:
    """Check a Hungarian személyi azonosító: a date, and weights 1 to 10 or 10 to 1, modulus 11 (1996. évi XX.)."""
    digits = digits_of(text)
    sums = {weighted(digits, range(1, 11)) % 11, weighted(digits, range(10, 0, -1)) % 11}
    return is_short_date(digits[1:7]) and digits[10] in sums


def is_gr_amka(text: str) -> bool:
    """Check a Greek AMKA: a date and Luhn (IDIKA)."""
    return is_short_date_day_first(digits_of(text)) and is_luhn(text)


def is_gr_afm(text: str) -> bool:
    """Check a Greek AFM: weights 256 down to 2, modulus 11, then 10 (AADE)."""
    digits = digits_of(text)
    return is_varied(digits) and weighted(digits, (256, 128, 64, 32, 16, 8, 4, 2)) % 11 % 10 == digits[8]


def is_hr_oib(text: str) -> bool:
    """Check a Croatian OIB: ISO/IEC 7064 MOD 11,10 (NN 60/2008)."""
    digits = digits_of(text)
    return is_varied(digits) and is_mod_11_10(digits)


def is_jmbg(text: str) -> bool:
    """Check a JMBG or EMŠO of the states of former Yugoslavia: a date and modulus 11."""
    digits = digits_of(text)
    check = (11 - weighted(digits, (7, 6, 5, 4, 3, 2) * 2) % 11) % 11
    return is_day(digits[2] * 10 + digits[3], digits[0] * 10 + digits[1]) and check == digits[12]


def is_ua_tax_number(text: str) -> bool:
    """Check a Ukrainian RNOKPP: weights -1, 5, 7, 9, 4, 6, 10, 5, 7, modulus 11 (DPS)."""
    digits = digits_of(text)
    return is_varied(digits) and weighted(digits, (-1, 5, 7, 9, 4, 6, 10, 5, 7)) % 11 % 10 == digits[9]


def is_ru_inn(text: str) -> bool:
    """Check a Russian INN of ten or twelve digits: modulus 11 (FNS)."""
    digits = digits_of(text)
    if len(digits) == 10:  # noqa: PLR2004 - a company's
        return is_varied(digits) and weighted(digits, (2, 4, 10, 3, 5, 9, 4, 6, 8)) % 11 % 10 == digits[9]
    first = weighted(digits, (7, 2, 4, 10, 3, 5, 9, 4, 6, 8)) % 11 % 10
    second = weighted(digits, (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)) % 11 % 10
    return is_varied(digits) and digits[10:] == [first, second]


def is_ru_snils(text: str) -> bool:
    """Check a Russian SNILS: weights 9 to 1, modulus 101 (SFR)."""
    digits = digits_of(text)
    return is_varied(digits) and weighted(digits, range(9, 0, -1)) % 101 % 100 == number_of(digits[9:])


CHECKS: Mapping[str, Callable[[str], bool]] = MappingProxyType(
    {
        "se-personnummer": is_se_personnummer,
        "se-orgnummer": is_se_orgnummer,
        "se-number": is_se_number,
        "no-birth-number": is_no_birth_number,
        "no-company": is_no_company,
        "dk-cpr": is_dk_cpr,
        "dk-cpr-mod-11": is_dk_cpr_mod_11,
        "fi-hetu": is_fi_hetu,
        "is-kennitala": is_is_kennitala,
        "baltic": is_baltic,
        "lv-code": is_lv_code,
        "pl-pesel": is_pl_pesel,
        "pl-nip": is_pl_nip,
        "pl-regon": is_pl_regon,
        "pl-card": is_pl_card,
        "pl-passport": is_pl_passport,
        "cz-birth-number": is_cz_birth_number,
        "hu-taj": is_hu_taj,
        "hu-tax-id": is_hu_tax_id,
        "hu-tax-number": is_hu_tax_number,
        "ro-cnp": is_ro_cnp,
        "bg-egn": is_bg_egn,
        "bg-eik": is_bg_eik,
        "bg-foreigner": is_bg_foreigner,
        "hu-personal": is_hu_personal,
        "gr-amka": is_gr_amka,
        "gr-afm": is_gr_afm,
        "hr-oib": is_hr_oib,
        "jmbg": is_jmbg,
        "ua-tax-number": is_ua_tax_number,
        "ru-inn": is_ru_inn,
        "ru-snils": is_ru_snils,
    }
)
