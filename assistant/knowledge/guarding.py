"""The guard as the knowledge base needs it: a document is a conversation of its own that nobody restores."""

from __future__ import annotations

from typing import Final

from assistant.knowledge.document import GuardedText
from assistant.policy.source import GuardSource
from policies.pseudonyms import Pseudonyms, set_apart
from policies.verdict import Action, Direction

_PERSONA: Final = "knowledge"  # for lines of the policy that differ by persona
_NAMED_MOST: Final = 3  # findings in the words for the person


class DocumentGuard:
    """Take out of a document what may not be stored, or out of a passage what may not be read.

    Args:
        guards: asked for the guard in force with every text.
        direction: where the text comes from: a file, or the store of passages, which may be older than the policy.
    """

    def __init__(self, guards: GuardSource, direction: Direction = Direction.FILE) -> None:
        self._guards = guards
        self._direction = direction

    def __call__(self, text: str) -> GuardedText:
        """Return the text without secrets and personal data, or why none of it may be kept."""
        verdict = self._guards.current.check(
            text, direction=self._direction, persona=_PERSONA, roles=frozenset(), pseudonyms=Pseudonyms()
        )
        if not verdict.is_blocked:
            return GuardedText(set_apart(verdict.text))
        found = [
            f"{decision.label} ({decision.finding.rule})"
            for decision in verdict.decisions
            if decision.action is Action.BLOCK
        ]
        what = ", ".join(dict.fromkeys(found[:_NAMED_MOST])) or "text that the guard could not judge"
        return GuardedText("", is_blocked=True, reason=f"It holds {what}. Take it out, and add the file again.")
