"""One prompt on its way from host to host: who failed for it, who went down over it, and when that is enough."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from assistant.audit.parts import TextMark
from assistant.errors import LethalPromptError
from connectors.errors import HostError

MOST_DOWN: Final = 2  # of the hosts one may have died by chance; who takes down two may take down all
_SAME_DEATH_SECONDS: Final = 5.0  # no engine has loaded its model again within them
_FORGET_SECONDS: Final = 600.0  # by then somebody has looked at the hosts
_MOST_KEPT: Final = 1000


class Attempts:
    """What one prompt met so far.

    Args:
        down: the hosts that went down over it a moment ago, when it was asked before.
        note_down: takes them with one more; returns all of late, whoever asked.
        note_answer: called when it was answered.

    Attributes:
        failed: deployments that are not asked again.
        anew: those that could not go on from what another one said, and may still answer anew.
        last_error: what the last of those that failed said.
    """

    def __init__(
        self,
        down: Sequence[str],
        note_down: Callable[[Sequence[str]], Sequence[str]],
        note_answer: Callable[[], object],
    ) -> None:
        self.failed: frozenset[str] = frozenset()
        self.anew: frozenset[str] = frozenset()
        self.last_error: HostError | None = None
        self._down = tuple(down)
        self._note_down = note_down
        self._note_answer = note_answer

    @property
    def is_suspect(self) -> bool:
        """Tell whether a host went down with the prompt in its hands."""
        return bool(self._down)

    @property
    def is_lethal(self) -> bool:
        """Tell whether the prompt took down as many hosts as one may."""
        return len(self._down) >= MOST_DOWN

    @property
    def refusal(self) -> LethalPromptError:
        """Return what the person of a lethal one is told."""
        return LethalPromptError(f"{_went_down(self._down)}, so it is not sent to another one. {_ADVICE}")

    def note(self, deployment: str, error: HostError, *, is_joining: bool = False) -> None:
        """Note that a deployment failed; `is_joining` says that it was to go on from what another one had said."""
        if error.has_gone_down:
            self._down = tuple(self._note_down((*self._down, error.host)))
        if is_joining and not error.has_gone_down:
            self.anew |= {deployment}
        else:
            self.failed, self.last_error = self.failed | {deployment}, error

    def answered(self) -> None:
        """Note that it was answered: whatever took down a host, another one bears it."""
        self._note_answer()


class LethalPrompts:
    """Prompts over which hosts went down a moment ago, by their marks: asked again, they take down no more than may be.

    With a single host only the second asking tells, and clients ask again by themselves. A process knows its own.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: OrderedDict[TextMark, list[tuple[str, float]]] = OrderedDict()

    def begin(self, mark: TextMark) -> Attempts:
        """Return the attempts of a prompt that is asked now.

        Raises:
            LethalPromptError: it took down hosts a moment ago.
        """
        down = self._lately(mark)
        if len(down) >= MOST_DOWN:
            raise LethalPromptError(f"Nothing was sent. {_went_down(down)} some minutes ago. {_ADVICE}")
        return Attempts(down, partial(self._note, mark, self._clock()), partial(self._known.pop, mark, None))

    def _note(self, mark: TextMark, begun_at: float, down: Sequence[str]) -> Sequence[str]:
        """Note one more, the last of these; prompts that were there together when a host died tell of one death."""
        now = self._clock()
        known = self._known.setdefault(mark, [])
        is_known = any(host == down[-1] and at >= begun_at and now - at < _SAME_DEATH_SECONDS for host, at in known)
        if not is_known or len(known) < len(down):
            known.append((down[-1], now))
        self._known.move_to_end(mark)
        if len(self._known) > _MOST_KEPT:
            self._known.popitem(last=False)
        return max(down, self._lately(mark), key=len)

    def _lately(self, mark: TextMark) -> Sequence[str]:
        return [host for host, at in self._known.get(mark, ()) if self._clock() - at < _FORGET_SECONDS]


_ADVICE: Final = (
    "Change it, or leave out a file, before you ask again; and tell your administrator, who sees on these hosts why."
)


def _went_down(hosts: Sequence[str]) -> str:
    """Say which hosts; one may have gone down twice, under two of its models or when it was asked again."""
    names = list(dict.fromkeys(hosts))
    return f"{' and '.join(names)} went down at this prompt before an answer began"
