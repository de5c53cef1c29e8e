"""The lock on the process: what connects, looks up a name or starts a program is asked for first (PEP 578).

`install` knows nothing of policy or audit. It puts the question to `is_allowed`, raises `EgressRefusedError` on a no,
and has a thread tell `on_refused`. It goes on before any framework is imported and cannot be taken off again.

The interpreter's events alone leave three gaps, so `install` also replaces
- `socket.getaddrinfo` and its like, to know which names led to an address: the event comes before the answer;
- methods of `socket.socket` that take an address: given a name, they would ask the name server before the event;
- `_posixsubprocess.fork_exec`, which multiprocessing calls without an event.

What it cannot see is said in docs/security.md: other locks stand behind it.
"""

from __future__ import annotations

import _posixsubprocess
import _socket
import atexit
import os
import socket
import sys
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any, Final, NamedTuple, NoReturn

from connectors.network_names import Answers, pack
from connectors.refusals import EgressRefusedError, Refusal, RefusalQueue, caller, register_fork, shown

_MAX_PASSED: Final = 1024  # a company has fewer machines that one process speaks to
_FLUSH_SECONDS: Final = 1.0  # at the end of the process

# Runs what follows without a network. In a user namespace of its own: root could step back out of the network's alone.
OFFLINE: Final = ("/usr/bin/unshare", "--user", "--map-current-user", "--net", "--")

# Other families (packets, Bluetooth, virtual machines) and raw sockets reach the wire past any judgement of addresses.
_FAMILIES: Final = frozenset({-1, socket.AF_INET, socket.AF_INET6, socket.AF_UNIX})  # -1: as the descriptor says
_RAW_TYPES: Final = frozenset({int(socket.SOCK_RAW), int(getattr(socket, "SOCK_PACKET", 10))})
_TYPE_BITS: Final = 0xF  # above them stand SOCK_NONBLOCK and SOCK_CLOEXEC

# Looked up by name through ctypes they do what the events above would have shown. This keeps nobody out who means it.
_NATIVE_CALLS: Final = frozenset(
    {
        *(
            "connect",
            "sendto",
            "sendmsg",
            "sendmmsg",
            "getaddrinfo",
            "gethostbyname",
            "gethostbyname2",
            "gethostbyaddr",
        ),
        *("getnameinfo", "res_query", "res_search", "syscall", "system", "popen", "execl", "execlp", "execle", "execv"),
        *("execvp", "execve", "execvpe", "fexecve", "posix_spawn", "posix_spawnp", "fork", "vfork", "clone", "setns"),
    }
)


_PATHS: Final = (str, bytes, bytearray)
_item: Final = tuple.__getitem__


class Action(StrEnum):
    """What is asked for."""

    CONNECT = "connect"
    SEND = "send"
    LOOK_UP = "look up"
    LOOK_UP_ADDRESS = "look up address"
    START = "start"
    OPEN = "open socket"
    CALL = "native call"


class Attempt(NamedTuple):
    """A question to `is_allowed`.

    Attributes:
        action: CONNECT, SEND, LOOK_UP, LOOK_UP_ADDRESS or START; the lock decides about the others itself.
        host: for CONNECT and SEND the address as the system takes it; for LOOK_UP a name; empty for START.
        port: 0 where there is none.
        names: what this process looked up when it was given this address.
        argv: for START the path that is executed, then the arguments.
    """

    action: Action
    host: str = ""
    port: int = 0
    names: tuple[str, ...] = ()
    argv: tuple[str, ...] = ()


Judge = Callable[[Attempt], bool]


