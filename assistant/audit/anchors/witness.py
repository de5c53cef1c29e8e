"""A witness: it remembers the newest checkpoint of each log, and signs a newer one only if it was shown to continue it.

It is run by another administrator on another machine, and needs neither the database nor a key of the installation. A
log that was set back, or sealed anew with a stolen key, gets no signature here, and what it showed is kept as evidence.

Source: https://c2sp.org/tlog-witness, https://c2sp.org/tlog-cosignature. Beyond them, `add_key` takes the announcement
by which the key in force says which one follows it.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from base64 import b64decode
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from typing import Final, NamedTuple, Self

from assistant.audit.events import KeyRotated
from assistant.audit.seals.checkpoint import Checkpoint, NoteError, NoteKey, SecretNoteKey, open_note
from assistant.audit.seals.seal_key import follow
from assistant.audit.seals.tree import EMPTY_ROOT, is_consistent
from assistant.audit.writing.durable import append_to_file, replace_file
from assistant.errors import SettingsError

_log = logging.getLogger(__name__)

MOST_BODY_BYTES: Final = 32 << 10  # a proof of 63 hashes and a note of 64 signatures are 12 kB
SIZE_TYPE: Final = "text/x.tlog.size"
_TEXT_TYPE: Final = "text/plain; charset=utf-8"
_MOST_PROOF_LINES: Final = 63
_MOST_EVIDENCE_BYTES: Final = 1 << 20
_OLD: Final = "old "
_KEY_FILE: Final = "witness.key"
_ANNOUNCEMENT_LINES: Final = 3


class Answer(NamedTuple):
    """What the log is told."""

    status: int
    body: str = ""
    media_type: str = _TEXT_TYPE


@dataclass(frozen=True, slots=True)
class KnownLog:
    """What the witness remembers of a log.

    Attributes:
        told: the key that the witness's operator named.
        key: the one in force, which may have followed it.
        note: the newest checkpoint that was cosigned, as the log signed it; empty at first.
    """

    told: NoteKey
    key: NoteKey
    size: int = 0
    root: bytes = EMPTY_ROOT
    note: str = ""

    @classmethod
    def parse(cls, content: str) -> Self:
        """Read what `content` wrote.

        Raises:
            NoteError: it is something else.
        """
        told, key, note = content.split("\n", 2)
        known = cls(NoteKey.parse(told), NoteKey.parse(key))
        if not note:
            return known
        checkpoint = _checkpoint_of(note)
        return replace(known, size=checkpoint.size, root=checkpoint.root, note=note)

    @property
    def content(self) -> str:
        """Return what the file of this log has: two keys and a note."""
        return f"{self.told}\n{self.key}\n{self.note}"


@dataclass(frozen=True, slots=True)
class _Submission:
    """A request of `add-checkpoint`."""

    old_size: int
    proof: list[bytes]
    note: str
    checkpoint: Checkpoint

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Read it.

        Raises:
            ValueError: it has not the form of the standard.
        """
        head, gap, note = body.decode().partition("\n\n")
        old, *lines = head.split("\n")
        number = old.removeprefix(_OLD)
        if not gap or not old.startswith(_OLD) or not number.isdecimal() or str(int(number)) != number:
            raise ValueError("no old size")
        if len(lines) > _MOST_PROOF_LINES:
            raise ValueError("too many hashes")
        proof = [b64decode(line, validate=True) for line in lines]
        return cls(int(number), proof, note, _checkpoint_of(note))


