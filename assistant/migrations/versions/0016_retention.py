"""Retention: months whose time is over lose what their events say; where each event stands in the tree stays.

What is left of an event is its place and its leaf, so that the whole tree is still derived and checked. Events that
later ones rest on stay whole: they move to the default partition.
"""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_STUB = """
CREATE TABLE audit.stub (
    id          uuid        NOT NULL PRIMARY KEY,
    era         smallint    NOT NULL,
    xid         xid8        NOT NULL,
    recorded_at timestamptz NOT NULL,
    leaf        bytea       NOT NULL CHECK (octet_length(leaf) = 32)
)
"""
_INDEX = "CREATE INDEX stub_by_transaction ON audit.stub (era, xid, id)"
_TRIGGERS = (
    """CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON audit.stub
       FOR EACH ROW EXECUTE FUNCTION audit.refuse_change()""",
    "ALTER TABLE audit.stub ENABLE ALWAYS TRIGGER refuse_change",
    """CREATE TRIGGER refuse_statement BEFORE UPDATE OR DELETE OR TRUNCATE ON audit.stub
       FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change()""",
    "ALTER TABLE audit.stub ENABLE ALWAYS TRIGGER refuse_statement",
)

# Every event that was ever sealed or waits for it, with or without a body.
_PLACE = """
CREATE VIEW audit.place AS
    SELECT id, era, xid, recorded_at, occurred_at, type, subject, actor, thread_id, turn_id, rule, severity, model,
        host, persona, content_id, body, leaf FROM audit.event
    UNION ALL SELECT id, era, xid, recorded_at, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
        NULL, NULL, NULL, leaf FROM audit.stub
"""

# On these rests what holds for the log since: keys, eras, what was erased, dropped or held.
_STAYS = """
CREATE FUNCTION audit.stays(type text) RETURNS boolean LANGUAGE sql IMMUTABLE SET search_path = '' AS $$
    SELECT type = ANY ('{key:rotated,log:restored,text:dropped,retention:executed,hold:placed,hold:released,
        erasure:requested,erasure:approved,erasure:denied,erasure:executed}'::text[])
$$
"""

# Everything that takes long is done while inserts go on, also into other months; the log is locked for the last three
# statements only, and given up on if somebody reads it for longer than a person would wait for an answer.
# `expected`: how many events the signed event speaks of; one that came late makes it another number, and nothing goes.
_DROP_MONTH = """
CREATE FUNCTION audit.drop_month(month text, keep_days integer, expected bigint, entry jsonb) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' SET lock_timeout = '2s' AS $$
DECLARE
    last_moment timestamptz := clock_timestamp() - make_interval(days => keep_days);
    name text := 'event_' || replace(month, '-', '_');
    columns text := 'id, era, xid, recorded_at, occurred_at, type, subject, actor, thread_id, turn_id, rule, severity, '
        'model, host, persona, content_id, body, leaf';
    last_head audit.head;
    found bigint;
BEGIN
    PERFORM audit.one_at_a_time();
    IF keep_days IS NULL OR keep_days < 183 THEN
        RAISE EXCEPTION 'Events are kept for 183 days at least.' USING ERRCODE = 'check_violation';
    END IF;
    IF month !~ '^[0-9]{4}-[0-9]{2}$' OR to_regclass(format('audit.%I', name)) IS NULL THEN
        RAISE EXCEPTION 'There is no such month.' USING ERRCODE = 'no_data_found';
    END IF;
    IF (month || '-01')::date + interval '1 month' > last_moment AT TIME ZONE 'UTC' THEN
        RAISE EXCEPTION 'The time of this month is not over.' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    EXECUTE format('LOCK TABLE audit.%I IN SHARE MODE', name);
    SELECT * INTO last_head FROM audit.head WHERE sealed_at <= last_moment ORDER BY batch DESC LIMIT 1;
    EXECUTE format('SELECT count(*) FROM audit.%I WHERE $1.batch IS NULL OR recorded_at > $2 OR era > $1.era'
        ' OR (era = $1.era AND NOT pg_visible_in_snapshot(xid, $1.snapshot))', name)
        INTO found USING last_head, last_moment;
    IF found > 0 THEN
        RAISE EXCEPTION 'Events of this month were recorded or sealed later than that.'
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    EXECUTE format('SELECT count(*) FROM audit.%I e JOIN audit.hold h ON h.released_at IS NULL AND ('
        'h.scope = ''thread'' AND h.subject_id = e.thread_id'
        ' OR h.scope = ''person'' AND h.subject_id IN (e.actor, e.subject))', name) INTO found;
    IF found > 0 THEN
        RAISE EXCEPTION 'A legal hold forbids it.' USING ERRCODE = 'object_in_use';
    END IF;
    EXECUTE format('INSERT INTO audit.stub SELECT id, era, xid, recorded_at, leaf FROM audit.%I'
        ' WHERE NOT audit.stays(type)', name);
    GET DIAGNOSTICS found = ROW_COUNT;
    IF found <> expected THEN
        RAISE EXCEPTION 'An event came in between.' USING ERRCODE = 'serialization_failure';
    END IF;
    PERFORM set_config('cloister.erasing', 'on', true);
    EXECUTE format('DELETE FROM audit.search s USING audit.%I e WHERE s.event_id = e.id', name);
    EXECUTE format('DELETE FROM audit.content c USING audit.%I e WHERE c.id = e.content_id', name);
    PERFORM set_config('cloister.erasing', '', true);
    EXECUTE format('ALTER TABLE audit.event DETACH PARTITION audit.%I', name);
    EXECUTE format('INSERT INTO audit.event (%1$s) SELECT %1$s FROM audit.%2$I WHERE audit.stays(type)', columns, name);
    EXECUTE format('DROP TABLE audit.%I', name);
    PERFORM audit.add_event(entry, 'retention:executed', NULL);
    RETURN found;
END $$
"""

_RIGHTS = (
    "REVOKE ALL ON FUNCTION audit.stays(text), audit.drop_month(text, integer, bigint, jsonb) FROM PUBLIC",
    "GRANT EXECUTE ON FUNCTION audit.stays(text) TO cloister_audit_reader",
    "GRANT EXECUTE ON FUNCTION audit.drop_month(text, integer, bigint, jsonb) TO cloister_audit_eraser",
    "GRANT SELECT ON audit.stub, audit.place TO cloister_audit_reader",
)


def upgrade() -> None:
    """Create what is left of dropped events, and the function that drops, as the log's owner."""
    for statement in (
        "SET LOCAL ROLE cloister_audit_owner",
        _STUB,
        _INDEX,
        *_TRIGGERS,
        _PLACE,
        _STAYS,
        _DROP_MONTH,
        *_RIGHTS,
        "RESET ROLE",
    ):
        op.execute(statement)
