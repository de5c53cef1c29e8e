"""The addresses under the chat that we answer ourselves, where Chainlit's own answer would be wrong or open."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final
from uuid import UUID

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from assistant.conversation import Role
from assistant.errors import BadInputError, NotFoundError
from assistant.history.storable import storable
from assistant.rights import has_desk
from assistant.web.chat.incoming import parse_uuid
from assistant.web.chat.index_page import IndexPage
from assistant.web.chat.steps import run_id
from assistant.web.chat.uploads import UploadShelf, read_upload
from assistant.web.chat_parts import ChatParts
from assistant.web.cited_lines import CitedLinesRoutes
from assistant.web.doors import SignIn
from assistant.web.hardening import UPLOAD_PATH
from assistant.web.own_tokens import TokenRoutes
from assistant.web.pages import render
from assistant.web.refusals import acting, in_words
from assistant.web.session_gate import SessionCookie
from assistant.web.wrong import WrongRoutes

_STICKY_COOKIE: Final = "X-Chainlit-Session-id"  # a proxy may send one window's requests to one process by it


class OwnRoutes:
    """Answer what concerns pages, files, feedback, documents, tokens and signing out."""

    def __init__(
        self,
        parts: ChatParts,
        *,
        identity: SignIn,
        cookie: SessionCookie,
        shelf: UploadShelf,
        close_windows: Callable[[str], Awaitable[None]],
    ) -> None:
        self._parts = parts
        self._identity = identity
        self._cookie = cookie
        self._shelf = shelf
        self._close_windows = close_windows
        self._index = IndexPage()

    def routes(self) -> list[Route]:
        """Return the routes; every one is reached with `person` and `session` in the request's state."""
        return [
            Route("/", self._show_chat),
            Route("/thread", self._show_chat),
            Route("/thread/{thread_id:uuid}", self._show_chat),
            Route("/login", self._leave_login),
            Route("/logout", in_words(self._sign_out), methods=["POST"]),
            Route("/set-session-cookie", in_words(self._stick), methods=["POST"]),
            Route(UPLOAD_PATH, in_words(self._take_file), methods=["POST"]),
            Route("/feedback", in_words(self._give_feedback), methods=["PUT"]),
            Route("/feedback", in_words(self._take_feedback_back), methods=["DELETE"]),
            Route("/documents", in_words(self._show_documents)),
            Route("/documents/{document_id:uuid}/remove", in_words(self._remove_document), methods=["POST"]),
            *WrongRoutes(self._parts.review).routes(),
            *CitedLinesRoutes(self._parts.conversations).routes(),
            *TokenRoutes(self._parts.own_tokens).routes(),
        ]

    async def _show_chat(self, request: Request) -> Response:
        return self._index.respond(is_at_desk=has_desk(acting(request)))

    async def _leave_login(self, _request: Request) -> Response:
        """Chainlit's page goes to its own sign-in when it thinks that nobody is signed in; here somebody is."""
        return RedirectResponse("/", 303)

    async def _sign_out(self, request: Request) -> Response:
        token: str = request.state.session
        await self._identity.sign_out(token)
        await self._close_windows(token)
        response = JSONResponse({"success": True})
        self._cookie.clear(response)
        return response

    async def _stick(self, request: Request) -> Response:
        window = parse_uuid((await _json(request)).get("session_id"))
        if window is None:
            raise BadInputError("The page sent no window id. Reload it.")
        response = JSONResponse({"message": "ok"})
        self._cookie.write_plain(response, _STICKY_COOKIE, str(window))
        return response

    async def _take_file(self, request: Request) -> Response:
        upload = await read_upload(request)
        return JSONResponse({"id": str(self._shelf.put(acting(request).id, upload))})

    async def _give_feedback(self, request: Request) -> Response:
        feedback = (await _json(request)).get("feedback")
        if not isinstance(feedback, dict):
            raise BadInputError("The page sent no feedback. Reload it and try again.")
        frame, value = parse_uuid(feedback.get("forId")), feedback.get("value")
        comment = feedback.get("comment") or ""
        if frame is None or not isinstance(value, int) or value not in {0, 1} or not isinstance(comment, str):
            raise BadInputError("This feedback cannot be read. Reload the page and try again.")
        feedback_id = await self._parts.conversations.give_feedback(
            acting(request), run_id(frame), is_helpful=bool(value), comment=storable(comment)
        )
        return JSONResponse({"success": True, "feedbackId": str(feedback_id)})

    async def _take_feedback_back(self, request: Request) -> Response:
        feedback_id = parse_uuid((await _json(request)).get("feedbackId"))
        if feedback_id is None:
            raise NotFoundError("There is no such feedback, or it is not yours.")
        await self._parts.conversations.withdraw_feedback(acting(request), feedback_id)
        return JSONResponse({"success": True})

    async def _show_documents(self, request: Request) -> Response:
        person = acting(request)
        documents = await self._parts.documents.list_own(person)
        may_remove_shared = Role.ADMINISTRATOR in person.roles
        return render("documents.html", title="Documents", documents=documents, may_remove_shared=may_remove_shared)

    async def _remove_document(self, request: Request) -> Response:
        document_id: UUID = request.path_params["document_id"]
        await self._parts.documents.remove(acting(request), document_id)
        return RedirectResponse("/documents", 303)


async def _json(request: Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except (ValueError, RecursionError) as error:  # not JSON, not UTF-8, or nested too deeply
        raise BadInputError("The page sent something that cannot be read. Reload it and try again.") from error
    if not isinstance(body, dict):
        raise BadInputError("The page sent something that cannot be read. Reload it and try again.")
    return body
