"""Charts as plain geometry, which a template draws as SVG: bars by label, and small bars by week for each label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from math import floor, log10
from typing import Final

WIDTH: Final = 720  # of the drawing; the page scales it
_LABEL: Final = 232
_VALUE: Final = 88
_ROW: Final = 28
_BAR: Final = 16
_THIN: Final = 4
_TOP: Final = 8
_BOTTOM: Final = 36  # the axis with its ticks and its unit


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar, with its place in the drawing and the words at its end."""

    label: str
    words: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark of the axis."""

    x: float
    words: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """A whole chart; `rows` are the labels at the left."""

    height: float
    bars: Sequence[Bar]
    rows: Sequence[Bar]
    ticks: Sequence[Tick]


def draw_bars(values: Sequence[tuple[str, float, str]], *, unit: str = "", most: float | None = None) -> Drawing:
    """Return horizontal bars, one for each label.

    Args:
        values: label, length and words at the end.
        unit: that the ticks end with.
        most: the end of the axis; unset makes a round number above the longest.
    """
    end = most or round_up(max((value for _, value, _ in values), default=0))
    room = WIDTH - _LABEL - _VALUE
    bars = [
        Bar(label, words, _LABEL, _TOP + place * _ROW + (_ROW - _BAR) / 2, round(value / end * room, 1), _BAR)
        for place, (label, value, words) in enumerate(values)
    ]
    ticks = [Tick(_LABEL + room * part / 4, f"{_spell(end * part / 4)}{unit}") for part in range(5)]
    return Drawing(_TOP + len(values) * _ROW + _BOTTOM, bars, bars, ticks)


@dataclass(frozen=True, slots=True)
class Column:
    """One small upright bar, and what it says when somebody points at it."""

    value: float
    words: str


def draw_columns(rows: Sequence[tuple[str, Sequence[Column]]], ticks: Mapping[int, str]) -> Drawing:
    """Return a row of small upright bars for each label, all to one scale.

    Args:
        rows: label and bars, of which each row has as many.
        ticks: words of the axis, by the number of the bar above them.
    """
    most = max((column.value for _, columns in rows for column in columns), default=1) or 1
    step = (WIDTH - _LABEL - _VALUE) / max(1, *(len(columns) for _, columns in rows), max(ticks, default=0) + 1)
    room = _ROW - 4
    bars: list[Bar] = []
    labels: list[Bar] = []
    for place, (label, columns) in enumerate(rows):
        floor_y = _TOP + (place + 1) * _ROW - 2
        labels.append(Bar(label, "", _LABEL, floor_y - room, WIDTH - _LABEL - _VALUE, room))
        for number, column in enumerate(columns):
            height = max(1.0, round(column.value / most * room, 1)) if column.value else 0
            x = round(_LABEL + number * step + 1, 1)
            bars.append(Bar(label, column.words, x, floor_y - height, round(step - 2, 1), height))
    drawn = [Tick(round(_LABEL + (number + 0.5) * step, 1), words) for number, words in ticks.items()]
    return Drawing(_TOP + len(rows) * _ROW + _BOTTOM, bars, labels, drawn)


def draw_weeks(rows: Sequence[tuple[str, Mapping[date, int]]], weeks: Sequence[date]) -> Drawing:
    """Return a row of small upright bars for each label, all to one scale, a bar a week; the sum stands at the end."""
    columns = [
        (
            label,
            [
                Column(counts.get(week, 0), f"{label}, week of {week.day} {week:%B}: {counts.get(week, 0):,}")
                for week in weeks
            ],
        )
        for label, counts in rows
    ]
    ticks = {number: f"{week.day} {week:%b}" for number, week in enumerate(weeks) if number % 3 == 0}
    drawn = draw_columns(columns, ticks)
    sums = [f"{sum(counts.values()):,}" for _, counts in rows]
    return replace(drawn, rows=[replace(row, words=words) for row, words in zip(drawn.rows, sums, strict=True)])


def draw_ranges(values: Sequence[tuple[str, float, float, float, str]]) -> Drawing:
    """Return for each label a thin bar from the low end of an estimate to its high end, and a thick mark between.

    Args:
        values: label, low end, estimate, high end, and words at the right; of a scale from -1 to 1, of which the
            half below nought is left out unless somebody needs it.
    """
    begin = -1.0 if any(low < 0 for _, low, _, _, _ in values) else 0.0
    room = WIDTH - _LABEL - _VALUE

    def at(value: float) -> float:
        return round(_LABEL + (value - begin) / (1 - begin) * room, 1)

    bars: list[Bar] = []
    rows: list[Bar] = []
    for place, (label, low, middle, high, words) in enumerate(values):
        y = _TOP + place * _ROW + (_ROW - _BAR) / 2
        rows.append(Bar(label, words, _LABEL, y, room, _BAR))
        said = f"{label}: {middle:.2f}, with 95 % certainty between {low:.2f} and {high:.2f}"
        bars.append(Bar(label, said, at(low), y + (_BAR - _THIN) / 2, max(1.0, at(high) - at(low)), _THIN))
        bars.append(Bar(label, said, at(middle) - _THIN / 2, y, _THIN, _BAR))
    ticks = [Tick(at(value), f"{value:g}") for value in (begin + (1 - begin) * part / 4 for part in range(5))]
    return Drawing(_TOP + len(values) * _ROW + _BOTTOM, bars, rows, ticks)


def _spell(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,}"


def round_up(value: float) -> float:
    """Return the next number whose quarters are round, too: 4 at least, for there are no quarters of an answer.

    >>> [round_up(value) for value in (0, 1, 3, 17, 350, 4200)]
    [4.0, 4.0, 4.0, 20.0, 400.0, 6000.0]
    """
    if value <= 4:  # noqa: PLR2004 - as said above
        return 4.0
    power = 10.0 ** floor(log10(value))
    return next(power * step for step in (1, 2, 4, 6, 8, 10) if value <= power * step)
