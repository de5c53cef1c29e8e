"""What came with a message, as texts: single files, and folders as zips."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from assistant.conversation import Attachment
from assistant.errors import BadInputError
from assistant.knowledge.decoding import decode_text
from assistant.web.chat.folder import read_folder
from assistant.web.chat.uploads import Upload

_ZIP = ".zip"


@dataclass(frozen=True, slots=True)
class Attached:
    """The files of one message, in the order in which they were attached, and what is said of those left out."""

    files: tuple[Attachment, ...] = ()
    notes: tuple[str, ...] = ()


async def read_uploads(uploads: Sequence[Upload]) -> Attached:
    """Read the files, off the event loop.

    Raises:
        BadInputError: one is not a text or no folder of texts; names it.
    """
    files: list[Attachment] = []
    notes: list[str] = []
    for upload in uploads:
        try:
            found, note = await asyncio.to_thread(_read, upload)
        except BadInputError as error:
            raise BadInputError(f"{upload.name}: {error}") from error
        files += found
        notes += [f"{upload.name} · {note}"] if note else []
    return Attached(tuple(files), tuple(notes))


def _read(upload: Upload) -> tuple[Sequence[Attachment], str]:
    if not upload.name.lower().endswith(_ZIP):
        return (Attachment(upload.name, decode_text(upload.data)),), ""
    folder = read_folder(upload.data)
    return folder.files, folder.words
