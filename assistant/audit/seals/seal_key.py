"""The key that signs heads: a file of its own that only the sealer needs, and how a new key follows an old one.

The file has the key in force on its first line. A line `next` holds the key to come with the id of the event that
announces it: the old key signs the batch with that event, the new one every head after it, and then the old secret is
gone. Beside it lies the public key of the first day, from which a verifier follows the announcements, and the mark:
the last head that was made, so that a database that was set back is not sealed anew.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from uuid import UUID

from assistant.audit.events import KeyRotated
from assistant.audit.seals.checkpoint import NoteError, NoteKey, SecretNoteKey
from assistant.audit.writing.append import Appender
from assistant.audit.writing.durable import replace_file
from assistant.errors import SettingsError

_NEXT: Final = "next"
_FORMER: Final = "former"
_ANNOUNCED: Final = "announced"
_MARK_FIELDS: Final = 3
_MOST_ANNOUNCED: Final = 100  # a witness that missed more is told the key by its operator


@dataclass(frozen=True, slots=True)
class Mark:
    """The last head that the sealer made, as it remembers it outside the database."""

    batch: int
    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class PendingKey:
    """A key that takes over once an event that announces it is sealed; there are several if one was sent again."""

    key: SecretNoteKey
    event_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class SealKeys:
    """What the file holds; of the key before this one the public half alone.

    Attributes:
        announced: how each key was announced by the one before, for witnesses, who cannot read the log.
    """

    current: SecretNoteKey
    pending: PendingKey | None = None
    former: NoteKey | None = None
    announced: tuple[KeyRotated, ...] = ()

    @property
    def public(self) -> tuple[NoteKey, ...]:
        """Return the keys of which one signed the last head."""
        return (self.current.public,) if self.former is None else (self.current.public, self.former)

    def promoted(self) -> SealKeys:
        """Return what the file holds once the pending key is in force: the old secret is gone."""
        if self.pending is None:
            return self
        announced = announce(self.current, self.pending.key.public)
        return SealKeys(
            self.pending.key, former=self.current.public, announced=(*self.announced[1 - _MOST_ANNOUNCED :], announced)
        )


class SealKeyFile:
    """Read and write the file; each write is whole or not at all."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._stamp: tuple[int, int] | None = None
        self._read: SealKeys | None = None

    @property
    def public_file(self) -> Path:
        """Return where the public key of the first day lies."""
        return public_file_of(self._file)

    @property
    def mark_file(self) -> Path:
        """Return where the mark lies: the last head that was made."""
        return self._file.with_suffix(".mark")

    @property
    def exists(self) -> bool:
        """Tell whether there is a key."""
        return self._file.exists()

    def create(self) -> SealKeys:
        """Make the first key, with a name that no other log has, unless there is one.

        Raises:
            SettingsError: it cannot be written.
        """
        if not self.exists:
            key = SecretNoteKey.make(f"cloister/{secrets.token_hex(8)}")
            try:
                self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                replace_file(self.public_file, f"{key.public}\n", mode=0o644)
            except OSError as error:
                raise _unusable(self._file, error) from error
            self.write(SealKeys(key))
        return self.read()

    def read(self) -> SealKeys:
        """Return the keys as the file has them now; it is read again when it changed.

        Raises:
            SettingsError: there is no such file, or it holds no key.
        """
        try:
            status = self._file.stat()
            stamp = (status.st_mtime_ns, status.st_ino)
            if self._read is None or stamp != self._stamp:
                self._read, self._stamp = _parse(self._file.read_text(encoding="ascii")), stamp
        except (OSError, UnicodeDecodeError, NoteError, ValueError) as error:
            raise _unusable(self._file, error) from error
        return self._read

    def write(self, keys: SealKeys) -> None:
        """Replace the file.

        Raises:
            SettingsError: it cannot be written.
        """
        lines = [keys.current.reveal()]
        if keys.pending is not None:
            lines.append(" ".join((_NEXT, keys.pending.key.reveal(), *map(str, keys.pending.event_ids))))
        if keys.former is not None:
            lines.append(f"{_FORMER} {keys.former}")
        lines += [f"{_ANNOUNCED} {each.old_key} {each.new_key} {each.signature}" for each in keys.announced]
        try:
            replace_file(self._file, "".join(f"{line}\n" for line in lines), mode=0o600)
        except OSError as error:
            raise _unusable(self._file, error) from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep out whoever else changes the file: what was read inside still holds when it is written.

        Raises:
            SettingsError: the folder cannot be opened.
        """
        try:
            folder = os.open(self._file.parent, os.O_RDONLY)
        except OSError as error:
            raise _unusable(self._file, error) from error
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)  # let go with the descriptor, also by a kill
            yield
        finally:
            os.close(folder)

    def promote(self, pending: PendingKey) -> SealKeys:
        """Let the pending key take over, unless the file has another one by now; return what it has.

        Raises:
            SettingsError: the file cannot be used.
        """
        with self.locked():
            keys = self.read()
            if keys.pending is not None and keys.pending.key.public == pending.key.public:
                self.write(keys.promoted())
        return self.read()

    def read_mark(self) -> Mark | None:
        """Return the mark; None where none was written yet.

        Raises:
            SettingsError: it cannot be read.
        """
        try:
            words = self.mark_file.read_text(encoding="ascii").split()
            if len(words) != _MARK_FIELDS:
                raise ValueError("It has not three fields.")  # noqa: TRY301 - told as what the parsers raise
            return Mark(int(words[0]), int(words[1]), b64decode(words[2], validate=True))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise self._unusable_mark(error) from error

    def advance_mark(self, mark: Mark) -> None:
        """Remember a head, unless another sealer with this key remembers a later one.

        Raises:
            SettingsError: it cannot be written.
        """
        last = self.read_mark()
        if last is None or last.batch < mark.batch:
            self.set_mark(mark)

    def set_mark(self, mark: Mark | None) -> None:
        """Remember this head whatever was remembered, or none.

        Raises:
            SettingsError: it cannot be written.
        """
        try:
            if mark is None:
                self.mark_file.unlink(missing_ok=True)
            else:
                content = f"{mark.batch} {mark.size} {b64encode(mark.root).decode()}\n"
                replace_file(self.mark_file, content, mode=0o600)
        except OSError as error:
            raise self._unusable_mark(error) from error

    def _unusable_mark(self, error: Exception) -> SettingsError:
        return SettingsError(
            f"The file {str(self.mark_file)!r}, which says what was sealed last, cannot be used "
            f"({type(error).__name__}). Nothing is sealed until it can. See that the sealer may read and write it. "
            "If it is damaged, run `cloister audit verify` with an anchor; if that says sound, remove the file."
        )


def public_file_of(file: Path) -> Path:
    """Return where the public key lies that belongs to a file of keys."""
    return file.with_suffix(".pub")


def read_public_key(file: Path) -> NoteKey:
    """Return the key of the first day, by which a log is judged.

    Raises:
        SettingsError: the file is missing or holds none.
    """
    try:
        return NoteKey.parse(file.read_text(encoding="utf-8").strip())
    except (OSError, UnicodeDecodeError, NoteError) as error:
        raise SettingsError(
            f"The log's public key cannot be read from {str(file)!r} ({type(error).__name__}). "
            "Name it with --key, from your own records."
        ) from error


def announce(old: SecretNoteKey, new: NoteKey) -> KeyRotated:
    """Return the event by which the key in force says which one follows it."""
    signature = old.sign(_announcement(old.public, new))
    return KeyRotated(old_key=str(old.public), new_key=str(new), signature=b64encode(signature).decode())


async def rotate(file: SealKeyFile, writer: Appender) -> None:
    """Announce a new key; the sealer signs with it once the announcement is sealed.

    The key is on the disk before its announcement is in the log: a log that announces a lost key could not go on. For
    the same reason a second try announces the same key again.

    Raises:
        SettingsError: the file cannot be used.
        AuditUnavailableError: the audit log cannot be written; try again.
    """
    with file.locked():  # the sealer may be promoting the key of an earlier call
        keys = file.read()
        pending = keys.pending or PendingKey(SecretNoteKey.make(keys.current.name), ())
        record = writer.compose(announce(keys.current, pending.key.public))
        file.write(replace(keys, pending=PendingKey(pending.key, (*pending.event_ids, record.id))))
    await writer.append_record(record)


def follow(announced: KeyRotated, in_force: NoteKey) -> NoteKey:
    """Return the key that is in force after an announcement; one that was sent again changes nothing.

    Raises:
        NoteError: the key in force did not sign it, or it announces a key of another log.
    """
    if announced.new_key == str(in_force):
        return in_force
    new = NoteKey.parse(announced.new_key)
    if announced.old_key != str(in_force) or new.name != in_force.name or new.algorithm is not in_force.algorithm:
        raise NoteError("A new key is announced for another key than the one in force.")
    try:
        signature = b64decode(announced.signature, validate=True)
    except ValueError:
        signature = b""
    if not in_force.has_signed(_announcement(in_force, new), signature):
        raise NoteError("A new key is announced, and the key in force did not sign that.")
    return new


def _announcement(old: NoteKey, new: NoteKey) -> bytes:
    return f"cloister audit key\n{old}\n{new}\n".encode()


def _parse(content: str) -> SealKeys:
    current, *more = content.splitlines()
    keys = SealKeys(SecretNoteKey.parse(current))
    for line in more:
        match line.split(" "):
            case [word, key, *identifiers] if word == _NEXT:
                keys = replace(keys, pending=PendingKey(SecretNoteKey.parse(key), tuple(map(UUID, identifiers))))
            case [word, key] if word == _FORMER:
                keys = replace(keys, former=NoteKey.parse(key))
            case [word, old_key, new_key, signature] if word == _ANNOUNCED:
                announced = KeyRotated(old_key=old_key, new_key=new_key, signature=signature)
                keys = replace(keys, announced=(*keys.announced, announced))
            case _:
                raise NoteError("A line of the file is not known.")
    return keys


def _unusable(file: Path, error: Exception) -> SettingsError:
    return SettingsError(
        f"The sealing key {str(file)!r} cannot be used ({type(error).__name__}). Restore it from a backup: "
        "a log goes on with the key that it began with, or with one that this key announced."
    )
