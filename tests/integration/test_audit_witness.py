"""A witness as a process: the protocol over HTTP, and killed between disk and answer it never signs another history."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import httpx
import pytest

from assistant.audit.anchors import witness_server
from assistant.audit.anchors.witness import MOST_BODY_BYTES, Witness
from assistant.audit.seals.checkpoint import NoteKey, SecretNoteKey, parse_signature
from tests.fakes.mortal_witness import report
from tests.unit.assistant.audit.test_witness import KEY, Log

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]


@contextmanager
def witness_process(folder: Path, log: NoteKey, port: int) -> Iterator[tuple[subprocess.Popen[str], NoteKey]]:
    """Without any setting: neither database nor master key."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CLOISTER_")}
    command = [sys.executable, "-P", "-m", "assistant", "audit", "witness", "--log", str(log)]
    command += ["--folder", str(folder), "--listen", f"127.0.0.1:{port}"]
    process = subprocess.Popen(
        command,
        env=environment | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        public = NoteKey.parse(process.stdout.readline().strip())
        deadline = time.monotonic() + 180
        while True:
            try:
                httpx.get(f"http://127.0.0.1:{port}/", trust_env=False).raise_for_status()
                break
            except httpx.TransportError:
                assert time.monotonic() < deadline
                assert process.poll() is None, process.stdout.read()
                time.sleep(0.05)
        yield process, public
    finally:
        process.kill()
        process.communicate()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_the_protocol_over_http(tmp_path: Path) -> None:
    folder, port, log = tmp_path / "w", free_port(), Log()
    url = f"http://127.0.0.1:{port}"
    with witness_process(folder, KEY.public, port) as (process, public), httpx.Client(trust_env=False) as client:
        done = client.post(f"{url}/add-checkpoint", content=log.body(0, 5))
        text = log.note(5).partition("\n\n")[0] + "\n"
        assert done.status_code == 200
        assert abs((parse_signature(done.text.removesuffix("\n")).time_of(text, public) or 0) - time.time()) < 60
        refused = client.post(f"{url}/add-checkpoint", content=log.body(0, 7))
        assert (refused.status_code, refused.text) == (409, "5\n")
        assert refused.headers["content-type"] == "text/x.tlog.size"
        assert client.post(f"{url}/add-checkpoint", content=Log(forked_at=1).body(5, 7)).status_code == 422
        assert client.post(f"{url}/add-checkpoint", content=b"x" * (MOST_BODY_BYTES + 1)).status_code == 413
        assert client.get(f"{url}/add-checkpoint").status_code == 405
        assert client.get(url).text.startswith(f"{public}\n")
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def test_a_folder_has_one_witness(tmp_path: Path) -> None:
    with witness_process(tmp_path, KEY.public, free_port()):
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-P", "-m", "assistant", "audit", "witness", "--log", str(KEY.public)]
        command += ["--folder", str(tmp_path), "--listen", f"127.0.0.1:{free_port()}"]
        second = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert second.returncode != 0
        assert "belongs to a witness that runs" in second.stderr


def test_init_makes_a_key_once(tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-m", "assistant", "audit", "witness", "--init", "--folder", str(tmp_path / "w")]
    command += ["--name", "witness.corp.example"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    first, second = (
        subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True).stdout
        for _ in range(2)
    )
    assert first == second
    assert NoteKey.parse(first.strip()).name == "witness.corp.example"
    assert (tmp_path / "w" / "witness.key").stat().st_mode & 0o777 == 0o600


def test_killed_at_every_point_it_signs_one_history(tmp_path: Path) -> None:
    """Asked for a fork and for the past, it signs only what continues all that it signed before it was killed."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.fakes.mortal_witness"])
    log, fork = Log(), Log(forked_at=2)
    bodies = [log.body(0, 5), log.body(5, 9), log.body(9, 300)]
    point, was_killed = 1, 0
    while True:
        folder = tmp_path / str(point)
        folder.mkdir()
        Witness(folder, [])  # its key
        here, there = context.Pipe(duplex=False)
        process = context.Process(target=report, args=(str(folder), str(KEY.public), bodies, point, there))
        process.start()
        there.close()
        process.join(60)
        signed = received(here)
        if process.exitcode == 0:
            assert len(signed) == 3
            break
        assert process.exitcode == -signal.SIGKILL
        was_killed += 1
        least = (0, 5, 9, 300)[len(signed)]
        check_one_history(Witness(folder, [KEY.public]), log, fork, least=least)
        point += 1
    assert was_killed > 15


def received(answers: Connection) -> list[str]:
    found = []
    with contextlib.suppress(EOFError):
        while True:
            found.append(answers.recv())
    assert all(found)
    return found


def check_one_history(witness: Witness, log: Log, fork: Log, *, least: int) -> None:
    size = int(witness.add_checkpoint(log.body(10, 11)).body.strip())  # 409, with what it remembers
    assert size in (0, 5, 9, 300)
    assert size >= least  # it remembers what it signed
    for old in (0, 5, 9, 300):
        if old != size:
            assert witness.add_checkpoint(log.body(old, 301)).status == 409
    if size:
        assert witness.add_checkpoint(fork.body(size, size)).status == 409
        assert witness.add_checkpoint(fork.body(size, 301)).status == 422
        assert witness.add_checkpoint(log.body(size, size)).status == 200  # what it was killed over, once more
    assert witness.add_checkpoint(log.body(size, 301)).status == 200
    assert witness.add_checkpoint(Log(SecretNoteKey.make("cloister/test")).body(301, 302)).status == 403


async def test_whoever_connects_and_says_nothing_is_hung_up_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some sixty silent connections are all that a witness takes: it would answer nobody any more."""
    monkeypatch.setattr(witness_server, "_LONGEST_SECONDS", 1.0)
    port = free_port()
    served = asyncio.create_task(witness_server.serve_witness(Witness(tmp_path, []), tmp_path, "127.0.0.1", port))
    silent: list[asyncio.StreamWriter] = []
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        await until(client, 200)
        for _ in range(64):
            silent.append((await asyncio.open_connection("127.0.0.1", port))[1])
            silent[-1].write(b"POST /add-checkpoint HTTP/1.1\r\n")
        await until(client, 503)
        await until(client, 200)
    for writer in silent:
        writer.close()
    signal.raise_signal(signal.SIGTERM)
    assert await served == 0


async def until(client: httpx.AsyncClient, status: int) -> None:
    async with asyncio.timeout(180):
        while True:
            with contextlib.suppress(httpx.TransportError):
                if (await client.get("/", headers={"connection": "close"})).status_code == status:
                    return
            await asyncio.sleep(0.05)
