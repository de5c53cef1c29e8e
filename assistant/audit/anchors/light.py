"""The light over the log: what its proofs come to, by rules that can be read; pure. `integrity.py` reads the state.

The light rests on the database and so cannot prove anything to whoever distrusts that: for them are `cloister audit
verify` with an anchor, a witness, and a reviewer's own browser. It says whether those are in place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

FRESH: Final = timedelta(minutes=20)  # what an anchor keeps is told every ten
BROWSER_FRESH: Final = timedelta(days=7)  # a reviewer looks in once a week at least
VERIFIED_FRESH: Final = timedelta(days=7)
LATEST_HEAD: Final = timedelta(minutes=3)  # one comes every minute, also when nothing happens
LATEST_SEAL: Final = timedelta(minutes=1)
ANCHORS_WANTED: Final = 2


class Light(StrEnum):
    """What the state comes to."""

    GREEN = "green"
    YELLOW = "yellow"  # nothing contradicts the log, and not everything that should vouches for it
    RED = "red"  # something contradicts it


@dataclass(frozen=True, slots=True)
class AnchorState:
    """What one anchor has.

    Attributes:
        kind: `witness`, `file`, `syslog` or `browser`.
        label: its name; for a browser the person's id.
        size: how many events its newest checkpoint covers.
        at: when it was seen to have it.
    """

    kind: str
    label: str
    size: int
    at: datetime

    def is_fresh(self, now: datetime) -> bool:
        """Tell whether it still vouches for the log."""
        return now - self.at <= (BROWSER_FRESH if self.kind == "browser" else FRESH)

    @property
    def party(self) -> str:
        """Return who stands behind it: each witness is another administrator; file and syslog are one, and browsers."""
        return {"witness": self.label, "browser": "browsers"}.get(self.kind, "kept checkpoints")


@dataclass(frozen=True, slots=True)
class Contradiction:
    """An anchor that saw another history."""

    kind: str
    label: str
    seen: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Verification:
    """The newest check of the whole log."""

    is_sound: bool
    size: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Integrity:
    """The state of the log's proofs at one moment.

    Attributes:
        now: by the database's clock.
        size, sealed_at: of the newest head; None: nothing was sealed yet.
        oldest_unsealed: when the oldest event that no head covers was recorded; None: there is none.
        is_signed: the newest head is by the key in force; None: the first key was not given.
        anchors: the newest state of each, the freshest first.
        missing_witnesses: those of the settings that have not cosigned lately.
        unproved: browsers whose people said so, without a checkpoint that this log's key signed and that differs.
        unvouched: events of late by which the log was verified, or an anchor has it, without the sealer's word; a check
            that found a change is heard all the same.
        intruders: roles that hold the sealer's lock and are not the sealer's, each with its process of the database.
    """

    now: datetime
    size: int | None = None
    sealed_at: datetime | None = None
    oldest_unsealed: datetime | None = None
    is_signed: bool | None = None
    anchors: Sequence[AnchorState] = ()
    contradictions: Sequence[Contradiction] = ()
    missing_witnesses: Sequence[str] = ()
    verified: Verification | None = None
    intruders: Sequence[str] = ()
    unproved: Sequence[Contradiction] = ()
    unvouched: int = 0

    @property
    def light(self) -> Light:
        """Return red where something contradicts the log, green where enough vouches for it."""
        return next((light for light, _ in judge(self)), Light.GREEN)  # the gravest comes first

    @property
    def reasons(self) -> list[str]:
        """Return why it is not green, the gravest first."""
        return [words for _, words in judge(self)]

    def describe(self) -> Iterator[str]:
        """Yield a line for the head, each anchor and the last verification."""
        if self.sealed_at is not None:
            yield f"Newest head: {self.size:,} events, {_age(self.now - self.sealed_at)} old."
        for each in self.anchors:
            old = "" if each.is_fresh(self.now) else ", too old to count"
            yield f"Anchor: {each.kind} {each.label}, {each.size:,} events, {_age(self.now - each.at)} ago{old}."
        if self.verified is not None:
            yield f"Last verified: {self.verified.size:,} events, {_age(self.now - self.verified.at)} ago."

    @property
    def parties(self) -> int:
        """Return how many independent anchors are fresh."""
        return len({anchor.party for anchor in self.anchors if anchor.is_fresh(self.now)})


def judge(state: Integrity) -> Iterator[tuple[Light, str]]:
    """Yield what keeps the light from green, in words; what contradicts the log comes first."""
    yield from ((Light.RED, words) for words in _contradicted(state))
    for rule in (_sealing, _vouching, _verifying):
        yield from ((Light.YELLOW, words) for words in rule(state))


def _contradicted(state: Integrity) -> Iterator[str]:
    if state.is_signed is False:
        yield "The newest head is not signed by the log's key in force. Run `cloister audit verify`."
    if state.verified is not None and not state.verified.is_sound:
        yield "The last check of the whole log found a change. Run `cloister audit verify`."
    for each in state.contradictions:
        yield (
            f"The {each.kind} {each.label} saw a log of {each.seen} events that this one does not continue: it was set "
            "back or sealed anew. Keep the database as it is, and verify with an anchor."
        )


def _sealing(state: Integrity) -> Iterator[str]:
    if state.sealed_at is None:
        yield "Nothing was sealed yet. Look whether the sealer runs."
        return
    if state.now - state.sealed_at > LATEST_HEAD:
        yield f"The newest head is {_age(state.now - state.sealed_at)} old. Look whether the sealer runs."
    if state.oldest_unsealed is not None and state.now - state.oldest_unsealed > LATEST_SEAL:
        yield f"An event waits for its seal since {_age(state.now - state.oldest_unsealed)}."
    for each in state.intruders:
        yield f"{each} holds the lock of who seals, which is none of its business. Ask who uses that role."
    if state.is_signed is None:
        yield "The log's public key is not known here, so no signature was checked."


def _vouching(state: Integrity) -> Iterator[str]:
    for name in state.missing_witnesses:
        yield f"The witness {name} has not cosigned for {_age(FRESH)}. Ask who runs it."
    for each in state.unproved:
        yield (
            f"The {each.kind} {each.label} reported that the log does not continue what it saw, and sent nothing that "
            "shows it, so it could not be checked. Ask whose it is."
        )
    if state.unvouched:
        yield (
            f"{state.unvouched} of the newest events say that the log was verified, or that an anchor has it, and the "
            "sealer's role does not vouch for them. They make nothing better. Ask who holds the writer's password."
        )
    if state.parties < ANCHORS_WANTED:
        yield (
            f"{state.parties} of {ANCHORS_WANTED} independent anchors are fresh. Set up a witness or a file elsewhere, "
            "or have a reviewer open the integrity page."
        )


def _verifying(state: Integrity) -> Iterator[str]:
    if state.verified is None:
        yield "The whole log was never checked. Run `cloister audit verify`."
    elif state.now - state.verified.at > VERIFIED_FRESH:
        yield f"The whole log was last checked {_age(state.now - state.verified.at)} ago."


def _age(age: timedelta) -> str:
    seconds = int(age.total_seconds())
    for unit, name in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * unit:
            return f"{seconds // unit} {name}"
    return f"{seconds} seconds"
