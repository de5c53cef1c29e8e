"""A request to erase can be withdrawn until it is carried out: by whoever asked, or by an approver.

What withdraws it waits for the same lock as what carries it out, so one of them comes first and the other one finds
nothing to do.
"""

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

# `erasure_check` stays, which refuses a decision by who asked; `erasure_check1` knew no third end.
_TABLE = (
    """ALTER TABLE audit.erasure DROP CONSTRAINT erasure_state_check, DROP CONSTRAINT erasure_check1,
       ADD COLUMN withdrawn_by uuid, ADD COLUMN withdrawn_at timestamptz""",
    """ALTER TABLE audit.erasure ADD CONSTRAINT erasure_state_check
       CHECK (state IN ('requested', 'denied', 'approved', 'executed', 'withdrawn'))""",
    """ALTER TABLE audit.erasure ADD CONSTRAINT erasure_decided CHECK (
       (decided_by IS NULL) = (decided_at IS NULL) AND CASE state
           WHEN 'requested' THEN decided_by IS NULL WHEN 'withdrawn' THEN true ELSE decided_by IS NOT NULL END)""",
    """ALTER TABLE audit.erasure ADD CONSTRAINT erasure_withdrawn CHECK (
       (withdrawn_by IS NULL) = (withdrawn_at IS NULL) AND (state = 'withdrawn') = (withdrawn_by IS NOT NULL))""",
)

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
            WHEN 'requested withdrawn' THEN '{state,withdrawn_by,withdrawn_at}'
            WHEN 'approved withdrawn' THEN '{state,withdrawn_by,withdrawn_at}'
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

# Whoever asked takes back their own word; anybody else decides as an approver does. Who waits here for longer than a
# moment waits for the erasure itself, which is better told than waited out.
_WITHDRAW = """
CREATE FUNCTION audit.withdraw_erasure(request uuid, by uuid, entry jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' SET lock_timeout = '2s' AS $$
DECLARE
    asked audit.erasure;
BEGIN
    PERFORM audit.one_at_a_time();
    SELECT * INTO asked FROM audit.erasure WHERE id = request AND state IN ('requested', 'approved');
    IF NOT FOUND THEN
        RAISE EXCEPTION 'There is no such request, or it is over.' USING ERRCODE = 'no_data_found';
    END IF;
    IF by = asked.requested_by THEN
        PERFORM audit.require_asker(by);
    ELSE
        PERFORM audit.require_decider(by, asked.scope, asked.subject_id);
    END IF;
    UPDATE audit.erasure SET state = 'withdrawn', withdrawn_by = by, withdrawn_at = clock_timestamp()
        WHERE id = request;
    PERFORM audit.add_event(entry, 'erasure:withdrawn', by);
END $$
"""

_STAYS = """
CREATE OR REPLACE FUNCTION audit.stays(type text) RETURNS boolean LANGUAGE sql IMMUTABLE SET search_path = '' AS $$
    SELECT type = ANY ('{key:rotated,log:restored,text:dropped,retention:executed,hold:placed,hold:released,
        erasure:requested,erasure:approved,erasure:denied,erasure:withdrawn,erasure:executed}'::text[])
$$
"""

_RIGHTS = (
    "REVOKE ALL ON FUNCTION audit.withdraw_erasure(uuid, uuid, jsonb) FROM PUBLIC",
    "GRANT EXECUTE ON FUNCTION audit.withdraw_erasure(uuid, uuid, jsonb) TO cloister_audit_writer",
)


def upgrade() -> None:
    """Give requests a third end, as the log's owner."""
    for statement in (
        "SET LOCAL ROLE cloister_audit_owner",
        *_TABLE,
        _ONLY_ONCE,
        _WITHDRAW,
        _STAYS,
        *_RIGHTS,
        "RESET ROLE",
    ):
        op.execute(statement)
