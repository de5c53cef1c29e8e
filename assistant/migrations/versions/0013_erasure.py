"""Erasing texts and people, and what must not be erased. One role may call these functions and do nothing else.

Each function writes its event in its own transaction, and checks what must hold itself: two persons, no hold.
"""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_HOLD = """
CREATE TABLE audit.hold (
    id          uuid        NOT NULL PRIMARY KEY,
    scope       text        NOT NULL CHECK (scope IN ('thread', 'person')),
    subject_id  uuid        NOT NULL,
    reason_mark text        NOT NULL,
    placed_by   uuid        NOT NULL,
    placed_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    released_by uuid,
    released_at timestamptz,
    CHECK ((released_by IS NULL) = (released_at IS NULL))
)
"""
_ERASURE = """
CREATE TABLE audit.erasure (
    id           uuid        NOT NULL PRIMARY KEY,
    scope        text        NOT NULL CHECK (scope IN ('thread', 'person')),
    subject_id   uuid        NOT NULL,
    reason_mark  text        NOT NULL,
    requested_by uuid        NOT NULL,
    requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    state        text        NOT NULL DEFAULT 'requested' CHECK (state IN ('requested', 'denied', 'executed')),
    decided_by   uuid        CHECK (decided_by <> requested_by),
    decided_at   timestamptz,
    CHECK ((state = 'requested') = (decided_by IS NULL) AND (decided_by IS NULL) = (decided_at IS NULL))
)
"""
_INDEXES = (
    "CREATE INDEX hold_by_subject ON audit.hold (subject_id) WHERE released_at IS NULL",
    "CREATE INDEX erasure_by_subject ON audit.erasure (subject_id)",
)

# Whoever holds, asks or decides does it one after the other: a hold that was placed is seen by what erases.
_ONE_AT_A_TIME = """
CREATE FUNCTION audit.one_at_a_time() RETURNS void LANGUAGE sql SET search_path = '' AS $$
    SELECT pg_advisory_xact_lock(hashtextextended('cloister audit erasure', 0))
$$
"""

# A person is held with each of their conversations, and a conversation with its person. Whose it is, an event or a key
# says: a site may keep no texts, and months of events may be gone.
_IS_HELD = """
CREATE FUNCTION audit.is_held(wanted text, subject uuid) RETURNS boolean LANGUAGE sql STABLE SET search_path = '' AS $$
    SELECT EXISTS (SELECT FROM audit.hold h WHERE h.released_at IS NULL AND (
        (h.scope = wanted AND h.subject_id = is_held.subject)
        OR (wanted = 'thread' AND h.scope = 'person' AND audit.is_thread_of(is_held.subject, h.subject_id))
        OR (wanted = 'person' AND h.scope = 'thread' AND audit.is_thread_of(h.subject_id, is_held.subject))))
$$
"""
_IS_THREAD_OF = """
CREATE FUNCTION audit.is_thread_of(thread uuid, person uuid) RETURNS boolean
LANGUAGE sql STABLE SET search_path = '' AS $$
    SELECT EXISTS (SELECT FROM audit.event e WHERE e.thread_id = is_thread_of.thread
            AND e.actor = is_thread_of.person AND e.type = 'turn:accepted')
        OR EXISTS (SELECT FROM audit.dek d WHERE d.thread_id = is_thread_of.thread
            AND d.person_id = is_thread_of.person)
$$
"""

_ADD_EVENT = """
CREATE FUNCTION audit.add_event(entry jsonb, wanted text, by uuid) RETURNS void
LANGUAGE plpgsql SET search_path = '' AS $$
DECLARE
    e audit.event := jsonb_populate_record(NULL::audit.event, entry);
BEGIN
    IF e.type IS DISTINCT FROM wanted OR e.actor IS DISTINCT FROM by THEN
        RAISE EXCEPTION 'This event does not say what happens here.' USING ERRCODE = 'check_violation';
    END IF;
    INSERT INTO audit.event (id, occurred_at, type, subject, actor, thread_id, turn_id, rule, severity, model, host,
        persona, content_id, body, leaf)
    VALUES (e.id, e.occurred_at, e.type, e.subject, e.actor, e.thread_id, e.turn_id, e.rule, e.severity, e.model,
        e.host, e.persona, e.content_id, e.body, e.leaf);
END $$
"""

