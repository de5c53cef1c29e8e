"""Where texts may go: which labels a model host must have for a persona, a role or a class of data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from policies.document import Entry

_KEYS = ("only", "personas", "roles", "rules")


@dataclass(frozen=True, slots=True)
class PlaceLine:
    """A line under `places`.

    Attributes:
        only: labels; a host needs one of them.
        personas, roles: where the line holds; empty means everywhere. One held role is enough.
        rules: it holds for prompts in which one of these found something; empty means for all.
        where: file and line, for messages.
    """

    only: frozenset[str]
    personas: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    rules: frozenset[str] = frozenset()
    where: str = ""

    def holds(self, persona: str, roles: frozenset[str], found: frozenset[str]) -> bool:
        """Tell whether this line speaks about such a prompt."""
        return (
            (not self.personas or persona in self.personas)
            and (not self.roles or not self.roles.isdisjoint(roles))
            and (not self.rules or not self.rules.isdisjoint(found))
        )


def parse_place(entry: Entry, resolve: Callable[[Entry], frozenset[str]]) -> PlaceLine:
    """Turn a line into a value.

    Args:
        entry: the line.
        resolve: returns the rules that patterns such as `personal/*` mean.

    Raises:
        PolicyError: a key is missing or unknown, or a pattern means no rule.
    """
    keys = entry.fields(_KEYS)
    only = frozenset(keys["only"].texts()) if "only" in keys else frozenset()
    if not only:
        raise entry.wrong("The key 'only' is missing: name at least one label that hosts have in fleet.yaml.")
    return PlaceLine(
        only=only,
        personas=frozenset(keys["personas"].texts() if "personas" in keys else ()),
        roles=frozenset(keys["roles"].texts() if "roles" in keys else ()),
        rules=resolve(keys["rules"]) if "rules" in keys else frozenset(),
        where=entry.where,
    )
