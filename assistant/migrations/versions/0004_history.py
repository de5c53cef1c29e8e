"""History: threads and messages with their search, what belongs to them, and the turns that are running."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_THREAD = """
CREATE TABLE thread (
    id            uuid        NOT NULL CONSTRAINT pk_thread PRIMARY KEY,
    owner_id      uuid        NOT NULL CONSTRAINT fk_thread_owner_id_person REFERENCES person ON DELETE CASCADE,
    persona       text        NOT NULL,
    title         text        NOT NULL,
    last_position integer     NOT NULL DEFAULT 0,
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    words         tsvector    GENERATED ALWAYS AS (history_words(title)) STORED
)
"""

# Postgres reads `boto3.client` or `fleet.yaml` as one word of its own kind, and nobody would find `client`.
# A tsvector holds at most 1 MB (Postgres manual, section 12.11): what stands behind the first 100,000 characters of
# a message is kept but not found. The lexeme of the owner, which no text can hold since `@` is never part of a word,
# lets one index scan find the words of one person among everybody's.
_WORDS = r"""
CREATE FUNCTION history_words(body text) RETURNS tsvector LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT to_tsvector('pg_catalog.simple',
        translate(left(body, 100000), '._/\-:@=,;()[]{}<>"''`~#*+|&%$!?^', repeat(' ', 32)))
$$
"""

_OWNED_WORDS = """
CREATE FUNCTION history_words(body text, owner uuid) RETURNS tsvector LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT public.history_words(body) || array_to_tsvector(ARRAY['@' || owner])
$$
"""

# An answer in the making is not indexed: each of its checkpoints would pay for it. fillfactor leaves room for them.
_MESSAGE = """
CREATE TABLE message (
    id            uuid        NOT NULL CONSTRAINT pk_message PRIMARY KEY,
    thread_id     uuid        NOT NULL CONSTRAINT fk_message_thread_id_thread REFERENCES thread ON DELETE CASCADE,
    owner_id      uuid        NOT NULL,
    turn_id       uuid        NOT NULL,
    author        text        NOT NULL CONSTRAINT ck_message_author CHECK (author IN ('system', 'user', 'assistant')),
    text          text        NOT NULL,
    state         text        NOT NULL
                  CONSTRAINT ck_message_state CHECK (state IN ('streaming', 'complete', 'interrupted', 'blocked')),
    note          text        NOT NULL DEFAULT '',
    detail        jsonb       NOT NULL DEFAULT '{}',
    position      integer     NOT NULL,
    superseded_by uuid,
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    words         tsvector    GENERATED ALWAYS AS
                  (CASE WHEN state = 'streaming' THEN NULL ELSE history_words(text, owner_id) END) STORED,
    CONSTRAINT uq_message_thread_id_position UNIQUE (thread_id, position)
) WITH (fillfactor = 80)
"""

_MESSAGE_VERSION = """
CREATE TABLE message_version (
    message_id  uuid        NOT NULL
                CONSTRAINT fk_message_version_message_id_message REFERENCES message ON DELETE CASCADE,
    version     integer     NOT NULL,
    turn_id     uuid        NOT NULL,
    text        text        NOT NULL,
    note        text        NOT NULL,
    detail      jsonb       NOT NULL,
    replaced_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT pk_message_version PRIMARY KEY (message_id, version)
)
"""

_FEEDBACK = """
CREATE TABLE feedback (
    id         uuid        NOT NULL CONSTRAINT pk_feedback PRIMARY KEY,
    message_id uuid        NOT NULL CONSTRAINT fk_feedback_message_id_message REFERENCES message ON DELETE CASCADE,
    person_id  uuid        NOT NULL CONSTRAINT fk_feedback_person_id_person REFERENCES person ON DELETE CASCADE,
    value      smallint    NOT NULL CONSTRAINT ck_feedback_value CHECK (value IN (0, 1)),
    comment    text        NOT NULL DEFAULT '',
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT uq_feedback_message_id_person_id UNIQUE (message_id, person_id)
)
"""

_PSEUDONYMS = """
CREATE TABLE pseudonyms (
    thread_id  uuid        NOT NULL CONSTRAINT pk_pseudonyms PRIMARY KEY
               CONSTRAINT fk_pseudonyms_thread_id_thread REFERENCES thread ON DELETE CASCADE,
    sealed     bytea       NOT NULL,
    version    integer     NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
)
"""

_TURN = """
CREATE TABLE turn (
    id            uuid        NOT NULL CONSTRAINT pk_turn PRIMARY KEY,
    thread_id     uuid        NOT NULL,
    message_id    uuid        NOT NULL,
    answer_id     uuid        NOT NULL,
    person_id     uuid        NOT NULL,
    persona       text        NOT NULL,
    door          text        NOT NULL,
    process       text        NOT NULL,
    state         text        NOT NULL
                  CONSTRAINT ck_turn_state CHECK (state IN ('running', 'answered', 'interrupted', 'blocked')),
    started_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    heartbeat_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at      timestamptz,
    recovered_at  timestamptz,
    claimed_until timestamptz,
    audited_at    timestamptz
)
"""

_INDEXES = (
    "CREATE INDEX ix_thread_owner_id_updated_at_id ON thread (owner_id, updated_at DESC, id DESC)",
    "CREATE INDEX ix_thread_words ON thread USING gin (words)",
    "CREATE INDEX ix_message_turn_id ON message (turn_id)",
    "CREATE INDEX ix_message_words ON message USING gin (words)",
    "CREATE INDEX ix_feedback_person_id ON feedback (person_id)",
    "CREATE INDEX ix_turn_running ON turn (heartbeat_at) WHERE state = 'running'",
    "CREATE INDEX ix_turn_unaudited ON turn (recovered_at) WHERE recovered_at IS NOT NULL AND audited_at IS NULL",
)


def upgrade() -> None:
    """Create the tables of the history."""
    for statement in (
        _WORDS,
        _OWNED_WORDS,
        _THREAD,
        _MESSAGE,
        _MESSAGE_VERSION,
        _FEEDBACK,
        _PSEUDONYMS,
        _TURN,
        *_INDEXES,
    ):
        op.execute(statement)
