"""People and their API tokens, with the trace that each step of theirs leaves."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncEngine

from assistant.access import Access
from assistant.audit.parts import TextMarker
from assistant.audit.writing.append import Appender
from assistant.identity.identity import Identity
from assistant.identity.tokens import ApiTokens
from assistant.keys import Keys
from assistant.settings import Settings
from assistant.tokens import Tokens


def build_access(settings: Settings, engine: AsyncEngine, audit: Appender, marker: TextMarker) -> Access:
    """Return who signs in and administers people."""
    return Access(Identity(engine, session_hours=settings.session_hours), audit, marker)


def build_tokens(engine: AsyncEngine, keys: Keys, audit: Appender) -> Tokens:
    """Return who makes, lists and revokes API tokens."""
    return Tokens(ApiTokens(engine, keys.derive("api-token")), audit)
