"""The words of the knowledge base: documents, their states, and the guard it needs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID


class DocumentState(StrEnum):
    """How far a document got."""

    PENDING = "pending"  # accepted; its bytes lie sealed until a worker guarded them
    INDEXED = "indexed"
    FAILED = "failed"


class DocumentKind(StrEnum):
    """Where a document came from."""

    UPLOAD = "upload"
    DOCUMENTATION = "documentation"  # the product's own


@dataclass(frozen=True, slots=True)
class Document:
    """A document as its readers see it.

    Attributes:
        source: the file's name, guarded.
        is_shared: everybody may read it; otherwise only its owner.
        reason: why it failed, in words; empty otherwise.
        chars: length of the guarded text; 0 until it is indexed.
    """

    id: UUID
    title: str
    source: str
    is_shared: bool
    state: DocumentState
    reason: str
    chars: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class DocumentationFile:
    """One file of the product's own documentation."""

    source: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class GuardedText:
    """What the guard left of a text.

    Attributes:
        text: may be stored; empty when blocked.
        reason: why it was blocked and what to do, for the person; empty when it was not.
    """

    text: str
    is_blocked: bool = False
    reason: str = ""


class TextGuard(Protocol):
    """The guard as the knowledge base needs it; called in a thread, so it may take its time."""

    def __call__(self, text: str) -> GuardedText:
        """Take out what may not be stored. A failure must come back as blocked, or raise; never as the raw text."""


Report = Callable[[int, str], Awaitable[None]]
"""Shows progress: 0 to 100, and the present step in words. Raises when the work is not wanted any more."""
