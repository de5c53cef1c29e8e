"""Anchors: checkpoints of this log that were kept elsewhere, and the keys that may have signed them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from assistant.audit.seals.checkpoint import Checkpoint, NoteError, NoteKey, Signature, check_signatures, split_note
from assistant.audit.seals.tree import EMPTY_ROOT
from assistant.audit.verification.findings import Findings
from assistant.errors import BadInputError

_NOTES: Final = re.compile(r"(?:[^\n]+\n)+\n(?:— [^\n]+\n)+")


@dataclass(frozen=True, slots=True)
class Anchor:
    """A checkpoint of this log that was kept elsewhere.

    Attributes:
        label: what the report calls it, such as its file.
    """

    label: str
    text: str
    signatures: Sequence[Signature]
    checkpoint: Checkpoint

    @classmethod
    def parse(cls, label: str, note: str) -> Self:
        """Read a signed checkpoint.

        Raises:
            BadInputError: it is none.
        """
        try:
            text, signatures = split_note(note)
            return cls(label, text, signatures, Checkpoint.parse(text))
        except NoteError as error:
            raise BadInputError(f"The anchor {label!r} is no signed checkpoint. {error}") from error


def read_anchors(file: Path) -> list[Anchor]:
    """Return the checkpoints in a file, one behind the other as `cloister audit head >> file` collects them.

    Raises:
        BadInputError: it cannot be read, or holds something else.
    """
    try:
        content = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"The anchor {str(file)!r} cannot be read: {type(error).__name__}.") from error
    notes = _NOTES.findall(content)
    if not notes or "".join(notes) != content:
        raise BadInputError(f"The file {str(file)!r} holds something else than signed checkpoints.")
    return [Anchor.parse(f"{file.name}, {number}", note) for number, note in enumerate(notes, 1)]


@dataclass(slots=True)
class Reign:
    """A key, and from which size to which it signs; the sizes where keys change belong to both."""

    key: NoteKey
    begin: int
    end: int | None = None

    def covers(self, size: int) -> bool:
        """Tell whether this key may have signed a log of this size."""
        return self.begin <= size and (self.end is None or size <= self.end)


class AnchorCheck:
    """Compare a log with anchors, as it grows.

    Args:
        anchors: the checkpoints from elsewhere.
        witnesses: keys of witnesses, whose lines on them are checked.
        findings: where problems are noted.
    """

    def __init__(self, anchors: Sequence[Anchor], witnesses: Sequence[NoteKey], findings: Findings) -> None:
        self.sizes = frozenset(anchor.checkpoint.size for anchor in anchors)
        self._anchors = anchors
        self._witnesses = witnesses
        self._findings = findings
        self._roots: dict[int, bytes] = {0: EMPTY_ROOT}

    def require_log(self, name: str) -> None:
        """Refuse anchors of another log than this one.

        Raises:
            BadInputError: one is of another.
        """
        for anchor in self._anchors:
            if anchor.checkpoint.origin != name:
                raise BadInputError(
                    f"The anchor {anchor.label!r} is of the log {anchor.checkpoint.origin!r}, not of {name!r}."
                )

    def note_root(self, size: int, root: bytes) -> None:
        """Remember the root of a size that an anchor has."""
        self._roots[size] = root

    def check(self, size: int, reigns: Sequence[Reign]) -> None:
        """Say which anchors do not fit the log, which has this size in the end."""
        for anchor in self._anchors:
            before = self._findings.found
            self._check_signatures(anchor, [reign.key for reign in reigns if reign.covers(anchor.checkpoint.size)])
            self._check_root(anchor, size)
            self._findings.anchors += self._findings.found == before

    def _check_signatures(self, anchor: Anchor, keys: Sequence[NoteKey]) -> None:
        try:
            signed = check_signatures(anchor.text, anchor.signatures, keys)
            witnessed = check_signatures(anchor.text, anchor.signatures, self._witnesses)
        except NoteError as error:
            signed = witnessed = {}
            self._findings.add("anchor-key", f"The anchor {anchor.label!r} cannot be trusted: {error}")
        if not signed:
            self._findings.add(
                "anchor-key",
                f"No key that this log had at size {anchor.checkpoint.size} has signed the anchor {anchor.label!r}.",
            )
        self._findings.cosignatures += len(witnessed)

    def _check_root(self, anchor: Anchor, size: int) -> None:
        seen = anchor.checkpoint
        if seen.size > size:
            self._findings.add(
                "anchor-size",
                f"The anchor {anchor.label!r} saw {seen.size} events and the log has {size}: it was cut off, or set "
                "back.",
                leaf=size,
            )
        elif seen.root != self._roots.get(seen.size):
            self._findings.add(
                "anchor-root",
                f"The anchor {anchor.label!r} saw another log: its first {seen.size} events were others.",
            )
