"""Identity: people, their sessions, and the brake on guessing passwords."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_PERSON = """
CREATE TABLE person (
    id            uuid        NOT NULL CONSTRAINT pk_person PRIMARY KEY,
    name          text        NOT NULL CONSTRAINT uq_person_name UNIQUE
                  CONSTRAINT ck_person_name_is_lower CHECK (name = lower(name)),
    display_name  text        NOT NULL,
    password_hash text        NOT NULL,
    roles         text[]      NOT NULL,
    is_disabled   boolean     NOT NULL DEFAULT false,
    session_epoch bigint      NOT NULL DEFAULT 0,
    created_at    timestamptz NOT NULL DEFAULT now()
)
"""

_SESSION = """
CREATE TABLE session (
    id           bytea       NOT NULL CONSTRAINT pk_session PRIMARY KEY,
    person_id    uuid        NOT NULL CONSTRAINT fk_session_person_id_person REFERENCES person ON DELETE CASCADE,
    epoch        bigint      NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    last_seen_at timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL,
    revoked_at   timestamptz
)
"""

_SIGN_IN_ATTEMPT = """
CREATE TABLE sign_in_attempt (
    key            bytea       NOT NULL CONSTRAINT pk_sign_in_attempt PRIMARY KEY,
    attempts       integer     NOT NULL,
    window_ends_at timestamptz NOT NULL
)
"""

_INDEXES = (
    "CREATE INDEX ix_session_person_id ON session (person_id)",
    "CREATE INDEX ix_sign_in_attempt_window_ends_at ON sign_in_attempt (window_ends_at)",
)


def upgrade() -> None:
    """Create the tables of people and sessions."""
    for statement in (_PERSON, _SESSION, _SIGN_IN_ATTEMPT, *_INDEXES):
        op.execute(statement)
