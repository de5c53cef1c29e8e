"""Checksums of national numbers: known good ones, their near misses, and no text that breaks them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.detectors.national_ids import CHECKS

# Made-up numbers with the right checksum, and published samples of the authorities.
GOOD = [
    ("de-tax-id", "86 095 742 719"),
    ("de-pension", "65 070806 J 002"),
    ("de-health-insurance", "A123456780"),
    ("at-insurance", "1237 010180"),
    ("ch-ahv", "756.9217.0769.85"),
    ("fr-nir", "2 69 05 49 588 157 80"),
    ("nl-bsn", "111222333"),
    ("be-national", "85.07.30-033.28"),
    ("uk-nhs", "943 476 5919"),
    ("ie-pps", "1234567T"),
    ("es-dni", "X1234567L"),
    ("es-cif", "A58818501"),
    ("it-codice-fiscale", "RSSMRA85T10A562S"),
    ("se-personnummer", "811228-9874"),
    ("se-orgnummer", "556703-7485"),
    ("no-birth-number", "15108695088"),
    ("fi-hetu", "131052-308T"),
    ("is-kennitala", "120174-3399"),
    ("baltic", "37605030299"),
    ("pl-pesel", "44051401359"),
    ("pl-nip", "856-734-62-15"),
    ("cz-birth-number", "710319/2745"),
    ("ro-cnp", "1630615123457"),
    ("hr-oib", "94577403194"),
    ("jmbg", "0101006500006"),
    ("ru-snils", "112-233-445 95"),
    ("gr-afm", "094259216"),
    ("us-npi", "1234567893"),
    ("us-dea", "BB1388568"),
    ("us-routing", "121000358"),
    ("ca-sin", "130-692-544"),
    ("mx-curp", "BOXW310820HNERXN09"),
    ("mx-clabe", "032180000118359719"),
    ("br-cpf", "529.982.247-25"),
    ("br-cnpj", "11.222.333/0001-81"),
    ("ar-cuit", "20-05536168-2"),
    ("cl-rut", "12.531.909-2"),
    ("ve-rif", "V-11470283-4"),
    ("tr-id", "17291716060"),
    ("za-id", "7503305044089"),
    ("in-aadhaar", "2345 6789 0124"),
    ("th-id", "1-1017-00230-70-8"),
    ("sg-nric", "S8765432Z"),
    ("kr-brn", "116-82-00276"),
    ("cn-id", "11010519491231002X"),
    ("hk-id", "A123456(3)"),
    ("tw-id", "A123456789"),
    ("au-abn", "51 824 753 556"),
    ("au-acn", "005 499 981"),
    ("au-tfn", "876 543 210"),
    ("au-medicare", "2123 45670 1"),
    ("vat", "DE136695976"),
    ("vat", "FR40303265045"),
    ("vat", "ATU13585627"),
    ("vat", "CHE-100.155.212 TPV"),
    ("vat", "988 077 917 MVA"),
    ("cz-company", "25123891"),
    ("th-company", "0-10-5-518-00189-3"),
    ("ca-program-account", "12302 6635 RC0001"),
]
# Their last character is the serial, is not covered, or has two right values.
UNCHANGED_END = frozenset({"au-medicare", "ca-program-account", "es-cif", "is-kennitala"})


@pytest.mark.parametrize(("name", "number"), GOOD)
def test_a_right_number_is_recognised(name: str, number: str) -> None:
    assert CHECKS[name](number)


@pytest.mark.parametrize(("name", "number"), [case for case in GOOD if case[0] not in UNCHANGED_END])
def test_another_check_digit_is_refused(name: str, number: str) -> None:
    place = max(place for place, character in enumerate(number) if character.isalnum())
    alphabet = "0123456789" if number[place].isdigit() else "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    others = [number[:place] + c + number[place + 1 :] for c in alphabet if c != number[place]]
    right = [other for other in others if CHECKS[name](other)]
    assert len(right) <= 1, "a checksum lets pass at most one other character (modulus 11 folded onto ten digits)"


@pytest.mark.parametrize("number", ["000-12-3456", "666-12-3456", "900-12-3456", "123-00-4567", "123-45-0000"])
def test_a_social_security_number_that_was_never_given_out_is_refused(number: str) -> None:
    assert not CHECKS["us-ssn"](number)


@pytest.mark.parametrize("number", ["2512389", "25123892", "251238911", ""])
def test_a_czech_company_has_eight_digits_and_the_right_last_one(number: str) -> None:
    assert not CHECKS["cz-company"](number)


@given(st.text(alphabet="0123456789", min_size=18, max_size=18))
def test_checks_of_digits_answer_for_any_digits(digits: str) -> None:
    lengths = {
        "luhn": 16, "de-tax-id": 11, "fr-nir": 15, "nl-bsn": 9, "be-national": 11, "uk-nhs": 10, "uk-utr": 10,
        "pt-nif": 9, "no-birth-number": 11, "no-company": 9, "dk-cpr": 10, "baltic": 11, "pl-pesel": 11, "pl-regon": 14,
        "ro-cnp": 13, "bg-egn": 10, "hr-oib": 11, "jmbg": 13, "ru-inn": 12, "us-npi": 10, "us-routing": 9,
        "mx-clabe": 18,
        "br-cnh": 11, "br-pis": 11, "ar-cuit": 11, "co-nit": 10, "pe-ruc": 11, "ec-cedula": 10, "uy-ci": 8,
        "tr-id": 11, "tr-tax": 10,
        "il-id": 9, "sa-id": 10, "kw-id": 12, "eg-id": 14, "za-id": 13, "th-id": 13, "my-nric": 12, "id-nik": 16,
        "kr-rrn-mod-11": 13, "kr-brn": 10, "jp-my-number": 12, "cn-id": 18, "au-abn": 11, "au-tfn": 9, "nz-ird": 9,
    }  # fmt: skip
    for name, length in lengths.items():
        assert CHECKS[name](digits[:length]) in {True, False}
