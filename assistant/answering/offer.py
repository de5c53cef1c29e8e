"""What a caller offers beside its messages, tools and the form of the answer: guarded as texts, kept as JSON."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any, Final

from assistant.answering.guarding import ON_LOOP_CHARS, GuardedConversation
from assistant.errors import BadInputError
from connectors.model_hosts.values import Tool, ToolCall, Wishes
from policies.pseudonyms import quoted_in_json
from policies.verdict import Direction, Verdict

_NAMED: Final = "tool:"


class Judging:
    """Judge the texts of a caller one after the other, and remember all of them for one verdict."""

    def __init__(self, conversation: GuardedConversation) -> None:
        self._conversation = conversation
        self.texts: list[str] = []
        self.verdicts: list[Verdict] = []

    async def text(self, text: str, direction: Direction = Direction.PROMPT) -> str:
        """Return a text as it may go on."""
        verdict = await self._conversation.check_prompt(text, direction)
        self.texts.append(text)
        self.verdicts.append(verdict)
        return verdict.text

    async def json(self, text: str) -> str:
        """Return a JSON text as it may go on: JSON again, if it was.

        Raises:
            BadInputError: with what the guard takes out of it it would be none.
        """
        guarded = await self.text(text, Direction.TOOL)
        if len(text) <= ON_LOOP_CHARS:
            quoted, is_kept = _quoted(text, guarded)
        else:
            quoted, is_kept = await asyncio.to_thread(_quoted, text, guarded)
        if not self.verdicts[-1].is_blocked and not is_kept:
            raise BadInputError("A tool or a form holds what the guard does not let reach a model. Write it without.")
        return quoted

    async def calls(self, calls: tuple[ToolCall, ...]) -> tuple[ToolCall, ...]:
        """Return calls of tools as they may go on."""
        return tuple(
            [
                ToolCall(call.id, await self.text(call.name, Direction.TOOL), await self.json(call.arguments))
                for call in calls
            ]
        )

    async def wishes(self, wishes: Wishes) -> Wishes:
        """Return wishes whose texts may go on; a tool that is wished for by name keeps its place, whatever its name."""
        tools = [await self._tool(tool) for tool in wishes.tools]
        schema = await self.json(wishes.schema) if wishes.schema else ""
        names = {f"{_NAMED}{raw.name}": f"{_NAMED}{tool.name}" for raw, tool in zip(wishes.tools, tools, strict=True)}
        choice = names.get(wishes.tool_choice, wishes.tool_choice)
        return replace(wishes, tools=tuple(tools), schema=schema, tool_choice=choice)

    async def _tool(self, tool: Tool) -> Tool:
        told: dict[str, Any] = {"name": tool.name, "description": tool.description}
        if tool.parameters:
            told["parameters"] = json.loads(tool.parameters)
        guarded = await self.json(json.dumps(told, ensure_ascii=False))
        if self.verdicts[-1].is_blocked:
            return Tool(tool.name)
        read = json.loads(guarded)
        parameters = json.dumps(read["parameters"], ensure_ascii=False) if tool.parameters else ""
        return Tool(str(read["name"]), str(read["description"]), parameters)


def _quoted(text: str, guarded: str) -> tuple[str, bool]:
    """Return a guarded text with its placeholders quoted, and whether it is JSON still, if it was."""
    quoted = quoted_in_json(guarded)
    return quoted, not _is_json(text) or _is_json(quoted)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):  # nested without end: no host reads that as JSON either
        return False
    return True
