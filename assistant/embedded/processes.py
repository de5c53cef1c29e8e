"""The processes of `cloister up`, in order: adding one is one line in `product_steps`."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from assistant.embedded.plan import Service, Task
from assistant.embedded.program import Program
from assistant.embedded.ready import PageProbe
from assistant.settings import PREFIX, Settings

_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared with, not bound to
_SOURCE_ROOT: Final = Path(__file__).parents[2]  # where the four packages lie, in a checkout and in site-packages

# A setting that only some processes may know; every other one goes to all.
_PRIVATE: Final = ("database_url", "audit_database_url", "redis_url", "admin_password")


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the servers are, for each role that connects. They hold passwords."""

    owner: SecretStr
    app: SecretStr
    audit_writer: SecretStr
    audit_sealer: SecretStr
    redis: SecretStr


@dataclass(frozen=True, slots=True)
class FirstAdministrator:
    """Who can sign in first.

    Attributes:
        name: as typed on the sign-in page.
        password: chosen by the operator or generated.
        is_generated: the operator has to be told.
    """

    name: str
    password: SecretStr
    is_generated: bool


def product_steps(
    settings: Settings, addresses: Addresses, administrator: FirstAdministrator
) -> tuple[Service | Task, ...]:
    """Return what starts after the servers; the web begins to load while the short tasks run."""
    serve = child_environment(
        settings,
        database_url=addresses.app,
        audit_database_url=addresses.audit_writer,
        redis_url=addresses.redis,
    )
    own = child_environment(settings, database_url=addresses.owner)
    seal = child_environment(settings, database_url=addresses.audit_sealer, audit_database_url=addresses.audit_writer)
    ready = PageProbe(probe_host(settings.host), settings.port, "/health/ready")
    return (
        Task(_python("migrate", "assistant", "migrate", env=own), "Bringing the database up to date"),
        Service(_python("web", "assistant", "web", env=serve), "the page", probe=ready),
        _administrator_task(serve, administrator),
        Service(_python("worker", "workers", "worker", env=serve, orphan=signal.SIGQUIT), "the worker"),
        Service(_python("scheduler", "workers", "scheduler", env=serve), "the scheduler"),
        Service(_python("sealer", "assistant", "audit", "seal", env=seal), "the audit log's sealer"),
    )


def child_environment(settings: Settings, **private: SecretStr) -> dict[str, str]:
    """Return the whole environment of one child: the caller's without ours, the settings, and its own addresses.

    Args:
        settings: what was set; paths become absolute.
        private: settings that only this child gets, by field name.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith((PREFIX, "PYTHON"))}
    chosen = {name: getattr(settings, name) for name in settings.model_fields_set - set(_PRIVATE)}
    chosen |= {"data_dir": settings.data_dir, "master_key_file": settings.master_key} | private
    ours = {f"{PREFIX}{name.upper()}": _as_text(value) for name, value in chosen.items() if value is not None}
    return inherited | ours | {"PYTHONPATH": str(_SOURCE_ROOT), "PYTHONUNBUFFERED": "1"}


def probe_host(host: str) -> str:
    """Return where to ask our own page when it listens on every address."""
    return _EVERYWHERE.get(host, host)


def page_address(settings: Settings) -> str:
    """Return the address that a person on this machine opens."""
    host = probe_host(settings.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"


def _administrator_task(env: Mapping[str, str], administrator: FirstAdministrator) -> Task:
    told = (
        f"Sign in as {administrator.name!r} with the password {administrator.password.get_secret_value()} "
        "(shown this once; change it with `cloister users password`)."
        if administrator.is_generated
        else f"Sign in as {administrator.name!r} with the password from {PREFIX}ADMIN_PASSWORD."
    )
    return Task(
        _python(
            "bootstrap-admin", "assistant", "bootstrap-admin", env={**env, f"{PREFIX}ADMIN_NAME": administrator.name}
        ),
        "Looking for an administrator",
        stdin=f"{administrator.password.get_secret_value()}\n".encode(),
        notices={"created": told},
    )


def _python(
    name: str, module: str, *command: str, env: Mapping[str, str], orphan: signal.Signals = signal.SIGTERM
) -> Program:
    # -P: a folder named `assistant` or `workers` where the person happens to stand must not be taken for ours.
    return Program(name=name, argv=(sys.executable, "-P", "-m", module, *command), env=env, orphan_signal=orphan)


def _as_text(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, Path):
        return str(value.resolve())
    if isinstance(value, str):
        return value
    return json.dumps(value)
