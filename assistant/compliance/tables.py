"""The tables of the desk. What one person alone must not do, the tables refuse too.

`hit` repeats what the log says of an event, so that a list needs no look into the log; how far it got stands beside
that. Reasons and notes are texts after the guard; no column holds a value that was held back.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    UniqueConstraint,
    func,
)
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.dialects.postgresql import UUID as SQL_UUID
from sqlmodel import Field, SQLModel

IS_OPEN: Final = "state IN ('new', 'in-review', 'needs-info', 'awaiting-second', 'reopened')"
AWAITS_SECOND: Final = "state = 'awaiting-second'"
_STATES: Final = (
    "state IN ('new', 'in-review', 'needs-info', 'awaiting-second', 'decided', 'closed', 'reopened')",
    "disposition IN ('false-positive', 'benign', 'coaching', 'violation', 'incident')",
    (
        "(state IN ('awaiting-second', 'decided', 'closed')) = (disposition IS NOT NULL)"
        " AND (disposition IS NULL) = (proposed_by IS NULL)"
        " AND (state IN ('decided', 'closed')) = (decided_by IS NOT NULL)"
    ),
    "decided_by <> proposed_by OR NOT needs_second AND disposition NOT IN ('violation', 'incident')",
)


def _standing_checks() -> tuple[CheckConstraint, ...]:
    names = ("state", "disposition", "decided", "second")
    return tuple(CheckConstraint(check, name=name) for name, check in zip(names, _STATES, strict=True))


def _text(*, default: str | None = None) -> Column[str]:
    return Column(Text, nullable=False, server_default=None if default is None else sql(f"'{default}'"))


def _moment(*, is_now: bool = False, is_optional: bool = False) -> Column[datetime]:
    return Column(
        DateTime(timezone=True), nullable=is_optional, server_default=func.clock_timestamp() if is_now else None
    )


def _flag() -> Column[bool]:
    return Column(Boolean, nullable=False, server_default=sql("false"))


class HitRow(SQLModel, table=True):
    """An event in which the guard held something back, and what people said of it."""

    __tablename__ = "hit"
    __table_args__ = (
        *_standing_checks(),
        CheckConstraint(
            "subject IS DISTINCT FROM assignee AND subject IS DISTINCT FROM proposed_by"
            " AND subject IS DISTINCT FROM decided_by",
            name="own",
        ),
        Index("ix_hit_open", "due_at", "event_id", postgresql_where=sql(IS_OPEN)),
        Index("ix_hit_open_severity", "severity", "due_at", "event_id", postgresql_where=sql(IS_OPEN)),
        Index("ix_hit_open_rule", "rule", "due_at", "event_id", postgresql_where=sql(IS_OPEN)),
        Index("ix_hit_open_assignee", "assignee", "due_at", "event_id", postgresql_where=sql(IS_OPEN)),
        Index("ix_hit_second", "due_at", "event_id", postgresql_where=sql(AWAITS_SECOND)),
        Index("ix_hit_turn_id", "turn_id"),
    )

    event_id: UUID = Field(primary_key=True)
    turn_id: UUID
    thread_id: UUID
    subject: UUID
    type: str = Field(sa_column=_text())
    rule: str = Field(sa_column=_text())
    severity: int = Field(sa_column=Column(SmallInteger, nullable=False))
    occurred_at: datetime = Field(sa_column=_moment())
    due_at: datetime = Field(sa_column=_moment())
    state: str = Field(sa_column=_text(default="new"))
    disposition: str | None = Field(default=None, sa_column=Column(Text))
    assignee: UUID | None = None
    proposed_by: UUID | None = None
    decided_by: UUID | None = None
    needs_second: bool = Field(sa_column=_flag())


class HitsFollowedRow(SQLModel, table=True):
    """How far the log was looked through for hits: the newest batch that is in `hit` whole. One row."""

    __tablename__ = "hits_followed"
    __table_args__ = (CheckConstraint("id = 1", name="id"),)

    id: int = Field(sa_column=Column(SmallInteger, primary_key=True, autoincrement=False, server_default=sql("1")))
    batch: int = Field(sa_column=Column(BigInteger, nullable=False))


class CaseRow(SQLModel, table=True):
    """A case: turns that belong together, and what people say of them. `number` is what people call it."""

    __tablename__ = "compliance_case"
    __table_args__ = (
        *_standing_checks(),
        Index("ix_compliance_case_open", "number", postgresql_where=sql(IS_OPEN)),
    )

    id: UUID = Field(primary_key=True)
    number: int = Field(sa_column=Column(BigInteger, Identity(always=True), nullable=False, unique=True))
    title: str = Field(sa_column=_text())
    opened_by: UUID
    opened_at: datetime = Field(sa_column=_moment(is_now=True))
    due_at: datetime = Field(sa_column=_moment())
    state: str = Field(sa_column=_text(default="new"))
    disposition: str | None = Field(default=None, sa_column=Column(Text))
    assignee: UUID | None = None
    proposed_by: UUID | None = None
    decided_by: UUID | None = None
    needs_second: bool = Field(sa_column=_flag())


class CaseTurnRow(SQLModel, table=True):
    """A turn in a case, and whose it is."""

    __tablename__ = "case_turn"
    __table_args__ = (Index("ix_case_turn_subject", "subject"), Index("ix_case_turn_turn_id", "turn_id"))

    case_id: UUID = Field(sa_column=Column(ForeignKey("compliance_case.id"), primary_key=True))
    turn_id: UUID = Field(primary_key=True)
    thread_id: UUID
    subject: UUID
    added_by: UUID
    added_at: datetime = Field(sa_column=_moment(is_now=True))


class EntryRow(SQLModel, table=True):
    """A line in the history of a hit or of a case: who took which step, and the note with it, after the guard."""

    __tablename__ = "desk_entry"
    __table_args__ = (
        CheckConstraint("(case_id IS NULL) <> (hit_id IS NULL)", name="of_one"),
        Index("ix_desk_entry_case_id", "case_id", "number"),
        Index("ix_desk_entry_hit_id", "hit_id", "number"),
    )

    number: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    case_id: UUID | None = Field(default=None, sa_column=Column(ForeignKey("compliance_case.id")))
    hit_id: UUID | None = Field(default=None, sa_column=Column(ForeignKey("hit.event_id")))
    person_id: UUID
    step: str = Field(sa_column=_text())
    state: str = Field(sa_column=_text())
    disposition: str | None = Field(default=None, sa_column=Column(Text))
    note: str = Field(sa_column=_text(default=""))
    at: datetime = Field(sa_column=_moment(is_now=True))


class SampleRow(SQLModel, table=True):
    """A sample that was drawn: everything that somebody needs to draw it again."""

    __tablename__ = "sample"
    __table_args__ = (UniqueConstraint("week", "population", "wanted", name="uq_sample_week_population_wanted"),)

    id: UUID = Field(primary_key=True)
    week: str = Field(sa_column=_text())
    population: str = Field(sa_column=_text())
    wanted: int = Field(sa_column=Column(Integer, nullable=False))
    first_leaf: int = Field(sa_column=Column(BigInteger, nullable=False))
    end_leaf: int = Field(sa_column=Column(BigInteger, nullable=False))
    batch: int = Field(sa_column=Column(BigInteger, nullable=False))
    seed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    drawn_by: UUID
    drawn_at: datetime = Field(sa_column=_moment(is_now=True))


class SampledRow(SQLModel, table=True):
    """An event of a sample, in the order in which it was drawn, and what a reviewer said of it."""

    __tablename__ = "sampled"
    __table_args__ = (
        CheckConstraint("disposition IN ('false-positive', 'benign', 'coaching')", name="disposition"),
        CheckConstraint("(disposition IS NULL) = (judged_by IS NULL)", name="judged"),
        CheckConstraint("subject IS DISTINCT FROM judged_by OR judged_by IS NULL", name="own"),
    )

    sample_id: UUID = Field(sa_column=Column(ForeignKey("sample.id"), primary_key=True))
    place: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    leaf: int = Field(sa_column=Column(BigInteger, nullable=False))
    event_id: UUID
    turn_id: UUID | None = None
    subject: UUID | None = None
    disposition: str | None = Field(default=None, sa_column=Column(Text))
    judged_by: UUID | None = None


class SecondLookDrawRow(SQLModel, table=True):
    """The week whose decisions were drawn from, so that none is forgotten and none comes twice."""

    __tablename__ = "second_look_draw"
    __table_args__ = (CheckConstraint("percent BETWEEN 1 AND 100", name="percent"),)

    week: str = Field(sa_column=Column(Text, primary_key=True))
    percent: int = Field(sa_column=Column(Integer, nullable=False))
    decisions: int = Field(sa_column=Column(BigInteger, nullable=False))
    batch: int = Field(sa_column=Column(BigInteger, nullable=False))
    seed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    drawn_at: datetime = Field(sa_column=_moment(is_now=True))


class SecondLookRow(SQLModel, table=True):
    """A decision that somebody else reads again without seeing it, and what an approver said where the two differ.

    Attributes:
        first_disposition, first_by, confirmed_by: what was decided, by whom, and who agreed where that was needed.
    """

    __tablename__ = "second_look"
    __table_args__ = (
        CheckConstraint(
            "disposition IN ('false-positive', 'benign', 'coaching', 'violation', 'incident')", name="disposition"
        ),
        CheckConstraint(
            "settled_as IN ('false-positive', 'benign', 'coaching', 'violation', 'incident')", name="settled_as"
        ),
        CheckConstraint(
            "(disposition IS NULL) = (judged_by IS NULL) AND (judged_by IS NULL) = (judged_at IS NULL)", name="judged"
        ),
        CheckConstraint(
            "(settled_as IS NULL) = (settled_by IS NULL) AND (settled_by IS NULL) = (settle_note = '')"
            " AND (settled_by IS NULL OR disposition IS NOT NULL AND disposition <> first_disposition)",
            name="settled",
        ),
        CheckConstraint(
            "judged_by NOT IN (subject, first_by) AND judged_by IS DISTINCT FROM confirmed_by OR judged_by IS NULL",
            name="blind",
        ),
        CheckConstraint(
            "settled_by NOT IN (subject, first_by, judged_by) AND settled_by IS DISTINCT FROM confirmed_by"
            " OR settled_by IS NULL",
            name="third",
        ),
        Index("ix_second_look_open", "week", "place", postgresql_where=sql("judged_by IS NULL")),
        Index("ix_second_look_open_turn_id", "turn_id", postgresql_where=sql("judged_by IS NULL")),
        Index(
            "ix_second_look_differing",
            "judged_at",
            postgresql_where=sql("settled_by IS NULL AND disposition <> first_disposition"),
        ),
        Index("ix_second_look_judged_by", "judged_by", "judged_at"),
    )

    decision_id: UUID = Field(primary_key=True)
    week: str = Field(sa_column=Column(ForeignKey("second_look_draw.week"), nullable=False))
    place: int = Field(sa_column=Column(Integer, nullable=False))
    hit_id: UUID
    turn_id: UUID
    subject: UUID
    rule: str = Field(sa_column=_text())
    first_disposition: str = Field(sa_column=_text())
    first_by: UUID
    confirmed_by: UUID | None = None
    disposition: str | None = Field(default=None, sa_column=Column(Text))
    judged_by: UUID | None = None
    judged_at: datetime | None = Field(default=None, sa_column=_moment(is_optional=True))
    settled_as: str | None = Field(default=None, sa_column=Column(Text))
    settled_by: UUID | None = None
    settle_note: str = Field(sa_column=_text(default=""))


class UnmaskRow(SQLModel, table=True):
    """Somebody asked to see who a person is, or the values behind the placeholders of some turns.

    Attributes:
        is_emergency: it was taken by one person alone; `reviewed_by` then says who looked at that afterwards.
        granted_at, expires_at: none as long as nobody approved.
    """

    __tablename__ = "unmask"
    __table_args__ = (
        CheckConstraint("state IN ('requested', 'granted', 'denied', 'expired')", name="state"),
        CheckConstraint("minutes BETWEEN 1 AND 60", name="minutes"),
        CheckConstraint("cardinality(turns) BETWEEN 1 AND 50", name="turns"),
        CheckConstraint("requested_by <> answered_by AND requested_by IS DISTINCT FROM reviewed_by", name="second"),
        CheckConstraint(
            "requested_by <> ALL (subjects) AND (answered_by IS NULL OR answered_by <> ALL (subjects))"
            " AND (reviewed_by IS NULL OR reviewed_by <> ALL (subjects))",
            name="own",
        ),
        CheckConstraint("state <> 'granted' OR answered_by IS NOT NULL OR is_emergency", name="granted"),
        CheckConstraint("(granted_at IS NULL) = (expires_at IS NULL)", name="expires"),
        Index("ix_unmask_open", "requested_at", postgresql_where=sql("state IN ('requested', 'granted')")),
        Index("ix_unmask_case_id", "case_id"),
        Index(
            "ix_unmask_unreviewed",
            "requested_by",
            unique=True,
            postgresql_where=sql("is_emergency AND reviewed_by IS NULL"),
        ),
    )

    id: UUID = Field(primary_key=True)
    case_id: UUID = Field(sa_column=Column(ForeignKey("compliance_case.id"), nullable=False))
    turns: list[UUID] = Field(sa_column=Column(ARRAY(SQL_UUID), nullable=False))
    subjects: list[UUID] = Field(sa_column=Column(ARRAY(SQL_UUID), nullable=False))
    shows_names: bool = Field(sa_column=Column(Boolean, nullable=False))
    shows_values: bool = Field(sa_column=Column(Boolean, nullable=False))
    reason: str = Field(sa_column=_text())
    minutes: int = Field(sa_column=Column(Integer, nullable=False))
    requested_by: UUID
    requested_at: datetime = Field(sa_column=_moment(is_now=True))
    is_emergency: bool = Field(sa_column=_flag())
    state: str = Field(sa_column=_text(default="requested"))
    answered_by: UUID | None = None
    answer_note: str = Field(sa_column=_text(default=""))
    granted_at: datetime | None = Field(default=None, sa_column=_moment(is_optional=True))
    expires_at: datetime | None = Field(default=None, sa_column=_moment(is_optional=True))
    views: int = Field(sa_column=Column(Integer, nullable=False, server_default=sql("0")))
    reviewed_by: UUID | None = None
    review_note: str = Field(sa_column=_text(default=""))
    is_justified: bool | None = None


class NoticeRow(SQLModel, table=True):
    """What an employee is told of an unmasking, and from when on; put off once at most."""

    __tablename__ = "unmask_notice"
    __table_args__ = (
        CheckConstraint("(delayed_by IS NULL) = (delay_reason = '')", name="delay"),
        CheckConstraint("subject IS DISTINCT FROM delayed_by", name="own"),
        Index("ix_unmask_notice_subject", "subject", "due_at"),
    )

    unmask_id: UUID = Field(sa_column=Column(ForeignKey("unmask.id"), primary_key=True))
    subject: UUID = Field(primary_key=True)
    due_at: datetime = Field(sa_column=_moment())
    delayed_by: UUID | None = None
    delay_reason: str = Field(sa_column=_text(default=""))


class ExportRow(SQLModel, table=True):
    """An export that somebody asked for; `seen_at` is its worker's last sign of life."""

    __tablename__ = "log_export"
    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'writing', 'ready', 'failed')", name="state"),
        CheckConstraint(
            "(state = 'ready') = (file <> '') AND (state = 'ready') = (expires_at IS NOT NULL)", name="ready"
        ),
        Index("ix_log_export_requested_by", "requested_by", "requested_at"),
        Index("ix_log_export_open", "requested_at", postgresql_where=sql("state IN ('waiting', 'writing')")),
    )

    id: UUID = Field(primary_key=True)
    requested_by: UUID
    requested_at: datetime = Field(sa_column=_moment(is_now=True))
    reason: str = Field(sa_column=_text())
    query: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    state: str = Field(sa_column=_text(default="waiting"))
    attempts: int = Field(sa_column=Column(Integer, nullable=False, server_default=sql("0")))
    seen_at: datetime | None = Field(default=None, sa_column=_moment(is_optional=True))
    looked_at: int = Field(sa_column=Column(BigInteger, nullable=False, server_default=sql("0")))
    to_look_at: int = Field(sa_column=Column(BigInteger, nullable=False, server_default=sql("0")))
    events: int = Field(sa_column=Column(BigInteger, nullable=False, server_default=sql("0")))
    zip_bytes: int = Field(sa_column=Column(BigInteger, nullable=False, server_default=sql("0")))
    sha256: str = Field(sa_column=_text(default=""))
    file: str = Field(sa_column=_text(default=""))
    trouble: str = Field(sa_column=_text(default=""))
    expires_at: datetime | None = Field(default=None, sa_column=_moment(is_optional=True))


class LookUpRow(SQLModel, table=True):
    """Somebody asked which person has a name, in order to look at what they did, and said why."""

    __tablename__ = "person_lookup"
    __table_args__ = (Index("ix_person_lookup_subject", "subject"),)

    id: UUID = Field(primary_key=True)
    looked_up_by: UUID
    subject: UUID | None = None
    reason: str = Field(sa_column=_text())
    at: datetime = Field(sa_column=_moment(is_now=True))
