"""“This is wrong”: the address behind that link, pressed by a script in the chat or opened as a page without one."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from assistant.review import COMMENT_CHARS
from assistant.web.chat_parts import Reviewing
from assistant.web.forms import read_form
from assistant.web.pages import render
from assistant.web.refusals import acting, in_words, number_of

REPORTED: Final = "Reported. Your reviewer sees the rule and the masked value, never the value."


def wrong_path(message_id: UUID, number: int) -> str:
    """Return where a finding is reported.

    >>> wrong_path(UUID(int=7), 2)
    '/wrong/00000000-0000-0000-0000-000000000007/2'
    """
    return f"/wrong/{message_id}/{number}"


class WrongRoutes:
    """Let a person report a finding in a message of their own."""

    def __init__(self, review: Reviewing) -> None:
        self._review = review

    def routes(self) -> list[Route]:
        """Return the routes; every one is reached with `person` in the request's state."""
        path = "/wrong/{message_id:uuid}/{number}"
        return [Route(path, in_words(self._show)), Route(path, in_words(self._file), methods=["POST"])]

    async def _show(self, request: Request) -> Response:
        message_id, number = _place(request)
        about, report = await self._review.finding(acting(request), message_id, number)
        return render(
            "wrong.html",
            title="This is wrong",
            about=about,
            report=report,
            action=wrong_path(message_id, number),
            thread=f"/thread/{about.thread_id}",
            comment_chars=COMMENT_CHARS,
        )

    async def _file(self, request: Request) -> Response:
        message_id, number = _place(request)
        comment = (await read_form(request)).get("comment", "")
        await self._review.file(acting(request), message_id, number, comment)
        if "text/html" in request.headers.get("accept", ""):
            return RedirectResponse(wrong_path(message_id, number), 303)
        return JSONResponse({"words": REPORTED})


def _place(request: Request) -> tuple[UUID, int]:
    message_id: UUID = request.path_params["message_id"]
    return message_id, number_of(request, "number")
