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
AUDIT_PROJECTOR_ROLE: Final = "cloister_audit_projector"  # may read the log and its texts, and write the projections
AUDIT_ERASER_ROLE: Final = "cloister_audit_eraser"  # may call what erases, nothing else
LOGIN_ROLES: Final = (
    APP_ROLE,
    AUDIT_WRITER_ROLE,
    AUDIT_READER_ROLE,
    AUDIT_SEALER_ROLE,
    AUDIT_PROJECTOR_ROLE,
    AUDIT_ERASER_ROLE,
)

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


def as_own_roles(settings: Settings, role: str = APP_ROLE) -> Settings:
    """Return settings in which an address that names nobody has become those of a role and of the audit writer.

    Args:
        settings: as this process got them.
        role: the one that the process works as.

    Raises:
        SettingsError: the master key, from which their passwords follow, cannot be read.
    """
    address = settings.database_url
    if address is None or settings.audit_database_url is not None:
        return settings
    return settings if urlsplit(address.get_secret_value()).username else with_roles_of(settings, address, role)


def with_roles_of(settings: Settings, owner_url: SecretStr, role: str = APP_ROLE) -> Settings:
    """Return the settings with the addresses of a role and of the audit writer in the owner's database."""
    keys = Keys.load_or_create(settings.master_key)
    own, writer = (url_for_role(owner_url, each, keys) for each in (role, AUDIT_WRITER_ROLE))
    return settings.model_copy(update={"database_url": own, "audit_database_url": writer})
