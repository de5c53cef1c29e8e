"""The tables of people, sessions, API tokens and sign-in attempts."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Integer,
    LargeBinary,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel


class PersonRow(SQLModel, table=True):
    """Somebody who may sign in.

    Attributes:
        name: what they type at sign-in, in small letters, so that `Maria` and `maria` are one person.
        display_name: the name as the administrator wrote it.
        password_hash: Argon2id in the PHC string format.
        session_epoch: sessions of another epoch are void; counting up signs a person out everywhere.
    """

    __tablename__ = "person"
    __table_args__ = (CheckConstraint("name = lower(name)", name="name_is_lower"),)

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    name: str = Field(sa_column=Column(Text, nullable=False, unique=True))
    display_name: str = Field(sa_column=Column(Text, nullable=False))
    password_hash: str = Field(sa_column=Column(Text, nullable=False))
    roles: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    is_disabled: bool = Field(sa_column=Column(Boolean, nullable=False, server_default=text("false")))
    session_epoch: int = Field(sa_column=Column(BigInteger, nullable=False, server_default=text("0")))
    created_at: datetime = Field(
        sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now()),
    )


class SessionRow(SQLModel, table=True):
    """One sign-in of one person.

    Attributes:
        id: SHA-256 of the token; the token itself is only in the person's cookie.
        epoch: the person's `session_epoch` when the session began.
    """

    __tablename__ = "session"

    id: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    person_id: UUID = Field(
        sa_column=Column(ForeignKey("person.id", ondelete="CASCADE"), nullable=False, index=True),
    )
    epoch: int = Field(sa_column=Column(BigInteger, nullable=False))
    created_at: datetime = Field(
        sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now()),
    )
    last_seen_at: datetime = Field(
        sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now()),
    )
    expires_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    revoked_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))


class ApiTokenRow(SQLModel, table=True):
    """One API token of one person.

    Attributes:
        digest: HMAC-SHA256 of the token; the token itself is shown once and kept nowhere.
        epoch: the person's `session_epoch` when it was made: a new password voids tokens as it does sessions.
        scopes: what it may be used for, in the words of `Scopes`.
    """

    __tablename__ = "api_token"

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    digest: bytes = Field(sa_column=Column(LargeBinary, nullable=False, unique=True))
    person_id: UUID = Field(
        sa_column=Column(ForeignKey("person.id", ondelete="CASCADE"), nullable=False, index=True),
    )
    epoch: int = Field(sa_column=Column(BigInteger, nullable=False))
    label: str = Field(sa_column=Column(Text, nullable=False))
    scopes: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    created_at: datetime = Field(
        sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now()),
    )
    expires_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    last_used_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    revoked_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))


class SignInAttemptRow(SQLModel, table=True):
    """How often a key was tried in its present window.

    Attributes:
        key: SHA-256 over what is counted (a client, a name, both), so that no typed name is stored: people type
            their password into the field for the name.
    """

    __tablename__ = "sign_in_attempt"

    key: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    attempts: int = Field(sa_column=Column(Integer, nullable=False))
    window_ends_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False, index=True))
