"""Knowledge: documents, their passages and the uploads that wait for the guard. Jobs: the row that is the truth."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_DOCUMENT = """
CREATE TABLE document (
    id          uuid        NOT NULL CONSTRAINT pk_document PRIMARY KEY,
    kind        text        NOT NULL CONSTRAINT ck_document_kind CHECK (kind IN ('upload', 'documentation')),
    title       text        NOT NULL,
    source      text        NOT NULL,
    owner_id    uuid,
    fingerprint bytea,
    state       text        NOT NULL DEFAULT 'pending'
                CONSTRAINT ck_document_state CHECK (state IN ('pending', 'indexed', 'failed')),
    reason      text        NOT NULL DEFAULT '',
    chars       integer     NOT NULL DEFAULT 0,
    created_at  timestamptz NOT NULL DEFAULT now()
)
"""

_OWNER_INDEX = "CREATE INDEX ix_document_owner_id_created_at ON document (owner_id, created_at)"

_FINGERPRINT_INDEX = """
CREATE UNIQUE INDEX uq_document_fingerprint ON document (kind, owner_id, fingerprint)
NULLS NOT DISTINCT WHERE fingerprint IS NOT NULL
"""

_UPLOAD = """
CREATE TABLE upload (
    id         uuid        NOT NULL CONSTRAINT pk_upload PRIMARY KEY
               CONSTRAINT fk_upload_id_document REFERENCES document ON DELETE CASCADE,
    person_id  uuid        NOT NULL,
    name       text        NOT NULL,
    sealed     bytea       NOT NULL,
    size       integer     NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    CONSTRAINT ck_upload_expires_within_the_hour CHECK (expires_at <= created_at + interval '1 hour')
)
"""

# Postgres reads `fleet.yaml` or `assistant/turn.py` as one word of its own kind, and nobody would find `fleet`.
_WORDS = r"""
CREATE FUNCTION search_words(words text) RETURNS tsvector LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT to_tsvector('pg_catalog.simple', spaced) || to_tsvector('pg_catalog.english', spaced)
        || to_tsvector('pg_catalog.german', spaced)
    FROM translate(words, '._/\-:@=,;()[]{}<>"''`~#*+|&%$!?^', repeat(' ', 32)) AS spaced
$$
"""

_SEARCH = """
CREATE FUNCTION passage_search(title text, heading text, body text) RETURNS tsvector
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT setweight(public.search_words(title), 'A') || setweight(public.search_words(heading), 'B')
        || setweight(public.search_words(body), 'D')
$$
"""

_PASSAGE = """
CREATE TABLE passage (
    document_id  uuid     NOT NULL CONSTRAINT fk_passage_document_id_document REFERENCES document ON DELETE CASCADE,
    number       integer  NOT NULL,
    title        text     NOT NULL,
    heading      text     NOT NULL,
    start_offset integer  NOT NULL,
    end_offset   integer  NOT NULL,
    text         text     NOT NULL,
    search       tsvector NOT NULL GENERATED ALWAYS AS (passage_search(title, heading, text)) STORED,
    CONSTRAINT pk_passage PRIMARY KEY (document_id, number)
)
"""

# A payload is a flat object of ids. Text in it would lie in clear in the database and travel through Redis.
_JOB = r"""
CREATE TABLE job (
    id          uuid        NOT NULL CONSTRAINT pk_job PRIMARY KEY,
    task        text        NOT NULL,
    person_id   uuid,
    payload     jsonb       NOT NULL CONSTRAINT ck_job_payload CHECK (
        jsonb_typeof(payload) = 'object' AND NOT jsonb_path_exists(payload,
        'strict $.* ? (@.type() != "string" || !(@ like_regex "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"))')),
    state       text        NOT NULL DEFAULT 'queued'
                CONSTRAINT ck_job_state CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
    percent     smallint    NOT NULL DEFAULT 0 CONSTRAINT ck_job_percent CHECK (percent BETWEEN 0 AND 100),
    detail      text        NOT NULL DEFAULT '',
    attempts    smallint    NOT NULL DEFAULT 0,
    reference   text        NOT NULL,
    token       uuid,
    lease_until timestamptz,
    created_at  timestamptz NOT NULL DEFAULT now(),
    started_at  timestamptz,
    finished_at timestamptz,
    kicked_at   timestamptz,
    noted_at    timestamptz
)
"""

_JOB_INDEXES = (
    "CREATE INDEX ix_job_person_id_created_at ON job (person_id, created_at)",
    "CREATE INDEX ix_job_open ON job (created_at) WHERE state IN ('queued', 'running')",
    "CREATE INDEX ix_job_unnoted ON job (finished_at) WHERE finished_at IS NOT NULL AND noted_at IS NULL",
    "CREATE UNIQUE INDEX uq_job_open_task ON job (task) WHERE state IN ('queued', 'running') AND person_id IS NULL",
)


def upgrade() -> None:
    """Create the tables; the application may use them by the default privileges of revision 0001."""
    for statement in (
        _DOCUMENT,
        _OWNER_INDEX,
        _FINGERPRINT_INDEX,
        _UPLOAD,
        "CREATE INDEX ix_upload_expires_at ON upload (expires_at)",
        _WORDS,
        _SEARCH,
        _PASSAGE,
        "CREATE INDEX ix_passage_search ON passage USING gin (search)",
        _JOB,
        *_JOB_INDEXES,
    ):
        op.execute(statement)
