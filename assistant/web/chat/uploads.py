"""Files that wait for their message: in memory only, few, and not for long. A raw file never touches the disk."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final
from uuid import UUID, uuid4

from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from assistant.errors import BadInputError, NotFoundError
from assistant.web.chat.configuration import MOST_FILES

_WAIT_SECONDS: Final = 15 * 60  # between choosing a file and sending the message
_MOST_WAITING_A_PERSON: Final = 2 * MOST_FILES
_MOST_BYTES: Final = 256 << 20  # of all people together, in one process
_MOST_FIELDS: Final = 4
_NAME_CHARS: Final = 200


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it came: name and bytes are a person's, never logged."""

    name: str
    data: bytes

    def __repr__(self) -> str:
        """Show the size and nothing of the file."""
        return f"Upload({len(self.data)} bytes)"


@dataclass(frozen=True, slots=True)
class _Waiting:
    owner: UUID
    upload: Upload
    until: float


class UploadShelf:
    """Keep files until their owner sends the message they belong to; each can be taken once."""

    def __init__(self, *, max_upload_bytes: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._max_upload_bytes = max_upload_bytes
        self._clock = clock
        self._waiting: dict[UUID, _Waiting] = {}

    def put(self, owner: UUID, upload: Upload) -> UUID:
        """Keep a file and return its id.

        Raises:
            BadInputError: it is empty or too large, or too many wait already.
        """
        self._forget_old()
        if not upload.data:
            raise BadInputError("The file is empty.")
        if len(upload.data) > self._max_upload_bytes:
            raise BadInputError(
                f"The file has {len(upload.data):,} bytes, at most {self._max_upload_bytes:,} are accepted. Split it."
            )
        if sum(1 for kept in self._waiting.values() if kept.owner == owner) >= _MOST_WAITING_A_PERSON:
            raise BadInputError("Several files wait for a message already. Send it first, or wait some minutes.")
        if sum(len(kept.upload.data) for kept in self._waiting.values()) + len(upload.data) > _MOST_BYTES:
            raise BadInputError("Many files arrive at this moment. Try again in a minute.")
        upload_id = uuid4()
        self._waiting[upload_id] = _Waiting(owner, upload, self._clock() + _WAIT_SECONDS)
        return upload_id

    def take(self, owner: UUID, upload_ids: Iterable[UUID]) -> list[Upload]:
        """Return the owner's files in the order asked for, each once, and forget them.

        Raises:
            NotFoundError: one is not there any more, or is somebody else's; then all of them stay.
        """
        self._forget_old()
        wanted = list(dict.fromkeys(upload_ids))
        own = {upload_id: kept.upload for upload_id, kept in self._waiting.items() if kept.owner == owner}
        if not own.keys() >= set(wanted):
            raise NotFoundError("A file of this message is not there any more. Attach it again.")
        for upload_id in wanted:
            del self._waiting[upload_id]
        return [own[upload_id] for upload_id in wanted]

    def _forget_old(self) -> None:
        now = self._clock()
        self._waiting = {upload_id: kept for upload_id, kept in self._waiting.items() if kept.until > now}


class _InMemoryParser(MultiPartParser):
    """Starlette's parser, which writes files over one megabyte into the temporary folder unless told otherwise."""

    spool_max_size = 1 << 40  # bytes; the body is limited before it comes here


async def read_upload(request: Request) -> Upload:
    """Read the one file of a multipart form into memory.

    Raises:
        BadInputError: the form is not one, or holds no file.
    """
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise BadInputError("The page sent no file.")
    parser = _InMemoryParser(request.headers, request.stream(), max_files=1, max_fields=_MOST_FIELDS)
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError, ValueError, UnicodeError) as error:
        raise BadInputError("The file did not arrive whole. Attach it again.") from error
    try:
        file = form.get("file")
        if file is None or isinstance(file, str):
            raise BadInputError("The page sent no file.")
        return Upload(name=(file.filename or "file")[-_NAME_CHARS:], data=await file.read())
    finally:
        await form.close()
