"""Read persona files into frozen values, and say who may use which."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator

from assistant.conversation import Person, Role
from assistant.errors import NotAllowedError, SettingsError
from connectors.model_hosts.code_models import is_base_code_model
from connectors.model_hosts.values import ANY_MODEL
from connectors.model_hosts.yaml_fields import suggestion

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
ModelName = Annotated[str, StringConstraints(max_length=120, pattern=r"^[!-~]*$")]


class Starter(BaseModel):
    """One of the three things to try that an empty conversation shows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: str = Field(min_length=1, max_length=60)
    prompt: str = Field(min_length=1, max_length=2000)


class Command(BaseModel):
    """A task that a person chooses instead of writing it, such as `Explain`.

    Attributes:
        name: what stands on its button and in the list behind `/`.
        description: one line on what it does.
        icon: a picture of Lucide, by its name there.
        task: what the model reads before the person's text and files.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,23}$")
    description: str = Field(min_length=1, max_length=120)
    icon: str = Field(default="terminal", pattern=r"^[a-z0-9-]{1,40}$")
    task: str = Field(min_length=1, max_length=4000)


class Persona(BaseModel):
    """An assistant with a purpose.

    Attributes:
        name: the id in audit events, addresses and policies.
        chat_model: the one that answers if it can be asked.
        fim_model: the one that fills gaps in code; empty: this persona completes none.
        embed_model: the one that makes vectors of texts; empty: a caller names one of `models`, for those of two models
            do not mix.
        models: further ones in order of preference; a last `*` takes whatever other model there is, for gaps as well.
        capability: what a model must be able to do, in the fleet's words.
        cites_lines: files that are attached get line numbers, and the page shows the lines that an answer names.
        commands: tasks to choose from.
        version: hash of the file, so that the audit log can tell under which text an answer was given.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    label: str = Field(min_length=1, max_length=40)
    description: str = Field(min_length=1, max_length=160)
    roles: frozenset[Role] = Field(min_length=1)
    chat_model: ModelName = ""
    fim_model: ModelName = ""
    embed_model: ModelName = ""
    models: tuple[str, ...] = ("*",)
    capability: str = "chat"
    temperature: float = Field(default=0.4, ge=0, le=2)
    max_answer_tokens: int = Field(default=2048, ge=16, le=32_768)
    system: str = Field(min_length=1, max_length=20_000)
    cites_lines: bool = False
    commands: tuple[Command, ...] = Field(default=(), max_length=12)
    starters: tuple[Starter, ...] = Field(default=(), max_length=6)
    version: str = ""

    @field_validator("commands")
    @classmethod
    def _refuse_twins(cls, commands: tuple[Command, ...]) -> tuple[Command, ...]:
        names = [command.name.lower() for command in commands]
        if twin := next((command.name for command in commands if names.count(command.name.lower()) > 1), ""):
            raise ValueError(f"there are two commands {twin!r}; give one another name")
        return commands

    def uses(self, model: str) -> bool:
        """Tell whether a model may answer for this persona; a name without a tag means every tag."""
        return any(name in {ANY_MODEL, model, model.partition(":")[0]} for name in self.chat_models)

    def fills_with(self, model: str) -> bool:
        """Tell whether a model may fill gaps for this persona."""
        return any(name in {ANY_MODEL, model, model.partition(":")[0]} for name in self.fim_models)

    def embeds_with(self, model: str) -> bool:
        """Tell whether a model may make vectors for this persona."""
        names = (self.embed_model, *self.models)
        return any(name in {ANY_MODEL, model, model.partition(":")[0]} for name in names if name)

    def has_command(self, name: str) -> bool:
        """Tell whether this persona offers a command."""
        return any(command.name == name for command in self.commands)

    def task_of(self, name: str) -> str:
        """Return the task of a command; empty where there is none of this name."""
        return next((command.task.strip() for command in self.commands if command.name == name), "")

    @property
    def chat_models(self) -> tuple[str, ...]:
        """Return the models that answer, in order of preference."""
        return tuple(dict.fromkeys(name for name in (self.chat_model, *self.models) if name))

    @property
    def fim_models(self) -> tuple[str, ...]:
        """Return the models that fill gaps, in order of preference; none if the persona completes no code."""
        others = (ANY_MODEL,) if ANY_MODEL in self.models else ()
        return (self.fim_model, *others) if self.fim_model else ()


