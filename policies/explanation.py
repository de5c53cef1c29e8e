"""Say in words what the guard did: one line under a message, the details behind 'why?', and the reason of a block."""

from __future__ import annotations

from dataclasses import dataclass

from policies.verdict import Action, Decision, Direction, Verdict

_ADVICE = {
    Action.WARN: "The value went on as it stands. Take it out of your next message if it should not.",
    Action.PSEUDONYMISE: "The placeholder stays the same in this conversation and is shown to you as the value.",
    Action.REDACT: "The value was not kept and cannot be brought back. If it is a secret, change it where it is used.",
    Action.BLOCK: "Remove it from the text and send again. If it was ever sent elsewhere, replace it.",
}
_REFUSALS = {  # what happened, and the next step
    Direction.PROMPT: ("Nothing was sent.", "Remove it, or ask your reviewer"),
    Direction.FILE: ("The file was not taken.", "Remove it from the file, or ask your reviewer"),
    Direction.RETRIEVAL: ("A passage was left out.", "Ask your reviewer about the document it comes from"),
    Direction.TOOL: ("The tool was stopped.", "Ask again without it, or ask your reviewer"),
    Direction.ANSWER: ("The rest of this answer is held back.", "Ask again without it, or ask your reviewer"),
    Direction.JOB: ("The job left this text out.", "Remove it and start the job again, or ask your reviewer"),
    Direction.LOG: ("The line was left out of the log.", "Look at what wrote it"),
}


@dataclass(frozen=True, slots=True)
class Detail:
    """What a person sees of one decision.

    Attributes:
        instead: what the other side saw in the place of the value: a placeholder, or the value itself (masked here)
            where it went on with a warning; empty where nothing was sent.
        advice: what to do about it.
    """

    rule: str
    label: str
    masked: str
    instead: str
    action: str
    advice: str


def summary(verdict: Verdict) -> str:
    """Return the quiet line, such as `2 values held back · AWS access key, e-mail`; empty when there is nothing to say.

    Values that passed with a warning stand after those that were held back.
    """
    told = ((verdict.held_back, "held back"), (verdict.warned, "passed with a warning"))
    return " · ".join(
        f"{len(decisions)} value{'' if len(decisions) == 1 else 's'} {words} · {', '.join(_labels(decisions))}"
        for decisions, words in told
        if decisions
    )


def details(verdict: Verdict) -> tuple[Detail, ...]:
    """Return what stands behind 'why?': one entry for each value that was held back or warned of, in text order."""
    return tuple(
        Detail(
            rule=decision.finding.rule,
            label=decision.label,
            masked=decision.masked,
            instead="" if verdict.is_blocked else decision.placeholder or decision.masked,
            action=decision.action.value,
            advice=_ADVICE[decision.action],
        )
        for decision in verdict.decisions
        if decision.action is not Action.ALLOW
    )


def block_reason(verdict: Verdict, *, direction: Direction, reference: str) -> str:
    """Return why nothing went on and what to do, with the reference that also stands in the log.

    Examples:
        >>> from policies.verdict import Verdict
        >>> failed = Verdict(Action.BLOCK, "", (), "sha256:0123456789ab", "ValueError")
        >>> block_reason(failed, direction=Direction.PROMPT, reference="7K2F")
        'Nothing was sent. The guard could not judge this text, so it was refused. Tell your administrator (ref 7K2F).'
    """
    happened, step = _REFUSALS[direction]
    if verdict.failure:
        return (
            f"{happened} The guard could not judge this text, so it was refused. "
            f"Tell your administrator (ref {reference})."
        )
    causes = [decision for decision in verdict.decisions if decision.action is Action.BLOCK]
    rules = list(dict.fromkeys(decision.finding.rule for decision in causes))
    what = f"what looks like {' and '.join(_with_article(label) for label in _labels(causes))}"
    which = f"{'rule' if len(rules) == 1 else 'rules'} {', '.join(rules)}"
    return f"{happened} The text holds {what} ({which}). {step} (ref {reference})."


def _labels(decisions: tuple[Decision, ...] | list[Decision]) -> list[str]:
    return list(dict.fromkeys(decision.label for decision in decisions))


def _with_article(label: str) -> str:
    return f"{'an' if label[:1].lower() in 'aeio' else 'a'} {label}"
