"""The words that give a value away: names of secrets, names of services, names of what is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from policies.document import Entry

PROVIDER_TOKEN: Final = "secret/provider-token"  # noqa: S105 - the name of a rule
ASSIGNED_TOKEN: Final = "secret/assigned-token"  # noqa: S105 - the name of a rule
SAID_TOKEN: Final = "secret/said-token"  # noqa: S105 - the name of a rule
RARE_STRING: Final = "secret/rare-string"
TOKEN_RULES: Final[Mapping[str, str]] = MappingProxyType(
    {
        PROVIDER_TOKEN: "token of a service",
        ASSIGNED_TOKEN: "secret in an assignment",
        SAID_TOKEN: "secret in a sentence",
        RARE_STRING: "string that looks like a secret",
    }
)
"""What the policy can speak about, each with its label in words."""

_KEYS = (
    "strong",
    "weak",
    "faint",
    "explained",
    "tails",
    "carriers",
    "copulas",
    "speakers",
    "handed",
    "told",
    "placeholders",
    "providers",
    "common_providers",
)


@dataclass(frozen=True, slots=True)
class Words:
    """Words in lower case, in Latin-1, without separators but for `placeholders`.

    Attributes:
        strong: a value named so is a secret.
        weak: a value named so may be one.
        faint: a value named so may be one beside the word of a service.
        explained: a value named so is none.
        tails: a name that ends so does not name the secret itself.
        carriers: names that say nothing, such as `value`.
        copulas: words that join a name and its value in a sentence.
        speakers: who speaks of what they did with a value: `I`, `ich`.
        handed: what they did with it: `put`, `habe`.
        told: what somebody is told to do with it, at the beginning of a sentence: `paste`, `trage`.
        placeholders: parts of values that are no secrets.
        providers: services.
        common_providers: services whose word or hashes stand in much text; they need a secret's name beside them.
    """

    strong: frozenset[bytes]
    weak: frozenset[bytes]
    faint: frozenset[bytes]
    explained: frozenset[bytes]
    tails: frozenset[bytes]
    carriers: frozenset[bytes]
    copulas: frozenset[bytes]
    speakers: frozenset[bytes]
    handed: frozenset[bytes]
    told: frozenset[bytes]
    placeholders: frozenset[bytes]
    providers: frozenset[bytes]
    common_providers: frozenset[bytes]

    def __or__(self, other: Words) -> Words:
        """Return the words of both."""
        return Words(*(getattr(self, key) | getattr(other, key) for key in _KEYS))


NO_WORDS = Words(*(frozenset[bytes]() for _ in _KEYS))


def parse_words(entry: Entry) -> Words:
    """Turn what stands under `words` into words.

    Each key holds a list of words or one text of words between spaces; a missing key holds none.

    Raises:
        PolicyError: a key is unknown, or a word has letters outside Latin-1.
    """
    keys = entry.fields(_KEYS)
    return Words(*(_words_of(keys[key]) if key in keys else frozenset() for key in _KEYS))


def _words_of(entry: Entry) -> frozenset[bytes]:
    found: set[bytes] = set()
    for item in entry.items():
        for word in item.text().split():
            try:
                found.add(word.lower().encode("latin-1"))
            except UnicodeEncodeError:
                raise item.wrong(f"{word!r} has letters outside Latin-1.") from None
    return frozenset(found)
