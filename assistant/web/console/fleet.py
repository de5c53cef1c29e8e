"""The model hosts: how each is now and was, what went wrong, and orders to drain, load, unload and pull."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from assistant.errors import BadInputError
from assistant.fleet.orders import Act
from assistant.fleet.records import Stretch
from assistant.maintenance.maintenance import FleetView, Span
from assistant.rights import Right, has_right
from assistant.web.console import filters
from assistant.web.console.drawing import Column, Drawing, draw_columns
from assistant.web.console.routes import ConsoleRoute
from assistant.web.console.shell import Shell
from assistant.web.console_parts import ConsoleParts
from assistant.web.forms import read_form
from assistant.web.refusals import acting
from connectors.model_hosts.controls.controls import CONTROLS
from connectors.model_hosts.sampling import HostSample

PATH: Final = "/console/fleet"
SPAN_WORDS: Final = {Span.DAY: "24 hours", Span.WEEK: "7 days", Span.MONTH: "30 days"}
_STEP_WORDS: Final = {Span.DAY: "an hour", Span.WEEK: "six hours", Span.MONTH: "a day"}
_STALE: Final = timedelta(seconds=30)  # the processes that watch write every five seconds
_MOST_HOSTS_DRAWN: Final = 40
_ACT_WORDS: Final = {
    Act.DRAIN: "drain",
    Act.UNDRAIN: "put back into service",
    Act.LOAD: "load",
    Act.UNLOAD: "unload",
    Act.PULL: "pull",
    Act.BENCH: "measure",
}
_GIB: Final = 1 << 30
_UNKNOWN: Final = "-"


class FleetPages:
    """Show the hosts, and take orders."""

    def __init__(self, parts: ConsoleParts, shell: Shell) -> None:
        self._parts = parts
        self._shell = shell

    def routes(self) -> list[ConsoleRoute]:
        """Return the addresses."""
        return [
            ConsoleRoute(PATH, Right.READ_FLEET, self._show),
            ConsoleRoute(PATH, Right.RUN_FLEET, self._order, methods=("POST",)),
        ]

    async def _show(self, request: Request) -> Response:
        person = acting(request)
        asked = filters.asked_of(request, "span", {span.value: span for span in Span})
        span = Span(asked) if asked else Span.DAY
        view = await self._parts.fleet.view(person, span)
        noted = await self._shell.note_view(person, "fleet", shown=len(view.hosts))
        seen_at = max((each.seen_at for each in view.hosts), default=None)
        return self._shell.render(
            noted,
            "fleet.html",
            title="Fleet",
            path=PATH,
            view=view,
            span=span.value,
            spans={each.value: words for each, words in SPAN_WORDS.items()},
            step=_STEP_WORDS[span],
            seen_at=seen_at,
            is_stale=seen_at is not None and datetime.now(UTC) - seen_at > _STALE,
            is_working=any(order.is_open for order in view.orders),
            may_run=has_right(person, Right.RUN_FLEET),
            act_words={act.value: words for act, words in _ACT_WORDS.items()},
            tone=tone_of,
            gib=gib,
            can_load=lambda sample: sample.kind in CONTROLS and sample.is_up,
            charts=charts_of(view, span),
        )

    async def _order(self, request: Request) -> Response:
        fields = await read_form(request)
        try:
            act = Act(fields.get("act", ""))
        except ValueError:
            raise BadInputError(
                "The page sent no order that there is. Go back and choose one of its buttons."
            ) from None
        await self._parts.fleet.order(acting(request), act, fields.get("host", ""), fields.get("model", "").strip())
        return RedirectResponse(f"{PATH}#orders", 303)


def tone_of(sample: HostSample) -> tuple[str, str, str]:
    """Return a host's state as a tone, a sign and a word."""
    if sample.is_drained:
        return "redact", "◐", "drained"
    if not sample.is_up:
        return "block", "●", "down"
    return ("redact", "▲", "look") if sample.note else ("allow", "○", "up")


def gib(amount: int) -> str:
    """Return an amount of memory, or that the host does not say.

    >>> gib(5 << 30), gib(0)
    ('5.0 GiB', '-')
    """
    return f"{amount / _GIB:.1f} GiB" if amount else _UNKNOWN


@dataclass(frozen=True, slots=True)
class _Figure:
    """What a chart shows of a stretch, and how that is said; `of` takes the figure from a stretch."""

    name: str
    question: str
    axis: str
    words: str
    of: Callable[[Stretch], float]


_FIGURES: Final = (
    _Figure("busy", "How busy was each host?", "answers at once, in the mean of", "{:.1f}", lambda one: one.in_flight),
    _Figure(
        "speed",
        "How fast did each host write?",
        "tokens a second of one answer, in the mean of",
        "{:.1f}",
        lambda one: one.tokens_per_second,
    ),
    _Figure(
        "up", "When did each host answer?", "percent of the minutes of", "{:.0f} %", lambda one: 100 * one.up_share
    ),
)


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart that answers a question; `rows` say the same in words, a host each."""

    name: str
    question: str
    axis: str
    drawing: Drawing
    rows: Sequence[tuple[str, Sequence[str]]]


def charts_of(view: FleetView, span: Span) -> Sequence[Chart]:
    """Return the charts of the hosts' history: of the hosts of now, then of those that are gone."""
    now = [each.sample.name for each in view.hosts]
    hosts = [*now, *sorted(view.history.keys() - set(now))][:_MOST_HOSTS_DRAWN]
    every = max(1, len(view.stretches) // 4)
    ticks = {number: _moment(began) for number, began in enumerate(view.stretches) if number % every == 0}
    return [_chart(view, hosts, figure, ticks, span) for figure in _FIGURES]


def _chart(view: FleetView, hosts: Sequence[str], figure: _Figure, ticks: Mapping[int, str], span: Span) -> Chart:
    drawn: list[tuple[str, list[Column]]] = []
    rows: list[tuple[str, list[str]]] = []
    for host in hosts:
        known = view.history.get(host, {})
        values = [figure.of(known[began]) if began in known else None for began in view.stretches]
        words = [_UNKNOWN if value is None else figure.words.format(value) for value in values]
        columns = [
            Column(value or 0.0, f"{host}, {_moment(began)}: {word}")
            for value, word, began in zip(values, words, view.stretches, strict=True)
        ]
        drawn.append((host, columns))
        rows.append((host, words))
    axis = f"{figure.axis} {_STEP_WORDS[span]}"
    return Chart(figure.name, figure.question, axis, draw_columns(drawn, ticks), rows)


def _moment(began: datetime) -> str:
    """Return when a stretch began: the day at midnight, else the hour.

    >>> _moment(datetime(2026, 11, 29, 6, tzinfo=UTC)), _moment(datetime(2026, 11, 29, tzinfo=UTC))
    ('06:00', '29 Nov')
    """
    return f"{began:%H:%M}" if began.hour else f"{began.day} {began:%b}"
