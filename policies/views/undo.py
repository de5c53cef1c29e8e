r"""The undone view: what was written in another way for the sake of a format stands as it was meant.

Undone are percent, backslash, `\u` and HTML escapes, joints of strings in code (`"abc" + "def"`), the colours of a
terminal and line breaks in a token, quote marks of a mail included. A line break is taken for a soft one where token
characters stand on both sides and either the line is as long as a neighbour, or what follows looks like the rest of a
generated value. Of narrow lines that are as long as a neighbour every break is soft.

A view can be undone again: three times, as escapes are nested. Each stage reads its parent from left to right once and
decides on nothing that may still change, so that the pieces in which a text arrives do not matter.
"""

from __future__ import annotations

import re

from policies.pattern_beginnings import beginnings
from policies.pattern_syntax import parse_pattern
from policies.patterns import source
from policies.placeholders import placeholders_in
from policies.views.fold import fold_bytes
from policies.views.regex import Regex, Spans
from policies.views.tape import Tape

DRAWN_CLASS = "A-Za-z0-9_+/=.~-"
"""Characters of a value drawn by lot, such as a token."""

LINE_CHARS = 200  # lines are hard-wrapped at less
LONGEST_UNDONE_CHARS = 256  # as far back as something may begin that is not undone: a line break before a token
_ASCII = bytes(range(128))
_SHORTEST_LINE = 8
_BROKEN_LINE = 12  # a shorter one before a number is an item of a list
_NARROW_LINE = 24  # so long the next line is waited for
_UNDECIDED = -2
_NEVER = -(1 << 62)  # further back than anything looks
_BREAK = r"\\?\r?\n[ \t]{0,40}(?:[>|#*;][ \t]?){0,4}[ \t]{0,8}"
_WRAP = rf"[{DRAWN_CLASS}]{_BREAK}[{DRAWN_CLASS}]{{1,80}}[:(]?"
_NARROW_WRAP = r"\r?\n(?:[>|#*;][ \t]?){0,4}[^\n]"  # anything may stand where narrow lines are broken
_JOINT = (
    r"[\"'`][ \t]{0,8}(?:[+.&~]|\.\.|<>|\|\|)[ \t]{0,8}(?:\\?\r?\n[ \t]{0,60})?[\"'`]"
    r"|[\"'`](?:[ \t]{1,8}|[ \t]{0,8}\\?\r?\n[ \t]{0,60}(?:(?:[+.&~]|\.\.|<>|\|\|)[ \t]{0,8})?)[\"'`]"
)
_ESCAPES = (
    r"(?:%[0-9A-Fa-f]{2}){1,200}",
    r"(?:\\u[0-9A-Fa-f]{4}){1,200}",
    r"\\u\{[0-9A-Fa-f]{1,6}\}",
    r"(?:\\x[0-9A-Fa-f]{2}){1,200}",
    r"\\[nrt]",
    r"(?:\\[^A-Za-z0-9\s]){1,200}",
    r"&#[0-9]{1,7};",
    r"&#[xX][0-9A-Fa-f]{1,6};",
    r"&[A-Za-z]{2,8};",
    r"\x1b\[[0-9;]{0,24}[A-Za-z]",  # a colour or a move of the cursor, as a terminal gets it (ECMA-48)
    r"\\(?:0?33|e)\[[0-9;]{0,24}m",  # the same, as a program's text has it
)
# Pairs of characters inside a value drawn by lot; two or three characters in a row are linear whatever the text.
_DRAWN_PAIRS = r"[0-9][A-Za-z+/=_-]|[A-Za-z+/=_-][0-9]|[a-z][A-Z]|[A-Z]{2}[a-z]|[0-9]{4}"
_GENERATED = re.compile(rf"{_DRAWN_PAIRS}|=\Z".encode("ascii")).search
_GENERATED_WRAP = rf"[{DRAWN_CLASS}]{_BREAK}[{DRAWN_CLASS}]{{0,78}}(?:{_DRAWN_PAIRS}|=)"
_REWRITTEN = "|".join((*_ESCAPES, _JOINT, _WRAP, _NARROW_WRAP))
_TREE = parse_pattern(_REWRITTEN)
_SEARCH = Regex(source(_TREE))
# Of line breaks between lines of different lengths, only those before what looks like the rest of a generated value.
_LIKELY = Regex("|".join((*_ESCAPES, _JOINT, _GENERATED_WRAP, rf"[0-9]{_BREAK}[0-9]", rf"[{DRAWN_CLASS}]\\\r?\n")))
_LINE_BREAK_CHARS = 3  # how far before a line's `\n` a soft break may begin: a character, `\`, `\r`
_ALIVE = Regex(f"(?:{beginnings(_TREE, is_exact=True)})\\z")
_LETTER = re.compile(rb"[A-Za-z]").search
_NUMBERS = re.compile(rb"[0-9+().,;:/ \t\r-]{8,}").fullmatch
_ASSIGNMENT = re.compile(rb"(?:export |set )?[A-Za-z_][A-Za-z0-9_.-]{0,60}=[^=\n]").match
_MARKS = re.compile(rb"(?:[>|#*;][ \t]?){0,4}").match
_BEFORE_TEXT = b" \t>|#*;"
_CONTROLS = {b"\\n": b"\n", b"\\r": b"\r", b"\\t": b"\t"}
_COLOURS = frozenset((b"\x1b[", b"\\0", b"\\3", b"\\e"))  # how they begin
# Named references of HTML that stand for ASCII, and those of nothing that is seen.
_NAMED = {
    b"amp": b"&", b"lt": b"<", b"gt": b">", b"quot": b'"', b"apos": b"'", b"nbsp": b" ", b"sol": b"/", b"bsol": b"\\",
    b"lowbar": b"_", b"hyphen": b"-", b"dash": b"-", b"equals": b"=", b"colon": b":", b"semi": b";", b"plus": b"+",
    b"period": b".", b"comma": b",", b"commat": b"@", b"num": b"#", b"dollar": b"$", b"percnt": b"%", b"ast": b"*",
    b"lpar": b"(", b"rpar": b")", b"lsqb": b"[", b"lbrack": b"[", b"rsqb": b"]", b"rbrack": b"]", b"lcub": b"{",
    b"lbrace": b"{", b"rcub": b"}", b"rbrace": b"}", b"excl": b"!", b"quest": b"?", b"grave": b"`", b"verbar": b"|",
    b"vert": b"|", b"Hat": b"^", b"Tab": b"\t", b"NewLine": b"\n", b"shy": b"", b"zwnj": b"", b"zwj": b"", b"lrm": b"",
    b"rlm": b"", b"ensp": b" ", b"emsp": b" ", b"thinsp": b" ",
}  # fmt: skip


