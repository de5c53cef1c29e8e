"""Find the passages that answer a question, among those that the reader may see."""

from __future__ import annotations

import re
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from assistant.conversation import Passage
from assistant.database import transaction

_MAX_WORDS: Final = 64  # of a long prompt, its first distinct words are looked for
_CANDIDATES: Final = 200  # ranked by Postgres, before the words that each holds are counted
_WORD: Final = re.compile(r"[^\W_]+")  # one character class: linear

# A natural question never stands in a document as it was asked, so one word is enough to be a candidate; the words
# found then count as much as Postgres's own rank. Filler of one language must not decide in another: a word that
# English or German passes over is left out, unless nothing else was asked. A passage must hold a third of the
# words, but three are always enough. Permission is part of the statement: a foreign passage is never even ranked.
_FIND: Final = text("""
WITH asked AS (
    SELECT plainto_tsquery('simple', word) || plainto_tsquery('english', word) || plainto_tsquery('german', word)
               AS query,
           coalesce(ts_lexize('english_stem', word) = '{}' OR ts_lexize('german_stem', word) = '{}', false) AS is_filler
    FROM unnest(CAST(:words AS text[])) AS word
), kept AS (
    SELECT query FROM asked WHERE NOT is_filler OR NOT EXISTS (SELECT FROM asked WHERE NOT is_filler)
), whole AS (
    SELECT string_agg(query::text, ' | ')::tsquery AS query, count(*) AS words FROM kept
), candidate AS (
    SELECT passage.*, document.source, ts_rank_cd(passage.search, whole.query, 1 | 32) AS rank
    FROM whole
    JOIN passage ON passage.search @@ whole.query
    JOIN document ON document.id = passage.document_id
    WHERE document.state = 'indexed' AND (document.owner_id IS NULL OR document.owner_id = :reader)
    ORDER BY rank DESC, passage.document_id, passage.number
    LIMIT :candidates
)
SELECT document_id, title, source, heading, text, start_offset, end_offset,
       (found.words::float / whole.words + rank) / 2 AS score
FROM candidate
CROSS JOIN whole
CROSS JOIN LATERAL (SELECT count(*) AS words FROM kept WHERE candidate.search @@ kept.query) AS found
WHERE found.words >= least(ceil(whole.words / 3.0), 3)
ORDER BY score DESC, document_id, number
LIMIT :limit
""")


async def find_passages(engine: AsyncEngine, question: str, *, reader: UUID | None, limit: int) -> list[Passage]:
    """Return the best passages, the best first.

    Args:
        engine: of the application's database role.
        question: in the person's words; punctuation means nothing.
        reader: who asks; None reads only what is shared with everybody.
        limit: how many at most.
    """
    words = list(dict.fromkeys(match.group().lower() for match in _WORD.finditer(question)))[:_MAX_WORDS]
    if not words:
        return []
    values = {"words": words, "reader": reader, "candidates": _CANDIDATES, "limit": limit}
    async with transaction(engine) as connection:
        rows = (await connection.execute(_FIND, values)).all()
    return [
        Passage(
            document_id=row.document_id,
            title=row.title,
            source=row.source,
            heading=row.heading,
            text=row.text,
            start=row.start_offset,
            end=row.end_offset,
            score=row.score,
        )
        for row in rows
    ]
