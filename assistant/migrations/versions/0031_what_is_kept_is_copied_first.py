"""Retention holds no writer while it copies what is kept of a month, and reaches what lies in no month's own table.

Whoever may write events may fill an old month with them. They were copied while nobody could write to the log. Now
they are copied beside it first; under the lock only what came in between, and of that no more than a batch. An event
whose month has no table lies in the default partition: that one is treated like a month's, for one month at a time.
"""

from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

# A function, so that what is promised about the lock can be tried with fewer rows.
_MOST = """
CREATE FUNCTION audit.most_under_lock() RETURNS integer LANGUAGE sql IMMUTABLE SET search_path = '' AS $$
    SELECT 10000
$$
"""

# For who lists what is due: only where something is, or young events of many months would hide it. Ids that claim a
# time after the year 9998 are of no month.
_MONTHS_APART = """
CREATE FUNCTION audit.months_apart(keep_days integer, most integer) RETURNS TABLE (month text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
    SELECT DISTINCT to_char(to_timestamp(
        ('x0000' || left(replace(e.id::text, '-', ''), 12))::bit(64)::bigint / 1000.0) AT TIME ZONE 'UTC', 'YYYY-MM')
    FROM audit.event_default e, (SELECT h.era, h.snapshot FROM audit.head h
        WHERE h.sealed_at <= clock_timestamp() - make_interval(days => keep_days) ORDER BY h.batch DESC LIMIT 1) h
    WHERE NOT audit.stays(e.type) AND e.id < audit.first_id('9999-01-01')
        AND (e.era < h.era OR e.era = h.era AND pg_visible_in_snapshot(e.xid, h.snapshot))
    ORDER BY 1 LIMIT most
$$
"""

# `kept`: of the row, whether it stays; with $1, the newest head that is old enough, and $2, what was copied before.
_COPY_KEPT = """
CREATE FUNCTION audit.copy_kept(source text, kept text, last_head audit.head, since pg_snapshot, most bigint)
RETURNS bigint LANGUAGE plpgsql SET search_path = '' AS $$
DECLARE
    columns text := 'id, era, xid, recorded_at, occurred_at, type, subject, actor, thread_id, turn_id, rule, severity, '
        'model, host, persona, content_id, body, leaf';
    is_new text := '';
    copied bigint;
BEGIN
    IF since IS NOT NULL THEN
        is_new := format('e.era = %s AND e.xid >= pg_snapshot_xmin($2) AND NOT pg_visible_in_snapshot(e.xid, $2) AND ',
            audit.current_era());
    END IF;
    EXECUTE format('INSERT INTO audit.event_kept (%1$s) SELECT %1$s FROM audit.%2$I e WHERE %3$s%4$s LIMIT %5$s'
        ' ON CONFLICT DO NOTHING', columns, source, is_new, kept, most) USING last_head, since;
    GET DIAGNOSTICS copied = ROW_COUNT;
    RETURN copied;
END $$
"""

# Takes the old table out of the log and puts what is kept in its place: into the default partition, where later events
# find what they rest on, or as a table of its own, if there is more of it or if some of it will go some day.
_PUT_BACK = """
CREATE FUNCTION audit.put_back(source text, bounds text, is_table boolean) RETURNS void
LANGUAGE plpgsql SET search_path = '' AS $$
DECLARE
    columns text := 'id, era, xid, recorded_at, occurred_at, type, subject, actor, thread_id, turn_id, rule, severity, '
        'model, host, persona, content_id, body, leaf';
BEGIN
    EXECUTE format('ALTER TABLE audit.event DETACH PARTITION audit.%I', source);
    EXECUTE format('DROP TABLE audit.%I', source);
    IF NOT is_table THEN
        EXECUTE format('INSERT INTO audit.event (%1$s) SELECT %1$s FROM audit.event_kept', columns);
        DROP TABLE audit.event_kept;
        RETURN;
    END IF;
    EXECUTE format('ALTER TABLE audit.event ATTACH PARTITION audit.event_kept %s', bounds);
    ALTER TABLE audit.event_kept DROP CONSTRAINT IF EXISTS kept_of_month;
    ALTER TABLE audit.event_kept ENABLE ALWAYS TRIGGER refuse_change;
    ALTER TABLE audit.event_kept ENABLE ALWAYS TRIGGER refuse_textless;
    EXECUTE format('ALTER TABLE audit.event_kept RENAME TO %I', source);
END $$
"""

