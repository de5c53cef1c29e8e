"""How likely tokens were: told of what is shown, letter for letter, and of nothing that was held back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from assistant.answering.chances import Chances
from assistant.bootstrap.application import AnswerTurn
from assistant.conversation import Context
from assistant.turn_events import Answered, AnswerText
from connectors.model_hosts.values import Token, TokenChance, Wishes
from policies.guard import Guard
from tests.fakes.turn_parts import World, make_guard, make_turn

KEY = "ghp_9fK2mQ7xT4vB8nR1sW6yZ3cD5hJ0pL2aEuGi"
MAIL = "anna.berger@corp.example"


@pytest.fixture(scope="module")
def guard() -> Guard:
    return make_guard()


def spelt(*tokens: str) -> list[Token]:
    return [Token(token, (TokenChance(token, -0.5),)) for token in tokens]


async def told(guard: Guard, asked: str, *tokens: str, is_wished: bool = True) -> tuple[str, list[str]]:
    world = World(guard, Dev1_qwen=spelt(*tokens))
    turn = replace(make_turn(asked), context=Context(""), door="gateway", wishes=Wishes(has_chances=is_wished))
    events = [event async for event in AnswerTurn(world.parts)(turn)]
    assert isinstance(events[-1], Answered)
    texts = [event for event in events if isinstance(event, AnswerText)]
    return "".join(event.text for event in texts), [chance.token for event in texts for chance in event.chances]


async def test_every_token_of_a_clean_answer_is_told_once(guard: Guard) -> None:
    tokens = ["Hello", " there", ",", " how", " are", " you", "?"]
    assert await told(guard, "Hi", *tokens) == ("".join(tokens), tokens)
    assert (await told(guard, "Hi", *tokens, is_wished=False))[1] == []


@pytest.mark.parametrize("cut", [1, 7, 20, 39])
async def test_no_token_of_a_secret_is_told(guard: Guard, cut: int) -> None:
    text, tokens = await told(guard, "Hi", "The key is ", KEY[:cut], KEY[cut:], " and more", " words")
    assert KEY not in text
    assert not any(token in KEY for token in tokens)
    assert " words" not in tokens


async def test_a_value_that_is_put_back_has_no_tokens(guard: Guard) -> None:
    text, tokens = await told(guard, f"Mail {MAIL}", "Write to ", "[EMAIL", "_1]", " now")
    assert text == f"Write to {MAIL} now"
    assert not {"[EMAIL", "_1]", " now"} & set(tokens)


def test_a_token_is_told_with_its_last_letter() -> None:
    chances = Chances()
    chances.heard("abcd", (TokenChance("ab", -1.0), TokenChance("cd", -2.0)))
    assert [len(chances.shown(letter)) for letter in "abcd"] == [0, 1, 0, 1]


@pytest.mark.parametrize("heard", [("ab", ()), ("ab", (TokenChance("a", -1.0),))])
def test_tokens_that_do_not_spell_the_text_end_it(heard: tuple[str, tuple[TokenChance, ...]]) -> None:
    chances = Chances()
    chances.heard(*heard)
    chances.heard("c", (TokenChance("c", -1.0),))
    assert chances.shown("abc") == ()
    assert chances.is_lost
