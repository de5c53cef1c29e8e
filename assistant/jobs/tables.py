"""The job table: the truth about every job. Redis only carries its id to a worker.

What a column may hold is checked by migration 0005; above all, that a payload holds ids and no text.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import Column, DateTime, Index, SmallInteger, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

IS_OPEN = "state IN ('queued', 'running')"
IS_OPEN_WITHOUT_PERSON = f"{IS_OPEN} AND person_id IS NULL"
IS_UNNOTED: Final = "finished_at IS NOT NULL AND noted_at IS NULL"


class JobRow(SQLModel, table=True):
    """A job; see `assistant.jobs.job.Job` for the meaning of its columns.

    Attributes:
        token: who holds the lease; each take makes a new one, so that a worker that was thought dead cannot write.
        lease_until: a running job is lost after it; a queued one must not be taken before it.
        kicked_at: when its id was last sent through Redis.
        noted_at: when its end was written to the audit log.
    """

    __tablename__ = "job"
    __table_args__ = (
        Index("ix_job_person_id_created_at", "person_id", "created_at"),
        Index("ix_job_open", "created_at", postgresql_where=text(IS_OPEN)),
        Index("ix_job_unnoted", "finished_at", postgresql_where=text(IS_UNNOTED)),
        Index("uq_job_open_task", "task", unique=True, postgresql_where=text(IS_OPEN_WITHOUT_PERSON)),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    task: str = Field(sa_column=Column(Text, nullable=False))
    person_id: UUID | None = Field(default=None)
    payload: dict[str, str] = Field(sa_column=Column(JSONB, nullable=False))
    state: str = Field(sa_column=Column(Text, nullable=False, server_default="queued"))
    percent: int = Field(default=0, sa_column=Column(SmallInteger, nullable=False, server_default="0"))
    detail: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=""))
    attempts: int = Field(default=0, sa_column=Column(SmallInteger, nullable=False, server_default="0"))
    reference: str = Field(sa_column=Column(Text, nullable=False))
    token: UUID | None = Field(default=None)
    lease_until: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    created_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )
    started_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    finished_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    kicked_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    noted_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
