"""What erases acts on the word of persons only, and another role writes that word down.

The writer's role notes what persons asked and decided, after the database looked up their roles; the sealer's role what
retention signed. The eraser's role names what it carries out, and adds no word of its own: whoever holds one of these
passwords alone erases nothing.
"""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

# `word` is the event that is added when it is done: written by who asked for it, and not by who does it.
_TABLES = (
    "ALTER TABLE audit.hold DROP CONSTRAINT hold_check, ADD COLUMN word jsonb",
    "ALTER TABLE audit.hold ADD CONSTRAINT hold_check CHECK (released_at IS NULL OR released_by IS NOT NULL)",
    "ALTER TABLE audit.erasure DROP CONSTRAINT erasure_state_check, ADD COLUMN word jsonb",
    """ALTER TABLE audit.erasure ADD CONSTRAINT erasure_state_check
       CHECK (state IN ('requested', 'denied', 'approved', 'executed'))""",
    """CREATE TABLE audit.drop_order (
        month      text        NOT NULL CHECK (month ~ '^[0-9]{4}-[0-9]{2}$'),
        ordered_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        keep_days  integer     NOT NULL,
        events     bigint      NOT NULL CHECK (events >= 0),
        word       jsonb       NOT NULL,
        PRIMARY KEY (month, ordered_at)
    )""",
    """CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON audit.drop_order
       FOR EACH ROW EXECUTE FUNCTION audit.refuse_change()""",
    "ALTER TABLE audit.drop_order ENABLE ALWAYS TRIGGER refuse_change",
    """CREATE TRIGGER refuse_statement BEFORE UPDATE OR DELETE OR TRUNCATE ON audit.drop_order
       FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change()""",
    "ALTER TABLE audit.drop_order ENABLE ALWAYS TRIGGER refuse_statement",
)

# A release that nobody carried out may be asked for again; a decision is made once, and carried out once.
_ONLY_ONCE = """
CREATE OR REPLACE FUNCTION audit.refuse_second_end() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $$
DECLARE
    before jsonb := to_jsonb(OLD);
    after jsonb := to_jsonb(NEW);
    ends text[] := '{released_by,released_at,word}';
BEGIN
    IF TG_TABLE_NAME = 'erasure' THEN
        ends := CASE before ->> 'state' || ' ' || (after ->> 'state')
            WHEN 'requested denied' THEN '{state,decided_by,decided_at}'
            WHEN 'requested approved' THEN '{state,decided_by,decided_at,word}'
            WHEN 'approved executed' THEN '{state}'
            ELSE '{}' END;
    END IF;
    IF before ->> 'released_at' IS NOT NULL OR before - ends <> after - ends THEN
        RAISE EXCEPTION 'A hold is released, and a request decided, once, and not changed.'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$
"""

_PUBLIC = (
    """CREATE FUNCTION has_role(person uuid, wanted text[]) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
        SELECT EXISTS (SELECT FROM public.person p WHERE p.id = has_role.person AND NOT p.is_disabled
            AND p.roles && has_role.wanted)
    $$""",
    """CREATE FUNCTION is_in_use(person uuid) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
        SELECT EXISTS (SELECT FROM public.person p WHERE p.id = is_in_use.person AND NOT p.is_disabled)
    $$""",
    "REVOKE ALL ON FUNCTION has_role(uuid, text[]), is_in_use(uuid) FROM PUBLIC",
    "GRANT EXECUTE ON FUNCTION has_role(uuid, text[]), is_in_use(uuid) TO cloister_audit_owner",
)

# The roles as `assistant/rights.py` has them for asking and for deciding; a test compares.
_REQUIRE = """
CREATE FUNCTION audit.require_asker(by uuid) RETURNS void LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    IF NOT public.has_role(by, '{reviewer,approver,administrator}') THEN
        RAISE EXCEPTION 'Nobody who may ask for this is named.' USING ERRCODE = 'check_violation';
    END IF;
END $$
"""
_REQUIRE_DECIDER = """
CREATE FUNCTION audit.require_decider(by uuid, wanted text, subject uuid) RETURNS void
LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    IF NOT public.has_role(by, '{approver}') THEN
        RAISE EXCEPTION 'Nobody who may decide this is named.' USING ERRCODE = 'check_violation';
    END IF;
    IF by = subject OR (wanted = 'thread' AND audit.is_thread_of(subject, by)) THEN
        RAISE EXCEPTION 'It is about whoever decides it.' USING ERRCODE = 'check_violation';
    END IF;
END $$
"""