class NetworkLock:
    """The lock of this process; `install` makes the one there is.

    Args:
        is_allowed: the judge: pure, so that what it let pass is remembered, and without a look-up of its own. What it
            raises refuses.
    """

    def __init__(self, is_allowed: Judge) -> None:
        self._is_allowed = is_allowed
        self._queue = RefusalQueue()
        self._answers = Answers()
        self._passed: set[tuple[str, int]] = set()  # where no name had a say

    @property
    def refused(self) -> int:
        """Return how many attempts were refused in this process."""
        return self._queue.refused

    @property
    def dropped(self) -> int:
        """Return how many refusals were counted, and told to nobody because too many waited."""
        return self._queue.dropped

    @property
    def untold(self) -> int:
        """Return how many refusals `on_refused` failed to take."""
        return self._queue.untold

    def judge_by(self, is_allowed: Judge) -> None:
        """Ask another judge from now on: the settings have been read, or the fleet has changed."""
        self._is_allowed = is_allowed
        self._passed = set()

    def report_to(self, on_refused: Callable[[Refusal], None]) -> None:
        """Hand refusals to this function, in a thread; those that wait come first."""
        self._queue.report_to(on_refused)

    def close(self, *, timeout_seconds: float = _FLUSH_SECONDS) -> bool:
        """Tell what still waits; False when the time was not enough. The lock stays on."""
        return self._queue.close(timeout_seconds=timeout_seconds)

    def check_address(self, host: str, port: int) -> tuple[str, ...]:
        """Return the addresses that a native client (libpq, gRPC …), which connects unseen, may be handed for a host.

        Hand it these, not the host: it would look the name up again. A folder of Unix sockets gives none.

        Raises:
            EgressRefusedError: there is none that is allowed.
            OSError: the name is not known.
        """
        if host.startswith(("/", "@")):
            return ()
        if pack(host) is not None:
            self._require(Attempt(Action.CONNECT, host, port, self._answers.names_of(host)))
            return (host,)
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        found = tuple(dict.fromkeys(str(answer[4][0]) for answer in answers))
        asked = [Attempt(Action.CONNECT, address, port, self._answers.names_of(address)) for address in found]
        allowed = tuple(attempt.host for attempt in asked if self._allows(attempt))
        if not allowed:
            self._refuse(Action.CONNECT, host, port)
        return allowed

    def _allows(self, attempt: Attempt) -> bool:
        try:
            return self._is_allowed(attempt) is True
        except Exception:  # noqa: BLE001 - a judge that fails refuses
            return False

    def _require(self, attempt: Attempt) -> None:
        if not self._allows(attempt):
            self._refuse(attempt.action, attempt.host or (attempt.argv[0] if attempt.argv else ""), attempt.port)

    def _refuse(self, action: Action, host: str, port: int = 0) -> NoReturn:
        place = shown(host)
        self._queue.put(Refusal(action, place, port, caller()))
        where = f"{place!r}, port {port}" if port else repr(place)
        raise EgressRefusedError(f"Refused to {action}: {where} is not on the allow-list. See docs/security.md.")

    # Judges of events: each takes the event's arguments and raises, or returns.

    def judges(self) -> dict[str, Callable[[tuple[Any, ...]], None]]:
        """Return which event is judged how; whatever is not named here costs one look into this table."""
        return {
            "socket.__new__": self._judge_socket,
            "socket.connect": self._judge_connect,
            "socket.sendto": self._judge_send,
            "socket.sendmsg": self._judge_send,
            "socket.getaddrinfo": self._judge_look_up,
            "socket.gethostbyname": self._judge_look_up,
            "socket.gethostbyaddr": self._judge_address_look_up,
            "socket.getnameinfo": self._judge_name_of_address,
            "subprocess.Popen": lambda arguments: self._judge_start(arguments[0], arguments[1]),
            "os.exec": lambda arguments: self._judge_start(arguments[0], arguments[1]),
            "os.posix_spawn": lambda arguments: self._judge_start(arguments[0], arguments[1]),
            "os.spawn": lambda arguments: self._judge_start(arguments[1], arguments[2]),
            "pty.spawn": lambda arguments: self._judge_start(arguments[0][0], arguments[0]),
            "os.system": self._judge_shell,
            "os.startfile": self._judge_shell,
            "os.startfile/2": self._judge_shell,
            "ctypes.dlsym": self._judge_native_call,
            "ctypes.dlsym/handle": self._judge_native_call,
        }

    def _judge_connect(self, arguments: tuple[Any, ...], action: Action = Action.CONNECT) -> None:
        address = arguments[1]
        host, port = "?", 0
        if isinstance(address, tuple):
            # The real items, exactly as the system reads them: a subclass could show others to Python.
            if tuple.__len__(address) > 1:
                host, port = _exact_host(_item(address, 0)), _exact_port(_item(address, 1))
        elif isinstance(address, _PATHS) or (address is None and action is Action.SEND):
            return  # a Unix socket, which nothing else takes; or to where the socket is connected
        if (host, port) in self._passed:
            return
        passed, names = self._passed, self._answers.names_of(host)
        if not self._allows(Attempt(action, host, port, names)):
            self._refuse(action, host, port)
        if not names and len(passed) < _MAX_PASSED:
            passed.add((host, port))

    def _judge_send(self, arguments: tuple[Any, ...]) -> None:
        self._judge_connect(arguments, Action.SEND)

    def _judge_look_up(self, arguments: tuple[Any, ...]) -> None:
        host = arguments[0]
        if host is not None:
            self._require(Attempt(Action.LOOK_UP, _exact_host(host)))

    def _judge_address_look_up(self, arguments: tuple[Any, ...]) -> None:
        host = _exact_host(arguments[0])
        self._require(Attempt(Action.LOOK_UP if pack(host) is None else Action.LOOK_UP_ADDRESS, host))

    def _judge_name_of_address(self, arguments: tuple[Any, ...]) -> None:
        address = arguments[0]
        host = _exact_host(_item(address, 0)) if isinstance(address, tuple) and address else "?"
        self._require(Attempt(Action.LOOK_UP_ADDRESS, host))

    def _judge_socket(self, arguments: tuple[Any, ...]) -> None:
        made, family, kind = arguments[:3]
        if family not in _FAMILIES or (kind != -1 and kind & _TYPE_BITS in _RAW_TYPES):
            self._refuse(Action.OPEN, f"family {int(family)}, type {int(kind)}")
        if not isinstance(made, socket.socket):  # without the methods that `install` replaced
            self._refuse(Action.OPEN, type(made).__qualname__)

    def _judge_start(self, path: object, arguments: object) -> None:
        argv = _argv_of(path, arguments)
        if argv[: len(OFFLINE)] == OFFLINE and len(argv) > len(OFFLINE):
            return
        self._require(Attempt(Action.START, argv=argv))

    def _judge_shell(self, _arguments: tuple[Any, ...]) -> None:
        self._refuse(Action.START, "a shell")

    def _judge_native_call(self, arguments: tuple[Any, ...]) -> None:
        if arguments[1] in _NATIVE_CALLS:
            self._refuse(Action.CALL, str(arguments[1]))

    def close_gaps(self) -> None:
        """Replace what asks a name server, or starts a program, without an event."""
        self._answers.watch()
        for name in ("connect", "connect_ex", "bind", "sendto", "sendmsg"):
            setattr(socket.socket, name, _with_addresses(name))
        fork_exec = _posixsubprocess.fork_exec

        def judged_fork_exec(arguments: Sequence[Any], paths: Sequence[Any], *rest: Any) -> int:
            for path in paths:
                self._judge_start(path, arguments)
            return fork_exec(arguments, paths, *rest)

        _posixsubprocess.fork_exec = judged_fork_exec  # type: ignore[assignment]  # wider than the stub says


