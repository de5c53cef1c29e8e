"""Records that wait on this machine's disk for the database: one file a process, one owner a file, nothing dropped.

A file is a head (what it is, a random id) and frames: length and CRC-32 of what follows, then an event with its text,
sealed with a key from the master key and bound to this file and offset: no frame can be changed, moved or taken out of
the middle. The text is sealed once more, with the key of its conversation: erasing that one erases it here, too.
What follows the last whole frame was being written when a process died; nobody was told that it is durable.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
import secrets
import stat
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from struct import Struct
from typing import Final
from uuid import UUID

from assistant.audit.record import MOST_BODY_BYTES, derive_record, make_event_id
from assistant.audit.writing.content import ContentRow
from assistant.audit.writing.insert import Entry
from assistant.audit.writing.resync import FRAME, find_frame, parse_length
from assistant.errors import SettingsError
from assistant.keys import Sealer

_log = logging.getLogger(__name__)

SPOOL_PURPOSE: Final = "audit-spool"  # of the key
_SUFFIX: Final = ".spool"
_ASIDE: Final = "unreadable"  # the folder of what a person must look at
_MAGIC: Final = b"cloister spool 1\n"
_ID_BYTES: Final = 16
_HEAD_BYTES: Final = len(_MAGIC) + _ID_BYTES
_SEALED_MORE: Final = 28  # AES-GCM's nonce and tag
_BODY: Final = Struct(">I")  # bytes of the body that follows; the text's row stands behind it
_TEXT: Final = Struct(">16s16s16s16s16s")  # its ids and its kind, padded with zeros; the sealed text stands behind it
_MOST_TEXT_BYTES: Final = 4_194_304  # the table's own limit
_MOST_SEALED: Final = _SEALED_MORE + _BODY.size + MOST_BODY_BYTES + _TEXT.size + _MOST_TEXT_BYTES
_IN_MEMORY: Final = frozenset({"tmpfs", "ramfs"})
_MOUNTS: Final = Path("/proc/self/mountinfo")


@dataclass(slots=True)
class Stretch:
    """A part of a spool, as read.

    Attributes:
        end: offset of what comes next.
        unreadable: frames that were changed, or sealed with another key.
        torn_bytes: what stands behind the last frame that is whole, and is none.
    """

    end: int
    entries: list[Entry] = field(default_factory=list)
    unreadable: int = 0
    torn_bytes: int = 0


class Spool:
    """An open file of records; no other process can take it meanwhile. Not for several threads at once.

    Attributes:
        size: bytes that are known to be on the disk, or were there when it was taken.
        is_broken: a write or a sync failed. Nothing is ever added again: after a failed sync nobody knows what the disk
            has, and the next sync would say that all is well (fsyncgate, PostgreSQL 2018).
    """

    def __init__(self, descriptor: int, path: Path, identity: bytes, sealer: Sealer, size: int) -> None:
        self._descriptor = descriptor
        self.path = path
        self._identity = identity
        self._sealer = sealer
        self.size = size
        self.is_broken = False

    @property
    def begin(self) -> int:
        """Return the offset of the first frame."""
        return _HEAD_BYTES

    def append(self, entries: Sequence[Entry]) -> None:
        """Return once all are on the disk: one sync for all.

        Raises:
            OSError: they are not; the file is broken from now on.
        """
        if self.is_broken:
            raise OSError("The spool is broken; nothing is added to it.")
        frames, end = [], self.size
        for entry in entries:
            frames.append(self._frame(entry, end))
            end += len(frames[-1])
        try:
            _write_all(self._descriptor, b"".join(frames), self.size)
            os.fdatasync(self._descriptor)
        except OSError:
            self.is_broken = True
            with contextlib.suppress(OSError):  # what nobody was promised need not be found later; it may
                os.ftruncate(self._descriptor, self.size)
            raise
        self.size = end

    def read(self, begin: int, most: int) -> Stretch:
        """Read at most so many frames from an offset on.

        Raises:
            OSError: the disk does not give them.
        """
        found = Stretch(begin)
        for _ in range(most):
            if found.end >= self.size:
                break
            sealed = self._read_frame(found.end)
            entry = None if sealed is None else self._open(sealed, found.end)
            if sealed is None or entry is None:
                self._pass_over(found)
            else:
                found.entries.append(entry)
                found.end += FRAME.size + len(sealed)
        return found

    def _pass_over(self, found: Stretch) -> None:
        """Go on behind what cannot be read, with the next frame that is whole: a length may have been changed, too."""

        def opens(offset: int) -> bool:
            sealed = self._read_frame(offset)
            return sealed is not None and self._open(sealed, offset) is not None

        def read(offset: int, count: int) -> bytes:
            return os.pread(self._descriptor, count, offset)

        following = find_frame(read, found.end + 1, self.size, (_SEALED_MORE, _MOST_SEALED), opens)
        end = self.size if following is None else following
        frames = self._count_frames(found.end, end)
        if following is None and not frames:
            found.torn_bytes = end - found.end
        found.unreadable += frames or following is not None
        found.end = end

    def _count_frames(self, begin: int, end: int) -> int:
        """Return how many frames lie there by what their heads say; 0 where these do not lead to the end."""
        count = 0
        while begin < end:
            sealed = self._read_frame(begin)
            if sealed is None:
                return 0
            begin += FRAME.size + len(sealed)
            count += 1
        return count if begin == end else 0

    def remove(self) -> None:
        """Delete the file: all of it is in the log."""
        self.path.unlink(missing_ok=True)
        self.close()

    def set_aside(self) -> Path:
        """Move the file to where nobody replays or deletes it, and return where that is."""
        folder = self.path.parent / _ASIDE
        folder.mkdir(mode=0o700, exist_ok=True)
        place = self.path.rename(folder / self.path.name)
        self.close()
        return place

    def close(self) -> None:
        """Let go of the file; whoever comes next may take it."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _frame(self, entry: Entry, offset: int) -> bytes:
        sealed = self._sealer.seal(_pack(entry), place=self._place(offset))
        return FRAME.pack(len(sealed), zlib.crc32(sealed)) + sealed

    def _place(self, offset: int) -> str:
        return f"spool {self._identity.hex()} {offset}"

    def _read_frame(self, offset: int) -> bytes | None:
        """Return what a frame holds, whether its checksum fits or not; None where no whole frame is."""
        head = os.pread(self._descriptor, FRAME.size, offset)
        length = parse_length(head, offset, _SEALED_MORE, _MOST_SEALED, self.size)
        return None if length is None else os.pread(self._descriptor, length, offset + FRAME.size)

    def _open(self, sealed: bytes, offset: int) -> Entry | None:
        checksum = FRAME.unpack(os.pread(self._descriptor, FRAME.size, offset))[1]
        if zlib.crc32(sealed) != checksum:
            return None
        try:
            return _unpack(self._sealer.open(sealed, place=self._place(offset)))
        except ValueError:
            return None


