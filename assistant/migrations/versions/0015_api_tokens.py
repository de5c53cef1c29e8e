"""API tokens for editors and scripts: hashes alone, with owner, scopes and expiry."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_TABLE = """
CREATE TABLE api_token (
    id           uuid        NOT NULL CONSTRAINT pk_api_token PRIMARY KEY,
    digest       bytea       NOT NULL CONSTRAINT uq_api_token_digest UNIQUE,
    person_id    uuid        NOT NULL CONSTRAINT fk_api_token_person_id_person REFERENCES person ON DELETE CASCADE,
    epoch        bigint      NOT NULL,
    label        text        NOT NULL,
    scopes       text[]      NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL,
    last_used_at timestamptz,
    revoked_at   timestamptz
)
"""


def upgrade() -> None:
    """Create the table; the application may use it by the default privileges of revision 0001."""
    op.execute(_TABLE)
    op.execute("CREATE INDEX ix_api_token_person_id ON api_token (person_id)")
