"""The tables of the knowledge base. Everything readable in them went through the guard; an upload is sealed.

What a column may hold is checked by migration 0005.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    Column,
    Computed,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlmodel import Field, SQLModel

IS_INDEXED = "fingerprint IS NOT NULL"


class DocumentRow(SQLModel, table=True):
    """A document.

    Attributes:
        owner_id: who may read it; None for everybody.
        fingerprint: HMAC-SHA256 of the raw bytes, so that the same file is not kept twice; set with its passages.
    """

    __tablename__ = "document"
    __table_args__ = (
        Index("ix_document_owner_id_created_at", "owner_id", "created_at"),
        Index(
            "uq_document_fingerprint",
            "kind",
            "owner_id",
            "fingerprint",
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where=text(IS_INDEXED),
        ),
    )

    id: UUID = Field(primary_key=True)
    kind: str = Field(sa_column=Column(Text, nullable=False))
    title: str = Field(sa_column=Column(Text, nullable=False))
    source: str = Field(sa_column=Column(Text, nullable=False))
    owner_id: UUID | None = Field(default=None)
    fingerprint: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    state: str = Field(sa_column=Column(Text, nullable=False, server_default="pending"))
    reason: str = Field(sa_column=Column(Text, nullable=False, server_default=""))
    chars: int = Field(sa_column=Column(Integer, nullable=False, server_default="0"))
    created_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now()))


class UploadRow(SQLModel, table=True):
    """The raw bytes of a document that waits for the guard, sealed to the place of its id, for an hour at most.

    Attributes:
        id: the document's.
        person_id: who sent it.
        name: the file's name, guarded.
        size: of the raw bytes.
    """

    __tablename__ = "upload"
    __table_args__ = (Index("ix_upload_expires_at", "expires_at"),)

    id: UUID = Field(sa_column=Column(ForeignKey("document.id", ondelete="CASCADE"), primary_key=True, nullable=False))
    person_id: UUID = Field()
    name: str = Field(sa_column=Column(Text, nullable=False))
    sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    size: int = Field(sa_column=Column(Integer, nullable=False))
    created_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now()))
    expires_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))


class PassageRow(SQLModel, table=True):
    """A piece of a document.

    Attributes:
        number: order inside the document, from 0.
        title: the document's, repeated so that `search` can hold it.
        start_offset, end_offset: characters of the guarded text, half-open.
        search: the words of title, heading and text; see migration 0005.
    """

    __tablename__ = "passage"
    __table_args__ = (Index("ix_passage_search", "search", postgresql_using="gin"),)

    document_id: UUID = Field(
        sa_column=Column(ForeignKey("document.id", ondelete="CASCADE"), primary_key=True, nullable=False)
    )
    number: int = Field(sa_column=Column(Integer, primary_key=True, nullable=False, autoincrement=False))
    title: str = Field(sa_column=Column(Text, nullable=False))
    heading: str = Field(sa_column=Column(Text, nullable=False))
    start_offset: int = Field(sa_column=Column(Integer, nullable=False))
    end_offset: int = Field(sa_column=Column(Integer, nullable=False))
    text: str = Field(sa_column=Column(Text, nullable=False))
    search: str = Field(
        sa_column=Column(TSVECTOR, Computed("passage_search(title, heading, text)", persisted=True), nullable=False)
    )