_PLACE_HOLD = """
CREATE FUNCTION audit.place_hold(new_id uuid, wanted text, subject uuid, mark text, by uuid, entry jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
    PERFORM audit.one_at_a_time();
    INSERT INTO audit.hold (id, scope, subject_id, reason_mark, placed_by) VALUES (new_id, wanted, subject, mark, by);
    PERFORM audit.add_event(entry, 'hold:placed', by);
END $$
"""
_RELEASE_HOLD = """
CREATE FUNCTION audit.release_hold(held uuid, by uuid, entry jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
    PERFORM audit.one_at_a_time();
    UPDATE audit.hold SET released_by = by, released_at = clock_timestamp() WHERE id = held AND released_at IS NULL;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'There is no such hold.' USING ERRCODE = 'no_data_found';
    END IF;
    PERFORM audit.add_event(entry, 'hold:released', by);
END $$
"""
_REQUEST = """
CREATE FUNCTION audit.request_erasure(request uuid, wanted text, subject uuid, mark text, by uuid, entry jsonb)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
    PERFORM audit.one_at_a_time();
    INSERT INTO audit.erasure (id, scope, subject_id, reason_mark, requested_by)
        VALUES (request, wanted, subject, mark, by);
    PERFORM audit.add_event(entry, 'erasure:requested', by);
END $$
"""
_OPEN_REQUEST = """
CREATE FUNCTION audit.open_erasure(request uuid) RETURNS audit.erasure
LANGUAGE plpgsql SET search_path = '' AS $$
DECLARE
    found_request audit.erasure;
BEGIN
    SELECT * INTO found_request FROM audit.erasure WHERE id = request AND state = 'requested';
    IF NOT FOUND THEN
        RAISE EXCEPTION 'There is no such open request.' USING ERRCODE = 'no_data_found';
    END IF;
    RETURN found_request;
END $$
"""
_DENY = """
CREATE FUNCTION audit.deny_erasure(request uuid, by uuid, entry jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
    PERFORM audit.one_at_a_time();
    PERFORM audit.open_erasure(request);
    UPDATE audit.erasure SET state = 'denied', decided_by = by, decided_at = clock_timestamp() WHERE id = request;
    PERFORM audit.add_event(entry, 'erasure:denied', by);
END $$
"""

# The table refuses a decision by who asked. The events come last: what was written before the keys went has an earlier
# recording time, by which `verify` knows what this erasure explains.
_EXECUTE = """
CREATE FUNCTION audit.execute_erasure(request uuid, by uuid, approved jsonb, executed jsonb) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    wanted audit.erasure;
    texts bigint;
BEGIN
    PERFORM audit.one_at_a_time();
    wanted := audit.open_erasure(request);
    IF audit.is_held(wanted.scope, wanted.subject_id) THEN
        RAISE EXCEPTION 'A legal hold forbids it.' USING ERRCODE = 'object_in_use';
    END IF;
    IF (executed ->> (CASE wanted.scope WHEN 'thread' THEN 'thread_id' ELSE 'subject' END))::uuid
            IS DISTINCT FROM wanted.subject_id THEN
        RAISE EXCEPTION 'This event is about something else.' USING ERRCODE = 'check_violation';
    END IF;
    UPDATE audit.erasure SET state = 'executed', decided_by = by, decided_at = clock_timestamp() WHERE id = request;
    PERFORM pg_advisory_xact_lock(audit.key_lock(wanted.subject_id));
    IF wanted.scope = 'thread' THEN
        PERFORM public.erase_thread(wanted.subject_id);
    ELSE
        PERFORM public.erase_person(wanted.subject_id);
    END IF;
    texts := audit.destroy_keys(wanted.scope, wanted.subject_id);
    PERFORM audit.add_event(approved, 'erasure:approved', by);
    PERFORM audit.add_event(executed, 'erasure:executed', by);
    RETURN texts;
END $$
"""
_DESTROY = """
CREATE FUNCTION audit.destroy_keys(wanted text, subject uuid) RETURNS bigint
LANGUAGE plpgsql SET search_path = '' AS $$
DECLARE
    keys uuid[] := ARRAY(SELECT d.id FROM audit.dek d WHERE d.destroyed_at IS NULL
        AND CASE wanted WHEN 'thread' THEN d.thread_id ELSE d.person_id END = subject ORDER BY d.id);
    texts bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(audit.projection_lock());
    PERFORM pg_advisory_xact_lock(audit.key_lock(each)) FROM unnest(keys) each;
    PERFORM set_config('cloister.erasing', 'on', true);
    UPDATE audit.dek SET wrapped = NULL, destroyed_at = clock_timestamp() WHERE id = ANY(keys);
    DELETE FROM audit.search s USING audit.dek d WHERE d.id = ANY(keys) AND s.thread_id = d.thread_id;
    DELETE FROM audit.content WHERE dek_id = ANY(keys);
    GET DIAGNOSTICS texts = ROW_COUNT;
    PERFORM set_config('cloister.erasing', '', true);
    RETURN texts;
END $$
"""

# Nobody who was erased gets a new key: a turn of theirs that was on its way ends without an answer.
_CONVERSATION_KEY = """
CREATE OR REPLACE FUNCTION audit.conversation_key(thread uuid, person uuid, new_id uuid, new_wrapped bytea)
RETURNS TABLE (id uuid, person_id uuid, wrapped bytea)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
#variable_conflict use_column
BEGIN
    PERFORM pg_advisory_xact_lock_shared(audit.key_lock(person));
    IF EXISTS (SELECT FROM audit.erasure e WHERE e.subject_id = person AND e.scope = 'person'
            AND e.state = 'executed') THEN
        RETURN;
    END IF;
    FOR attempt IN 1 .. 5 LOOP
        RETURN QUERY SELECT d.id, d.person_id, d.wrapped FROM audit.dek d
            WHERE d.thread_id = thread AND d.destroyed_at IS NULL;
        EXIT WHEN FOUND;
        INSERT INTO audit.dek (id, thread_id, person_id, wrapped) VALUES (new_id, thread, person, new_wrapped)
            ON CONFLICT DO NOTHING;
    END LOOP;
END $$
"""

