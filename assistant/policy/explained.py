"""What the guard makes of a text, for an administrator: rule, place, action, deciding line, and the page's words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from policies.explanation import block_reason, details, summary
from policies.policy import Policy
from policies.redaction import mask
from policies.verdict import Decision, Direction, Finding, Ground, Verdict

_AROUND_CHARS = 40
_GROUNDS = {
    Ground.LINE: "decided by {where}",
    Ground.LOW_SCORE: "less sure than {where} asks for",
    Ground.ALLOW_LIST: "an allowed value of the site, {where}",
    Ground.SILENCE: "no line speaks about it, so it is held back",
}
_REFERENCE = "7K2F9QX"  # stands for the code of a turn


def render_text(
    policy: Policy, text: str, findings: Sequence[Finding], verdict: Verdict, direction: Direction
) -> Iterator[str]:
    """Yield lines for a person: one block for each decision, then what the person would see."""
    yield f"policy {verdict.policy_version}: {'the guard failed' if verdict.failure else verdict.action.value}"
    rules = {rule.name: rule.where for rule in policy.rules}
    for number, decision in enumerate(verdict.decisions, 1):
        finding = decision.finding
        line, column = _position(text, finding.start)
        yield ""
        yield f"{number}. {decision.label} - {finding.rule} (rule at {rules.get(finding.rule, 'a detector')})"
        yield f"   at {finding.start}-{finding.end}, line {line}, column {column}, score {finding.score:g}"
        yield f"   {_around(text, finding, findings)}"
        yield f"   {_action(decision)}: {_GROUNDS[decision.ground].format(where=decision.decided_by)}"
        also = sorted({one.rule for one in findings if _overlap(one, finding)} - {finding.rule})
        if also:
            yield f"   also found by {', '.join(also)}"
    yield ""
    yield f"The person sees: {_seen(verdict, direction)}"


def as_data(policy: Policy, verdict: Verdict, direction: Direction) -> dict[str, object]:
    """Return the same for machines."""
    rules = {rule.name: rule.where for rule in policy.rules}
    return {
        "policy": verdict.policy_version,
        "action": verdict.action.value,
        "failure": verdict.failure or None,
        "findings": [
            {
                "rule": decision.finding.rule,
                "rule_at": rules.get(decision.finding.rule),
                "label": decision.label,
                "entity_type": decision.finding.entity_type,
                "start": decision.finding.start,
                "end": decision.finding.end,
                "score": decision.finding.score,
                "masked": decision.masked,
                "action": decision.action.value,
                "placeholder": decision.placeholder or None,
                "ground": decision.ground.value,
                "decided_by": decision.decided_by or None,
            }
            for decision in verdict.decisions
        ],
        "seen": _seen(verdict, direction),
    }


def _action(decision: Decision) -> str:
    instead = f" as {decision.placeholder}" if decision.placeholder else ""
    return f"{decision.action.value}{instead}"


def _around(text: str, finding: Finding, findings: Sequence[Finding]) -> str:
    """Return the value masked in what stands around it; whatever else was found there is masked too."""
    start, end = max(0, finding.start - _AROUND_CHARS), min(len(text), finding.end + _AROUND_CHARS)
    before = _masked(text, start, finding.start, findings)
    after = _masked(text, finding.end, end, findings)
    masked = mask(text[finding.start : finding.end])
    return f"{'…' if start else ''}{before}»{masked}«{after}{'…' if end < len(text) else ''}"


def _masked(text: str, start: int, end: int, findings: Sequence[Finding]) -> str:
    hidden = bytearray(end - start)
    for one in findings:
        if one.start < end and start < one.end:
            low, high = max(one.start, start) - start, min(one.end, end) - start
            hidden[low:high] = b"\x01" * (high - low)
    shown = ("•" if is_hidden else character for character, is_hidden in zip(text[start:end], hidden, strict=True))
    return "".join(character if character.isprintable() else " " for character in shown)


def _seen(verdict: Verdict, direction: Direction) -> str:
    if verdict.is_blocked:
        return block_reason(verdict, direction=direction, reference=_REFERENCE)
    advice = dict.fromkeys(detail.advice for detail in details(verdict))
    return ". ".join([summary(verdict), " ".join(advice)]) if advice else "nothing; the text goes on as it is."


def _overlap(one: Finding, other: Finding) -> bool:
    return one.start < other.end and other.start < one.end


def _position(text: str, offset: int) -> tuple[int, int]:
    start = text.rfind("\n", 0, offset) + 1
    return text.count("\n", 0, offset) + 1, offset - start + 1
