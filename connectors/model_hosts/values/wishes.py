"""How a caller wants an answer, and what a host must be able to do for that."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Literal

from connectors.model_hosts.values.messages import Tool


class Ability(StrEnum):
    """What a kind of host can do with an answer, whichever model gives it."""

    JSON_OBJECT = "json_object"
    JSON_SCHEMA = "json_schema"
    LOGPROBS = "logprobs"
    TOOL_CHOICE = "tool_choice"  # make a model call a tool, or one of them


@dataclass(frozen=True, slots=True)
class Wishes:
    """How a caller wants an answer; what is unset is left to the host. Every kind of host takes the first four.

    Attributes:
        stop: the answer ends before the first of these; guarded by the caller, for they reach the host.
        tools: what the model may wish to call.
        tool_choice: `auto`, `none`, `required`, or `tool:` and the name of the one to call.
        parallel_calls: whether one answer may hold several calls.
        format: `json_object` or `json_schema`.
        schema: of `json_schema`: name, schema and the rest as JSON text.
        has_chances: say how likely each token was.
    """

    top_p: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    frequency_penalty: float | None = None
    tools: tuple[Tool, ...] = ()
    tool_choice: str = ""
    parallel_calls: bool | None = None
    format: Literal["", "json_object", "json_schema"] = ""
    schema: str = ""
    has_chances: bool = False

    @property
    def may_call(self) -> bool:
        """Tell whether the model may wish to call a tool."""
        return bool(self.tools) and self.tool_choice != "none"

    @property
    def may_be_refused(self) -> bool:
        """Tell whether a host may refuse the request because of these; none refuses stops."""
        return replace(self, stop=(), parallel_calls=None) != NO_WISHES

    @property
    def abilities(self) -> frozenset[Ability]:
        """Return what a host must be able to do, so that no wish is dropped in silence."""
        wanted = {
            Ability.LOGPROBS: self.has_chances,
            Ability.TOOL_CHOICE: self.may_call and self.tool_choice not in {"", "auto"},
            Ability.JSON_OBJECT: self.format == Ability.JSON_OBJECT.value,
            Ability.JSON_SCHEMA: self.format == Ability.JSON_SCHEMA.value,
        }
        return frozenset(ability for ability, is_wanted in wanted.items() if is_wanted)

    @property
    def chars(self) -> int:
        """Return the length of all texts that reach the model."""
        tools = sum(len(tool.name) + len(tool.description) + len(tool.parameters) for tool in self.tools)
        return tools + len(self.schema)


NO_WISHES: Final = Wishes()