def may_be_undone(data: bytes) -> bool:
    """Tell whether anything in a whole text may have been written in another way."""
    return _SEARCH.search(data) is not None


class Undoing:
    """One stage: reads a parent view, writes the undone one."""

    def __init__(self, parent: Tape, done: int) -> None:
        """Begin at a place of the parent before which nothing is left to undo."""
        self._done = done  # the place in the parent up to which everything is written
        self.tape = Tape()
        self.tape.data = parent.data[: done - parent.base]
        self.tape.base = parent.base
        self._undecided = (0, 0)  # where the line behind an undecided break begins, and where it is long enough
        self.first_change = -1  # the place in the view where something was undone in the last piece, if at all
        self.last_change = _NEVER  # the place in the view behind the last thing that was undone

    @property
    def done(self) -> int:
        """Return the place in the parent up to which its view is written."""
        return self._done

    def feed(self, parent: Tape, *, is_last: bool) -> None:
        """Write what is settled in the parent."""
        data = parent.data
        start = self._done - parent.base
        self.first_change = -1
        if start >= len(data) or (not is_last and self._is_undecided(parent)):
            return
        settled = len(data)
        if not is_last and (alive := _ALIVE.search(data, start)) is not None:
            settled = alive[0][0]
        pieces: list[bytes] = []
        place, at = start, self.tape.end
        done = start
        ahead = _Ahead(data, start, is_last=is_last)
        while place < settled and (match := ahead.search(place)) is not None:
            begin, end = match[0]
            if begin >= settled:
                break
            found = begin
            begin, end, written, stride, place = self._rewritten(parent, begin, end, is_last=is_last)
            if begin == _UNDECIDED:
                settled = found
                line_end = data.index(b"\n", found) + 1
                length = line_end - data.rfind(b"\n", 0, line_end - 1)
                self._undecided = (parent.base + line_end, parent.base + line_end + length)
                break
            if begin < 0:
                continue
            pieces += (data[done:begin], written)
            at += begin - done
            if self.first_change < 0:
                self.first_change = at
            if written:
                self.tape.offsets.add(at, parent.base + begin, stride)
                at += len(written)
            self.tape.offsets.add(at, parent.base + end, 1)
            self.last_change = at
            done = end
        # A match may reach over the settled part only if it begins in it, and then it is settled too.
        settled = max(settled, done)
        pieces.append(data[done:settled])
        self.tape.data += b"".join(pieces)
        self._done = parent.base + settled

    def _is_undecided(self, parent: Tape) -> bool:
        """Tell whether the line behind a narrow one has neither ended nor grown longer than that one."""
        line_start, long_enough = self._undecided
        return parent.end < long_enough and parent.data.find(b"\n", line_start - parent.base) < 0

    def _rewritten(  # noqa: PLR0911 - one return for each kind of writing
        self, parent: Tape, begin: int, end: int, *, is_last: bool
    ) -> tuple[int, int, bytes, int, int]:
        """Return what is replaced (begin, end), by what, its stride, and where to go on.

        Begin is -1 for nothing, and `_UNDECIDED` until more of the text is there.
        """
        data = parent.data
        first = data[begin : begin + 1]
        if first == b"%" or data[begin : begin + 2] == b"\\x":
            written, size, chars = _spelled_bytes(data[begin:end], b"%" if first == b"%" else b"\\x")
            return begin, begin + chars, written, size, begin + chars
        if first in b"\\\x1b":
            written, stride = _unescaped(data[begin:end])
            return begin, end, written, stride, end
        if first == b"&":
            named = _referred(data[begin + 1 : end - 1])
            return (-1, end, b"", 1, end) if named is None else (begin, end, named, end - begin, end)
        if first in b"\"'`":
            if data[end - 1 : end] != first:
                return -1, end, b"", 1, begin + 1
            return begin, end, b"", 1, end
        after = data.rindex(b"\n", begin, end) + 1
        if first in b"\r\n":
            marks = _MARKS(data, after)
            run_start = min(marks.end() if marks else after, end - 1)
            is_soft = _is_narrow(data, parent.base, begin, is_last=is_last)
            if is_soft is None:
                return _UNDECIDED, end, b"", 1, begin
            return (begin, run_start, b"", 1, run_start) if is_soft else (-1, end, b"", 1, run_start)
        run_start = end - len(data[after:end].lstrip(_BEFORE_TEXT))
        is_soft = _is_soft(data, parent.base, begin + 1, run_start, end, is_last=is_last)
        if is_soft is None:
            return _UNDECIDED, end, b"", 1, begin
        if is_soft:
            return begin + 1, run_start, b"", 1, run_start
        return -1, end, b"", 1, run_start


