from pathlib import Path
from uuid import UUID

import pytest

from assistant.conversation import Person, Role
from assistant.errors import NotAllowedError, SettingsError
from assistant.personas.reader import parse_persona, read_personas

GOOD = """
name: helper
label: Helper
description: Helps.
roles: [employee]
system: Be of use.
"""


def person(*roles: Role) -> Person:
    return Person(id=UUID(int=1), name="maria", roles=frozenset(roles))


def test_the_shipped_personas_are_the_three_of_the_design() -> None:
    everybody = read_personas().for_person(person(Role.ADMINISTRATOR))
    assert [persona.name for persona in everybody] == ["general", "starcoder", "operations"]
    assert all(len(persona.starters) == 3 for persona in everybody)


def test_an_employee_has_the_general_persona_only() -> None:
    personas = read_personas()
    assert [persona.name for persona in personas.for_person(person(Role.EMPLOYEE))] == ["general"]
    with pytest.raises(NotAllowedError, match="Open to you: General"):
        personas.choose("starcoder", person(Role.EMPLOYEE))


def test_unknown_and_forbidden_look_the_same() -> None:
    personas = read_personas()
    with pytest.raises(NotAllowedError) as unknown:
        personas.choose("nobody", person(Role.EMPLOYEE))
    with pytest.raises(NotAllowedError) as forbidden:
        personas.choose("starcoder", person(Role.EMPLOYEE))
    assert str(unknown.value).replace("nobody", "starcoder") == str(forbidden.value)


def test_without_a_name_the_first_allowed_persona_answers() -> None:
    assert read_personas().choose("", person(Role.EMPLOYEE)).name == "general"


def test_a_person_without_roles_is_told_whom_to_ask() -> None:
    with pytest.raises(NotAllowedError, match="ask your administrator"):
        read_personas().choose("", person())


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ("name: helper", "name"),
        ("roles: [employee]", "roles"),
        ("system: Be of use.", "system"),
    ],
)
def test_a_missing_field_is_named_with_its_file(change: str, names: str) -> None:
    with pytest.raises(SettingsError, match=rf"x\.yaml: {names}"):
        parse_persona(GOOD.replace(change, ""), file="x.yaml")


def test_an_unknown_role_and_an_unknown_field_are_refused() -> None:
    with pytest.raises(SettingsError, match="roles"):
        parse_persona(GOOD.replace("employee", "king"), file="x.yaml")
    with pytest.raises(SettingsError, match="sytem"):
        parse_persona(GOOD + "sytem: typo\n", file="x.yaml")


def test_the_version_follows_the_text() -> None:
    one = parse_persona(GOOD, file="x.yaml").version
    assert one == parse_persona(GOOD, file="y.yaml").version
    assert one != parse_persona(GOOD + "temperature: 1\n", file="x.yaml").version


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no persona file"):
        read_personas(tmp_path)
