"""Guard everything that a process says of itself: log lines, texts of exceptions, warnings, standard output.

1. `GuardedRecord` takes the place of every log record, whichever logger, handler or library it belongs to.
2. What nobody caught, in the main thread, another thread or a finaliser, is printed after the guard.
3. Warnings become log lines.
4. Standard output and error of a service, which libraries print to, go through it line by line.

The scan core alone is used; it is built at the first line. A line that cannot be guarded is left out, and says so.
"""

from __future__ import annotations

import atexit
import io
import logging
import os
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Mapping
from importlib.resources import files
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from policies.guard import Guard

LONGEST_CHARS: Final = 64 << 10  # of one message or traceback; the scan is linear, and nobody reads more
_LONGEST_WORD_CHARS: Final = 4 << 10
_DEEPEST: Final = 6  # of values inside values that a caller attached to a record
_FORMAT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"

# What `logging` itself puts on a record; everything else a caller attached, and a formatter may print it.
_OWN_FIELDS: Final = frozenset(logging.LogRecord("", 0, "", 0, "", (), None).__dict__) | {
    *("message", "asctime", "_guarded", "_is_checked")
}


def shipped_guard() -> Guard:
    """Return the guard on the shipped rules, without any detector that needs more than the scan core."""
    from assistant.known_facts import build_guard  # noqa: PLC0415 - at the first line: a command starts at once
    from policies.policy import parse_policy  # noqa: PLC0415 - likewise
    from policies.rules import SHIPPED  # noqa: PLC0415 - likewise

    return build_guard(parse_policy({name: (files("policies.rules") / name).read_text("utf-8") for name in SHIPPED}))


class LineGuard:
    """Guard one text at a time; never raises, never calls itself.

    Args:
        build: makes the guard when the first text comes.
        longest_chars: what is longer is cut first.
    """

    def __init__(self, build: Callable[[], Guard] = shipped_guard, *, longest_chars: int = LONGEST_CHARS) -> None:
        self._build = build
        self._longest_chars = longest_chars
        self._guard: Guard | None = None
        self._lock = threading.Lock()
        self._busy = threading.local()
        os.register_at_fork(after_in_child=self._renew_lock)  # it may be held by a thread that the child has not

    def __call__(self, text: str) -> str:
        """Return the text with a mark such as `[GITHUB_TOKEN]` in the place of each value that a log may not hold."""
        if not text or text.isspace():
            return text
        if getattr(self._busy, "is_on", False):
            return "[left out: the guard itself said this]"
        self._busy.is_on = True
        try:
            return self._redact(cut(text, self._longest_chars))
        except Exception as error:  # noqa: BLE001 - whatever fails in here, the text must not be written
            return f"[left out: the guard failed on it ({type(error).__name__})]"
        finally:
            self._busy.is_on = False

    def load(self) -> None:
        """Build the guard now instead of at the first line; a failure shows at that line."""
        self("ready")

    def _redact(self, text: str) -> str:
        guard = self._ready()
        pieces: list[str] = []
        done = 0
        for start, end, mark in _spans(guard, text):
            pieces += (text[done:start], mark)
            done = end
        return "".join((*pieces, text[done:])) if pieces else text

    def _ready(self) -> Guard:
        if self._guard is None:
            with self._lock:
                if self._guard is None:
                    self._guard = self._build()
        return self._guard

    def _renew_lock(self) -> None:
        self._lock = threading.Lock()
        self._busy = threading.local()


