"""Documents that answers can quote: a person adds, follows, lists and removes them; the audit log says so."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from uuid import UUID

from assistant.audit.events import DocumentAdded, DocumentRemoved, JobCancelled, JobEnqueued, JobFailed, JobFinished
from assistant.audit.log import AuditLog
from assistant.conversation import Person
from assistant.errors import NotFoundError
from assistant.jobs.declared import INDEX_UPLOAD
from assistant.jobs.job import Job, JobState
from assistant.jobs.queue import Jobs
from assistant.knowledge.document import Document
from assistant.knowledge.knowledge import Knowledge


class Documents:
    """The documents of whoever asks; what is foreign looks missing (NotFoundError)."""

    def __init__(self, knowledge: Knowledge, jobs: Jobs, audit: AuditLog) -> None:
        self._knowledge = knowledge
        self._jobs = jobs
        self._audit = audit

    async def add(self, person: Person, name: str, data: bytes, *, is_shared: bool = False) -> Job:
        """Seal a file and queue its indexing; follow the job with `watch`.

        Raises:
            BadInputError: the file is too large, empty or not a text, or the person has too many open jobs.
            NotAllowedError: only an administrator shares a document with everybody.
        """
        await self._jobs.refuse_flood(person)
        upload_id = await self._knowledge.accept_upload(person, name, data, is_shared=is_shared)
        await self._audit.append(
            DocumentAdded(actor=person.id, document_id=upload_id, source="upload", size_bytes=len(data))
        )
        job = await self._jobs.enqueue(INDEX_UPLOAD, person=person, payload={"upload": upload_id})
        await self._audit.append(JobEnqueued(actor=person.id, job_id=job.id, task=job.task))
        return job

    def watch(self, person: Person, job_id: UUID) -> AsyncGenerator[Job, None]:
        """Yield the person's own job whenever it changed, until it ended; leaving early leaves the job running."""
        return self._jobs.watch(person, job_id)

    async def list_own(self, person: Person) -> list[Document]:
        """Return what the person can ask about and added themselves, newest first."""
        return await self._knowledge.documents(person)

    async def remove(self, person: Person, document_id: UUID) -> None:
        """Remove a document that the person added, with its passages.

        Raises:
            NotFoundError: there is none, or it is somebody else's.
        """
        if document_id not in {document.id for document in await self._knowledge.documents(person)}:
            raise NotFoundError("There is no such document, or it is not yours to remove.")
        await self._audit.append(DocumentRemoved(actor=person.id, document_id=document_id))
        await self._knowledge.remove_document(person, document_id)


async def note_ended_jobs(jobs: Jobs, audit: AuditLog) -> int:
    """Write the ends of jobs to the audit log, whoever ended them, and return how many.

    A crash in between notes an end twice and never leaves one out.

    Raises:
        AuditUnavailableError: the log cannot be written; a later call notes what is left.
    """
    ended = await jobs.ended_unnoted()
    for job in ended:
        await audit.append(_end_of(job))
        await jobs.confirm_noted(job.id)
    return len(ended)


def _end_of(job: Job) -> JobFinished | JobFailed | JobCancelled:
    if job.state is JobState.CANCELLED:
        return JobCancelled(actor=job.person_id, job_id=job.id, task=job.task)
    if job.state is JobState.FAILED:
        return JobFailed(actor=job.person_id, job_id=job.id, task=job.task, attempts=job.attempts)
    started, finished = job.started_at, job.finished_at
    took = round((finished - started).total_seconds() * 1000) if started and finished else None
    return JobFinished(
        actor=job.person_id, job_id=job.id, task=job.task, attempts=job.attempts, total_milliseconds=took
    )
