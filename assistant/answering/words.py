"""What a person reads about a turn beside the guard's own words: details, the line below an answer, failures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields

from assistant.answering.attached import AttachedFile, split_message
from assistant.balance import QuotaError
from assistant.conversation import Turn
from assistant.errors import BadInputError, CloisterError, LethalPromptError, UnavailableError
from assistant.turn_events import Trouble
from connectors.errors import BusyError, ConnectorError, HostError, NoRouteError
from connectors.model_hosts.choosing.choice import spaced
from connectors.model_hosts.values import Route, Usage, most_tokens_of
from policies.explanation import Detail, details, summary
from policies.verdict import Verdict

_TITLE_CHARS = 60


def guard_detail(verdict: Verdict) -> Mapping[str, object]:
    """Return what stands behind 'why?', as JSON values; nothing in it can be turned back into a value."""
    return {
        "policy": verdict.policy_version,
        "guard": [asdict(detail) for detail in details(verdict)],
    }


def question_detail(verdict: Verdict, turn: Turn, *, task: str = "") -> Mapping[str, object]:
    """Return `guard_detail` with what came beside the typed text, so that a page can show them apart.

    Args:
        verdict: on the question.
        turn: the question.
        task: of its command, guarded, as it stands before the text.
    """
    beside = {"command": turn.command, "task": task, "files": len(turn.attachments)}
    return {**guard_detail(verdict), **{name: value for name, value in beside.items() if value}}


@dataclass(frozen=True, slots=True)
class Question:
    """A kept question in its parts: the command that was chosen, the typed text, the files that came along."""

    command: str
    text: str
    files: tuple[AttachedFile, ...] = ()


def question_of(text: str, detail: Mapping[str, object]) -> Question:
    """Take a kept question apart; all of it is text where nothing else was kept with it."""
    command, task, count = detail.get("command"), detail.get("task"), detail.get("files")
    typed, files = split_message(text, count if isinstance(count, int) else 0)
    if isinstance(task, str) and task and typed.startswith(task):
        typed = typed.removeprefix(task).removeprefix("\n\n")
    return Question(command if isinstance(command, str) else "", typed, files)


def held_back_of_detail(detail: Mapping[str, object]) -> list[Detail]:
    """Return the findings that the history keeps with a message; entries of another shape are left out."""
    entries = detail.get("guard")
    if not isinstance(entries, Sequence) or isinstance(entries, str):
        return []
    return [
        Detail(**{field.name: str(entry.get(field.name, "")) for field in fields(Detail)})
        for entry in entries
        if isinstance(entry, Mapping)
    ]


def policy_of_detail(detail: Mapping[str, object]) -> str:
    """Return the version of the policy that was in force; empty if it was not kept."""
    version = detail.get("policy")
    return version if isinstance(version, str) else ""


def answered_note(route: Route, seconds: float, usage: Usage | None, verdict: Verdict, reference: str) -> str:
    """Return the muted line below an answer: host, model, seconds, what was held back, reference."""
    served_by = dict.fromkeys((route.host, route.model))  # the quote host is its own model
    parts = [*served_by, f"{seconds:.1f} s"]
    if note := summary(verdict):
        parts.append(note)
    if usage is not None and usage.finish_reason == "length":
        parts.append("cut at the longest answer allowed")
    if usage is not None and usage.note:
        parts.append(usage.note)
    parts.append(f"logged {reference}")
    return " · ".join(parts)


def failure_words(error: Exception, reference: str) -> str:
    """Say what failed; only our own errors may speak for themselves, others could quote a text."""
    if isinstance(error, CloisterError | ConnectorError):
        return f"{error} (ref {reference})"
    return f"Something failed on our side. Try again, or tell your administrator (ref {reference})."


def trouble_of(error: Exception) -> Trouble:
    """Say of what kind a failure is."""
    if isinstance(error, BusyError):
        return Trouble.BUSY
    if isinstance(error, NoRouteError | HostError) and error.is_overlong:
        return Trouble.OVERLONG
    if isinstance(error, BadInputError | LethalPromptError) or (
        isinstance(error, NoRouteError | HostError) and error.is_unfit
    ):
        return Trouble.UNFIT
    if isinstance(error, QuotaError):
        return Trouble.LIMIT
    return Trouble.AWAY if isinstance(error, UnavailableError | ConnectorError) else Trouble.OURS


def compacted(left_out: int) -> str:
    """Say that the oldest messages of a conversation are not sent."""
    messages = "message was" if left_out == 1 else f"{left_out} messages were"
    return (
        f"The oldest {messages} left out: there is no room for the whole conversation, and the model does not see what "
        f"they said. Repeat what matters, or start a new conversation."
    )


def with_advice(refusal: NoRouteError, turn: Turn) -> NoRouteError:
    """Add to a refusal for want of room what takes it, and so what to drop; names of files are not repeated."""
    if not refusal.is_overlong:
        return refusal
    files = [(most_tokens_of(file.text), number) for number, file in enumerate(turn.attachments, start=1)]
    earlier = most_tokens_of("".join(said.text for said in turn.context.earlier)) if turn.context else 0
    typed = most_tokens_of(turn.text)
    tokens, number = max(files, default=(0, 0))
    if tokens >= max(typed, earlier) and tokens:
        which = f"file {number} of {len(files)}" if len(files) > 1 else "the file"
        advice = f"Leave out {which}, which takes about {spaced(tokens)} of them, or add it to the documents."
    elif earlier > typed:
        advice = f"Send fewer of the earlier messages, which take about {spaced(earlier)} of them."
    else:
        advice = f"The text alone takes about {spaced(typed)} of them."
    return NoRouteError(f"Nothing was sent. {refusal} {advice}", is_overlong=True)


def title_of_question(guarded_text: str, command: str) -> str:
    r"""Return the title of a thread that begins with this: the typed text, or the file that came without any.

    >>> title_of_question("File src/app.py:\n```\nx = 1\n```", "Review")
    'Review: src/app.py'
    """
    first = title_of(guarded_text)
    if first.startswith("File ") and first.endswith(":"):
        first = first.removeprefix("File ").removesuffix(":")
    return title_of(": ".join(filter(None, (command, first))))


def title_of(guarded_text: str) -> str:
    """Return the beginning of a guarded text as the title of its thread."""
    first_line = next((line.strip() for line in guarded_text.splitlines() if line.strip()), "")
    return first_line if len(first_line) <= _TITLE_CHARS else first_line[: _TITLE_CHARS - 1].rstrip() + "…"