_PLACE_HOLD = """
CREATE OR REPLACE FUNCTION audit.place_hold(
    new_id uuid, wanted text, subject uuid, mark text, by uuid, entry jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
    PERFORM audit.one_at_a_time();
    PERFORM audit.require_asker(by);
    INSERT INTO audit.hold (id, scope, subject_id, reason_mark, placed_by) VALUES (new_id, wanted, subject, mark, by);
    PERFORM audit.add_event(entry, 'hold:placed', by);
END $$
"""
_ORDER_RELEASE = """
CREATE FUNCTION audit.order_release(held uuid, by uuid, entry jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    found_hold audit.hold;
BEGIN
    PERFORM audit.one_at_a_time();
    SELECT * INTO found_hold FROM audit.hold WHERE id = held AND released_at IS NULL;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'There is no such hold.' USING ERRCODE = 'no_data_found';
    END IF;
    PERFORM audit.require_decider(by, found_hold.scope, found_hold.subject_id);
    UPDATE audit.hold SET released_by = by, word = entry WHERE id = held;
END $$
"""
_RELEASE_HOLD = """
CREATE FUNCTION audit.release_hold(held uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    ended audit.hold;
BEGIN
    PERFORM audit.one_at_a_time();
    UPDATE audit.hold SET released_at = clock_timestamp()
        WHERE id = held AND released_at IS NULL AND released_by IS NOT NULL RETURNING * INTO ended;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'There is no such hold, or nobody asked for its release.' USING ERRCODE = 'no_data_found';
    END IF;
    PERFORM audit.add_event(ended.word, 'hold:released', ended.released_by);
END $$
"""
_REQUEST = """
CREATE OR REPLACE FUNCTION audit.request_erasure(
    request uuid, wanted text, subject uuid, mark text, by uuid, entry jsonb)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
    PERFORM audit.one_at_a_time();
    PERFORM audit.require_asker(by);
    INSERT INTO audit.erasure (id, scope, subject_id, reason_mark, requested_by)
        VALUES (request, wanted, subject, mark, by);
    PERFORM audit.add_event(entry, 'erasure:requested', by);
END $$
"""
_DENY = """
CREATE OR REPLACE FUNCTION audit.deny_erasure(request uuid, by uuid, entry jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    asked audit.erasure;
BEGIN
    PERFORM audit.one_at_a_time();
    asked := audit.open_erasure(request);
    PERFORM audit.require_decider(by, asked.scope, asked.subject_id);
    UPDATE audit.erasure SET state = 'denied', decided_by = by, decided_at = clock_timestamp() WHERE id = request;
    PERFORM audit.add_event(entry, 'erasure:denied', by);
END $$
"""
_REQUIRE_POSSIBLE = """
CREATE FUNCTION audit.require_possible(wanted audit.erasure) RETURNS void LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    IF audit.is_held(wanted.scope, wanted.subject_id) THEN
        RAISE EXCEPTION 'A legal hold forbids it.' USING ERRCODE = 'object_in_use';
    END IF;
    IF wanted.scope = 'person' AND public.is_in_use(wanted.subject_id) THEN
        RAISE EXCEPTION 'The account is not switched off.' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
END $$
"""

# The table refuses a decision by who asked.
_APPROVE = """
CREATE FUNCTION audit.approve_erasure(request uuid, by uuid, approved jsonb, executed jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    asked audit.erasure;
BEGIN
    PERFORM audit.one_at_a_time();
    asked := audit.open_erasure(request);
    PERFORM audit.require_decider(by, asked.scope, asked.subject_id);
    PERFORM audit.require_possible(asked);
    IF (executed ->> (CASE asked.scope WHEN 'thread' THEN 'thread_id' ELSE 'subject' END))::uuid
            IS DISTINCT FROM asked.subject_id THEN
        RAISE EXCEPTION 'This event is about something else.' USING ERRCODE = 'check_violation';
    END IF;
    UPDATE audit.erasure SET state = 'approved', decided_by = by, decided_at = clock_timestamp(), word = executed
        WHERE id = request;
    PERFORM audit.add_event(approved, 'erasure:approved', by);
END $$
"""
# The event comes last: what was written before the keys went has an earlier recording time, by which `verify` knows
# what this erasure explains.
_EXECUTE = """
CREATE FUNCTION audit.execute_erasure(request uuid) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
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
    PERFORM pg_advisory_xact_lock(audit.key_lock(wanted.subject_id));
    IF wanted.scope = 'thread' THEN
        PERFORM public.erase_thread(wanted.subject_id);
    ELSE
        PERFORM public.erase_person(wanted.subject_id);
    END IF;
    texts := audit.destroy_keys(wanted.scope, wanted.subject_id);
    PERFORM audit.add_event(wanted.word, 'erasure:executed', wanted.decided_by);
    RETURN texts;
END $$
"""

