"""Calls of tools that an answer asked for are kept as texts of their own, beside an event of their own."""

from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

_KIND = (
    "ALTER TABLE audit.content DROP CONSTRAINT content_kind_check",
    "ALTER TABLE audit.content ADD CONSTRAINT content_kind_check CHECK (kind IN ('prompt', 'calls', 'answer'))",
)
# As revision 0023 has it, with the new kind.
_REQUIRE_TEXT = """
CREATE OR REPLACE FUNCTION audit.refuse_textless() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
    IF EXISTS (SELECT FROM audit.content c WHERE c.id = NEW.content_id AND c.thread_id = NEW.thread_id
            AND c.turn_id = NEW.turn_id AND encode(sha256(c.sealed), 'hex')
                = convert_from(NEW.body, 'UTF8')::jsonb #>> '{data,content_digest}'
            AND c.kind = CASE WHEN NEW.type IN ('turn:guarded', 'prompt:blocked') THEN 'prompt'
                WHEN NEW.type = 'turn:called' THEN 'calls'
                WHEN NEW.type IN ('turn:answered', 'answer:blocked', 'turn:interrupted') THEN 'answer' END)
        OR EXISTS (SELECT FROM audit.dek d WHERE d.thread_id = NEW.thread_id AND d.destroyed_at IS NOT NULL) THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'The event % names a text that did not come with it.', NEW.id USING ERRCODE = 'check_violation';
END $$
"""


def upgrade() -> None:
    """Take the new kind as the log's owner."""
    for statement in ("SET LOCAL ROLE cloister_audit_owner", *_KIND, _REQUIRE_TEXT, "RESET ROLE"):
        op.execute(statement)
