"""A text with the place of its value: what every generator of the corpus makes."""

from __future__ import annotations

from dataclasses import dataclass

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Labelled:
    """A text and the pieces of the one value it holds.

    Attributes:
        text: What the guard gets to see.
        spans: The value's pieces, half-open, in order. More than one where a disguise cut the value (wrapped lines,
            concatenation); none in a near miss.
        kind: `secret`, `personal` or `benign`.
        source: The group the type belongs to; the mean over sources counts each once.
        type: The type's name.
        label: What a person would call the value: "Datadog API key"; empty if nobody tells it without its surroundings,
            as the signature of a URL.
        distinctive: The value can be known without its surroundings (prefix, structure, checksum).
    """

    text: str
    spans: tuple[Span, ...]
    kind: str
    source: str
    type: str
    label: str
    distinctive: bool

    @property
    def value(self) -> str:
        """The value, its pieces joined."""
        return "".join(self.text[start:end] for start, end in self.spans)


def place(template: str, value: str, mark: str = "\0") -> tuple[str, Span]:
    """Put a value where the mark stands, and say where that is."""
    before, _, after = template.partition(mark)
    return before + value + after.replace(mark, value), (len(before), len(before) + len(value))
