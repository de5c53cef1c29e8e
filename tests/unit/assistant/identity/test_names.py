"""Names and roles as people type them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.conversation import Role
from assistant.errors import BadInputError
from assistant.identity.names import check_display_name, check_name, known_roles, parse_login, parse_roles


@pytest.mark.parametrize("name", ["maria", "j.doe", "a-b_c@corp.example", "x" * 64, "  Maria  "])
def test_usable_names_are_stored_in_small_letters(name: str) -> None:
    assert check_name(name) == name.strip().lower()


@pytest.mark.parametrize(
    "name", ["", " ", "x" * 65, "a b", "a\x00b", "a/b", "ma\ud800", "м" + "aria", "maria\n\n;", "x" * (10 << 20)]
)
def test_other_names_are_refused_and_nobodys(name: str) -> None:
    assert parse_login(name) == ""
    with pytest.raises(BadInputError):
        check_name(name)


@given(st.text())
def test_a_login_is_ascii_and_stays_what_it_is(name: str) -> None:
    login = parse_login(name)
    assert login.isascii()
    assert parse_login(login) == login
    assert len(login) <= 64


def test_roles_are_read_as_typed() -> None:
    assert parse_roles(["Employee", " model-engineer "]) == {Role.EMPLOYEE, Role.MODEL_ENGINEER}


@pytest.mark.parametrize("words", [[], ["root"], ["employee", ""]])
def test_unknown_and_missing_roles_name_those_there_are(words: list[str]) -> None:
    with pytest.raises(BadInputError, match="employee, developer, reviewer"):
        parse_roles(words)


def test_a_stored_role_of_another_version_gives_no_right() -> None:
    assert known_roles(["employee", "galactic-emperor"]) == {Role.EMPLOYEE}


@pytest.mark.parametrize("name", ["", "x" * 101, "a\x00b", "a\nb", "a\N{RIGHT-TO-LEFT OVERRIDE}b"])
def test_display_names_that_cannot_be_shown_are_refused(name: str) -> None:
    with pytest.raises(BadInputError):
        check_display_name(name)
