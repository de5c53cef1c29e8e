"""The command that adds files to the knowledge base: each becomes a job, and the page shows how far it is."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from uuid import UUID, uuid4

from assistant.conversation import Person
from assistant.errors import BadInputError, CloisterError
from assistant.jobs.job import Job, JobState
from assistant.web.chat.screen import Screen
from assistant.web.chat.steps import Line
from assistant.web.chat.uploads import Upload
from assistant.web.chat_parts import ChatParts


async def add_documents(uploads: Sequence[Upload], *, person: Person, parts: ChatParts, screen: Screen) -> None:
    """Queue each file and follow its job; leaving early leaves the jobs running.

    Raises:
        BadInputError: no file came with the command.
    """
    if not uploads:
        raise BadInputError("No file came with this. Attach a text, Markdown or code file, then send it again.")
    for upload in uploads:
        await _add(upload, person, parts, screen)


async def _add(upload: Upload, person: Person, parts: ChatParts, screen: Screen) -> None:
    line_id = uuid4()
    try:
        job = await parts.documents.add(person, upload.name, upload.data)
        await _follow(job.id, upload.name, line_id, person=person, parts=parts, screen=screen)
    except CloisterError as error:
        await screen.set_line(line_id, Line.TROUBLE, f"{upload.name} was not added. {error}")


async def _follow(job_id: UUID, name: str, line_id: UUID, *, person: Person, parts: ChatParts, screen: Screen) -> None:
    async with aclosing(parts.documents.watch(person, job_id)) as jobs:
        async for job in jobs:
            kind = Line.TROUBLE if job.state in {JobState.FAILED, JobState.CANCELLED} else Line.NOTICE
            await screen.set_line(line_id, kind, progress_words(job, name))


def progress_words(job: Job, name: str) -> str:
    """Say how far a job is, or how it ended."""
    match job.state:
        case JobState.QUEUED | JobState.RUNNING:
            return f"Adding {name} · {job.percent} % · {job.detail}"
        case JobState.DONE:
            return f"{name} is in the knowledge base. Answers can quote it from now on; only you find it."
        case JobState.FAILED | JobState.CANCELLED:
            return f"{name} was not added. {job.detail} (ref {job.reference})"
