"""While an answer is being written, look again and again whether whoever reads it is still signed in."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from assistant.errors import where
from assistant.web.chat.live_answers import LiveAnswers
from assistant.web.doors import SignIn

_log = logging.getLogger(__name__)

_PAUSE_SECONDS: Final = 2.0  # so long somebody who was shut out goes on reading at most


class SessionWatch:
    """One task a process; it sleeps between looks and ends with the last running answer."""

    def __init__(
        self,
        identity: SignIn,
        answers: LiveAnswers,
        close_windows: Callable[[str], Awaitable[None]],
        *,
        pause_seconds: float = _PAUSE_SECONDS,
    ) -> None:
        self._identity = identity
        self._answers = answers
        self._close_windows = close_windows
        self._pause_seconds = pause_seconds
        self._task: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """Watch until no answer is running; does nothing while it watches already."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._watch(), name="watch over the sessions of running answers")

    def stop(self) -> None:
        """Watch no longer."""
        if self._task is not None:
            self._task.cancel()

    async def _watch(self) -> None:
        while self._answers.sessions():
            await asyncio.sleep(self._pause_seconds)
            for token in self._answers.sessions():
                await self._look(token)

    async def _look(self, token: str) -> None:
        try:
            if await self._identity.person_for_session(token) is None:
                await self._close_windows(token)
        except Exception as error:  # noqa: BLE001 - one look that failed must not end the watch; the next one comes soon
            _log.warning("a session could not be checked: %s", where(error))
