"""The lines of an attached file that an answer names: the address behind such a name, shown in the page or alone."""

from __future__ import annotations

import asyncio
from typing import Final
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from assistant.answering.words import question_of
from assistant.errors import NotFoundError
from assistant.web.chat_parts import OwnConversations
from assistant.web.pages import render
from assistant.web.refusals import acting, in_words, number_of

_AROUND: Final = 12  # lines before and after those that were named
_MOST_LINES: Final = 2_000


class CitedLinesRoutes:
    """Show a person lines of a file that came with a message of their own, as the conversation keeps it."""

    def __init__(self, conversations: OwnConversations) -> None:
        self._conversations = conversations

    def routes(self) -> list[Route]:
        """Return the route; it is reached with `person` in the request's state."""
        return [Route("/lines/{message_id:uuid}/{number}/{first}-{last}", in_words(self._show))]

    async def _show(self, request: Request) -> Response:
        message_id: UUID = request.path_params["message_id"]
        number, first, last = (number_of(request, name) for name in ("number", "first", "last"))
        stored = await self._conversations.message(acting(request), message_id)
        files = (await asyncio.to_thread(question_of, stored.message.text, stored.detail)).files
        if number >= len(files) or not 1 <= first <= last <= files[number].last:
            raise NotFoundError("There is no such line in a file of yours.")
        file = files[number]
        shown = [one for one in sorted(file.lines) if first - _AROUND <= one <= last + _AROUND][:_MOST_LINES]
        return render(
            "lines.html",
            title=f"{file.name}, line{'s' if last > first else ''} {first}" + (f" to {last}" if last > first else ""),
            lines=[(one, file.lines[one], first <= one <= last) for one in shown],
            thread=f"/thread/{stored.message.thread_id}",
        )
