"""What the processes of an installation tell each other about the hosts: work, who waits, speed, failures, drains.

The board they write on is somebody else's (Redis, in the product). Without it each process goes by what it sees itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from connectors.model_hosts.choosing.choice import Held
from connectors.model_hosts.ending import end_task

_log = logging.getLogger(__name__)

_EVERY_SECONDS = 1.0  # how soon a drain reaches every process
_WAITING_SECONDS = 0.25  # while somebody waits here, for whom a host may have become free elsewhere
_LEAST_SECONDS = 0.1  # between two exchanges, however much happens
_PATIENCE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Share:
    """What is told about one deployment.

    Attributes:
        in_flight: answers in the making.
        tokens_per_second: of one answer, as measured lately; 0 before the first.
        prompt_tokens_per_second, answer_seconds: as measured lately; 0 before the first.
    """

    in_flight: int = 0
    tokens_per_second: float = 0.0
    prompt_tokens_per_second: float = 0.0
    answer_seconds: float = 0.0

    def joined(self, other: Share) -> Share:
        """Return what two processes say together."""
        return Share(
            self.in_flight + other.in_flight,
            _mean(self.tokens_per_second, other.tokens_per_second),
            _mean(self.prompt_tokens_per_second, other.prompt_tokens_per_second),
            _mean(self.answer_seconds, other.answer_seconds),
        )


def _mean(first: float, second: float) -> float:
    """Return the mean of what was measured; 0 stands for what was not."""
    return (first + second) / 2 if first and second else first or second


@dataclass(frozen=True, slots=True)
class Ticket:
    """A prompt that waits in line.

    Attributes:
        owner: for whom.
        is_interactive: somebody sits before it.
        weight: how much more than others this owner gets.
        waited_seconds: when it was told; nobody's clock counts.
        deployments: on which it may be asked.
    """

    owner: str
    is_interactive: bool
    weight: float
    waited_seconds: float
    deployments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Failing:
    """A deployment that fails.

    Attributes:
        failures: in a row; 0 says that it answers again.
        rest_seconds: how long it is left alone from now on; then one prompt tries it.
    """

    failures: int
    rest_seconds: float


@dataclass(frozen=True, slots=True)
class Word:
    """What one process tells.

    Attributes:
        shares: of each deployment that there is something to tell about.
        tickets: who waits there.
        used: what each owner has of the hosts, see `Line.used`.
        failing: deployments that began to fail, or to answer again, since the last word.
        trials: deployments that one prompt of this process tries now.
        seats: those of this process, by their names: the deployment of each.
        ended_seats: deployment and name of those that were given back.
    """

    shares: Mapping[str, Share] = field(default_factory=dict)
    tickets: tuple[Ticket, ...] = ()
    used: Mapping[str, float] = field(default_factory=dict)
    failing: Mapping[str, Failing] = field(default_factory=dict)
    trials: frozenset[str] = frozenset()
    seats: Mapping[str, str] = field(default_factory=dict)
    ended_seats: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class SeatPlace:
    """A deployment that may answer a prompt.

    Attributes:
        slots: how many seats it has.
        is_favoured: it comes first if it has the conversation in its cache.
    """

    deployment: str
    slots: int
    is_favoured: bool = False


@dataclass(frozen=True, slots=True)
class WantedSeat:
    """A seat that a prompt wants.

    Attributes:
        name: of the seat; one that was taken under it is not taken twice.
        places: where, the best first.
        thread: of which conversation the prompt is; opaque, empty if of none.
        prompt_tokens: by our own count.
        ended: deployment and name of seats that were given back before.
    """

    name: str
    places: tuple[SeatPlace, ...]
    thread: str = ""
    prompt_tokens: int = 0
    ended: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class GivenSeat:
    """What the board says.

    Attributes:
        deployment: where the seat is; empty if there is room nowhere.
        held: who had the conversation until now; None if nobody is known to.
    """

    deployment: str
    held: Held | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What the others told.

    Attributes:
        drained: hosts that get no new work, each with since when, in words.
        others: what all other processes say together, by deployment.
        tickets: all prompts that wait elsewhere.
        used: what each owner has of the hosts elsewhere.
        failing: all deployments that fail, whoever saw it; None while nothing is heard.
    """

    drained: Mapping[str, str] = field(default_factory=dict)
    others: Mapping[str, Share] = field(default_factory=dict)
    tickets: tuple[Ticket, ...] = ()
    used: Mapping[str, float] = field(default_factory=dict)
    failing: Mapping[str, Failing] | None = None


