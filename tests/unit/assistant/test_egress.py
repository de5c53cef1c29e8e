"""What the settings let a process reach; how the lock enforces it is in tests/integration."""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path

import pytest
from pydantic import SecretStr

from assistant.egress import anchor_egress, forget_detours, judge_with, site_egress
from assistant.errors import SettingsError
from assistant.settings import Settings
from connectors.model_hosts.bundled_server import COMMAND
from connectors.network import Action, Attempt
from policies.egress import Program

COMPANY = Settings(
    database_url=SecretStr("postgresql://app:made-up@data1.lan:5432/cloister"),
    audit_database_url=SecretStr("postgresql://writer:made-up@data1.lan:5433/cloister"),
    redis_url=SecretStr("rediss://:made-up@10.20.0.9:6380/0"),
    egress_allow=("idp.corp.example:443", "10.30.0.0/16:8000-8010"),
)
FLEET = ("http://dev1.lan:11434", "http://10.20.0.7:1234")


@pytest.mark.parametrize(
    ("attempt", "is_allowed"),
    [
        (Attempt(Action.CONNECT, "10.20.0.7", 1234), True),
        (Attempt(Action.CONNECT, "10.20.0.7", 1235), False),
        (Attempt(Action.CONNECT, "10.20.0.9", 6380), True),
        (Attempt(Action.SEND, "10.20.0.9", 53), False),
        (Attempt(Action.CONNECT, "10.30.4.4", 8010), True),
        (Attempt(Action.CONNECT, "10.30.4.4", 8011), False),
        (Attempt(Action.CONNECT, "127.0.0.1", 1), True),
        (Attempt(Action.CONNECT, "203.0.113.7", 443), False),
        (Attempt(Action.CONNECT, "192.168.7.7", 11434, ("dev1.lan",)), True),
        (Attempt(Action.CONNECT, "192.168.7.7", 5433, ("data1.lan",)), True),
        (Attempt(Action.CONNECT, "203.0.113.7", 11434, ("dev1.lan",)), False),
        (Attempt(Action.LOOK_UP, "idp.corp.example"), True),
        (Attempt(Action.LOOK_UP, "data1.lan"), True),
        (Attempt(Action.LOOK_UP, "api.openai.com"), False),
        (Attempt(Action.LOOK_UP_ADDRESS, "203.0.113.7"), False),
        (Attempt(Action.OPEN, ""), False),
        (Attempt(Action.CALL, "connect"), False),
        (Attempt(Action.START, argv=COMMAND), False),
    ],
)
def test_a_process_reaches_what_its_settings_name(attempt: Attempt, *, is_allowed: bool) -> None:
    assert judge_with(site_egress(COMPANY, fleet=FLEET))(attempt) is is_allowed


def test_a_program_starts_with_its_arguments_and_no_others(tmp_path: Path) -> None:
    settings = Settings(gguf=tmp_path / "model.gguf")
    allows = judge_with(site_egress(settings, programs=[Program("/opt/initdb")]))
    assert allows(Attempt(Action.START, argv=(*COMMAND, "7")))
    assert allows(Attempt(Action.START, argv=("/opt/initdb", "-D", "data")))
    assert not allows(Attempt(Action.START, argv=(COMMAND[0], "-c", "import socket")))
    assert not allows(Attempt(Action.START, argv=("/opt/psql",)))


def test_anchors_of_the_audit_log_are_reached_by_the_sealer_alone() -> None:
    settings = Settings(
        audit_witnesses=("witness/1+x+y http://10.40.0.5:8430", "witness/2+x+y https://witness.lan"),
        audit_anchor_syslog="udp://10.40.0.6:514",
    )
    sealer, others = judge_with(anchor_egress(settings)), judge_with(site_egress(settings))
    for attempt in (
        Attempt(Action.CONNECT, "10.40.0.5", 8430),
        Attempt(Action.CONNECT, "10.40.0.9", 443, ("witness.lan",)),
        Attempt(Action.LOOK_UP, "witness.lan"),
        Attempt(Action.SEND, "10.40.0.6", 514),
    ):
        assert sealer(attempt)
        assert not others(attempt)
    assert not sealer(Attempt(Action.CONNECT, "10.40.0.5", 8431))
    assert anchor_egress(Settings(audit_anchor_syslog="unix:/dev/log")).destinations == ()
    with pytest.raises(SettingsError, match="anchor"):
        anchor_egress(Settings(audit_witnesses=("witness/1+x+y 10.40.0.5",)))


def test_nothing_set_means_this_machine_alone() -> None:
    assert site_egress(Settings()).destinations == ()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (Settings(egress_allow=("0.0.0.0/0",)), "CLOISTER_EGRESS_ALLOW"),
        (Settings(egress_allow=("http://corp.example",)), "CLOISTER_EGRESS_ALLOW"),
        (Settings(egress_allow=("169.254.169.254",)), "never allowed"),
        (Settings(database_url=SecretStr("mysql://app:made-up-word@data1.lan/x")), "database"),
        (Settings(redis_url=SecretStr("redis://:made-up-word@[::1/0")), "redis"),
    ],
)
def test_what_cannot_be_read_stops_the_start_and_tells_no_password(settings: Settings, words: str) -> None:
    with pytest.raises(SettingsError) as failure:
        site_egress(settings)
    assert words in str(failure.value)
    assert "made-up-word" not in str(failure.value)


def test_a_fleet_that_leads_to_a_metadata_service_is_refused() -> None:
    with pytest.raises(SettingsError, match="fleet"):
        site_egress(Settings(), fleet=["http://169.254.169.254:80"])


def test_the_environment_leads_nobody_past_the_settings() -> None:
    environment = dict.fromkeys(
        ["http_proxy", "HTTPS_PROXY", "all_proxy", "PGHOST", "PGSERVICE", "HOSTALIASES", "RES_OPTIONS", "LOCALDOMAIN"],
        "x",
    )
    kept = {"PATH": "/bin", "CLOISTER_HOST": "::1", "HOME": "/", "NO_PROXY_AT_ALL": "x"}
    both = {**environment, **kept}
    forget_detours(both)
    assert both == kept


def test_the_command_is_installed_with_its_lock() -> None:
    (command,) = entry_points(group="console_scripts", name="cloister")
    assert command.value == "assistant.__main__:main"
