"""`cloister users token …`: API tokens for editors and scripts, for the command line."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Annotated, Final
from uuid import UUID

import typer

from assistant.commands.settings import server_settings
from assistant.errors import BadInputError

if TYPE_CHECKING:  # so that `--help` answers at once
    from assistant.identity.tokens import NewToken, TokenEntry

_DAYS: Final = 90

token = typer.Typer(help="API tokens of people, for their editors and scripts.", no_args_is_help=True)


@token.command("create")
def create(
    name: Annotated[str, typer.Argument(help="The name that the person signs in with.")],
    scope: Annotated[
        list[str],
        typer.Option("--scope", help="chat; persona:NAME to allow only these; model:NAME or model:* ; repeatable."),
    ],
    days: Annotated[int, typer.Option(help="How long it lives.")] = _DAYS,
    label: Annotated[str, typer.Option(help="What it is for, such as the machine's name.")] = "",
) -> None:
    """Make a token and print it, alone, this once: nothing can show it again."""
    made = asyncio.run(_create(name, scope, days, label))
    typer.echo(made.token)
    typer.echo(f"Token {made.id} of {name!r}, until {made.expires_at:%Y-%m-%d}. It is shown this once.", err=True)


@token.command("list")
def show(
    name: Annotated[str, typer.Argument(help="Whose tokens; without a name, everybody's.")] = "",
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, a line each, for machines.")] = False,
) -> None:
    """List tokens by id: owner, scopes, expiry and last use, never the token."""
    for entry in asyncio.run(_list(name)):
        typer.echo(render_json(entry) if as_json else render_line(entry))


@token.command("revoke")
def revoke(token_id: Annotated[str, typer.Argument(metavar="ID", help="As `list` shows it.")]) -> None:
    """Void a token for good; its next request is refused."""
    try:
        wanted = UUID(token_id)
    except ValueError:
        raise BadInputError("That is no id of a token. `cloister users token list` shows them.") from None
    asyncio.run(_revoke(wanted))
    typer.echo(f"Token {wanted} opens nothing any more.")


def render_line(entry: TokenEntry) -> str:
    """Return a token as a line for a person."""
    used = f"used {entry.last_used_at:%Y-%m-%d}" if entry.last_used_at else "never used"
    state = entry.fault.value if entry.fault else f"until {entry.expires_at:%Y-%m-%d}"
    label = f"  {entry.label}" if entry.label else ""
    return f"{entry.id}  {entry.owner:<24} {state:<18} {used:<16} {' '.join(entry.scopes.words)}{label}"


def render_json(entry: TokenEntry) -> str:
    """Return a token as a line of JSON."""
    return json.dumps(
        {
            "id": str(entry.id),
            "owner": entry.owner,
            "label": entry.label,
            "scopes": list(entry.scopes.words),
            "created_at": entry.created_at.isoformat(),
            "expires_at": entry.expires_at.isoformat(),
            "last_used_at": entry.last_used_at.isoformat() if entry.last_used_at else None,
            "fault": entry.fault.value if entry.fault else None,
        }
    )


async def _create(name: str, scopes: list[str], days: int, label: str) -> NewToken:
    from assistant.bootstrap.commands import open_tokens

    async with open_tokens(server_settings()) as tokens:
        return await tokens.create(name, scopes, days=days, label=label)


async def _list(name: str) -> list[TokenEntry]:
    from assistant.bootstrap.commands import open_tokens

    async with open_tokens(server_settings()) as tokens:
        return await tokens.list(name)


async def _revoke(token_id: UUID) -> None:
    from assistant.bootstrap.commands import open_tokens

    async with open_tokens(server_settings()) as tokens:
        await tokens.revoke(token_id)