class Witness:
    """Answer logs; one process has a folder to itself.

    Args:
        folder: where its key, and a file for each log, lie.
        logs: the public keys of the logs that it serves, of their first day or, where one was lost, of today.
        clock: seconds since 1970.
    """

    def __init__(self, folder: Path, logs: Iterable[NoteKey], *, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._key = open_witness_key(folder)
        self._clock = clock
        self._lock = threading.Lock()  # to look at the old size and to write the new one is one thing
        self._logs = {key.name: self._read(key) for key in logs}

    @property
    def public(self) -> NoteKey:
        """Return the key that others check its cosignatures with."""
        return self._key.witness

    def add_checkpoint(self, body: bytes) -> Answer:
        """Cosign a checkpoint that continues what is remembered; the new one is on the disk before this returns.

        The order is the standard's: form, log, signature, sizes, roots, proof; then disk; then the signature.

        Raises:
            OSError: it could not be remembered; nothing was signed.
        """
        try:
            asked = _Submission.parse(body)
        except ValueError:
            return Answer(HTTPStatus.BAD_REQUEST)
        with self._lock:
            known = self._logs.get(asked.checkpoint.origin)
            if known is None:
                return Answer(HTTPStatus.NOT_FOUND)
            try:
                text = open_note(asked.note, [known.key])
            except NoteError:
                return Answer(HTTPStatus.FORBIDDEN)
            refusal = self._refuse(asked, known)
            if refusal is not None:
                return refusal
            checkpoint = asked.checkpoint
            if checkpoint.size > known.size or not known.note:
                self._keep(replace(known, size=checkpoint.size, root=checkpoint.root, note=asked.note))
            return Answer(HTTPStatus.OK, self._key.cosign(text, int(self._clock())))

    def add_key(self, body: bytes) -> Answer:
        """Follow the announcement of a log's new key: old key, new key and the old one's signature, a line each.

        Raises:
            OSError: it could not be remembered.
        """
        try:
            lines = body.decode().splitlines()
            if len(lines) != _ANNOUNCEMENT_LINES:
                return Answer(HTTPStatus.BAD_REQUEST)
            announced = KeyRotated(old_key=lines[0], new_key=lines[1], signature=lines[2])
            origin = NoteKey.parse(announced.new_key).name
        except ValueError:
            return Answer(HTTPStatus.BAD_REQUEST)
        with self._lock:
            known = self._logs.get(origin)
            if known is None:
                return Answer(HTTPStatus.NOT_FOUND)
            try:
                key = follow(announced, known.key)
            except NoteError:
                return Answer(HTTPStatus.FORBIDDEN)
            if key != known.key:
                self._keep(replace(known, key=key))
                _log.warning("The log %s has another key from now on: %s", origin, key)
            return Answer(HTTPStatus.OK)

    def describe(self) -> str:
        """Return the witness's key and the newest checkpoints, for whoever wants to compare."""
        with self._lock:
            return "\n".join([f"{self.public}\n", *(known.note for known in self._logs.values() if known.note)])

    def _refuse(self, asked: _Submission, known: KnownLog) -> Answer | None:
        checkpoint = asked.checkpoint
        if asked.old_size > checkpoint.size:
            return Answer(HTTPStatus.BAD_REQUEST)
        if asked.old_size != known.size:
            if checkpoint.size < known.size:
                self._testify(asked, f"it has {checkpoint.size} events and had {known.size}: it was set back")
            return Answer(HTTPStatus.CONFLICT, f"{known.size}\n", SIZE_TYPE)
        if checkpoint.size == known.size and checkpoint.root != known.root:
            self._testify(asked, "it has another root at the same size")
            return Answer(HTTPStatus.CONFLICT, f"{known.size}\n", SIZE_TYPE)
        is_first = known.size == 0 and not asked.proof
        if not is_first and not is_consistent(known.size, checkpoint.size, asked.proof, known.root, checkpoint.root):
            self._testify(asked, f"it was not shown to begin with the {known.size} events that were seen here")
            return Answer(HTTPStatus.UNPROCESSABLE_ENTITY)
        if checkpoint.size == 0 and checkpoint.root != EMPTY_ROOT:
            return Answer(HTTPStatus.UNPROCESSABLE_ENTITY)
        return None

    def _testify(self, asked: _Submission, reason: str) -> None:
        """Keep what a log signed and could not explain: it is evidence against whoever holds its key."""
        origin = asked.checkpoint.origin
        _log.error("The log %s was not cosigned: %s.", origin, reason)
        file = self._file(origin, "evidence")
        if not file.exists() or file.stat().st_size < _MOST_EVIDENCE_BYTES:
            append_to_file(file, asked.note)

    def _keep(self, known: KnownLog) -> None:
        replace_file(self._file(known.key.name, "log"), known.content, mode=0o600)
        self._logs[known.key.name] = known

    def _read(self, told: NoteKey) -> KnownLog:
        file = self._file(told.name, "log")
        try:
            known = KnownLog.parse(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return KnownLog(told, told)
        except (OSError, ValueError) as error:
            raise SettingsError(
                f"What is remembered of the log {told.name!r} cannot be read from {str(file)!r} "
                f"({type(error).__name__}). Restore the file; without it, this witness would believe any history."
            ) from error
        # The operator may name another key than before: today's, of a log whose announcements did not come here.
        return known if known.told == told else replace(known, told=told, key=told)

    def _file(self, origin: str, kind: str) -> Path:
        return self._folder / f"{sha256(origin.encode()).hexdigest()[:16]}.{kind}"


def open_witness_key(folder: Path, name: str = "") -> SecretNoteKey:
    """Return the witness's key; the first time one is made.

    Args:
        folder: where it lies.
        name: of the witness, when it is made; empty: one that no other has.

    Raises:
        SettingsError: the folder cannot be written to, or holds no key.
    """
    file = folder / _KEY_FILE
    try:
        if not file.exists():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            key = SecretNoteKey.make(name or f"witness/{secrets.token_hex(8)}")
            replace_file(file, f"{key.reveal()}\n", mode=0o600)
        return SecretNoteKey.parse(file.read_text(encoding="ascii").strip())
    except (OSError, ValueError) as error:
        raise SettingsError(f"The witness's key {str(file)!r} cannot be used ({type(error).__name__}).") from error


def _checkpoint_of(note: str) -> Checkpoint:
    return Checkpoint.parse(note.partition("\n\n")[0] + "\n")
