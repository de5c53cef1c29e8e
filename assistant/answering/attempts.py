"""One prompt on its way from host to host: who failed for it, who went down over it, and when that is enough."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final

from assistant.audit.parts import TextMark
from assistant.errors import LethalPromptError
from connectors.errors import HostError

MOST_DOWN: Final = 2  # of the hosts one may have died by chance; who takes down two may take down all
_FORGET_SECONDS: Final = 600.0  # by then somebody has looked at the hosts
_MOST_KEPT: Final = 1000


class Attempts:
    """What one prompt met so far.

    Attributes:
        failed: deployments that are not asked again.
        anew: those that could not go on from what another one said, and may still answer anew.
        last_error: what the last of those that failed said.
    """

    def __init__(self) -> None:
        self.failed: frozenset[str] = frozenset()
        self.anew: frozenset[str] = frozenset()
        self.last_error: HostError | None = None
        self._down: list[str] = []

    @property
    def is_suspect(self) -> bool:
        """Tell whether a host went down with the prompt in its hands."""
        return bool(self._down)

    @property
    def down(self) -> Sequence[str]:
        """Return the hosts that went down."""
        return tuple(self._down)

    @property
    def is_lethal(self) -> bool:
        """Tell whether the prompt took down as many hosts as one may."""
        return len(self._down) >= MOST_DOWN

    def note(self, deployment: str, error: HostError, *, is_joining: bool = False) -> None:
        """Note that a deployment failed; `is_joining` says that it was to go on from what another one had said."""
        if error.has_gone_down:
            self._down.append(error.host)
        if is_joining and not error.has_gone_down:
            self.anew |= {deployment}
        else:
            self.failed, self.last_error = self.failed | {deployment}, error


class LethalPrompts:
    """Prompts that took down hosts a moment ago, by their marks: asked again, they would take down the next ones.

    A process knows its own; what clients repeat by themselves is refused at the door with a status that ends it.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: OrderedDict[TextMark, tuple[Sequence[str], float]] = OrderedDict()

    def note(self, mark: TextMark, hosts: Sequence[str]) -> LethalPromptError:
        """Remember a prompt, and return what its person is told."""
        self._known[mark] = (hosts, self._clock())
        if len(self._known) > _MOST_KEPT:
            self._known.popitem(last=False)
        return LethalPromptError(f"{_went_down(hosts)}, so it is not sent to another one. {_ADVICE}")

    def check(self, mark: TextMark) -> None:
        """Refuse a prompt that took down hosts a moment ago.

        Raises:
            LethalPromptError: it did.
        """
        hosts, at = self._known.get(mark, ((), 0.0))
        if hosts and self._clock() - at < _FORGET_SECONDS:
            raise LethalPromptError(f"Nothing was sent. {_went_down(hosts)} some minutes ago. {_ADVICE}")


_ADVICE: Final = (
    "Change it, or leave out a file, before you ask again; and tell your administrator, who sees on these hosts why."
)


def _went_down(hosts: Sequence[str]) -> str:
    """Say which hosts; one may have gone down twice, under two of its models."""
    names = list(dict.fromkeys(hosts))
    return f"{' and '.join(names)} went down at this prompt before an answer began"
