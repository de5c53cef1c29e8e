"""Write a document's passages, inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from assistant.knowledge.document import DocumentState
from assistant.knowledge.splitting import split_text
from assistant.knowledge.tables import DocumentRow, PassageRow

Passages = Sequence[dict[str, Any]]

_STORED_AT_ONCE: Final = 1000


def split_into_rows(document_id: UUID, title: str, name: str, text: str) -> Passages:
    """Split a guarded text into the rows of its passages. CPU work: call it in a thread."""
    return [
        {
            "document_id": document_id,
            "number": number,
            "title": title,
            "heading": piece.heading,
            "start_offset": piece.start,
            "end_offset": piece.end,
            "text": text[piece.start : piece.end],
        }
        for number, piece in enumerate(split_text(text, name=name))
    ]


async def replace_passages(connection: AsyncConnection, document_id: UUID, passages: Passages) -> None:
    """Let a document consist of these passages and no others."""
    await connection.execute(delete(PassageRow).where(col(PassageRow.document_id) == document_id))
    for first in range(0, len(passages), _STORED_AT_ONCE):
        await connection.execute(insert(PassageRow), passages[first : first + _STORED_AT_ONCE])


async def mark_indexed(
    connection: AsyncConnection, document_id: UUID, *, title: str, chars: int, fingerprint: bytes
) -> bool:
    """Note that a document can be found now; False if it does not exist any more."""
    statement = (
        update(DocumentRow)
        .where(col(DocumentRow.id) == document_id)
        .values(state=DocumentState.INDEXED, reason="", title=title, chars=chars, fingerprint=fingerprint)
        .returning(col(DocumentRow.id))
    )
    return (await connection.execute(statement)).first() is not None


async def delete_twin(connection: AsyncConnection, document_id: UUID, fingerprint: bytes) -> None:
    """Delete the same file of the same owner, added earlier: the newer one takes its place."""
    this = select(col(DocumentRow.owner_id), col(DocumentRow.kind)).where(col(DocumentRow.id) == document_id).subquery()
    is_twin: ColumnElement[bool] = col(DocumentRow.owner_id).is_not_distinct_from(this.c.owner_id)
    await connection.execute(
        delete(DocumentRow).where(
            is_twin,
            col(DocumentRow.kind) == this.c.kind,
            col(DocumentRow.fingerprint) == fingerprint,
            col(DocumentRow.id) != document_id,
        )
    )
