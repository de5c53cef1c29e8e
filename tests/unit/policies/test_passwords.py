"""What may be a password, and what only stands where one would."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.detectors import passwords, said_passwords, shapes
from policies.guard import Guard

CHOSEN = ["hunter2", "Winter-2031!", "Xy77-kq", "Tr0ub4dor&3", "Azerty-99", "k3X9abQ72mLp", "kaffee#77"]
NO_PASSWORDS = [
    "get_password()",
    "self._password",
    "os.environ[x]",
    "<password>",
    "${X}",
    "required",
    "DB_PASSWORD",
    "...",
]
FORMS = [
    "password = '{}'",
    '"db_password": "{}",',
    "DB_PASSWORD={}",
    "PGPASSWORD={} psql",
    "mysql -u root -p{} shop",
    "curl -u maria:{} https://x.de",
    "Server=db;Uid=sa;Pwd={};",
    "CREATE USER x IDENTIFIED BY '{}';",
    "<password>{}</password>",
    "The password for the wiki is {}.",
    "Das Passwort vom Server lautet {}",
    "le mot de passe est {}",
    "use `{}` as password",
    "the credentials are admin / {}",
    "| password | {} |",
]


def found_in(guard: Guard, text: str) -> list[str]:
    return [text[finding.start : finding.end] for finding in guard.find(text)]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("value", CHOSEN)
def test_a_password_is_found_in_every_form(guard: Guard, form: str, value: str) -> None:
    assert value in found_in(guard, form.format(value))


@pytest.mark.parametrize("form", [form for form in FORMS if "{}" in form])
@pytest.mark.parametrize("value", ["<password>", "${PASSWORD}", "your-password"])
def test_a_placeholder_is_none_in_any_form(guard: Guard, form: str, value: str) -> None:
    assert found_in(guard, form.format(value)) == []


@pytest.mark.parametrize("value", CHOSEN)
def test_chosen_values_pass_every_strictness(value: str) -> None:
    assert passwords.is_password(value)
    assert passwords.is_bare_password(value)
    assert said_passwords.is_said_password(value)


@pytest.mark.parametrize("value", NO_PASSWORDS)
def test_code_and_words_are_none(value: str) -> None:
    assert not passwords.is_bare_password(value)
    assert not said_passwords.is_said_password(value)


@pytest.mark.parametrize("value", ["UTF-8", "SHA-256", "OAuth2", "base64-encoded", "GitHub", "v1.2.3", "8-character"])
def test_what_sentences_say_about_passwords_is_none(value: str) -> None:
    assert not said_passwords.is_said_password(value)


@given(st.text(max_size=200))
def test_no_check_raises_whatever_the_value(value: str) -> None:
    for check in (passwords.CHECKS | said_passwords.CHECKS).values():
        assert check(value) in {True, False}


def test_a_port_is_no_password() -> None:
    assert not passwords.is_url_password("8080/path/")
    assert passwords.is_url_password("p@ss/77w")


@pytest.mark.parametrize(
    ("value", "is_phrase"),
    [
        ("copper lantern drifting meadow", True),
        ("le renard dort sous la pluie", True),
        ("used to derive the key", False),
        ("enter the new passphrase", False),
        ("river river river", False),
    ],
)
def test_a_passphrase_of_words_is_no_sentence_about_one(value: str, *, is_phrase: bool) -> None:
    assert said_passwords.is_phrase_of_words(value) is is_phrase


@pytest.mark.parametrize("value", ["q}uiet)wa{ter$[me~lon?under", "{{b}lue)ho${r]se(wa[lks~_$#home}}"])
@pytest.mark.parametrize(
    "form",
    ["password = '{}'", "DB_PASSWORD={}", 'api_key := "{}"', '"client_secret": "{}"', "my_secret['token'] = '{}'"],
)
def test_a_jumble_of_signs_whose_brackets_do_not_pair_is_no_template(guard: Guard, form: str, value: str) -> None:
    assert value in found_in(guard, form.replace("{}", value))


@pytest.mark.parametrize(
    "value", ["{{ vault.read(path)[key] }}", "${lookup('a/b', \"c-d\")}", "^(?=.*[a-z])(?=.*[0-9]).{8,}$"]
)
def test_brackets_that_pair_are_those_of_code(guard: Guard, value: str) -> None:
    assert not shapes.is_jumbled(value)
    assert not found_in(guard, f"api_key = '{value}'")


def test_a_word_in_the_form_of_a_constant_may_be_drawn_by_lot(guard: Guard) -> None:
    assert found_in(guard, "device_password=ZQ7K4_8X2WVT") == ["ZQ7K4_8X2WVT"]
    assert not found_in(guard, "device_password=MAX_RETRIES_2")


@pytest.mark.parametrize(
    "text",
    [
        "10.17.0.5 ({}/Zq4vTm2x)",
        "ssh maria@10.17.0.5 ({}/Zq4vTm2x)",
        "ID/PW: {}/Zq4vTm2x",
        "id/pw/port: {}/Zq4vTm2x/8443",
        "계정/비번-{}:Zq4vTm2x",
        "(ID){}/(PW)Zq4vTm2x",
        "password for {}:Zq4vTm2x",
        "db_password,default:Zq4vTm2x",
        "아이디({}) 비밀번호(Zq4vTm2x)",
    ],
)
def test_name_and_password_side_by_side_are_told_apart(guard: Guard, text: str) -> None:
    told = text.format("backup_user")
    assert any(value.endswith("Zq4vTm2x") for value in found_in(guard, told))
    assert not any("required" in value for value in found_in(guard, told.replace("Zq4vTm2x", "required")))
