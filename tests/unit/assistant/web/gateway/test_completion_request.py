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
    InfillRequest,
    foreign_stops,
    parse_completion_request,
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
    assert documented("/v1/infill") == [rules.INFILL_HONOURED, rules.INFILL_PASSED_ON, rules.INFILL_OURS]


def test_every_field_that_is_read_has_a_rule_and_no_other() -> None:
    assert CompletionRequest.model_fields.keys() == rules.HONOURED | rules.PASSED_ON
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


def test_published_tokens_among_the_stops_are_nobodys_secret() -> None:
    asked = parse_completion_request(ASKED | {"stop": ["<fim_middle>", "<|endoftext|>", "END"]})
    assert foreign_stops(asked) == ("END",)
    assert asked.wishes.stop == ("<fim_middle>", "<|endoftext|>", "END")


@given(st.text(max_size=100))
def test_no_refusal_repeats_what_was_written(text: str) -> None:
    planted = f"planted {text}"
    for change in ({"temperature": planted}, {"prompt": [planted]}, {"stop": [planted] * 40}, {"suffix": [planted]}):
        with pytest.raises(UnreadableError) as refused:
            parse_completion_request(ASKED | change)
        assert "planted" not in str(refused.value)
