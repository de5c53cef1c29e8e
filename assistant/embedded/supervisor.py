"""Start a plan, keep it running, end it in order.

One thread, one selector: it moves the children's output to their logs, notices deaths, restarts, and waits. It knows
nothing of Postgres or the web, and imports so little that it stays small beside them.
"""

from __future__ import annotations

import contextlib
import math
import selectors
import signal
import socket
import time
from collections.abc import Callable, Iterator
from typing import Final

from assistant.embedded.checks import LEAST_FREE_BYTES, free_bytes
from assistant.embedded.child import Child, describe_exit
from assistant.embedded.exit_status import ExitStatus
from assistant.embedded.folders import Folders, forget_socket_folder
from assistant.embedded.logs import Console, RotatedLog
from assistant.embedded.plan import Plan, Service, Task
from assistant.embedded.program import Program
from assistant.embedded.records import write_records
from assistant.errors import EmbeddedError

_TURN_SECONDS: Final = 0.1  # how often probes are asked and deaths are looked for, besides being woken
_IDLE_SECONDS: Final = 5.0  # the same once everything serves: signals and deaths wake us anyway
_DISK_SECONDS: Final = 30.0
_HURRIED_GRACE_SECONDS: Final = 0.5
_MOST_FIRST_DEATHS: Final = 3
_CONSOLE_LINE_CHARS: Final = 300
_NOTICE_PATIENCE_SECONDS: Final = 5.0
_STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _StopRequestedError(Exception):
    """Leave whatever is being waited for; a signal came."""


def supervise(plan: Plan, *, console: int = 1) -> int:
    """Run a plan until a signal asks for its end; return the exit status.

    Args:
        plan: what to run.
        console: the file descriptor that the person reads.
    """
    logs = Folders(plan.data).logs
    screen = Console(console)
    log = RotatedLog(logs / "supervisor.log", screen.show)
    supervisor = Supervisor(plan, Console(console, log))
    try:
        return supervisor.run()
    finally:
        log.close()


