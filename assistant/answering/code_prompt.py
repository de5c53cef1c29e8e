"""What a model is told that completes code: the text around the gap, guarded, and as much of it as fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Self

from assistant.answering.guarding import GuardedConversation
from assistant.answering.prompt import TextlessPrompt
from connectors.model_hosts.fim.window import WINDOW_TOKENS, fitted, gap_tokens
from connectors.model_hosts.values import CodeFile, Gap
from policies.verdict import Verdict, joined

_LEAST_TOKENS: Final = 256  # less than this around a gap tells a model nothing
_AROUND_TOKENS: Final = 16  # the format's own
_LINE_END: Final = "\n"


@dataclass(frozen=True, slots=True)
class CodePrompt(TextlessPrompt):
    """A guarded gap.

    Attributes:
        gap: what of it goes to the model.
        verdict: of everything that was sent.
        only: labels of hosts that it may be sent to, one of each set.
    """

    gap: Gap
    verdict: Verdict
    only: tuple[frozenset[str], ...] = ()

    @property
    def tokens(self) -> int:
        """Return how many tokens it takes at most."""
        return gap_tokens(self.gap) + _AROUND_TOKENS

    @property
    def sent(self) -> str:
        """Return the text around the gap as one text."""
        return f"{self.gap.prefix}\0{self.gap.suffix}"

    @property
    def can_shorten(self) -> bool:
        """Tell whether less of it would still be worth asking with."""
        return self.tokens > _LEAST_TOKENS

    def shortened(self) -> Self:
        """Return half of it: what stands next to the gap."""
        return replace(self, gap=fitted(self.gap, gap_tokens(self.gap) // 2))


async def build_code_prompt(gap: Gap, conversation: GuardedConversation) -> CodePrompt:
    """Guard everything that was sent, and then cut it to the window: cut before, half a secret would be none."""
    verdict = await conversation.check_code(gap.prefix, gap.suffix)
    sheets = [_sheet(CodeFile(gap.name, "")), *map(_sheet, gap.files)]
    others = [await conversation.check_prompt(sheet) for sheet in sheets]
    whole = joined([gap.prefix + gap.suffix, *sheets], [verdict, *others], _LINE_END)
    if whole.is_blocked:
        return CodePrompt(Gap("", ""), whole)
    cursor = len(gap.prefix)
    guarded = Gap(
        prefix=verdict.text[:cursor],
        suffix=verdict.text[cursor:],
        name=_files([others[0]])[0].name,
        files=_files(others[1:]),
    )
    return CodePrompt(fitted(guarded, WINDOW_TOKENS), whole, conversation.labels_for((verdict, *others)))


def _sheet(file: CodeFile) -> str:
    """Return a file with its name in the first line, which a filler never joins with the next."""
    return f"{' '.join(file.name.split())}{_LINE_END}{file.text}"


def _files(verdicts: Sequence[Verdict]) -> tuple[CodeFile, ...]:
    parts = (verdict.text.partition(_LINE_END) for verdict in verdicts)
    return tuple(CodeFile(name, text) for name, _, text in parts)
