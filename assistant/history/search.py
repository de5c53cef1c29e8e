"""What a person types into the search field, as a query that Postgres understands."""

from __future__ import annotations

import re
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, cast, func
from sqlalchemy.dialects.postgresql import TSQUERY

from assistant.history.storable import storable

_QUERY_CHARS: Final = 200
# Between words, as in the function `history_words` of revision 0004 that takes the stored texts apart.
_PUNCTUATION: Final = "._/\\-:@=,;()[]{}<>\"'`~#*+|&%$!?^"
_SPACES = str.maketrans(dict.fromkeys(_PUNCTUATION, " "))
_SPACES_IN_OPERANDS = str.maketrans(dict.fromkeys(_PUNCTUATION.replace('"', "").replace("-", ""), " "))
_OPERATOR = re.compile(r'"|(?:^|\s)-\w|\sor\s', re.IGNORECASE)
_INNER_DASH = re.compile(r"(?<=\w)-")


def build_query(search: str) -> ColumnElement[str] | None:
    """Return the text-search query; none when nothing is asked.

    Plain words find what begins with them, all of them in one message or title, so that results come while typing.
    With quotes, `-word` or `or` the words are taken as they are (`websearch_to_tsquery`).
    """
    asked = storable(search).strip()[:_QUERY_CHARS]
    if not asked:
        return None
    if _OPERATOR.search(asked):
        return func.websearch_to_tsquery("simple", _INNER_DASH.sub(" ", asked.translate(_SPACES_IN_OPERANDS)))
    return func.to_tsquery("simple", " & ".join(f"'{word}':*" for word in asked.translate(_SPACES).split()))


def build_owner_query(owner_id: UUID) -> ColumnElement[str]:
    """Return the query for the lexeme that `history_words` adds to each message of this person."""
    return cast(f"'@{owner_id}'", TSQUERY)
