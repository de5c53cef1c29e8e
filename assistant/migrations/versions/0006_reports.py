"""Reports: what people say is wrong about a finding, and what reviewers decide. No column holds a value."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_REPORT = """
CREATE TABLE report (
    id             uuid        NOT NULL CONSTRAINT pk_report PRIMARY KEY,
    person_id      uuid        NOT NULL CONSTRAINT fk_report_person_id_person REFERENCES person ON DELETE CASCADE,
    turn_id        uuid        NOT NULL,
    thread_id      uuid        NOT NULL,
    message_id     uuid        NOT NULL,
    direction      text        NOT NULL CONSTRAINT ck_report_direction CHECK (direction IN ('prompt', 'answer')),
    number         integer     NOT NULL CONSTRAINT ck_report_number CHECK (number >= 0),
    rule           text        NOT NULL,
    label          text        NOT NULL,
    masked         text        NOT NULL,
    action         text        NOT NULL,
    policy_version text        NOT NULL,
    comment        text        NOT NULL DEFAULT '',
    found_at       timestamptz NOT NULL,
    filed_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    decision       text        CONSTRAINT ck_report_decision CHECK (decision IN ('rule-is-wrong', 'rule-is-right')),
    note           text        NOT NULL DEFAULT '',
    decided_by     uuid,
    decided_at     timestamptz,
    CONSTRAINT ck_report_decided
    CHECK ((decision IS NULL) = (decided_at IS NULL) AND (decision IS NULL) = (decided_by IS NULL)),
    CONSTRAINT uq_report_message_id_turn_id_number UNIQUE (message_id, turn_id, number)
)
"""

_INDEXES = (
    "CREATE INDEX ix_report_open ON report (filed_at DESC, id DESC) WHERE decision IS NULL",
    "CREATE INDEX ix_report_decided ON report (filed_at DESC, id DESC) WHERE decision IS NOT NULL",
    "CREATE INDEX ix_report_rule_filed_at_id ON report (rule, filed_at DESC, id DESC)",
    "CREATE INDEX ix_report_found_at ON report (found_at)",
    "CREATE INDEX ix_report_thread_id ON report (thread_id)",
    "CREATE INDEX ix_report_person_id_filed_at ON report (person_id, filed_at)",
)


def upgrade() -> None:
    """Create the table; the application may use it by the default privileges of revision 0001."""
    for statement in (_REPORT, *_INDEXES):
        op.execute(statement)
