"""Types of secrets as a table: one line a type, `service  key word  shape  [field, field]`, columns two spaces apart.

Without fields of its own a type stands under its service and key word: `DATADOG_API_KEY`. A fourth column that begins
with `bare` says that the value is known only by its surroundings although its shape has literal text in it.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.data.guard.carriers import carry
from tests.data.guard.labelled import Labelled
from tests.data.guard.shapes import Maker, fill, is_distinctive


@dataclass(frozen=True, slots=True)
class SecretType:
    """One type of secret: whose it is, what it is called, what it looks like, where it stands."""

    service: str
    word: str
    shape: str
    fields: tuple[str, ...]
    source: str
    distinctive: bool
    makers: Mapping[str, Maker] = field(default_factory=dict)
    frames: tuple[str, ...] = ()
    """Whole texts with `\\0` for the value, for a value that does not stand in an assignment."""
    tellable: bool = True
    """Whether people tell the value without its surroundings."""

    @property
    def label(self) -> str:
        """What a person calls it."""
        return f"{self.service} {self.word}".strip()

    @property
    def name(self) -> str:
        """The type's name in the score."""
        return f"{self.source}/{self.label.lower().replace(' ', '-')}"

    def make_value(self, rng: random.Random) -> str:
        """Make one value."""
        return fill(self.shape, rng, self.makers)

    def make(self, rng: random.Random) -> Labelled:
        """Make one value in one plain place."""
        value = self.make_value(rng)
        if self.frames:
            frame = fill(rng.choice(self.frames), rng, self.makers)
            before, _, after = frame.partition("\0")
            text, span = before + value + after, (len(before), len(before) + len(value))
        else:
            text, span = carry(value, rng.choice(self.fields), self.service, rng)
        label = self.label if self.tellable else ""
        return Labelled(text, (span,), "secret", self.source, self.name, label, self.distinctive)


def read_table(source: str, table: str, makers: Mapping[str, Maker] | None = None) -> list[SecretType]:
    """Read a table of types.

    Raises:
        ValueError: A line has too few columns.
    """
    types: list[SecretType] = []
    for line in table.strip().splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        columns = re.split(r"\s{2,}", line.strip())
        if len(columns) not in {3, 4}:
            raise ValueError(f"a type needs three or four columns: {line!r}")
        service, word, shape = columns[:3]
        notes = [note.strip() for note in columns[3].split(",")] if len(columns) == 4 else []
        is_bare = "bare" in notes
        names = tuple(note for note in notes if note != "bare") or (f"{service} {word}",)
        distinctive = not is_bare and is_distinctive(shape)
        types.append(SecretType(service, word, shape, names, source, distinctive, makers or {}))
    return types
