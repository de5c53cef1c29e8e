"""The words of the model hosts: frozen values that the choice, the kinds and the turn share."""

from connectors.model_hosts.values.answers import (
    AnswerItem,
    Loading,
    Reasoning,
    Token,
    TokenChance,
    ToolCallPiece,
    Usage,
    Vectors,
)
from connectors.model_hosts.values.messages import (
    ChatMessage,
    CodeFile,
    Gap,
    Inputs,
    Tool,
    ToolCall,
    least_tokens,
    most_tokens,
    most_tokens_of,
)
from connectors.model_hosts.values.needs import ANY_MODEL, NOBODY, Asker, Capability, Need, Patience, Place, Route
from connectors.model_hosts.values.reports import HostReport, HostStatus, ModelReport, ModelStatus
from connectors.model_hosts.values.wishes import NO_WISHES, Ability, Wishes

__all__ = [
    "ANY_MODEL",
    "NOBODY",
    "NO_WISHES",
    "Ability",
    "AnswerItem",
    "Asker",
    "Capability",
    "ChatMessage",
    "CodeFile",
    "Gap",
    "HostReport",
    "HostStatus",
    "Inputs",
    "Loading",
    "ModelReport",
    "ModelStatus",
    "Need",
    "Patience",
    "Place",
    "Reasoning",
    "Route",
    "Token",
    "TokenChance",
    "Tool",
    "ToolCall",
    "ToolCallPiece",
    "Usage",
    "Vectors",
    "Wishes",
    "least_tokens",
    "most_tokens",
    "most_tokens_of",
]