class SpoolFolder:
    """Where the processes of an installation keep their spools.

    Args:
        folder: made when the first spool is.
        sealer: with the key of `SPOOL_PURPOSE`.
    """

    def __init__(self, folder: Path, sealer: Sealer) -> None:
        self._folder = folder
        self._sealer = sealer
        self._told: set[Path] = set()

    def prepare(self) -> None:
        """Make the folder, and see that it is on a disk.

        Raises:
            SettingsError: it cannot be made, or lies in memory, where a restart of the machine loses it.
        """
        try:
            self._make()
            kind = _file_system_of(self._folder)
        except OSError as error:
            raise SettingsError(
                f"CLOISTER_AUDIT_WHEN_DOWN is spool, and {str(self._folder)!r} cannot be used: {error.strerror}. "
                "Give CLOISTER_DATA_DIR a folder that can be written, or set deny."
            ) from error
        if kind in _IN_MEMORY:
            raise SettingsError(
                f"CLOISTER_AUDIT_WHEN_DOWN is spool, and {str(self._folder)!r} lies in memory ({kind}), where events "
                "would be lost with the machine. Give CLOISTER_DATA_DIR a folder on a disk, or set deny."
            )

    def create(self) -> Spool:
        """Begin a spool; it is found again after a crash before anything is in it.

        Raises:
            OSError: the disk does not take it.
        """
        self._make()
        identity = secrets.token_bytes(_ID_BYTES)
        path = self._folder / f"{make_event_id(time.time_ns())}{_SUFFIX}"
        with self._locked() as folder:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _write_all(descriptor, _MAGIC + identity, 0)
                os.fdatasync(descriptor)
                os.fsync(folder)
            except OSError:
                os.close(descriptor)
                path.unlink(missing_ok=True)
                raise
        return Spool(descriptor, path, identity, self._sealer, _HEAD_BYTES)

    def take_orphans(self, most: int) -> list[Spool]:
        """Take spools that no living process has, the oldest first; of what cannot be opened is told, once.

        Raises:
            OSError: the folder cannot be read.
        """
        taken: list[Spool] = []
        if not self._folder.is_dir():
            return taken
        with self._locked():
            for path in sorted(self._folder.glob(f"*{_SUFFIX}")):
                if len(taken) == most:
                    break
                try:
                    spool = self._take(path)
                except OSError as error:
                    self._tell_of(path, error.strerror)
                    continue
                taken += [spool] if spool is not None else []
        return taken

    def _take(self, path: Path) -> Spool | None:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:  # its process is just done with it
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            found = os.fstat(descriptor)
            is_there = os.path.samestat(found, path.stat())
        except (BlockingIOError, FileNotFoundError):
            is_there = False
        if not is_there:
            os.close(descriptor)
            return None
        if not stat.S_ISREG(found.st_mode):
            os.close(descriptor)
            raise OSError(errno.EINVAL, "it is no file")
        size = found.st_size
        head = os.pread(descriptor, _HEAD_BYTES, 0)
        spool = Spool(descriptor, path, head[len(_MAGIC) :], self._sealer, size)
        if len(head) < _HEAD_BYTES:  # its process died before anything could be put in
            spool.remove()
            return None
        if not head.startswith(_MAGIC):
            _log.error("%s is no spool of this version; it lies in %s now.", path.name, spool.set_aside().parent)
            return None
        return spool

    def _tell_of(self, path: Path, reason: str | None) -> None:
        """Say why a file cannot be taken, and leave it where it is: the others must not wait for it."""
        if path not in self._told:
            self._told.add(path)
            _log.error("%s cannot be brought into the audit log: %s. Give it to this process.", path.name, reason)

    def _make(self) -> None:
        if not self._folder.is_dir():
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _sync_folder(self._folder.parent)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[int]:
        """Hold the folder, so that nobody finds a file between its making and its lock, or its lock and its end."""
        descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield descriptor
        finally:
            os.close(descriptor)


