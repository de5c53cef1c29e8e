"""The commands of `cloister`. Each imports what it needs itself, so that `--help` answers at once."""

from __future__ import annotations

import asyncio
import getpass
import json
import secrets
import sys
from collections.abc import Coroutine
from typing import Annotated, Any, Final, TypeVar

import typer

from assistant import logging_guard
from assistant.commands.audit import audit
from assistant.commands.audit_operation import operation
from assistant.commands.erasure import erase, hold
from assistant.commands.fleet import fleet
from assistant.commands.hosts import hosts
from assistant.commands.models import models
from assistant.commands.policy import policy
from assistant.commands.quotas import quotas
from assistant.commands.review import show_reports
from assistant.commands.settings import report_refusals, server_settings, site_settings
from assistant.commands.tokens import token
from assistant.errors import CloisterError, EmbeddedError, SettingsError

T = TypeVar("T")

FAILED: Final = 1
USAGE: Final = 2  # a setting or an argument is wrong; Click's own usage errors give the same

app = typer.Typer(
    name="cloister",
    help="A company's own AI assistant that never leaves the building.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
users = typer.Typer(help="People who may sign in, and their roles.", no_args_is_help=True)
app.add_typer(users, name="users")
users.add_typer(token, name="token")
app.add_typer(audit, name="audit")
audit.add_typer(operation)
audit.add_typer(hold, name="hold")
audit.add_typer(erase, name="erase")
app.add_typer(fleet, name="fleet")
fleet.add_typer(hosts)
fleet.add_typer(models)
app.add_typer(policy, name="policy")
app.add_typer(quotas, name="quotas")
policy.command("reports")(show_reports)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, a line each, for machines.")]
Name = Annotated[str, typer.Argument(help="The name that the person signs in with.")]
Roles = Annotated[
    list[str],
    typer.Option(
        "--role", help="employee, developer, reviewer, approver, model-engineer or administrator; repeatable."
    ),
]
FromInput = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]


def run() -> None:
    """Run the command line; our own errors become one line on standard error and an exit status."""
    logging_guard.install()
    command = typer.main.get_command(app)  # called itself, the app would put its own hook for exceptions over ours
    try:
        command()
    except EmbeddedError as error:
        _complain(error)
        sys.exit(error.exit_status)
    except SettingsError as error:
        _complain(error)
        sys.exit(USAGE)
    except CloisterError as error:
        _complain(error)
        sys.exit(FAILED)


@app.command()
def up() -> None:
    """Start everything on this machine: Postgres, Redis, page, worker, scheduler, sealer."""
    from assistant.embedded.up import run_up

    raise typer.Exit(run_up(site_settings()))


@app.command()
def web() -> None:
    """Serve the page alone; `cloister up` starts it with the addresses it needs."""
    from assistant.database_roles import as_own_roles
    from assistant.web.wiring import run_web

    settings = as_own_roles(site_settings())
    report_refusals(settings)
    logging_guard.install_in_service(settings.log_level)
    raise typer.Exit(run_web(settings))


@app.command()
def console() -> None:
    """Serve the console alone, for compliance on a port of its own; beside `cloister up` or a company's servers."""
    from assistant.database_roles import as_own_roles
    from assistant.embedded.running import with_running_database
    from assistant.web.console.wiring import run_console

    settings = with_running_database(as_own_roles(site_settings()))
    report_refusals(settings)
    logging_guard.install_in_service(settings.log_level)
    raise typer.Exit(run_console(settings))


@app.command()
def migrate() -> None:
    """Bring the database to this version; CLOISTER_DATABASE_URL must name a role that may create roles."""
    from assistant.bootstrap.log import required
    from assistant.keys import Keys
    from assistant.migrations.migrate import migrate as migrate_database

    settings = site_settings()
    migrate_database(required(settings, "database_url"), Keys.load_or_create(settings.master_key))
    typer.echo("The database is up to date.")


@app.command("bootstrap-admin", hidden=True)
def bootstrap_admin() -> None:
    """Add the first administrator with the password on standard input, if nobody is there yet."""
    from assistant.bootstrap.commands import open_access

    settings = site_settings()
    password = sys.stdin.readline().rstrip("\n")

    async def add() -> bool:
        async with open_access(settings) as access:
            return await access.add_first_administrator(settings.admin_name, password)

    typer.echo("created" if _run(add()) else "exists")


