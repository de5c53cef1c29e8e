"""What the model hosts did: how each is now, minute by minute, what administrators ordered, what was measured."""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_FLEET_HOST = """
CREATE TABLE fleet_host (
    host    text        NOT NULL,
    seen_at timestamptz NOT NULL,
    place   integer     NOT NULL,
    sample  jsonb       NOT NULL,
    CONSTRAINT pk_fleet_host PRIMARY KEY (host)
)
"""

_FLEET_SAMPLE = """
CREATE TABLE fleet_sample (
    host              text             NOT NULL,
    taken_at          timestamptz      NOT NULL,
    is_up             boolean          NOT NULL,
    is_drained        boolean          NOT NULL,
    in_flight         integer          NOT NULL,
    waiting           integer          NOT NULL,
    tokens_per_second double precision NOT NULL,
    memory_bytes      bigint           NOT NULL,
    note              text             NOT NULL DEFAULT '',
    CONSTRAINT pk_fleet_sample PRIMARY KEY (host, taken_at)
)
"""

_FLEET_ORDER = """
CREATE TABLE fleet_order (
    id           uuid             NOT NULL,
    requested_by uuid             NOT NULL,
    requested_at timestamptz      NOT NULL DEFAULT clock_timestamp(),
    act          text             NOT NULL,
    host         text             NOT NULL,
    model        text             NOT NULL DEFAULT '',
    state        text             NOT NULL DEFAULT 'waiting',
    seen_at      timestamptz,
    progress     text             NOT NULL DEFAULT '',
    share        double precision,
    trouble      text             NOT NULL DEFAULT '',
    CONSTRAINT pk_fleet_order PRIMARY KEY (id),
    CONSTRAINT ck_fleet_order_state CHECK (state IN ('waiting', 'running', 'done', 'failed')),
    CONSTRAINT ck_fleet_order_act CHECK (act IN ('drain', 'undrain', 'load', 'unload', 'pull')),
    CONSTRAINT ck_fleet_order_model CHECK ((act IN ('drain', 'undrain')) = (model = ''))
)
"""

_FLEET_BENCH = """
CREATE TABLE fleet_bench (
    host                    text             NOT NULL,
    model                   text             NOT NULL,
    measured_at             timestamptz      NOT NULL DEFAULT clock_timestamp(),
    prompt_tokens           integer          NOT NULL,
    answer_tokens           integer          NOT NULL,
    first_token_seconds     double precision NOT NULL,
    reading_per_second      double precision NOT NULL,
    writing_per_second      double precision NOT NULL,
    reading_bound           double precision NOT NULL DEFAULT 0,
    writing_bound           double precision NOT NULL DEFAULT 0,
    CONSTRAINT pk_fleet_bench PRIMARY KEY (host, model, measured_at)
)
"""

_INDEXES = (
    "CREATE INDEX ix_fleet_sample_taken_at ON fleet_sample (taken_at)",
    "CREATE INDEX ix_fleet_order_open ON fleet_order (requested_at) WHERE state IN ('waiting', 'running')",
    "CREATE INDEX ix_fleet_order_requested_at ON fleet_order (requested_at)",
)


def upgrade() -> None:
    """Create the tables; the application may use them by the default privileges of revision 0001."""
    for statement in (_FLEET_HOST, _FLEET_SAMPLE, _FLEET_ORDER, _FLEET_BENCH, *_INDEXES):
        op.execute(statement)
