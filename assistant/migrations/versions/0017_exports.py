"""Exports that somebody asked for: what, why, how far. The files lie in the data folder."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_LOG_EXPORT = """
CREATE TABLE log_export (
    id           uuid        NOT NULL,
    requested_by uuid        NOT NULL,
    requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    reason       text        NOT NULL,
    query        jsonb       NOT NULL,
    state        text        NOT NULL DEFAULT 'waiting',
    attempts     integer     NOT NULL DEFAULT 0,
    seen_at      timestamptz,
    looked_at    bigint      NOT NULL DEFAULT 0,
    to_look_at   bigint      NOT NULL DEFAULT 0,
    events       bigint      NOT NULL DEFAULT 0,
    zip_bytes    bigint      NOT NULL DEFAULT 0,
    sha256       text        NOT NULL DEFAULT '',
    file         text        NOT NULL DEFAULT '',
    trouble      text        NOT NULL DEFAULT '',
    expires_at   timestamptz,
    CONSTRAINT pk_log_export PRIMARY KEY (id),
    CONSTRAINT ck_log_export_state CHECK (state IN ('waiting', 'writing', 'ready', 'failed')),
    CONSTRAINT ck_log_export_ready
    CHECK ((state = 'ready') = (file <> '') AND (state = 'ready') = (expires_at IS NOT NULL))
)
"""

_INDEXES = (
    "CREATE INDEX ix_log_export_requested_by ON log_export (requested_by, requested_at)",
    "CREATE INDEX ix_log_export_open ON log_export (requested_at) WHERE state IN ('waiting', 'writing')",
)


def upgrade() -> None:
    """Create the table; the application may use it by the default privileges of revision 0001."""
    for statement in (_LOG_EXPORT, *_INDEXES):
        op.execute(statement)
