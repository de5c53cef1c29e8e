"""Who projects the log holds up no erasure: what both lock, the projector holds for the last moment of its step only.

Before, it held its row from reading to writing, seconds in which an erasure waited and was given up. Projectors keep
each other off by the table of tallies, which an erasure does not touch. What the projector read before an erasure and
writes after it, it takes back itself, in that last moment.
"""

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

# Who may do it held up erasures for as long as they held a lock: the words go then as soon as the projector works
# again, which any holder of that password could keep from happening anyway, or write them anew.
_TAKE_WORDS = """
CREATE FUNCTION audit.take_words(threads uuid[]) RETURNS boolean
LANGUAGE plpgsql SET search_path = '' SET lock_timeout = '2s' AS $$
BEGIN
    PERFORM FROM audit.projection FOR UPDATE;
    DELETE FROM audit.search WHERE thread_id = ANY(threads);
    RETURN true;
EXCEPTION WHEN lock_not_available THEN
    RETURN false;
END $$
"""
_DESTROY = """
CREATE OR REPLACE FUNCTION audit.destroy_keys(wanted text, subject uuid) RETURNS bigint
LANGUAGE plpgsql SET search_path = '' AS $$
DECLARE
    keys uuid[] := ARRAY(SELECT d.id FROM audit.dek d WHERE d.destroyed_at IS NULL
        AND CASE wanted WHEN 'thread' THEN d.thread_id ELSE d.person_id END = subject ORDER BY d.id);
    threads uuid[];
    texts bigint;
BEGIN
    -- Waits for texts on their way.
    PERFORM FROM audit.dek WHERE id = ANY(keys) ORDER BY id FOR UPDATE;
    SELECT array_agg(DISTINCT thread_id) INTO threads FROM audit.dek WHERE id = ANY(keys);
    PERFORM set_config('cloister.erasing', 'on', true);
    UPDATE audit.dek SET wrapped = NULL, destroyed_at = clock_timestamp() WHERE id = ANY(keys);
    DELETE FROM audit.content WHERE dek_id = ANY(keys);
    GET DIAGNOSTICS texts = ROW_COUNT;
    PERFORM set_config('cloister.erasing', '', true);
    PERFORM audit.take_words(threads);
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
_STATEMENTS = (
    "CREATE INDEX dek_by_destroyed_at ON audit.dek (destroyed_at) WHERE destroyed_at IS NOT NULL",
    "GRANT TRUNCATE ON audit.search, audit.tally TO cloister_audit_projector",
    _TAKE_WORDS,
    "REVOKE ALL ON FUNCTION audit.take_words(uuid[]) FROM PUBLIC",
    _DESTROY,
    _EXECUTE,
)


def upgrade() -> None:
    """Replace the functions as the log's owner."""
    for statement in ("SET LOCAL ROLE cloister_audit_owner", *_STATEMENTS, "RESET ROLE"):
        op.execute(statement)
