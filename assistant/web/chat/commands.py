"""The commands that the page offers, as buttons and behind `/`: the persona's tasks, and adding to the documents."""

from __future__ import annotations

from typing import Any

from assistant.conversation import Person
from assistant.errors import NotAllowedError
from assistant.personas.reader import Personas
from assistant.web.chat.incoming import ADD_COMMAND


def offered_commands(personas: Personas, name: str, person: Person) -> list[dict[str, Any]]:
    """Return those of a persona in the order of their buttons, as Chainlit's page reads them.

    A conversation with a persona that was closed to the person since is shown all the same, without its tasks.
    """
    try:
        commands = personas.choose(name, person).commands
    except NotAllowedError:
        commands = ()
    tasks = [_offer(command.name, command.description, command.icon) for command in commands]
    return [*tasks, _offer(ADD_COMMAND, "Attach text, Markdown or code; answers can quote it afterwards", "book-plus")]


def _offer(name: str, description: str, icon: str) -> dict[str, Any]:
    return {"id": name, "description": description, "icon": icon, "button": True, "persistent": False}
