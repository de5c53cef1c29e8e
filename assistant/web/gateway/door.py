"""The gateway: who asks, may they, what do they ask; the rest is `run_turn`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final
from uuid import UUID, uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from assistant.conversation import Turn
from assistant.errors import CloisterError, where
from assistant.identity.tokens import Holder, TokenRefusedError
from assistant.quotas.limits import Claim
from assistant.web.api_errors import API_PATH, api_error
from assistant.web.doors import PartState
from assistant.web.gateway.body import read_object
from assistant.web.gateway.chat_answer import ChatAnswer
from assistant.web.gateway.chat_request import ChatRequest, parse_chat_request
from assistant.web.gateway.code_answer import CodeAnswer, CompletionAnswer, FimAnswer, InfillAnswer
from assistant.web.gateway.completion_request import (
    CodeRequest,
    foreign_stops,
    parse_completion_request,
    parse_fim_request,
    parse_infill_request,
)
from assistant.web.gateway.embedding_request import EmbeddingRequest, parse_embedding_request
from assistant.web.gateway.models import Chosen, ModelList
from assistant.web.gateway.refusals import (
    WHO_ASKS,
    GatewayError,
    NoSuchModelError,
    UnreadableError,
    WrongModelError,
    balance_headers,
    refusal_of,
    unauthorized,
)
from assistant.web.gateway.sending import AnswerForm, AnswerResponse
from assistant.web.gateway.vector_answer import VectorAnswer
from assistant.web.gateway_parts import GatewayParts, TokenCheck
from connectors.model_hosts.values import Capability

_log = logging.getLogger(__name__)

DOOR: Final = "gateway"
CHAT: Final = "chat"  # the scope of its route
COMPLETIONS: Final = "completions"
EMBEDDINGS: Final = "embeddings"
_TRY_AGAIN: Final = {"retry-after": "1"}
_NOT_HERE: Final = (
    "Cloister's gateway has no such route. It answers GET /v1/models and POST /v1/chat/completions, "
    "/v1/completions, /v1/fim/completions, /v1/infill and /v1/embeddings; see docs/editors.md."
)
Handler = Callable[[Request], Awaitable[Response]]


class Gateway:
    """Answer requests of OpenAI's API; absent until the parts are there, as the chat is.

    Args:
        tokens: who asks.
        open_parts: what it is made of; awaited in the background after the first pages can be served.
    """

    def __init__(self, tokens: TokenCheck, open_parts: Callable[[], Awaitable[GatewayParts]]) -> None:
        self._tokens = tokens
        self._open_parts = open_parts
        self._parts: GatewayParts | None = None
        self._loading: asyncio.Task[None] | None = None
        self._failure = ""
        self._running: set[asyncio.Task[None]] = set()
        self._is_ending = False

    @property
    def state(self) -> PartState:
        """Say how far it is."""
        if self._failure:
            return PartState(is_ready=False, words="The gateway could not start; see the log.")
        is_ready = self._parts is not None
        return PartState(is_ready=is_ready, words="The gateway is ready." if is_ready else "The gateway is starting.")

    def start(self) -> None:
        """Begin to load; returns at once."""
        self._loading = asyncio.create_task(self._load(), name="load the gateway")

    async def stop(self) -> None:
        """End every running answer as interrupted; new ones are refused from now on."""
        self._is_ending = True
        if self._loading is not None:
            self._loading.cancel()
            await asyncio.wait((self._loading,))
        running = set(self._running)
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)

    def routes(self) -> Sequence[Route]:
        """Return the routes; every one asks for a token first."""
        asked_for = (
            ("/chat/completions", self._complete_chat),
            ("/completions", self._complete_code),
            ("/fim/completions", self._complete_between),
            ("/infill", self._fill_in),
            ("/embeddings", self._embed),
        )
        return [
            Route(API_PATH + "/models", self._told(self._list_models), methods=["GET"]),
            Route(API_PATH + "/models/{model_id:path}", self._told(self._show_model), methods=["GET"]),
            *(Route(API_PATH + path, self._told(handler), methods=["POST"]) for path, handler in asked_for),
        ]

    async def _load(self) -> None:
        try:
            self._parts = await self._open_parts()
        except Exception as error:  # noqa: BLE001 - the other doors stay open
            self._failure = type(error).__name__
            _log.error("the gateway could not start: %s", where(error))

    async def _list_models(self, request: Request) -> Response:
        holder = await self._holder(request)
        listed = ModelList(self._ready.personas, self._ready.hosts).of(holder)
        return JSONResponse({"object": "list", "data": [_shown(entry) for entry in listed]})

    async def _show_model(self, request: Request) -> Response:
        holder = await self._holder(request)
        return JSONResponse(_shown(await self._choose(request.path_params["model_id"], holder, self._ready)))

    async def _complete_chat(self, request: Request) -> Response:
        """Answer a conversation.

        1. The token is looked at before a byte of the body is read.
        2. The body is read whole and understood whole: what is not taken here is refused by name.
        3. Everything else is the turn's: role, size, guard, route, audit.
        """
        holder = await self._holder(request)  # 1
        await self._check_route(holder, CHAT)
        parts = self._ready
        asked = parse_chat_request(await read_object(request))  # 2
        chosen = await self._choose(asked.model, holder, parts, Capability.CHAT)
        await _check_stops(asked.stops, holder, parts)
        turn = _turn_of(asked, _bare_turn(chosen, holder, request.state.request_id))
        answer = ChatAnswer(
            turn.id, chosen.id, has_usage=asked.has_usage, has_tools=bool(asked.tools), has_chances=asked.logprobs
        )
        if asked.is_warming:
            return _empty(answer, is_stream=asked.stream)
        return self._answered(turn, answer, holder, parts, is_stream=asked.stream)  # 3

    async def _complete_code(self, request: Request) -> Response:
        """Complete code as OpenAI's clients ask for it."""
        return await self._fill(request, parse_completion_request, CompletionAnswer)

    async def _complete_between(self, request: Request) -> Response:
        """Complete code as Mistral's clients ask for it."""
        return await self._fill(request, parse_fim_request, FimAnswer)

    async def _fill_in(self, request: Request) -> Response:
        """Complete code as llama.cpp's clients ask for it."""
        return await self._fill(request, parse_infill_request, InfillAnswer)

    async def _fill(
        self, request: Request, parse: Callable[[Mapping[str, Any]], CodeRequest], form: type[CodeAnswer]
    ) -> Response:
        """Fill a gap in code, in the steps of `_complete_chat`."""
        holder = await self._holder(request)
        await self._check_route(holder, COMPLETIONS)
        parts = self._ready
        asked = parse(await read_object(request))
        chosen = await self._choose_filler(asked.model, holder, parts)
        await _check_stops(foreign_stops(asked), holder, parts)
        turn = _code_turn_of(asked, _bare_turn(chosen, holder, request.state.request_id))
        answer = form(turn.id, chosen.id, has_usage=asked.has_usage)
        if asked.is_warming:
            return _empty(answer, is_stream=asked.stream)
        return self._answered(turn, answer, holder, parts, is_stream=asked.stream)

    async def _embed(self, request: Request) -> Response:
        """Make vectors of texts, in the steps of `_complete_chat`."""
        holder = await self._holder(request)
        await self._check_route(holder, EMBEDDINGS)
        parts = self._ready
        asked = parse_embedding_request(await read_object(request))
        chosen = await self._choose(asked.model, holder, parts, Capability.EMBED)
        turn = _vector_turn_of(asked, _bare_turn(chosen, holder, request.state.request_id))
        answer = VectorAnswer(chosen.id, is_base64=asked.encoding_format == "base64")
        return self._answered(turn, answer, holder, parts, is_stream=False)

    def _answered(
        self, turn: Turn, answer: AnswerForm, holder: Holder, parts: GatewayParts, *, is_stream: bool
    ) -> AnswerResponse:
        """Return the response that runs a turn and gives it out in one of the forms that clients read."""
        return AnswerResponse(
            parts.answer(turn),
            answer,
            is_stream=is_stream,
            look=partial(self._balance, holder, turn.id),
            running=self._running,
        )

    async def _check_route(self, holder: Holder, route: str) -> None:
        if not holder.scopes.has_route(route):
            await self._tokens.note_refusal(holder, f"route:{route}")
            raise GatewayError(403, f"This token is not for this route. It needs the scope {route!r}.")

    async def _choose_filler(self, wanted: str, holder: Holder, parts: GatewayParts) -> Chosen:
        """Return what an id stands for, or the first persona that completes code where none was named."""
        if wanted:
            return await self._choose(wanted, holder, parts, Capability.FIM)
        listed = ModelList(parts.personas, parts.hosts).of(holder)
        chosen = next((entry for entry in listed if entry.persona.fim_model and not entry.model), None)
        if chosen is None:
            raise GatewayError(404, "This token may use no persona that completes code.", code="model_not_found")
        return chosen

    async def _choose(self, wanted: str, holder: Holder, parts: GatewayParts, use: Capability | None = None) -> Chosen:
        """Return what an id stands for; whoever may not use it is noted, and not each time that they ask on."""
        try:
            return ModelList(parts.personas, parts.hosts).choose(wanted, holder, use)
        except (NoSuchModelError, WrongModelError):
            await self._tokens.note_refusal(holder, "model")
            raise

    @property
    def _ready(self) -> GatewayParts:
        if self._parts is None or self._is_ending:
            words = "Cloister is ending." if self._is_ending else self.state.words
            raise GatewayError(503, words, code="unavailable", headers=_TRY_AGAIN)
        return self._parts

    async def _holder(self, request: Request) -> Holder:
        client = request.client.host if request.client else "unknown"
        holder = await self._tokens.holder(_token_of(request), client)
        request.state.holder = holder
        return holder

    async def _balance(self, holder: Holder, request_id: UUID) -> Mapping[str, str]:
        """Return what is left of a holder's limits, whatever they may ask for, as headers."""
        if self._parts is None:
            return {}
        claim = Claim(request_id, holder.person, DOOR, token_id=holder.token_id)
        return balance_headers(await self._parts.look(claim))

    def _told(self, handler: Handler) -> Handler:
        """Answer a refusal as this API says it, and tell whoever proved who they are what is left of their limits."""

        async def handle(request: Request) -> Response:
            try:
                response = await handler(request)
            except CloisterError as error:
                response = _refused(
                    unauthorized(str(error)) if isinstance(error, TokenRefusedError) else refusal_of(error), request
                )
            except GatewayError as error:
                response = _refused(error, request)
            holder: Holder | None = getattr(request.state, "holder", None)
            if holder is not None and not isinstance(response, AnswerResponse):
                response.headers.update(await self._balance(holder, request.state.request_id))
            return response

        return handle


