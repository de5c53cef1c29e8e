"""Page, worker, scheduler, sealer and migrations as `compose/compose.yaml` runs them.

With a read-only root, no capability, secrets in files, an address of the database without a name, and servers over TCP
that want a password.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from assistant.embedded.cluster import DATABASE, OWNER_ROLE
from assistant.embedded.postgres import EmbeddedPostgres
from assistant.embedded.wheels import find_redis

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

PASSWORD = secrets.token_urlsafe(12)
# What the image's root is: read-only, but for a folder in memory. Then no capability is left, and no way to get one.
CONTAINER = """
set -e
mount --make-rprivate /
mount -o remount,bind,ro /
mount -t tmpfs -o mode=0700 tmpfs "$HOME"
cd "$HOME"
exec setpriv --bounding-set=-all --inh-caps=-all --no-new-privs -- "$@"
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Containers:
    """Processes, each as a container of its own runs it."""

    def __init__(self, folder: Path, secrets_folder: Path) -> None:
        self._folder = folder
        self._secrets = secrets_folder
        self.started: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, *command: str, **settings: str) -> subprocess.Popen[bytes]:
        home = self._secrets / f"memory-of-{name}"
        home.mkdir()
        environment = {
            "PATH": "/usr/bin:/bin:/usr/sbin:/sbin",
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            **dict.fromkeys(("HOME", "TMPDIR", "CLOISTER_DATA_DIR"), str(home)),
            **settings,
        }
        with (self._folder / f"{name}.log").open("wb") as output:
            process = subprocess.Popen(
                ["unshare", "--mount", "sh", "-c", CONTAINER, "sh", *command],
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.started[name] = process
        return process

    def log(self, name: str) -> str:
        return (self._folder / f"{name}.log").read_text(errors="replace")

    def end(self) -> None:
        for process in self.started.values():
            process.terminate()
        for process in self.started.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(60)
            process.kill()


@pytest.fixture
def containers(tmp_path: Path) -> Iterator[Containers]:
    if os.geteuid() != 0:
        pytest.skip("Only root makes namespaces for mounts.")
    folder = tmp_path / "logs"
    folder.mkdir()
    # Not below the folder of tests: the root of a container is the whole system here.
    given = Path("/run") / f"cloister-test-{secrets.token_hex(4)}"
    given.mkdir(mode=0o700)
    made = Containers(folder, given)
    yield made
    made.end()
    shutil.rmtree(given)


@pytest.fixture
def redis_port(tmp_path: Path) -> Iterator[int]:
    port = free_port()
    command = [str(find_redis()), "--port", str(port), "--bind", "127.0.0.1", "--requirepass", PASSWORD, "--save", ""]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL) as server:
        yield port
        server.terminate()


def test_each_process_works_as_its_container_runs_it(
    containers: Containers, redis_port: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    database_port, page_port = free_port(), free_port()
    options = {"listen_addresses": "127.0.0.1", "port": str(database_port)}
    with EmbeddedPostgres(tmp_path_factory.mktemp("pg"), options=options) as postgres:
        owner_password = postgres.owner_url.get_secret_value().partition("@")[0].rpartition(":")[2]
        given = {
            "master_key": secrets.token_bytes(32),
            "redis_url": f"redis://:{PASSWORD}@127.0.0.1:{redis_port}/0\n".encode(),
            "database_owner_url": (
                f"postgresql://{OWNER_ROLE}:{owner_password}@127.0.0.1:{database_port}/{DATABASE}\n".encode()
            ),
        }
        folder = containers._secrets
        for name, content in given.items():
            (folder / name).write_bytes(content)
            (folder / name).chmod(0o400)
        key = {"CLOISTER_MASTER_KEY_FILE": str(folder / "master_key")}
        migrate = containers.start(
            "migrate",
            *(sys.executable, "-P", "-m", "assistant", "migrate"),
            **key,
            CLOISTER_DATABASE_URL_FILE=str(folder / "database_owner_url"),
        )
        assert migrate.wait(120) == 0, containers.log("migrate")
        common = {
            **key,
            "CLOISTER_DATABASE_URL": f"postgresql://127.0.0.1:{database_port}/{DATABASE}",
            "CLOISTER_REDIS_URL_FILE": str(folder / "redis_url"),
        }
        python = (sys.executable, "-P", "-m")
        web = containers.start("web", *python, "assistant", "web", **common, CLOISTER_PORT=str(page_port))
        worker = containers.start("worker", *python, "workers", "worker", **common)
        scheduler = containers.start(
            "scheduler", *python, "workers", "scheduler", CLOISTER_REDIS_URL_FILE=common["CLOISTER_REDIS_URL_FILE"]
        )
        sealer = containers.start(
            "sealer",
            *(*python, "assistant", "audit", "seal"),
            **key,
            CLOISTER_DATABASE_URL=common["CLOISTER_DATABASE_URL"],
            CLOISTER_SEAL_KEY_FILE=str(folder / "memory-of-sealer" / "seal.key"),
        )
        ready = wait_until_ready(page_port, containers)
        assert ready["status"] == "ready"
        tail = containers.start(
            "tail",
            *python,
            "assistant",
            "audit",
            "tail",
            "--json",
            **key,
            CLOISTER_DATABASE_URL=common["CLOISTER_DATABASE_URL"],
        )
        assert tail.wait(120) == 0, containers.log("tail")
        events = [json.loads(line) for line in containers.log("tail").splitlines()]
        assert {"log:opened", "policy:loaded"} <= {event["type"] for event in events}
        assert "egress:refused" not in {event["type"] for event in events}
        deadline = time.monotonic() + 120
        while "job index_documentation" not in containers.log("worker"):
            assert time.monotonic() < deadline, containers.log("worker") + containers.log("scheduler")
            time.sleep(0.2)
        for process in (web, worker, scheduler, sealer):
            assert process.poll() is None, containers.log("sealer")
        for name in containers.started:
            assert "Read-only file system" not in containers.log(name)
            assert PASSWORD not in containers.log(name)
            assert owner_password not in containers.log(name)
            assert "refused to" not in containers.log(name)


def wait_until_ready(port: int, containers: Containers) -> dict[str, str]:
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.HTTPError):
            answer = httpx.get(f"http://127.0.0.1:{port}/health/ready", timeout=3, trust_env=False)
            if answer.status_code == httpx.codes.OK:
                told: dict[str, str] = answer.json()
                return told
        time.sleep(0.3)
    raise AssertionError(containers.log("web"))
