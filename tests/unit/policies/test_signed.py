"""Values with signs that no token has, behind names of secrets, in the forms in which files hold them."""

from __future__ import annotations

import pytest

from policies.detectors.signed import is_bare_signed_secret, is_signed_secret
from policies.guard import Guard

VALUES = ["Tr!9x@Lq#2$mZ", "hV7&kQ*p^2!w", "x#Rk8!vQ2@mZ&dT5", "aB3$dE5%gH7^"]
NAMES = ["api_key", "apiKey", "SHOP_AUTH_TOKEN", "client_secret", "db_key", "service-key", "private_key"]
FORMS = [
    '{} = "{}"',
    "{}: '{}'",
    '"{}": "{}",',
    "{} := `{}`",
    "{}={}",
    "{}: {}",
    'if ({} === "{}") {{',
    'std::string {}("{}");',
    '"{}", "{}"',
    'char {}[] = "{}";',
    'const {}: string = "{}"',
    "run --{} {} now",
    "| {} | {} |",
    "- name: {}\n  value: '{}'",
]
CODE = [
    "token = a?b1:c[0]!",
    "token=abc1&state=x2&code=y3",
    "secret: $user->secret($i1)!",
    'token = "^(?:[a-z0-9]{3}|!)$"',
    'secret = "Enter key 2, here!"',
    "accessToken:O.a1,signal:O.b2},[(n=(e,t)=>n",
    "api_key: {{ vault_api_key_1 }}",
    "title = Tr!9x@Lq#2$mZ",
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", NAMES)
def test_a_value_with_signs_is_found_in_every_form(guard: Guard, name: str, form: str) -> None:
    for value in VALUES:
        text = f"x = 1\n{form.format(name, value)}\n"
        assert value in [text[one.start : one.end] for one in guard.find(text)], text


@pytest.mark.parametrize("text", CODE)
def test_code_and_sentences_pass(guard: Guard, text: str) -> None:
    assert not [one for one in guard.find(text) if one.rule.startswith("secret/")]


def test_what_has_no_quotes_must_say_more() -> None:
    assert is_signed_secret("a$b!c#9xQ")
    assert is_signed_secret("7kq-w2m!")
    assert not is_bare_signed_secret("7kq-w2m!")  # one sign, and no capital
    assert not is_bare_signed_secret("Tr!9x@Lq#2(mZ)")  # brackets are those of code
    assert not is_signed_secret("abcdefg!")
