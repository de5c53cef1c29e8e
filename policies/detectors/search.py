"""Search a text in all its views as it arrives, and tell up to where everything is settled.

The text is folded, and undone up to three times; every view is scanned, runs that encode text are decoded and searched
in turn, and runs without a form of their own are judged by the words before them. All findings are brought back to the
text as it was written. A whole text is a text that arrives in one piece: there is no second way to search.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from policies.detectors.compiled import PLACEHOLDER_RULE
from policies.detectors.cutting import STEP_CHARS, WINDOW_CHARS, Spans, cut_before, open_from, untorn, with_rest
from policies.detectors.layers import Layer, Layers
from policies.detectors.once import one_look
from policies.detectors.pattern_kinds import HELD_CHARS_CAP, Match
from policies.detectors.runs import RUN_CLASS
from policies.detectors.scan import Scanner
from policies.detectors.sightings import Sighted
from policies.detectors.tokens import TokenDetector, TokenFinding
from policies.verdict import Finding
from policies.views.apart import Cells
from policies.views.decode import ENCODED_MIN_CHARS, decodings, spelled_words
from policies.views.fold import fold_bytes
from policies.views.groups import Grouped, open_row, rows, says_nothing, values_of_row, values_of_run
from policies.views.undo import DRAWN_CLASS, may_be_undone

_ENTITY_TYPE = "SECRET"  # of a value without a form of its own
_DECODED_TIMES = 3
_LEAST_CHARS = 7  # of which a look is taken at once: most of its cost does not depend on how much is new
_LONG_CHARS = 1_024  # of which a look is taken when an eighth has come: one at every piece would be quadratic
_WAITING_CHARS = 64  # that a run may grow before a look is taken
# Classes of single characters: linear whatever the text.
_ENCODED = re.compile(rb"[%s]{%d,}" % (DRAWN_CLASS.encode("ascii"), ENCODED_MIN_CHARS))
_NAME_CHARS = 80  # before a word in base64, in which its name stands
_ENDS_RUN = re.compile(rf"[^{RUN_CLASS}]").search


@dataclass(frozen=True, slots=True)
class Settled:
    """What a piece of text has settled.

    Attributes:
        end: the place in the text up to which nothing can change any more.
        findings: those that begin before it and were not told before, in the order of the text.
    """

    end: int
    findings: list[Finding]


@dataclass(slots=True)
class _Endless:
    """A value longer than the cap: what follows belongs to it as long as its pattern could go on.

    Attributes:
        finding: the value as far as it was seen.
        layer: the view in which it was seen.
        tail: the bytes by which it goes on.
        place: the place in the view up to which it goes.
    """

    finding: Finding
    layer: Layer
    tail: bytes
    place: int


@dataclass(slots=True)
class _Told:
    """What was found in one look, so that what the next view or row says in the same words is not judged again.

    Attributes:
        runs: runs without a form of their own, with the words before them; None where there is one view.
        groups: values without what stands between their groups.
        cells: cells behind what names them.
    """

    runs: dict[bytes, TokenFinding | None] | None
    groups: dict[str, list[Finding]] = field(default_factory=dict)
    cells: dict[bytes, list[Finding]] = field(default_factory=dict)


class Search:
    """The search of one text that arrives in pieces.

    Args:
        scanner: the rules.
        tokens: judges runs without a form of their own; none where only rules count.
        depth: how often the text was decoded before it came here.
    """

    def __init__(self, scanner: Scanner, tokens: TokenDetector | None = None, *, depth: int = 0) -> None:
        self._scanner = scanner
        self._tokens = tokens
        self._depth = depth
        self._settled = 0
        self._endless: _Endless | None = None
        self._looked_again_at = 0  # the length of the text
        self.looked_chars = 0  # for those who measure
        self._waiting = ""  # the piece of a run that was not looked at yet
        self._before = ""  # what is settled already, but not read yet
        self._layers = Layers(scanner.open_sightings)
        self._cells: dict[Layer, Cells] = {}  # of what is not settled, once they were looked for

    def resume(self, before: str) -> None:
        """Begin behind a text of which everything is settled; places count from the beginning of what is given of it.

        Args:
            before: its last characters, or all of it: of no view more is looked at than `BEHIND_CHARS`.
        """
        self._before = before

    def least_chars(self, text: str) -> int:
        """Return how many characters the shortest view of a text has; nothing else may be asked afterwards."""
        self._layers.grow(text, is_last=True)
        return min(len(layer.tape.data) for layer in self._layers)

    def feed(self, text: str, *, is_last: bool) -> Settled:
        """Take the next piece and return what it settles; after the last piece everything is settled.

        Raises:
            RuleFailedError: a rule could not judge; nothing may pass.
        """
        self._waiting += text
        least = _LEAST_CHARS if self._settled else 1  # somebody waits for the first word
        if not is_last and (
            len(self._waiting) < least or (len(self._waiting) < _WAITING_CHARS and not _ENDS_RUN(self._waiting))
        ):
            return Settled(self._told, [])  # a run is held until it ends
        text, self._waiting = self._waiting, ""
        self._grow(text, is_last=is_last)
        findings: list[Finding] = []
        while self._endless is None or self._is_ended(self._endless, findings, is_last=is_last):
            self._endless = None
            if self._layers.length < self._looked_again_at and not is_last:
                break
            held = self._layers.length - self._settled
            self.looked_chars += held
            if held > _LONG_CHARS:
                self._looked_again_at = self._layers.length + held // 8
            cut = self._layers.length if is_last else self._alive_from()
            if cut <= self._settled and held <= HELD_CHARS_CAP + STEP_CHARS:
                break
            with one_look():
                matches, endless = self._matches()
            self._endless = min(endless, key=lambda one: one.finding.start, default=None)
            if self._endless is not None:
                cut = self._endless.finding.start
            elif not is_last:
                cut = self._whole(cut, matches)
            findings += [match.finding for match in matches if self._settled <= match.finding.start < cut]
            self._settle(cut)
            if self._endless is None:
                break
        return Settled(self._told, findings)

    def _grow(self, text: str, *, is_last: bool) -> None:
        # What is settled already is read together with the text behind it: an escape may reach from one into the other.
        before, self._before = self._before, ""
        self._cells.clear()
        self._layers.grow(before + text, is_last=is_last)
        if before:
            self._settled = len(before)
            self._layers.settle(self._settled)

    @property
    def _told(self) -> int:
        """Return up to where the text is settled for whoever asks; within an endless value that is its beginning."""
        return self._settled if self._endless is None else self._endless.finding.start

    def _is_ended(self, endless: _Endless, findings: list[Finding], *, is_last: bool) -> bool:
        """Follow an endless value through what has arrived, and tell whether it has ended."""
        layer = endless.layer
        tape = layer.tape
        rest = tape.data[max(0, endless.place - tape.base) :].lstrip(endless.tail)
        endless.place = max(endless.place, tape.end - len(rest))
        end = layer.origin_behind(min(endless.place, tape.end) - 1)
        self._settle(end)
        if not rest and not is_last:
            return False
        findings.append(endless.finding.at(endless.finding.start, end))
        return True

    def _alive_from(self) -> int:
        alive = self._layers.length
        is_first = not self._settled and alive <= _WAITING_CHARS  # somebody waits for it: nothing is held for nothing
        for layer in self._layers:
            if layer.shows_more:
                tape = layer.tape
                start = layer.start - tape.base
                place = self._scanner.alive_from(tape.data, start, layer.sighted(), is_exact=is_first)
                place = min(place, open_from(tape.data, start), open_row(tape.data, start))
                if self._depth < _DECODED_TIMES:
                    place = min(place, self._cells_of(layer).open_from())
                alive = min(alive, layer.origin(tape.base + place))
        return alive

    def _matches(self) -> tuple[list[Match], list[_Endless]]:
        """Return what all views show, in places of the text, in the order of the text, and what is beyond the cap."""
        matches: dict[Match, None] = {}  # views often show the same
        views = [layer for layer in self._layers if layer.parent is None or layer.is_changed]
        told = _Told({} if len(views) > 1 else None)
        endless: list[_Endless] = []
        for layer in views:
            data, start = layer.tape.data, layer.start - layer.tape.base
            for match in (*self._scanned(data, start, layer.sighted()), *self._in_runs(layer, told)):
                if layer.parent is not None and match.finding.rule == PLACEHOLDER_RULE.name:
                    continue
                brought = layer.brought_back(match)
                matches[brought] = None
                if match.tail and brought.finding.start >= self._settled:
                    place = layer.tape.base + match.whole_start + HELD_CHARS_CAP
                    endless.append(_Endless(brought.finding, layer, match.tail, place))
        in_order = sorted(
            self._apart(matches), key=lambda match: (match.finding.start, match.finding.end, match.finding.rule)
        )
        return in_order, endless

    def _scanned(self, data: bytes, start: int, sighted: Sighted) -> list[Match]:
        return [with_rest(data, match) for match in self._scanner.find(data, start, sighted)]

    def _apart(self, matches: Iterable[Match]) -> list[Match]:
        """Leave out what a joined line break made of values that stand whole on a line each."""
        spans: dict[str, list[tuple[int, int]]] = {}
        for match in matches:
            spans.setdefault(match.finding.rule, []).append((match.finding.start, match.finding.end))
        for of_rule in spans.values():
            of_rule.sort()
        return [match for match in matches if not self._holds_two(spans[match.finding.rule], match.finding)]

    def _holds_two(self, spans: list[tuple[int, int]], finding: Finding) -> bool:
        """Tell whether two values on lines of their own stand inside a finding of the same rule."""
        first_end = -1
        for place in range(bisect_left(spans, (finding.start, 0)), len(spans)):
            start, end = spans[place]
            if start >= finding.end:
                return False
            if end > finding.end or (start, end) == (finding.start, finding.end):
                continue
            if first_end < 0:
                first_end = end
            elif start >= first_end and self._are_lines(first_end, start):
                return True
        return False

    def _are_lines(self, end: int, start: int) -> bool:
        """Tell whether a line ends between two places of the text, and no string that was joined in code."""
        tape = self._layers.folded.tape
        first, last = (tape.offsets.place_of(place, tape.end) - tape.base for place in (end, start))
        between = tape.data[max(0, first) : last]
        return b"\n" in between and not any(quote in between for quote in b"\"'`")

    def _in_runs(self, layer: Layer, told: _Told) -> Iterator[Match]:
        data, start = layer.tape.data, layer.start - layer.tape.base
        if self._tokens is not None:
            for begin, end, judged in self._tokens.judge_all(data, start, told.runs):
                yield Match(_found_token(judged), begin, end)
        if self._depth < _DECODED_TIMES:
            for run in _ENCODED.finditer(data, start):
                yield from self._decoded(data, *run.span())
                yield from self._in_groups(values_of_run(data, *run.span()), run.span(), told)
            for row in rows(data, start):
                yield from self._in_groups(values_of_row(data, *row), row, told)
            yield from self._in_cells(layer, told)
            yield from self._in_words(data, start, told)

    def _decoded(self, data: bytes, begin: int, end: int) -> Iterator[Match]:
        for window in range(begin, max(begin + 1, end - STEP_CHARS), STEP_CHARS):
            last = min(end, window + WINDOW_CHARS)
            for decoded in decodings(data[window:last]):
                inner = self._inner(self._depth + 1)
                start, behind = window + decoded.start, window + decoded.end
                for finding in _one_a_rule(inner.feed(decoded.text, is_last=True).findings):
                    yield Match(finding.at(start, behind), window, last)

    def _inner(self, depth: int) -> Search:
        return Search(self._scanner, self._tokens, depth=depth)

    def _in_groups(self, values: Iterable[Grouped], whole: tuple[int, int], told: _Told) -> Iterator[Match]:
        """Yield what is found in values without what stands between their groups; words before them count for none."""
        for value in values:
            found = told.groups.get(value.text)
            if found is None:
                data = value.text.encode("latin-1")
                # There is nothing in it to undo.
                matches = [] if says_nothing(data) else self._scanner.find(data, 0, self._scanner.sighted(data))
                found = told.groups[value.text] = [match.finding for match in matches]
            for finding in found:
                start, behind = value.place(finding.start), value.place(finding.end - 1) + 1
                yield Match(finding.at(start, behind), *whole)

    def _is_telling(self, label: bytes) -> bool:
        """Tell whether the head of a column may say that a value below it is one."""
        is_word = self._tokens is not None and self._tokens.is_telling(label)
        return is_word or self._scanner.has_words(label + b": ")

    def _cells_of(self, layer: Layer) -> Cells:
        """Return the cells of a view, looked for once as long as it neither grows nor settles."""
        if (known := self._cells.get(layer)) is None:
            known = self._cells[layer] = Cells(layer.tape.data, layer.start - layer.tape.base, self._is_telling)
        return known

    def _in_cells(self, layer: Layer, told: _Told) -> Iterator[Match]:
        """Yield what is found in the cells of a table behind the heads of their columns."""
        data = layer.tape.data
        for cell in self._cells_of(layer).told():
            head = cell.label + b": "
            shift = cell.begin - len(head)
            for finding in self._behind(head, head + data[cell.begin : cell.end], told):
                yield Match(finding.moved(shift), cell.begin, cell.end)

    def _in_words(self, data: bytes, start: int, told: _Told) -> Iterator[Match]:
        """Yield what is found in short words of base64 behind what names them in their line."""
        for word in spelled_words(data, start):
            first = max(0, word.start - _NAME_CHARS)
            head = data[max(first, data.rfind(b"\n", first, word.start) + 1) : word.start]
            if self._is_telling(head):
                for finding in self._behind(head, head + word.text.encode("latin-1", "replace"), told):
                    yield Match(finding.at(word.start, word.end), word.start, word.end)

    def _behind(self, head: bytes, text: bytes, told: _Told) -> list[Finding]:
        """Return what is found in a line behind its head."""
        found = told.cells.get(text)
        if found is None:
            found = told.cells[text] = [
                one for one in self._in_line(text) if one.start >= len(head) and one.rule != PLACEHOLDER_RULE.name
            ]
        return found

    def _in_line(self, data: bytes) -> Iterator[Finding]:
        """Yield what is found in a line by itself; one in which nothing is written in another way has one view."""
        text = data.decode("latin-1")
        if b"\n" in data or may_be_undone(data) or fold_bytes(text) != data:
            yield from self._inner(_DECODED_TIMES).feed(text, is_last=True).findings
            return
        yield from (match.finding for match in self._scanned(data, 0, self._scanner.sighted(data)))
        if self._tokens is not None:
            yield from (_found_token(judged) for _, _, judged in self._tokens.judge_all(data, 0))

    def _whole(self, cut: int, matches: list[Match]) -> int:
        """Move the cut to the left until it tears neither a match nor a run nor a row of any view.

        Rows on all lines of a long table may tear each other in turn: none is held for more than a value may be.
        """
        kept_whole = Spans(map(untorn, matches))
        moved = self._untorn(cut, kept_whole, [Spans(rows(data, start)) for data, start in self._unsettled()])
        if cut - moved <= HELD_CHARS_CAP:
            return moved
        return self._untorn(cut, kept_whole, [Spans()] * len(tuple(self._layers)))

    def _unsettled(self) -> Iterator[tuple[bytes, int]]:
        """Yield each view, and from where on it is not settled."""
        for layer in self._layers:
            yield layer.tape.data, layer.start - layer.tape.base

    def _untorn(self, cut: int, kept_whole: Spans, rows_of_layers: Sequence[Spans]) -> int:
        while True:
            moved = self._run_start(kept_whole.before(cut), rows_of_layers)
            if moved <= self._settled:
                return self._settled
            if moved == cut:
                return cut
            cut = moved

    def _run_start(self, cut: int, rows_of_layers: Sequence[Spans]) -> int:
        """Return where the text may be cut so that the runs of no view are torn; windows of very long ones are."""
        moved = cut
        for layer, at, kept_whole in zip(self._layers, self._layers.places_of(cut), rows_of_layers, strict=True):
            tape = layer.tape
            place = at - tape.base
            whole = kept_whole.before(cut_before(tape.data, layer.start - tape.base, place))
            if whole < place:
                moved = min(moved, layer.origin(tape.base + whole))
        return moved

    def _settle(self, cut: int) -> None:
        if cut <= self._settled:
            return
        self._settled = cut
        self._looked_again_at = 0
        self._cells.clear()
        self._layers.settle(cut)
        if self._endless is None:
            self._layers.drop_unchanged()


def _found_token(judged: TokenFinding) -> Finding:
    return Finding(_ENTITY_TYPE, judged.start, judged.end, judged.score, judged.rule)


def _one_a_rule(findings: list[Finding]) -> list[Finding]:
    return list({finding.rule: finding for finding in findings}.values())
