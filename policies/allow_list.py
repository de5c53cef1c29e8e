"""Exact values that a site lets pass, such as the test card of its payment sandbox; as keyed hashes, never in clear.

A hash without a key would not do: card numbers and mail addresses can be found by trying. The key belongs to the
site, so that a hash says nothing to whoever copies the policy elsewhere.
"""

from __future__ import annotations

import hmac
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date

from policies.document import Entry

_SCHEME = "hmac-sha256:"
_DIGEST = re.compile(r"hmac-sha256:[0-9a-f]{64}")  # of our own line, no free text
_KEYS = ("value", "rules", "note", "until")


@dataclass(frozen=True, slots=True)
class AllowedValue:
    """One value that may pass.

    Attributes:
        digest: `hmac-sha256:` and 64 hexadecimal digits.
        rules: names of the rules whose findings of this value pass.
        note: what the value is, for whoever reads the policy.
        until: the last day on which it passes; None has no end.
        where: file and line, for messages.
    """

    digest: str
    rules: frozenset[str]
    note: str
    until: date | None
    where: str


class AllowList:
    """Tell whether a value may pass. Without the site's key nothing does: the list fails closed.

    Args:
        values: what may pass.
        key: the site's key for such hashes.
        today: returns the day; without it, a value that has an end counts as ended.
    """

    def __init__(
        self,
        values: Iterable[AllowedValue] = (),
        *,
        key: bytes | None = None,
        today: Callable[[], date] | None = None,
    ) -> None:
        self.values = tuple(values)
        self._key = key
        self._today = today
        self._by_digest: defaultdict[str, list[AllowedValue]] = defaultdict(list)
        for value in self.values:
            self._by_digest[value.digest].append(value)

    def __repr__(self) -> str:
        """Show how many, and nothing of the key."""
        return f"AllowList({len(self.values)} values)"

    def __bool__(self) -> bool:
        """Tell whether any value can be recognised."""
        return self._key is not None and bool(self.values)

    def find(self, value: str, rule: str) -> AllowedValue | None:
        """Return the entry that lets a finding of this rule with exactly this value pass, if there is one."""
        if self._key is None or not self.values:
            return None
        entries = self._by_digest.get(digest_of(value, self._key), ())
        return next((entry for entry in entries if rule in entry.rules and self._holds(entry)), None)

    def _holds(self, entry: AllowedValue) -> bool:
        if entry.until is None:
            return True
        return self._today is not None and self._today() <= entry.until


def digest_of(value: str, key: bytes) -> str:
    """Return what stands in the policy for a value."""
    return _SCHEME + hmac.digest(key, value.encode("utf-8", "surrogatepass"), "sha256").hex()


def parse_allowed_value(
    entry: Entry, resolve: Callable[[Entry], frozenset[str]], every: frozenset[str]
) -> AllowedValue:
    """Turn one entry under `allow` into a value that may pass.

    Args:
        entry: where it stands.
        resolve: turns patterns of rules' names into names.
        every: the names of all rules, where the entry names none.

    Raises:
        PolicyError: a key is missing, unknown or of the wrong form, or the value stands in clear.
    """
    fields = entry.fields(_KEYS)
    for key in ("value", "note"):
        if key not in fields:
            raise entry.wrong(f"The key {key!r} is missing.")
    digest = fields["value"].text()
    if _DIGEST.fullmatch(digest) is None:
        # The value is not repeated: it may be the secret itself.
        raise fields["value"].wrong("Not a keyed hash. `cloister policy allow` reads a value and prints this line.")
    return AllowedValue(
        digest=digest,
        rules=resolve(fields["rules"]) if "rules" in fields else every,
        note=fields["note"].text(),
        until=_day(fields["until"]) if "until" in fields else None,
        where=entry.where,
    )


def _day(entry: Entry) -> date:
    try:
        return date.fromisoformat(entry.text())
    except ValueError:
        raise entry.wrong(f"{entry.text()!r} is no day. Write it as 2027-01-31.") from None
