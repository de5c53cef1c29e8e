"""Personal data in the forms in which people write it, and what only looks like it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.detectors.accounts import CHECKS as ACCOUNTS
from policies.detectors.devices import CHECKS as DEVICES
from policies.detectors.personal import is_email, is_lone_number, is_phone_number
from policies.guard import Guard
from policies.nearness import near_keywords, near_pattern

FORMS = ["my {name} is {value}, please keep it", "{name}: {value}", '"{name}": "{value}",', "| {name} | {value} |"]
NUMBERS = [
    ("passport number", "912803456"),
    ("Reisepass-Nr.", "C01X00T47"),
    ("driver's license", "H12234567"),
    ("SSN", "536 22 8114"),
    ("NHS number", "9434765919"),
    ("tax id", "12-3456789"),
    ("Steuernummer", "93/815/08152"),
    ("account number", "945456787654"),
    ("sort code", "20-00-00"),
    ("telephone", "612 345 678"),
    ("license plate", "7ABC123"),
    ("member ID", "XYZ123456789"),
    ("MRN", "00482915"),
    ("IMEI", "490154203237518"),
    ("VIN", "WVWZZZ1JZXW000001"),
    ("Aadhaar", "2345 6789 0124"),
    ("PESEL", "44051401359"),
    ("CPF", "52998224725"),
    ("cédula", "1.020.345.678"),
]


def found(guard: Guard, text: str) -> list[str]:
    return [text[finding.start : finding.end] for finding in guard.find(text) if finding.rule.startswith("personal/")]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("name", "value"), NUMBERS)
def test_a_number_is_found_by_the_word_before_it(guard: Guard, form: str, name: str, value: str) -> None:
    assert any(value in span for span in found(guard, form.format(name=name, value=value)))


@pytest.mark.parametrize(
    "label",
    [
        "FÜHRERSCHEIN",
        "FØDSELSNUMMER",
        "HENKILÖTUNNUS",
        "CÉDULA JURÍDICA",
        "PERMISO DE CONDUCCIÓN",
        "Registro Único Tributario",
        "NÚMERO DE TARJETA",
    ],
)
def test_a_word_in_capitals_counts_with_its_accents(guard: Guard, label: str) -> None:
    assert "38471926123" in found(guard, f"{label}: 38471926123")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("My number at the tennis club is 84-731926", "84-731926"),
        ("84731926 is my number at the tennis club", "84731926"),
        ("Meine Kundennummer bei den Werken ist 84731926.", "84731926"),
        ("Estonian organisation registration code: 84731926", "84731926"),
        ("Poreski Identifikacioni Broj 02847319", "02847319"),
        ("<рнокпп>3830236556</рнокпп>", "3830236556"),
        ("person.ič = '25123891'", "25123891"),
        ("tw473926a", "tw473926a"),
        ("M-XY 999", "M-XY 999"),
        ("Algerian NIF: 847319265301284", "847319265301284"),
        ("She was born in Leeds, 07.03.1984 is when she was born.", "07.03.1984"),
        ("correct my birth date; it should read Jul 07, 1976", "Jul 07, 1976"),
        ("signed in from 203.0.113.45", "203.0.113.45"),
        ("BSB: 062-000 Account: 84731926", "84731926"),
        ('{"ICE": "001847319000056"}', "001847319000056"),
        ("correct the employee number of my application, which is 84731926", "84731926"),
    ],
)
def test_a_number_is_found_by_what_people_call_it_or_by_standing_alone(guard: Guard, text: str, value: str) -> None:
    assert value in found(guard, text)


@pytest.mark.parametrize(
    "text",
    [
        "my pid is 8473192",
        "my salary is 8473192",
        "my guess is 12",
        "utf8mb4",
        "bug1234567",
        "deadbeef12",
        "ISO-IR-100",
        "the German version number 8473192653",
        "the registration code of the module",
        "UID: 1000",
    ],
)
def test_what_is_nobodys_number_passes(guard: Guard, text: str) -> None:
    assert not found(guard, text)


@pytest.mark.parametrize(
    "value",
    [
        "maria.lopez@example.com",
        "jürgen@corp.example",
        "+49 30 901820",
        "(415) 555-0132",
        "4111 1111 1111 1111",
        "DE89 3704 0044 0532 0130 00",
        "93.184.216.34",
        "2001:db8:85a3::8a2e:370:7334",
        "3c:22:fb:1a:90:7d",
        "1HGCM82633A004352",
        "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
        "756.9217.0769.85",
        "RSSMRA85T10A562S",
        "A123456780",
        "65170839J003",
        "X1234567L",
        "10000000146",
        "8001015009087",
        "S8765432Z",
    ],
)
def test_a_value_with_a_form_of_its_own_needs_no_word(guard: Guard, value: str) -> None:
    assert any(value in span for span in found(guard, f"here it is {value} as agreed"))
    assert any(value in span for span in found(guard, value))


@pytest.mark.parametrize(
    "text",
    [
        "git clone git@github.com:org/repo.git && npm install left-pad@1.3.0",
        'contact = "user@example.com"  # or you@yourdomain.com',
        "version 1.2.3.4 on 127.0.0.1, mask 255.255.255.0, bind 0.0.0.0",
        "2026-11-23T18:02:16.123456Z took 1700000000123 ns, epoch 1700000000",
        "the passport.js library 0.6.0, MIT license 2.0, tax of 12 %",
        "[0.0123, -0.4567, 0.8910, 0.2345]\n0x1f8b 0800 0000",
        "Copyright (C) 1989 Free Software Foundation, Inc., 51 Franklin Street, Boston, MA 02110-1301",
        "00000000: 2345 6789 0124 5678 9abc def0 1234 5678",
        "HP-UX 11, UTF-8, RFC 2119, BY-SA 4.0",
    ],
)
def test_what_developers_write_passes(guard: Guard, text: str) -> None:
    assert found(guard, text) == []


def test_words_of_any_spelling_lead_to_the_number(guard: Guard) -> None:
    for text in ("Führerschein B072RRE2I55", "Fuehrerschein: B072RRE2I55", "social_security=536228114"):
        assert found(guard, text)


def test_the_keyword_of_a_phrase_is_its_rarest_part() -> None:
    assert near_keywords(["passport number", "driver's license"]) == ("passport", "license")
    with pytest.raises(ValueError, match="plain letters"):
        near_keywords(["né le"])


def test_a_short_word_does_not_count_inside_another() -> None:
    pattern = re.compile(near_pattern(["tin"], ["[0-9]{9}"]))
    for text in ("tin: 911701234", 'my "TIN" 911701234', "tin_number=911701234", "tinno 911701234"):
        assert pattern.search(text)
        assert any(word in text.lower() for word in near_keywords(["tin"]))
    for text in ("satin 911701234", "tincture 911701234", "starting 911701234"):
        assert not pattern.search(text)


@given(st.from_regex(r"[a-z]{1,8}\.[a-z]{1,8}@(example|corp)\.(com|org)", fullmatch=True))
def test_a_person_at_an_example_host_is_a_person(address: str) -> None:
    assert is_email(address) or address.startswith(("first.last@", "your.name@", "firstname.lastname@"))


@given(st.text(alphabet="0123456789ABCxX -./()+", min_size=8, max_size=24))
def test_checks_answer_for_any_number(text: str) -> None:
    assert is_phone_number(text) in {True, False}
    assert is_lone_number(text) in {True, False}


@given(st.text(alphabet="0123456789", min_size=16, max_size=16))
def test_a_card_with_one_digit_changed_is_no_card(digits: str) -> None:
    is_card = ACCOUNTS["card-number"]
    if is_card(digits):
        assert not is_card(digits[:-1] + str((int(digits[-1]) + 1) % 10))


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("card-number", "060473192650", "060473192651"),
        ("iban", "GB29NWBK60161331926819", "GB29NWBK60161331926818"),
        ("bech32-address", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5"),
        ("isin", "US0378331005", "US0378331006"),
        ("lei", "7LTWFZYICNSX8D621K86", "7LTWFZYICNSX8D621K87"),
    ],
)
def test_accounts_have_checksums(name: str, good: str, bad: str) -> None:
    assert ACCOUNTS[name](good)
    assert not ACCOUNTS[name](bad)


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("imei", "490154203237518", "490154203237519"),
        ("imei", "3520990017614823", "0000000000000000"),  # IMEISV: a version of software in place of the check digit
        ("vin", "1HGCM82633A004352", "1HGCM82633A004353"),
        ("ups-tracking", "1Z5R89390357567127", "1Z5R89390357567128"),
        ("postal-tracking", "RR473124829GB", "RR473124828GB"),
    ],
)
def test_things_have_checksums(name: str, good: str, bad: str) -> None:
    assert DEVICES[name](good)
    assert not DEVICES[name](bad)
