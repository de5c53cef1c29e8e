"""Turn findings into decisions, and a text into the text that may go on."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence

from policies.detectors.compiled import PLACEHOLDER_RULE
from policies.policy import Asker, Policy, Ruling
from policies.pseudonyms import Pseudonyms
from policies.verdict import Action, Decision, Finding, Ground, Verdict

_DOTS = "•" * 8  # always as many, so that the length is not told
_LONG_CHARS = 20  # from here on four characters at each end still leave 12 unknown
_SHORT_CHARS = 8
_END_CHARS = 4
_Judged = tuple[Finding, Ruling]
_PASSES = Ruling(Action.ALLOW, Ground.LINE)


class Redaction:
    """Decide on findings from left to right, and gather the verdict. One for each text."""

    def __init__(self, policy: Policy, asker: Asker, pseudonyms: Pseudonyms) -> None:
        self._policy = policy
        self._asker = asker
        self._pseudonyms = pseudonyms
        self._decisions: list[Decision] = []
        self._pieces: list[str] = []
        self._has_block = False
        self.failure = ""

    @property
    def is_blocked(self) -> bool:
        """Tell whether nothing more may go on."""
        return bool(self.failure) or self._has_block

    @property
    def verdict(self) -> Verdict:
        """Return the verdict on all that was applied so far."""
        if self.failure:
            return Verdict(Action.BLOCK, "", (), self._policy.version, self.failure)
        actions = [decision.action for decision in self._decisions]
        action = max(actions, key=lambda one: one.severity, default=Action.ALLOW)
        text = "" if action is Action.BLOCK else "".join(self._pieces)
        return Verdict(action, text, tuple(self._decisions), self._policy.version)

    def apply(self, text: str, findings: Sequence[Finding], *, offset: int = 0) -> str:
        """Decide on the findings in a piece of the text and return the piece as it may go on; empty when blocked.

        Args:
            text: the next piece, whole: no finding reaches over its ends.
            findings: with offsets into this piece.
            offset: where the piece begins in the whole text.
        """
        pieces: list[str] = []
        done = 0
        for finding, ruling in self._resolve(text, findings):
            value = text[finding.start : finding.end]
            if finding.rule == PLACEHOLDER_RULE.name:
                self._pseudonyms.reserve(value)
                continue
            decision = self._decide(finding, ruling, value, offset)
            self._decisions.append(decision)
            self._has_block |= decision.action is Action.BLOCK
            if decision.action.holds_back:
                pieces += (text[done : finding.start], decision.placeholder)
                done = finding.end
        pieces.append(text[done:])
        released = "".join(pieces)
        self._pieces.append(released)
        return "" if self.is_blocked else released

    def _decide(self, finding: Finding, ruling: Ruling, value: str, offset: int) -> Decision:
        placeholder = ""
        if ruling.action.holds_back:
            placeholder = self._pseudonyms.placeholder(
                finding.entity_type, value, is_restorable=ruling.action is Action.PSEUDONYMISE
            )
        label = self._policy.labels.get(finding.rule) or finding.entity_type.replace("_", " ").lower()
        moved = finding.moved(offset)
        return Decision(moved, ruling.action, placeholder, mask(value), label, ruling.ground, ruling.where)

    def _resolve(self, text: str, findings: Sequence[Finding]) -> list[_Judged]:
        """Give each finding its action and make one of those that overlap: all their text goes, as the strictest says.

        A value that may pass loses against everything that it overlaps with.
        """
        rulings = self._policy.rule_on_all(text, findings, self._asker)
        judged = [
            (finding, _PASSES if finding.rule == PLACEHOLDER_RULE.name else ruling)
            for finding, ruling in zip(findings, rulings, strict=True)
        ]
        held = _united([pair for pair in judged if pair[1].action.holds_back])
        passed = [pair for pair in judged if not pair[1].action.holds_back and not _overlaps(pair[0], held)]
        return sorted([*held, *_united(passed)], key=lambda pair: pair[0].start)


def without_values(text: str, decisions: Iterable[Decision]) -> str:
    """Return a text without any value that was found in it, whatever was decided: for whoever reviews a block.

    No number stands in its placeholders: those of a blocked text are not the conversation's.

    Args:
        text: as it was judged.
        decisions: all that were made on it.
    """
    pieces: list[str] = []
    done = 0
    for finding in sorted((decision.finding for decision in decisions), key=lambda one: one.start):
        pieces += (text[done : finding.start], f"[{finding.entity_type}]")
        done = max(done, finding.end)
    return "".join((*pieces, text[done:]))


def mask(value: str) -> str:
    """Make a value unreadable, but recognisable to its owner.

    Examples:
        >>> mask("AKIA2E0A8F3B244C7Q2X")
        'AKIA••••••••7Q2X'
        >>> mask("correct horse")
        'c••••••••'
        >>> mask("secret")
        '••••••••'
    """
    if len(value) >= _LONG_CHARS:
        return _printable(value[:_END_CHARS]) + _DOTS + _printable(value[-_END_CHARS:])
    return (_printable(value[:1]) if len(value) >= _SHORT_CHARS else "") + _DOTS


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)


def _united(judged: Sequence[_Judged]) -> list[_Judged]:
    """Make one finding of all that overlap: over all their text, named by the strictest, then longest, then surest."""
    united: list[_Judged] = []
    cluster: list[_Judged] = []
    end = -1
    for pair in sorted(judged, key=lambda pair: (pair[0].start, pair[0].end)):
        if cluster and pair[0].start >= end:
            united.append(_one_of(cluster))
            cluster = []
        cluster.append(pair)
        end = max(end, pair[0].end) if len(cluster) > 1 else pair[0].end
    return [*united, _one_of(cluster)] if cluster else united


def _one_of(cluster: Sequence[_Judged]) -> _Judged:
    finding, ruling = max(
        cluster, key=lambda pair: (pair[1].action.severity, pair[0].end - pair[0].start, pair[0].score, pair[0].rule)
    )
    start, end = min(pair[0].start for pair in cluster), max(pair[0].end for pair in cluster)
    return finding.at(start, end), ruling


def _overlaps(finding: Finding, held: Sequence[_Judged]) -> bool:
    """Tell whether a finding shares a character with one of these, which are in order and apart from each other."""
    place = bisect_left(held, finding.end, key=lambda pair: pair[0].start)  # the first that begins too late
    return place > 0 and held[place - 1][0].end > finding.start
