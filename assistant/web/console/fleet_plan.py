"""The capacity planner as a page: what fits where, how fast, for how many, at what cost; the deck held against it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, isfinite
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from assistant.errors import BadInputError
from assistant.fleet.plan_words import verdict
from assistant.rights import Right
from assistant.web.console import filters
from assistant.web.console.fleet import PATH as FLEET_PATH
from assistant.web.console.routes import ConsoleRoute
from assistant.web.console.shell import Shell
from assistant.web.console_parts import ConsoleParts
from assistant.web.refusals import acting
from connectors.errors import FleetError
from connectors.model_hosts.capacity.deck import Option, Printed, check_deck, options
from connectors.model_hosts.capacity.placing import Place, Use, Weights
from connectors.model_hosts.capacity.plan import Plan, plan, plan_anywhere, plan_fleet
from connectors.model_hosts.catalogue import MIN_CONTEXT_TOKENS, Fleet
from connectors.model_hosts.facts.facts import Facts, shipped_facts
from connectors.model_hosts.facts.quantisation import CACHE_BYTES, WEIGHT_BITS

PATH: Final = f"{FLEET_PATH}/plan"


@dataclass(frozen=True, slots=True)
class Figure:
    """A number of the form: its name in the address, its label, and what it may be."""

    name: str
    label: str
    least: float
    most: float
    given: float
    is_whole: bool = False

    @property
    def shown(self) -> str:
        """Return what stands in the form before anybody wrote anything."""
        return f"{self.given:g}"

    def read(self, text: str) -> float:
        """Return what somebody wrote.

        Raises:
            BadInputError: it is no such number.
        """
        try:
            value = float(text) if text else self.given
        except ValueError:
            value = float("nan")
        if not isfinite(value) or not self.least <= value <= self.most or (self.is_whole and value != int(value)):
            kind = "a whole number" if self.is_whole else "a number"
            raise BadInputError(f"{self.label}: give {kind} from {self.least:g} to {self.most:g}.")
        return value


_USE: Final = Use()
FIGURES: Final = (
    Figure("devices", "Cards or Macs", 0, 64, 0, is_whole=True),
    Figure("context", "Window, tokens", MIN_CONTEXT_TOKENS, 10_000_000, _USE.context_tokens, is_whole=True),
    Figure("prompt", "Typical prompt, tokens", 1, 10_000_000, _USE.prompt_tokens, is_whole=True),
    Figure("people", "People to serve", 1, 1_000_000, 100, is_whole=True),
    Figure("speed", "Tokens/s for each", 0.1, 1000, _USE.tokens_per_second),
    Figure("active", "Share answered at once", 0.001, 1, _USE.active_share),
    Figure("efficiency", "Share of bounds reached", 0.01, 1, _USE.efficiency),
    Figure("busy", "Share of the year at full load", 0.001, 1, _USE.busy_share),
    Figure("kwh", "Dollars per kWh", 0, 100, _USE.usd_per_kwh),
    Figure("years", "Years of use", 0.1, 30, _USE.years),
)
"""Each with what `cloister fleet plan` takes if nobody says more."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody asks the planner.

    Attributes:
        model: a release; empty for the models of the fleet, each where it is.
        hardware: an accelerator, or a host of the fleet; empty for all of them.
        devices: how many of the accelerator; 0 for the fewest that hold the model.
    """

    model: str
    hardware: str
    devices: int
    quantisation: str
    cache: str
    people: int
    use: Use


@dataclass(frozen=True, slots=True)
class Answer:
    """A plan in words.

    Attributes:
        needed: how many of the place the people need; 0 where that is unknown.
    """

    plan: Plan
    verdict: str
    needed: int


class FleetPlanPages:
    """Show the planner."""

    def __init__(self, parts: ConsoleParts, shell: Shell) -> None:
        self._parts = parts
        self._shell = shell

    def routes(self) -> list[ConsoleRoute]:
        """Return the addresses."""
        return [ConsoleRoute(PATH, Right.READ_FLEET, self._show)]

    async def _show(self, request: Request) -> Response:
        noted = await self._shell.note_view(acting(request), "fleet-plan")
        said, fleet = "", None
        try:
            fleet = await asyncio.to_thread(self._parts.read_fleet)
        except FleetError as error:
            said = f"The fleet cannot be used: {error.file.name}, line {error.line}; see `cloister fleet check`."
        facts = fleet.facts if fleet is not None else shipped_facts()
        answers: Sequence[Answer] = ()
        try:
            asked = read_asked(request, fleet, facts)
            answers = [_answer(each, asked.people) for each in _plans(asked, fleet, facts)]
        except BadInputError as error:
            said = str(error)
        written = {each.name: filters.asked(request, each.name) or each.shown for each in FIGURES}
        chosen = {name: filters.asked(request, name) for name in ("model", "hardware", "quantisation", "cache")}
        return self._shell.render(
            noted,
            "fleet_plan.html",
            title="Fleet planner",
            path=FLEET_PATH,
            own_path=PATH,
            said=said,
            answers=answers,
            figures=FIGURES,
            written=written | chosen,
            hosts=[host.name for host in fleet.hosts] if fleet is not None else [],
            accelerators={each.name: each.label for each in facts.accelerators.values()},
            releases=list(facts.releases),
            quantisations=list(WEIGHT_BITS),
            caches=list(CACHE_BYTES),
            options=_option_rows(facts),
            printed=_printed(facts),
            is_of_fleet=not chosen["model"],
        )


def read_asked(request: Request, fleet: Fleet | None, facts: Facts) -> Asked:
    """Return what the address asks.

    Raises:
        BadInputError: a word is not known, or a number is none.
    """
    numbers = {each.name: each.read(filters.asked(request, each.name)) for each in FIGURES}
    hosts = [host.name for host in fleet.hosts] if fleet is not None else []
    model = _word(request, "model", facts.releases)
    use = Use(
        int(numbers["context"]),
        int(numbers["prompt"]),
        numbers["speed"],
        numbers["active"],
        numbers["efficiency"],
        numbers["busy"],
        numbers["kwh"],
        numbers["years"],
    )
    longest = facts.releases[model].context_tokens if model else use.context_tokens
    if use.context_tokens > longest:
        raise BadInputError(f"Window: {use.context_tokens:,} is more than {model} was made for, {longest:,}.")
    return Asked(
        model=model,
        hardware=_word(request, "hardware", [*facts.accelerators, *hosts]),
        devices=int(numbers["devices"]),
        quantisation=_word(request, "quantisation", WEIGHT_BITS) or "Q4_K_M",
        cache=_word(request, "cache", CACHE_BYTES) or "F16",
        people=int(numbers["people"]),
        use=use,
    )


def _word(request: Request, name: str, known: Mapping[str, object] | Sequence[str]) -> str:
    word = filters.asked(request, name)
    if word and word not in known:
        raise BadInputError(f"The planner knows no {name} of this name. Choose one of the list.")
    return word


def _plans(asked: Asked, fleet: Fleet | None, facts: Facts) -> Iterator[Plan]:
    if not asked.model:
        yield from plan_fleet(fleet, asked.use) if fleet is not None else ()
        return
    weights = Weights(facts.releases[asked.model], asked.quantisation, asked.cache)
    accelerator = facts.accelerators.get(asked.hardware)
    if accelerator is not None and asked.devices:
        yield plan(weights, Place.of(accelerator, asked.devices), asked.use)
        return
    host = next((each for each in (fleet.hosts if fleet else ()) if each.name == asked.hardware), None)
    if host is not None:
        if not host.memory_gib:
            raise BadInputError(f"fleet.yaml names neither an accelerator nor the memory of {host.name}. Add one.")
        yield plan(weights, Place.of_host(host), asked.use)
        return
    label = accelerator.label if accelerator is not None else ""
    for planned in plan_anywhere(weights, fleet, facts, asked.use):
        if not label or planned.place.partition(" x ")[2] == label:
            yield planned


def _answer(planned: Plan, people: int) -> Answer:
    served = planned.speed.people if planned.speed is not None else 0
    return Answer(planned, verdict(planned), ceil(people / served) if served else 0)


def _printed(facts: Facts) -> Sequence[Printed]:
    return list(check_deck(facts))


def _option_rows(facts: Facts) -> Sequence[tuple[str, ...]]:
    """Return the deck's table of GPUs, in words: what is printed and, behind an arrow, what comes out here."""
    return [_option_row(option) for option in options(facts)]


def _option_row(option: Option) -> tuple[str, ...]:
    row = option.printed
    low, high = option.tflops
    computed = "-".join(dict.fromkeys(f"{each:.2f}" for each in option.compute_per_usd))
    return (
        row.name,
        f"${row.price_usd:,}",
        _differs(f"{row.tflops:g}", f"{low:g}" if low == high else f"{low:g}-{high:g}"),
        f"{row.memory_gb} GB",
        _differs(f"{row.bandwidth_gb_s:g}", f"{option.bandwidth_gb_s:g}"),
        _differs(f"{row.largest_billions}B", f"{option.largest_billions:.0f}B"),
        _differs(f"{row.compute_per_usd:.2f}", computed),
        f"{option.bandwidth_per_usd:.2f}",
    )


def _differs(printed: str, computed: str) -> str:
    return printed if printed == computed else f"{printed} → {computed}"
