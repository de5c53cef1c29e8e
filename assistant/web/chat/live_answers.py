"""The answers in the making of one process: begun by a message, seen in a window, stopped by a person or at the end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final
from uuid import UUID, uuid4

from assistant.conversation import Attachment, Person, Turn, short_reference
from assistant.errors import BadInputError, CloisterError
from assistant.knowledge.decoding import decode_text
from assistant.web.chat.adding import add_documents
from assistant.web.chat.incoming import ADD_COMMAND, IncomingMessage, message_id, parse_message
from assistant.web.chat.screen import Screen, Window, tell_page
from assistant.web.chat.uploads import Upload, UploadShelf
from assistant.web.chat_parts import ChatParts

_log = logging.getLogger(__name__)

_STOPPED: Final = "Stopped. What had arrived is kept."
_STOPPING: Final = "Cloister is being restarted. What had arrived is kept; ask again in a minute."
_BUSY: Final = "An answer is still running in this conversation. Stop it, or wait for its end."


@dataclass(slots=True)
class _Running:
    """One exchange in the making."""

    person_id: UUID
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
        screen = Screen(window, message_id=shown_id, answer_id=answer_id)
        running = self._running[window.thread_id] = _Running(person.id, screen)

        async def work() -> None:
            message = parse_message(payload, max_chars=self._max_prompt_chars)
            uploads = self._shelf.take(person.id, message.file_ids)
            if message.command == ADD_COMMAND:
                await add_documents(uploads, person=person, parts=self._parts, screen=screen)
            else:
                turn = await self._build_turn(window, person, message, answer_id, uploads)
                await self._note_what_came(screen, message, uploads)
                await self._answer(turn, screen)

        running.task = asyncio.create_task(self._run(window.thread_id, running, work), name="answer")

    async def stop(self, window: Window, person: Person) -> None:
        """Stop the person's running answer in this window's conversation, if there is one."""
        running = self._running.get(window.thread_id)
        if running is not None and running.person_id == person.id and running.task is not None:
            running.task.cancel()

    async def follow(self, window: Window, person: Person) -> None:
        """Show a running answer in a window that was opened or came back meanwhile."""
        running = self._running.get(window.thread_id)
        if running is not None and running.person_id == person.id:
            await running.screen.move_to(window)

    async def stop_all(self) -> None:
        """Stop every answer, and wait until each is recorded as interrupted."""
        self._is_ending = True
        tasks = []
        for running in self._running.values():
            running.words_when_stopped = _STOPPING
            if running.task is not None:
                running.task.cancel()
                tasks.append(running.task)
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, thread_id: UUID, running: _Running, work: Callable[[], Awaitable[None]]) -> None:
        """Do the work of one message; whatever happens, the person reads words and the page is free again."""
        screen = running.screen
        try:
            await screen.begin()
            await work()
        except asyncio.CancelledError:
            await screen.stop(running.words_when_stopped)
        except CloisterError as error:
            await screen.refuse(str(error))
        except Exception:  # noqa: BLE001 - a door: whatever happens, the person reads words and a reference
            reference = short_reference(uuid4())
            _log.exception("an answer failed in the page (ref %s)", reference)
            await screen.refuse(
                f"Something failed on our side. Try again; if it stays, name the reference {reference}."
            )
        finally:
            del self._running[thread_id]
            await screen.end()

    async def _build_turn(
        self, window: Window, person: Person, message: IncomingMessage, answer_id: UUID, uploads: list[Upload]
    ) -> Turn:
        """Put a turn together.

        Raises:
            BadInputError: a file is not a text.
            NotAllowedError: the persona is not open to this person now.
        """
        persona = self._parts.personas.choose(window.persona, person)
        return Turn(
            id=uuid4(),
            thread_id=window.thread_id,
            message_id=message.id,
            answer_id=answer_id,
            person=person,
            persona=persona.name,
            text=message.text,
            attachments=tuple([await _read(upload) for upload in uploads]),
        )

    async def _note_what_came(self, screen: Screen, message: IncomingMessage, uploads: list[Upload]) -> None:
        if uploads:
            await screen.note_question("Attached: " + ", ".join(upload.name for upload in uploads))
        if message.replaced:
            await screen.note_question(
                f"{message.replaced} characters that cannot be stored were replaced by \N{REPLACEMENT CHARACTER}."
            )

    async def _answer(self, turn: Turn, screen: Screen) -> None:
        async with aclosing(self._parts.answer(turn)) as events:
            async for event in events:
                await screen.show(event)


async def _read(upload: Upload) -> Attachment:
    try:
        return Attachment(upload.name, await asyncio.to_thread(decode_text, upload.data))
    except BadInputError as error:
        raise BadInputError(f"{upload.name}: {error}") from error
