from __future__ import annotations

import pytest
from pydantic import SecretStr

from assistant import database
from assistant.embedded import addresses
from assistant.keys import Keys

OWNERS = [
    "postgresql://cloister_owner:se-cret_@/cloister?host=/tmp/cloister-1a2b/postgres",
    "postgresql+psycopg://owner:p%40ss%2Fword@data1.example:5432/cloister?sslmode=verify-full&application_name=a%20b",
    "postgresql://owner:pw@[::1]:5432/cloister",
    "postgresql://owner@data1.example/cloister",
    "postgresql:///cloister?host=%2Frun%2Fpostgresql",
]


@pytest.mark.parametrize("owner", OWNERS)
@pytest.mark.parametrize("role", [addresses.APP_ROLE, addresses.AUDIT_WRITER_ROLE])
def test_the_address_is_the_one_that_sqlalchemy_would_make(owner: str, role: str) -> None:
    keys = Keys(bytes(range(32)))
    ours = addresses.role_url(SecretStr(owner), role, keys)
    theirs = database.url_for_role(SecretStr(owner), role, keys)
    assert database.parse_url(ours) == database.parse_url(theirs)


def test_the_roles_are_those_of_the_database() -> None:
    assert (addresses.APP_ROLE, addresses.AUDIT_WRITER_ROLE) == (database.APP_ROLE, database.AUDIT_WRITER_ROLE)


def test_the_owners_password_is_not_in_the_address_of_a_role() -> None:
    url = addresses.role_url(SecretStr(OWNERS[0]), addresses.APP_ROLE, Keys(bytes(32)))
    assert "se-cret_" not in url.get_secret_value()