def _token_of(request: Request) -> str:
    """Return the token that a request came with; a cookie is none, so no page can ask with somebody's session."""
    given = request.headers.getlist("authorization")
    if len(given) > 1:
        raise UnreadableError("The header Authorization stands twice. Send it once.")
    scheme, _, token = (given[0] if given else "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise unauthorized(WHO_ASKS)
    return token.strip()


async def _check_stops(stops: Sequence[str], holder: Holder, parts: GatewayParts) -> None:
    """Refuse a stop that the guard would change: it reaches the host, and masked it would stop at something else."""
    for stop in stops:
        verdict = await parts.check_apart(stop, holder.person)
        if verdict.is_blocked or verdict.text != stop:
            raise UnreadableError("stop holds what the guard does not let reach a model.", param="stop")


def _bare_turn(chosen: Chosen, holder: Holder, request_id: UUID) -> Turn:
    """Return a turn that asks nothing yet; it has the id of the request, so that one reference stands everywhere."""
    return Turn(
        id=request_id,
        thread_id=request_id,  # there is no thread: the turn stands for it in the log
        message_id=uuid4(),
        answer_id=uuid4(),
        person=holder.person,
        persona=chosen.persona.name,
        text="",
        door=DOOR,
        model=chosen.model,
        token_id=holder.token_id,
        is_interactive=False,  # whoever sits before an editor cannot be told from a script
    )


def _turn_of(asked: ChatRequest, bare: Turn) -> Turn:
    """Return the turn that answers."""
    return replace(
        bare,
        text=asked.text,
        context=asked.context,
        temperature=asked.temperature,
        max_answer_tokens=asked.longest_answer,
        wishes=asked.wishes,
        is_whole=not asked.stream,
    )


def _code_turn_of(asked: CodeRequest, bare: Turn) -> Turn:
    """Return the turn that fills a gap."""
    return replace(
        bare,
        gap=asked.gap,
        temperature=asked.temperature,
        max_answer_tokens=asked.longest,
        wishes=asked.wishes,
        is_whole=not asked.stream,
    )


def _empty(answer: AnswerForm, *, is_stream: bool) -> Response:
    """Return the empty answer to a request that only warms a server's cache: nobody is asked, nothing is kept."""
    if is_stream:
        return Response(b"".join(answer.ending()), media_type="text/event-stream")
    return Response(answer.whole(), media_type="application/json")


def _vector_turn_of(asked: EmbeddingRequest, bare: Turn) -> Turn:
    """Return the turn that makes vectors."""
    return replace(bare, inputs=asked.inputs)


def _shown(entry: Chosen) -> dict[str, object]:
    # `created` is asked for by clients and means nothing here.
    return {"id": entry.id, "object": "model", "created": 0, "owned_by": "cloister"}


def _refused(refusal: GatewayError, request: Request) -> Response:
    _log.info("refused %s (ref %s)", refusal.status, request.state.reference)
    return refusal.response(request.state.reference)


class NotHere:
    """Answer for every address of the API that is not built."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Say so, whoever asks."""
        reference = scope["state"]["reference"]
        await api_error(404, _NOT_HERE, reference, code="unknown_url")(scope, receive, send)