class Personas:
    """All personas of the site, in the order of their files."""

    def __init__(self, personas: Iterable[Persona]) -> None:
        self._by_name: Mapping[str, Persona] = {persona.name: persona for persona in personas}
        if not self._by_name:
            raise SettingsError("There is no persona file. Put at least one into the personas folder.")

    def __iter__(self) -> Iterator[Persona]:
        """Give every persona, whoever may use it."""
        return iter(self._by_name.values())

    def for_person(self, person: Person) -> tuple[Persona, ...]:
        """Return the personas that this person may use."""
        return tuple(persona for persona in self._by_name.values() if person.has_any(persona.roles))

    def choose(self, name: str, person: Person) -> Persona:
        """Return one persona by name, or the person's first when no name is given.

        Raises:
            NotAllowedError: there is no such persona for this person; unknown and forbidden look the same.
        """
        allowed = self.for_person(person)
        chosen = next((persona for persona in allowed if not name or persona.name == name), None)
        if chosen is None:
            names = ", ".join(persona.label for persona in allowed) or "none; ask your administrator for a role"
            raise NotAllowedError(f"The persona {name[:40]!r} is not open to you. Open to you: {names}.")
        return chosen


def read_personas(folder: Path | None = None) -> Personas:
    """Read `*.yaml` of a folder, or the shipped personas.

    Raises:
        SettingsError: a file cannot be read or does not fit; names the file and the field.
    """
    sources = folder if folder is not None else files("assistant.personas")
    try:
        texts = {
            entry.name: entry.read_text(encoding="utf-8")
            for entry in sorted(sources.iterdir(), key=lambda entry: entry.name)
            if entry.name.endswith(".yaml")
        }
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"Cannot read the personas in {str(folder)!r}: {error}.") from error
    return Personas(parse_persona(text, file=name) for name, text in texts.items())


def parse_persona(text: str, *, file: str) -> Persona:
    """Turn the text of one persona file into a value.

    Raises:
        SettingsError: the text is not YAML, or a field is missing, unknown or out of range.
    """
    try:
        persona = Persona.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise SettingsError(f"{file}: not valid YAML: {error}.") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise _refusal(file, text, first["loc"], first["msg"]) from error
    if is_base_code_model(persona.chat_model):
        words = f"{persona.chat_model!r} is a base model, which completes code and cannot chat; name it as fim_model"
        raise _refusal(file, text, ("chat_model",), words)
    digest = hashlib.sha256(text.encode()).hexdigest()
    return persona.model_copy(update={"version": f"sha256:{digest[:12]}"})


def _refusal(file: str, text: str, loc: tuple[int | str, ...], words: str) -> SettingsError:
    """Say what does not fit, in which line, and for a name that is nearly right which one was meant."""
    field = ".".join(str(part) for part in loc) or "the file"
    if len(loc) == 1 and str(loc[0]) not in Persona.model_fields:
        words = f"there is no such field; {suggestion(str(loc[0]), _FIELDS)}"
    return SettingsError(f"{file}, line {_line_of(text, loc)}: {field}: {words}.")


def _line_of(text: str, loc: tuple[int | str, ...]) -> int:
    """Return the line of a field; of one that is missing, where it should stand."""
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    line = 1
    for part in loc:
        if isinstance(node, yaml.MappingNode):
            found = next(((key, value) for key, value in node.value if key.value == str(part)), None)
            if found is None:
                break
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
    return line


_FIELDS = tuple(name for name in Persona.model_fields if name != "version")
