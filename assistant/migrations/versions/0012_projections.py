"""What is made of the sealed log for searching and for charts: blind words of texts, and tallies. Can be made anew."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

# Up to which head the projections say what the log says; changed in the transaction that adds to them.
_PROJECTION = """
CREATE TABLE audit.projection (
    is_only boolean     NOT NULL DEFAULT true PRIMARY KEY CHECK (is_only),
    batch   bigint      NOT NULL,
    until   timestamptz
)
"""
_BEGIN = "INSERT INTO audit.projection (batch) VALUES (-1)"

# `words` are keyed hashes, without order and number: who has the database and not the master key reads no word.
_SEARCH = """
CREATE TABLE audit.search (
    event_id  uuid     NOT NULL PRIMARY KEY,
    thread_id uuid     NOT NULL,
    words     bigint[] NOT NULL
)
"""

# Under an empty rule each event counts once; under the rules that held something back, once for each of them.
_TALLY = """
CREATE TABLE audit.tally (
    day      date     NOT NULL,
    type     text     NOT NULL,
    rule     text     NOT NULL,
    model    text     NOT NULL,
    host     text     NOT NULL,
    persona  text     NOT NULL,
    severity smallint NOT NULL,
    events   bigint   NOT NULL,
    findings bigint   NOT NULL,
    PRIMARY KEY (day, type, rule, model, host, persona, severity)
)
"""
_INDEXES = (
    # Added to every few seconds and read as often: a list of pending entries would be searched each time.
    "CREATE INDEX search_by_words ON audit.search USING gin (words) WITH (fastupdate = off)",
    "CREATE INDEX search_by_thread ON audit.search (thread_id)",
    # So that the server knows ten thousand words as common. For the others it reads the index of words; with the usual
    # thousand it takes rare ones for common and goes through the texts from the newest on: 320 ms instead of 1.
    "ALTER TABLE audit.search ALTER COLUMN words SET STATISTICS 1000",
)

# One projector at a time; and whoever erases a text waits for it, so that no word comes back afterwards.
_LOCK = """
CREATE FUNCTION audit.projection_lock() RETURNS bigint LANGUAGE sql IMMUTABLE SET search_path = '' AS $$
    SELECT hashtextextended('cloister audit projections', 0)
$$
"""

_TABLES = "audit.search, audit.tally"
_RIGHTS = (
    "REVOKE ALL ON FUNCTION audit.projection_lock() FROM PUBLIC",
    "GRANT USAGE ON SCHEMA audit TO cloister_audit_projector",
    "GRANT EXECUTE ON FUNCTION audit.projection_lock() TO cloister_audit_projector",
    "GRANT SELECT ON audit.event, audit.head, audit.content, audit.dek TO cloister_audit_projector",
    f"GRANT SELECT, INSERT, UPDATE, DELETE ON {_TABLES} TO cloister_audit_projector",
    "GRANT SELECT, UPDATE ON audit.projection TO cloister_audit_projector",
    f"GRANT SELECT ON audit.projection, {_TABLES} TO cloister_audit_reader",
)


def upgrade() -> None:
    """Create the projections as the log's owner; the projector fills them from the log's first batch on."""
    for statement in (
        "SET LOCAL ROLE cloister_audit_owner",
        _PROJECTION,
        _BEGIN,
        _SEARCH,
        _TALLY,
        *_INDEXES,
        _LOCK,
        *_RIGHTS,
        "RESET ROLE",
    ):
        op.execute(statement)
