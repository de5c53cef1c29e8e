"""Requests for vectors: a rule for every field, and token numbers are no text."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from assistant.web.gateway import embedding_request as rules
from assistant.web.gateway.embedding_request import EmbeddingRequest, parse_embedding_request
from assistant.web.gateway.refusals import UnreadableError
from connectors.model_hosts.values import Inputs

DOCUMENT = Path(__file__).parents[5] / "docs" / "editors.md"
ASKED: dict[str, Any] = {"model": "general/nomic", "input": "Hello"}


def test_the_document_has_the_rule_of_every_field() -> None:
    table = DOCUMENT.read_text(encoding="utf-8").partition("| field of `/v1/embeddings` | rule |")[2]
    honoured, passed_on, _ = table.partition("\n\n")[0].splitlines()[2:]
    assert set(re.findall(r"`(\w+)`", honoured.split("|")[1])) == rules.HONOURED
    assert set(re.findall(r"`(\w+)`", passed_on.split("|")[1])) == rules.PASSED_ON
    assert EmbeddingRequest.model_fields.keys() == rules.HONOURED | rules.PASSED_ON


def test_one_text_or_several() -> None:
    assert parse_embedding_request(ASKED).inputs == Inputs(("Hello",))
    several = ASKED | {"input": ["a", "b"], "dimensions": 64, "user": "me", "encoding_format": "base64"}
    assert parse_embedding_request(several).inputs == Inputs(("a", "b"), 64)


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"input": [1, 2]}, "input"),
        ({"input": [[1, 2], [3]]}, "input"),
        ({"input": 7}, "input"),
        ({"input": {"text": "x"}}, "input"),
        ({"input": ["a", {"text": "x"}]}, "input"),
        ({"input": []}, "input"),
        ({"input": ""}, "input"),
        ({"input": ["a", "  "]}, "input"),
        ({"input": ["a"] * 2049}, "input"),
        ({"input": None}, "input"),
        ({"model": None}, "model"),
        ({"encoding_format": "int8"}, "encoding_format"),
        ({"dimensions": 0}, "dimensions"),
        ({"dimensions": True}, "dimensions"),
        ({"dimensions": 16_385}, "dimensions"),
        ({"user": 7}, "user"),
        ({"api_base": "http://evil.example"}, "api_base"),
        ({"truncate": "END"}, "truncate"),
    ],
)
def test_whatever_else_is_refused_by_name(change: dict[str, Any], param: str) -> None:
    with pytest.raises(UnreadableError) as refused:
        parse_embedding_request(ASKED | change)
    assert refused.value.param == param
