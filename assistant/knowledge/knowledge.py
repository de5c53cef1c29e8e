"""The knowledge base: take in, guard, index, find, and let go of documents."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID, uuid4, uuid5

from sqlalchemy import RowMapping, delete, exists, func, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import col

from assistant.conversation import Passage, Person, Role
from assistant.database import reading, transaction
from assistant.errors import BadInputError, NotAllowedError, NotFoundError
from assistant.keys import Keys
from assistant.knowledge.decoding import decode_text
from assistant.knowledge.document import (
    Document,
    DocumentationFile,
    DocumentKind,
    DocumentState,
    Report,
    TextGuard,
)
from assistant.knowledge.retrieval import find_passages
from assistant.knowledge.splitting import first_heading
from assistant.knowledge.storing import delete_twin, mark_indexed, replace_passages, split_into_rows
from assistant.knowledge.tables import DocumentRow, UploadRow

_log = logging.getLogger(__name__)

UPLOAD_LIFETIME: Final = timedelta(hours=1)  # DESIGN.md section 12: sealed and short-lived
_NAME_CHARS: Final = 200
_NAMELESS: Final = "document"
_DOCUMENTATION: Final = UUID("6a0f4c1e-5d0b-4a86-9f6c-0d9a4f2b7c11")  # namespace: one id per file, for ever
_INDEX_VERSION: Final = b"1"  # counts up when splitting changes, so that the documentation is read anew

_COLUMNS: Final = (
    col(DocumentRow.id),
    col(DocumentRow.title),
    col(DocumentRow.source),
    col(DocumentRow.owner_id),
    col(DocumentRow.state),
    col(DocumentRow.reason),
    col(DocumentRow.chars),
    col(DocumentRow.created_at),
)


class Knowledge:
    """Keep documents that went through the guard, and find their passages for those who may read them.

    Args:
        engine: of the application's database role.
        guard_text: takes secrets and personal data out; called in a thread.
        max_upload_bytes: the largest file that is accepted.
    """

    def __init__(
        self, engine: AsyncEngine, keys: Keys, guard_text: TextGuard, *, max_upload_bytes: int = 10 << 20
    ) -> None:
        self._engine = engine
        self._sealer = keys.sealer("upload")
        self._fingerprint_key = keys.derive("document-fingerprint")
        self._guard_text = guard_text
        self._max_upload_bytes = max_upload_bytes

    async def retrieve(self, question: str, *, reader: str, limit: int = 6) -> list[Passage]:
        """Return the passages that answer a question best, among those that this reader may see.

        Args:
            question: what was asked, in the person's words.
            reader: the id of the person who asks; anything else reads only what is shared with everybody.
            limit: how many at most.
        """
        try:
            reader_id = UUID(reader)
        except ValueError:
            reader_id = None
        return await find_passages(self._engine, question, reader=reader_id, limit=limit)

    async def accept_upload(self, person: Person, name: str, data: bytes, *, is_shared: bool = False) -> UUID:
        """Store a file sealed until a worker indexes it; returns its id, which is also the document's.

        Args:
            person: who adds it, and who alone will find it unless it is shared.
            name: the file's name; guarded before it is stored.
            data: the raw bytes.
            is_shared: everybody will find it; for administrators.

        Raises:
            BadInputError: the file is too large, empty, or not a text.
            NotAllowedError: only an administrator shares.
        """
        if is_shared and Role.ADMINISTRATOR not in person.roles:
            raise NotAllowedError("Only an administrator can add a document for everybody. Add it for yourself.")
        if len(data) > self._max_upload_bytes:
            raise BadInputError(
                f"The file has {len(data)} bytes and at most {self._max_upload_bytes} are accepted. Split it."
            )
        await asyncio.to_thread(decode_text, data)
        upload_id = uuid4()
        guarded_name = await self._guard_name(name)
        sealed = self._sealer.seal(data, place=str(upload_id))
        document = insert(DocumentRow).values(
            id=upload_id,
            kind=DocumentKind.UPLOAD,
            title=guarded_name,
            source=guarded_name,
            owner_id=None if is_shared else person.id,
        )
        upload = insert(UploadRow).values(
            id=upload_id,
            person_id=person.id,
            name=guarded_name,
            sealed=sealed,
            size=len(data),
            expires_at=func.now() + UPLOAD_LIFETIME,
        )
        async with transaction(self._engine) as connection:
            await connection.execute(document)
            await connection.execute(upload)
        return upload_id

    async def index_upload(self, upload_id: UUID, report: Report) -> Document:
        """Guard an upload, split it into passages, store them, and delete the upload: all of it, or nothing.

        Running it again changes nothing: an upload that was indexed is gone, and its document is returned.

        Raises:
            BadInputError: the guard blocked it, or it cannot be read.
            NotFoundError: it was not read within the hour, or its owner removed it.
        """
        upload = await self._upload(upload_id)
        if upload is None:
            return await self._indexed(upload_id)
        await report(5, "Reading the file.")
        try:
            data = await asyncio.to_thread(self._sealer.open, upload["sealed"], place=str(upload_id))
        except ValueError:
            raise await self._refuse(upload_id, "The file cannot be opened any more. Add it again.") from None
        text = await asyncio.to_thread(decode_text, data)
        await report(15, "Taking out secrets and personal data.")
        guarded = await asyncio.to_thread(self._guard_text, text)
        if guarded.is_blocked:
            raise await self._refuse(upload_id, guarded.reason)
        await report(70, "Splitting it into passages.")
        title = first_heading(guarded.text) if upload["name"].lower().endswith((".md", ".markdown")) else ""
        title = title or upload["name"]
        passages = await asyncio.to_thread(split_into_rows, upload_id, title, upload["name"], guarded.text)
        await report(85, "Storing the passages.")
        fingerprint = self._fingerprint(data)
        async with transaction(self._engine) as connection:
            await delete_twin(connection, upload_id, fingerprint)
            if not await mark_indexed(
                connection, upload_id, title=title, chars=len(guarded.text), fingerprint=fingerprint
            ):
                raise NotFoundError("The document was removed while it was read.")
            await replace_passages(connection, upload_id, passages)
            await connection.execute(delete(UploadRow).where(col(UploadRow.id) == upload_id))
        return await self._indexed(upload_id)

    async def index_documentation(self, files: Sequence[DocumentationFile], report: Report) -> int:
        """Make the product's own documentation exactly these files; returns how many of them were new or changed."""
        changed = 0
        for number, file in enumerate(files):
            await report(100 * number // len(files), f"Reading {file.source}.")
            changed += await self._index_documentation_file(file)
        present = [_documentation_id(file) for file in files]
        vanished = delete(DocumentRow).where(
            col(DocumentRow.kind) == DocumentKind.DOCUMENTATION, col(DocumentRow.id).not_in(present)
        )
        async with transaction(self._engine) as connection:
            await connection.execute(vanished)
        return changed

    async def documents(self, person: Person) -> list[Document]:
        """List what this person may read: their own documents and the shared ones, the newest first."""
        statement = (
            select(*_COLUMNS)
            .where(or_(col(DocumentRow.owner_id) == person.id, col(DocumentRow.owner_id).is_(None)))
            .order_by(col(DocumentRow.created_at).desc(), col(DocumentRow.id))
        )
        async with reading(self._engine) as connection:
            return [_document(row) for row in (await connection.execute(statement)).mappings()]

    async def remove_document(self, person: Person, document_id: UUID) -> None:
        """Delete a document with its passages, and its upload if it still waits.

        A person removes their own; an administrator also what is shared, except the product's documentation.

        Raises:
            NotFoundError: there is no such document, or it is not this person's to remove.
        """
        may = col(DocumentRow.owner_id) == person.id
        if Role.ADMINISTRATOR in person.roles:
            may = or_(may, col(DocumentRow.owner_id).is_(None))
        statement = (
            delete(DocumentRow)
            .where(col(DocumentRow.id) == document_id, col(DocumentRow.kind) == DocumentKind.UPLOAD, may)
            .returning(col(DocumentRow.id))
        )
        async with transaction(self._engine) as connection:
            if (await connection.execute(statement)).first() is None:
                raise NotFoundError("There is no such document, or it is not yours to remove.")

    async def sweep_uploads(self, abandoned: Collection[UUID] = ()) -> int:
        """Delete the uploads whose hour is over, and mark documents that lost theirs; returns how many uploads.

        Args:
            abandoned: uploads that nobody is going to read: these go at once.
        """
        expired = (
            delete(UploadRow)
            .where(or_(col(UploadRow.expires_at) < func.now(), col(UploadRow.id).in_(abandoned)))
            .returning(col(UploadRow.id))
        )
        stopped = (
            update(DocumentRow)
            .where(col(DocumentRow.id).in_(abandoned), col(DocumentRow.state) == DocumentState.PENDING)
            .values(state=DocumentState.FAILED, reason="Adding it was stopped. Add it again.")
        )
        orphaned = (
            update(DocumentRow)
            .where(
                col(DocumentRow.state) == DocumentState.PENDING,
                ~exists().where(col(UploadRow.id) == col(DocumentRow.id)),
            )
            .values(state=DocumentState.FAILED, reason="It was not read within an hour. Add it again.")
        )
        async with transaction(self._engine) as connection:
            swept = len((await connection.execute(expired)).all())
            await connection.execute(stopped)
            await connection.execute(orphaned)
        return swept

    async def _guard_name(self, name: str) -> str:
        """Return a file's name without its folders, without what may not be stored."""
        last = name.replace("\\", "/").rpartition("/")[2]
        printable = "".join(letter for letter in last if letter.isprintable()).strip()
        guarded = await asyncio.to_thread(self._guard_text, printable)
        return guarded.text.strip()[-_NAME_CHARS:] or _NAMELESS

    async def _upload(self, upload_id: UUID) -> RowMapping | None:
        statement = select(col(UploadRow.name), col(UploadRow.sealed)).where(
            col(UploadRow.id) == upload_id, col(UploadRow.expires_at) > func.now()
        )
        async with transaction(self._engine) as connection:
            return (await connection.execute(statement)).mappings().first()

    async def _indexed(self, document_id: UUID) -> Document:
        statement = select(*_COLUMNS).where(col(DocumentRow.id) == document_id)
        async with transaction(self._engine) as connection:
            row = (await connection.execute(statement)).mappings().first()
        if row is None or row["state"] == DocumentState.PENDING:
            raise NotFoundError("The file is gone: it was not read within an hour, or was removed. Add it again.")
        document = _document(row)
        if document.state is DocumentState.FAILED:
            raise BadInputError(document.reason)
        return document

    async def _refuse(self, upload_id: UUID, reason: str) -> BadInputError:
        """Delete an upload that cannot become a document, and keep the reason for its owner."""
        failed = (
            update(DocumentRow)
            .where(col(DocumentRow.id) == upload_id)
            .values(state=DocumentState.FAILED, reason=reason)
        )
        async with transaction(self._engine) as connection:
            await connection.execute(failed)
            await connection.execute(delete(UploadRow).where(col(UploadRow.id) == upload_id))
        return BadInputError(reason)

    async def _index_documentation_file(self, file: DocumentationFile) -> bool:
        document_id = _documentation_id(file)
        fingerprint = self._fingerprint(_INDEX_VERSION, file.source.encode(), file.title.encode(), file.text.encode())
        async with transaction(self._engine) as connection:
            known = select(col(DocumentRow.fingerprint)).where(col(DocumentRow.id) == document_id)
            if (await connection.execute(known)).scalar() == fingerprint:
                return False
        guarded = await asyncio.to_thread(self._guard_text, file.text)
        if guarded.is_blocked:
            _log.warning("the documentation file %s is left out: the guard blocks it", file.source)
        title = first_heading(guarded.text) or file.title
        passages = await asyncio.to_thread(split_into_rows, document_id, title, file.source, guarded.text)
        values = {
            "kind": DocumentKind.DOCUMENTATION,
            "title": title,
            "source": file.source,
            "fingerprint": fingerprint,
            "state": DocumentState.FAILED if guarded.is_blocked else DocumentState.INDEXED,
            "reason": guarded.reason,
            "chars": len(guarded.text),
        }
        row = upsert(DocumentRow).values(id=document_id, **values)
        async with transaction(self._engine) as connection:
            await connection.execute(row.on_conflict_do_update(index_elements=["id"], set_=values))
            await replace_passages(connection, document_id, passages)
        return True

    def _fingerprint(self, *parts: bytes) -> bytes:
        """Return a keyed hash, so that whoever sees the table cannot try out what a file may hold."""
        digest = hmac.new(self._fingerprint_key, digestmod=hashlib.sha256)
        for part in parts:
            digest.update(len(part).to_bytes(8, "big") + part)
        return digest.digest()


def _documentation_id(file: DocumentationFile) -> UUID:
    return uuid5(_DOCUMENTATION, file.source)


def _document(row: RowMapping) -> Document:
    return Document(
        id=row["id"],
        title=row["title"],
        source=row["source"],
        is_shared=row["owner_id"] is None,
        state=DocumentState(row["state"]),
        reason=row["reason"],
        chars=row["chars"],
        created_at=row["created_at"],
    )
