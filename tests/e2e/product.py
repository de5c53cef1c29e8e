"""The whole product as an operator starts it: `python -m assistant up` in a folder of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
import psycopg
import redis

from assistant.database import libpq_dsn
from assistant.embedded.postgres import find_owner_url
from tests.fakes.up_process import command_line, is_alive

ADMIN_PASSWORD = "correct-horse-battery"
_START_SECONDS = 300
_RECOVER_SECONDS = 240


@dataclass
class RunningProduct:
    """A started product; `data` is its data folder."""

    process: subprocess.Popen[bytes]
    port: int
    data: Path
    output: Path
    environment: dict[str, str] = field(repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health/ready", timeout=5, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    def wait_until_ready(self, seconds: float = _RECOVER_SECONDS) -> None:
        wait_for(self.is_ready, seconds, self.tell)

    def pids(self, part: str) -> list[int]:
        """Return the processes of a part: `web`, `worker`, `scheduler`, `sealer`, `postgres` or `redis`."""
        marks = {
            "web": "assistant web",
            "worker": "workers worker",
            "scheduler": "workers scheduler",
            "sealer": "assistant audit seal",
            "postgres": "/postgres ",
            "redis": "redis-server",
        }
        children = psutil.Process(self.process.pid).children(recursive=False)
        return [child.pid for child in children if marks[part] in f"{command_line(child)} "]

    def kill(self, part: str) -> None:
        """Kill a part without a warning, as the kernel would."""
        pids = self.pids(part)
        assert pids, f"no process of {part!r}:\n{self.tell()}"
        for pid in pids:
            os.kill(pid, signal.SIGKILL)

    def command(self, *arguments: str) -> str:
        """Run a `cloister` command against this product and return what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "assistant", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=180,
        )
        return done.stdout

    def audit(self, *arguments: str) -> list[dict[str, object]]:
        """Return events of the audit log, the latest last."""
        lines = self.command("audit", "tail", "-n", "1000", "--json", *arguments).splitlines()
        return [json.loads(line) for line in lines]

    def everything_at_rest(self) -> Iterator[tuple[str, bytes]]:
        """Yield every file below the data folder, every row of every table, and all of Redis."""
        for file in self.data.rglob("*"):
            if file.is_file() and not file.is_socket():
                yield str(file), file.read_bytes()
        with psycopg.connect(libpq_dsn(find_owner_url(self.data))) as connection:
            tables = connection.execute(
                "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables "
                "WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
            ).fetchall()
            for (table,) in tables:
                for (row,) in connection.execute(f"SELECT t::text FROM {table} t"):  # noqa: S608 - names of our own
                    yield table, row.encode()
            for (row,) in connection.execute("SELECT encode(body, 'escape') FROM audit.event"):
                yield "audit bodies", row.encode()
        with redis.Redis.from_url(self._redis_url()) as client:
            for key in client.scan_iter():
                yield f"redis {key!r}", (client.dump(key) or b"") + key

    def tell(self) -> str:
        """Return what was printed and logged, for a failing test."""
        logs = [f"== {file.name}\n{file.read_text(errors='replace')[-1500:]}" for file in self.data.glob("logs/*.log")]
        return "\n".join([self.output.read_text(errors="replace"), *logs])

    def tell_all(self) -> str:
        """Return everything that was printed and logged."""
        files = [self.output, *self.data.glob("logs/*.log")]
        return "\n".join(file.read_text(errors="replace") for file in files)

    def _redis_url(self) -> str:
        for child in psutil.Process(self.process.pid).children():
            if "workers worker" in command_line(child):
                return child.environ()["CLOISTER_REDIS_URL"]
        raise AssertionError(self.tell())


@contextmanager
def run_product(*, root: Path | None = None, may_refuse: bool = False, **settings: str) -> Iterator[RunningProduct]:
    """Start the product with these settings, wait until it is ready, and end it; nothing may stay behind.

    Args:
        root: the checkout to run; None is this one.
        may_refuse: the network lock is expected to refuse something; otherwise nothing may even have been tried.
        settings: by field name.
    """
    folder = Path(tempfile.mkdtemp(prefix="cloister-e2e-"))
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CLOISTER_")} | {
        "CLOISTER_DATA_DIR": str(folder / "var"),
        "CLOISTER_PORT": str(port),
        "CLOISTER_ADMIN_PASSWORD": ADMIN_PASSWORD,
        **{f"CLOISTER_{name.upper()}": value for name, value in settings.items()},
    }
    output = folder / "output"
    with output.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "assistant", "up"],
            cwd=root,
            env=environment,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    product = RunningProduct(process, port, folder / "var", output, environment)
    try:
        product.wait_until_ready(_START_SECONDS)
        wait_for(lambda: "is ready" in output.read_text(errors="replace"), 60, product.tell)
        yield product
        if not may_refuse:
            assert product.audit("--type", "egress:refused") == [], product.tell()
            assert "refused to " not in product.tell_all(), product.tell()
    finally:
        tree = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(120)
        finally:
            left = [child for child in tree if is_alive(child)]
            for child in (*left, *([process] if process.poll() is None else [])):
                with suppress(psutil.NoSuchProcess):
                    child.kill()
        said = product.tell()
        shutil.rmtree(folder, ignore_errors=True)
        assert process.returncode == 0, said
        assert left == [], f"left running: {left}"


def wait_for(condition: Callable[[], bool], seconds: float, tell: Callable[[], str] = str) -> None:
    """Wait until a condition holds; fail with what `tell` says when time is up."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s:\n{tell()}"
        time.sleep(0.1)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def reference_in(text: str) -> str:
    """Return the short code in a line such as `Dev1 · llama3.1:8b · 0.8 s · logged 7K2F9QX`."""
    found = re.search(r"(?:logged|ref) ([0-9A-Z]{7})", text)
    assert found, text
    return found[1]
