"""What a person reads about a turn: quiet lines, reasons for a block, words for a failure."""

from __future__ import annotations

from collections.abc import Mapping

from assistant.errors import CloisterError
from connectors.errors import ConnectorError
from connectors.model_hosts.values import Route, Usage
from policies.verdict import Action, Decision, Verdict

_TITLE_CHARS = 60


def guard_note(verdict: Verdict) -> str:
    """Return the quiet line under a message, such as `2 values held back · AWS access key, e-mail`; empty for none."""
    held_back = verdict.held_back
    if not held_back:
        return ""
    labels = ", ".join(dict.fromkeys(decision.label for decision in held_back))
    values = "1 value" if len(held_back) == 1 else f"{len(held_back)} values"
    return f"{values} held back · {labels}"


def guard_detail(verdict: Verdict) -> Mapping[str, object]:
    """Return what stands behind 'why?', as JSON values; nothing in it can be turned back into a value."""
    return {
        "policy": verdict.policy_version,
        "guard": [
            {
                "rule": decision.finding.rule,
                "label": decision.label,
                "masked": decision.masked,
                "instead": decision.placeholder,
                "action": decision.action.value,
            }
            for decision in verdict.held_back
        ],
    }


def prompt_blocked_words(verdict: Verdict, reference: str) -> str:
    """Say why nothing was sent, and what to do."""
    if verdict.failure:
        return f"Nothing was sent. The guard could not read the text. Try again, or ask for help (ref {reference})."
    return f"Nothing was sent. The text holds {_named(verdict)}. Remove it, or ask your reviewer (ref {reference})."


def answer_blocked_words(verdict: Verdict, reference: str) -> str:
    """Say why an answer was stopped, and what to do."""
    if verdict.failure:
        return f"The answer was stopped. The guard could not read it. Ask again, or ask for help (ref {reference})."
    return f"The answer was stopped. It held {_named(verdict)}. Ask in another way (ref {reference})."


def answered_note(route: Route, seconds: float, usage: Usage | None, verdict: Verdict, reference: str) -> str:
    """Return the muted line below an answer: host, model, seconds, what was held back, reference."""
    served_by = dict.fromkeys((route.host, route.model))  # the quote host is its own model
    parts = [*served_by, f"{seconds:.1f} s"]
    if note := guard_note(verdict):
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


def title_of(guarded_text: str) -> str:
    """Return the beginning of a guarded text as the title of its thread."""
    first_line = next((line.strip() for line in guarded_text.splitlines() if line.strip()), "")
    return first_line if len(first_line) <= _TITLE_CHARS else first_line[: _TITLE_CHARS - 1].rstrip() + "…"


def _named(verdict: Verdict) -> str:
    blocking = [decision for decision in verdict.decisions if decision.action is Action.BLOCK]
    if not blocking:
        return "what a rule does not let pass"
    first: Decision = blocking[0]
    article = "an" if first.label[:1].lower() in "aeio" else "a"
    return f"what looks like {article} {first.label} (rule {first.finding.rule})"
