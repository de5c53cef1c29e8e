"""What every command needs first: the settings, and this process allowed to reach what they name."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:  # so that `--help` answers at once
    from pydantic import SecretStr

    from assistant.audit.seals.checkpoint import NoteKey
    from assistant.keys import Keys
    from assistant.settings import Settings

_SERVICES: Final = {
    ("web",): "web",
    ("console",): "console",
    ("audit", "seal"): "sealer",
}  # commands that run for long, and their labels


def site_settings() -> Settings:
    """Return the settings, and let this process reach what they name."""
    from assistant.egress import allow_site
    from assistant.settings import read_settings

    settings = read_settings()
    allow_site(settings)
    report_refusals(settings)
    return settings


def server_settings() -> Settings:
    """Return settings with the addresses of the database, the company's own or that of `cloister up`."""
    from assistant.embedded.running import with_running_database

    settings = with_running_database(site_settings())
    report_refusals(settings)
    return settings


def report_refusals(settings: Settings) -> None:
    """Have what this process is refused written to the audit log, as soon as the settings name it."""
    from assistant.audit.writing.refusals import report_refusals as report

    label = next((label for words, label in _SERVICES.items() if (*sys.argv[1 : 1 + len(words)],) == words), "command")
    report(settings, label)


def audit_reader_url() -> SecretStr:
    """Return the address of the database as the reader of the audit log."""
    from assistant.database_roles import AUDIT_READER_ROLE

    return audit_role_url(AUDIT_READER_ROLE)


def audit_role_url(role: str) -> SecretStr:
    """Return the address of the database as one of the audit log's roles."""
    from assistant.database_roles import url_for_role
    from assistant.embedded.running import owner_address

    settings = site_settings()
    return url_for_role(owner_address(settings), role, installation_keys())


def installation_keys() -> Keys:
    """Return the installation's keys."""
    from assistant.keys import Keys

    return Keys.load_or_create(site_settings().master_key)


def parse_note_key(text: str) -> NoteKey:
    """Return the public key that somebody typed.

    Raises:
        BadInputError: it is none.
    """
    from assistant.audit.seals.checkpoint import NoteError, NoteKey
    from assistant.errors import BadInputError

    try:
        return NoteKey.parse(text)
    except NoteError as error:
        raise BadInputError(str(error)) from error