class _Ahead:
    """Looks for the next thing that may have been written in another way, each stretch of the data once."""

    def __init__(self, data: bytes, start: int, *, is_last: bool) -> None:
        self._data = data
        self._breaks = _even_breaks(data, start, is_last=is_last)  # the last one first
        self._likely = -1  # the next place that is likely by itself

    def search(self, place: int) -> Spans | None:
        """Return the next one from a place on; places must not go down."""
        breaks = self._breaks
        while breaks and breaks[-1] < place:
            breaks.pop()
        if self._likely < place:
            self._likely = _LIKELY.first(self._data, place)
        first = self._likely
        if breaks:
            first = min(first, max(place, breaks[-1] - _LINE_BREAK_CHARS))
        return _SEARCH.search(self._data, first)


def _even_breaks(data: bytes, start: int, *, is_last: bool) -> list[int]:
    """Return where lines end, from `start` on, that an even neighbour may make soft; the last one first."""
    line_start = data.rfind(b"\n", 0, start) + 1
    floor = data.rfind(b"\n", 0, max(0, line_start - 1)) + 1
    lines = data[floor:].split(b"\n")
    lengths = [len(line) - line.endswith(b"\r") for line in lines]
    breaks: list[int] = []
    before, end, last = -1, floor - 1, len(lines) - 1
    for number in range(last):
        length = lengths[number]
        end += len(lines[number]) + 1
        if _SHORTEST_LINE <= length <= LINE_CHARS and end >= start:
            after = lengths[number + 1]
            is_even = length == before
            if length <= _NARROW_LINE and not is_even:
                is_even = after == length if number + 1 < last else not is_last and after <= length + 1
            if is_even:
                breaks.append(end)
        before = length
    breaks.reverse()
    return breaks


