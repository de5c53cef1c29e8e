"""The answers in the making of one process: begun by a message, seen in a window, stopped by a person or at the end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final
from uuid import UUID, uuid4

from assistant.conversation import Message, MessageState, Person, Turn, short_reference
from assistant.errors import CloisterError, where
from assistant.web.chat.adding import add_documents
from assistant.web.chat.attaching import Attached, read_uploads
from assistant.web.chat.citations import cited_files, may_cite
from assistant.web.chat.incoming import ADD_COMMAND, IncomingMessage, message_id, parse_message
from assistant.web.chat.screen import Screen, Window, tell_page
from assistant.web.chat.uploads import UploadShelf
from assistant.web.chat_parts import ChatParts

_log = logging.getLogger(__name__)

_STOPPED: Final = "Stopped. What had arrived is kept."
_STOPPING: Final = "Cloister is being restarted. What had arrived is kept; ask again in a minute."
_ENDED: Final = frozenset({MessageState.COMPLETE, MessageState.BLOCKED})
_BUSY: Final = "An answer is still running in this conversation. Stop it, or wait for its end."


@dataclass(slots=True)
class _Running:
    """One exchange in the making."""

    person: Person
    answer_id: UUID
    screen: Screen
    task: asyncio.Task[None] | None = None
    words_when_stopped: str = _STOPPED


class LiveAnswers:
    """Take messages, run one turn at a time for each conversation, and let people stop or follow it."""

    def __init__(self, parts: ChatParts, shelf: UploadShelf, *, max_prompt_chars: int) -> None:
        self._parts = parts
        self._shelf = shelf
        self._max_prompt_chars = max_prompt_chars
        self._running: dict[UUID, _Running] = {}
        self._is_ending = False

    async def receive(self, window: Window, person: Person, payload: object) -> None:
        """Take what a browser sent as a message, and begin to answer it; returns at once."""
        if self._is_ending or window.thread_id in self._running:
            await tell_page(window, "refused", _STOPPING if self._is_ending else _BUSY)
            return
        shown_id, answer_id = message_id(payload) or uuid4(), uuid4()

        async def link(text: str) -> str:
            return await self._link(text, person, window.thread_id)

        screen = Screen(window, message_id=shown_id, answer_id=answer_id, link=link)
        running = self._running[window.thread_id] = _Running(person, answer_id, screen)

        async def work() -> None:
            persona = self._parts.personas.choose(window.persona, person)
            commands = {command.name for command in persona.commands}
            message = parse_message(payload, max_chars=self._max_prompt_chars, commands=commands)
            has_files = bool(message.file_ids)
            await screen.ask(message.text, author=str(person.id), command=message.command, has_files=has_files)
            uploads = self._shelf.take(person.id, message.file_ids)
            if message.command == ADD_COMMAND:
                await add_documents(uploads, person=person, parts=self._parts, screen=screen)
            else:
                attached = await read_uploads(uploads)
                await self._note_what_came(screen, message, attached)
                turn = Turn(
                    id=uuid4(),
                    thread_id=window.thread_id,
                    message_id=message.id,
                    answer_id=answer_id,
                    person=person,
                    persona=persona.name,
                    text=message.text,
                    command=message.command,
                    attachments=attached.files,
                )
                await self._answer(turn, screen)

        running.task = asyncio.create_task(self._run(window.thread_id, running, work), name="answer")

    async def stop(self, window: Window, person: Person) -> None:
        """Stop the person's running answer in this window's conversation, if there is one."""
        if running := self._own(window.thread_id, person):
            _cancel(running)

    async def stop_and_wait(self, thread_id: UUID, person: Person) -> None:
        """Stop the person's running answer in a conversation, if there is one, and wait until that is recorded."""
        running = self._own(thread_id, person)
        if running is not None and running.task is not None:
            _cancel(running)
            await asyncio.wait((running.task,))

    def stop_session(self, token: str) -> None:
        """Stop every answer that is being read under this session; returns at once."""
        for running in self._running.values():
            if running.screen.session == token:
                _cancel(running)

    def sessions(self) -> frozenset[str]:
        """Return the sessions under which running answers are being read."""
        return frozenset(running.screen.session for running in self._running.values())

    def progress(self, window: Window, person: Person) -> tuple[UUID, bool] | None:
        """Return which answer is being made in a window's conversation, and whether its question is stored."""
        running = self._own(window.thread_id, person)
        return (running.answer_id, running.screen.is_stored) if running is not None else None

    async def follow(self, window: Window, person: Person) -> None:
        """Show a running answer, if there is one, in a window that was opened or came back meanwhile."""
        if running := self._own(window.thread_id, person):
            await running.screen.move_to(window)

    async def stop_all(self) -> None:
        """Stop every answer, and wait until each is recorded as interrupted."""
        self._is_ending = True
        tasks = []
        for running in self._running.values():
            running.words_when_stopped = _STOPPING
            _cancel(running)
            if running.task is not None:
                tasks.append(running.task)
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, thread_id: UUID, running: _Running, work: Callable[[], Awaitable[None]]) -> None:
        """Do the work of one message; whatever happens, the person reads words and the page is free again."""
        screen = running.screen
        try:
            await screen.begin()
            await work()
        except asyncio.CancelledError:
            await self._show_stopped(thread_id, running)
        except CloisterError as error:
            reference = short_reference(uuid4())
            _log.info("a request was refused: %s (ref %s)", type(error).__name__, reference)
            await screen.refuse(f"{error} (ref {reference})")
        except Exception as error:  # noqa: BLE001 - a door: whatever happens, the person reads words and a reference
            reference = short_reference(uuid4())
            _log.error("an answer failed in the page: %s (ref %s)", where(error), reference)
            await screen.refuse(
                f"Something failed on our side. Try again; if it stays, name the reference {reference}."
            )
        finally:
            del self._running[thread_id]
            await screen.end()

    async def _show_stopped(self, thread_id: UUID, running: _Running) -> None:
        """Say what the record says: a Stop that comes while the end is being written is too late."""
        recorded = await self._recorded(thread_id, running)
        if recorded is not None and recorded.state in _ENDED:
            await running.screen.show_recorded(recorded)
        else:
            await running.screen.stop(running.words_when_stopped)

    async def _recorded(self, thread_id: UUID, running: _Running) -> Message | None:
        try:
            stored = await self._parts.conversations.messages(running.person, thread_id)
        except Exception as error:  # noqa: BLE001 - stopped while nothing was stored yet, or the database is away
            _log.info("how a stopped answer was recorded could not be read: %s", where(error))
            return None
        return next((entry.message for entry in stored if entry.message.id == running.answer_id), None)

    async def _link(self, text: str, person: Person, thread_id: UUID) -> str:
        """Let an answer's names of lines lead to them; without the history they stay text."""
        if not may_cite(text):
            return text
        try:
            stored = await self._parts.conversations.messages(person, thread_id)
        except Exception as error:  # noqa: BLE001 - the answer stands, and after a reload its lines open
            _log.info("the files of a conversation could not be read: %s", where(error))
            return text
        return await asyncio.to_thread(lambda: cited_files(stored).link(text))

    def _own(self, thread_id: UUID, person: Person) -> _Running | None:
        running = self._running.get(thread_id)
        return running if running is not None and running.person.id == person.id else None

    async def _note_what_came(self, screen: Screen, message: IncomingMessage, attached: Attached) -> None:
        if attached.files:
            await screen.note_files([file.name for file in attached.files])
        for note in attached.notes:
            await screen.note_question(note)
        if message.replaced:
            await screen.note_question(
                f"{message.replaced} characters that cannot be stored were replaced by \N{REPLACEMENT CHARACTER}."
            )

    async def _answer(self, turn: Turn, screen: Screen) -> None:
        async with aclosing(self._parts.answer(turn)) as events:
            async for event in events:
                await screen.show(event)


def _cancel(running: _Running) -> None:
    """Cancel once: a second time would cut off what the first one makes durable."""
    if running.task is not None and not running.task.cancelling():
        running.task.cancel()
