"""The ids that a token may name: a persona, or a persona and one of the models behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from assistant.identity.tokens import Holder
from assistant.personas.reader import Persona, Personas
from assistant.web.gateway.refusals import NoSuchModelError, WrongModelError
from connectors.model_hosts.values import Capability, HostStatus

_MAY_USE: Final[Mapping[Capability, Callable[[Persona, str], bool]]] = {
    Capability.CHAT: Persona.uses,
    Capability.FIM: Persona.fills_with,
    Capability.EMBED: Persona.embeds_with,
}
_USE_WORDS: Final[Mapping[Capability, str]] = {
    Capability.CHAT: "chat",
    Capability.FIM: "completing code",
    Capability.EMBED: "embeddings",
}
_BETWEEN = "/"  # never in the name of a persona, so an id has one meaning even where a model's name holds it


@dataclass(frozen=True, slots=True)
class Chosen:
    """What an id stands for; an empty model leaves the choice to the persona."""

    persona: Persona
    model: str = ""

    @property
    def id(self) -> str:
        """Return how clients name it."""
        return f"{self.persona.name}{_BETWEEN}{self.model}" if self.model else self.persona.name


class ModelList:
    """The ids there are for whoever asks."""

    def __init__(self, personas: Personas, hosts: Callable[[], Sequence[HostStatus]]) -> None:
        self._personas = personas
        self._hosts = hosts

    def of(self, holder: Holder) -> list[Chosen]:
        """Return what a token may name, in the order of the personas."""
        offered = {(model, use) for model, use in self._offered() if holder.scopes.has_model(model)}
        listed: list[Chosen] = []
        for persona in self._open_to(holder):
            used = {model for model, use in offered if _MAY_USE[use](persona, model)}
            listed += [Chosen(persona), *(Chosen(persona, model) for model in sorted(used))]
        return listed

    def choose(self, wanted: str, holder: Holder, use: Capability | None = None) -> Chosen:
        """Return what an id stands for.

        Args:
            wanted: the id.
            holder: who asks.
            use: what the model is wanted for; none: to be shown.

        Raises:
            NoSuchModelError: it is not one that this token may name.
            WrongModelError: that model is made for something else, or its persona has it for that.
        """
        name, is_named, model = wanted.partition(_BETWEEN)
        persona = next((persona for persona in self._open_to(holder) if persona.name == name), None)
        if persona is None:
            raise NoSuchModelError(wanted)
        if not is_named:
            return Chosen(persona)
        used_for = {
            purpose
            for offered, purpose in self._offered()
            if offered == model and holder.scopes.has_model(model) and _MAY_USE[purpose](persona, model)
        }
        if not used_for:
            raise NoSuchModelError(wanted)
        if use is not None and use not in used_for:  # a persona with `*` may use any model there is
            raise WrongModelError(wanted, _USE_WORDS[use])
        return Chosen(persona, model)

    def _open_to(self, holder: Holder) -> list[Persona]:
        personas = self._personas.for_person(holder.person)
        return [persona for persona in personas if holder.scopes.has_persona(persona.name)]

    def _offered(self) -> Iterator[tuple[str, Capability]]:
        """Yield each model that there is on some host, with each use that it is made for and that may be named."""
        for host in self._hosts():
            for model in host.models:
                yield from ((model.name, use) for use in model.capabilities if use in _MAY_USE)
