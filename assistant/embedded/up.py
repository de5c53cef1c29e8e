"""`cloister up`: check, prepare, hand over to the supervisor."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from pydantic import SecretStr

from assistant.database_roles import APP_ROLE, AUDIT_SEALER_ROLE, AUDIT_WRITER_ROLE, url_for_role
from assistant.egress import allow_site
from assistant.embedded.account import server_account
from assistant.embedded.checks import check_disk, check_port, check_python, lock_data
from assistant.embedded.exit_status import ExitStatus
from assistant.embedded.folders import Folders, current_socket_folder, forget_socket_folder, hold, socket_folder
from assistant.embedded.handover import SUPERVISOR, hand_over
from assistant.embedded.identity import PS
from assistant.embedded.logs import Console
from assistant.embedded.plan import Plan, Service, Task
from assistant.embedded.postgres import EmbeddedPostgres
from assistant.embedded.processes import Addresses, FirstAdministrator, page_address, product_steps
from assistant.embedded.records import end_leftovers
from assistant.embedded.redis import EmbeddedRedis
from assistant.embedded.wheels import POSTGRES_MAJOR, server_programs
from assistant.errors import CloisterError, EmbeddedError, SettingsError
from assistant.keys import Keys
from assistant.policy.names import check_names
from assistant.settings import Settings
from policies.egress import Program

StepsBuilder: TypeAlias = Callable[[Settings, Addresses, FirstAdministrator], tuple[Service | Task, ...]]

_STDERR = 2


def run_up(settings: Settings, build_steps: StepsBuilder = product_steps) -> int:
    """Start everything on this machine and keep it running until Ctrl-C or SIGTERM.

    Args:
        settings: as read from the environment.
        build_steps: what starts after the servers; tests start smaller things.

    Returns:
        One of `ExitStatus`.
    """
    console = Console(sys.stdout.fileno())
    try:
        plan = prepare(settings, build_steps, console)
    except EmbeddedError as error:
        Console(_STDERR).show(str(error))
        return error.exit_status
    except CloisterError as error:
        Console(_STDERR).show(str(error))
        return ExitStatus.SETTINGS
    except KeyboardInterrupt:
        console.show("Stopped; nothing is left running.")
        return ExitStatus.STOPPED
    return hand_over(plan)


def prepare(settings: Settings, build_steps: StepsBuilder, console: Console) -> Plan:
    """Check everything that can be checked, make the data folders, and return what to start.

    Raises:
        EmbeddedError: something is in the way; no data was touched.
        SettingsError: the master key cannot be used, or the model for names is missing.
    """
    check_python()
    check_names(settings)
    folders = Folders(settings.data_dir.resolve())
    folders.make()
    address = page_address(settings)
    lock = lock_data(folders.run / "up.lock", address)
    for name in end_leftovers(folders.records):
        console.show(f"Ended {name}, left running by an earlier start.")
    check_port(settings.host, settings.port)
    check_disk(folders.data)
    has_data = (folders.postgres / "data" / "PG_VERSION").exists()
    before = current_socket_folder(folders)
    try:
        servers, owner, redis = _servers(settings, folders, console)
    except EmbeddedError:
        if current_socket_folder(folders) != before:  # made just now; an older one may be somebody's
            forget_socket_folder(folders)
        raise
    if has_data:
        _refuse_lost_key(settings, folders)
    keys = Keys.load_or_create(settings.master_key)
    addresses = Addresses(
        owner=owner,
        app=url_for_role(owner, APP_ROLE, keys),
        audit_writer=url_for_role(owner, AUDIT_WRITER_ROLE, keys),
        audit_sealer=url_for_role(owner, AUDIT_SEALER_ROLE, keys),
        redis=redis,
    )
    steps = build_steps(settings, addresses, _first_administrator(settings))
    held = hold(current_socket_folder(folders))
    return Plan(data=folders.data, steps=(*servers, *steps), address=address, keep_open=(lock, held))


def _refuse_lost_key(settings: Settings, folders: Folders) -> None:
    """Refuse to make a new master key for data that was sealed with another one.

    Raises:
        SettingsError: there is a cluster and no key.
    """
    if not settings.master_key.exists():
        raise SettingsError(
            f"The master key {str(settings.master_key)!r} is missing, and {str(folders.data)!r} holds data that was "
            "sealed with it. Restore the key from your backup, or set CLOISTER_MASTER_KEY_FILE to where it lies."
        )


def _servers(
    settings: Settings, folders: Folders, console: Console
) -> tuple[tuple[Service, ...], SecretStr, SecretStr]:
    """Return the servers that we run ourselves, and the addresses of both, ours or the company's."""
    services: list[Service] = []
    owner, redis_url = settings.database_url, settings.redis_url
    if owner is not None and redis_url is not None:
        return (), owner, redis_url
    sockets = socket_folder(folders, server_account())
    allow_site(settings, programs=_own_programs(sockets))
    if owner is None:
        postgres = EmbeddedPostgres(folders.data, sockets=sockets)
        if not postgres.cluster.exists():
            console.show(f"Making the database in {postgres.cluster} …")
        postgres.prepare()
        owner = postgres.owner_url
        services.append(
            Service(
                postgres.program,
                f"Postgres {POSTGRES_MAJOR}",
                postgres.probe,
                is_awaited=True,
                alerts=("PANIC:", "No space left"),
            )
        )
    if redis_url is None:
        redis = EmbeddedRedis(folders.data, sockets=sockets)
        redis.prepare()
        redis_url = redis.url
        services.append(
            Service(redis.program, "Redis", redis.probe, is_awaited=True, alerts=("No space left", "MISCONF", "Can't"))
        )
    return tuple(services), owner, redis_url


def _own_programs(sockets: Path) -> tuple[Program, ...]:
    """Return what this process may start: the servers' programs, `ps`, and the supervisor that it becomes."""
    servers = (Program(str(path)) for path in server_programs(sockets))
    return (*servers, Program.of(PS), Program.of(SUPERVISOR))


def _first_administrator(settings: Settings) -> FirstAdministrator:
    """Return the administrator to add if nobody is there yet; the password lives in memory only."""
    chosen = settings.admin_password
    return FirstAdministrator(
        name=settings.admin_name,
        password=chosen or SecretStr(secrets.token_urlsafe(12)),
        is_generated=chosen is None,
    )
