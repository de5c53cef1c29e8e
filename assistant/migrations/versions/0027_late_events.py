"""An event that comes late keeps its month alive no more: what is old enough goes, by the head that sealed it.

Whoever may write events may give them an id of any month. What was sealed later stays whole, in a new table of its
month, until its own time is over. The order names the head, so that who signs and who drops mean the same events.
"""

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_ORDER = (
    "ALTER TABLE audit.drop_order ADD COLUMN batch bigint",
    "GRANT INSERT (batch) ON audit.drop_order TO cloister_audit_sealer",
)

# What stays of a month goes back into the log: into a new table of the month, if some of it came late and will go some
# day; else, as before, where later events find what they rest on. A month that has one knows what was dropped of it.
_KEEP_REST = """
CREATE FUNCTION audit.keep_rest(name text, bounds text, columns text, late text, last_head audit.head) RETURNS void
LANGUAGE plpgsql SET search_path = '' AS $$
DECLARE
    has_late boolean;
BEGIN
    EXECUTE format('SELECT EXISTS (SELECT FROM audit.%I WHERE %s)', name, late) INTO has_late USING last_head;
    EXECUTE format('ALTER TABLE audit.event DETACH PARTITION audit.%I', name);
    EXECUTE format('ALTER TABLE audit.%I RENAME TO event_dropped', name);
    IF has_late THEN
        PERFORM audit.add_partition(name, bounds);
        EXECUTE format('CREATE TRIGGER refuse_dropped BEFORE INSERT ON audit.%I'
            ' FOR EACH ROW EXECUTE FUNCTION audit.refuse_dropped()', name);
        EXECUTE format('ALTER TABLE audit.%I ENABLE ALWAYS TRIGGER refuse_dropped', name);
    END IF;
    EXECUTE format('INSERT INTO audit.event (%1$s) SELECT %1$s FROM audit.event_dropped'
        ' WHERE audit.stays(type) OR %2$s', columns, late) USING last_head;
    DROP TABLE audit.event_dropped;
END $$
"""

_DROP_MONTH = """
CREATE OR REPLACE FUNCTION audit.drop_month(wanted_id uuid) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' SET lock_timeout = '2s' AS $$
DECLARE
    wanted audit.drop_order;
    first_day timestamp;
    last_moment timestamptz;
    name text;
    bounds text;
    columns text := 'id, era, xid, recorded_at, occurred_at, type, subject, actor, thread_id, turn_id, rule, severity, '
        'model, host, persona, content_id, body, leaf';
    late text := '(era > $1.era OR era = $1.era AND NOT pg_visible_in_snapshot(xid, $1.snapshot))';
    old text := 'NOT audit.stays(type) AND NOT ' || late;
    last_head audit.head;
    found bigint;
BEGIN
    PERFORM audit.one_at_a_time();
    SELECT * INTO wanted FROM audit.drop_order o WHERE o.id = wanted_id
        AND o.ordered_at > clock_timestamp() - interval '1 hour';
    IF wanted.month IS NULL THEN
        RAISE EXCEPTION 'Nobody ordered that.' USING ERRCODE = 'no_data_found';
    END IF;
    first_day := (wanted.month || '-01')::date;
    name := 'event_' || replace(wanted.month, '-', '_');
    bounds := format('FOR VALUES FROM (%L) TO (%L)',
        audit.first_id(first_day), audit.first_id(first_day + interval '1 month'));
    last_moment := clock_timestamp() - make_interval(days => wanted.keep_days);
    IF wanted.keep_days < 183 THEN
        RAISE EXCEPTION 'Events are kept for 183 days at least.' USING ERRCODE = 'check_violation';
    END IF;
    IF to_regclass(format('audit.%I', name)) IS NULL THEN
        RAISE EXCEPTION 'There is no such month.' USING ERRCODE = 'no_data_found';
    END IF;
    IF first_day + interval '1 month' > last_moment AT TIME ZONE 'UTC' THEN
        RAISE EXCEPTION 'The time of this month is not over.' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    SELECT * INTO last_head FROM audit.head WHERE batch = wanted.batch AND sealed_at <= last_moment;
    IF last_head.batch IS NULL THEN
        RAISE EXCEPTION 'No head of that time is named.' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    EXECUTE format('LOCK TABLE audit.%I IN SHARE MODE', name);
    EXECUTE format('SELECT count(*) FROM audit.%I e JOIN audit.hold h ON h.released_at IS NULL AND ('
        'h.scope = ''thread'' AND h.subject_id = e.thread_id'
        ' OR h.scope = ''person'' AND h.subject_id IN (e.actor, e.subject)) WHERE %s', name, old)
        INTO found USING last_head;
    IF found > 0 THEN
        RAISE EXCEPTION 'A legal hold forbids it.' USING ERRCODE = 'object_in_use';
    END IF;
    EXECUTE format('INSERT INTO audit.stub SELECT id, era, xid, recorded_at, leaf FROM audit.%I WHERE %s', name, old)
        USING last_head;
    GET DIAGNOSTICS found = ROW_COUNT;
    IF found <> wanted.events THEN
        RAISE EXCEPTION 'Other events are old enough than were signed for.' USING ERRCODE = 'serialization_failure';
    END IF;
    PERFORM set_config('cloister.erasing', 'on', true);
    EXECUTE format('DELETE FROM audit.search s USING audit.%I e WHERE s.event_id = e.id AND %s', name, old)
        USING last_head;
    EXECUTE format('DELETE FROM audit.content c USING audit.%I e WHERE c.id = e.content_id AND %s', name, old)
        USING last_head;
    PERFORM set_config('cloister.erasing', '', true);
    PERFORM audit.keep_rest(name, bounds, columns, late, last_head);
    PERFORM audit.add_event(wanted.word, 'retention:executed', NULL);
    RETURN found;
END $$
"""


def upgrade() -> None:
    """Replace the function that drops a month, as the log's owner."""
    for statement in (
        "SET LOCAL ROLE cloister_audit_owner",
        *_ORDER,
        _KEEP_REST,
        "REVOKE ALL ON FUNCTION audit.keep_rest(text, text, text, text, audit.head) FROM PUBLIC",
        _DROP_MONTH,
        "RESET ROLE",
    ):
        op.execute(statement)