def _spans(guard: Guard, text: str) -> list[tuple[int, int, str]]:
    """Return what has to go, in order and without overlaps, each named by its longest finding."""
    from policies.verdict import Action, Direction  # noqa: PLC0415 - see shipped_guard

    united: list[tuple[int, int, str, int]] = []
    for finding in sorted(guard.find(text), key=lambda one: (one.start, one.end)):
        if finding.rule not in guard.policy.labels:  # a placeholder that a guard put there
            continue
        if guard.policy.action(finding.rule, Direction.LOG, "", frozenset()) is Action.ALLOW:
            continue
        chars, mark = finding.end - finding.start, f"[{finding.entity_type}]"
        if united and finding.start < united[-1][1]:
            start, end, earlier, longest = united[-1]
            name = (mark, chars) if chars > longest else (earlier, longest)
            united[-1] = (start, max(end, finding.end), *name)
        else:
            united.append((finding.start, finding.end, mark, chars))
    return [(start, end, mark) for start, end, mark, _ in united]


def cut(text: str, most: int) -> str:
    """Return a text that is not longer than `most` and a few words."""
    if len(text) <= most:
        return text
    kept = whole_words(text[:most])
    return f"{kept} [{len(text) - len(kept)} more characters left out]"


def whole_words(text: str) -> str:
    """Return a text that was cut without its last word: half a token would not be recognised any more."""
    least = max(0, len(text) - _LONGEST_WORD_CHARS)
    end = next((place for place in range(len(text) - 1, least - 1, -1) if text[place].isspace()), least)
    return text[:end]


guard_line: Final = LineGuard()
"""The guard of this process."""


class GuardedRecord(logging.LogRecord):
    """A log record without secrets: message, arguments, traceback, stack, and whatever a caller attached."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._guarded: str | None = None
        self._is_checked = False
        self._guard_message()
        if self.exc_info:
            self.exc_text = guard_line(_format_exception(self.exc_info))
            self.exc_info = None  # a formatter then prints `exc_text` and looks no further
        if self.stack_info:
            self.stack_info = guard_line(self.stack_info)

    def getMessage(self) -> str:  # noqa: N802 - logging's name
        """Return the guarded message; every formatter asks for it first."""
        if not self._is_checked:  # attached after this record was made, by `extra=` or by `makeLogRecord`
            self._is_checked = True
            for name in self.__dict__.keys() - _OWN_FIELDS:
                self.__dict__[name] = _guard_value(self.__dict__[name])
            if self.exc_info:
                self.exc_text = guard_line(_format_exception(self.exc_info))
                self.exc_info = None
        message = _format_message(self)
        if message != self._guarded:
            message = self._guarded = guard_line(message)
        return message

    def _guard_message(self) -> None:
        """Guard what message and arguments say together.

        Arguments that can be guarded one by one stay what they are, because formatters such as that of Uvicorn's
        access log take them apart; otherwise the message stands alone.
        """
        message = _format_message(self)
        guarded = guard_line(message)
        if guarded == message:
            self._guarded = message
            return
        if self.args:
            self.args = _guard_arguments(self.args)
            if _format_message(self) == guarded:  # else a secret in two arguments would be half gone, half there
                self._guarded = guarded
                return
        self.msg, self.args, self._guarded = guarded, (), guarded


def _format_message(record: logging.LogRecord) -> str:
    try:
        return logging.LogRecord.getMessage(record)
    except Exception as error:  # noqa: BLE001 - a wrong format, or a value that cannot be printed
        # Else `logging` prints message and arguments as they are.
        record.msg, record.args = f"[left out: it could not be formatted ({type(error).__name__})]", ()
        return str(record.msg)


def _format_exception(exc_info: Any) -> str:
    try:
        return "".join(traceback.format_exception(*exc_info)).rstrip("\n")
    except Exception as error:  # noqa: BLE001 - an exception whose own code fails
        return f"[left out: the exception could not be formatted ({type(error).__name__})]"


def _guard_arguments(arguments: Any) -> Any:
    if isinstance(arguments, Mapping):
        return {name: _guard_value(value) for name, value in arguments.items()}
    return tuple(_guard_value(value) for value in arguments)


def _guard_value(value: Any, depth: int = 0) -> Any:
    """Return a value that says nothing secret when it is printed; one that says nothing at all stays what it is."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return guard_line(value)
    if depth < _DEEPEST and type(value) in {dict, list, tuple}:
        if isinstance(value, dict):
            return {_guard_value(name, depth + 1): _guard_value(item, depth + 1) for name, item in value.items()}
        return type(value)(_guard_value(item, depth + 1) for item in value)
    try:
        texts = (str(value), repr(value))
    except Exception as error:  # noqa: BLE001 - a value that cannot be printed
        return f"[left out: it could not be formatted ({type(error).__name__})]"
    return value if all(guard_line(text) == text for text in texts) else guard_line(texts[0])


