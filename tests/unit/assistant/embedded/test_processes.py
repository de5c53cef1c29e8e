from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from assistant.embedded.plan import Service, Task
from assistant.embedded.processes import (
    Addresses,
    FirstAdministrator,
    child_environment,
    page_address,
    probe_host,
    product_steps,
)
from assistant.settings import Settings, read_settings

ADDRESSES = Addresses(
    owner=SecretStr("postgresql://owner:owner-secret@/cloister"),
    app=SecretStr("postgresql+psycopg://app:app-secret@/cloister"),
    audit_writer=SecretStr("postgresql+psycopg://writer:writer-secret@/cloister"),
    audit_sealer=SecretStr("postgresql+psycopg://sealer:sealer-secret@/cloister"),
    redis=SecretStr("unix:///run/redis.sock?db=0"),
)
GENERATED = FirstAdministrator("admin", SecretStr("swordfish"), is_generated=True)
STEPS = product_steps(Settings(admin_password=SecretStr("chosen")), ADDRESSES, GENERATED)
BY_NAME = {step.program.name: step for step in STEPS}


def test_the_order_is_migrations_page_administrator_worker_scheduler_sealer() -> None:
    assert list(BY_NAME) == ["migrate", "web", "bootstrap-admin", "worker", "scheduler", "sealer"]


@pytest.mark.parametrize("name", ["web", "worker", "scheduler", "bootstrap-admin"])
def test_only_migrations_know_the_owner(name: str) -> None:
    env = BY_NAME[name].program.env
    assert not any("owner-secret" in value for value in env.values())
    assert env["CLOISTER_DATABASE_URL"] == ADDRESSES.app.get_secret_value()
    assert env["CLOISTER_AUDIT_DATABASE_URL"] == ADDRESSES.audit_writer.get_secret_value()
    assert env["CLOISTER_REDIS_URL"] == ADDRESSES.redis.get_secret_value()


def test_the_sealer_knows_neither_the_owner_nor_the_application() -> None:
    env = BY_NAME["sealer"].program.env
    assert env["CLOISTER_DATABASE_URL"] == ADDRESSES.audit_sealer.get_secret_value()
    assert env["CLOISTER_AUDIT_DATABASE_URL"] == ADDRESSES.audit_writer.get_secret_value()
    assert not any(secret in value for value in env.values() for secret in ("owner-secret", "app-secret", "redis.sock"))


def test_migrations_run_as_the_owner() -> None:
    env = BY_NAME["migrate"].program.env
    assert env["CLOISTER_DATABASE_URL"] == ADDRESSES.owner.get_secret_value()
    assert "CLOISTER_REDIS_URL" not in env


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.program.name)
def test_the_administrators_password_is_in_no_environment_argument_or_repr(step: Service | Task) -> None:
    program = step.program
    for secret in ("swordfish", "chosen"):
        assert not any(secret in value for value in (*program.env.values(), *program.argv))
        assert secret not in repr(step)
    assert "app-secret" not in repr(step)


def test_the_administrators_password_goes_through_standard_input_and_is_told_once_created() -> None:
    task = BY_NAME["bootstrap-admin"]
    assert isinstance(task, Task)
    assert task.stdin == b"swordfish\n"
    assert list(task.notices) == ["created"]
    assert "swordfish" in task.notices["created"]


def test_a_chosen_password_is_not_told_again() -> None:
    chosen = FirstAdministrator("admin", SecretStr("swordfish"), is_generated=False)
    (task,) = (step for step in product_steps(Settings(), ADDRESSES, chosen) if step.program.name == "bootstrap-admin")
    assert isinstance(task, Task)
    assert "swordfish" not in task.notices["created"]
    assert "CLOISTER_ADMIN_PASSWORD" in task.notices["created"]


def test_a_child_reads_back_the_settings_that_its_parent_had(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = Settings(
        port=9000,
        data_dir=tmp_path,
        origins=("https://chat.example", "https://b.example"),
        is_behind_tls=True,
        log_level="DEBUG",
        admin_name="maria",
        fleet=Path("fleet.yaml"),
    )
    env = child_environment(settings, database_url=ADDRESSES.app)
    for name, value in env.items():
        if name.startswith("CLOISTER_"):
            monkeypatch.setenv(name, value)
    read = read_settings()
    assert (read.port, read.origins, read.is_behind_tls, read.admin_name) == (
        9000,
        settings.origins,
        True,
        settings.admin_name,
    )
    assert read.data_dir == tmp_path
    assert read.fleet == Path("fleet.yaml").resolve()
    assert read.master_key == settings.master_key
    assert read.database_url == ADDRESSES.app


def test_a_childs_environment_holds_nothing_of_ours_that_was_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOISTER_DATABASE_URL", "postgresql://owner:owner-secret@/x")
    monkeypatch.setenv("PYTHONSTARTUP", "/evil.py")
    monkeypatch.setenv("LANG", "C.UTF-8")
    env = child_environment(Settings(database_url=ADDRESSES.owner), redis_url=ADDRESSES.redis)
    assert "CLOISTER_DATABASE_URL" not in env
    assert "PYTHONSTARTUP" not in env
    assert env["LANG"] == "C.UTF-8"


def test_children_take_our_packages_wherever_the_person_stands() -> None:
    for step in STEPS:
        assert step.program.argv[1] == "-P"
        assert (Path(step.program.env["PYTHONPATH"]) / "assistant" / "settings.py").exists()


@pytest.mark.parametrize(
    ("host", "asked", "address"),
    [
        ("127.0.0.1", "127.0.0.1", "http://127.0.0.1:8420"),
        ("0.0.0.0", "127.0.0.1", "http://127.0.0.1:8420"),  # noqa: S104 - a case of the table
        ("::", "::1", "http://[::1]:8420"),
        ("192.0.2.7", "192.0.2.7", "http://192.0.2.7:8420"),
    ],
)
def test_a_page_on_every_address_is_asked_on_loopback(host: str, asked: str, address: str) -> None:
    assert probe_host(host) == asked
    assert page_address(Settings(host=host)) == address