_ONLY_ONCE = """
CREATE FUNCTION audit.refuse_second_end() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    IF (CASE TG_TABLE_NAME WHEN 'hold' THEN to_jsonb(OLD) ->> 'released_at' ELSE to_jsonb(OLD) ->> 'decided_at' END)
            IS NOT NULL
        OR to_jsonb(OLD) - '{released_by,released_at,state,decided_by,decided_at}'::text[]
            <> to_jsonb(NEW) - '{released_by,released_at,state,decided_by,decided_at}'::text[] THEN
        RAISE EXCEPTION 'A hold is released, and a request decided, once, and not changed.'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$
"""


def _triggers(table: str) -> tuple[str, ...]:
    return (
        f"""CREATE TRIGGER refuse_change BEFORE UPDATE ON audit.{table}
            FOR EACH ROW EXECUTE FUNCTION audit.refuse_second_end()""",
        f"ALTER TABLE audit.{table} ENABLE ALWAYS TRIGGER refuse_change",
        f"""CREATE TRIGGER refuse_statement BEFORE DELETE OR TRUNCATE ON audit.{table}
            FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change()""",
        f"ALTER TABLE audit.{table} ENABLE ALWAYS TRIGGER refuse_statement",
    )


# The owner's own tables, for the log's owner alone: a person goes with all that hangs on them.
_PUBLIC = (
    """CREATE FUNCTION erase_thread(thread uuid) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = '' AS $$
        DELETE FROM public.thread WHERE id = erase_thread.thread
    $$""",
    # Switched off first: then nobody is signed in, and somebody else is there to administer.
    """CREATE FUNCTION erase_person(person uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
    BEGIN
        PERFORM FROM public.person p WHERE p.id = erase_person.person AND NOT p.is_disabled FOR UPDATE;
        IF FOUND THEN
            RAISE EXCEPTION 'The account is not switched off.' USING ERRCODE = 'object_not_in_prerequisite_state';
        END IF;
        DELETE FROM public.document d WHERE d.owner_id = erase_person.person;
        DELETE FROM public.person p WHERE p.id = erase_person.person;
    END $$""",
    "REVOKE ALL ON FUNCTION erase_thread(uuid), erase_person(uuid) FROM PUBLIC",
    "GRANT USAGE ON SCHEMA public TO cloister_audit_owner",
    "GRANT EXECUTE ON FUNCTION erase_thread(uuid), erase_person(uuid) TO cloister_audit_owner",
)

_FOR_THE_ERASER = (
    "audit.place_hold(uuid, text, uuid, text, uuid, jsonb), audit.release_hold(uuid, uuid, jsonb), "
    "audit.request_erasure(uuid, text, uuid, text, uuid, jsonb), audit.deny_erasure(uuid, uuid, jsonb), "
    "audit.execute_erasure(uuid, uuid, jsonb, jsonb)"
)
_INNER = (
    "audit.one_at_a_time(), audit.is_held(text, uuid), audit.is_thread_of(uuid, uuid), "
    "audit.add_event(jsonb, text, uuid), audit.open_erasure(uuid), audit.destroy_keys(text, uuid), "
    "audit.refuse_second_end()"
)
_RIGHTS = (
    f"REVOKE ALL ON FUNCTION {_FOR_THE_ERASER}, {_INNER} FROM PUBLIC",
    "GRANT USAGE ON SCHEMA audit TO cloister_audit_eraser",
    f"GRANT EXECUTE ON FUNCTION {_FOR_THE_ERASER} TO cloister_audit_eraser",
    "GRANT SELECT ON audit.hold, audit.erasure TO cloister_audit_reader",
)


def upgrade() -> None:
    """Create holds, requests and the functions as the log's owner, and two functions as the database's."""
    for statement in (
        *_PUBLIC,
        "SET LOCAL ROLE cloister_audit_owner",
        _HOLD,
        _ERASURE,
        *_INDEXES,
        _ONE_AT_A_TIME,
        _IS_THREAD_OF,
        _IS_HELD,
        _ADD_EVENT,
        _PLACE_HOLD,
        _RELEASE_HOLD,
        _REQUEST,
        _OPEN_REQUEST,
        _DENY,
        _DESTROY,
        _EXECUTE,
        _CONVERSATION_KEY,
        _ONLY_ONCE,
        *(statement for table in ("hold", "erasure") for statement in _triggers(table)),
        *_RIGHTS,
        "RESET ROLE",
    ):
        op.execute(statement)
