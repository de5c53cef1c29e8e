"""`cloister quotas check | show`: look at a quotas.yaml, and say what is left to somebody."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final
from uuid import uuid4

import typer

from assistant.commands.settings import server_settings, site_settings

if TYPE_CHECKING:  # so that `--help` answers at once
    from assistant.balance import Allowance, Balance
    from assistant.identity.people import PersonEntry
    from assistant.identity.tokens import TokenEntry
    from assistant.quotas.limits import Claim, Limit, QuotaRules
    from assistant.settings import Settings

FAILED: Final = 1

quotas = typer.Typer(help="How much people, groups, tokens and personas may use.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, a line each, for machines.")]


@quotas.command("check")
def check(
    file: Annotated[
        Path | None, typer.Argument(help="A quotas.yaml; unset: that of CLOISTER_QUOTAS, or the shipped one.")
    ] = None,
) -> None:
    """Check a quotas.yaml without contacting anybody; an error names file and line."""
    from policies.errors import PolicyError

    settings = site_settings()
    try:
        rules = _read(settings, file)
    except PolicyError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(FAILED) from None
    for limit in rules.limits:
        typer.echo(render_limit(limit))
    doors = ", ".join(sorted(rules.uncounted_doors)) or "none"
    typer.echo(f"Doors that answer uncounted while Redis is away: {doors}.")


@quotas.command("show")
def show(
    name: Annotated[str, typer.Argument(help="The name that the person signs in with.")], *, as_json: AsJson = False
) -> None:
    """Say what is left to somebody: at the page, through the gateway, and with each of their tokens."""
    settings = server_settings()
    for what, balance in asyncio.run(_look(settings, name)):
        for allowance in balance.allowances:
            typer.echo(render_json(what, allowance) if as_json else render_line(what, allowance))


def render_limit(limit: Limit) -> str:
    """Return a limit as a line for a person."""
    conditions = (limit.roles, limit.people, limit.personas, limit.doors)
    whom = " ".join(sorted(str(word) for words in conditions for word in words)) or "everybody"
    return f"{limit.name:<20} {limit.share:<13} {whom:<32} {', '.join(_numbers(limit))}"


def render_line(what: str, allowance: Allowance) -> str:
    """Return what is left of one number as a line for a person."""
    return f"{what:<24} {allowance.limit:<20} {allowance.words:<44} more {allowance.resets_in_words}"


def render_json(what: str, allowance: Allowance) -> str:
    """Return what is left of one number as a line of JSON."""
    return json.dumps(
        {
            "for": what,
            "limit": allowance.limit,
            "counted": allowance.counted,
            "window": allowance.window,
            "most": allowance.most,
            "left": allowance.left,
            "resets_seconds": round(allowance.resets_seconds),
        }
    )


def _numbers(limit: Limit) -> Iterator[str]:
    if limit.running is not None:
        yield f"{limit.running:,} at once"
    for kind, windows in (("requests", limit.requests), ("tokens", limit.tokens)):
        for window, most in windows.items():
            yield f"{most:,} {kind} a {window}"
    if limit.weight is not None:
        yield f"weight {limit.weight:g}"


def _read(settings: Settings, file: Path | None = None) -> QuotaRules:
    from assistant.personas.reader import read_personas
    from assistant.quotas.reader import read_quotas

    return read_quotas(file or settings.quotas, [persona.name for persona in read_personas(settings.personas)])


async def _look(settings: Settings, name: str) -> list[tuple[str, Balance]]:
    from assistant.bootstrap.quotas import open_counting
    from assistant.embedded.running import redis_address
    from assistant.errors import SettingsError
    from assistant.quotas.quotas import Quotas
    from policies.errors import PolicyError

    person, tokens = await _find(settings, name)
    try:
        rules = _read(settings)
    except PolicyError as error:
        raise SettingsError(str(error)) from None
    async with open_counting(redis_address(settings)) as client:
        counting = Quotas(client, lambda: rules)
        return [(what, await counting.look_at(claim)) for what, claim in _claims(person, tokens)]


def _claims(person: PersonEntry, tokens: Iterable[TokenEntry]) -> Iterator[tuple[str, Claim]]:
    from assistant.conversation import Person
    from assistant.quotas.limits import Claim

    who = Person(person.id, person.name, person.roles)
    yield "page", Claim(uuid4(), who, "chat")
    yield "gateway", Claim(uuid4(), who, "gateway")
    for token in tokens:
        if token.fault is None:
            yield f"token {token.label or token.id}"[:24], Claim(uuid4(), who, "gateway", token_id=token.id)


async def _find(settings: Settings, name: str) -> tuple[PersonEntry, list[TokenEntry]]:
    from assistant.bootstrap.commands import open_access, open_tokens

    async with open_access(settings) as access:
        person = await access.find_person(name)
    async with open_tokens(settings) as tokens:
        return person, await tokens.list(name)
