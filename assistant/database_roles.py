"""The database's login roles and the address of each, without SQLAlchemy, whose import would slow every start."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import SecretStr

from assistant.keys import Keys
from assistant.settings import Settings

APP_ROLE: Final = "cloister_app"  # ordinary tables: people, history, jobs, knowledge
AUDIT_WRITER_ROLE: Final = "cloister_audit_writer"  # may insert audit events, nothing else
AUDIT_READER_ROLE: Final = "cloister_audit_reader"  # may read audit events and seals, nothing else
AUDIT_SEALER_ROLE: Final = "cloister_audit_sealer"  # may read what is sealed, never a body, and add seals
LOGIN_ROLES: Final = (APP_ROLE, AUDIT_WRITER_ROLE, AUDIT_READER_ROLE, AUDIT_SEALER_ROLE)

_SCHEME: Final = "postgresql+psycopg"


def role_password(keys: Keys, role: str) -> str:
    """Return the password that migrations set for a login role."""
    return keys.password(f"database-role:{role}")


def url_for_role(owner_url: SecretStr, role: str, keys: Keys) -> SecretStr:
    """Return the address of the same database for another role."""
    parts = urlsplit(owner_url.get_secret_value())
    place = parts.netloc.rpartition("@")[2]
    password = quote(role_password(keys, role), safe="")
    return SecretStr(urlunsplit((_SCHEME, f"{role}:{password}@{place}", parts.path, parts.query, "")))


def as_own_roles(settings: Settings) -> Settings:
    """Return settings in which an address that names nobody has become those of the application and the audit writer.

    Raises:
        SettingsError: the master key, from which their passwords follow, cannot be read.
    """
    address = settings.database_url
    if address is None or settings.audit_database_url is not None:
        return settings
    return settings if urlsplit(address.get_secret_value()).username else with_roles_of(settings, address)


def with_roles_of(settings: Settings, owner_url: SecretStr) -> Settings:
    """Return the settings with the addresses of the application and of the audit writer in the owner's database."""
    keys = Keys.load_or_create(settings.master_key)
    app, writer = (url_for_role(owner_url, role, keys) for role in (APP_ROLE, AUDIT_WRITER_ROLE))
    return settings.model_copy(update={"database_url": app, "audit_database_url": writer})