@app.command()
def doctor(
    *,
    egress: Annotated[
        bool, typer.Option("--egress", help="Run a whole session, and print what tries to leave.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Look at hosts, database, Redis, disk, clocks, files, policy and versions, and say what to do."""
    from assistant.commands.doctor import run_doctor, run_egress

    run = run_egress if egress else run_doctor
    raise typer.Exit(run(site_settings(), as_json=as_json))


@users.command("add")
def users_add(
    name: Name,
    role: Roles,
    display_name: Annotated[str, typer.Option(help="The name that others read.")] = "",
    *,
    password_stdin: FromInput = False,
) -> None:
    """Add somebody; without a terminal and --password-stdin a password is generated and printed once."""
    from assistant.bootstrap.commands import open_access
    from assistant.identity.names import parse_roles

    password, is_generated = _new_password(from_input=password_stdin)

    async def add() -> str:
        async with open_access(server_settings()) as access:
            return (await access.add_person(name, parse_roles(role), password, display_name=display_name)).name

    added = _run(add())
    typer.echo(f"Added {added!r} with {', '.join(sorted(set(role)))}.")
    if is_generated:
        typer.echo(f"Password, shown this once: {password}")


@users.command("roles")
def users_roles(name: Name, role: Roles) -> None:
    """Give somebody exactly these roles; in force from their next request on."""
    from assistant.bootstrap.commands import open_access
    from assistant.identity.names import parse_roles

    async def change() -> None:
        async with open_access(server_settings()) as access:
            await access.set_roles(name, parse_roles(role))

    _run(change())
    typer.echo(f"{name!r} has {', '.join(sorted(set(role)))} now.")


@users.command("password")
def users_password(name: Name, *, password_stdin: FromInput = False) -> None:
    """Give somebody a new password, and sign them out everywhere."""
    from assistant.bootstrap.commands import open_access

    password, is_generated = _new_password(from_input=password_stdin)

    async def change() -> None:
        async with open_access(server_settings()) as access:
            await access.set_password(name, password)

    _run(change())
    typer.echo(f"{name!r} has a new password and is signed out everywhere.")
    if is_generated:
        typer.echo(f"Password, shown this once: {password}")


@users.command("disable")
def users_disable(name: Name) -> None:
    """Switch an account off: every session ends at once, the history stays."""
    _switch(name, is_on=False)


@users.command("enable")
def users_enable(name: Name) -> None:
    """Switch an account on again."""
    _switch(name, is_on=True)


@users.command("list")
def users_list(*, as_json: AsJson = False) -> None:
    """List who may sign in."""
    from assistant.bootstrap.commands import open_access
    from assistant.identity.people import PersonEntry

    async def read() -> list[PersonEntry]:
        async with open_access(server_settings()) as access:
            people: list[PersonEntry] = []
            while page := await access.list_people(after=people[-1].name if people else ""):
                people += page
            return people

    for person in _run(read()):
        roles = ", ".join(sorted(person.roles))
        if as_json:
            state = {
                "id": str(person.id),
                "name": person.name,
                "roles": sorted(person.roles),
                "is_disabled": person.is_disabled,
            }
            typer.echo(json.dumps(state))
        else:
            off = "  (switched off)" if person.is_disabled else ""
            typer.echo(f"{str(person.id)[-8:]}  {person.name:<24} {roles}{off}")


def _switch(name: str, *, is_on: bool) -> None:
    from assistant.bootstrap.commands import open_access

    async def change() -> None:
        async with open_access(server_settings()) as access:
            await (access.enable(name) if is_on else access.disable(name))

    _run(change())
    typer.echo(f"{name!r} is switched {'on' if is_on else 'off, and every session of theirs has ended'}.")


def _new_password(*, from_input: bool) -> tuple[str, bool]:
    """Return a password, and whether it was generated and must be told."""
    if from_input:
        return sys.stdin.readline().rstrip("\n"), False
    if not sys.stdin.isatty():
        return secrets.token_urlsafe(12), True
    password = getpass.getpass("Password (empty generates one): ")
    if not password:
        return secrets.token_urlsafe(12), True
    if getpass.getpass("Once more: ") != password:
        raise CloisterError("The two passwords differ; nothing was changed. Try again.")
    return password, False


def _run(coroutine: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(coroutine)


def _complain(error: Exception) -> None:
    typer.echo(str(error), err=True)