class GuardedStream(io.TextIOBase):
    """Standard output or error: whole lines go on after the guard, the rest waits for its end.

    What writes past Python, or to the underlying buffer, is caught by the supervisor that reads the pipe.
    """

    def __init__(self, stream: IO[str]) -> None:
        super().__init__()
        self._stream = stream
        self._rest = ""
        self._writing = threading.RLock()
        atexit.register(self.end)
        os.register_at_fork(after_in_child=self._renew_lock)

    def write(self, text: str) -> int:
        """Take a text, and write the lines that are whole."""
        with self._writing:
            lines, end, rest = (self._rest + text).rpartition("\n")
            self._rest = rest
            if end:
                self._stream.write(guard_line(lines) + end)
            if len(self._rest) > LONGEST_CHARS:
                self.end()
        return len(text)

    def flush(self) -> None:
        """Pass on what is whole; half a line could be half a secret."""
        self._stream.flush()

    def end(self) -> None:
        """Write what had no line end."""
        with self._writing:
            rest, self._rest = self._rest, ""
            if rest:
                self._stream.write(guard_line(rest) + "\n")
        self._stream.flush()

    def fileno(self) -> int:
        """Return the descriptor below."""
        return self._stream.fileno()

    def isatty(self) -> bool:
        """Tell whether a person reads this."""
        return self._stream.isatty()

    def writable(self) -> bool:
        """Take text."""
        return True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _renew_lock(self) -> None:
        self._writing = threading.RLock()
        self._rest = ""  # the parent writes its own


def install() -> None:
    """Guard the records, exceptions and warnings of this process; the first thing that each of them does."""
    logging.setLogRecordFactory(GuardedRecord)
    sys.excepthook = _print_uncaught
    threading.excepthook = _print_uncaught_in_thread
    sys.unraisablehook = _print_unraisable


def install_in_service(level: str) -> None:
    """Guard a process that runs for long, with its standard output, and let it log from this level on."""
    install()
    logging.captureWarnings(True)
    warnings.formatwarning = _format_warning
    log = sys.__stderr__ if isinstance(sys.stderr, GuardedStream) else sys.stderr  # its lines are guarded already
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is not None and not isinstance(stream, GuardedStream):
            setattr(sys, name, GuardedStream(stream))
    logging.basicConfig(level=level, format=_FORMAT, stream=log)


def _format_warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
) -> str:
    """Return a warning on one line, without the line of code: that one stands in the file."""
    del line
    return f"{filename}:{lineno}: {category.__name__}: {message}"


def _print_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)  # says no more than where
        return
    _print(_format_exception((kind, error, trace)))


def _print_uncaught_in_thread(arguments: threading.ExceptHookArgs) -> None:
    if arguments.exc_type is SystemExit:
        return
    name = arguments.thread.name if arguments.thread else "unknown"
    said = _format_exception((arguments.exc_type, arguments.exc_value, arguments.exc_traceback))
    _print(f"Exception in thread {name}:\n{said}")


def _print_unraisable(unraisable: sys.UnraisableHookArgs) -> None:
    said = _format_exception((unraisable.exc_type, unraisable.exc_value, unraisable.exc_traceback))
    _print(f"{unraisable.err_msg or 'Exception ignored'} in {type(unraisable.object).__name__}:\n{said}")


def _print(text: str) -> None:
    stream = sys.__stderr__
    if stream is not None:
        stream.write(guard_line(text) + "\n")
        stream.flush()
