"""What people wrote and models answered, apart from the events: guarded, encrypted, erasable.

Each conversation has a data key, wrapped by a key that follows from the master key. Destroying the data key makes every
text of the conversation unreadable; what is left of the key's row says that it was there and when it went.
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_DEK = """
CREATE TABLE audit.dek (
    id           uuid        NOT NULL PRIMARY KEY,
    thread_id    uuid        NOT NULL,
    person_id    uuid        NOT NULL,
    wrapped      bytea       CHECK (octet_length(wrapped) BETWEEN 32 AND 256),
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    destroyed_at timestamptz,
    CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL))
)
"""
_CONTENT = """
CREATE TABLE audit.content (
    id         uuid        NOT NULL PRIMARY KEY,
    thread_id  uuid        NOT NULL,
    turn_id    uuid        NOT NULL,
    kind       text        NOT NULL CHECK (kind IN ('prompt', 'answer')),
    dek_id     uuid        NOT NULL,
    sealed     bytea       NOT NULL CHECK (octet_length(sealed) BETWEEN 28 AND 4194304),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
)
"""

_INDEXES = (
    # One key at a time; a later turn of a conversation that was erased gets the next one.
    "CREATE UNIQUE INDEX dek_by_thread ON audit.dek (thread_id) WHERE destroyed_at IS NULL",
    "CREATE INDEX dek_by_person ON audit.dek (person_id)",
    "CREATE INDEX content_by_dek ON audit.content (dek_id)",
    # From a text back to its event; events without a text are not in it and do not pay for it.
    "CREATE INDEX event_by_content ON audit.event (content_id) WHERE content_id IS NOT NULL",
    # Ciphertext does not become smaller.
    "ALTER TABLE audit.content ALTER COLUMN sealed SET STORAGE EXTERNAL",
)

# The lock orders a text against the erasure of its key: whoever erases waits for texts on their way, and what comes
# later finds no key. So an erasure's transaction is younger than those of all texts that it made unreadable.
_REQUIRE_KEY = """
CREATE FUNCTION audit.require_key() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(audit.key_lock(NEW.dek_id));
    PERFORM 1 FROM audit.dek d
        WHERE d.id = NEW.dek_id AND d.thread_id = NEW.thread_id AND d.destroyed_at IS NULL;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'The key of this text is gone or belongs to another conversation.'
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NEW;
END $$
"""
_KEY_LOCK = """
CREATE FUNCTION audit.key_lock(dek uuid) RETURNS bigint LANGUAGE sql IMMUTABLE SET search_path = '' AS $$
    SELECT hashtextextended('cloister audit key ' || dek, 0)
$$
"""

# Two processes may make a key for one conversation at once: both get the one that was first.
_CONVERSATION_KEY = """
CREATE FUNCTION audit.conversation_key(thread uuid, person uuid, new_id uuid, new_wrapped bytea)
RETURNS TABLE (id uuid, person_id uuid, wrapped bytea)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
#variable_conflict use_column
BEGIN
    FOR attempt IN 1 .. 5 LOOP
        RETURN QUERY SELECT d.id, d.person_id, d.wrapped FROM audit.dek d
            WHERE d.thread_id = thread AND d.destroyed_at IS NULL;
        EXIT WHEN FOUND;
        INSERT INTO audit.dek (id, thread_id, person_id, wrapped) VALUES (new_id, thread, person, new_wrapped)
            ON CONFLICT DO NOTHING;
    END LOOP;
END $$
"""

# Erasing functions set `cloister.erasing`; everybody else, owner and superuser included, is stopped.
_REFUSE_UNLESS_ERASING = """
CREATE FUNCTION audit.refuse_unless_erasing() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    IF current_setting('cloister.erasing', true) IS DISTINCT FROM 'on' THEN
        RAISE EXCEPTION 'Texts of the audit log are erased by its functions only: % of % is refused.',
            TG_OP, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN coalesce(NEW, OLD);
END $$
"""
_REFUSE_ALL_BUT_DESTRUCTION = """
CREATE FUNCTION audit.refuse_all_but_destruction() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    IF OLD.destroyed_at IS NOT NULL OR NEW.destroyed_at IS NULL
        OR (NEW.id, NEW.thread_id, NEW.person_id, NEW.created_at)
            IS DISTINCT FROM (OLD.id, OLD.thread_id, OLD.person_id, OLD.created_at) THEN
        RAISE EXCEPTION 'A key of the audit log can be destroyed, once, and not changed.'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$
"""

# ALWAYS: also when somebody sets session_replication_role to replica, which silences ordinary triggers.
_TRIGGERS = (
    "CREATE TRIGGER require_key BEFORE INSERT ON audit.content FOR EACH ROW EXECUTE FUNCTION audit.require_key()",
    "ALTER TABLE audit.content ENABLE ALWAYS TRIGGER require_key",
    """CREATE TRIGGER refuse_statement BEFORE UPDATE OR TRUNCATE ON audit.content
       FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change()""",
    "ALTER TABLE audit.content ENABLE ALWAYS TRIGGER refuse_statement",
    """CREATE TRIGGER refuse_delete BEFORE DELETE ON audit.content
       FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_unless_erasing()""",
    "ALTER TABLE audit.content ENABLE ALWAYS TRIGGER refuse_delete",
    """CREATE TRIGGER refuse_statement BEFORE DELETE OR TRUNCATE ON audit.dek
       FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change()""",
    "ALTER TABLE audit.dek ENABLE ALWAYS TRIGGER refuse_statement",
    """CREATE TRIGGER refuse_update BEFORE UPDATE ON audit.dek
       FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_unless_erasing()""",
    "ALTER TABLE audit.dek ENABLE ALWAYS TRIGGER refuse_update",
    """CREATE TRIGGER refuse_change BEFORE UPDATE ON audit.dek
       FOR EACH ROW EXECUTE FUNCTION audit.refuse_all_but_destruction()""",
    "ALTER TABLE audit.dek ENABLE ALWAYS TRIGGER refuse_change",
)

_FUNCTIONS = (
    "audit.require_key(), audit.key_lock(uuid), audit.conversation_key(uuid, uuid, uuid, bytea), "
    "audit.refuse_unless_erasing(), audit.refuse_all_but_destruction()"
)
_RIGHTS = (
    f"REVOKE ALL ON FUNCTION {_FUNCTIONS} FROM PUBLIC",
    "GRANT INSERT (id, thread_id, turn_id, kind, dek_id, sealed) ON audit.content TO cloister_audit_writer",
    "GRANT EXECUTE ON FUNCTION audit.conversation_key(uuid, uuid, uuid, bytea) TO cloister_audit_writer",
    "GRANT SELECT ON audit.content, audit.dek TO cloister_audit_reader",
)


def upgrade() -> None:
    """Create the texts and their keys as the log's owner."""
    for statement in (
        "SET LOCAL ROLE cloister_audit_owner",
        _DEK,
        _CONTENT,
        *_INDEXES,
        _KEY_LOCK,
        _REQUIRE_KEY,
        _CONVERSATION_KEY,
        _REFUSE_UNLESS_ERASING,
        _REFUSE_ALL_BUT_DESTRUCTION,
        *_TRIGGERS,
        *_RIGHTS,
        "RESET ROLE",
    ):
        op.execute(statement)
