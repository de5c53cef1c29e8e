"""Whether the process lives, and whether each part of the product is ready."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from assistant.errors import UnavailableError
from assistant.web.doors import PartState, SignIn
from assistant.web.session_gate import SessionCookie


def health_routes(
    check_parts: Callable[[], Awaitable[Mapping[str, PartState]]],
    *,
    identity: SignIn,
    cookie: SessionCookie,
) -> APIRouter:
    """Return `/health/live` (the process answers) and `/health/ready` (every part does).

    Both are open, since probes sign in nowhere; names and addresses are told to whoever is signed in.
    """
    router = APIRouter(prefix="/health")

    @router.get("/live")
    async def live() -> JSONResponse:
        return JSONResponse({"status": "live"})

    @router.get("/ready")
    async def ready(request: Request) -> JSONResponse:
        parts = await check_parts()
        is_ready = all(part.is_ready for part in parts.values())
        is_known = await _is_signed_in(cookie.read(request.scope))
        body = {
            "status": "ready" if is_ready else "starting",
            "parts": {
                name: {"ready": part.is_ready, "words": (is_known and part.details) or part.words}
                for name, part in parts.items()
            },
        }
        return JSONResponse(body, 200 if is_ready else 503)

    async def _is_signed_in(token: str) -> bool:
        try:
            return bool(token) and await identity.person_for_session(token) is not None
        except UnavailableError:  # the database is down: then everybody is a stranger
            return False

    return router
