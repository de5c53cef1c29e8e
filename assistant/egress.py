"""What each process of Cloister may reach and start, and the lock that holds it to that.

A process puts the lock on in its first line, when no framework is loaded: from then on it reaches this machine only and
starts nothing. Once it has read its settings it may reach what they name. What is decided stands in `policies.egress`;
how it is enforced, in `connectors.network`.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable, MutableMapping
from typing import TYPE_CHECKING, Final

from assistant.errors import SettingsError
from connectors.model_hosts.bundled_server import COMMAND as BUNDLED_SERVER
from connectors.network import Action, Attempt, install, installed
from policies.egress import Egress, Program
from policies.egress_list import Destination, derive_destinations, destinations_of_url, parse_destination
from policies.errors import PolicyError

if TYPE_CHECKING:  # the lock is put on before pydantic is loaded
    from assistant.settings import Settings

ALLOW_SETTING: Final = "CLOISTER_EGRESS_ALLOW"

# Beside proxies and libpq's defaults: by these, a library would take another way than the settings say.
_DETOURS: Final = frozenset({"HOSTALIASES", "LOCALDOMAIN", "RES_OPTIONS"})


def lock_process() -> None:
    """Put the lock on this process, for good: it reaches this machine only, and starts nothing.

    Raises:
        RuntimeError: the lock is already on.
    """
    install(judge_with(_egress()))
    forget_detours(os.environ)


def forget_detours(environment: MutableMapping[str, str]) -> None:
    """Remove the variables that would lead a library past the settings; programs that are started lose them, too."""
    for name in list(environment):
        if name.upper().endswith("_PROXY") or name.startswith("PG") or name in _DETOURS:
            del environment[name]


def allow_site(settings: Settings, *, fleet: Iterable[str] = (), programs: Iterable[Program] = ()) -> None:
    """Let this process reach what the settings name, and nothing else. Without a lock, as in tests, only check them.

    Args:
        settings: as this process got them.
        fleet: addresses of model hosts.
        programs: what it may start, beside the bundled model host when a model file is set.

    Raises:
        SettingsError: an address or an entry of the allow-list cannot be read.
    """
    _judge_by(site_egress(settings, fleet=fleet, programs=programs))


def allow_anchors(settings: Settings) -> None:
    """Let this process also reach the audit log's witnesses and its syslog server: for the sealer, and nobody else.

    Raises:
        SettingsError: see `allow_site`.
    """
    _judge_by(anchor_egress(settings))


def allow_programs(programs: Iterable[Program], *, url: str) -> None:
    """Let this process start these programs and reach this page: for the supervisor, which has no settings."""
    _judge_by(_egress(destinations_of_url(url, origin="the page"), programs))


def site_egress(
    settings: Settings,
    *,
    fleet: Iterable[str] = (),
    programs: Iterable[Program] = (),
    anchors: Iterable[str] = (),
) -> Egress:
    """Return the allow-list that follows from the settings; see `allow_site`."""
    databases = [url.get_secret_value() for url in (settings.database_url, settings.audit_database_url) if url]
    redis = [settings.redis_url.get_secret_value()] if settings.redis_url else []
    own = (Program.of(BUNDLED_SERVER),) if settings.gguf else ()
    try:
        destinations = (
            *derive_destinations(fleet=fleet, database=databases, redis=redis, anchors=anchors),
            *(parse_destination(entry, origin=ALLOW_SETTING) for entry in settings.egress_allow),
        )
    except PolicyError as error:
        raise SettingsError(f"An address in the settings cannot be used: {error}") from error
    return _egress(destinations, (*own, *programs))


def anchor_egress(settings: Settings) -> Egress:
    """Return what `allow_site` allows, and the audit log's anchors."""
    witnesses = [text.strip().partition(" ")[2].strip() for text in settings.audit_witnesses]
    syslog = settings.audit_anchor_syslog
    servers = [syslog] if syslog and not syslog.startswith("unix:") else []  # a socket is on this machine
    return site_egress(settings, anchors=[*witnesses, *servers])


def judge_with(egress: Egress) -> Callable[[Attempt], bool]:
    """Return the judge that the lock asks."""

    def is_allowed(attempt: Attempt) -> bool:
        match attempt.action:
            case Action.CONNECT | Action.SEND:
                return egress.check_address(attempt.host, attempt.port, attempt.names).is_allowed
            case Action.LOOK_UP:
                return egress.check_name(attempt.host).is_allowed
            case Action.LOOK_UP_ADDRESS:
                return egress.check_reverse(attempt.host).is_allowed
            case Action.START:
                return egress.check_program(attempt.argv).is_allowed
            case _:
                return False

    return is_allowed


def _judge_by(egress: Egress) -> None:
    lock = installed()
    if lock is not None:
        lock.judge_by(judge_with(egress))


def _egress(destinations: Iterable[Destination] = (), programs: Iterable[Program] = ()) -> Egress:
    return Egress(destinations, programs=programs, own_names=[socket.gethostname()])
