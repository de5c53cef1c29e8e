"""One prompt on its way from host to host: who failed for it, who went down over it, and when that is enough."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import Final, Protocol, TypeVar
from uuid import uuid4

from assistant.audit.parts import TextMark
from assistant.errors import LethalPromptError
from assistant.fleet.deaths import FORGET_SECONDS, Death
from connectors.errors import HostError
from connectors.model_hosts.values import Route

T = TypeVar("T")

MOST_DOWN: Final = 2  # of the hosts one may have died by chance; who takes down two may take down all
_SAME_DEATH_SECONDS: Final = 5.0  # no engine has loaded its model again within them
_MOST_KEPT: Final = 1000
_PATIENCE_SECONDS: Final = 1.0  # a prompt waits no longer to hear what other processes know
_REST_SECONDS: Final = 5.0  # nor does the next one, for so long after one that waited in vain

_log = logging.getLogger(__name__)


class FailureRecord(Protocol):
    """The record of a turn, as far as it is about hosts that fail."""

    async def host_failed(self, route: Route, error: HostError, *, is_last: bool = False) -> None:
        """Note that a host failed; `is_last` says that no other is tried, whatever there is."""


class Attempts:
    """What one prompt met so far.

    Args:
        down: the hosts that went down over it a moment ago, when it was asked before.
        note_down: takes one more; returns all of late, whoever asked.
        note_answer: called when it was answered, and a host had gone down over it.

    Attributes:
        failed: deployments that are not asked again.
        anew: those that could not go on from what another one said, and may still answer anew.
        last_error: what the last of those that failed said.
    """

    def __init__(
        self,
        down: Sequence[str],
        note_down: Callable[[str], Awaitable[Sequence[str]]],
        note_answer: Callable[[], Awaitable[object]],
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

    async def note(self, deployment: str, error: HostError, *, is_joining: bool = False) -> None:
        """Note that a deployment failed; `is_joining` says that it was to go on from what another one had said."""
        if error.has_gone_down:
            self._down = (*self._down, error.host)
            self._down = max(self._down, tuple(await self._note_down(error.host)), key=len)
        if is_joining and not error.has_gone_down:
            self.anew |= {deployment}
        else:
            self.failed, self.last_error = self.failed | {deployment}, error

    async def met(self, route: Route, error: HostError, record: FailureRecord, *, is_joining: bool = False) -> None:
        """Note that a host failed, here as `note` does and in the record of the turn.

        Raises:
            LethalPromptError: it was one too many, and no other is asked.
        """
        await self.note(route.deployment, error, is_joining=is_joining)
        await record.host_failed(route, error, is_last=self.is_lethal)
        if self.is_lethal:
            raise self.refusal from error

    async def answered(self) -> None:
        """Note that it was answered: whatever took down a host, another one bears it."""
        if self._down:
            await self._note_answer()


class SharedDeaths(Protocol):
    """Where the processes tell each other which hosts went down over which prompt."""

    async def exchange(self, mark: str, deaths: Sequence[Death], *, now: float) -> Sequence[Death]:
        """Tell what was not told yet of a prompt, and return what all know, by the clock of `now`; may raise anything.

        Telling a death twice changes nothing.
        """
        ...

    async def forget(self, mark: str) -> None:
        """Forget what is known of a prompt; may raise anything."""
        ...


class LethalPrompts:
    """Prompts over which hosts went down a moment ago, by their marks: asked again, they take down no more than may be.

    With a single host only the second asking tells, and clients ask again by themselves, of any process.

    Args:
        shared: what all processes know; without it, and while it does not answer, a process knows its own.
        clock: seconds.
    """

    def __init__(self, shared: SharedDeaths | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._shared = shared
        self._clock = clock
        self._known: OrderedDict[TextMark, list[Death]] = OrderedDict()  # what this process saw
        self._untold: set[str] = set()  # of these, what the others do not know yet
        self._rests_until = float("-inf")

    async def begin(self, mark: TextMark) -> Attempts:
        """Return the attempts of a prompt that is asked now.

        Raises:
            LethalPromptError: it took down hosts a moment ago.
        """
        down = await self._lately(mark)
        if len(down) >= MOST_DOWN:
            raise LethalPromptError(f"Nothing was sent. {_went_down(down)} some minutes ago. {_ADVICE}")
        note_down = partial(self._note, mark, uuid4().hex, self._clock())
        return Attempts(down, note_down, partial(self._forget, mark))

    async def _note(self, mark: TextMark, asking: str, begun_at: float, host: str) -> Sequence[str]:
        death = Death(uuid4().hex, asking, host, begun_at, self._clock())
        self._known.setdefault(mark, []).append(death)
        self._known.move_to_end(mark)
        if len(self._known) > _MOST_KEPT:
            _, oldest = self._known.popitem(last=False)
            self._untold.difference_update(each.id for each in oldest)
        if self._shared is not None:
            self._untold.add(death.id)
        return await self._lately(mark)

    async def _forget(self, mark: TextMark) -> None:
        self._untold.difference_update(each.id for each in self._known.pop(mark, ()))
        if self._shared is not None:
            await self._heard(self._shared.forget(mark))

    async def _lately(self, mark: TextMark) -> Sequence[str]:
        """Return which hosts went down over a prompt: by what all know, if that can be heard now."""
        if self._shared is not None and self._clock() >= self._rests_until:
            untold = [death for death in self._known.get(mark, ()) if death.id in self._untold]
            told = await self._heard(self._shared.exchange(mark, untold, now=self._clock()))
            if told is not None:
                self._untold.difference_update(death.id for death in untold)
                self._keep(mark, {death.id for death in told})
                return self._counted(told)
        return self._counted(self._known.get(mark, ()))

    def _keep(self, mark: TextMark, told: set[str]) -> None:
        """Drop what nobody knows any more: the prompt was answered elsewhere."""
        kept = [death for death in self._known.get(mark, ()) if death.id in told or death.id in self._untold]
        if kept:
            self._known[mark] = kept
        else:
            self._known.pop(mark, None)

    def _counted(self, deaths: Iterable[Death]) -> Sequence[str]:
        """Return the hosts; askings that were there together when a host died tell of one death."""
        now = self._clock()
        counted: list[Death] = []
        for death in sorted(deaths, key=lambda each: each.at):
            if now - death.at < FORGET_SECONDS and not any(_is_same(death, other) for other in counted):
                counted.append(death)
        return [death.host for death in counted]

    async def _heard(self, asked: Awaitable[T]) -> T | None:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                return await asked
        except Exception as error:  # noqa: BLE001  # whatever it was, the prompt is judged by what is known here
            self._rests_until = self._clock() + _REST_SECONDS
            _log.warning("What other processes know of lethal prompts is not heard: %s", type(error).__name__)
            return None


def _is_same(death: Death, other: Death) -> bool:
    return (
        death.asking != other.asking
        and death.host == other.host
        and other.at >= death.begun_at
        and death.at - other.at < _SAME_DEATH_SECONDS
    )


_ADVICE: Final = (
    "Change it, or leave out a file, before you ask again; and tell your administrator, who sees on these hosts why."
)


def _went_down(hosts: Sequence[str]) -> str:
    """Say which hosts; one may have gone down twice, under two of its models or when it was asked again."""
    names = list(dict.fromkeys(hosts))
    return f"{' and '.join(names)} went down at this prompt before an answer began"
