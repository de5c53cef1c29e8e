"""The guard as a filter in a pipe: a JSON line in, a JSON line out, at once.

Every line is answered, also one that cannot be read and one on which the guard fails: silence would look like a text in
which nothing was found. An error never repeats the text.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Final, Protocol

import orjson

from policies.detectors.compiled import PLACEHOLDER_RULE
from policies.guard import Guard
from policies.policy import Asker
from policies.pseudonyms import Pseudonyms
from policies.stream import StreamGuard
from policies.verdict import OUTSIDE, Finding

_LINE_BYTES: Final = 64 << 20  # a longer line is answered with an error
_ID_CHARS: Final = 1_024
_OPEN_STREAMS: Final = 10_000
_OPEN_CHARS: Final = 128 << 20  # of all open streams together, which remember what they gave out

Key = str | int | float
Answer = dict[str, object]


class LineFilter(Protocol):
    """What turns one line into another."""

    def answer(self, line: bytes) -> Answer:
        """Return the answer to a line."""

    def close(self) -> Iterable[Answer]:
        """Return what is left at the end of the input."""


class LineError(Exception):
    """A line that cannot be read; the message says why, without its text."""

    def __init__(self, message: str, key: Key | None = None) -> None:
        super().__init__(message)
        self.key = key

    @property
    def answer(self) -> Answer:
        """Return the line that says so."""
        return {"id": self.key, "error": str(self)}


def run_filter(lines: LineFilter, source: BinaryIO, sink: BinaryIO) -> None:
    """Answer line by line until the input ends; every answer is flushed before the next line is read."""
    while line := source.readline(_LINE_BYTES + 1):
        if len(line) > _LINE_BYTES:
            _skip_line(source)
            answer = LineError(f"The line is longer than {_LINE_BYTES} bytes.").answer
        else:
            answer = lines.answer(line)
        sink.write(_encoded(answer))
        sink.flush()
    for answer in lines.close():
        sink.write(_encoded(answer))
    sink.flush()


class ScanFilter:
    """Answer `{"id", "text"}` with `{"id", "spans": [[start, end, "TYPE"], …]}`.

    Every value that any rule finds is told, whatever the policy does about it; only the site's allowed values are not.

    Args:
        guard: with the policy.
        tells_outside: outside services are told, too; they are no values, and developers' texts are full of them.
    """

    def __init__(self, guard: Guard, *, tells_outside: bool = False) -> None:
        self._guard = guard
        self._tells_outside = tells_outside

    def answer(self, line: bytes) -> Answer:
        """Return where something stands in the text of a line, or an error."""
        try:
            request = _Request.of(line, "text")
            return {"id": request.key, "spans": self._spans(request)}
        except LineError as error:
            return error.answer

    def close(self) -> Iterable[Answer]:
        """Return nothing: every line has its answer."""
        return ()

    def _spans(self, request: _Request) -> list[tuple[int, int, str]]:
        try:
            findings = self._guard.find(request.text)
            allowed = self._guard.policy.allow_list
            return united(
                finding
                for finding in findings
                if finding.rule != PLACEHOLDER_RULE.name
                and (self._tells_outside or not finding.rule.startswith(OUTSIDE))
                and allowed.find(request.text[finding.start : finding.end], finding.rule) is None
            )
        except Exception as error:
            raise LineError(f"The guard failed: {type(error).__name__}.", request.key) from error


class StreamFilter:
    """Answer `{"id", "chunk", "end"}` with `{"id", "out"}`: each id is a conversation of its own.

    What was said of an id in error is said of all its lines until its end.

    Args:
        guard: with a policy that does not block, see `Policy.without_blocks`.
        asker: for whom the texts are.
    """

    def __init__(self, guard: Guard, asker: Asker) -> None:
        self._guard = guard
        self._asker = asker
        self._open: dict[str, _OpenStream] = {}
        self._open_chars = 0

    def answer(self, line: bytes) -> Answer:
        """Return what of the text may be shown now, or an error."""
        try:
            request = _Request.of(line, "chunk")
            return {"id": request.key, "out": self._out(request)}
        except LineError as error:
            return error.answer

    def close(self) -> Iterator[Answer]:
        """Close every open stream and return the rest of each."""
        for name in list(self._open):
            key = self._open[name].key
            try:
                yield {"id": key, "out": self._ended(name)}
            except LineError as error:
                yield error.answer

    def _out(self, request: _Request) -> str:
        name = json.dumps(request.key)  # 1 and "1" are two ids
        stream = self._open.get(name) or self._opened(name, request.key)
        try:
            stream.take(request.text, room=_OPEN_CHARS - self._open_chars)
            self._open_chars += len(request.text)
            out = stream.feed(request.text)
        except LineError:
            if request.is_end:
                self._forget(name)
            raise
        return out + self._ended(name) if request.is_end else out

    def _opened(self, name: str, key: Key) -> _OpenStream:
        if len(self._open) >= _OPEN_STREAMS:
            raise LineError(f"{_OPEN_STREAMS} ids are open. End one before the next begins.", key)
        stream = _OpenStream(
            key,
            self._guard.open_stream(
                persona=self._asker.persona,
                roles=self._asker.roles,
                pseudonyms=Pseudonyms(),
                direction=self._asker.direction,
            ),
        )
        self._open[name] = stream
        return stream

    def _ended(self, name: str) -> str:
        try:
            return self._open[name].close()
        finally:
            self._forget(name)

    def _forget(self, name: str) -> None:
        self._open_chars -= self._open.pop(name).chars


@dataclass(slots=True)
class _OpenStream:
    """The stream of one id.

    Attributes:
        chars: how many were fed.
        trouble: why nothing more comes out.
        half: the first half of a character beyond U+FFFF whose second half comes with the next chunk.
    """

    key: Key
    guard: StreamGuard
    chars: int = 0
    trouble: str = ""
    half: str = field(default="", repr=False)

    def take(self, chunk: str, *, room: int) -> None:
        """Count a chunk before it is fed."""
        if not self.trouble and len(chunk) > room:
            self.trouble = f"More than {_OPEN_CHARS} characters are open. End some ids first."
        self._complain()
        self.chars += len(chunk)

    def feed(self, chunk: str) -> str:
        text = self.half + chunk
        self.half = text[-1] if "\ud800" <= text[-1:] <= "\udbff" else ""
        if self.half:
            text = text[:-1]
        return self._checked(self.guard.feed(_joined_halves(text)))

    def close(self) -> str:
        self._complain()
        rest, self.half = self.half, ""
        return self._checked(self.guard.feed(rest) + self.guard.close())

    def _checked(self, out: str) -> str:
        if self.guard.is_blocked:
            self.trouble = f"The guard failed: {self.guard.verdict_so_far.failure or 'blocked'}."
            self._complain()
        return out

    def _complain(self) -> None:
        if self.trouble:
            raise LineError(self.trouble, self.key)


@dataclass(frozen=True, slots=True)
class _Request:
    """What stands in a line."""

    key: Key
    text: str
    is_end: bool

    @classmethod
    def of(cls, line: bytes, text_name: str) -> _Request:
        """Read a line.

        Raises:
            LineError: it cannot be read; without its text.
        """
        content = _decoded(line)
        if not isinstance(content, dict):
            raise LineError("Not a JSON object.")
        key = content.get("id")
        if not isinstance(key, str | int | float) or isinstance(key, bool) or len(str(key)) > _ID_CHARS:
            raise LineError(f"'id' must be a text of at most {_ID_CHARS} characters, or a number.")
        is_end = content.get("end", False)
        text = content.get(text_name, "" if text_name == "chunk" else None)
        if not isinstance(text, str):
            raise LineError(f"{text_name!r} must be a text.", key)
        if not isinstance(is_end, bool):
            raise LineError("'end' must be true or false.", key)
        return cls(key, text, is_end)


def united(findings: Iterable[Finding]) -> list[tuple[int, int, str]]:
    """Return the spans of findings in order, overlapping ones as one that has the type of the longest."""
    spans: list[tuple[int, int, str]] = []
    longest: tuple[int, float] = (0, 0.0)
    for finding in sorted(findings, key=lambda one: (one.start, -one.end)):
        weight = (finding.end - finding.start, finding.score)
        if spans and finding.start < spans[-1][1]:
            start, end, kind = spans[-1]
            if weight > longest:
                longest, kind = weight, finding.entity_type
            spans[-1] = (start, max(end, finding.end), kind)
        else:
            longest = weight
            spans.append((finding.start, finding.end, finding.entity_type))
    return spans


def _decoded(line: bytes) -> object:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        pass
    try:
        # Half of a surrogate pair is no Unicode text, which orjson refuses, but JSON may hold it.
        return json.loads(line.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise LineError("Not a line of JSON in UTF-8.") from None


def _refuse_constant(name: str) -> object:
    raise ValueError(name)


def _encoded(answer: Answer) -> bytes:
    try:
        return orjson.dumps(answer, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:  # half of a surrogate pair, or a number beyond 64 bits, in an id
        return json.dumps(answer).encode("ascii") + b"\n"


def _joined_halves(text: str) -> str:
    """Return a text whose surrogate pairs, cut apart by two chunks, are characters again; single halves stay."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    return text


def _skip_line(source: BinaryIO) -> None:
    while (piece := source.readline(_LINE_BYTES)) and not piece.endswith(b"\n"):
        pass
