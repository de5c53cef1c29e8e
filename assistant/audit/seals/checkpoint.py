"""Checkpoints: what a log of some size is, signed by the log and by witnesses, as text that other programs read.

A checkpoint is a signed note: origin, size and root on three lines, an empty line, then a line for each signature.

Source: https://c2sp.org/signed-note, https://c2sp.org/tlog-checkpoint, https://c2sp.org/tlog-cosignature.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256
from typing import Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from assistant.audit.seals.tree import HASH_BYTES

_KEY_BYTES: Final = 32
_SIGNATURE_BYTES: Final = 64
_ID_BYTES: Final = 4
_TIME_BYTES: Final = 8
_MOST_SIGNATURES: Final = 64  # a verifier must take 16 at least
_LATEST_SECONDS: Final = 2**63 - 1
_PRIVATE: Final = "PRIVATE+KEY+"
_NAME: Final = re.compile(r"[^\s+]+")
_LINE: Final = re.compile(r"— (\S+) (\S+)")
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f]")
_CHECKPOINT: Final = re.compile(r"([^\n]+)\n(0|[1-9][0-9]{0,18})\n([^\n]+)\n(?:[^\n]+\n)*")


class NoteError(ValueError):
    """A note, key or signature has not the form that the standards give it, or does not verify."""


class Algorithm(IntEnum):
    """How a signature is made; the byte of the standard."""

    ED25519 = 1
    COSIGNATURE = 4  # Ed25519 over the time and the note: a witness's


@dataclass(frozen=True, slots=True)
class NoteKey:
    """A public key with the name under which it signs."""

    name: str
    public: bytes
    algorithm: Algorithm = Algorithm.ED25519

    def __post_init__(self) -> None:
        """Refuse what no signature line could name.

        Raises:
            NoteError: the name is empty, or has blanks or a plus.
        """
        if not _NAME.fullmatch(self.name) or len(self.public) != _KEY_BYTES:
            raise NoteError(f"{self.name!r} cannot be the name of a key, or the key has not {_KEY_BYTES} bytes.")

    @classmethod
    def parse(cls, vkey: str) -> Self:
        """Read a key as `name+id+base64`.

        Raises:
            NoteError: it is not one.
        """
        name, _, rest = vkey.partition("+")
        key_id, _, material = rest.partition("+")
        raw = _decode(material)
        if not raw or raw[0] not in tuple(Algorithm):
            raise NoteError(f"The key {vkey!r} is of a kind that is not known here.")
        key = cls(name, raw[1:], Algorithm(raw[0]))
        if key.id.hex() != key_id:
            raise NoteError(f"The key {vkey!r} does not fit its own id: a character is wrong.")
        return key

    @property
    def id(self) -> bytes:
        """Return the four bytes that stand before each signature."""
        return sha256(self.name.encode() + b"\n" + bytes([self.algorithm]) + self.public).digest()[:_ID_BYTES]

    def __str__(self) -> str:
        """Return the key as `name+id+base64`."""
        return f"{self.name}+{self.id.hex()}+{_encode(bytes([self.algorithm]) + self.public)}"

    def has_signed(self, message: bytes, signature: bytes) -> bool:
        """Tell whether the signature over a message is by this key."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class SecretNoteKey:
    """A key that signs; its secret shows in no `repr`."""

    name: str
    _private: Ed25519PrivateKey

    @classmethod
    def make(cls, name: str) -> Self:
        """Make a new key."""
        return cls(name, Ed25519PrivateKey.generate())

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a key as `PRIVATE+KEY+name+id+base64`; the message of an error never shows it.

        Raises:
            NoteError: it is not one.
        """
        name, _, rest = text.removeprefix(_PRIVATE).partition("+")
        key_id, _, material = rest.partition("+")
        raw = _decode(material)
        if not text.startswith(_PRIVATE) or len(raw) != 1 + _KEY_BYTES or raw[0] != Algorithm.ED25519:
            raise NoteError("This is no private key of a log.")
        key = cls(name, Ed25519PrivateKey.from_private_bytes(raw[1:]))
        if key.public.id.hex() != key_id:
            raise NoteError("The private key does not fit its own id: a character is wrong.")
        return key

    def reveal(self) -> str:
        """Return the key as a file of mode 0600 may hold it."""
        material = _encode(bytes([Algorithm.ED25519]) + self._private.private_bytes_raw())
        return f"{_PRIVATE}{self.name}+{self.public.id.hex()}+{material}"

    def __repr__(self) -> str:
        """Show nothing of the secret."""
        return f"SecretNoteKey({self.name!r})"

    @property
    def public(self) -> NoteKey:
        """Return what others check with."""
        return NoteKey(self.name, self._private.public_key().public_bytes_raw())

    @property
    def witness(self) -> NoteKey:
        """Return what others check this key's cosignatures with."""
        return NoteKey(self.name, self.public.public, Algorithm.COSIGNATURE)

    def sign(self, message: bytes) -> bytes:
        """Return the signature over bytes."""
        return self._private.sign(message)

    def sign_note(self, text: str) -> str:
        """Return the note: the text and this key's line.

        Raises:
            NoteError: the text could be read in two ways.
        """
        if not text.endswith("\n") or _CONTROL.search(text):
            raise NoteError("The text of a note ends with a line's end and has no other control characters.")
        return f"{text}\n{_line(self.name, self.public.id + self.sign(text.encode()))}"

    def cosign(self, text: str, seconds: int) -> str:
        """Return the line by which a witness says that it saw this checkpoint at this time, since 1970."""
        blob = seconds.to_bytes(_TIME_BYTES, "big") + self.sign(_cosigned(text, seconds))
        return _line(self.name, self.witness.id + blob)


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature's line: whose it says it is, and the bytes."""

    name: str
    key_id: bytes
    blob: bytes

    @property
    def line(self) -> str:
        """Return the line again."""
        return _line(self.name, self.key_id + self.blob)

    def is_of(self, key: NoteKey) -> bool:
        """Tell whether it says that it is by this key; whether it is true is not looked at."""
        return self.name == key.name and self.key_id == key.id

    def time_of(self, text: str, key: NoteKey) -> int | None:
        """Return when the key signed, in seconds since 1970; 0 where its kind does not tell. None: it did not."""
        if key.algorithm is Algorithm.ED25519:
            return 0 if key.has_signed(text.encode(), self.blob) else None
        seconds = int.from_bytes(self.blob[:_TIME_BYTES], "big")
        if len(self.blob) != _TIME_BYTES + _SIGNATURE_BYTES or seconds > _LATEST_SECONDS:
            return None
        return seconds if key.has_signed(_cosigned(text, seconds), self.blob[_TIME_BYTES:]) else None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A log's state: how many leaves it has, and the root over them."""

    origin: str
    size: int
    root: bytes

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the text of a note. Lines after the third are let pass, as the standard wants.

        Raises:
            NoteError: it is no checkpoint.
        """
        match = _CHECKPOINT.fullmatch(text)
        root = _decode(match[3]) if match else b""
        if match is None or len(root) != HASH_BYTES:
            raise NoteError("This is no checkpoint: it has not origin, size and root on three lines.")
        return cls(match[1], int(match[2]), root)

    @property
    def text(self) -> str:
        """Return the text that is signed."""
        return f"{self.origin}\n{self.size}\n{_encode(self.root)}\n"


def split_note(note: str) -> tuple[str, list[Signature]]:
    """Return the text of a note, and its signatures as they are written; none is checked.

    Raises:
        NoteError: it is no signed note.
    """
    head, gap, tail = note.rpartition("\n\n")
    if not gap or not tail.endswith("\n") or _CONTROL.search(note):
        raise NoteError("This is no signed note: it has not a text, an empty line and signatures.")
    lines = tail[:-1].split("\n")
    if len(lines) > _MOST_SIGNATURES:
        raise NoteError(f"The note has {len(lines)} signatures; at most {_MOST_SIGNATURES} are read.")
    return f"{head}\n", [parse_signature(line) for line in lines]


def parse_signature(line: str) -> Signature:
    """Read a signature's line, without the line's end.

    Raises:
        NoteError: it is none.
    """
    match = _LINE.fullmatch(line)
    raw = _decode(match[2]) if match else b""
    if match is None or not _NAME.fullmatch(match[1]) or len(raw) <= _ID_BYTES:
        raise NoteError("A line of a note is no signature.")
    return Signature(match[1], raw[:_ID_BYTES], raw[_ID_BYTES:])


def open_note(note: str, keys: Iterable[NoteKey]) -> str:
    """Return the text of a note that one of these keys signed; lines of other keys are passed over.

    Raises:
        NoteError: it is no note, none of them signed it, or a line that names one of them is not by it.
    """
    text, signatures = split_note(note)
    if not check_signatures(text, signatures, keys):
        raise NoteError("No known key has signed this note.")
    return text


def check_signatures(text: str, signatures: Sequence[Signature], keys: Iterable[NoteKey]) -> dict[str, int]:
    """Return which of these keys signed a text, by name, each with the time it gave.

    Raises:
        NoteError: a line names one of the keys and is not by it.
    """
    times: dict[str, int] = {}
    for key in keys:
        for signature in signatures:
            if signature.is_of(key):
                seconds = signature.time_of(text, key)
                if seconds is None:
                    raise NoteError(f"A signature names the key {key.name!r} and is not by it.")
                times[key.name] = seconds
    return times


def _cosigned(text: str, seconds: int) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()


def _line(name: str, raw: bytes) -> str:
    return f"— {name} {_encode(raw)}\n"


def _encode(raw: bytes) -> str:
    return b64encode(raw).decode()


def _decode(text: str) -> bytes:
    """Return the bytes of a standard Base64 spelling, the only one there is of them; else none."""
    try:
        raw = b64decode(text, validate=True)
    except ValueError:
        return b""
    return raw if _encode(raw) == text else b""