_installed: NetworkLock | None = None  # a fact of the process, as the hook is


def installed() -> NetworkLock | None:
    """Return the lock of this process; None before `install`."""
    return _installed


def install(is_allowed: Judge, on_refused: Callable[[Refusal], None] | None = None) -> NetworkLock:
    """Put the lock on this process, for good; forked children inherit it, started programs do not.

    Args:
        is_allowed: judges every attempt; `NetworkLock.judge_by` replaces it once the settings have been read.
        on_refused: is told of refusals in a thread; without it they wait, up to a bound, for `NetworkLock.report_to`.

    Raises:
        RuntimeError: the lock is already on.
    """
    global _installed  # noqa: PLW0603 - see above
    if _installed is not None:
        raise RuntimeError("The network lock is already on. Use installed().judge_by() to change its judge.")
    lock = NetworkLock(is_allowed)
    judges = lock.judges()

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in judges:
            judges[event](arguments)

    lock.close_gaps()
    register_fork(lock._queue)  # noqa: SLF001 - the lock's own
    atexit.register(lock.close)
    if on_refused is not None:
        lock.report_to(on_refused)
    sys.addaudithook(hook)
    _installed = lock
    return lock


def offline(argv: Sequence[str]) -> tuple[str, ...]:
    """Return the command that runs a program without a network; it needs no leave to start.

    Unix sockets that it may open lead out of this room all the same. Where user namespaces are forbidden it fails.
    """
    return (*OFFLINE, *argv)


def _with_addresses(name: str) -> Callable[..., Any]:
    """Return a method of sockets that has names looked up by `socket.getaddrinfo`, which is judged."""
    original = getattr(_socket.socket, name)
    place = {"sendto": -1, "sendmsg": 3}.get(name, 0)  # where the address stands

    def method(self: socket.socket, /, *arguments: Any) -> Any:
        try:
            address = arguments[place]
        except IndexError:  # sendmsg to where the socket is connected, or a mistake that the original explains
            return original(self, *arguments)
        if isinstance(address, tuple) and address and pack(_item(address, 0)) is None:
            before, after = arguments[:place], arguments[place + 1 or len(arguments) :]
            arguments = (*before, _resolve(self, address), *after)
        return original(self, *arguments)

    method.__name__ = name
    method.__qualname__ = f"socket.{name}"
    method.__doc__ = original.__doc__
    return method


def _resolve(connection: socket.socket, address: tuple[Any, ...]) -> tuple[Any, ...]:
    host = _item(address, 0)
    if host in {"", "<broadcast>"} or not isinstance(host, str | bytes | bytearray):  # no look-up, or an error
        return tuple(address)
    name = bytes(host) if isinstance(host, bytearray) else host
    answers = socket.getaddrinfo(name, None, connection.family, connection.type)
    return (answers[0][4][0], *address[1:])


def _exact_host(host: object) -> str:
    """Return the letters that the system reads, whatever methods the object has."""
    if type(host) is str:
        return host
    if isinstance(host, str):
        return str.__str__(host)
    if isinstance(host, bytes):
        return bytes.decode(host, "latin-1")
    return "?"  # a bytearray could change after it was judged


def _exact_port(port: object) -> int:
    if type(port) is int:
        return port
    return int.__index__(port) if isinstance(port, int) else 0


def _argv_of(path: object, arguments: object) -> tuple[str, ...]:
    """Return the path that is executed, and the arguments after the program's own name."""
    listed = [arguments] if isinstance(arguments, str | bytes | os.PathLike) else arguments
    try:
        rest = [os.fsdecode(each) for each in list(listed)[1:]]  # type: ignore[call-overload]  # see except
        return (os.fsdecode(path), *rest)  # type: ignore[arg-type]  # likewise
    except (TypeError, ValueError):
        return ("?",)
