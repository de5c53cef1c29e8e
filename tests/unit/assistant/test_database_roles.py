from __future__ import annotations

import pytest
from pydantic import SecretStr

from assistant.database import parse_url
from assistant.database_roles import LOGIN_ROLES, role_password, url_for_role
from assistant.keys import Keys

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
