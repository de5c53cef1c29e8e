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
    with pytest.raises(SettingsError, match=rf"x\.yaml, line 1: {names}"):
        parse_persona(GOOD.replace(change, ""), file="x.yaml")


def test_an_unknown_role_and_an_unknown_field_are_refused() -> None:
    with pytest.raises(SettingsError, match="roles"):
        parse_persona(GOOD.replace("employee", "king"), file="x.yaml")
    with pytest.raises(SettingsError, match="sytem"):
        parse_persona(GOOD + "sytem: typo\n", file="x.yaml")


@pytest.mark.parametrize(
    ("added", "words"),
    [
        ("fim_modle: starcoder2", r"x\.yaml, line 7: fim_modle: there is no such field; did you mean 'fim_model'"),
        ("fim_model: [starcoder2]", r"x\.yaml, line 7: fim_model: "),
        ("chat_model: 'two words'", r"x\.yaml, line 7: chat_model: "),
        ("chat_model: starcoder2:15b", r"line 7: chat_model: 'starcoder2:15b' is a base model.*name it as fim_model"),
        ("commands: [{name: Fix, task: Mend it.}]", r"x\.yaml, line 7: commands\.0\.description: "),
        (
            "commands:\n  - {name: Fix, description: A, task: B}\n  - {name: two words, description: A, task: B}",
            r"x\.yaml, line 9: commands\.1\.name: ",
        ),
        (
            "commands:\n  - {name: Fix, description: A, task: B}\n  - {name: fix, description: A, task: B}\n",
            r"x\.yaml, line 7: commands: .*two commands 'Fix'; give one another name",
        ),
        ("starters:\n  - label: A\n    prompt: B\n  - label: C\n", r"x\.yaml, line 10: starters\.1\.prompt: "),
    ],
)
def test_what_does_not_fit_is_named_with_its_line_and_what_was_meant(added: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        parse_persona(GOOD + added, file="x.yaml")


def test_a_persona_names_who_chats_and_who_fills_gaps() -> None:
    named = parse_persona(GOOD + "chat_model: a\nfim_model: starcoder2\nmodels: [b, a, '*']\n", file="x.yaml")
    assert (named.chat_models, named.fim_models) == (("a", "b", "*"), ("starcoder2", "*"))
    assert named.fills_with("starcoder2:15b")
    closed = parse_persona(GOOD + "fim_model: starcoder2\nmodels: [b]\n", file="x.yaml")
    assert closed.fim_models == ("starcoder2",)
    assert not closed.fills_with("codellama:7b")
    assert parse_persona(GOOD, file="x.yaml").fim_models == ()
    starcoder = next(persona for persona in read_personas() if persona.name == "starcoder")
    assert (starcoder.chat_model, starcoder.fim_model) == ("qwen2.5-coder", "starcoder2")
    assert "starcoder2" not in starcoder.chat_models


def test_the_coding_persona_offers_four_tasks_and_cites() -> None:
    starcoder = next(persona for persona in read_personas() if persona.name == "starcoder")
    assert [command.name for command in starcoder.commands] == ["Explain", "Fix", "Test", "Review"]
    assert starcoder.task_of("Review").startswith("Review this code.")
    assert (starcoder.task_of("Delete"), starcoder.has_command("Delete")) == ("", False)
    assert starcoder.cites_lines
    assert "file:line" in starcoder.system


def test_the_version_follows_the_text() -> None:
    one = parse_persona(GOOD, file="x.yaml").version
    assert one == parse_persona(GOOD, file="y.yaml").version
    assert one != parse_persona(GOOD + "temperature: 1\n", file="x.yaml").version


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no persona file"):
        read_personas(tmp_path)
