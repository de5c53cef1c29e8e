"""Charts of four questions: what is held back, which rule is wrong, do two readers agree, which model is asked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from assistant.audit.projections.tallies import Counts, RuleWeek
from assistant.audit.reader_pool import TooBroadError
from assistant.review import RuleFigures
from assistant.rights import Right
from assistant.web.console.agreeing import WEEKS_A_PERIOD, agreeing_rows, draw_agreeing
from assistant.web.console.drawing import draw_bars, draw_weeks
from assistant.web.console.routes import ConsoleRoute
from assistant.web.console.shell import Shell
from assistant.web.console_parts import ConsoleParts
from assistant.web.refusals import acting

PATH: Final = "/console/charts"
_WEEKS: Final = 12
_MODEL_DAYS: Final = 30
_MOST_ROWS: Final = 12
_NOTHING: Final = Counts((), (), None)


class ChartPages:
    """Draw the figures."""

    def __init__(self, parts: ConsoleParts, shell: Shell) -> None:
        self._parts = parts
        self._shell = shell

    def routes(self) -> list[ConsoleRoute]:
        """Return the addresses."""
        return [ConsoleRoute(PATH, Right.READ_CHARTS, self._show)]

    async def _show(self, request: Request) -> Response:
        person = acting(request)
        noted = await self._shell.note_view(person, "charts")
        today = datetime.now(UTC).date()
        weeks = last_weeks(today)
        said, counts = "", _NOTHING
        try:
            counts = await self._parts.tallies.read(
                since_monday=weeks[0], models_since=today - timedelta(days=_MODEL_DAYS)
            )
        except TooBroadError as error:
            said = str(error)
        figures = await self._parts.figures.read(person.id, door="console")
        judged = [one for one in figures.rules if one.false_positive_rate is not None and one.reported][:_MOST_ROWS]
        rules = by_rule(counts.rules)[:_MOST_ROWS]
        models = counts.models[:_MOST_ROWS]
        agreeing = agreeing_rows(await self._parts.desk.looks.pairs(weeks[0]), weeks)
        return self._shell.render(
            noted,
            "charts.html",
            title="Charts",
            path=PATH,
            said=said or figures.trouble,
            until=counts.until,
            weeks=weeks,
            rules=rules,
            rules_drawn=draw_weeks(rules, weeks),
            judged=judged,
            judged_drawn=draw_bars([_rate(one) for one in judged], unit=" %"),
            models=models,
            models_drawn=draw_bars([(one.model, one.answers, f"{one.answers:,}") for one in models]),
            agreeing=agreeing,
            agreeing_drawn=draw_agreeing(agreeing),
            periods=weeks[::WEEKS_A_PERIOD],
            labels=self._parts.labels(),
            days=_MODEL_DAYS,
        )


def last_weeks(today: date) -> list[date]:
    """Return the Mondays of the last twelve weeks, this one's the last.

    >>> last_weeks(date(2026, 11, 29))[-1]
    datetime.date(2026, 11, 23)
    """
    monday = today - timedelta(days=today.weekday())
    return [monday - timedelta(weeks=number) for number in reversed(range(_WEEKS))]


def by_rule(rows: Sequence[RuleWeek]) -> list[tuple[str, dict[date, int]]]:
    """Return the counts of each rule by week, the rule with the most findings first."""
    counts: dict[str, dict[date, int]] = defaultdict(dict)
    for row in rows:
        counts[row.rule][row.monday] = row.findings
    return sorted(counts.items(), key=lambda each: (-sum(each[1].values()), each[0]))


def _rate(one: RuleFigures) -> tuple[str, float, str]:
    percent = 100 * (one.false_positive_rate or 0.0)
    return one.rule, percent, f"≥ {percent:.1f} %"
