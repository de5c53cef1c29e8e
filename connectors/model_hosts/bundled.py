"""The bundled host: a GGUF file that the administrator names, run by the real llama.cpp from a wheel."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from connectors.model_hosts.bundled_server import COMMAND
from connectors.model_hosts.catalogue import Host
from connectors.model_hosts.ending import end_task
from connectors.model_hosts.kinds.kind import mapping_of, text_of

_log = logging.getLogger(__name__)

CONTEXT_TOKENS = 8192  # of one slot; a model trained on less lowers it
SLOTS = 2  # answers at once
_MAGIC = b"GGUF"
_LEAST_BYTES = 32  # the header alone is 24
_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0
_STABLE_SECONDS = 60.0  # a server that lived this long starts anew at once
_END_SECONDS = 3.0


class BundledServer:
    """A llama.cpp server that is kept running.

    It starts with its owner, not with the first question: the file was named in order to be used, and loading it
    takes up to a minute.

    Args:
        file: the model.
        on_change: called when it begins or ceases to listen.

    Attributes:
        words: what it does now, completing `bundled …`.
        has_failed: the file cannot be served; it is tried again now and then.
    """

    def __init__(self, file: Path, *, on_change: Callable[[], None]) -> None:
        self._file = file
        self._on_change = on_change
        self._host: Host | None = None
        self._task: asyncio.Task[None] | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._is_up = asyncio.Event()
        self.words = f"is loading {self.model}"
        self.has_failed = False

    @property
    def model(self) -> str:
        """Return the model's name: the file's, without its ending."""
        return self._file.stem

    @property
    def host(self) -> Host | None:
        """Return where it listens now, None while it does not."""
        return self._host

    def start(self) -> None:
        """Begin to keep the server running."""
        self._task = asyncio.create_task(self._keep_running(), name="bundled llama.cpp")

    async def close(self) -> None:
        """End the server and wait for its end."""
        if self._task is not None:
            await end_task(self._task)
        await self._end_process()

    async def wait_until_up(self, timeout_seconds: float) -> bool:
        """Wait for a server that listens; tell whether there is one."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                await self._is_up.wait()
        return self._is_up.is_set()

    async def _keep_running(self) -> None:
        loop = asyncio.get_running_loop()
        pause = _FIRST_PAUSE_SECONDS
        while True:
            started = loop.time()
            try:
                await self._run_once()
            except (OSError, ValueError) as error:
                self._fail(f"cannot serve {self._file.name}: {error}")
            finally:
                self._host = None
                self._is_up.clear()
                self._on_change()
                await self._end_process()
            if loop.time() - started > _STABLE_SECONDS:
                pause = _FIRST_PAUSE_SECONDS
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    async def _run_once(self) -> None:
        await asyncio.to_thread(check_gguf, self._file)
        api_key = secrets.token_urlsafe(32)
        self._process = await asyncio.create_subprocess_exec(
            *COMMAND,
            str(os.getpid()),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,  # llama.cpp may print what it was asked
            env=_environment(),
        )
        answer = await self._hand_over(self._process, api_key)
        address = text_of(answer.get("address"))
        if not address:
            reason = text_of(answer.get("error")) or "llama.cpp ended while it read the file"
            raise ValueError(f"{reason} Is it a complete chat model, and is there memory for it?")
        self._host = Host(
            name="bundled", kind="llamacpp", address=address.rstrip("/"), api_key=api_key, max_parallel=SLOTS
        )
        self.words, self.has_failed = f"serves {self.model}", False
        self._is_up.set()
        self._on_change()
        _log.info("The bundled llama.cpp serves %s at %s", self.model, address)
        status = await self._process.wait()
        self.words = f"is loading {self.model} again"
        _log.warning("The bundled llama.cpp ended with status %s and is started again", status)

    async def _hand_over(self, process: asyncio.subprocess.Process, api_key: str) -> Mapping[str, object]:
        if process.stdin is None or process.stdout is None:
            raise ValueError("the server has no pipes")
        order = {
            "path": str(self._file.absolute()),
            "alias": self.model,
            "api_key": api_key,
            "context_tokens": CONTEXT_TOKENS,
            "slots": SLOTS,
            "threads": max(1, (os.cpu_count() or 2) // 2),  # all of them starve the page on a small machine
        }
        with suppress(ConnectionError):  # its answer, or the lack of one, says more
            process.stdin.write(json.dumps(order).encode() + b"\n")
            await process.stdin.drain()
        line = await process.stdout.readline()
        return mapping_of(json.loads(line)) if line else {}

    def _fail(self, words: str) -> None:
        if words != self.words:
            _log.error("bundled %s", words)
        self.words, self.has_failed = words, True

    async def _end_process(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(_END_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


def check_gguf(file: Path) -> None:
    """Check that a file may be a GGUF model.

    Raises:
        ValueError: it is missing, unreadable or something else; the message says what to do.
    """
    try:
        with file.open("rb") as stream:
            start = stream.read(_LEAST_BYTES)
    except FileNotFoundError:
        raise ValueError("there is no such file. Check CLOISTER_GGUF.") from None
    except OSError as error:
        raise ValueError(f"it cannot be read ({error.strerror}). Check its permissions.") from None
    if not start.startswith(_MAGIC) or len(start) < _LEAST_BYTES:
        raise ValueError("it is not a GGUF file. Name one whose name ends in .gguf.")


def _environment() -> dict[str, str]:
    """Return the environment of the child: none of our own settings, some of which are secret."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CLOISTER_")}
    environment["PYTHONPATH"] = str(Path(__file__).parents[2])
    return environment
