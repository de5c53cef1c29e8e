"""The rules of fields of a completion, and the document that tells them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.web.gateway import completion_request as rules
from assistant.web.gateway.completion_request import (
    FILLING_TOKENS,
    CompletionRequest,
    FimRequest,
    InfillRequest,
    foreign_stops,
    parse_completion_request,
    parse_fim_request,
    parse_infill_request,
)
from assistant.web.gateway.refusals import UnreadableError
from connectors.model_hosts.values import CodeFile, Gap, Wishes

DOCUMENT = Path(__file__).parents[5] / "docs" / "editors.md"
ASKED: dict[str, Any] = {"model": "starcoder", "prompt": "def f(", "suffix": "):"}


def documented(route: str) -> list[set[str]]:
    """Return the fields of each row of a route's table."""
    _, _, table = DOCUMENT.read_text(encoding="utf-8").partition(f"| field of `{route}` | rule |")
    rows = table.partition("\n\n")[0].splitlines()[2:]
    return [set(re.findall(r"`(\w+)`", row.split("|")[1])) for row in rows if "whatever else" not in row]


def test_the_document_has_the_rule_of_every_field() -> None:
    honoured, passed_on, *neutral = documented("/v1/completions")
    assert (honoured, passed_on) == (rules.HONOURED, rules.PASSED_ON)
    assert set.union(*neutral) == rules.NEUTRAL.keys()
    honoured, passed_on, neutral_there = documented("/v1/fim/completions")
    assert (honoured, passed_on, neutral_there) == (rules.FIM_HONOURED, rules.FIM_PASSED_ON, rules.FIM_NEUTRAL.keys())
    assert documented("/v1/infill") == [rules.INFILL_HONOURED, rules.INFILL_PASSED_ON, rules.INFILL_OURS]


def test_every_field_that_is_read_has_a_rule_and_no_other() -> None:
    assert CompletionRequest.model_fields.keys() == rules.HONOURED | rules.PASSED_ON
    assert FimRequest.model_fields.keys() == rules.FIM_HONOURED | rules.FIM_PASSED_ON
    assert InfillRequest.model_fields.keys() == rules.INFILL_HONOURED | rules.INFILL_PASSED_ON


def test_what_asks_for_nothing_changes_nothing() -> None:
    nothing = dict.fromkeys((rules.HONOURED | rules.PASSED_ON | rules.NEUTRAL.keys()) - ASKED.keys())
    neutral = {name: values[0] for name, values in rules.NEUTRAL.items()}
    plain = parse_completion_request(ASKED)
    assert parse_completion_request(ASKED | nothing) == parse_completion_request(ASKED | neutral) == plain
    assert (plain.gap, plain.wishes, plain.longest) == (Gap("def f(", "):"), Wishes(), FILLING_TOKENS)


def test_a_gap_in_llamacpps_form() -> None:
    asked = {
        "input_prefix": "a\n",
        "prompt": "  b",
        "input_suffix": "c",
        "input_extra": [{"filename": "x", "text": "y"}],
    }
    assert parse_infill_request(asked).gap == Gap("a\n  b", "c", files=(CodeFile("x", "y"),))
    assert parse_infill_request({"n_predict": -1}).longest == FILLING_TOKENS
    with pytest.raises(UnreadableError) as refused:
        parse_infill_request({"input_extra": [{"filename": "x"}]})
    assert refused.value.param == "input_extra[0].text"


def test_a_list_of_one_text_is_that_text() -> None:
    assert parse_completion_request(ASKED | {"prompt": ["def f("]}) == parse_completion_request(ASKED)
    for prompt in ([], ["a", "b"], [1], [[1, 2]], [None]):
        with pytest.raises(UnreadableError) as refused:
            parse_completion_request(ASKED | {"prompt": prompt})
        assert refused.value.param == "prompt"


def test_a_gap_in_mistrals_form() -> None:
    nothing = {"suffix": None, "stop": None, "min_tokens": 0, "presence_penalty": 0, "metadata": {}}
    plain = parse_fim_request({"model": "starcoder", "prompt": "a = "})
    assert parse_fim_request({"model": "starcoder", "prompt": "a = "} | nothing) == plain
    assert (plain.gap, plain.longest, plain.wishes) == (Gap("a = ", ""), FILLING_TOKENS, Wishes())
    asked = parse_fim_request(ASKED | {"random_seed": 7, "stop": "\n\n"})
    assert (asked.gap, asked.wishes) == (Gap("def f(", "):"), Wishes(seed=7, stop=("\n\n",)))


def test_what_is_a_format_of_a_model_elsewhere_is_text_in_mistrals_form() -> None:
    written = "<fim_prefix>a<fim_suffix>b<fim_middle>"
    assert parse_fim_request({"model": "starcoder", "prompt": written}).gap == Gap(written, "")


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"model": None}, "model"),
        ({"prompt": ["a"]}, "prompt"),
        ({"seed": 1}, "seed"),
        ({"random_seed": -1}, "random_seed"),
        ({"min_tokens": 5}, "min_tokens"),
        ({"presence_penalty": 1}, "presence_penalty"),
        ({"metadata": {"x": "y"}}, "metadata"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"stop": ["x"] * 33}, "stop"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"server_url": "http://evil.example"}, "server_url"),
    ],
)
def test_what_is_not_taken_in_mistrals_form_is_refused_by_name(change: dict[str, Any], param: str) -> None:
    with pytest.raises(UnreadableError) as refused:
        parse_fim_request(ASKED | change)
    assert refused.value.param == param


@pytest.mark.parametrize(
    ("asked", "is_warming"),
    [
        ({"input_extra": [{"text": "x"}], "n_predict": 0}, True),
        ({"input_prefix": "x = ", "n_predict": 0}, True),
        ({"input_prefix": "", "prompt": "", "n_predict": 1, "samplers": ["temperature"]}, True),
        ({"input_prefix": "x = "}, False),
        ({"prompt": "x = ", "n_predict": -1}, False),
    ],
)
def test_a_request_without_a_gap_or_tokens_only_warms_a_cache(asked: dict[str, Any], *, is_warming: bool) -> None:
    assert parse_infill_request(asked).is_warming is is_warming
    assert not parse_completion_request(ASKED).is_warming


def test_published_tokens_among_the_stops_are_nobodys_secret() -> None:
    asked = parse_completion_request(ASKED | {"stop": ["<fim_middle>", "<|endoftext|>", "END"]})
    assert foreign_stops(asked) == ("END",)
    assert asked.wishes.stop == ("<fim_middle>", "<|endoftext|>", "END")


@given(st.text(max_size=100))
def test_no_refusal_repeats_what_was_written(text: str) -> None:
    planted = f"planted {text}"
    for change in (
        {"temperature": planted},
        {"prompt": [planted, planted]},
        {"stop": [planted] * 40},
        {"suffix": [planted]},
    ):
        with pytest.raises(UnreadableError) as refused:
            parse_completion_request(ASKED | change)
        assert "planted" not in str(refused.value)
        with pytest.raises(UnreadableError) as refused:
            parse_fim_request(ASKED | change)
        assert "planted" not in str(refused.value)
