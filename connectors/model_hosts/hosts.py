"""Every model host behind one door: choose a deployment for a prompt, ask it, say how all of them are."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

from connectors.model_hosts import quote
from connectors.model_hosts.asking.answerer import Answerer, Asking
from connectors.model_hosts.asking.attempts import Attempts
from connectors.model_hosts.asking.carrier import Carrier
from connectors.model_hosts.asking.embedder import Embedder
from connectors.model_hosts.asking.filler import Filler
from connectors.model_hosts.asking.patience import SitePatience
from connectors.model_hosts.asking.quoting import QUOTE, Quoting
from connectors.model_hosts.asking.readiness import Readiness
from connectors.model_hosts.bundled import BundledServer
from connectors.model_hosts.catalogue import MOST_PATIENCE_SECONDS, Fleet, Host
from connectors.model_hosts.choosing import choice
from connectors.model_hosts.choosing.breaker import Breaker
from connectors.model_hosts.choosing.candidates import Candidates
from connectors.model_hosts.choosing.held import HeldThreads
from connectors.model_hosts.choosing.line import Line
from connectors.model_hosts.choosing.load import Load
from connectors.model_hosts.choosing.seats import Seats
from connectors.model_hosts.choosing.sharing import Board, Exchange, Share, Told, Word
from connectors.model_hosts.kinds.kinds import build_kinds
from connectors.model_hosts.router import LitellmRouter
from connectors.model_hosts.sampling import HostSample, take_samples
from connectors.model_hosts.status import describe_hosts
from connectors.model_hosts.values import (
    NO_WISHES,
    AnswerItem,
    ChatMessage,
    Gap,
    HostStatus,
    Inputs,
    Need,
    Place,
    Route,
    Vectors,
    Wishes,
)
from connectors.model_hosts.watching.watch import LOOK_EVERY_SECONDS, Deployment, Watch

_MARGIN_SECONDS = 5.0  # litellm's own patience is longer than ours, so that ours is the one that speaks


class ModelHosts:
    """The model hosts of the company, or of this machine.

    Args:
        fleet: the configured hosts; None looks for hosts on loopback, now and every ten seconds.
        retriever: finds passages for the quote host.
        gguf: a model file for the bundled llama.cpp. Only one process of an installation should be given it.
        first_token_timeout_seconds: patience until the first token of every host; None leaves it to its kind.
        stall_timeout_seconds: patience between two tokens likewise.
        loopback_ports: where to look instead of the usual ports, by the kind's name.
        look_every_seconds: how often to look at every host.
        board: where the processes of an installation tell each other what they ask of the hosts; None for one alone.
        most_waiting: how many prompts may wait for each deployment when all that can take them are busy.
        line_timeout_seconds: how long each of them waits at most.
        on_loaded: hears that litellm is imported, which is as soon as there is a host to ask.
    """

    def __init__(
        self,
        fleet: Fleet | None,
        *,
        retriever: quote.Retriever,
        gguf: Path | None = None,
        first_token_timeout_seconds: float | None = None,
        stall_timeout_seconds: float | None = None,
        loopback_ports: Mapping[str, Sequence[int]] | None = None,
        look_every_seconds: float = LOOK_EVERY_SECONDS,
        board: Board | None = None,
        most_waiting: int = 50,
        line_timeout_seconds: float = 120.0,
        on_loaded: Callable[[], None] | None = None,
    ) -> None:
        self._bundled = BundledServer(gguf, on_change=self._look_soon) if gguf else None
        self._watch = Watch(
            fleet,
            build_kinds(),
            bundled=self._bundled,
            ports=loopback_ports,
            on_change=self._take_deployments,
            every_seconds=look_every_seconds,
        )
        self._quoting = Quoting(retriever, self._watch, may_quote=fleet is None and gguf is None)
        self._loads: defaultdict[str, Load] = defaultdict(Load)
        self._exchange = (
            Exchange(board, own=self._word, on_sent=self._note_sent, on_told=self._hear) if board is not None else None
        )
        self._told = Told()
        self._breaker = Breaker(self._loads, self._exchange)
        self._candidates = Candidates(self._watch, self._loads, self._breaker, lambda: self._told.others)
        patience = SitePatience(first_token_timeout_seconds, stall_timeout_seconds)
        router = LitellmRouter(patience_seconds=MOST_PATIENCE_SECONDS + _MARGIN_SECONDS)
        self._carrier = Carrier(router, self._watch, patience, on_loaded)
        self._readiness = Readiness(self._watch, self._bundled, patience, self._carrier)
        self._answerer = Answerer(router, patience, self._breaker)
        self._filler = Filler(patience, self._breaker)
        self._embedder = Embedder(router, patience, self._breaker)
        self._held = HeldThreads()
        self._seats = Seats(self._exchange, self._held)
        self._line = Line(
            candidates=self._candidates.all,
            others=lambda: (self._told.tickets, self._told.used),
            take=lambda name: self._loads[name].take(self._tell_soon),
            give_back=lambda name: self._loads[name].give_back(self._tell_soon),
            seat=self._seats.take,
            end_seat=self._seats.end,
            on_change=self._tell_soon,
            held=self._held.find,
            most_waiting=most_waiting,
            patience_seconds=line_timeout_seconds,
        )
        self._attempts = Attempts(
            self._watch, self._loads, self._line, self._breaker, self._readiness, on_change=self._tell_soon
        )

    @property
    def is_ready(self) -> bool:
        """Tell whether every host was looked at and, if there is one to ask, the way to it is loaded."""
        return self._watch.has_looked and self._carrier.is_ready

    async def start(self) -> None:
        """Look at every host once and go on looking; litellm loads in the background if there is one to ask."""
        for name in ("httpx", "httpcore"):
            logging.getLogger(name).setLevel(logging.WARNING)  # they log each look at each host
        if self._bundled is not None:
            self._bundled.start()
        if self._exchange is not None:
            await self._exchange.start()
        await self._watch.look()
        self._watch.start()

    async def close(self) -> None:
        """Stop looking, close every connection, end the bundled server."""
        if self._exchange is not None:
            await self._exchange.close()
        await self._watch.close()
        await self._carrier.close()
        await self._filler.close()
        if self._bundled is not None:
            await self._bundled.close()

    def take_fleet(self, fleet: Fleet) -> None:
        """Ask these hosts from now on; answers that stream already are not touched."""
        self._readiness.forget()
        self._candidates.clear()
        self._watch.take_fleet(fleet)

    def choose(self, need: Need, *, excluding: frozenset[str] = frozenset()) -> Route:
        """Choose a deployment for a prompt.

        Hosts that were configured and are all down are an error, not a reason to quote: the person would take
        passages for the answer of a model that is only away.

        Args:
            need: what the prompt asks.
            excluding: ids of deployments that failed for this prompt.

        Raises:
            NoRouteError: none can take it; the message says why and what to do.
        """
        if self._quoting.takes(need):
            return self._quoting.choose(need, excluding)
        self._candidates.refuse_if_none()
        return choice.choose(self._candidates.all(), need, excluding=excluding)

    async def line_up(
        self, need: Need, *, excluding: frozenset[str] = frozenset()
    ) -> AsyncGenerator[Place | Route, None]:
        """Wait until a deployment has room for a prompt; yield the place in line when it changes, at last the route.

        The route's seat is held until the generator is closed. Closing it earlier leaves the line.

        Raises:
            NoRouteError: no deployment can take it.
            BusyError: all are busy, and the line is full or was waited in for too long.
        """
        if self._quoting.takes(need):
            yield self._quoting.choose(need, excluding)
            return
        self._candidates.refuse_if_none()
        is_seated = False
        while not is_seated:
            async with aclosing(self._line.wait(need, excluding=excluding)) as steps:
                async for step in steps:
                    if isinstance(step, Place):
                        yield step
                        continue
                    candidate, waited_seconds = step
                    is_trial = candidate.is_asked_alone
                    if is_trial and not await self._breaker.claim_trial(candidate.deployment):
                        break  # the seat is given back, and the choice made anew: somebody else tries it
                    is_seated = True
                    held = self._held.find(need.thread)
                    self._held.note(need.thread, choice.Held(candidate.deployment, need.prompt_tokens))
                    try:
                        yield choice.route_to(candidate, need, waited_seconds=waited_seconds, is_seated=True, held=held)
                    finally:
                        if is_trial:  # who was there before it failed ends nobody else's
                            self._breaker.end_trial(candidate.deployment)

    @asynccontextmanager
    async def seat(self, need: Need) -> AsyncIterator[Route]:
        """Wait in line without a word, and hold the route's seat as long as this is open: for who tells nobody."""
        async with aclosing(self.line_up(need)) as standing:
            async for step in standing:
                if isinstance(step, Route):
                    yield step
                    return

    def ask(
        self,
        route: Route,
        messages: Sequence[ChatMessage],
        *,
        max_tokens: int,
        temperature: float,
        reader: str,
        wishes: Wishes = NO_WISHES,
        begun: str = "",
    ) -> AsyncGenerator[AnswerItem, None]:
        """Ask the chosen deployment and yield its answer, at the end one `Usage`.

        Close the generator, or cancel its task, to make the host stop.

        Args:
            route: from `choose`.
            messages: the prompt, as the guard let it through.
            max_tokens: longest answer.
            temperature: 0 for the likeliest words.
            reader: who asks; the quote host shows only what they may read.
            wishes: how words are chosen otherwise; the quote host, which chooses none, has no use for them.
            begun: what was said of the answer already, as the guard let it through; only for a route that can continue.

        Raises:
            HostError: the host failed; `can_retry` says whether to choose again with this deployment excluded.
        """
        if route.deployment == QUOTE:
            return self._quoting.quote(messages, reader)
        asking = Asking(
            (*messages, ChatMessage("assistant", begun)) if begun else messages,
            max_tokens=max_tokens,
            temperature=temperature,
            wishes=wishes,
            is_begun=bool(begun),
            held_tokens=route.held_tokens,
        )
        return self._attempts.stream(
            route,
            lambda deployment, load: self._answerer.answer(deployment, load, asking),
            has_wished=wishes.may_be_refused,
        )

    def fill(
        self,
        route: Route,
        gap: Gap,
        *,
        max_tokens: int,
        temperature: float,
        wishes: Wishes = NO_WISHES,
    ) -> AsyncGenerator[AnswerItem, None]:
        """Have the chosen deployment fill a gap and yield what it writes, up to where a filling ends; then one `Usage`.

        Close the generator, or cancel its task, to make the host stop.

        Args:
            route: from `choose`, for a need of `Capability.FIM`.
            gap: as the guard let it through, and no longer than the route's window allows.
            max_tokens: longest filling.
            temperature: 0 for the likeliest words.
            wishes: how words are chosen otherwise; its stops end the filling before those of its own rules.

        Raises:
            HostError: the host failed; `can_retry` says whether to choose again with this deployment excluded.
        """

        def begin(deployment: Deployment, load: Load) -> AsyncGenerator[AnswerItem, None]:
            return self._filler.fill(
                deployment, load, gap, max_tokens=max_tokens, temperature=temperature, wishes=wishes
            )

        return self._attempts.stream(route, begin, has_wished=wishes.may_be_refused, is_by_litellm=False)

    async def embed(self, route: Route, inputs: Inputs) -> Vectors:
        """Have the chosen deployment make vectors of texts; cancel the task to close the request.

        Args:
            route: from `choose`, for a need of `Capability.EMBED`.
            inputs: as the guard let them through.

        Raises:
            HostError: the host failed; `can_retry` says whether to choose again with this deployment excluded.
        """
        return await self._attempts.embed(
            route,
            lambda deployment, load: self._embedder.embed(deployment, load, inputs),
            has_wished=inputs.dimensions is not None,
        )

    def statuses(self) -> tuple[HostStatus, ...]:
        """Return how every host is, for the page and the console."""
        return describe_hosts(
            self._watch,
            self._loads,
            self._told.others,
            is_quoting=self._quoting.is_needed,
            trouble=self._carrier.trouble,
        )

    def samples(self) -> tuple[HostSample, ...]:
        """Return everything that is known of every host now, for the administrator's pages and their history."""
        return take_samples(self._watch, self._loads, self._told.others, self._attempts.troubles)

    def host(self, name: str) -> Host | None:
        """Return a host of the fleet, or one that was found, by its name."""
        entry = self._watch.hosts.get(name)
        return entry.host if entry is not None else None

    def was_changed(self, name: str) -> None:
        """Look soon at a host that somebody changed: a model was loaded, unloaded or pulled there."""
        self._readiness.forget(name)
        self._look_soon()

    def _word(self) -> Word:
        """Return what this process tells the others."""
        shares = {
            name: Share(
                load.in_flight,
                load.tokens_per_second,
                load.prompt_tokens_per_second,
                load.answer_seconds,
            )
            for name, load in self._loads.items()
        }
        told = {name: share for name, share in shares.items() if share != Share()}
        return Word(
            told,
            self._line.tickets,
            self._line.used,
            self._breaker.unsaid,
            self._breaker.trials,
            self._seats.taken,
            self._seats.ended,
        )

    def _note_sent(self, word: Word) -> None:
        self._breaker.was_told(word.failing)
        self._seats.were_told(word)

    def _hear(self, told: Told) -> None:
        drained_before, self._told = self._told.drained, told
        if told.drained != drained_before:
            self._watch.take_drained(told.drained)
        self._breaker.hear(told.failing)
        self._line.stir()

    def _tell_soon(self) -> None:
        if self._exchange is not None:
            self._exchange.soon()

    def _look_soon(self) -> None:
        self._watch.look_soon()

    def _take_deployments(self) -> None:
        """Have both clients carry to what is there now."""
        self._filler.allow(deployment.host for deployment in self._watch.deployments.values())
        self._readiness.note_loaded()
        self._carrier.take_deployments()
        self._line.look_again()
