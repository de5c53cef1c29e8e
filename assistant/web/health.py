"""Whether the process lives, and whether each part of the product is ready."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from fastapi import APIRouter
from starlette.responses import JSONResponse

from assistant.web.chat_door import ChatDoor
from assistant.web.doors import PartState


def health_routes(check_parts: Callable[[], Awaitable[Mapping[str, PartState]]], chat: ChatDoor) -> APIRouter:
    """Return `/health/live` (the process answers) and `/health/ready` (every part does)."""
    router = APIRouter(prefix="/health")

    @router.get("/live")
    async def live() -> JSONResponse:
        return JSONResponse({"status": "live"})

    @router.get("/ready")
    async def ready() -> JSONResponse:
        parts = {**await check_parts(), "chat": chat.state}
        is_ready = all(part.is_ready for part in parts.values())
        body = {
            "status": "ready" if is_ready else "starting",
            "parts": {name: {"ready": part.is_ready, "words": part.words} for name, part in parts.items()},
        }
        return JSONResponse(body, 200 if is_ready else 503)

    return router
