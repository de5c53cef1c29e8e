"""The checks of a batch with its head, in a flat list; those of a row are in `row_checks.py`. Pure.

A check returns what is wrong in words, or nothing. Each has an attack in the tests that it alone sees: a check that is
dropped turns a test red.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from assistant.audit.seals.checkpoint import Checkpoint, NoteError, NoteKey, check_signatures, split_note
from assistant.audit.seals.heads import FIRST_BATCH, Head
from assistant.audit.seals.tree import Tree
from assistant.audit.verification.row_checks import PLACE_EPOCH

CLOCK_SLACK: Final = timedelta(minutes=5)  # so far the database's clock may be set back without an alarm
_MICROSECOND: Final = timedelta(microseconds=1)
_SLACK: Final = CLOCK_SLACK // _MICROSECOND


def microseconds_of(moment: datetime) -> int:
    """Return a moment as the database sends it: microseconds since 2000."""
    return (moment - PLACE_EPOCH) // _MICROSECOND


def is_possible(recorded: int, moment: datetime) -> bool:
    """Tell whether an event can have been recorded then; it is `moment` now."""
    return 0 <= recorded <= microseconds_of(moment) + _SLACK


@dataclass(slots=True)
class Batch:
    """A batch as it was read, with the head that says what it should be.

    Attributes:
        previous: the head before it.
        tree: with the rows of this batch.
        begin: the size before.
        places: digest over the places of its rows.
        dated_back: how long before the newest head that its transaction began after one of its rows claims to be
            recorded, at most.
        latest: when the last of its rows was recorded; both in microseconds, which hold every time of the database.
        stored_edge: the leaves beyond the last full tile, as the heads have them.
        key: the one in force.
        restored: the eras whose events say that the operator began them.
    """

    head: Head
    previous: Head | None
    tree: Tree
    begin: int
    key: NoteKey
    places: bytes = b""
    dated_back: int = 0
    latest: int | None = None
    stored_edge: Sequence[bytes] = field(default=())
    restored: set[int] = field(default_factory=set)

    def add_run(self, dated_back: int, latest: int) -> None:
        """Note when rows of the batch were recorded."""
        self.dated_back = max(self.dated_back, dated_back)
        self.latest = latest if self.latest is None else max(self.latest, latest)

    @property
    def checkpoint(self) -> Checkpoint | None:
        """Return what the note says; None where it is none."""
        try:
            return self.head.checkpoint
        except NoteError:
            return None


def check_sequence(batch: Batch) -> str:
    """No head is missing."""
    expected = FIRST_BATCH if batch.previous is None else batch.previous.batch + 1
    return "" if batch.head.batch == expected else f"Head {expected} is missing."


def check_note(batch: Batch) -> str:
    """The key in force signed the checkpoint, and the note has its line and no other."""
    try:
        text, signatures = split_note(batch.head.note)
        signed = check_signatures(text, signatures, [batch.key])
    except NoteError as error:
        return f"The checkpoint cannot be trusted: {error}"
    if not signed:
        return "The checkpoint is not signed by the key in force."
    return "" if len(signatures) == 1 else "The checkpoint has lines that the sealer did not write."


def check_head(batch: Batch) -> str:
    """The key in force signed the whole row of the head."""
    try:
        message = batch.head.signed_bytes()
    except NoteError as error:
        return f"The head has no checkpoint: {error}"
    if batch.key.has_signed(message, batch.head.signature):
        return ""
    return "The head was changed, or is not signed by the key in force."


def check_origin(batch: Batch) -> str:
    """The checkpoint is this log's."""
    checkpoint = batch.checkpoint
    if checkpoint is None or checkpoint.origin == batch.key.name:
        return ""
    return f"The checkpoint is of the log {checkpoint.origin!r}."


def check_size(batch: Batch) -> str:
    """The head, its checkpoint and the rows that are there agree on how many there are."""
    checkpoint = batch.checkpoint
    said = checkpoint.size if checkpoint else batch.head.size
    if batch.head.size == said == batch.tree.size:
        return ""
    return f"The head says {batch.head.size} events, its checkpoint {said}, and there are {batch.tree.size}."


def check_root(batch: Batch) -> str:
    """The root over the rows is the one that was signed."""
    checkpoint = batch.checkpoint
    if checkpoint is None or checkpoint.root == batch.tree.root():
        return ""
    return "The root over the events is not the one that was sealed: events were changed, removed, added or moved."


def check_rows(batch: Batch) -> str:
    """Ids, transactions and recording times are those that were sealed."""
    if batch.head.rows == batch.places:
        return ""
    return "An event's id, transaction or recording time is not what was sealed."


def check_leaves(batch: Batch) -> str:
    """The heads hold the leaves that no full tile holds."""
    return "" if tuple(batch.stored_edge) == batch.tree.edge else "The leaves of the head are not those of the events."


def check_course(batch: Batch) -> str:
    """Snapshots and eras only go forward, and a server changes only with an era."""
    head, previous = batch.head, batch.previous
    if previous is None or head.era > previous.era:
        return ""
    if head.era == previous.era and head.cluster == previous.cluster and head.snapshot.xmax >= previous.snapshot.xmax:
        return ""
    return "The head is of another server or of an earlier moment than the one before it."


def check_era(batch: Batch) -> str:
    """The first batch of an era has the event by which the operator began it."""
    era = batch.head.era
    if era == (batch.previous.era if batch.previous else 0) or era in batch.restored:
        return ""
    return f"Era {era} begins, and no event says that the operator restored the log."


def check_recorded(batch: Batch) -> str:
    """No event claims to have been recorded long before a head that its transaction began after, or after its own."""
    if batch.latest is not None and batch.latest > microseconds_of(batch.head.sealed_at) + _SLACK:
        return "An event says that it was recorded minutes after the head that has it."
    if batch.dated_back <= _SLACK:
        return ""
    return (
        "An event says that it was recorded minutes before a head that its transaction followed: it was dated back, "
        "or the database's clock was set back."
    )


BatchCheck = Callable[[Batch], str]
BATCH_CHECKS: Final[dict[str, BatchCheck]] = {
    "sequence": check_sequence,
    "note": check_note,
    "head": check_head,
    "origin": check_origin,
    "course": check_course,
    "era": check_era,
    "recorded": check_recorded,
    "size": check_size,
    "root": check_root,
    "rows": check_rows,
    "leaves": check_leaves,
}
TREE_CHECKS: Final = frozenset({"size", "root", "rows", "leaves"})  # once one fails, every later one would
