"""Messages and quiet lines as Chainlit's page draws them; the same for an answer in the making and for the history.

A person's message holds the lines about it and a run; the run holds the answer, which holds its muted line. The page
shows thumbs only for answers inside a run.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Final
from uuid import UUID, uuid4, uuid5

from assistant.answering.words import Question, held_back_of_detail, question_of
from assistant.conversation import Author, Message, MessageState
from assistant.history.values import Feedback, StoredMessage
from assistant.web.chat.citations import CitedFiles
from assistant.web.wrong import wrong_path
from policies.explanation import Detail

Step = dict[str, Any]
"""Chainlit's StepDict, which its page reads as JSON."""

Reported = AbstractSet[tuple[UUID, int]]
"""Findings that a person reported: message, and place among what was held back in it."""

_NOTHING: Final[Reported] = frozenset()
_NAMED_FILES: Final = 5  # of a folder, in the line that says what came
UNTITLED: Final = "Untitled"  # a conversation whose first message has no text
_RUN: Final = "on_message"  # the page treats a step of this name as the frame of one answer
_RUN_MASK: Final = 0x5A5A5A5A_00000000_00000000_5A5A5A5A  # keeps version and variant of the id


class Line(Enum):
    """A quiet line, by its step type (which chat.css colours) and its icon."""

    GUARD = ("tool", "shield")
    BLOCKED = ("retrieval", "shield-alert")
    WAITING = ("rerank", "loader")
    ATTACHED = ("undefined", "paperclip")
    NOTICE = ("undefined", "info")
    THINKING = ("undefined", "brain")  # what a model wrote: no type whose links can report
    TROUBLE = ("embedding", "circle-alert")
    MUTED = ("llm", "")


_ONE_EACH: Final = frozenset(
    {Line.ATTACHED, Line.GUARD, Line.BLOCKED, Line.TROUBLE, Line.MUTED}
)  # at most one below a step

_LAST_WORDS: Final = {
    MessageState.INTERRUPTED: (Line.TROUBLE, "This answer was interrupted. What had arrived is kept."),
    MessageState.BLOCKED: (Line.BLOCKED, "The guard stopped this answer."),
}


def run_id(answer_id: UUID) -> UUID:
    """Return the id of the run around an answer, or of the answer in a run: the page gives feedback to runs."""
    return UUID(int=answer_id.int ^ _RUN_MASK)


def user_message(
    message_id: UUID, thread_id: UUID, text: str, *, author: str, command: str = "", at: datetime | None = None
) -> Step:
    """Return what the person wrote, under the command that was chosen."""
    step = _step(message_id, thread_id, "user_message", author, output=text, at=at)
    return step | {"command": command} if command else step


def attached_words(names: Sequence[str]) -> str:
    """Say which files came with a message; of many, how many more.

    >>> attached_words(["a", "b", "c", "d", "e", "f", "g"])
    'Attached: a, b, c, d, e and 2 more files'
    """
    more = len(names) - _NAMED_FILES
    if more <= 0:
        return "Attached: " + ", ".join(names)
    return f"Attached: {', '.join(names[:_NAMED_FILES])} and {more} more file{'s' if more > 1 else ''}"


def run(answer_id: UUID, thread_id: UUID, message_id: UUID, *, is_over: bool, feedback: Feedback | None = None) -> Step:
    """Return the frame around an answer; while it is not over, the page shows that something is coming."""
    step = _step(run_id(answer_id), thread_id, "run", _RUN, parent=message_id)
    step["start"] = step["createdAt"]
    step["end"] = step["createdAt"] if is_over else None
    if feedback is not None:
        step["feedback"] = {
            "id": str(feedback.id),
            "forId": step["id"],
            "value": feedback.value,
            "comment": feedback.comment or None,
        }
    return step


def answer(answer_id: UUID, thread_id: UUID, text: str, *, is_streaming: bool, at: datetime | None = None) -> Step:
    """Return an answer, whole or so far."""
    step = _step(answer_id, thread_id, "assistant_message", "Cloister", parent=run_id(answer_id), output=text, at=at)
    step["streaming"] = is_streaming
    return step


def line(
    kind: Line, words: str, *, thread_id: UUID, parent: UUID, detail: str = "", line_id: UUID | None = None
) -> Step:
    """Return a quiet line; with a detail it opens.

    A line that the history shows too has the same id there: a page that was reloaded in mid-answer gets both, and
    must take them for one.
    """
    if line_id is None:
        line_id = uuid5(parent, kind.name) if kind in _ONE_EACH else uuid4()
    step_type, icon = kind.value
    name = f"{words} why?" if detail and words.endswith(".") else f"{words} · why?" if detail else words
    step = _step(line_id, thread_id, step_type, name, parent=parent, output=detail)
    step["start"] = step["end"] = step["createdAt"]
    step["metadata"] = {"icon": icon} if icon else {}
    return step


