"""Seals over the audit log: signed heads of a Merkle tree, its full tiles, what witnesses say. Added to, and read.

Source: https://c2sp.org/tlog-tiles (a full tile has 256 hashes and never changes), https://c2sp.org/tlog-checkpoint.
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# Which rows a batch has follows from the snapshots: those that this one sees and the one before did not see. `leaves`
# are those of the batch that no full tile holds. `signature` is over the whole row, `note` is what the world gets.
_HEAD = """
CREATE TABLE audit.head (
    batch     bigint      NOT NULL PRIMARY KEY CHECK (batch >= 0),
    era       smallint    NOT NULL,
    cluster   bigint      NOT NULL,
    snapshot  pg_snapshot NOT NULL,
    size      bigint      NOT NULL CHECK (size >= 0),
    rows      bytea       NOT NULL CHECK (octet_length(rows) = 32),
    leaves    bytea       NOT NULL CHECK (octet_length(leaves) < 8192 AND octet_length(leaves) % 32 = 0),
    sealed_at timestamptz NOT NULL,
    note      text        NOT NULL CHECK (octet_length(note) <= 4096),
    signature bytea       NOT NULL CHECK (octet_length(signature) = 64)
)
"""

_TILE = """
CREATE TABLE audit.tile (
    level  smallint NOT NULL CHECK (level >= 0),
    number bigint   NOT NULL CHECK (number >= 0),
    data   bytea    NOT NULL CHECK (octet_length(data) = 8192),
    PRIMARY KEY (level, number)
)
"""

_COSIGNATURE = """
CREATE TABLE audit.cosignature (
    size    bigint NOT NULL CHECK (size >= 0),
    witness text   NOT NULL CHECK (octet_length(witness) <= 256),
    line    text   NOT NULL CHECK (octet_length(line) <= 4096),
    PRIMARY KEY (size, witness)
)
"""

_INDEX = "CREATE INDEX head_by_size ON audit.head (size, batch)"

_TABLES = ("head", "tile", "cosignature")

# Hashes do not become smaller, and a tile that is tried costs more than one that is stored as it is.
_STORAGE = ("ALTER TABLE audit.tile ALTER COLUMN data SET STORAGE EXTERNAL",)


def _triggers(table: str) -> tuple[str, ...]:
    """Refuse changes as revision 0002 does for events: ALWAYS, so also where ordinary triggers are silenced."""
    return (
        f"""CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON audit.{table}
            FOR EACH ROW EXECUTE FUNCTION audit.refuse_change()""",
        f"ALTER TABLE audit.{table} ENABLE ALWAYS TRIGGER refuse_change",
        f"""CREATE TRIGGER refuse_statement BEFORE UPDATE OR DELETE OR TRUNCATE ON audit.{table}
            FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change()""",
        f"ALTER TABLE audit.{table} ENABLE ALWAYS TRIGGER refuse_statement",
    )


# Transaction numbers mean something on one server only. After a restore to another one, rows get the next era.
_CURRENT_ERA = """
CREATE FUNCTION audit.current_era() RETURNS smallint LANGUAGE sql STABLE SET search_path = '' AS $$
    SELECT trim(BOTH '''' FROM split_part(pg_catalog.pg_get_expr(d.adbin, d.adrelid), '::', 1))::smallint
    FROM pg_catalog.pg_attrdef d JOIN pg_catalog.pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
    WHERE d.adrelid = 'audit.event'::regclass AND a.attname = 'era'
$$
"""
_BEGIN_ERA = """
CREATE FUNCTION audit.begin_era() RETURNS smallint LANGUAGE plpgsql SET search_path = '' AS $$
DECLARE
    new_era smallint := 1 + (SELECT coalesce(max(era), 0) FROM (
        SELECT era FROM audit.event UNION ALL SELECT era FROM audit.head) known);
BEGIN
    EXECUTE format('ALTER TABLE audit.event ALTER COLUMN era SET DEFAULT %s', new_era);
    RETURN new_era;
END $$
"""

_RIGHTS = (
    "REVOKE ALL ON FUNCTION audit.current_era(), audit.begin_era() FROM PUBLIC",
    "GRANT USAGE ON SCHEMA audit TO cloister_audit_sealer",
    "GRANT SELECT (id, era, xid, recorded_at, leaf) ON audit.event TO cloister_audit_sealer",
    "GRANT SELECT, INSERT ON audit.head, audit.tile, audit.cosignature TO cloister_audit_sealer",
    "GRANT EXECUTE ON FUNCTION audit.current_era() TO cloister_audit_sealer, cloister_audit_reader",
    "GRANT SELECT ON audit.head, audit.tile, audit.cosignature TO cloister_audit_reader",
)


def upgrade() -> None:
    """Create the seals as the log's owner; what is in the log already is sealed by the first batch."""
    for statement in (
        "SET LOCAL ROLE cloister_audit_owner",
        _HEAD,
        _TILE,
        _COSIGNATURE,
        _INDEX,
        *_STORAGE,
        *(statement for table in _TABLES for statement in _triggers(table)),
        _CURRENT_ERA,
        _BEGIN_ERA,
        *_RIGHTS,
        "RESET ROLE",
    ):
        op.execute(statement)
