"""Which model and host would answer now, in words for the persona picker and the empty page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from assistant.personas.reader import Persona, Starter
from assistant.web.chat.steps import literal
from connectors.model_hosts.values import ANY_MODEL, Capability, HostStatus, ModelStatus

_HOW_TO_ADD: Final = (
    "To add a model host, start Ollama, LM Studio, llama.cpp, vLLM or exo on this machine, "
    "or name your hosts in a file and set `CLOISTER_FLEET` to it."
)


def describe(persona: Persona, hosts: Sequence[HostStatus]) -> str:
    """Return what a persona is for and who serves it now, as Markdown."""
    return f"{literal(persona.description)}\n\n{serving_words(persona, hosts)}"


def things_to_try(persona: Persona, hosts: Sequence[HostStatus]) -> tuple[Starter, ...]:
    """Return what an empty page offers to ask; nothing where it would be refused for want of a model that answers."""
    is_quoting = any(host.origin == "quote" and host.is_up for host in hosts)
    return () if only_completes(hosts) and not is_quoting else persona.starters


def serving_words(persona: Persona, hosts: Sequence[HostStatus]) -> str:
    """Say who would answer now, or what works without a model and how to add one, and who completes code."""
    return "\n\n".join(filter(None, (_answering_words(persona, hosts), _completing_words(persona, hosts))))


def only_completes(hosts: Sequence[HostStatus]) -> bool:
    """Tell whether all models that are there were made to complete code and taught no answers, such as StarCoder."""
    chats = any(host.origin != "quote" for host, _ in _offers(Capability.CHAT, hosts))
    return not chats and any(True for _ in _offers(Capability.FIM, hosts))


def _completing_words(persona: Persona, hosts: Sequence[HostStatus]) -> str:
    """Say who completes code in an editor now; nothing of a persona that completes none."""
    offers = list(_offers(Capability.FIM, hosts))
    for name in persona.fim_models:
        for host, model in offers:
            if _is_named(model.name, name):
                words = f"Code completion in your editor: {literal(host.name)} · {literal(model.name)}"
                return f"*{words}. See Editors in the documentation for how to connect yours.*"
    return ""


def _answering_words(persona: Persona, hosts: Sequence[HostStatus]) -> str:
    offers = list(_offers(persona.capability, hosts))
    for name in (*(wanted for wanted in persona.chat_models if wanted != ANY_MODEL), ANY_MODEL):
        for host, model in offers:
            if host.origin != "quote" and _is_named(model.name, name):
                return f"*Served now by {literal(host.name)} · {literal(model.name)}*"
    waiting = next((host.words for host in hosts if host.is_drained or _is_loading(host)), "")
    if waiting:
        return f"*{literal(waiting)}*"
    is_quoting = any(host.origin == "quote" and host.is_up for host in hosts)
    if only_completes(hosts):
        does = "answers quote the documentation and what you add to it" if is_quoting else "a question would be refused"
        return (
            f"*The models that are there complete code and cannot chat, so {does}. "
            "Ask your administrator for a chat model.*"
        )
    if is_quoting:
        return f"*No model host was found. Answers quote the documentation and what you add to it.*\n\n{_HOW_TO_ADD}"
    words = "*No model host answers now, so a question would fail. Try again in a minute; your history stays readable.*"
    return words if hosts else f"{words}\n\n{_HOW_TO_ADD}"


def _is_loading(host: HostStatus) -> bool:
    return host.is_up and host.origin != "quote" and not host.models


def _offers(capability: str, hosts: Iterable[HostStatus]) -> Iterator[tuple[HostStatus, ModelStatus]]:
    for host in hosts:
        for model in host.models:
            can = not model.capabilities or capability in model.capabilities
            if host.is_up and model.is_available and can:
                yield host, model


def _is_named(model: str, wanted: str) -> bool:
    """Tell whether a model is the wanted one; a name without a tag fits every tag of it."""
    return wanted in {ANY_MODEL, model} or (":" not in wanted and model.partition(":")[0] == wanted)
