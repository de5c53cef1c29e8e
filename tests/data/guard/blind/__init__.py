"""Cases whose authors had not seen the rules: each file holds whole texts, the value marked and written as a shape.

What a file scored when the guard first met it is the only fair figure; `docs/guard.md` keeps it. Afterwards a file
guards against falling back.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files

from tests.data.guard.blind.makers import MAKERS
from tests.data.guard.labelled import Labelled
from tests.data.guard.shapes import fill

NAMES = (
    "services", "configuration", "talk", "personal", "products", "papers", "consoles", "registers",
    "chats", "stacks", "offices",
)  # fmt: skip
"""The files: secrets by where they stand, and personal data. `products` and `papers` are the fourth round: secrets as
140 products write them, and personal data as forms, mails and tickets of ten countries do. `consoles` and `registers`
are the fifth: secrets of some 190 services and tools, personal data of 60 countries in registers and letters.
`chats`, `stacks` and `offices` are the sixth: secrets as people hand them over in eight languages, secrets of some 300
services in files, commands and code, and personal data of 70 countries with short labels of the offices."""

_PERSONAL = frozenset(("personal", "papers", "registers", "offices"))

BENIGN = "benign"
"""Sentences of manuals, tickets and reviews in seven languages, one a line, that hold nothing to find."""

_HEAD = re.compile(r"^=== (\S+)\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class BlindCase:
    """One text of one type, with shapes where something is drawn."""

    source: str
    type: str
    template: str

    def make(self, rng: random.Random) -> Labelled:
        """Draw the value and what stands around it."""
        before, _, rest = self.template.partition("«")
        value, _, after = rest.partition("»")
        is_personal = self.source in _PERSONAL
        makers = MAKERS if is_personal else None
        before, value, after = fill(before, rng, makers), fill(value, rng, makers), fill(after, rng, makers)
        span = (len(before), len(before) + len(value))
        return Labelled(
            before + value + after,
            (span,),
            "personal" if is_personal else "secret",
            f"blind-{self.source}",
            self.type,
            "",
            distinctive=False,
        )


def read_cases(name: str) -> Iterator[BlindCase]:
    """Read the cases of one file.

    Raises:
        ValueError: A text does not mark exactly one value.
    """
    text = (files(__name__) / f"{name}.txt").read_text("utf-8")
    parts = _HEAD.split(text)[1:]
    for type_name, template in zip(parts[::2], parts[1::2], strict=True):
        if template.count("«") != 1 or template.count("»") != 1:
            raise ValueError(f"{name}.txt: {type_name} does not mark exactly one value")
        yield BlindCase(name, type_name, template.strip("\n"))


def read_benign() -> list[str]:
    """Return the sentences that hold nothing to find."""
    return (files(__package__) / f"{BENIGN}.txt").read_text("utf-8").splitlines()
