"""The database's address for each role, computed without SQLAlchemy.

`assistant.database.url_for_role` says what is right, and a test compares the two. Loading SQLAlchemy takes longer than
everything else that `cloister up` does before Postgres starts.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import SecretStr

from assistant.keys import Keys

APP_ROLE: Final = "cloister_app"
AUDIT_WRITER_ROLE: Final = "cloister_audit_writer"
_SCHEME: Final = "postgresql+psycopg"


def role_url(owner_url: SecretStr, role: str, keys: Keys) -> SecretStr:
    """Return the owner's address with another role and the password that migrations set for it."""
    parts = urlsplit(owner_url.get_secret_value())
    place = parts.netloc.rpartition("@")[2]
    password = quote(keys.password(f"database-role:{role}"), safe="")
    return SecretStr(urlunsplit((_SCHEME, f"{role}:{password}@{place}", parts.path, parts.query, "")))
