"""What libpq is handed: addresses that were judged, name by name, and never a name to look up."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from assistant import database
from assistant.database import judged_hosts
from connectors.refusals import EgressRefusedError

KNOWN = {"data1.lan": ("10.0.0.1", "10.0.0.2"), "data2.lan": ("10.0.0.3",), "10.0.0.9": ("10.0.0.9",), "::1": ("::1",)}


class Lock:
    def check_address(self, host: str, port: int) -> tuple[str, ...]:
        if port == 9999:
            raise EgressRefusedError("not on the allow-list")
        if host not in KNOWN:
            raise EgressRefusedError("not on the allow-list")
        return KNOWN[host]


@pytest.fixture
def _locked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "installed", Lock)


@pytest.mark.usefixtures("_locked")
@pytest.mark.parametrize(
    ("given", "handed"),
    [
        (
            {"host": "data1.lan"},
            {"host": "data1.lan,data1.lan", "hostaddr": "10.0.0.1,10.0.0.2", "port": "5432,5432"},
        ),
        ({"host": "data2.lan", "port": 5433}, {"host": "data2.lan", "hostaddr": "10.0.0.3", "port": "5433"}),
        (
            {"host": "data2.lan,10.0.0.9", "port": "5432,6432"},
            {"host": "data2.lan,10.0.0.9", "hostaddr": "10.0.0.3,10.0.0.9", "port": "5432,6432"},
        ),
        (
            {"host": "elsewhere.example,data2.lan"},
            {"host": "data2.lan", "hostaddr": "10.0.0.3", "port": "5432"},
        ),
        ({"hostaddr": "10.0.0.9"}, {"host": "", "hostaddr": "10.0.0.9", "port": "5432"}),
        ({"host": "data1.lan", "hostaddr": "::1"}, {"host": "data1.lan", "hostaddr": "::1", "port": "5432"}),
        (
            {"host": "/run/postgres,data2.lan"},
            {"host": "/run/postgres,data2.lan", "hostaddr": ",10.0.0.3", "port": "5432,5432"},
        ),
        ({"host": "/run/postgres"}, {}),
        ({"dbname": "cloister"}, {}),
    ],
)
def test_addresses_are_handed_over(given: dict[str, Any], handed: dict[str, str]) -> None:
    assert judged_hosts(given) == handed


@pytest.mark.usefixtures("_locked")
@pytest.mark.parametrize(
    "given",
    [
        {"host": "elsewhere.example"},
        {"host": "data1.lan", "port": "9999"},
        {"host": "data1.lan", "hostaddr": "203.0.113.7"},
        {"hostaddr": "203.0.113.7"},
    ],
)
def test_nothing_is_handed_over_that_is_not_allowed(given: dict[str, Any]) -> None:
    with pytest.raises(psycopg.OperationalError, match="allow-list"):
        judged_hosts(given)


def test_without_a_lock_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "installed", lambda: None)
    assert judged_hosts({"host": "elsewhere.example"}) == {}