def size_of(entry: Entry) -> int:
    """Return how many bytes an entry has, without what sealing adds."""
    return len(entry.record.body) + (len(entry.content.sealed) if entry.content else 0)


def _pack(entry: Entry) -> bytes:
    body = _BODY.pack(len(entry.record.body)) + entry.record.body
    if entry.content is None:
        return body
    row = entry.content
    kind = row.kind.encode("ascii")
    text = _TEXT.pack(row.id.bytes, row.thread_id.bytes, row.turn_id.bytes, row.dek_id.bytes, kind)
    return body + text + row.sealed


def _unpack(plain: bytes) -> Entry:
    """Return what was packed; every column of the event follows from its body.

    Raises:
        ValueError: nobody packed this.
    """
    end = _BODY.size + int.from_bytes(plain[: _BODY.size], "big")
    record = derive_record(plain[_BODY.size : end])
    if len(plain) <= end:
        return Entry(record)
    if len(plain) < end + _TEXT.size:
        raise ValueError("The text of the event is cut off.")
    identifier, thread_id, turn_id, dek_id, kind = _TEXT.unpack_from(plain, end)
    ids = UUID(bytes=identifier), UUID(bytes=thread_id), UUID(bytes=turn_id)
    sealed = plain[end + _TEXT.size :]
    return Entry(record, ContentRow(*ids, kind.rstrip(b"\0").decode("ascii"), UUID(bytes=dek_id), sealed))


def _write_all(descriptor: int, content: bytes, offset: int) -> None:
    rest = memoryview(content)
    while rest:
        written = os.pwrite(descriptor, rest, offset)
        rest, offset = rest[written:], offset + written


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _file_system_of(folder: Path) -> str:
    """Return the kind of file system; empty where the platform does not say."""
    device = folder.stat().st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    if not _MOUNTS.exists():
        return ""
    for line in _MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines():
        mount, _, source = line.partition(" - ")
        if mount.split()[2] == wanted:
            return source.split()[0]
    return ""
