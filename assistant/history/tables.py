"""The tables of threads, messages, feedback, sealed pseudonyms and turns."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import (
    CheckConstraint,
    Column,
    Computed,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    UniqueConstraint,
    func,
)
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR
from sqlmodel import Field, SQLModel

# `history_words` is a function of revision 0004. A text still being written is not indexed.
_MESSAGE_WORDS = "CASE WHEN state = 'streaming' THEN NULL ELSE history_words(text, owner_id) END"
_TITLE_WORDS = "history_words(title)"


class ThreadRow(SQLModel, table=True):
    """A conversation of one person.

    Attributes:
        last_position: the position given last; counting it up locks the row, so messages of a thread never tie.
    """

    __tablename__ = "thread"
    __table_args__ = (
        Index("ix_thread_owner_id_updated_at_id", "owner_id", sql("updated_at DESC"), sql("id DESC")),
        Index("ix_thread_words", "words", postgresql_using="gin"),
    )

    id: UUID = Field(primary_key=True)
    owner_id: UUID = Field(sa_column=Column(ForeignKey("person.id", ondelete="CASCADE"), nullable=False))
    persona: str = Field(sa_column=Column(Text, nullable=False))
    title: str = Field(sa_column=Column(Text, nullable=False))
    last_position: int = Field(sa_column=Column(Integer, nullable=False, server_default=sql("0")))
    created_at: datetime = Field(
        sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    )
    updated_at: datetime = Field(
        sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    )
    words: str = Field(sa_column=Column(TSVECTOR, Computed(_TITLE_WORDS, persisted=True)))


class MessageRow(SQLModel, table=True):
    """One message as it stands now, redacted.

    Attributes:
        owner_id: the thread's owner again, so that the search index can tell whose words these are.
        superseded_by: the turn of an edit further up, after which this message is no longer part of the thread.
    """

    __tablename__ = "message"
    __table_args__ = (
        UniqueConstraint("thread_id", "position", name="uq_message_thread_id_position"),
        CheckConstraint("author IN ('system', 'user', 'assistant')", name="author"),
        CheckConstraint("state IN ('streaming', 'complete', 'interrupted', 'blocked')", name="state"),
        Index("ix_message_words", "words", postgresql_using="gin"),
        Index("ix_message_turn_id", "turn_id"),
    )

    id: UUID = Field(primary_key=True)
    thread_id: UUID = Field(sa_column=Column(ForeignKey("thread.id", ondelete="CASCADE"), nullable=False))
    owner_id: UUID
    turn_id: UUID
    author: str = Field(sa_column=Column(Text, nullable=False))
    text: str = Field(sa_column=Column(Text, nullable=False))
    state: str = Field(sa_column=Column(Text, nullable=False))
    note: str = Field(sa_column=Column(Text, nullable=False, server_default=sql("''")))
    detail: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False, server_default=sql("'{}'")))
    position: int = Field(sa_column=Column(Integer, nullable=False))
    superseded_by: UUID | None = None
    created_at: datetime = Field(
        sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    )
    words: str = Field(sa_column=Column(TSVECTOR, Computed(_MESSAGE_WORDS, persisted=True)))


class MessageVersionRow(SQLModel, table=True):
    """What a message said before it was edited."""

    __tablename__ = "message_version"

    message_id: UUID = Field(
        sa_column=Column(ForeignKey("message.id", ondelete="CASCADE"), primary_key=True),
    )
    version: int = Field(sa_column=Column(Integer, primary_key=True))
    turn_id: UUID
    text: str = Field(sa_column=Column(Text, nullable=False))
    note: str = Field(sa_column=Column(Text, nullable=False))
    detail: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    replaced_at: datetime = Field(
        sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    )


class FeedbackRow(SQLModel, table=True):
    """A person's thumb on a message: 1 is up, 0 is down."""

    __tablename__ = "feedback"
    __table_args__ = (
        UniqueConstraint("message_id", "person_id", name="uq_feedback_message_id_person_id"),
        CheckConstraint("value IN (0, 1)", name="value"),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    message_id: UUID = Field(sa_column=Column(ForeignKey("message.id", ondelete="CASCADE"), nullable=False))
    person_id: UUID = Field(
        sa_column=Column(ForeignKey("person.id", ondelete="CASCADE"), nullable=False, index=True),
    )
    value: int = Field(sa_column=Column(SmallInteger, nullable=False))
    comment: str = Field(sa_column=Column(Text, nullable=False, server_default=sql("''")))
    updated_at: datetime = Field(
        sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    )


class PseudonymsRow(SQLModel, table=True):
    """The placeholders of a thread and their values, sealed by the caller."""

    __tablename__ = "pseudonyms"

    thread_id: UUID = Field(
        sa_column=Column(ForeignKey("thread.id", ondelete="CASCADE"), primary_key=True),
    )
    sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    version: int = Field(sa_column=Column(Integer, nullable=False))
    updated_at: datetime = Field(
        sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    )


class TurnRow(SQLModel, table=True):
    """A turn and how it ended, so that one whose process died is found and marked.

    It holds ids and outlives its thread: deleting a conversation must not hide how a turn ended from the audit log.

    Attributes:
        state: running, answered, interrupted or blocked.
        process: label of the process that runs it.
        heartbeat_at: the last sign of life.
        recovered_at: when somebody else marked it interrupted; none if its own process ended it.
        claimed_until: a recoverer is writing it into the audit log and has until then.
        audited_at: the interruption is in the audit log.
    """

    __tablename__ = "turn"
    __table_args__ = (
        CheckConstraint("state IN ('running', 'answered', 'interrupted', 'blocked')", name="state"),
        Index("ix_turn_running", "heartbeat_at", postgresql_where=sql("state = 'running'")),
        Index(
            "ix_turn_unaudited",
            "recovered_at",
            postgresql_where=sql("recovered_at IS NOT NULL AND audited_at IS NULL"),
        ),
    )

    id: UUID = Field(primary_key=True)
    thread_id: UUID
    message_id: UUID
    answer_id: UUID
    person_id: UUID
    persona: str = Field(sa_column=Column(Text, nullable=False))
    door: str = Field(sa_column=Column(Text, nullable=False))
    process: str = Field(sa_column=Column(Text, nullable=False))
    state: str = Field(sa_column=Column(Text, nullable=False))
    started_at: datetime = Field(
        sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    )
    heartbeat_at: datetime = Field(
        sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    )
    ended_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    recovered_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    claimed_until: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    audited_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
