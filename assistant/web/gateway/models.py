"""The ids that a token may name: a persona, or a persona and one of the models behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
        chatting = self._models(holder, Capability.CHAT)
        filling = self._models(holder, Capability.FIM)
        embedding = self._models(holder, Capability.EMBED)
        listed: list[Chosen] = []
        for persona in self._open_to(holder):
            listed.append(Chosen(persona))
            used = {model for model in chatting if persona.uses(model)}
            used |= {model for model in filling if persona.fills_with(model)}
            used |= {model for model in embedding if persona.embeds_with(model)}
            listed += [Chosen(persona, model) for model in sorted(used)]
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
        made_for = self._uses(model) if holder.scopes.has_model(model) else frozenset()
        used_for = {capability for capability in made_for if _MAY_USE[capability](persona, model)}
        if not used_for:
            raise NoSuchModelError(wanted)
        if use is not None and use not in used_for:  # a persona with `*` may use any model there is
            raise WrongModelError(wanted, _USE_WORDS[use])
        return Chosen(persona, model)

    def _open_to(self, holder: Holder) -> list[Persona]:
        personas = self._personas.for_person(holder.person)
        return [persona for persona in personas if holder.scopes.has_persona(persona.name)]

    def _uses(self, name: str) -> frozenset[Capability]:
        """Return what a model is made for, on any host."""
        models = (model for host in self._hosts() for model in host.models if model.name == name)
        return frozenset(capability for model in models for capability in model.capabilities if capability in _MAY_USE)

    def _models(self, holder: Holder, capability: Capability) -> set[str]:
        models = (model for host in self._hosts() for model in host.models if capability in model.capabilities)
        return {model.name for model in models if holder.scopes.has_model(model.name)}
