"""A share of the decisions of each week is read a second time, by somebody who does not see them."""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_DISPOSITIONS = "('false-positive', 'benign', 'coaching', 'violation', 'incident')"

_DIFFERING = "settled_by IS NULL AND disposition <> first_disposition"

_SECOND_LOOK_DRAW = """
CREATE TABLE second_look_draw (
    week      text        NOT NULL,
    percent   integer     NOT NULL,
    decisions bigint      NOT NULL,
    batch     bigint      NOT NULL,
    seed      bytea       NOT NULL,
    drawn_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT pk_second_look_draw PRIMARY KEY (week),
    CONSTRAINT ck_second_look_draw_percent CHECK (percent BETWEEN 1 AND 100)
)
"""

# Who reads is neither the person concerned nor one of those who decided; who settles is none of all these.
_SECOND_LOOK = f"""
CREATE TABLE second_look (
    decision_id       uuid        NOT NULL,
    week              text        NOT NULL,
    place             integer     NOT NULL,
    hit_id            uuid        NOT NULL,
    turn_id           uuid        NOT NULL,
    subject           uuid        NOT NULL,
    rule              text        NOT NULL,
    first_disposition text        NOT NULL,
    first_by          uuid        NOT NULL,
    confirmed_by      uuid,
    disposition       text,
    judged_by         uuid,
    judged_at         timestamptz,
    settled_as        text,
    settled_by        uuid,
    settle_note       text        NOT NULL DEFAULT '',
    CONSTRAINT pk_second_look PRIMARY KEY (decision_id),
    CONSTRAINT fk_second_look_week_second_look_draw FOREIGN KEY (week) REFERENCES second_look_draw (week),
    CONSTRAINT ck_second_look_disposition CHECK (disposition IN {_DISPOSITIONS}),
    CONSTRAINT ck_second_look_settled_as CHECK (settled_as IN {_DISPOSITIONS}),
    CONSTRAINT ck_second_look_judged
    CHECK ((disposition IS NULL) = (judged_by IS NULL) AND (judged_by IS NULL) = (judged_at IS NULL)),
    CONSTRAINT ck_second_look_settled
    CHECK ((settled_as IS NULL) = (settled_by IS NULL)
    AND (settled_by IS NULL) = (settle_note = '')
    AND (settled_by IS NULL OR disposition IS NOT NULL AND disposition <> first_disposition)),
    CONSTRAINT ck_second_look_blind
    CHECK (judged_by NOT IN (subject, first_by)
    AND judged_by IS DISTINCT FROM confirmed_by
    OR judged_by IS NULL),
    CONSTRAINT ck_second_look_third
    CHECK (settled_by NOT IN (subject, first_by, judged_by)
    AND settled_by IS DISTINCT FROM confirmed_by
    OR settled_by IS NULL)
)
"""

_INDEXES = (
    "CREATE INDEX ix_second_look_open ON second_look (week, place) WHERE judged_by IS NULL",
    "CREATE INDEX ix_second_look_open_turn_id ON second_look (turn_id) WHERE judged_by IS NULL",
    f"CREATE INDEX ix_second_look_differing ON second_look (judged_at) WHERE {_DIFFERING}",
    "CREATE INDEX ix_second_look_judged_by ON second_look (judged_by, judged_at)",
)


def upgrade() -> None:
    """Create the tables; the application may use them by the default privileges of revision 0001."""
    for statement in (_SECOND_LOOK_DRAW, _SECOND_LOOK, *_INDEXES):
        op.execute(statement)