# As revision 0016 has it, but for the order: by whom, of which number, and with which words, the sealer's role says.
_DROP_MONTH = """
CREATE FUNCTION audit.drop_month(month text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' SET lock_timeout = '2s' AS $$
DECLARE
    wanted audit.drop_order;
    last_moment timestamptz;
    name text := 'event_' || replace(month, '-', '_');
    columns text := 'id, era, xid, recorded_at, occurred_at, type, subject, actor, thread_id, turn_id, rule, severity, '
        'model, host, persona, content_id, body, leaf';
    last_head audit.head;
    found bigint;
BEGIN
    PERFORM audit.one_at_a_time();
    SELECT * INTO wanted FROM audit.drop_order o WHERE o.month = drop_month.month
        AND o.ordered_at > clock_timestamp() - interval '1 hour' ORDER BY o.ordered_at DESC LIMIT 1;
    IF wanted.month IS NULL THEN
        RAISE EXCEPTION 'Nobody ordered that.' USING ERRCODE = 'no_data_found';
    END IF;
    last_moment := clock_timestamp() - make_interval(days => wanted.keep_days);
    IF wanted.keep_days < 183 THEN
        RAISE EXCEPTION 'Events are kept for 183 days at least.' USING ERRCODE = 'check_violation';
    END IF;
    IF to_regclass(format('audit.%I', name)) IS NULL THEN
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

_DROPPED = (
    "DROP FUNCTION audit.release_hold(uuid, uuid, jsonb)",
    "DROP FUNCTION audit.execute_erasure(uuid, uuid, jsonb, jsonb)",
    "DROP FUNCTION audit.drop_month(text, integer, bigint, jsonb)",
)
_FOR_THE_WRITER = (
    "audit.place_hold(uuid, text, uuid, text, uuid, jsonb), audit.order_release(uuid, uuid, jsonb), "
    "audit.request_erasure(uuid, text, uuid, text, uuid, jsonb), audit.deny_erasure(uuid, uuid, jsonb), "
    "audit.approve_erasure(uuid, uuid, jsonb, jsonb)"
)
_FOR_THE_ERASER = "audit.release_hold(uuid), audit.execute_erasure(uuid), audit.drop_month(text)"
_INNER = (
    "audit.require_asker(uuid), audit.require_decider(uuid, text, uuid), audit.require_possible(audit.erasure), "
    "audit.refuse_second_end()"
)
_RIGHTS = (
    f"REVOKE ALL ON FUNCTION {_FOR_THE_WRITER}, {_FOR_THE_ERASER}, {_INNER} FROM PUBLIC, cloister_audit_eraser",
    f"GRANT EXECUTE ON FUNCTION {_FOR_THE_WRITER} TO cloister_audit_writer",
    f"GRANT EXECUTE ON FUNCTION {_FOR_THE_ERASER} TO cloister_audit_eraser",
    "GRANT INSERT (month, keep_days, events, word) ON audit.drop_order TO cloister_audit_sealer",
    "GRANT SELECT ON audit.drop_order TO cloister_audit_reader",
)


def upgrade() -> None:
    """Part the functions between two roles, as the log's owner, and look up roles as the database's."""
    for statement in (
        *_PUBLIC,
        "SET LOCAL ROLE cloister_audit_owner",
        *_DROPPED,
        *_TABLES,
        _ONLY_ONCE,
        _REQUIRE,
        _REQUIRE_DECIDER,
        _REQUIRE_POSSIBLE,
        _PLACE_HOLD,
        _ORDER_RELEASE,
        _RELEASE_HOLD,
        _REQUEST,
        _DENY,
        _APPROVE,
        _EXECUTE,
        _DROP_MONTH,
        *_RIGHTS,
        "RESET ROLE",
    ):
        op.execute(statement)
