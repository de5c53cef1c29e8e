"""The database's login roles and the address of each, without SQLAlchemy, whose import would slow every start."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import SecretStr

from assistant.keys import Keys

APP_ROLE: Final = "cloister_app"  # ordinary tables: people, history, jobs, knowledge
AUDIT_WRITER_ROLE: Final = "cloister_audit_writer"  # may insert audit events, nothing else
AUDIT_READER_ROLE: Final = "cloister_audit_reader"  # may read audit events, nothing else
LOGIN_ROLES: Final = (APP_ROLE, AUDIT_WRITER_ROLE, AUDIT_READER_ROLE)

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
