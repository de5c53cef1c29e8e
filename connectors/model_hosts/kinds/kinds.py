"""Every kind of model host, in the order in which a stranger on a port is tried."""

from __future__ import annotations

from connectors.model_hosts.kinds.exo import Exo
from connectors.model_hosts.kinds.kind import HostKind
from connectors.model_hosts.kinds.llamacpp import LlamaCpp
from connectors.model_hosts.kinds.lmstudio import LMStudio
from connectors.model_hosts.kinds.ollama import Ollama
from connectors.model_hosts.kinds.openai import OpenAI
from connectors.model_hosts.kinds.vllm import VLLM


def build_kinds() -> tuple[HostKind, ...]:
    """Return one of each kind; a new kind is one file and one line here."""
    return (
        Ollama(),
        LMStudio(),
        Exo(),
        VLLM(),
        LlamaCpp(),
        OpenAI(),
    )
