"""The tables of the fleet: machines, numbers and what administrators ordered; nothing of what anybody asked."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, Float, Index, Text, func
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

IS_OPEN = "state IN ('waiting', 'running')"


def _text(*, default: str | None = None) -> Column[str]:
    return Column(Text, nullable=False, server_default=None if default is None else sql(f"'{default}'"))


def _number(*, default: str | None = None) -> Column[float]:
    return Column(Float(53), nullable=False, server_default=None if default is None else sql(default))


class FleetHostRow(SQLModel, table=True):
    """A host as it was seen last; `place` is its place in the list."""

    __tablename__ = "fleet_host"

    host: str = Field(sa_column=Column(Text, primary_key=True))
    seen_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    place: int
    sample: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))


class FleetSampleRow(SQLModel, table=True):
    """A host in one minute."""

    __tablename__ = "fleet_sample"
    __table_args__ = (Index("ix_fleet_sample_taken_at", "taken_at"),)

    host: str = Field(sa_column=Column(Text, primary_key=True))
    taken_at: datetime = Field(sa_column=Column(DateTime(timezone=True), primary_key=True))
    is_up: bool
    is_drained: bool
    in_flight: int
    waiting: int
    tokens_per_second: float = Field(sa_column=_number())
    memory_bytes: int = Field(sa_column=Column(BigInteger, nullable=False))
    note: str = Field(sa_column=_text(default=""))


class FleetOrderRow(SQLModel, table=True):
    """What an administrator wants done at a host, and how far it is."""

    __tablename__ = "fleet_order"
    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'running', 'done', 'failed')", name="state"),
        CheckConstraint("act IN ('drain', 'undrain', 'load', 'unload', 'pull', 'bench')", name="act"),
        CheckConstraint("(act IN ('drain', 'undrain')) = (model = '')", name="model"),
        Index("ix_fleet_order_open", "requested_at", postgresql_where=sql(IS_OPEN)),
        Index("ix_fleet_order_requested_at", "requested_at"),
    )

    id: UUID = Field(primary_key=True)
    requested_by: UUID | None = None
    requested_at: datetime = Field(
        sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp())
    )
    act: str = Field(sa_column=_text())
    host: str = Field(sa_column=_text())
    model: str = Field(sa_column=_text(default=""))
    state: str = Field(sa_column=_text(default="waiting"))
    seen_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    progress: str = Field(sa_column=_text(default=""))
    share: float | None = Field(default=None, sa_column=Column(Float(53)))
    trouble: str = Field(sa_column=_text(default=""))


class FleetBenchRow(SQLModel, table=True):
    """What was measured of a model on a host."""

    __tablename__ = "fleet_bench"

    host: str = Field(sa_column=Column(Text, primary_key=True))
    model: str = Field(sa_column=Column(Text, primary_key=True))
    measured_at: datetime = Field(
        sa_column=Column(DateTime(timezone=True), primary_key=True, server_default=func.clock_timestamp())
    )
    prompt_tokens: int
    answer_tokens: int
    first_token_seconds: float = Field(sa_column=_number())
    reading_per_second: float = Field(sa_column=_number())
    writing_per_second: float = Field(sa_column=_number())
    reading_bound: float = Field(sa_column=_number(default="0"))
    writing_bound: float = Field(sa_column=_number(default="0"))
