"""The guard: one policy, every text that reaches a model and every text that leaves one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from policies.detectors.memory import Memory
from policies.detectors.scan import scanner_of
from policies.detectors.search import Search
from policies.detectors.tokens import TokenDetector
from policies.errors import PolicyError
from policies.policy import Asker, Policy
from policies.pseudonyms import Pseudonyms
from policies.redaction import Redaction
from policies.stream import StreamGuard, failure_of
from policies.verdict import Direction, Finding, Verdict
from policies.views.fold import well_formed
from policies.words import NO_WORDS

_VALUE_MARKS = "«»"
# Where nobody waits for a stream: a model takes seconds, and needs the whole text.
_DETECTED = frozenset({Direction.FILE, Direction.JOB})
_REMEMBERED_CHARS = 64  # a persona's rules and what was said before come back with every question
_BLANK = "•"  # no letter, so that words end there; one a character, so that offsets stay


class Detector(Protocol):
    """Something that finds beyond the rules, such as a model for names; for files and jobs only, outside streams."""

    def detect(self, text: str) -> Iterable[Finding]:
        """Return the findings in a text; an exception makes the guard refuse the text.

        What the rules found there is blanked, character for character: no model sees a secret.
        """

    def load(self) -> None:
        """Do what is slow the first time."""


class Guard:
    """Check texts against a policy. Immutable, so threads may share it; the `Pseudonyms` they may not.

    Raises:
        PolicyError: a rule of the policy cannot be used; the message names file and line.
    """

    def __init__(self, policy: Policy, detectors: Sequence[Detector] = ()) -> None:
        self.policy = policy
        self._scanner = scanner_of(policy.rules)
        self._tokens = TokenDetector(policy.words) if policy.words != NO_WORDS else None
        self._detectors = tuple(detectors)
        self._memory = Memory(policy.version, self._search)

    def load(self) -> None:
        """Compile every pattern and make every detector ready, so that no text waits for it. Takes a second."""
        self._scanner.load()
        for detector in self._detectors:
            detector.load()

    def asks_detectors(self, direction: Direction) -> bool:
        """Tell whether a text of this direction goes through the detectors too, which may take seconds."""
        return bool(self._detectors) and direction in _DETECTED

    def find(self, text: str, direction: Direction | None = None) -> list[Finding]:
        """Return all findings in a whole text, whatever the policy would do about them, in the order of the text.

        Args:
            text: the whole text.
            direction: of the text; the detectors look at a file and at the text of a job alone. Unset: the rules alone.

        Raises:
            Exception: a rule or a detector failed; the caller must let nothing pass.
        """
        return self._find(well_formed(text), direction)

    def _find(self, text: str, direction: Direction | None) -> list[Finding]:
        is_short = len(text) < _REMEMBERED_CHARS
        findings = self._search().feed(text, is_last=True).findings if is_short else self._memory.find(text)
        if direction is not None and self.asks_detectors(direction):
            blanked = _blanked(text, findings)
            for detector in self._detectors:
                findings += [_inside(finding, text) for finding in detector.detect(blanked)]
        return sorted(findings, key=lambda finding: (finding.start, finding.end))

    def check(
        self, text: str, *, direction: Direction, persona: str, roles: frozenset[str], pseudonyms: Pseudonyms
    ) -> Verdict:
        """Return the verdict on a whole text. Whatever fails inside blocks the text; this never raises."""
        redaction = self._redaction(direction, persona, roles, pseudonyms)
        try:
            text = well_formed(text)
            findings = self._find(text, direction)
            if direction is not Direction.ANSWER:
                pseudonyms.reserve_in(text)  # before the first number is given
            redaction.apply(text, findings)
        except Exception as error:  # noqa: BLE001 - whatever fails in here, the text must not pass
            redaction.failure = failure_of(error)
        return redaction.verdict

    def check_code(
        self, prefix: str, suffix: str, *, persona: str, roles: frozenset[str], pseudonyms: Pseudonyms
    ) -> Verdict:
        """Return the verdict on the text around a gap. Whatever fails inside blocks it; this never raises.

        Both parts are judged alone and as the one text that they are in the file: a value that the cursor stands in
        is a value, and one that ends at the cursor stays one whatever follows.
        """
        redaction = self._redaction(Direction.PROMPT, persona, roles, pseudonyms)
        try:
            prefix, suffix = well_formed(prefix), well_formed(suffix)
            findings = [*self._find(prefix, None), *self._find(prefix + suffix, None)]
            findings += (finding.moved(len(prefix)) for finding in self._find(suffix, None))
            pseudonyms.reserve_in(prefix + suffix)
            redaction.apply(prefix + suffix, list(dict.fromkeys(findings)))
        except Exception as error:  # noqa: BLE001 - whatever fails in here, the text must not pass
            redaction.failure = failure_of(error)
        return redaction.verdict

    def open_stream(
        self,
        *,
        persona: str,
        roles: frozenset[str],
        pseudonyms: Pseudonyms,
        direction: Direction = Direction.ANSWER,
    ) -> StreamGuard:
        """Return the guard of a text that arrives in pieces."""
        return StreamGuard(self._search(), self._redaction(direction, persona, roles, pseudonyms))

    def _search(self) -> Search:
        return Search(self._scanner, self._tokens)

    def _redaction(
        self, direction: Direction, persona: str, roles: frozenset[str], pseudonyms: Pseudonyms
    ) -> Redaction:
        return Redaction(self.policy, Asker(direction, persona, roles), pseudonyms)


def _blanked(text: str, findings: Iterable[Finding]) -> str:
    pieces: list[str] = []
    done = 0
    for finding in sorted(findings, key=lambda one: one.start):
        start = max(done, finding.start)
        if finding.end > start:
            pieces += (text[done:start], _BLANK * (finding.end - start))
            done = finding.end
    return "".join((*pieces, text[done:]))


def _inside(finding: Finding, text: str) -> Finding:
    if not 0 <= finding.start < finding.end <= len(text):
        raise ValueError(f"A finding of {finding.rule!r} lies outside the text.")
    return finding


def check_examples(guard: Guard) -> None:
    """Run every rule's own examples; a site calls this when it loads its policy.

    Raises:
        PolicyError: a rule misses an example that it should find, covers another span, or finds one that should pass.
    """
    for rule in guard.policy.rules:
        for example in rule.found:
            text = "".join(character for character in example if character not in _VALUE_MARKS)
            expected = example.partition("«")[2].partition("»")[0] or None
            values = _values(guard, rule.name, text)
            if not values or (expected is not None and expected not in values):
                raise PolicyError(rule.where, f"{rule.name!r} does not find what its example {example!r} marks.")
        for example in rule.passed:
            if _values(guard, rule.name, example):
                raise PolicyError(rule.where, f"{rule.name!r} finds something in {example!r}, which should pass.")


def _values(guard: Guard, rule: str, text: str) -> list[str]:
    return [text[finding.start : finding.end] for finding in guard.find(text) if finding.rule == rule]
