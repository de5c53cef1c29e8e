from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from assistant.database import parse_url
from assistant.database_roles import LOGIN_ROLES, as_own_roles, role_password, url_for_role
from assistant.keys import Keys
from assistant.settings import Settings

KEYS = Keys(bytes(range(32)))
OWNERS = [
    "postgresql://cloister_owner:se-cret_@/cloister?host=/tmp/cloister-1a2b/postgres",
    "postgresql+psycopg://owner:p%40ss%2Fword@data1.example:5432/cloister?sslmode=verify-full&application_name=a%20b",
    "postgresql://owner:pw@[::1]:5432/cloister",
    "postgresql://owner@data1.example/cloister",
    "postgresql:///cloister?host=%2Frun%2Fpostgresql",
]


@pytest.mark.parametrize("owner", OWNERS)
@pytest.mark.parametrize("role", LOGIN_ROLES)
def test_the_address_differs_from_the_owners_in_role_and_password_only(owner: str, role: str) -> None:
    found = parse_url(url_for_role(SecretStr(owner), role, KEYS))
    assert found == parse_url(SecretStr(owner)).set(username=role, password=role_password(KEYS, role))


def test_the_owners_password_is_not_in_the_address_of_a_role() -> None:
    assert "se-cret_" not in url_for_role(SecretStr(OWNERS[0]), LOGIN_ROLES[0], KEYS).get_secret_value()


def test_an_address_without_a_name_becomes_that_of_each_role(tmp_path: Path) -> None:
    settings = Settings(database_url=SecretStr("postgresql://data1.lan/cloister"), master_key_file=tmp_path / "key")
    own = as_own_roles(settings)
    keys = Keys.load_or_create(tmp_path / "key")
    assert own.database_url is not None
    assert own.audit_database_url is not None
    app, writer = (parse_url(url) for url in (own.database_url, own.audit_database_url))
    assert (app.username, app.password) == (LOGIN_ROLES[0], role_password(keys, LOGIN_ROLES[0]))
    assert (writer.username, writer.password) == (LOGIN_ROLES[1], role_password(keys, LOGIN_ROLES[1]))
    assert (app.host, app.database) == (writer.host, writer.database) == ("data1.lan", "cloister")


@pytest.mark.parametrize(
    "settings",
    [
        Settings(),
        Settings(database_url=SecretStr("postgresql://owner:pw@data1.lan/cloister")),
        Settings(
            database_url=SecretStr("postgresql://data1.lan/cloister"),
            audit_database_url=SecretStr("postgresql://writer:pw@data1.lan/cloister"),
        ),
    ],
)
def test_an_address_that_names_somebody_stays(settings: Settings) -> None:
    assert as_own_roles(settings) is settings