class Board(Protocol):
    """Where the processes of an installation write what they know."""

    async def exchange(self, own: Word) -> Told:
        """Write down what this process knows, and read what the others wrote; may raise anything."""
        ...

    async def claim_trial(self, deployment: str) -> bool:
        """Tell whether a prompt of this process may be the one that tries a deployment; may raise anything.

        The claim holds as long as `Word.trials` repeats it.
        """
        ...

    async def take_seat(self, wanted: WantedSeat) -> GivenSeat:
        """Take a seat on the first deployment that has one, in one step over all processes; may raise anything.

        It is held as long as `Word.seats` repeats it.
        """
        ...


class Exchange:
    """Keeps up with the others: every second, and at once when something happens here.

    Args:
        board: where it is written.
        own: what this process knows now.
        on_sent: called with what was written down.
        on_told: called with what is new.
    """

    def __init__(
        self,
        board: Board,
        *,
        own: Callable[[], Word],
        on_sent: Callable[[Word], None],
        on_told: Callable[[Told], None],
    ) -> None:
        self._board = board
        self._own = own
        self._on_sent = on_sent
        self._on_told = on_told
        self._task: asyncio.Task[None] | None = None
        self._early = asyncio.Event()
        self._is_failing = False
        self._is_waiting = False
        self.told = Told()

    async def start(self) -> None:
        """Exchange once, so that the first prompt knows of drains, and go on."""
        await self.once()
        self._task = asyncio.create_task(self._go_on(), name="exchange about the model hosts")

    async def close(self) -> None:
        """End."""
        if self._task is not None:
            await end_task(self._task)

    def soon(self) -> None:
        """Exchange earlier than planned: work began or ended."""
        self._early.set()

    async def take_seat(self, wanted: WantedSeat) -> GivenSeat | None:
        """Take a seat; None while nobody is heard: each process then goes by what it knows, and waits for nothing."""
        if self._is_failing:
            return None
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                return await self._board.take_seat(wanted)
        except Exception as error:  # noqa: BLE001  # as below
            self._note_failure(error)
            return None

    async def claim_trial(self, deployment: str) -> bool:
        """Tell whether a prompt of this process may be the one that tries a deployment; yes while nobody is heard."""
        if self._is_failing:
            return True
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                return await self._board.claim_trial(deployment)
        except Exception as error:  # noqa: BLE001  # likewise
            _log.warning("Nobody knows who else tries %s: %s", deployment, type(error).__name__)
            return True

    async def once(self) -> None:
        """Exchange now. Without the board drains stay as they were, and nothing is known of the others' work."""
        try:
            own = self._own()
            self._is_waiting = bool(own.tickets)
            async with asyncio.timeout(_PATIENCE_SECONDS):
                told = await self._board.exchange(own)
            self._on_sent(own)
            self._is_failing = False
        except Exception as error:  # noqa: BLE001  # the board is somebody else's; whatever it was, answers go on
            self._note_failure(error)
            told = Told(self.told.drained)
        if told != self.told:
            self._on_told(told)
            self.told = told

    def _note_failure(self, error: Exception) -> None:
        if not self._is_failing:
            _log.warning("The other processes cannot be heard about the model hosts: %s", type(error).__name__)
        self._is_failing = True

    async def _go_on(self) -> None:
        while True:
            await asyncio.sleep(_LEAST_SECONDS)
            with suppress(TimeoutError):
                pause = _WAITING_SECONDS if self._is_waiting else _EVERY_SECONDS
                async with asyncio.timeout(pause - _LEAST_SECONDS):
                    await self._early.wait()
            self._early.clear()
            try:
                await self.once()
            except Exception as error:  # noqa: BLE001  # what is told is told again; without a word, drains were unheard for ever
                _log.error("What other processes told of the model hosts is not in force: %s", type(error).__name__)
