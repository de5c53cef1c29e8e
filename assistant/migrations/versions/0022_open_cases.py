"""A month with a turn of an open case keeps what its events say: nobody decides a case whose evidence is gone."""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

# The log's owner has no rights on the tables of the desk: it sees of them what it needs here.
_PUBLIC = (
    """CREATE FUNCTION turns_of_open_cases() RETURNS TABLE (number bigint, turn_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
        SELECT c.number, t.turn_id FROM public.compliance_case c JOIN public.case_turn t ON t.case_id = c.id
        WHERE c.state IN ('new', 'in-review', 'needs-info', 'awaiting-second', 'reopened')
    $$""",
    """CREATE FUNCTION hold_cases_still() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
    BEGIN
        LOCK TABLE public.compliance_case, public.case_turn IN SHARE MODE;
    END $$""",
    "REVOKE ALL ON FUNCTION turns_of_open_cases(), hold_cases_still() FROM PUBLIC",
    "GRANT EXECUTE ON FUNCTION turns_of_open_cases() TO cloister_audit_owner",
    "GRANT EXECUTE ON FUNCTION hold_cases_still() TO cloister_audit_owner",
)

# Where an event becomes a stub, and not in the function that drops a month: so whoever makes stubs is asked.
_KEEP = """
CREATE FUNCTION audit.keep_open_cases() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    cases text;
BEGIN
    PERFORM public.hold_cases_still();
    SELECT string_agg(DISTINCT c.number::text, ', ') INTO cases FROM public.turns_of_open_cases() c
        JOIN audit.event e ON right(e.turn_id::text, 8) = right(c.turn_id::text, 8) AND e.turn_id = c.turn_id
        JOIN stubs s ON s.id = e.id;
    IF cases IS NOT NULL THEN
        RAISE EXCEPTION 'Turns of this month are in an open case (number %). Decide it first.', cases
            USING ERRCODE = 'object_in_use';
    END IF;
    RETURN NULL;
END $$
"""
# For who wants to know beforehand.
_OPEN_CASES = """
CREATE FUNCTION audit.open_cases(first uuid, past uuid) RETURNS TABLE (number bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
    SELECT DISTINCT c.number FROM public.turns_of_open_cases() c
        JOIN audit.event e ON right(e.turn_id::text, 8) = right(c.turn_id::text, 8) AND e.turn_id = c.turn_id
        WHERE e.id >= first AND e.id < past ORDER BY 1
$$
"""
_TRIGGER = (
    """CREATE TRIGGER keep_open_cases AFTER INSERT ON audit.stub REFERENCING NEW TABLE AS stubs
       FOR EACH STATEMENT EXECUTE FUNCTION audit.keep_open_cases()""",
    "ALTER TABLE audit.stub ENABLE ALWAYS TRIGGER keep_open_cases",
)


def upgrade() -> None:
    """Ask the desk before an event becomes a stub, as the log's owner."""
    for statement in (
        *_PUBLIC,
        "SET LOCAL ROLE cloister_audit_owner",
        _KEEP,
        "REVOKE ALL ON FUNCTION audit.keep_open_cases() FROM PUBLIC",
        *_TRIGGER,
        _OPEN_CASES,
        "REVOKE ALL ON FUNCTION audit.open_cases(uuid, uuid) FROM PUBLIC",
        "GRANT EXECUTE ON FUNCTION audit.open_cases(uuid, uuid) TO cloister_audit_reader",
        "RESET ROLE",
    ):
        op.execute(statement)
