"""Words of a text as keyed hashes: equal words can be found, and no word can be read from them.

The hashes of a text carry neither order nor number. Whoever holds the installation's key can try words; whoever has a
copy of the database alone sees which texts share words that he does not know.
"""

from __future__ import annotations

import re
import unicodedata
from hashlib import blake2b
from typing import Final

from assistant.keys import Keys

_HASH_BYTES: Final = 8  # a bigint; among a million different words two meet with a chance of 1 in 30 million
_MOST_CHARS: Final = 100_000  # as the history's search
_WORD: Final = re.compile(r"[^\W_]+")  # `boto3.client` and `fleet_host` are two words each


class BlindWords:
    """Hash words under the installation's key."""

    def __init__(self, keys: Keys) -> None:
        self._key = keys.derive("audit-search")

    def of(self, text: str) -> list[int]:
        """Return the hashes of the different words of a text, in order of size; those behind 100,000 characters lack.

        Case and compatibility forms do not matter.
        """
        folded = unicodedata.normalize("NFKC", text[:_MOST_CHARS]).casefold()
        return sorted({self._hash(word) for word in _WORD.findall(folded)})

    def _hash(self, word: str) -> int:
        digest = blake2b(word.encode(), digest_size=_HASH_BYTES, key=self._key).digest()
        return int.from_bytes(digest, signed=True)
