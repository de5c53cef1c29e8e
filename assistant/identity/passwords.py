"""Passwords: what is accepted, and Argon2id without stalling the event loop."""

from __future__ import annotations

import asyncio
import secrets
import unicodedata
from base64 import b64encode
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from assistant.errors import BadInputError

MIN_CHARS: Final = 10
MAX_CHARS: Final = 1024  # a passphrase fits many times; more only costs time to normalise
_AT_ONCE: Final = 2  # a hash takes 64 MiB and a core for about 0.1 s; more at once would crowd out the chats


class Passwords:
    """Hash and verify passwords with Argon2id, a few at a time, each in a thread.

    Source: RFC 9106 section 4, second recommended option (64 MiB, 3 passes, 4 lanes), which is argon2-cffi's default.
    """

    def __init__(self, hasher: PasswordHasher) -> None:
        self._hasher = hasher
        self._turnstile = asyncio.Semaphore(_AT_ONCE)
        self._decoy = _unmatchable_hash(hasher)

    async def hash(self, password: str) -> str:
        """Return the hash to store.

        Raises:
            BadInputError: the password is too short, too long, or holds characters that a keyboard cannot type.
        """
        if 0 < len(password) < MIN_CHARS:
            raise BadInputError(f"The password needs at least {MIN_CHARS} characters. A few words in a row are good.")
        return await self.rehash(password)

    async def rehash(self, password: str) -> str:
        """Return the hash of a password that was accepted before, perhaps under an older rule."""
        normal = _normalised(password)
        async with self._turnstile:
            return await asyncio.to_thread(self._hasher.hash, normal)

    async def verify(self, stored: str | None, password: str) -> bool:
        """Tell whether this is the password; without a stored hash do the same work and say no.

        Raises:
            BadInputError: the password is empty, too long, or holds characters that a keyboard cannot type.
        """
        normal = _normalised(password)
        async with self._turnstile:
            is_right = await asyncio.to_thread(self._is_match, stored or self._decoy, normal)
        return is_right and stored is not None

    def is_outdated(self, stored: str) -> bool:
        """Tell whether the hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(stored)

    def _is_match(self, stored: str, normal: str) -> bool:
        try:
            return self._hasher.verify(stored, normal)
        except VerificationError:
            return False


def _normalised(password: str) -> str:
    """Return one spelling of the same characters, whatever keyboard typed them (NIST SP 800-63B section 5.1.1.2)."""
    if not password:
        raise BadInputError("The password is empty. Type it and try again.")
    if len(password) > MAX_CHARS:
        raise BadInputError(f"The password is too long: {MAX_CHARS} characters are the most.")
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in password):
        raise BadInputError("The password holds a control character. Type it again without line breaks or tabs.")
    return unicodedata.normalize("NFKC", password)


def _unmatchable_hash(hasher: PasswordHasher) -> str:
    """Return a well-formed hash of nothing: checking it costs what checking a real one costs, and it never matches."""
    salt = b64encode(secrets.token_bytes(hasher.salt_len)).rstrip(b"=").decode()
    digest = b64encode(secrets.token_bytes(hasher.hash_len)).rstrip(b"=").decode()
    cost = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2id$v=19${cost}${salt}${digest}"