def _spelled_bytes(run: bytes, mark: bytes) -> tuple[bytes, int, int]:
    """Return what the head of a run of bytes in hexadecimal says, its stride, and how many characters it takes.

    The head is all ASCII before the first letter beyond it, or that one letter, which UTF-8 spells in several bytes.
    """
    size = len(mark) + 2
    spelled = bytes.fromhex(run.replace(mark, b"").decode("ascii"))
    plain = len(spelled) - len(spelled.lstrip(_ASCII))
    if plain:
        return spelled[:plain], size, plain * size
    for count in (4, 3, 2):
        if count > len(spelled):  # the last letter of a run would take characters behind it
            continue
        try:
            letter = spelled[:count].decode("utf-8")
        except UnicodeDecodeError:
            continue
        if len(letter) == 1:
            return fold_bytes(letter)[:1], count * size, count * size
    return spelled[:1], size, size


def _unescaped(escape: bytes) -> tuple[bytes, int]:
    kind = escape[:2]
    if kind in _COLOURS:
        return b"", 1
    if kind == b"\\u":
        if escape[2:3] == b"{":
            return _character(int(escape[3:-1], 16)), len(escape)
        codes = escape.split(b"\\u")[1:]
        written = b"".join(_character(int(code, 16)) or b"\x80" for code in codes)
        return written, 6
    return (_CONTROLS[kind], 2) if kind in _CONTROLS else (escape[1::2], 2)


def _referred(name: bytes) -> bytes | None:
    if name[:2] in {b"#x", b"#X"}:
        return _character(int(b"0" + name[1:], 16))
    if name[:1] == b"#":
        return _character(int(name[1:]))
    return _NAMED.get(name)


def _character(code: int) -> bytes:
    return fold_bytes(chr(code))[:1] if code <= 0x10FFFF else b""  # noqa: PLR2004 - the last code point


def _is_soft(data: bytes, base: int, line_end: int, run_start: int, end: int, *, is_last: bool) -> bool | None:
    """Tell whether the line break between `line_end` and `run_start` stands inside a token; None while undecided."""
    run = data[run_start:end]
    is_code = data[end - 1 : end] in b":("
    name, sign, value = run.partition(b"=")
    # What a placeholder stands in for was a value, too.
    has_value = value.strip(b"=") or data[end : end + 1] == b"["
    is_assigned = sign and has_value and name[:1].isalpha()
    is_number = run[:1].isdigit() and data[line_end - 1 : line_end].isdigit()
    is_broken_number = is_number and line_end - _line_start(data, base, line_end) >= _BROKEN_LINE
    looks_generated = is_broken_number or (not is_number and _GENERATED(run) is not None)
    if _is_address_list(data, base, line_end, end) or _is_number_list(data, base, line_end):
        return False
    if looks_generated and not (is_code or is_assigned or _is_list(data, base, line_end, run)):
        return True
    if data[line_end - 1 : line_end] == b".":
        return False
    return _is_hard_wrapped(data, base, line_end) or _is_wrapped_alike(data, base, line_end, is_last=is_last)