def steps_of_thread(stored: Iterable[StoredMessage], *, owner: str, reported: Reported = _NOTHING) -> list[Step]:
    """Return a thread as it looked while it was written, and what its owner reported since."""
    steps: list[Step] = []
    cited = CitedFiles()
    questions: dict[UUID, StoredMessage] = {}  # of each turn
    for entry in stored:
        message = entry.message
        if message.author is Author.USER:
            questions[message.turn_id] = entry
            asked = question_of(message.text, entry.detail)
            cited.add(message.id, asked.files)
            steps += _question_steps(entry, asked, owner, reported)
        elif message.turn_id in questions:
            steps += _answer_steps(entry, questions[message.turn_id], cited, reported)
    return steps


def _question_steps(entry: StoredMessage, asked: Question, owner: str, reported: Reported) -> list[Step]:
    message = entry.message
    steps = [
        user_message(
            message.id, message.thread_id, asked.text, author=owner, command=asked.command, at=message.created_at
        )
    ]
    if asked.files:
        words = attached_words([file.name for file in asked.files])
        steps.append(line(Line.ATTACHED, words, thread_id=message.thread_id, parent=message.id))
    if message.note and message.state is not MessageState.BLOCKED:
        detail = _why_stored(entry, reported)
        steps.append(line(Line.GUARD, message.note, thread_id=message.thread_id, parent=message.id, detail=detail))
    return steps


def _answer_steps(entry: StoredMessage, question: StoredMessage, cited: CitedFiles, reported: Reported) -> list[Step]:
    message = entry.message
    if question.message.state is MessageState.BLOCKED:  # nothing was asked: the answer's text is the reason
        detail = _why_stored(question, reported)
        return [_below(question.message.id, Line.BLOCKED, message.text or message.note, message, detail)]
    is_over = message.state is not MessageState.STREAMING
    steps = [run(message.id, message.thread_id, question.message.id, is_over=is_over, feedback=entry.feedback)]
    if message.text:
        text = cited.link(message.text) if cited and is_over else message.text
        steps.append(answer(message.id, message.thread_id, text, is_streaming=False, at=message.created_at))
    kind, words = _LAST_WORDS.get(message.state, (Line.MUTED, ""))
    if message.note or words:
        parent = message.id if message.text else run_id(message.id)
        steps.append(_below(parent, kind, message.note or words, message, _why_stored(entry, reported)))
    return steps


def _why_stored(entry: StoredMessage, reported: Reported) -> str:
    return why(held_back_of_detail(entry.detail), entry.message.id, reported=reported)


def _below(parent: UUID, kind: Line, words: str, message: Message, detail: str) -> Step:
    return line(kind, words, thread_id=message.thread_id, parent=parent, detail=detail)


def why(found: Sequence[Detail], message_id: UUID, *, reported: Reported = _NOTHING) -> str:
    """Return the table behind 'why?' as Markdown; empty if there is nothing to say.

    Args:
        found: what was held back.
        message_id: in which message; each of its findings can be reported there.
        reported: what the person reported before.
    """
    if not found:
        return ""
    head = "| What | Found | The model saw | What to do | |\n|---|---|---|---|---|\n"
    body = "".join(
        f"| {literal(one.label)} | {_code(one.masked)} | {_code(one.instead) or 'nothing'} | {literal(one.advice)} "
        f"| {_wrong(message_id, number, is_reported=(message_id, number) in reported)} |\n"
        for number, one in enumerate(found)
    )
    rules = ", ".join(dict.fromkeys(_code(one.rule) for one in found if one.rule))
    return f"{head}{body}\nRules of your company: {rules}."


def _wrong(message_id: UUID, number: int, *, is_reported: bool) -> str:
    """Return the way to report a finding; chat.js turns it into a press of a button."""
    return f"[{'Reported' if is_reported else 'This is wrong'}]({wrong_path(message_id, number)})"


def literal(text: str) -> str:
    """Return text that Markdown takes literally, also inside a table."""
    flat = " ".join(text.split())
    return "".join(f"\\{letter}" if letter in "\\`*_{}[]()<>#+-.!|~:@&" else letter for letter in flat)


def _code(text: str) -> str:
    """Return text as code inside a table; what would end the code or the cell is replaced."""
    flat = " ".join(text.split()).replace("`", "\u02b9").replace("|", "\u00a6")
    return f"`{flat}`" if flat else ""


def _step(
    step_id: UUID,
    thread_id: UUID,
    step_type: str,
    name: str,
    *,
    parent: UUID | None = None,
    output: str = "",
    at: datetime | None = None,
) -> Step:
    return {
        "id": str(step_id),
        "threadId": str(thread_id),
        "parentId": str(parent) if parent else None,
        "type": step_type,
        "name": name,
        "input": "",
        "output": output,
        "createdAt": (at or datetime.now(UTC)).isoformat(),
        "start": None,
        "end": None,
        "streaming": False,
        "isError": False,
        "metadata": {},
    }
