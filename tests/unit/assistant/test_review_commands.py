from __future__ import annotations

import json

from assistant.commands.review import render_json, render_table
from assistant.review import AllFigures, RuleFigures

WRONG = RuleFigures("secret/aws-access-key", "AWS access key", 8, 2, 1)
SILENT = RuleFigures("personal/email", "e-mail", 40, 0, 0)
UNCOUNTED = RuleFigures("personal/phone", "telephone number", None, 1, 1)


def test_a_rate_is_told_only_where_there_is_one() -> None:
    head, wrong, silent, uncounted = render_table(AllFigures(30, (WRONG, SILENT, UNCOUNTED)))
    assert head.endswith("wrong, at least")
    assert wrong.split() == ["secret/aws-access-key", "8", "2", "1", "12.5%"]
    assert silent.endswith("nobody reported")
    assert uncounted.split() == ["personal/phone", "?", "1", "1", "no", "data"]


def test_more_confirmed_than_counted_is_not_more_than_all() -> None:
    assert RuleFigures("r", "", 1, 3, 3).words == "100.0%"
    assert RuleFigures("r", "", 0, 1, 1).words == "no data"


def test_machines_get_null_for_what_is_not_known() -> None:
    lines = [json.loads(line) for line in render_json(AllFigures(30, (WRONG, UNCOUNTED), "too slow"))]
    assert lines[0] == {
        "rule": "secret/aws-access-key",
        "days": 30,
        "findings": 8,
        "reported": 2,
        "confirmed_wrong": 1,
        "false_positive_rate": 0.125,
    }
    assert (lines[1]["findings"], lines[1]["false_positive_rate"]) == (None, None)


def test_nothing_found_and_nothing_known_are_told_apart() -> None:
    assert render_table(AllFigures(30, ())) == ["No rule found anything in the last 30 days."]
    assert render_table(AllFigures(30, (), "The findings could not be counted in time.")) == []
