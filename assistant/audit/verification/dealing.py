"""Deal the events, which come in their order, to the batches that have them; and when heads were made."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from itertools import islice
from operator import itemgetter
from struct import Struct
from typing import Final

from assistant.audit.seals.heads import PLACE, Head, Place, Snapshot
from assistant.audit.seals.tree import HASH_BYTES
from assistant.audit.verification.checks import microseconds_of
from assistant.audit.verification.slices import RowProblem, Slice

_TRANSACTION: Final = Struct(">Qh")
_TRANSACTION_AT: Final = 16  # in a place, after the id
_RECORDED: Final = Struct(">26xq")


@dataclass(frozen=True, slots=True)
class Run:
    """Rows of a slice that stand one behind the other in a batch, from `begin` up to `end`."""

    source: Slice
    begin: int
    end: int

    @property
    def places(self) -> bytes:
        """Return the places of the rows."""
        return self.source.places[self.begin * PLACE.size : self.end * PLACE.size]

    @property
    def leaves(self) -> bytes:
        """Return the leaves of the rows."""
        return self.source.leaves[self.begin * HASH_BYTES : self.end * HASH_BYTES]

    @property
    def problems(self) -> Iterator[tuple[int, RowProblem]]:
        """Yield what is wrong with rows of the run, with the number of the row in it."""
        first = bisect_left(self.source.problems, self.begin, key=itemgetter(0))
        for problem in islice(self.source.problems, first, None):
            if problem.row >= self.end:
                return
            yield problem.row - self.begin, problem

    @property
    def notable(self) -> Iterator[tuple[int, Place, int, bytes]]:
        """Yield events that change what holds for the log: number in the run, place, when it was recorded, body."""
        first = bisect_left(self.source.notable, self.begin, key=itemgetter(0))
        for row, body in islice(self.source.notable, first, None):
            if row >= self.end:
                return
            place = self.source.places[row * PLACE.size : (row + 1) * PLACE.size]
            yield row - self.begin, Place.parse(place), PLACE.unpack(place)[-1], body

    @property
    def stubs(self) -> Iterator[bytes]:
        """Yield the places of rows whose bodies retention took."""
        first = bisect_left(self.source.stubs, self.begin)
        for row in islice(self.source.stubs, first, None):
            if row >= self.end:
                return
            yield self.source.places[row * PLACE.size : (row + 1) * PLACE.size]

    def recorded(self) -> tuple[int, int]:
        """Return when the first and the last of the rows were recorded, by what they say."""
        moments = [moment for (moment,) in _RECORDED.iter_unpack(self.places)]
        return min(moments), max(moments)

    def transaction_of(self, row: int) -> tuple[int, int]:
        """Return era and transaction of a row, counted in the slice."""
        xid, era = _TRANSACTION.unpack_from(self.source.places, row * PLACE.size + _TRANSACTION_AT)
        return era, xid

    def find(self, transaction: tuple[int, int]) -> int:
        """Return the first row that is of this transaction or of a later one, counted in the slice."""
        return bisect_left(range(self.end), transaction, self.begin, key=self.transaction_of)


class Dealer:
    """Deal slices to the batches, whose heads come in their order, too."""

    def __init__(self, slices: AsyncIterator[Slice]) -> None:
        self._slices = slices
        self._rest: Run | None = None  # of the slice that is being dealt
        self._waiting: list[Run] = []  # of transactions that ended after a head that came after them; one each

    async def of_batch(self, head: Head) -> AsyncIterator[Run]:
        """Yield the rows of a batch, in their order."""
        waiting, self._waiting = self._waiting, []
        for run in waiting:
            era, xid = run.transaction_of(run.begin)
            if era < head.era or (era == head.era and head.snapshot.sees(xid)):
                yield run
            else:
                self._waiting.append(run)
        while rest := await self._fill():
            end = rest.find((head.era, head.snapshot.xmax))
            for run in self._seen(Run(rest.source, rest.begin, end), head):
                yield run
            self._rest = Run(rest.source, end, rest.end)
            if end < rest.end:
                return

    async def rest(self) -> AsyncIterator[Run]:
        """Yield the rows that no batch has."""
        for run in self._waiting:
            yield run
        while rest := await self._fill():
            self._rest = None
            yield rest

    async def _fill(self) -> Run | None:
        while self._rest is None or self._rest.begin == self._rest.end:
            found = await anext(self._slices, None)
            if found is None:
                return None
            self._rest = Run(found, 0, len(found))
        return self._rest

    def _seen(self, run: Run, head: Head) -> Iterator[Run]:
        """Cut out what was under way at the head, and yield what is left."""
        begin = run.begin
        for xid in sorted(head.snapshot.open):
            low, high = run.find((head.era, xid)), run.find((head.era, xid + 1))
            if low == high:
                continue
            if begin < low:
                yield Run(run.source, begin, low)
            self._waiting.append(Run(run.source, low, high))
            begin = high
        if begin < run.end:
            yield Run(run.source, begin, run.end)


class Moments:
    """When heads were made: a row was recorded after each head that its transaction's number is not before.

    Of heads that nothing new can stand before, only the newest is kept.
    """

    def __init__(self) -> None:
        self._era = 0
        self._last: Snapshot | None = None
        self._numbers: list[int] = []  # the first transaction that had not begun
        self._times: list[int] = []

    def add(self, head: Head) -> None:
        """Keep a head for the batches after it."""
        if head.era != self._era:
            self._numbers.clear()
            self._times.clear()
        self._era, self._last = head.era, head.snapshot
        place = bisect_left(self._numbers, head.snapshot.xmax)  # a log that was changed may go back
        self._numbers[place:] = [head.snapshot.xmax]
        self._times[place:] = [microseconds_of(head.sealed_at)]
        done = bisect_right(self._numbers, head.snapshot.xmin) - 1
        if done > 0:
            del self._numbers[:done]
            del self._times[:done]

    def dated_back(self, run: Run, earliest: int) -> int:
        """Return how long before such a head one of these rows claims to be recorded, at most."""
        if self._last is None:
            return 0
        most, xmax, newest = 0, self._last.xmax, self._times[-1]
        if run.transaction_of(run.begin) >= (self._era, xmax):  # and so all the others
            return max(most, newest - earliest)
        for _, xid, era, recorded in PLACE.iter_unpack(run.places):
            if era < self._era:
                continue
            if era > self._era or xid >= xmax:  # a later era began after every head of this one
                most = max(most, newest - recorded)
            elif place := bisect_right(self._numbers, xid):
                most = max(most, self._times[place - 1] - recorded)
        return most