class Supervisor:
    """Hold the children of one plan.

    Args:
        plan: what to run.
        console: tells the person, and the supervisor's log.
    """

    def __init__(self, plan: Plan, console: Console) -> None:
        self._plan = plan
        self._console = console
        self._folders = Folders(plan.data)
        self._selector = selectors.DefaultSelector()
        self._children: dict[str, Child] = {}  # in the order of the plan
        self._services: dict[str, Service] = {}
        self._stop_requests = 0
        self._is_steady = False
        self._is_disk_low = False
        self._disk_checked_at = 0.0
        self._notices: list[str] = []

    def run(self) -> int:
        """Start, watch, end; nothing is left running however this ends."""
        with self._waking_on_signals():
            try:
                self._start_steps()
                self._announce()
                self._watch()
            except _StopRequestedError:
                self._console.say("Stopping …")
                status = int(ExitStatus.STOPPED)
            except EmbeddedError as error:
                self._console.say(str(error))
                status = error.exit_status
            finally:
                self._show_notices()
                self._end_children()
        self._console.say("Stopped; nothing is left running.")
        return status

    # Starting

    def _start_steps(self) -> None:
        for step in self._plan.steps:
            if isinstance(step, Task):
                self._run_task(step)
            else:
                self._start_service(step)
                if step.is_awaited:
                    self._await_service(step)
        for service in self._services.values():
            self._await_service(service)

    def _run_task(self, task: Task) -> None:
        self._console.say(f"{task.title} …")
        child = self._add(task.program, lambda _line: None)
        try:
            child.start(stdin=task.stdin)
        except OSError as error:
            raise self._failure(child, f"{task.title} could not be started: {error.strerror}") from error
        self._write_records()
        status = self._await_task(task, child)
        del self._children[task.program.name]
        child.close()
        if status != 0:
            raise self._failure(child, f"{task.title} failed ({describe_exit(status)})", status)
        self._notices += [notice for line, notice in task.notices.items() if line in child.lines.last]

    def _await_task(self, task: Task, child: Child) -> int:
        deadline = time.monotonic() + self._plan.start_timeout_seconds
        while True:
            self._turn()
            status = child.reap()
            if status is not None:
                return status
            if time.monotonic() > deadline:
                raise self._failure(child, f"{task.title} took over {self._plan.start_timeout_seconds:.0f} s")

    def _start_service(self, service: Service) -> None:
        self._console.say(f"Starting {service.title} …")
        self._services[service.program.name] = service
        self._launch(self._add(service.program, lambda line: self._alert(service, line)))

    def _await_service(self, service: Service) -> None:
        child = self._children[service.program.name]
        deadline = time.monotonic() + self._plan.start_timeout_seconds
        while service.probe is not None and not child.is_ready:
            self._turn()
            if time.monotonic() > deadline:
                seconds = self._plan.start_timeout_seconds
                raise self._failure(child, f"{service.title} did not serve within {seconds:.0f} s")

    def _add(self, program: Program, on_line: Callable[[str], None]) -> Child:
        log = RotatedLog(self._folders.logs / f"{program.name}.log", self._console.say)
        child = Child(program, log, self._selector, on_line)
        self._children[program.name] = child
        return child

    def _launch(self, child: Child) -> None:
        try:
            child.start()
        except OSError as error:  # memory or process ids may be short for a moment
            self._plan_restart(child, f"could not be started: {error.strerror}", None)
        self._write_records()

    def _announce(self) -> None:
        self._is_steady = True
        self._console.say(f"Cloister is ready: {self._plan.address}")
        self._show_notices()
        self._console.say(f"Stop it with Ctrl-C. Logs are in {self._folders.logs}.")

    def _show_notices(self) -> None:
        for notice in self._notices:
            self._console.show(notice, patience_seconds=_NOTICE_PATIENCE_SECONDS)
        self._notices.clear()

    def _failure(self, child: Child, what: str, status: int | None = None) -> EmbeddedError:
        is_setting = status == ExitStatus.SETTINGS
        words = list(child.lines.last)[-5 if is_setting else -1 :]
        said = f" It said: {' '.join(words)}" if words else ""
        log = self._folders.logs / f"{child.program.name}.log"
        return EmbeddedError(
            f"{what}.{said} See {str(log)!r}.",
            exit_status=ExitStatus.SETTINGS if is_setting else ExitStatus.SERVER_FAILED,
        )

    # Watching

    def _watch(self) -> None:
        while True:
            self._turn()

    def _turn(self) -> None:
        """Wait a moment for output, deaths and signals, and act on them.

        Raises:
            _StopRequestedError: a signal asked for the end.
            EmbeddedError: a first start failed for good.
        """
        self._pump(self._patience_seconds())
        if self._stop_requests:
            raise _StopRequestedError
        for name, service in self._services.items():
            child = self._children[name]
            self._look_after(child)
            self._ask(service, child)
        self._check_disk()

    def _patience_seconds(self) -> float:
        if not self._is_steady:
            return _TURN_SECONDS
        is_waiting = any(
            child.restart_at is not None or (not child.is_ready and self._services[name].probe is not None)
            for name, child in self._children.items()
        )
        return _TURN_SECONDS if is_waiting else _IDLE_SECONDS

    def _pump(self, timeout_seconds: float) -> None:
        for key, _ in self._selector.select(timeout_seconds):
            if isinstance(key.data, Child):
                key.data.pump()
            elif isinstance(key.fileobj, socket.socket):
                with contextlib.suppress(BlockingIOError):
                    key.fileobj.recv(4096)

    def _look_after(self, child: Child) -> None:
        """Notice a death; start again what has waited long enough."""
        if child.restart_at is not None:
            if time.monotonic() >= child.restart_at:
                self._launch(child)
            return
        status = child.reap()
        if status is not None:
            self._plan_restart(child, f"ended ({describe_exit(status)})", status)

    def _plan_restart(self, child: Child, fate: str, status: int | None) -> None:
        name = child.program.name
        wait = child.backoff.next_seconds(lived_seconds=child.lived_seconds)
        if not child.has_served and not self._is_steady:
            is_hopeless = status == ExitStatus.SETTINGS or child.backoff.deaths >= _MOST_FIRST_DEATHS
            if is_hopeless and (self._services[name].probe is not None or status == ExitStatus.SETTINGS):
                raise self._failure(child, f"{self._services[name].title} {fate} before it served", status)
        child.restart_at = time.monotonic() + wait
        self._console.say(f"{name} {fate}; it starts again in {wait:g} s. See {name}.log.")

    def _ask(self, service: Service, child: Child) -> None:
        if child.is_ready or child.pid is None or service.probe is None or not service.probe.is_ready(child.pid):
            return
        if child.has_served:
            self._console.say(f"{child.program.name} serves again.")
        child.is_ready = child.has_served = True

    def _alert(self, service: Service, line: str) -> None:
        if not self._stop_requests and any(alert in line for alert in service.alerts):
            self._console.show(f"{service.program.name}: {line[:_CONSOLE_LINE_CHARS]}")

    def _check_disk(self) -> None:
        """Tell once when the disk runs full, once when it is over; what refuses to write is Postgres, not we."""
        now = time.monotonic()
        if now - self._disk_checked_at < _DISK_SECONDS:
            return
        self._disk_checked_at = now
        with contextlib.suppress(OSError):
            free = free_bytes(self._plan.data)
            if (free < LEAST_FREE_BYTES) == self._is_disk_low:
                return
            self._is_disk_low = not self._is_disk_low
            self._console.say(
                f"The disk of {str(self._plan.data)!r} has {free >> 20} MB left. Make room: when it is full, new "
                "questions are refused; what was acknowledged stays."
                if self._is_disk_low
                else f"The disk of {str(self._plan.data)!r} has room again: {free >> 20} MB."
            )

    def _write_records(self) -> None:
        records = (child.record for child in self._children.values())
        with contextlib.suppress(OSError):  # a full disk; the kernel still ties the children to us
            write_records(self._folders.records, (record for record in records if record is not None))

    # Ending

    def _end_children(self) -> None:
        """End the last started first; each gets its signal, its grace, then SIGKILL."""
        for child in reversed(self._children.values()):
            for request in (child.program.stop_signal, child.program.hurry_signal):
                if request is not None and child.pid is not None:
                    child.send(request)
                    self._await_end(child)
            if child.pid is not None:
                self._console.say(f"{child.program.name} did not end in time and is killed.")
                child.kill()
                while child.reap() is None:
                    self._pump(_TURN_SECONDS)
            child.close()
        self._folders.records.unlink(missing_ok=True)
        forget_socket_folder(self._folders)

    def _await_end(self, child: Child) -> None:
        started = time.monotonic()
        while child.reap() is None and child.pid is not None:
            is_hurried = self._stop_requests > 1
            grace = min(child.program.grace_seconds, _HURRIED_GRACE_SECONDS if is_hurried else math.inf)
            if time.monotonic() - started > grace:
                return
            self._pump(_TURN_SECONDS)

    @contextlib.contextmanager
    def _waking_on_signals(self) -> Iterator[None]:
        """Let signals wake the selector, and restore what was there before."""
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.setblocking(False)
            theirs.setblocking(False)
            self._selector.register(ours, selectors.EVENT_READ)
            previous_descriptor = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
            previous = {number: signal.signal(number, self._on_stop_signal) for number in _STOP_SIGNALS}
            previous[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)  # being called is what wakes us
            try:
                yield
            finally:
                for number, handler in previous.items():
                    signal.signal(number, handler)
                signal.set_wakeup_fd(previous_descriptor)
                self._selector.close()

    def _on_stop_signal(self, *_: object) -> None:
        self._stop_requests += 1
