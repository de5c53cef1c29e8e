"""The table beside an export: no cell is a formula, whatever stands before it."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.audit.exports.spreadsheet import COLUMNS, escape_cell, header, table_lines
from assistant.audit.record import canonical_bytes

FORMULA = "=cmd|' /C calc'!A0"


@pytest.mark.parametrize(
    "cell",
    [FORMULA, "+1", "-1", "@SUM(1)", "\t=1", "\r=1", "\n=1", " =1", '"=1', "' =1", "\u00a0=1", "\ufeff=1", "\uff1d1"],
)
def test_a_formula_becomes_text(cell: str) -> None:
    assert escape_cell(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["", "host", "secret/aws-key", "a=b", "2026-11-29T12:00:00.000000Z", "1-2"])
def test_anything_else_stays(cell: str) -> None:
    assert escape_cell(cell) == cell


def test_what_is_no_text_is_spelled() -> None:
    assert [escape_cell(value) for value in (None, 3, True, {"a": 1})] == ["", "3", "true", '{"a":1}']


@given(st.text())
def test_a_reader_of_csv_gets_each_cell_back(text: str) -> None:
    text = text.encode("utf-8", "replace").decode()
    body = canonical_bytes({"type": text, "rule": 'a"b,c', "data": {"x": 1}})
    lines = (header() + table_lines([(7, body)])).decode()
    rows = list(csv.reader(io.StringIO(lines, newline="")))
    assert [len(row) for row in rows] == [len(COLUMNS)] * 2
    assert rows[1][0] == "7"
    assert rows[1][COLUMNS.index("rule")] == 'a"b,c'
    assert rows[1][COLUMNS.index("type")] in (text, f"'{text}")
    assert lines.endswith("\r\n")