_MAKE_KEPT = """
CREATE FUNCTION audit.make_kept(first uuid, past uuid) RETURNS void
LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    CREATE TABLE audit.event_kept (LIKE audit.event INCLUDING ALL);
    IF first IS NOT NULL THEN  -- so that nobody waits while it is looked at whether its rows are of the month
        EXECUTE format('ALTER TABLE audit.event_kept ADD CONSTRAINT kept_of_month'
            ' CHECK (id >= %L::uuid AND id < %L::uuid)', first, past);
    END IF;
    CREATE TRIGGER refuse_statement BEFORE UPDATE OR DELETE OR TRUNCATE ON audit.event_kept
        FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change();
    ALTER TABLE audit.event_kept ENABLE ALWAYS TRIGGER refuse_statement;
END $$
"""

_DROP_MONTH = """
CREATE OR REPLACE FUNCTION audit.drop_month(wanted_id uuid) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' SET lock_timeout = '2s' AS $$
DECLARE
    wanted audit.drop_order;
    first_day timestamp;
    first uuid;
    past uuid;
    last_moment timestamptz;
    source text;
    is_apart boolean;
    late text := '(e.era > $1.era OR e.era = $1.era AND NOT pg_visible_in_snapshot(e.xid, $1.snapshot))';
    old text;
    kept text;
    last_head audit.head;
    found bigint;
    copied bigint;
    came bigint;
    has_late boolean;
    before pg_snapshot;
    since pg_snapshot;
BEGIN
    PERFORM audit.one_at_a_time();
    SELECT * INTO wanted FROM audit.drop_order o WHERE o.id = wanted_id
        AND o.ordered_at > clock_timestamp() - interval '1 hour';
    IF wanted.month IS NULL THEN
        RAISE EXCEPTION 'Nobody ordered that.' USING ERRCODE = 'no_data_found';
    END IF;
    first_day := (wanted.month || '-01')::date;
    first := audit.first_id(first_day);
    past := audit.first_id(first_day + interval '1 month');
    source := 'event_' || replace(wanted.month, '-', '_');
    is_apart := to_regclass(format('audit.%I', source)) IS NULL;
    IF is_apart THEN
        source := 'event_default';
    END IF;
    old := format('(NOT audit.stays(e.type) AND NOT %s AND e.id >= %L::uuid AND e.id < %L::uuid)', late, first, past);
    kept := 'NOT ' || old;
    last_moment := clock_timestamp() - make_interval(days => wanted.keep_days);
    IF wanted.keep_days < 183 THEN
        RAISE EXCEPTION 'Events are kept for 183 days at least.' USING ERRCODE = 'check_violation';
    END IF;
    IF is_apart AND NOT EXISTS (SELECT FROM audit.event_default e WHERE e.id >= first AND e.id < past) THEN
        RAISE EXCEPTION 'There is no such month.' USING ERRCODE = 'no_data_found';
    END IF;
    IF NOT is_apart AND first_day + interval '1 month' > last_moment AT TIME ZONE 'UTC' THEN
        RAISE EXCEPTION 'The time of this month is not over.' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    SELECT * INTO last_head FROM audit.head WHERE batch = wanted.batch AND sealed_at <= last_moment;
    IF last_head.batch IS NULL THEN
        RAISE EXCEPTION 'No head of that time is named.' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    -- What goes was sealed long ago and is the same for ever: nobody has to be kept from writing meanwhile.
    EXECUTE format('SELECT count(*) FROM audit.%I e JOIN audit.hold h ON h.released_at IS NULL AND ('
        'h.scope = ''thread'' AND h.subject_id = e.thread_id'
        ' OR h.scope = ''person'' AND h.subject_id IN (e.actor, e.subject)) WHERE %s', source, old)
        INTO found USING last_head;
    IF found > 0 THEN
        RAISE EXCEPTION 'A legal hold forbids it.' USING ERRCODE = 'object_in_use';
    END IF;
    PERFORM audit.make_kept(CASE WHEN is_apart THEN NULL ELSE first END, past);
    since := pg_current_snapshot();
    copied := audit.copy_kept(source, kept, last_head, NULL, 9223372036854775807);
    EXECUTE format('INSERT INTO audit.stub SELECT id, era, xid, recorded_at, leaf FROM audit.%I e WHERE %s',
        source, old) USING last_head;
    GET DIAGNOSTICS found = ROW_COUNT;
    IF found <> wanted.events THEN
        RAISE EXCEPTION 'Other events are old enough than were signed for.' USING ERRCODE = 'serialization_failure';
    END IF;
    PERFORM set_config('cloister.erasing', 'on', true);
    EXECUTE format('DELETE FROM audit.search s USING audit.%I e WHERE s.event_id = e.id AND %s', source, old)
        USING last_head;
    EXECUTE format('DELETE FROM audit.content c USING audit.%I e WHERE c.id = e.content_id AND %s', source, old)
        USING last_head;
    PERFORM set_config('cloister.erasing', '', true);
    FOR round IN 1 .. 20 LOOP  -- what came meanwhile, until little comes while it is copied
        before := since;
        since := pg_current_snapshot();
        came := audit.copy_kept(source, kept, last_head, before, 9223372036854775807);
        copied := copied + came;
        EXIT WHEN came <= audit.most_under_lock();
    END LOOP;
    EXECUTE format('SELECT EXISTS (SELECT FROM audit.event_kept e WHERE %s)', late) INTO has_late USING last_head;
    -- Before the lock, also where it may not be needed: what is dropped does not come back into it.
    CREATE TRIGGER refuse_dropped BEFORE INSERT ON audit.event_kept
        FOR EACH ROW EXECUTE FUNCTION audit.refuse_dropped();
    ALTER TABLE audit.event_kept ENABLE ALWAYS TRIGGER refuse_dropped;
    -- From here on nobody writes. The log first and alone: who writes holds it, and waits for nothing of ours.
    LOCK TABLE ONLY audit.event IN ACCESS EXCLUSIVE MODE;
    came := audit.copy_kept(source, kept, last_head, since, audit.most_under_lock() + 1);
    IF came > audit.most_under_lock() THEN
        RAISE EXCEPTION 'More events come into it than can be kept at once. Try again later.'
            USING ERRCODE = 'serialization_failure';
    END IF;
    PERFORM audit.put_back(source, CASE WHEN is_apart THEN 'DEFAULT' ELSE
        format('FOR VALUES FROM (%L) TO (%L)', first, past) END,
        is_apart OR has_late OR came > 0 OR copied > audit.most_under_lock());
    PERFORM audit.add_event(wanted.word, 'retention:executed', NULL);
    RETURN found;
END $$
"""
_FUNCTIONS = (
    "audit.most_under_lock(), audit.months_apart(integer, integer), audit.make_kept(uuid, uuid), "
    "audit.copy_kept(text, text, audit.head, pg_snapshot, bigint), audit.put_back(text, text, boolean)"
)
_RIGHTS = (
    "DROP FUNCTION audit.keep_rest(text, text, text, text, audit.head)",
    f"REVOKE ALL ON FUNCTION {_FUNCTIONS} FROM PUBLIC",
    "GRANT EXECUTE ON FUNCTION audit.months_apart(integer, integer) TO cloister_audit_reader",
)


def upgrade() -> None:
    """Replace the function that drops a month, as the log's owner."""
    for statement in (
        "SET LOCAL ROLE cloister_audit_owner",
        _MOST,
        _MONTHS_APART,
        _COPY_KEPT,
        _PUT_BACK,
        _MAKE_KEPT,
        _DROP_MONTH,
        *_RIGHTS,
        "RESET ROLE",
    ):
        op.execute(statement)
