"""Refused attempts to leave the process: counted, kept in a bounded queue, handed on by a thread.

An attempt is refused in the middle of whatever the process does: in a signal handler, in a destructor, while a lock is
held. So nothing is done there but to count and to put; telling somebody is the thread's work.
"""

from __future__ import annotations

import _thread
import errno
import itertools
import logging
import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Final

from connectors.errors import ConnectorError

_log = logging.getLogger(__name__)

MAX_WAITING: Final = 1024  # refusals that wait to be told; a loop that tries again and again must not fill the memory
_MAX_HOST_CHARS: Final = 100  # a name can carry a message out, so less than 253 of it is kept, and its end
_MAX_FRAMES: Final = 200
_STARTING: Final = -1  # no thread's identity

# Who only carries out what somebody else asked for. Beside them the whole standard library.
_CARRIERS: Final = frozenset(
    {
        "aiohappyeyeballs",
        "aiohttp",
        "amqp",
        "anyio",
        "h11",
        "h2",
        "httpcore",
        "httpcore2",
        "httpx",
        "httpx2",
        "kombu",
        "psycopg",
        "redis",
        "requests",
        "sniffio",
        "urllib3",
        "vine",
        "websockets",
    }
)
_OWN: Final = frozenset({__name__, "connectors.network", "connectors.network_names"})


class EgressRefusedError(ConnectorError, PermissionError):
    """The process lock refused to connect, to look up or to start something.

    An `OSError` too, so that clients treat it as they treat an unreachable machine.
    """

    def __init__(self, message: str) -> None:
        super().__init__(errno.EACCES, message)


@dataclass(frozen=True, slots=True)
class Refusal:
    """One refused attempt. It never holds what was to be sent, nor a program's arguments.

    Attributes:
        action: such as `connect`; see `connectors.network.Action`.
        host: host or program, as far as it is shown.
        port: 0 where there is none.
        caller: the module that asked, as far as the call stack tells; `asyncio` when another thread had asked it to.
        dropped: refusals before this one that found the queue full.
    """

    action: str
    host: str
    port: int
    caller: str
    dropped: int = 0


class RefusalQueue:
    """Where refusals wait until somebody is told.

    Its thread is started by the first refusal that somebody wants to hear of: a process that forks stays single. It is
    a bare thread, because `threading` takes a lock and waits to start one, which whoever is interrupted may be doing.
    """

    def __init__(self) -> None:
        self._on_refused: Callable[[Refusal], None] | None = None
        self._reset()

    def _reset(self) -> None:
        self._waiting: SimpleQueue[Refusal | _End] = SimpleQueue()  # its put may interrupt itself
        self._refused = itertools.count()
        self._dropped = itertools.count()
        self._untold = itertools.count()
        self._dropped_told = 0
        self._teller = 0  # identity of the thread; 0 while there is none
        self._starting = _thread.allocate_lock()

    @property
    def refused(self) -> int:
        """Return how many attempts were refused in this process."""
        return _value_of(self._refused)

    @property
    def dropped(self) -> int:
        """Return how many of them found the queue full."""
        return _value_of(self._dropped)

    @property
    def untold(self) -> int:
        """Return how many could not be told: `on_refused` failed, or telling them was itself refused."""
        return _value_of(self._untold)

    def put(self, refusal: Refusal) -> None:
        """Count a refusal and let it wait. Safe anywhere."""
        next(self._refused)
        if _thread.get_ident() == self._teller:  # whoever is told tried to connect: no news without end
            next(self._untold)
        elif self._waiting.qsize() >= MAX_WAITING:
            next(self._dropped)
        else:
            self._waiting.put(refusal)
            self._start()

    def report_to(self, on_refused: Callable[[Refusal], None]) -> None:
        """Hand every refusal to this function from now on, those that wait first; it runs in a thread of its own."""
        self._on_refused = on_refused
        if not self._waiting.empty():
            self._start()

    def close(self, *, timeout_seconds: float) -> bool:
        """Tell what waits and end the thread; False when the time was not enough."""
        if self._teller in {0, _thread.get_ident()}:
            return self._waiting.empty()
        end = _End()
        self._waiting.put(end)
        try:
            return end.reached.get(timeout=timeout_seconds)
        except Empty:
            return False

    def forget_parent(self) -> None:
        """Begin anew in a forked child, where the thread is gone and what waits is the parent's to tell."""
        self._reset()

    def _start(self) -> None:
        if self._on_refused is None or self._teller or not self._starting.acquire(blocking=False):
            return
        try:
            if not self._teller:
                self._teller = _STARTING
                _thread.start_new_thread(self._tell, (self._on_refused,))
        except RuntimeError:  # the interpreter is ending
            self._teller = 0
        finally:
            self._starting.release()

    def _tell(self, on_refused: Callable[[Refusal], None]) -> None:
        self._teller = _thread.get_ident()
        threading.current_thread().name = "egress-refusals"
        while not isinstance(refusal := self._waiting.get(), _End):
            on_refused = self._on_refused or on_refused
            dropped = self.dropped
            try:
                on_refused(replace(refusal, dropped=dropped - self._dropped_told))
                self._dropped_told = dropped
            except Exception as error:  # noqa: BLE001 - the next refusal has to be told all the same
                next(self._untold)
                _log.error("a refused %s could not be told: %s", refusal.action, type(error).__name__)
        self._teller = 0
        refusal.reached.put(True)


class _End:
    """The last thing that a thread takes from the queue."""

    def __init__(self) -> None:
        self.reached: SimpleQueue[bool] = SimpleQueue()


def shown(host: str) -> str:
    """Return what is kept of a host: printable, and no longer than a name of a machine is.

    >>> shown("a" * 200 + ".example")[:4], shown("a" * 200 + ".example")[-12:]
    ('…aaa', 'aaaa.example')
    """
    text = "".join(letter if letter.isprintable() else "?" for letter in host[-_MAX_HOST_CHARS:])
    return text if len(host) <= _MAX_HOST_CHARS else f"…{text[1:]}"


def caller() -> str:
    """Return the first module on the stack that is more than a carrier; the last carrier where there is none."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - the inspect module would be imported by a refusal
    last = "unknown"
    for _ in range(_MAX_FRAMES):
        if frame is None:
            break
        module = frame.f_globals.get("__name__")
        if isinstance(module, str) and module not in _OWN:
            top = module.partition(".")[0]
            if top not in _CARRIERS and top not in sys.stdlib_module_names:
                return module[:_MAX_HOST_CHARS]
            last = top
        frame = frame.f_back
    return last


def _value_of(counter: itertools.count[int]) -> int:
    """Return how often `next` was called: one step of the interpreter, so that threads need no lock."""
    return int(repr(counter)[len("count(") : -1])


def register_fork(queue: RefusalQueue) -> None:
    """Have a forked child begin with an empty queue."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=queue.forget_parent)
