"""What a person reads about a turn beside the guard's own words: details, the line below an answer, failures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields

from assistant.errors import BadInputError, CloisterError, UnavailableError
from assistant.turn_events import Trouble
from connectors.errors import ConnectorError, NoRouteError
from connectors.model_hosts.values import Route, Usage
from policies.explanation import Detail, details, summary
from policies.verdict import Verdict

_TITLE_CHARS = 60


def guard_detail(verdict: Verdict) -> Mapping[str, object]:
    """Return what stands behind 'why?', as JSON values; nothing in it can be turned back into a value."""
    return {
        "policy": verdict.policy_version,
        "guard": [asdict(detail) for detail in details(verdict)],
    }


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
    if isinstance(error, NoRouteError) and error.is_overlong:
        return Trouble.OVERLONG
    if isinstance(error, BadInputError) or (isinstance(error, NoRouteError) and error.is_unfit):
        return Trouble.UNFIT
    return Trouble.AWAY if isinstance(error, UnavailableError | ConnectorError) else Trouble.OURS


def title_of(guarded_text: str) -> str:
    """Return the beginning of a guarded text as the title of its thread."""
    first_line = next((line.strip() for line in guarded_text.splitlines() if line.strip()), "")
    return first_line if len(first_line) <= _TITLE_CHARS else first_line[: _TITLE_CHARS - 1].rstrip() + "…"
