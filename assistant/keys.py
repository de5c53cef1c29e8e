"""The installation's one secret, and what is derived from it: passwords, signing keys, sealed bytes."""

from __future__ import annotations

import os
import secrets
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from assistant.errors import SettingsError

MASTER_BYTES = 32
_NONCE_BYTES = 12  # AES-GCM's own size, NIST SP 800-38D section 5.2.1.1


class Keys:
    """Derive every key of the installation from its master secret (HKDF-SHA256, RFC 5869).

    A purpose is a fixed string such as `"session"` or `"database-role:cloister_app"`; two purposes never share a key.
    """

    def __init__(self, master: bytes) -> None:
        if len(master) != MASTER_BYTES:
            raise SettingsError(
                f"The master key has {len(master)} bytes and needs {MASTER_BYTES}. "
                "Restore var/secrets/master.key from a backup, or move it away to start anew."
            )
        self._master = master

    def __repr__(self) -> str:
        """Show nothing of the secret."""
        return "Keys(…)"

    @classmethod
    def load_or_create(cls, file: Path) -> Self:
        """Read the master secret, or write a new one that only the owner of the file can read.

        Raises:
            SettingsError: the file cannot be read or written, or is not a master key.
        """
        try:
            if not file.exists():
                file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(descriptor, "wb") as stream:
                    stream.write(secrets.token_bytes(MASTER_BYTES))
                    stream.flush()
                    os.fsync(stream.fileno())
            return cls(file.read_bytes())
        except OSError as error:
            raise SettingsError(f"Cannot read or create the master key {str(file)!r}: {error.strerror}.") from error

    def derive(self, purpose: str, length: int = 32) -> bytes:
        """Return `length` bytes that depend on the master secret and on nothing but this purpose."""
        return HKDF(algorithm=SHA256(), length=length, salt=None, info=purpose.encode()).derive(self._master)

    def password(self, purpose: str) -> str:
        """Return a password of 32 URL-safe characters (192 bits) for a purpose."""
        return urlsafe_b64encode(self.derive(purpose, 24)).decode()

    def sealer(self, purpose: str) -> Sealer:
        """Return a sealer with the key of this purpose."""
        return Sealer(self.derive(purpose))


class Sealer:
    """Encrypt and authenticate short-lived bytes (AES-256-GCM) and bind them to the place where they lie."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, plain: bytes, *, place: str) -> bytes:
        """Return nonce and ciphertext; `place` must be repeated to open them."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, place.encode())

    def open(self, sealed: bytes, *, place: str) -> bytes:
        """Return what was sealed at this place.

        Raises:
            ValueError: the bytes were changed, moved from another place, or sealed with another key.
        """
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], place.encode())
        except InvalidTag as error:
            raise ValueError("The sealed bytes do not belong here or were changed.") from error
