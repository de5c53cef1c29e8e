"""The audit log: rows that are inserted once, and read, and nothing else.

Source: RFC 9562 section 5.7 (the first 48 bits of a version 7 id are milliseconds, so months are ranges of ids) and
RFC 6962 section 2.1 (`leaf` is the hash of a Merkle tree's leaf over the exact bytes of `body`).
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_SCHEMA = ("CREATE SCHEMA audit AUTHORIZATION cloister_audit_owner", "SET LOCAL ROLE cloister_audit_owner")

# `xid`, `recorded_at` and `era` are the server's word: the writer may not name them. Every other column repeats
# something of `body`, which alone is hashed, so that a verifier can derive it again.
_TABLE = """
CREATE TABLE audit.event (
    id          uuid        NOT NULL PRIMARY KEY,
    era         smallint    NOT NULL DEFAULT 0,
    xid         xid8        NOT NULL DEFAULT pg_current_xact_id(),
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    occurred_at timestamptz NOT NULL,
    type        text        NOT NULL,
    subject     uuid,
    actor       uuid,
    thread_id   uuid,
    turn_id     uuid,
    rule        text,
    severity    smallint,
    model       text,
    content_id  uuid,
    body        bytea       NOT NULL CHECK (octet_length(body) <= 16384),
    leaf        bytea       NOT NULL CHECK (octet_length(leaf) = 32)
) PARTITION BY RANGE (id)
"""

_INDEXES = (
    "CREATE INDEX event_by_transaction ON audit.event (era, xid, id)",
    "CREATE INDEX event_by_subject ON audit.event (subject, id) WHERE subject IS NOT NULL",
    "CREATE INDEX event_by_thread ON audit.event (thread_id, id) WHERE thread_id IS NOT NULL",
    "CREATE INDEX event_by_type ON audit.event (type, id)",
    "CREATE INDEX event_by_rule ON audit.event (rule, id) WHERE rule IS NOT NULL",
    # What somebody did to somebody else; what people do to themselves is found by subject.
    "CREATE INDEX event_by_other_actor ON audit.event (actor, id) WHERE actor IS DISTINCT FROM subject",
    # The last 32 bits find a turn by its id, and by the short reference that a person reads from the page.
    "CREATE INDEX event_by_turn ON audit.event (right(turn_id::text, 8), id) WHERE turn_id IS NOT NULL",
    "CREATE INDEX event_by_recorded_at ON audit.event USING brin (recorded_at)",
)

_REFUSAL = """
CREATE FUNCTION audit.refuse_change() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    RAISE EXCEPTION 'The audit log is only ever added to: % of % is refused.', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$
"""

# ALWAYS: also when somebody sets session_replication_role to replica, which silences ordinary triggers.
# Postgres copies a row trigger to every partition, and no statement trigger: those are created one by one.
_PARENT_TRIGGERS = (
    """CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON audit.event
       FOR EACH ROW EXECUTE FUNCTION audit.refuse_change()""",
    "ALTER TABLE audit.event ENABLE ALWAYS TRIGGER refuse_change",
    """CREATE TRIGGER refuse_statement BEFORE UPDATE OR DELETE OR TRUNCATE ON audit.event
       FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change()""",
    "ALTER TABLE audit.event ENABLE ALWAYS TRIGGER refuse_statement",
)

# Built beside the log and attached: that waits for no insert, whereas `CREATE TABLE … PARTITION OF` locks all out.
_ADD_PARTITION = """
CREATE FUNCTION audit.add_partition(name text, bounds text) RETURNS void LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    EXECUTE format('CREATE TABLE audit.%I (LIKE audit.event INCLUDING ALL)', name);
    EXECUTE format('ALTER TABLE audit.event ATTACH PARTITION audit.%I %s', name, bounds);
    EXECUTE format('CREATE TRIGGER refuse_statement BEFORE UPDATE OR DELETE OR TRUNCATE ON audit.%I'
                   ' FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change()', name);
    EXECUTE format('ALTER TABLE audit.%I ENABLE ALWAYS TRIGGER refuse_statement', name);
    EXECUTE format('ALTER TABLE audit.%I ENABLE ALWAYS TRIGGER refuse_change', name);
END $$
"""

# The one thing the writer may do besides inserting: ask for empty months ahead, at most two years.
# A month whose rows already lie in the default partition stays there: late, never lost.
_ENSURE_PARTITIONS = """
CREATE FUNCTION audit.ensure_partitions(months integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' SET lock_timeout = '2s' AS $$
DECLARE
    first_month timestamp := date_trunc('month', clock_timestamp() AT TIME ZONE 'UTC');
    month timestamp;
    name text;
    added integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('cloister audit partitions', 0));
    FOR ahead IN 0 .. least(months, 24) - 1 LOOP
        month := first_month + make_interval(months => ahead);
        name := 'event_' || to_char(month, 'YYYY_MM');
        CONTINUE WHEN to_regclass(format('audit.%I', name)) IS NOT NULL;
        BEGIN
            PERFORM audit.add_partition(name, format('FOR VALUES FROM (%L) TO (%L)',
                audit.first_id(month), audit.first_id(month + interval '1 month')));
            added := added + 1;
        EXCEPTION WHEN check_violation THEN
            RAISE WARNING 'The audit events of % lie in the default partition.', to_char(month, 'YYYY-MM');
        END;
    END LOOP;
    RETURN added;
END $$
"""

_FIRST_ID = """
CREATE FUNCTION audit.first_id(moment timestamp) RETURNS uuid
LANGUAGE sql IMMUTABLE SET search_path = '' AS $$
    SELECT rpad(lpad(to_hex((extract(epoch FROM moment) * 1000)::bigint), 12, '0'), 32, '0')::uuid
$$
"""

_COLUMNS = "id, occurred_at, type, subject, actor, thread_id, turn_id, rule, severity, model, content_id, body, leaf"

_RIGHTS = (
    "REVOKE ALL ON ALL FUNCTIONS IN SCHEMA audit FROM PUBLIC",
    "GRANT USAGE ON SCHEMA audit TO cloister_audit_writer, cloister_audit_reader",
    f"GRANT INSERT ({_COLUMNS}) ON audit.event TO cloister_audit_writer",
    "GRANT EXECUTE ON FUNCTION audit.ensure_partitions(integer) TO cloister_audit_writer",
    "GRANT SELECT ON audit.event TO cloister_audit_reader",
)


def upgrade() -> None:
    """Create the log as its own owner, with the rights of the writer and the reader."""
    for statement in (
        *_SCHEMA,
        _TABLE,
        *_INDEXES,
        _REFUSAL,
        *_PARENT_TRIGGERS,
        _ADD_PARTITION,
        _FIRST_ID,
        _ENSURE_PARTITIONS,
        "SELECT audit.add_partition('event_default', 'DEFAULT')",
        *_RIGHTS,
        "RESET ROLE",
    ):
        op.execute(statement)
