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
}
REDACTED = {
    "steps over two": "password is [PASSWORD_1]\n\n[PASSWORD_2]\n\nplates\n\n3f9ab71c2d",
    "words near": "stripe keys [STRIPE_KEY_1] / [STRIPE_KEY_2] / kq_tw7mR02xazbLpRv",
    "lines of one length": "> Oslo [CA_POSTAL_CODE_1]\n* pin the code to 3.11.9x\n# BSB: 1",
    "a name without its value": "[DEVICE_KEY_1]\nxoxp-9876-abc\nCLOUDFLARE_API_TOKEN=[CLOUDFLARE_TOKEN_1]",
    "the line above": "session = '[SESSION_COOKIE_1]'\nessu_kmRkzq9Vd4hbb6ijLckwrTJCwM3b",
    "a word that excuses": "votre code est [PIN_1]. Ne le, zq_wuR9wg5Y4L0BSqRXF4sQ",
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


@pytest.mark.parametrize("text", [*REDACTED.values(), *SPOKEN])
@pytest.mark.parametrize("sizes", [[1], [3, 7], [40]])
def test_pieces_do_not_matter_around_placeholders(text: str, sizes: list[int]) -> None:
    whole, streamed, shown = both_ways(REDACTING, text, sizes)
    assert shown == whole.text
    assert streamed.decisions == whole.decisions
