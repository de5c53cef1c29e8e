"""`cloister audit hold …` and `cloister audit erase …`: each step is signed by a person with their password.

Whoever may run commands on the server could do anything to the database. These commands ask for a name and a password
nevertheless, so that two persons with their roles are needed here, too, and stand in the log.
"""

from __future__ import annotations

import asyncio
import getpass
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar
from uuid import UUID

import typer

from assistant.commands.settings import server_settings

if TYPE_CHECKING:  # so that `--help` answers at once
    from assistant.access import Access
    from assistant.audit.removal.eraser import Scope
    from assistant.conversation import Person
    from assistant.erasure import Erasure

T = TypeVar("T")

hold = typer.Typer(help="Legal holds: what must not be erased.", no_args_is_help=True)
erase = typer.Typer(help="Erase a conversation's texts or a person; two persons are needed.", no_args_is_help=True)

As = Annotated[str, typer.Option("--as", help="Your name, as you sign in; your password is asked for.")]
FromInput = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]
Thread = Annotated[str, typer.Option("--thread", help="The id of a conversation.")]
Whom = Annotated[str, typer.Option("--person", help="The name of a person, or their id.")]
Reason = Annotated[str, typer.Option(help="Why, such as a case number; the log keeps its mark, not its words.")]
Everything = Annotated[bool, typer.Option("--all", help="Also those that are over.")]
Number = Annotated[UUID, typer.Argument(help="Its id, as `list` shows it.")]


@hold.command("place")
def hold_place(
    name: As, reason: Reason, thread: Thread = "", person: Whom = "", *, from_input: FromInput = False
) -> None:
    """Forbid that a conversation or a person is erased."""

    async def run(access: Access, erasure: Erasure, signer: Person) -> UUID:
        return await erasure.place_hold(signer, *await _subject(access, thread, person), reason)

    typer.echo(f"Hold {_signed(name, run, from_input=from_input)} is in force.")


@hold.command("release")
def hold_release(hold_id: Number, name: As, *, from_input: FromInput = False) -> None:
    """End a hold."""

    async def run(_: Access, erasure: Erasure, signer: Person) -> None:
        await erasure.release_hold(signer, hold_id)

    _signed(name, run, from_input=from_input)
    typer.echo("The hold is over.")


@hold.command("list")
def hold_list(name: As, *, everything: Everything = False, from_input: FromInput = False) -> None:
    """Show the holds in force, the newest first."""

    async def run(_: Access, erasure: Erasure, signer: Person) -> list[str]:
        found = await erasure.holds(signer, with_released=everything)
        return [
            f"{each.id}  {each.scope} {each.subject_id}  since {each.placed_at:%Y-%m-%d %H:%M}"
            f"{'' if each.released_at is None else f', over since {each.released_at:%Y-%m-%d %H:%M}'}"
            for each in found
        ]

    _show(_signed(name, run, from_input=from_input), "There is no hold.")


@erase.command("request")
def erase_request(
    name: As, reason: Reason, thread: Thread = "", person: Whom = "", *, from_input: FromInput = False
) -> None:
    """Ask that a conversation's texts, or a person, be erased."""

    async def run(access: Access, erasure: Erasure, signer: Person) -> UUID:
        return await erasure.request_erasure(signer, *await _subject(access, thread, person), reason)

    typer.echo(f"Request {_signed(name, run, from_input=from_input)} waits for an approver.")


@erase.command("approve")
def erase_approve(request_id: Number, name: As, *, from_input: FromInput = False) -> None:
    """Agree to a request of somebody else, which is done at once and cannot be undone."""

    async def run(_: Access, erasure: Erasure, signer: Person) -> int:
        return await erasure.approve(signer, request_id)

    typer.echo(
        f"{_signed(name, run, from_input=from_input):,} texts are erased. Backups keep them until they are gone."
    )


@erase.command("deny")
def erase_deny(request_id: Number, name: As, *, from_input: FromInput = False) -> None:
    """Decide that nothing is erased."""

    async def run(_: Access, erasure: Erasure, signer: Person) -> None:
        await erasure.deny(signer, request_id)

    _signed(name, run, from_input=from_input)
    typer.echo("Nothing is erased.")


@erase.command("withdraw")
def erase_withdraw(request_id: Number, name: As, *, from_input: FromInput = False) -> None:
    """Take a request back before it is carried out: your own, or, as an approver, one that somebody agreed to."""

    async def run(_: Access, erasure: Erasure, signer: Person) -> None:
        await erasure.withdraw(signer, request_id)

    _signed(name, run, from_input=from_input)
    typer.echo("The request is withdrawn. Nothing is erased.")


@erase.command("list")
def erase_list(name: As, *, everything: Everything = False, from_input: FromInput = False) -> None:
    """Show the open requests, the newest first."""

    async def run(_: Access, erasure: Erasure, signer: Person) -> list[str]:
        found = await erasure.requests(signer, with_decided=everything)
        return [
            f"{each.id}  {each.scope} {each.subject_id}  {each.state} since "
            f"{each.withdrawn_at or each.decided_at or each.requested_at:%Y-%m-%d %H:%M}"
            for each in found
        ]

    _show(_signed(name, run, from_input=from_input), "There is no request.")


def _signed(name: str, run: Callable[[Access, Erasure, Person], Awaitable[T]], *, from_input: bool) -> T:
    """Do something as a person who gives their password; their session ends with it."""
    from assistant.bootstrap.commands import open_erasure

    password = sys.stdin.readline().rstrip("\r\n") if from_input else getpass.getpass(f"Password of {name}: ")

    async def sign() -> T:
        async with open_erasure(server_settings()) as (access, erasure):
            signed_in = await access.sign_in(name, password, "command")
            try:
                return await run(access, erasure, signed_in.person)
            finally:
                await access.sign_out(signed_in.token)

    return asyncio.run(sign())


async def _subject(access: Access, thread: str, person: str) -> tuple[Scope, UUID]:
    """Return what is to be held or erased.

    Raises:
        BadInputError: nothing or two things are named, or the id is none.
        NotFoundError: nobody has this name.
    """
    from assistant.audit.removal.eraser import Scope
    from assistant.errors import BadInputError

    if bool(thread) == bool(person):
        raise BadInputError("Name one of them: --thread or --person.")
    if person and (known := await access.find_id(person)):
        return Scope.PERSON, known
    try:
        return (Scope.THREAD if thread else Scope.PERSON), UUID(thread or person)
    except ValueError:
        raise BadInputError(f"Nobody has the name {person!r}." if person else f"{thread!r} is no id.") from None


def _show(lines: list[str], nothing: str) -> None:
    for line in lines or [nothing]:
        typer.echo(line)
