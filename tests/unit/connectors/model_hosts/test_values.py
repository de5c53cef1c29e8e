from hypothesis import given
from hypothesis import strategies as st

from connectors.model_hosts.values import ChatMessage, Need, least_tokens, most_tokens


def prompt(text: str) -> list[ChatMessage]:
    return [ChatMessage("user", text)]


@given(text=st.text())
def test_bounds_never_cross(text: str) -> None:
    assert least_tokens(prompt(text)) <= most_tokens(prompt(text))


def test_bounds_of_known_texts() -> None:
    english = "The quick brown fox jumps over the lazy dog."  # 10 tokens in cl100k
    assert least_tokens(prompt(english)) == 9
    assert most_tokens(prompt(english)) >= 10
    chinese = "敏捷的棕色狐狸跳过了懒狗"  # 12 letters; tokenizers make 8 to 16 of it
    assert most_tokens(prompt(chinese)) >= 16


def test_need_counts_prompt_and_answer() -> None:
    assert Need(prompt_tokens=50, answer_tokens=100).tokens == 150


def test_need_without_names_or_with_a_star_is_open() -> None:
    assert Need().is_open
    assert Need(("starcoder2", "*")).is_open
    assert not Need(("starcoder2",)).is_open