def _is_list(data: bytes, base: int, line_end: int, run: bytes) -> bool:
    """Tell whether two lines of digits alone follow one another: lists of numbers are no value."""
    return run.isdigit() and data[max(0, _line_start(data, base, line_end)) : line_end].isdigit()


def _is_number_list(data: bytes, base: int, line_end: int) -> bool:
    """Tell whether a line is of numbers alone, and the one before it, too: cards, telephones, rows of a table."""
    line_start = _line_start(data, base, line_end)
    if line_start <= 0 or _NUMBERS(data, line_start, line_end) is None:
        return False
    before_start = _line_start(data, base, line_start - 1)
    return before_start >= 0 and _NUMBERS(data, before_start, line_start - 1) is not None


def _is_address_list(data: bytes, base: int, line_end: int, end: int) -> bool:
    """Tell whether an address stands behind a line that holds one: joined, a list of them would be one run."""
    return data[end : end + 1] == b"@" and b"@" in data[max(0, _line_start(data, base, line_end)) : line_end]


def _is_narrow(data: bytes, base: int, line_end: int, *, is_last: bool) -> bool | None:
    """Tell whether a narrow line is as long as a neighbour of its own, which more than words in it are broken by."""
    line_start = _line_start(data, base, line_end)
    if line_start < 0 or not _SHORTEST_LINE < line_end - line_start <= _NARROW_LINE:
        return False
    if _LETTER(data, line_start, line_end) is None:
        return False  # a list of dates or numbers: joined, it would be one run without end
    return _is_hard_wrapped(data, base, line_end) or _is_wrapped_alike(data, base, line_end, is_last=is_last)


def _is_wrapped_alike(data: bytes, base: int, line_end: int, *, is_last: bool) -> bool | None:
    """Tell whether a narrow line is as long as the one behind it; None until that one has ended."""
    line_start = _line_start(data, base, line_end)
    length = line_end - line_start
    if line_start < 0 or not _SHORTEST_LINE <= length <= _NARROW_LINE:
        return False
    next_start = data.index(b"\n", line_end) + 1
    next_end = data.find(b"\n", next_start, next_start + length + 2)
    if next_end < 0:
        return None if not is_last and len(data) - next_start <= length + 1 else False
    is_even = next_end - (data[next_end - 1 : next_end] == b"\r") - next_start == length
    return is_even and _may_be_joined(data, line_start, next_start, next_end)


def _is_hard_wrapped(data: bytes, base: int, line_end: int) -> bool:
    """Tell whether a line is as long as the one before it."""
    line_start = _line_start(data, base, line_end)
    if line_start <= 0 or base + line_start == 0:
        return False
    before_end = line_start - 1
    if data[before_end - 1 : before_end] == b"\r":
        before_end -= 1
    before_start = _line_start(data, base, before_end)
    length = line_end - line_start
    is_even = before_start >= 0 and length >= _SHORTEST_LINE and length == before_end - before_start
    return is_even and _may_be_joined(data, before_start, line_start, line_end)


def _may_be_joined(data: bytes, first: int, second: int, end: int) -> bool:
    """Tell whether two even lines are one text: no list of settings, and none that a placeholder made as long."""
    return not _are_assignments(data, first, second) and not placeholders_in(data[first:end])


def _are_assignments(data: bytes, *line_starts: int) -> bool:
    """Tell whether each line gives a value to a name: joined, a list of them would be one run without end."""
    return all(_ASSIGNMENT(data, start) for start in line_starts)


def _line_start(data: bytes, base: int, line_end: int) -> int:
    """Return where the line begins, -1 when it is longer than lines are wrapped at."""
    floor = max(0, line_end - LINE_CHARS - 1)
    place = data.rfind(b"\n", floor, line_end)
    if place >= 0:
        return place + 1
    return 0 if base == 0 and floor == 0 and line_end <= LINE_CHARS else -1
