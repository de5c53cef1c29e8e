"""Chainlit's data layer over our history: it reads and renames. `run_turn` alone writes messages."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn, cast
from uuid import UUID

from chainlit.data.base import BaseDataLayer
from chainlit.element import Element, ElementDict
from chainlit.step import StepDict
from chainlit.types import Feedback, PageInfo, PaginatedResponse, Pagination, ThreadDict, ThreadFilter
from chainlit.user import PersistedUser, User
from fastapi import HTTPException

from assistant.conversation import Person, Thread
from assistant.errors import CloisterError, NotFoundError
from assistant.history.storable import storable
from assistant.web.chat.acting import acting_person, require_person
from assistant.web.chat.incoming import parse_uuid
from assistant.web.chat.steps import UNTITLED, Step, steps_of_thread
from assistant.web.chat_parts import ChatParts
from assistant.web.hardening import http_status


class OwnThreads(BaseDataLayer):
    """Show the acting person their own threads, whatever ids and filters the page sends."""

    def __init__(self, parts: ChatParts, *, stop_answer: Callable[[UUID, Person], Awaitable[None]]) -> None:
        self._parts = parts
        self._stop_answer = stop_answer

    async def get_user(self, identifier: str) -> PersistedUser | None:
        """Return the acting person as Chainlit knows people: by their id, with nothing else."""
        person = acting_person.get()
        if person is None or identifier != str(person.id):
            return None
        return PersistedUser(id=identifier, identifier=identifier, display_name=person.name, metadata={}, createdAt="")

    async def create_user(self, user: User) -> PersistedUser | None:
        """Create nobody: people come from our identity."""
        return await self.get_user(user.identifier)

    async def get_thread_author(self, thread_id: str) -> str:
        """Return the acting person's id if the thread is theirs; foreign and missing ones have no author."""
        person = require_person()
        thread = await self._own_thread(person, thread_id)
        return str(person.id) if thread else ""

    async def list_threads(self, pagination: Pagination, filters: ThreadFilter) -> PaginatedResponse[ThreadDict]:
        """Return a page of the acting person's threads."""
        person = require_person()
        with _http_words():
            page = await self._parts.conversations.threads(
                person,
                limit=max(1, min(pagination.first, 100)),
                before=pagination.cursor or "",
                search=storable(filters.search or ""),
            )
        return PaginatedResponse(
            pageInfo=PageInfo(hasNextPage=bool(page.cursor), startCursor=None, endCursor=page.cursor or None),
            data=[_thread_dict(thread, person, []) for thread in page.threads],
        )

    async def get_thread(self, thread_id: str) -> ThreadDict | None:
        """Return a thread as it looked while it was written; None if it is not the acting person's."""
        person = acting_person.get()
        thread = await self._own_thread(person, thread_id) if person else None
        if person is None or thread is None:
            return None
        stored = await self._parts.conversations.messages(person, thread.id)
        reported = await self._parts.review.reported(person, thread.id)
        steps = await asyncio.to_thread(steps_of_thread, stored, owner=str(person.id), reported=reported)
        return _thread_dict(thread, person, steps)

    async def update_thread(
        self,
        thread_id: str,
        name: str | None = None,
        user_id: str | None = None,  # noqa: ARG002 - Chainlit's signature
        metadata: dict[str, Any] | None = None,  # noqa: ARG002 - would persist whatever lies in the session
        tags: list[str] | None = None,  # noqa: ARG002 - not used
    ) -> None:
        """Rename a thread, and nothing else; the name is guarded first."""
        if name is None:
            return
        person = require_person()
        with _http_words():
            await self._parts.conversations.rename_thread(person, _thread_id(thread_id), storable(name))

    async def delete_thread(self, thread_id: str) -> None:
        """Delete a thread; an answer that is running in it ends first, and the audit log says so."""
        person = require_person()
        with _http_words():
            thread = await self._parts.conversations.thread(person, _thread_id(thread_id))
            await self._stop_answer(thread.id, person)
            await self._parts.conversations.delete_thread(person, thread.id)

    async def create_step(self, step_dict: StepDict) -> None:
        """Write nothing: the turn wrote it, redacted."""

    async def update_step(self, step_dict: StepDict) -> None:
        """Write nothing: the turn wrote it, redacted."""

    async def delete_step(self, step_id: str) -> None:
        """Delete nothing: what was said stays said."""

    async def create_element(self, element: Element) -> None:
        """Write nothing: files belong to the turn or to the knowledge base."""

    async def get_element(self, thread_id: str, element_id: str) -> ElementDict | None:  # noqa: ARG002 - there are none
        """Return nothing: no element is kept."""
        return None

    async def delete_element(self, element_id: str, thread_id: str | None = None) -> None:
        """Delete nothing: no element is kept."""

    async def upsert_feedback(self, feedback: Feedback) -> NoReturn:
        """Refuse: Chainlit's route does not say who gives it; ours does (see own_routes.py)."""
        raise NotImplementedError("Feedback goes through own_routes.py.")

    async def delete_feedback(self, feedback_id: str) -> NoReturn:
        """Refuse: see upsert_feedback."""
        raise NotImplementedError("Feedback goes through own_routes.py.")

    async def get_favorite_steps(self, user_id: str) -> list[StepDict]:  # noqa: ARG002 - there are none
        """Return nothing: favourites are switched off."""
        return []

    async def build_debug_url(self) -> str:
        """Return nothing: there is no outside debugger."""
        return ""

    async def close(self) -> None:
        """Close nothing: the parts belong to the process."""

    async def _own_thread(self, person: Person, thread_id: str) -> Thread | None:
        own = parse_uuid(thread_id)
        if own is None:
            return None
        try:
            return await self._parts.conversations.thread(person, own)
        except NotFoundError:
            return None


def _thread_id(said: str) -> UUID:
    thread_id = parse_uuid(said)
    if thread_id is None:
        raise NotFoundError("There is no such conversation, or it is not yours.")
    return thread_id


def _thread_dict(thread: Thread, person: Person, steps: list[Step]) -> ThreadDict:
    return {
        "id": str(thread.id),
        "createdAt": thread.updated_at.isoformat(),  # what the page sorts and groups by
        "name": thread.title or UNTITLED,
        "userId": str(person.id),
        "userIdentifier": str(person.id),
        "tags": [],
        "metadata": {"chat_profile": thread.persona},
        "steps": cast("list[StepDict]", steps),
        "elements": [],
    }


@contextmanager
def _http_words() -> Iterator[None]:
    """Turn our refusals into Chainlit's: it answers anything else with 500 and no words."""
    try:
        yield
    except CloisterError as error:
        raise HTTPException(http_status(error), str(error)) from error
