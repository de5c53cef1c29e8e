"""The desk of compliance: hits, cases, samples, unmasking. What one person alone must not do, the tables refuse too."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_OPEN = "state IN ('new', 'in-review', 'needs-info', 'awaiting-second', 'reopened')"

_HIT = """
CREATE TABLE hit (
    event_id     uuid        NOT NULL,
    turn_id      uuid        NOT NULL,
    thread_id    uuid        NOT NULL,
    subject      uuid        NOT NULL,
    type         text        NOT NULL,
    rule         text        NOT NULL,
    severity     smallint    NOT NULL,
    occurred_at  timestamptz NOT NULL,
    due_at       timestamptz NOT NULL,
    state        text        NOT NULL DEFAULT 'new',
    disposition  text,
    assignee     uuid,
    proposed_by  uuid,
    decided_by   uuid,
    needs_second boolean     NOT NULL DEFAULT false,
    CONSTRAINT pk_hit PRIMARY KEY (event_id),
    CONSTRAINT ck_hit_state
    CHECK (state IN ('new', 'in-review', 'needs-info', 'awaiting-second', 'decided', 'closed', 'reopened')),
    CONSTRAINT ck_hit_disposition
    CHECK (disposition IN ('false-positive', 'benign', 'coaching', 'violation', 'incident')),
    CONSTRAINT ck_hit_decided
    CHECK ((state IN ('awaiting-second', 'decided', 'closed')) = (disposition IS NOT NULL)
    AND (disposition IS NULL) = (proposed_by IS NULL)
    AND (state IN ('decided', 'closed')) = (decided_by IS NOT NULL)),
    CONSTRAINT ck_hit_second
    CHECK (decided_by <> proposed_by OR NOT needs_second AND disposition NOT IN ('violation', 'incident')),
    CONSTRAINT ck_hit_own
    CHECK (subject IS DISTINCT FROM assignee
    AND subject IS DISTINCT FROM proposed_by
    AND subject IS DISTINCT FROM decided_by)
)
"""

_HITS_FOLLOWED = """
CREATE TABLE hits_followed (
    id    smallint NOT NULL DEFAULT 1,
    batch bigint   NOT NULL,
    CONSTRAINT pk_hits_followed PRIMARY KEY (id),
    CONSTRAINT ck_hits_followed_id CHECK (id = 1)
)
"""

_COMPLIANCE_CASE = """
CREATE TABLE compliance_case (
    id           uuid        NOT NULL,
    number       bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    title        text        NOT NULL,
    opened_by    uuid        NOT NULL,
    opened_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    due_at       timestamptz NOT NULL,
    state        text        NOT NULL DEFAULT 'new',
    disposition  text,
    assignee     uuid,
    proposed_by  uuid,
    decided_by   uuid,
    needs_second boolean     NOT NULL DEFAULT false,
    CONSTRAINT pk_compliance_case PRIMARY KEY (id),
    CONSTRAINT ck_compliance_case_state
    CHECK (state IN ('new', 'in-review', 'needs-info', 'awaiting-second', 'decided', 'closed', 'reopened')),
    CONSTRAINT ck_compliance_case_disposition
    CHECK (disposition IN ('false-positive', 'benign', 'coaching', 'violation', 'incident')),
    CONSTRAINT ck_compliance_case_decided
    CHECK ((state IN ('awaiting-second', 'decided', 'closed')) = (disposition IS NOT NULL)
    AND (disposition IS NULL) = (proposed_by IS NULL)
    AND (state IN ('decided', 'closed')) = (decided_by IS NOT NULL)),
    CONSTRAINT ck_compliance_case_second
    CHECK (decided_by <> proposed_by OR NOT needs_second AND disposition NOT IN ('violation', 'incident')),
    CONSTRAINT uq_compliance_case_number UNIQUE (number)
)
"""

_CASE_TURN = """
CREATE TABLE case_turn (
    case_id   uuid        NOT NULL,
    turn_id   uuid        NOT NULL,
    thread_id uuid        NOT NULL,
    subject   uuid        NOT NULL,
    added_by  uuid        NOT NULL,
    added_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT pk_case_turn PRIMARY KEY (case_id, turn_id),
    CONSTRAINT fk_case_turn_case_id_compliance_case FOREIGN KEY (case_id) REFERENCES compliance_case (id)
)
"""

_DESK_ENTRY = """
CREATE TABLE desk_entry (
    number      bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    case_id     uuid,
    hit_id      uuid,
    person_id   uuid        NOT NULL,
    step        text        NOT NULL,
    state       text        NOT NULL,
    disposition text,
    note        text        NOT NULL DEFAULT '',
    at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT pk_desk_entry PRIMARY KEY (number),
    CONSTRAINT ck_desk_entry_of_one CHECK ((case_id IS NULL) <> (hit_id IS NULL)),
    CONSTRAINT fk_desk_entry_case_id_compliance_case FOREIGN KEY (case_id) REFERENCES compliance_case (id),
    CONSTRAINT fk_desk_entry_hit_id_hit FOREIGN KEY (hit_id) REFERENCES hit (event_id)
)
"""

_SAMPLE = """
CREATE TABLE sample (
    id         uuid        NOT NULL,
    week       text        NOT NULL,
    population text        NOT NULL,
    wanted     integer     NOT NULL,
    first_leaf bigint      NOT NULL,
    end_leaf   bigint      NOT NULL,
    batch      bigint      NOT NULL,
    seed       bytea       NOT NULL,
    drawn_by   uuid        NOT NULL,
    drawn_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT pk_sample PRIMARY KEY (id),
    CONSTRAINT uq_sample_week_population_wanted UNIQUE (week, population, wanted)
)
"""

_SAMPLED = """
CREATE TABLE sampled (
    sample_id   uuid    NOT NULL,
    place       integer NOT NULL,
    leaf        bigint  NOT NULL,
    event_id    uuid    NOT NULL,
    turn_id     uuid,
    subject     uuid,
    disposition text,
    judged_by   uuid,
    CONSTRAINT pk_sampled PRIMARY KEY (sample_id, place),
    CONSTRAINT ck_sampled_disposition CHECK (disposition IN ('false-positive', 'benign', 'coaching')),
    CONSTRAINT ck_sampled_judged CHECK ((disposition IS NULL) = (judged_by IS NULL)),
    CONSTRAINT ck_sampled_own CHECK (subject IS DISTINCT FROM judged_by OR judged_by IS NULL),
    CONSTRAINT fk_sampled_sample_id_sample FOREIGN KEY (sample_id) REFERENCES sample (id)
)
"""

_UNMASK = """
CREATE TABLE unmask (
    id           uuid        NOT NULL,
    case_id      uuid        NOT NULL,
    turns        uuid[]      NOT NULL,
    subjects     uuid[]      NOT NULL,
    shows_names  boolean     NOT NULL,
    shows_values boolean     NOT NULL,
    reason       text        NOT NULL,
    minutes      integer     NOT NULL,
    requested_by uuid        NOT NULL,
    requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    is_emergency boolean     NOT NULL DEFAULT false,
    state        text        NOT NULL DEFAULT 'requested',
    answered_by  uuid,
    answer_note  text        NOT NULL DEFAULT '',
    granted_at   timestamptz,
    expires_at   timestamptz,
    views        integer     NOT NULL DEFAULT 0,
    reviewed_by  uuid,
    review_note  text        NOT NULL DEFAULT '',
    is_justified boolean,
    CONSTRAINT pk_unmask PRIMARY KEY (id),
    CONSTRAINT ck_unmask_state CHECK (state IN ('requested', 'granted', 'denied', 'expired')),
    CONSTRAINT ck_unmask_minutes CHECK (minutes BETWEEN 1 AND 60),
    CONSTRAINT ck_unmask_turns CHECK (cardinality(turns) BETWEEN 1 AND 50),
    CONSTRAINT ck_unmask_second CHECK (requested_by <> answered_by AND requested_by IS DISTINCT FROM reviewed_by),
    CONSTRAINT ck_unmask_own
    CHECK (requested_by <> ALL (subjects)
    AND (answered_by IS NULL OR answered_by <> ALL (subjects))
    AND (reviewed_by IS NULL OR reviewed_by <> ALL (subjects))),
    CONSTRAINT ck_unmask_granted CHECK (state <> 'granted' OR answered_by IS NOT NULL OR is_emergency),
    CONSTRAINT ck_unmask_expires CHECK ((granted_at IS NULL) = (expires_at IS NULL)),
    CONSTRAINT fk_unmask_case_id_compliance_case FOREIGN KEY (case_id) REFERENCES compliance_case (id)
)
"""

_UNMASK_NOTICE = """
CREATE TABLE unmask_notice (
    unmask_id    uuid        NOT NULL,
    subject      uuid        NOT NULL,
    due_at       timestamptz NOT NULL,
    delayed_by   uuid,
    delay_reason text        NOT NULL DEFAULT '',
    CONSTRAINT pk_unmask_notice PRIMARY KEY (unmask_id, subject),
    CONSTRAINT ck_unmask_notice_delay CHECK ((delayed_by IS NULL) = (delay_reason = '')),
    CONSTRAINT ck_unmask_notice_own CHECK (subject IS DISTINCT FROM delayed_by),
    CONSTRAINT fk_unmask_notice_unmask_id_unmask FOREIGN KEY (unmask_id) REFERENCES unmask (id)
)
"""

_PERSON_LOOKUP = """
CREATE TABLE person_lookup (
    id           uuid        NOT NULL,
    looked_up_by uuid        NOT NULL,
    subject      uuid,
    reason       text        NOT NULL,
    at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT pk_person_lookup PRIMARY KEY (id)
)
"""

_INDEXES = (
    f"CREATE INDEX ix_compliance_case_open ON compliance_case (number) WHERE {_OPEN}",
    f"CREATE INDEX ix_hit_open ON hit (due_at, event_id) WHERE {_OPEN}",
    f"CREATE INDEX ix_hit_open_assignee ON hit (assignee, due_at, event_id) WHERE {_OPEN}",
    f"CREATE INDEX ix_hit_open_rule ON hit (rule, due_at, event_id) WHERE {_OPEN}",
    f"CREATE INDEX ix_hit_open_severity ON hit (severity, due_at, event_id) WHERE {_OPEN}",
    "CREATE INDEX ix_hit_second ON hit (due_at, event_id) WHERE state = 'awaiting-second'",
    "CREATE INDEX ix_hit_turn_id ON hit (turn_id)",
    "CREATE INDEX ix_person_lookup_subject ON person_lookup (subject)",
    "CREATE INDEX ix_case_turn_subject ON case_turn (subject)",
    "CREATE INDEX ix_case_turn_turn_id ON case_turn (turn_id)",
    "CREATE INDEX ix_desk_entry_case_id ON desk_entry (case_id, number)",
    "CREATE INDEX ix_desk_entry_hit_id ON desk_entry (hit_id, number)",
    "CREATE INDEX ix_unmask_case_id ON unmask (case_id)",
    "CREATE INDEX ix_unmask_open ON unmask (requested_at) WHERE state IN ('requested', 'granted')",
    "CREATE UNIQUE INDEX ix_unmask_unreviewed ON unmask (requested_by) WHERE is_emergency AND reviewed_by IS NULL",
    "CREATE INDEX ix_unmask_notice_subject ON unmask_notice (subject, due_at)",
)

_TABLES = (
    _HIT,
    _HITS_FOLLOWED,
    _COMPLIANCE_CASE,
    _CASE_TURN,
    _DESK_ENTRY,
    _SAMPLE,
    _SAMPLED,
    _UNMASK,
    _UNMASK_NOTICE,
    _PERSON_LOOKUP,
)


def upgrade() -> None:
    """Create the tables; the application may use them by the default privileges of revision 0001."""
    for statement in (*_TABLES, *_INDEXES):
        op.execute(statement)
