"""`cloister policy reports`: how often each rule is reported and confirmed as wrong, for the command line."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:  # so that `--help` answers at once
    from assistant.review import AllFigures, RuleFigures

_HEAD = f"{'rule':<40} {'found':>9} {'reported':>9} {'confirmed':>10}  wrong, at least"


def show_reports(
    *, as_json: Annotated[bool, typer.Option("--json", help="Print JSON, a line each, for machines.")] = False
) -> None:
    """Show for each rule what it found in 30 days, what people called wrong, and what a reviewer confirmed."""
    figures = asyncio.run(_read())
    if figures.trouble:
        typer.echo(figures.trouble, err=True)
    for line in render_json(figures) if as_json else render_table(figures):
        typer.echo(line)


def render_table(figures: AllFigures) -> list[str]:
    """Return the figures as lines for a person."""
    if not figures.rules:
        return [] if figures.trouble else [f"No rule found anything in the last {figures.days} days."]
    return [_HEAD, *(_line(one) for one in figures.rules)]


def render_json(figures: AllFigures) -> list[str]:
    """Return the figures as lines of JSON; what could not be counted is null."""
    return [
        json.dumps(
            {
                "rule": one.rule,
                "days": figures.days,
                "findings": one.findings,
                "reported": one.reported,
                "confirmed_wrong": one.confirmed_wrong,
                "false_positive_rate": one.false_positive_rate,
            }
        )
        for one in figures.rules
    ]


def _line(one: RuleFigures) -> str:
    findings = "?" if one.findings is None else f"{one.findings:,}"
    return f"{one.rule:<40} {findings:>9} {one.reported:>9,} {one.confirmed_wrong:>10,}  {one.words}"


async def _read() -> AllFigures:
    from assistant.bootstrap.commands import open_figures
    from assistant.embedded.running import with_running_database
    from assistant.settings import read_settings

    async with open_figures(with_running_database(read_settings())) as figures:
        return await figures.read(None, door="command")
