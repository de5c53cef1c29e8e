"""What the writer's role adds lies under its own hash, is of the type that it says, and comes with the text it names.

Whoever holds that password could else leave more that `verify` calls changed, though nobody did. Rows from before
this revision stay as they are.
"""

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

# What can be seen at some microseconds an event. To compare every column would take as much again as the whole insert:
# `verify` does, and says of what differs that it may have been written so. A new format of bodies has its line here.
_SAYS_SO = """
ALTER TABLE audit.event ADD CONSTRAINT event_says_so CHECK ((
    leaf = sha256('\\x00'::bytea || body) AND isfinite(occurred_at)
    AND substr(body, greatest(octet_length(body) - octet_length(type) - 16, 1)) IN (
        convert_to(',"type":"' || type || '","v"\\:2}', 'UTF8'),
        convert_to(',"type":"' || type || '","v"\\:1}', 'UTF8'))
) IS TRUE) NOT VALID
"""

# After the statement, which adds event and text together. An event whose text waited on a disk while its key was
# destroyed comes without it. Not a foreign key: erasing takes the text and leaves the event.
_REQUIRE_TEXT = """
CREATE FUNCTION audit.refuse_textless() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
    IF EXISTS (SELECT FROM audit.content c WHERE c.id = NEW.content_id AND c.thread_id = NEW.thread_id
            AND c.turn_id = NEW.turn_id AND encode(sha256(c.sealed), 'hex')
                = convert_from(NEW.body, 'UTF8')::jsonb #>> '{data,content_digest}'
            AND c.kind = CASE WHEN NEW.type IN ('turn:guarded', 'prompt:blocked') THEN 'prompt'
                WHEN NEW.type IN ('turn:answered', 'answer:blocked', 'turn:interrupted') THEN 'answer' END)
        OR EXISTS (SELECT FROM audit.dek d WHERE d.thread_id = NEW.thread_id AND d.destroyed_at IS NOT NULL) THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'The event % names a text that did not come with it.', NEW.id USING ERRCODE = 'check_violation';
END $$
"""
_REQUIRE_EVENT = """
CREATE FUNCTION audit.refuse_orphan() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM audit.event e WHERE e.content_id = NEW.id AND e.thread_id = NEW.thread_id
            AND e.turn_id = NEW.turn_id AND encode(sha256(NEW.sealed), 'hex')
                = convert_from(e.body, 'UTF8')::jsonb #>> '{data,content_digest}') THEN
        RAISE EXCEPTION 'The text % came without its event.', NEW.id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$
"""
_TRIGGERS = (
    """CREATE TRIGGER refuse_textless AFTER INSERT ON audit.event FOR EACH ROW
       WHEN (NEW.content_id IS NOT NULL) EXECUTE FUNCTION audit.refuse_textless()""",
    "ALTER TABLE audit.event ENABLE ALWAYS TRIGGER refuse_textless",
    """CREATE TRIGGER refuse_orphan AFTER INSERT ON audit.content
       FOR EACH ROW EXECUTE FUNCTION audit.refuse_orphan()""",
    "ALTER TABLE audit.content ENABLE ALWAYS TRIGGER refuse_orphan",
)
_ADD_PARTITION = """
CREATE OR REPLACE FUNCTION audit.add_partition(name text, bounds text) RETURNS void
LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    EXECUTE format('CREATE TABLE audit.%I (LIKE audit.event INCLUDING ALL)', name);
    EXECUTE format('ALTER TABLE audit.event ATTACH PARTITION audit.%I %s', name, bounds);
    EXECUTE format('CREATE TRIGGER refuse_statement BEFORE UPDATE OR DELETE OR TRUNCATE ON audit.%I'
                   ' FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change()', name);
    EXECUTE format('ALTER TABLE audit.%I ENABLE ALWAYS TRIGGER refuse_statement', name);
    EXECUTE format('ALTER TABLE audit.%I ENABLE ALWAYS TRIGGER refuse_change', name);
    EXECUTE format('ALTER TABLE audit.%I ENABLE ALWAYS TRIGGER refuse_textless', name);
END $$
"""


def upgrade() -> None:
    """Add the constraint and the triggers as the log's owner."""
    for statement in (
        "SET LOCAL ROLE cloister_audit_owner",
        _SAYS_SO,
        _REQUIRE_TEXT,
        _REQUIRE_EVENT,
        "REVOKE ALL ON FUNCTION audit.refuse_textless(), audit.refuse_orphan() FROM PUBLIC",
        *_TRIGGERS,
        _ADD_PARTITION,
        "RESET ROLE",
    ):
        op.execute(statement)
