"""Locks that only who needs them can hold: on rows and tables, instead of on numbers that every role may lock.

Any role that signs in may call `pg_advisory_lock` with any number, and so held up erasures, new months, and the texts
of a conversation whose key's id it knew. Only who leads among sealers is left to a number, and they pass over others.
"""

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

# Whoever may only read takes a weaker lock, which this one does not wait for.
_ONE_AT_A_TIME = """
CREATE OR REPLACE FUNCTION audit.one_at_a_time() RETURNS void LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    LOCK TABLE audit.erasure IN SHARE ROW EXCLUSIVE MODE;
END $$
"""

# Held until the text is committed: whoever destroys the key waits for it, and what comes later finds no key.
_REQUIRE_KEY = """
CREATE OR REPLACE FUNCTION audit.require_key() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
    PERFORM FROM audit.dek d
        WHERE d.id = NEW.dek_id AND d.thread_id = NEW.thread_id AND d.destroyed_at IS NULL FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'The key of this text is gone or belongs to another conversation.'
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NEW;
END $$
"""
_CONVERSATION_KEY = """
CREATE OR REPLACE FUNCTION audit.conversation_key(thread uuid, person uuid, new_id uuid, new_wrapped bytea)
RETURNS TABLE (id uuid, person_id uuid, wrapped bytea)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY SELECT d.id, d.person_id, d.wrapped FROM audit.dek d
        WHERE d.thread_id = thread AND d.destroyed_at IS NULL;
    IF FOUND THEN
        RETURN;
    END IF;
    LOCK TABLE audit.dek IN ROW EXCLUSIVE MODE;  -- waits for whoever erases a person
    IF EXISTS (SELECT FROM audit.erasure e WHERE e.subject_id = person AND e.scope = 'person'
            AND e.state = 'executed') THEN
        RETURN;
    END IF;
    FOR attempt IN 1 .. 5 LOOP
        INSERT INTO audit.dek (id, thread_id, person_id, wrapped) VALUES (new_id, thread, person, new_wrapped)
            ON CONFLICT DO NOTHING;
        RETURN QUERY SELECT d.id, d.person_id, d.wrapped FROM audit.dek d
            WHERE d.thread_id = thread AND d.destroyed_at IS NULL;
        EXIT WHEN FOUND;
    END LOOP;
END $$
"""
_DESTROY = """
CREATE OR REPLACE FUNCTION audit.destroy_keys(wanted text, subject uuid) RETURNS bigint
LANGUAGE plpgsql SET search_path = '' AS $$
DECLARE
    keys uuid[] := ARRAY(SELECT d.id FROM audit.dek d WHERE d.destroyed_at IS NULL
        AND CASE wanted WHEN 'thread' THEN d.thread_id ELSE d.person_id END = subject ORDER BY d.id);
    texts bigint;
BEGIN
    PERFORM FROM audit.projection FOR UPDATE;
    PERFORM FROM audit.dek WHERE id = ANY(keys) ORDER BY id FOR UPDATE;  -- waits for texts on their way
    PERFORM set_config('cloister.erasing', 'on', true);
    UPDATE audit.dek SET wrapped = NULL, destroyed_at = clock_timestamp() WHERE id = ANY(keys);
    DELETE FROM audit.search s USING audit.dek d WHERE d.id = ANY(keys) AND s.thread_id = d.thread_id;
    DELETE FROM audit.content WHERE dek_id = ANY(keys);
    GET DIAGNOSTICS texts = ROW_COUNT;
    PERFORM set_config('cloister.erasing', '', true);
    RETURN texts;
END $$
"""
_EXECUTE = """
CREATE OR REPLACE FUNCTION audit.execute_erasure(request uuid) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' SET lock_timeout = '10s' AS $$
DECLARE
    wanted audit.erasure;
    texts bigint;
BEGIN
    PERFORM audit.one_at_a_time();
    SELECT * INTO wanted FROM audit.erasure WHERE id = request AND state = 'approved';
    IF NOT FOUND THEN
        RAISE EXCEPTION 'Nobody agreed to this, or it is done.' USING ERRCODE = 'no_data_found';
    END IF;
    PERFORM audit.require_possible(wanted);
    UPDATE audit.erasure SET state = 'executed' WHERE id = request;
    PERFORM FROM audit.projection FOR UPDATE;
    IF wanted.scope = 'thread' THEN
        PERFORM public.erase_thread(wanted.subject_id);
    ELSE
        LOCK TABLE audit.dek IN SHARE ROW EXCLUSIVE MODE;  -- nobody gets a key meanwhile
        PERFORM public.erase_person(wanted.subject_id);
    END IF;
    texts := audit.destroy_keys(wanted.scope, wanted.subject_id);
    PERFORM audit.add_event(wanted.word, 'erasure:executed', wanted.decided_by);
    RETURN texts;
END $$
"""
# By the id of the order, which the command makes that signs it: whoever else may order cannot put their own words in.
_ORDERS = (
    "ALTER TABLE audit.drop_order ADD COLUMN id uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE",
    "GRANT INSERT (id) ON audit.drop_order TO cloister_audit_sealer",
    "DROP FUNCTION audit.drop_month(text)",
)
_DROP_MONTH = """
CREATE FUNCTION audit.drop_month(wanted_id uuid) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' SET lock_timeout = '2s' AS $$
DECLARE
    wanted audit.drop_order;
    last_moment timestamptz;
    name text;
    columns text := 'id, era, xid, recorded_at, occurred_at, type, subject, actor, thread_id, turn_id, rule, severity, '
        'model, host, persona, content_id, body, leaf';
    last_head audit.head;
    found bigint;
BEGIN
    PERFORM audit.one_at_a_time();
    SELECT * INTO wanted FROM audit.drop_order o WHERE o.id = wanted_id
        AND o.ordered_at > clock_timestamp() - interval '1 hour';
    IF wanted.month IS NULL THEN
        RAISE EXCEPTION 'Nobody ordered that.' USING ERRCODE = 'no_data_found';
    END IF;
    name := 'event_' || replace(wanted.month, '-', '_');
    last_moment := clock_timestamp() - make_interval(days => wanted.keep_days);
    IF wanted.keep_days < 183 THEN
        RAISE EXCEPTION 'Events are kept for 183 days at least.' USING ERRCODE = 'check_violation';
    END IF;
    IF to_regclass(format('audit.%I', name)) IS NULL THEN
        RAISE EXCEPTION 'There is no such month.' USING ERRCODE = 'no_data_found';
    END IF;
    IF (wanted.month || '-01')::date + interval '1 month' > last_moment AT TIME ZONE 'UTC' THEN
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
    IF found <> wanted.events THEN
        RAISE EXCEPTION 'An event came in between.' USING ERRCODE = 'serialization_failure';
    END IF;
    PERFORM set_config('cloister.erasing', 'on', true);
    EXECUTE format('DELETE FROM audit.search s USING audit.%I e WHERE s.event_id = e.id', name);
    EXECUTE format('DELETE FROM audit.content c USING audit.%I e WHERE c.id = e.content_id', name);
    PERFORM set_config('cloister.erasing', '', true);
    EXECUTE format('ALTER TABLE audit.event DETACH PARTITION audit.%I', name);
    EXECUTE format('INSERT INTO audit.event (%1$s) SELECT %1$s FROM audit.%2$I WHERE audit.stays(type)', columns, name);
    EXECUTE format('DROP TABLE audit.%I', name);
    PERFORM audit.add_event(wanted.word, 'retention:executed', NULL);
    RETURN found;
END $$
"""
_DROP_RIGHTS = (
    "REVOKE ALL ON FUNCTION audit.drop_month(uuid) FROM PUBLIC",
    "GRANT EXECUTE ON FUNCTION audit.drop_month(uuid) TO cloister_audit_eraser",
)
_ENSURE_PARTITIONS = """
CREATE OR REPLACE FUNCTION audit.ensure_partitions(months integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' SET lock_timeout = '2s' AS $$
DECLARE
    first_month timestamp := date_trunc('month', clock_timestamp() AT TIME ZONE 'UTC');
    month timestamp;
    name text;
    added integer := 0;
BEGIN
    LOCK TABLE audit.drop_order IN SHARE UPDATE EXCLUSIVE MODE;  -- months come one at a time
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


def upgrade() -> None:
    """Replace the functions that locked numbers, as the log's owner."""
    for statement in (
        "SET LOCAL ROLE cloister_audit_owner",
        _ONE_AT_A_TIME,
        _REQUIRE_KEY,
        _CONVERSATION_KEY,
        _DESTROY,
        _EXECUTE,
        *_ORDERS,
        _DROP_MONTH,
        *_DROP_RIGHTS,
        _ENSURE_PARTITIONS,
        "DROP FUNCTION audit.projection_lock()",
        "DROP FUNCTION audit.key_lock(uuid)",
        "RESET ROLE",
    ):
        op.execute(statement)
