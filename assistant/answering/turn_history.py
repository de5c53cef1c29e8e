"""The history as a turn writes it: the port, a sign of life while an answer is in the making, and the end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Protocol
from uuid import UUID

from assistant.conversation import MessageState, Person, Thread, Turn
from assistant.errors import UnavailableError, where
from assistant.history.values import Remembered

_log = logging.getLogger(__name__)

_FINISH_PAUSES_SECONDS = (0.1, 0.5, 2.0, 5.0)  # a restart of Postgres takes less
_HEARTBEAT_SECONDS = 2.0  # at most this much of an answer is lost to a crash


class TurnHistory(Protocol):
    """The history as a turn writes it; guarded text only."""

    async def open_thread(self, person: Person, thread_id: UUID, persona: str, title: str) -> Thread:
        """Return the person's own thread, created if its id is free."""

    async def conversation(self, person: Person, thread_id: UUID, *, excluding_turn: UUID | None = None) -> Remembered:
        """Return the latest turns that were answered in full, in order, and how many messages came before."""

    async def start_turn(
        self,
        turn: Turn,
        guarded_text: str,
        *,
        note: str = "",
        detail: Mapping[str, object] = ...,
        title: str = "",
        state: MessageState = MessageState.COMPLETE,
    ) -> None:
        """Store the person's message, an empty answer and the running turn, all or nothing."""

    async def save_partial(self, turn: Turn, text: str) -> None:
        """Store the guarded answer so far, and a sign of life."""

    async def keep_alive(self, turn: Turn) -> None:
        """Give a sign of life while there is nothing to store."""

    async def finish_turn(
        self, turn: Turn, text: str, state: MessageState, *, note: str = "", detail: Mapping[str, object] = ...
    ) -> None:
        """Store the whole guarded answer and how the turn ended, all or nothing."""


@asynccontextmanager
async def kept_alive(history: TurnHistory, turn: Turn, text: Callable[[], str]) -> AsyncIterator[None]:
    """Keep a checkpoint of an answer and give signs of life until the block ends.

    Args:
        history: where they are kept.
        turn: whose answer is in the making.
        text: tells the guarded answer so far.
    """
    beating = asyncio.create_task(_beat(history, turn, text), name=f"heartbeat of turn {turn.reference}")
    try:
        yield
    finally:
        beating.cancel()
        await asyncio.wait({beating})


async def finish_patiently(
    history: TurnHistory, turn: Turn, text: str, state: MessageState, *, note: str, detail: Mapping[str, object]
) -> None:
    """Write the end of a turn, again and again while the history is away.

    If it stays away, recovery marks the message from its last checkpoint, which is the whole text, and the log then
    holds an interruption beside the end that was written here.
    """
    for pause_seconds in _FINISH_PAUSES_SECONDS:
        try:
            await history.finish_turn(turn, text, state, note=note, detail=detail)
        except UnavailableError:
            await asyncio.sleep(pause_seconds)
        else:
            return
    _log.error("the end of turn %s is not in the history", turn.reference)


async def _beat(history: TurnHistory, turn: Turn, text: Callable[[], str]) -> None:
    saved = ""
    while True:
        await asyncio.sleep(_HEARTBEAT_SECONDS)
        try:
            said = text()
            if said == saved:
                await history.keep_alive(turn)
            else:
                await history.save_partial(turn, said)
                saved = said
        except Exception as error:  # noqa: BLE001 - the next beat tries again; the end of the turn decides
            _log.warning("no checkpoint of turn %s: %s", turn.reference, where(error))
