"""The table of reports. It holds ids, names of rules and masked values; there is no column for a value."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, DateTime, ForeignKey, Index, Integer, Text, UniqueConstraint, func
from sqlalchemy import text as sql
from sqlmodel import Field, SQLModel


class ReportRow(SQLModel, table=True):
    """One report. It outlives its thread: the person who deletes a conversation still said that a rule was wrong."""

    __tablename__ = "report"
    __table_args__ = (
        UniqueConstraint("message_id", "turn_id", "number", name="uq_report_message_id_turn_id_number"),
        CheckConstraint("direction IN ('prompt', 'answer')", name="direction"),
        CheckConstraint("number >= 0", name="number"),
        CheckConstraint("decision IN ('rule-is-wrong', 'rule-is-right')", name="decision"),
        CheckConstraint(
            "(decision IS NULL) = (decided_at IS NULL) AND (decision IS NULL) = (decided_by IS NULL)", name="decided"
        ),
        Index(
            "ix_report_open",
            sql("filed_at DESC"),
            sql("id DESC"),
            postgresql_where=sql("decision IS NULL"),
        ),
        Index(
            "ix_report_decided",
            sql("filed_at DESC"),
            sql("id DESC"),
            postgresql_where=sql("decision IS NOT NULL"),
        ),
        Index("ix_report_rule_filed_at_id", "rule", sql("filed_at DESC"), sql("id DESC")),
        Index("ix_report_found_at", "found_at"),
        Index("ix_report_thread_id", "thread_id"),
        Index("ix_report_person_id_filed_at", "person_id", "filed_at"),
    )

    id: UUID = Field(primary_key=True)
    person_id: UUID = Field(sa_column=Column(ForeignKey("person.id", ondelete="CASCADE"), nullable=False))
    turn_id: UUID
    thread_id: UUID
    message_id: UUID
    direction: str = Field(sa_column=Column(Text, nullable=False))
    number: int = Field(sa_column=Column(Integer, nullable=False))
    rule: str = Field(sa_column=Column(Text, nullable=False))
    label: str = Field(sa_column=Column(Text, nullable=False))
    masked: str = Field(sa_column=Column(Text, nullable=False))
    action: str = Field(sa_column=Column(Text, nullable=False))
    policy_version: str = Field(sa_column=Column(Text, nullable=False))
    comment: str = Field(sa_column=Column(Text, nullable=False, server_default=sql("''")))
    found_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    filed_at: datetime = Field(
        sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    )
    decision: str | None = Field(default=None, sa_column=Column(Text))
    note: str = Field(sa_column=Column(Text, nullable=False, server_default=sql("''")))
    decided_by: UUID | None = None
    decided_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
