"""`cloister fleet check | plan`: look at a fleet.yaml, and say what fits where, at what speed and cost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:  # so that `--help` answers at once
    from connectors.model_hosts.capacity.placing import Weights
    from connectors.model_hosts.capacity.plan import Plan
    from connectors.model_hosts.catalogue import Fleet
    from connectors.model_hosts.facts.facts import Facts

FAILED: Final = 1

fleet = typer.Typer(help="Model hosts and their models.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, a line each, for machines.")]
FleetFile = Annotated[Path | None, typer.Argument(help="A fleet.yaml; unset: that of CLOISTER_FLEET.")]


@fleet.command("check")
def fleet_check(file: FleetFile = None) -> None:
    """Check a fleet.yaml without contacting anybody; an error names file and line, `!` marks what will not fit."""
    from assistant.fleet.plan_words import verdict
    from connectors.model_hosts.capacity.placing import Use
    from connectors.model_hosts.capacity.plan import plan_model

    site = _read_fleet(file)
    for host in site.hosts:
        typer.echo(f"{host.name:<16} {host.kind:<10} {host.hardware}".rstrip())
        for model in host.models:
            planned = plan_model(host, model, Use(), site.facts)
            mark = "!" if planned.fit is not None and not planned.is_fitting else " "
            typer.echo(f"  {mark} {model.public_name:<20} {verdict(planned)}")
        if not host.models:
            typer.echo("    whatever it serves")


@fleet.command("plan")
def fleet_plan(
    file: FleetFile = None,
    *,
    model: Annotated[str, typer.Option(help="A release, such as llama-3.1-70b: where would it fit?")] = "",
    quantisation: Annotated[str, typer.Option(help="How its weights are stored.")] = "Q4_K_M",
    cache: Annotated[str, typer.Option(help="How its KV cache is stored.")] = "F16",
    context: Annotated[
        int, typer.Option(min=256, help="Tokens of the window; a model of the fleet has its own.")
    ] = 8192,
    prompt: Annotated[int, typer.Option(min=1, help="Tokens of a typical prompt.")] = 2000,
    speed: Annotated[float, typer.Option(min=0.1, help="Tokens per second that each person should get.")] = 10.0,
    active: Annotated[
        float, typer.Option(min=0.001, max=1, help="Share of the people that are answered at once.")
    ] = 0.1,
    efficiency: Annotated[float, typer.Option(min=0.01, max=1, help="Share of the bounds that is reached.")] = 0.7,
    busy: Annotated[float, typer.Option(min=0.001, max=1, help="Share of the year at full load.")] = 0.3,
    kwh_usd: Annotated[float, typer.Option(min=0, help="Dollars per kWh.")] = 0.15,
    years: Annotated[float, typer.Option(min=0.1, help="Years over which a purchase is spread.")] = 3.0,
    deck: Annotated[bool, typer.Option("--deck", help="Hold the printed figures of the deck against ours.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say what fits where, at what speed, for how many people and at what cost, with the arithmetic."""
    from connectors.model_hosts.capacity.placing import Use
    from connectors.model_hosts.capacity.plan import plan_anywhere, plan_fleet

    if deck:
        _print_deck(as_json=as_json)
        return
    if not all(map(isfinite, (speed, active, efficiency, busy, kwh_usd, years))):
        raise typer.BadParameter("nan and inf are no figures to plan with.")
    use = Use(context, prompt, speed, active, efficiency, busy, kwh_usd, years)
    if not model:
        _print_plans(plan_fleet(_read_fleet(file), use), as_json=as_json)
        return
    site, facts = _facts(file)
    weights = _weights(facts, model, quantisation, cache)
    longest = weights.release.context_tokens
    if context > longest:
        raise typer.BadParameter(f"--context: {context} is more than {model} was made for, {longest}.")
    _print_plans(plan_anywhere(weights, site, facts, use), as_json=as_json)


def _print_plans(plans: Iterator[Plan], *, as_json: bool) -> None:
    from assistant.fleet.plan_words import plan_data, render_plan

    for planned in plans:
        for line in [json.dumps(plan_data(planned))] if as_json else render_plan(planned):
            typer.echo(line)


def _print_deck(*, as_json: bool) -> None:
    from assistant.fleet.plan_words import render_options, render_printed
    from connectors.model_hosts.capacity.deck import check_deck, options
    from connectors.model_hosts.facts.facts import shipped_facts

    facts = shipped_facts()
    if not as_json:
        for line in render_options(options(facts)):
            typer.echo(line)
        typer.echo("")
    for printed in check_deck(facts):
        for line in [json.dumps(asdict(printed))] if as_json else render_printed(printed):
            typer.echo(line)


def _facts(file: Path | None) -> tuple[Fleet | None, Facts]:
    """Return the fleet, if one was named, and what is known of hardware and models."""
    from assistant.commands.settings import site_settings
    from connectors.model_hosts.facts.facts import shipped_facts

    if file is None and site_settings().fleet is None:
        return None, shipped_facts()
    site = _read_fleet(file)
    return site, site.facts


def _weights(facts: Facts, model: str, quantisation: str, cache: str) -> Weights:
    from connectors.model_hosts.capacity.placing import Weights
    from connectors.model_hosts.facts.quantisation import CACHE_BYTES, WEIGHT_BITS
    from connectors.model_hosts.yaml_fields import suggestion

    for option, word, known in (
        ("--model", model, facts.releases),
        ("--quantisation", quantisation, WEIGHT_BITS),
        ("--cache", cache, CACHE_BYTES),
    ):
        if word not in known:
            raise typer.BadParameter(f"{option}: {word!r} is not known; {suggestion(word, known)}.")
    return Weights(facts.releases[model], quantisation, cache)


def _read_fleet(file: Path | None) -> Fleet:
    from assistant.commands.settings import site_settings
    from connectors.errors import FleetError
    from connectors.model_hosts.catalogue import read_fleet

    named = file or site_settings().fleet
    if named is None:
        raise typer.BadParameter("name a fleet.yaml, or set CLOISTER_FLEET to one.")
    try:
        return read_fleet(named)
    except FleetError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(FAILED) from None
