"""What was redacted once stays as it is: a placeholder is shorter than its value, and brings no words near another."""

from __future__ import annotations

import pytest

from policies.pseudonyms import Pseudonyms
from tests.unit.policies.texts import REDACTING, both_ways, check

_KEY = "ghp_aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5"
_PHRASE = "weekend weekend chalk chair argue cave culture essence snow agent divert panda"
# By mechanism: what a second look found in the redacted text, and the first had not.
ONCE = {
    "steps of a sentence": "mdp kwt-QPmRWzod52G8.23.0.1 \nb-4d7a",
    "a key as the label of the next cell": f"<ul><li>{_KEY}</li><li>kq_tw7mR02xazbLpRv</li></ul>",
    "a phrase as the label": f"<b>\n{_PHRASE}\n</b><i>4R82K317</i>",
    "a head of a table": "standby 0 authentication w8ka\n--|\n|5/(p",
    "the name of another value": f'["api_key: {_KEY}", "8204713596-7RTkgd4bJFsRnAUDksuvT3rOHQ2jfaVz"]',
    "a cell one further": f"| password | key |\n|---|---|\n| {_KEY} | key_5c7a90fae2f7b544a |",
    "a sentence of two words": '{"password": "card 4111 1111 1111 1111"}',
    "a value at a sign": "note\tkey\tpassword\tnote\nPatient: Meier, Uwe, *07.03.1964, wohnhaft\tx\ty",
    "a rest": f"sshpass -p q7!{_KEY[4:]}{_KEY[4:]}{_KEY[4:]}, ask Tom",
}
REDACTED = {
    "steps over two": "password is [PASSWORD_1]\n\n[PASSWORD_2]\n\nplates\n\n3f9ab71c2d",
    "words near": "stripe keys [STRIPE_KEY_1] / [STRIPE_KEY_2] / kq_tw7mR02xazbLpRv",
    "lines of one length": "> Oslo [CA_POSTAL_CODE_1]\n* pin the code to 3.11.9x\n# BSB: 1",
    "a name without its value": "[DEVICE_KEY_1]\nxoxp-9876-abc\nCLOUDFLARE_API_TOKEN=[CLOUDFLARE_TOKEN_1]",
    "the line above": "session = '[SESSION_COOKIE_1]'\nessu_kmRkzq9Vd4hbb6ijLckwrTJCwM3b",
    "a word that excuses": "votre code est [PIN_1]. Ne le, zq_wuR9wg5Y4L0BSqRXF4sQ",
    "a head too far for a value": (
        "user,note,id,password\n[PRIVATE_KEY_1],[CONNECTION_STRING_1],[TAX_NUMBER_1],[PASSWORD_1]\n"
        "[PRIVATE_KEY_2],[JWT_1],x,k3vq8z1xw7rj"
    ),
    "a name that begins the text": "token\tnote\t[SECRET_1]\t3c22fb1a907d\t[SECRET_2]",
    "a cell behind one with more": "user,password,note\na/c no [PASSWORD_1],k3vq-8z1x",
    "a cell of CSV": "key,password,user\na/c no [PASSWORD_1],persona_production_89ef162a-9f2e-ce6",
    "signs around a placeholder": "the guest wifi is &quot;[PASSWORD_1]&quot;, ask Tom",
}
SPOKEN = [
    "password is [PASSWORD_1], the second one is «hunter2x9!»",
    "change the password from [PASSWORD_1] to «hunter2x9!»",
    "password for [EMAIL_1] is «hunter2x9!»",
    "login: [EMAIL_1] / «hunter2x9!»",
    "API_KEYS=[SECRET_1],«q7Zk2mV9xT4bW8nR3yL6cJ1h»",
    "the api key for [EMAIL_1] is «q7Zk2mV9xT4bW8nR3yL6cJ1h»",
    "our Stripe key was [STRIPE_KEY_1] and for the other account «q7Zk2mV9xT4bW8nR3yL6cJ1h»",
    "INSERT INTO users (mail, password) VALUES ('[EMAIL_1]', '«hunter2x9!»')",
    "| user | password |\n|---|---|\n| [EMAIL_1] | «hunter2x9!» |",
    "| user | password |\n|---|---|\n| [EMAIL_1] | [PASSWORD_1] |\n| [EMAIL_2] | «hunter2x9!» |",
    "host,user,password\ndb [EMAIL_1],app,«hunter2x9!»",
    "smtp.login('[EMAIL_1]', '«hunter2x9!»')",
]


@pytest.mark.parametrize("mechanism", ONCE)
def test_a_redacted_text_stays_as_it_is(mechanism: str) -> None:
    pseudonyms = Pseudonyms()
    once = check(REDACTING, ONCE[mechanism], pseudonyms)
    assert once.held_back
    assert check(REDACTING, once.text, pseudonyms).text == once.text


@pytest.mark.parametrize("mechanism", REDACTED)
def test_words_do_not_speak_over_a_placeholder(mechanism: str) -> None:
    assert {finding.rule for finding in REDACTING.find(REDACTED[mechanism])} == {"placeholder"}


@pytest.mark.parametrize("text", SPOKEN)
def test_a_sentence_that_goes_on_behind_a_placeholder_still_tells(text: str) -> None:
    before, _, rest = text.partition("«")
    value, _, behind = rest.partition("»")
    shown = check(REDACTING, before + value + behind).text
    assert shown.startswith(before)
    assert value not in shown


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("password: [PASSWORD_1] and token=kq_tw7mR02xazbLpRv9", "kq_tw7mR02xazbLpRv9"),
        ("curl -u [EMAIL_1]:hunter2x9! https://mail.example", "hunter2x9!"),
        ("password: hunt[EMAIL_1]er2x9!", "er2x9!"),
        ('password: "[EMAIL_1]hunter2x9!"', "hunter2x9!"),
        ("password: hunter2x9![EMAIL_1]", "hunter2x9!"),
    ],
)
def test_what_stands_beside_a_placeholder_is_found(text: str, value: str) -> None:
    assert value not in check(REDACTING, text).text


@pytest.mark.parametrize("text", [*REDACTED.values(), *SPOKEN])
@pytest.mark.parametrize("sizes", [[1], [3, 7], [40]])
def test_pieces_do_not_matter_around_placeholders(text: str, sizes: list[int]) -> None:
    whole, streamed, shown = both_ways(REDACTING, text, sizes)
    assert shown == whole.text
    assert streamed.decisions == whole.decisions
