"""What an API token may be used for: routes of the gateway, personas, and models behind them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

from assistant.errors import BadInputError

ROUTES: Final = ("chat", "completions", "embeddings")  # the gateway's route of each name is in `assistant.web.gateway`
ANY: Final = "*"
_PERSONA = re.compile(r"persona:[a-z][a-z0-9-]{0,39}")
_MODEL = re.compile(r"model:[!-~]{1,120}")  # printable ASCII without blanks: it stands in lists and events
_MOST: Final = 50


@dataclass(frozen=True, slots=True)
class Scopes:
    """What one token may be used for; its owner's roles hold beside it.

    Attributes:
        words: as they were given, in order: a route such as `chat`, `persona:NAME`, `model:NAME` or `model:*`.
    """

    words: tuple[str, ...]

    @classmethod
    def parse(cls, words: Iterable[str]) -> Self:
        """Read what was typed.

        Raises:
            BadInputError: a word is unknown, there are too many, or none names a route.
        """
        given = tuple(dict.fromkeys(word.strip() for word in words))
        if len(given) > _MOST:
            raise BadInputError(f"A token has at most {_MOST} scopes.")
        for word in given:
            if word not in ROUTES and not _PERSONA.fullmatch(word) and not _MODEL.fullmatch(word):
                raise BadInputError(
                    f"Unknown scope {word[:80]!r}. There are {', '.join(ROUTES)}, persona:NAME, model:NAME, model:*."
                )
        if not set(given) & set(ROUTES):
            raise BadInputError(f"A token without a route opens nothing. Give at least one of {', '.join(ROUTES)}.")
        return cls(given)

    def has_route(self, route: str) -> bool:
        """Tell whether a route may be used."""
        return route in self.words

    def has_persona(self, name: str) -> bool:
        """Tell whether a persona may be used: without a scope of the kind, every one that the owner's roles open."""
        named = [word for word in self.words if word.startswith("persona:")]
        return not named or f"persona:{name}" in named

    def has_model(self, name: str) -> bool:
        """Tell whether a model may be asked for by its name; without a scope of the kind, none."""
        return f"model:{ANY}" in self.words or f"model:{name}" in self.words
