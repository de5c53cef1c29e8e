"""What comes over a WebSocket before it is an event: broken or too deeply nested, it is refused in words."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

import engineio.json  # type: ignore[import-untyped]  # ships no types
import engineio.packet  # type: ignore[import-untyped]  # ships no types
from socketio import AsyncServer  # type: ignore[import-untyped]  # ships no types

from assistant.errors import where

_log = logging.getLogger(__name__)

UNREADABLE: Final = "The page sent something that cannot be read. Reload it and try again."


class ShallowJSON:
    """JSON as Socket.IO and Engine.IO use it; nesting that Python cannot follow counts as broken."""

    dumps = staticmethod(json.dumps)

    @staticmethod
    def loads(text: str) -> Any:
        """Return the value.

        Raises:
            ValueError: the text is no JSON, or nested too deeply.
        """
        try:
            return engineio.json.loads(text)
        except RecursionError:
            raise ValueError("nested too deeply") from None


def refuse_the_unreadable(sio: AsyncServer, refuse: Callable[[str, str], Awaitable[None]]) -> None:
    """Answer what cannot be read through `refuse(sid, words)`; the libraries would log a traceback or drop the window.

    Raises:
        RuntimeError: Socket.IO reads its messages in another way: it was upgraded, and somebody has to look.
    """
    read: Callable[[str, Any], Awaitable[None]] | None = sio.eio.handlers.get("message")
    if read is None:
        raise RuntimeError("Socket.IO does not listen to messages. Read how it does, then adapt socket_reading.py.")
    read_message = read

    async def handle(transport_sid: str, data: Any) -> None:
        try:
            await read_message(transport_sid, data)
        except Exception as error:  # noqa: BLE001 - a door: whatever a browser sends, the log gets one line
            _log.info("a window sent what cannot be read: %s", where(error))
            if sid := sio.manager.sid_from_eio_sid(transport_sid, "/"):
                await refuse(sid, UNREADABLE)

    sio.eio.handlers["message"] = handle
    sio.packet_class.json = ShallowJSON
    engineio.packet.Packet.json = ShallowJSON
