"""Every model host behind one door: choose a deployment for a prompt, ask it, say how all of them are."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from connectors.errors import HostError, NoRouteError
from connectors.model_hosts import quote
from connectors.model_hosts.asking.answer import chars_of, items_of, latest, usage_of, vectors_of
from connectors.model_hosts.asking.failures import Failure, describe_failure, is_of_the_host, is_of_the_wishes
from connectors.model_hosts.asking.filler import Filler
from connectors.model_hosts.asking.patience import SitePatience
from connectors.model_hosts.asking.stream import SilenceError, paced
from connectors.model_hosts.bundled import BundledServer
from connectors.model_hosts.catalogue import MOST_PATIENCE_SECONDS, Fleet, Host
from connectors.model_hosts.choosing import choice
from connectors.model_hosts.choosing.held import HeldThreads
from connectors.model_hosts.choosing.line import Line
from connectors.model_hosts.choosing.load import Load
from connectors.model_hosts.choosing.sharing import Board, Exchange, Failing, Share, Told, Word
from connectors.model_hosts.fim.window import gap_tokens
from connectors.model_hosts.kinds.kind import ProbeError
from connectors.model_hosts.kinds.kinds import build_kinds
from connectors.model_hosts.kinds.ollama import with_tag
from connectors.model_hosts.router import LitellmRouter
from connectors.model_hosts.sampling import HostSample, take_samples
from connectors.model_hosts.status import describe_hosts
from connectors.model_hosts.values import (
    NO_WISHES,
    AnswerItem,
    Capability,
    ChatMessage,
    Gap,
    HostStatus,
    Inputs,
    Loading,
    Need,
    Patience,
    Place,
    Route,
    Token,
    Usage,
    Vectors,
    Wishes,
    most_tokens,
    most_tokens_of,
)
from connectors.model_hosts.watching.watch import LOOK_EVERY_SECONDS, Deployment, Watch
from connectors.model_hosts.wire import CallError, Chunk

_log = logging.getLogger(__name__)

_QUOTE = f"{quote.HOST}/{quote.MODEL}"
_LONGEST_TOKEN_CHARS = 16  # few vocabularies hold longer ones
_NOTHING = Share()
_SOUND = Failing(0, 0.0)
_TRIAL_SECONDS = 1.0  # how long a deployment is left to whoever tries it before that is looked at again
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
    ) -> None:
        self._patience = SitePatience(first_token_timeout_seconds, stall_timeout_seconds)
        self._may_quote = fleet is None and gguf is None
        self._quote = quote.QuoteHost(retriever)
        self._bundled = BundledServer(gguf, on_change=self._look_soon) if gguf else None
        self._watch = Watch(
            fleet,
            build_kinds(),
            bundled=self._bundled,
            ports=loopback_ports,
            on_change=self._take_deployments,
            every_seconds=look_every_seconds,
        )
        self._router = LitellmRouter(patience_seconds=MOST_PATIENCE_SECONDS + _MARGIN_SECONDS)
        self._filler = Filler()
        self._loading: asyncio.Task[None] | None = None
        self._loading_error = ""  # the class of what went wrong when litellm was loaded
        self._loads: defaultdict[str, Load] = defaultdict(Load)
        self._preparing: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._prepared: set[str] = set()
        self._exchange = (
            Exchange(board, own=self._word, on_sent=self._note_sent, on_told=self._hear) if board is not None else None
        )
        self._told = Told()
        self._troubles: dict[str, tuple[str, datetime]] = {}  # by host: what went wrong last, and when
        self._unsaid: dict[str, Failing] = {}  # what changed about failures, until the others were told
        self._trials: set[str] = set()  # deployments that a prompt of this process tries
        self._tried_elsewhere: dict[str, float] = {}  # until when, by the loop's clock
        self._candidates: dict[str, tuple[Deployment, tuple[object, ...], choice.Candidate]] = {}
        self._held = HeldThreads()
        self._line = Line(
            candidates=self._all_candidates,
            others=lambda: (self._told.tickets, self._told.used),
            take=lambda name: self._loads[name].take(self._tell_soon),
            give_back=lambda name: self._loads[name].give_back(self._tell_soon),
            on_change=self._tell_soon,
            held=self._held.find,
            most_waiting=most_waiting,
            patience_seconds=line_timeout_seconds,
        )

    @property
    def is_ready(self) -> bool:
        """Tell whether every host was looked at and, if there is one to ask, the way to it is loaded."""
        is_loaded = self._loading is None or (self._loading.done() and not self._loading_error)
        return self._watch.has_looked and is_loaded

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
        if self._loading is not None:
            await self._loading  # a thread cannot be cancelled
        await self._router.close()
        await self._filler.close()
        if self._bundled is not None:
            await self._bundled.close()

    def take_fleet(self, fleet: Fleet) -> None:
        """Ask these hosts from now on; answers that stream already are not touched."""
        self._prepared.clear()  # a window may have changed
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
        if self._must_quote and need.capability is Capability.CHAT:
            return self._choose_quote(need, excluding)
        return choice.choose(self._some_candidates(), need, excluding=excluding)

    async def line_up(
        self, need: Need, *, excluding: frozenset[str] = frozenset()
    ) -> AsyncGenerator[Place | Route, None]:
        """Wait until a deployment has room for a prompt; yield the place in line when it changes, at last the route.

        The route's seat is held until the generator is closed. Closing it earlier leaves the line.

        Raises:
            NoRouteError: no deployment can take it.
            BusyError: all are busy, and the line is full or was waited in for too long.
        """
        if self._must_quote and need.capability is Capability.CHAT:
            yield self._choose_quote(need, excluding)
            return
        self._some_candidates()
        if self._exchange is not None:
            await self._exchange.refresh()
        is_seated = False
        while not is_seated:
            async with aclosing(self._line.wait(need, excluding=excluding)) as steps:
                async for step in steps:
                    if isinstance(step, Place):
                        yield step
                        continue
                    candidate, waited_seconds = step
                    if candidate.needs_trial and not await self._claim_trial(candidate.deployment):
                        break  # the seat is given back, and the choice made anew: somebody else tries it
                    is_seated = True
                    held = self._held.find(need.thread)
                    self._held.note(need.thread, choice.Held(candidate.deployment, need.prompt_tokens))
                    try:
                        yield choice.route_to(candidate, need, waited_seconds=waited_seconds, is_seated=True, held=held)
                    finally:
                        self._trials.discard(candidate.deployment)

    async def _claim_trial(self, deployment: str) -> bool:
        """Tell whether this prompt is the one that tries a deployment which failed: one at a time, everywhere."""
        is_mine = deployment not in self._trials
        if is_mine:
            self._trials.add(deployment)
            is_mine = self._exchange is None or await self._exchange.claim_trial(deployment)
            if not is_mine:
                self._trials.discard(deployment)
        if not is_mine:
            self._tried_elsewhere[deployment] = asyncio.get_running_loop().time() + _TRIAL_SECONDS
        return is_mine

    async def ask(
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
        if route.deployment == _QUOTE:
            async with aclosing(self._ask_quote(messages, reader)) as quoted:
                async for quote_item in quoted:
                    yield quote_item
            return
        load = self._loads[route.deployment]
        with nullcontext() if route.is_seated else load.carrying(self._tell_soon):
            try:
                known = self._watch.deployments.get(route.deployment)
                if known is not None and not known.is_loaded:
                    yield Loading(route.host, route.model, load.cold_seconds)
                deployment = await self._make_ready(route)
                answer = self._ask_host(
                    deployment,
                    load,
                    (*messages, ChatMessage("assistant", begun)) if begun else messages,
                    max_tokens=max_tokens,
                    temperature=temperature,
                    wishes=wishes,
                    is_begun=bool(begun),
                    held_tokens=route.held_tokens,
                )
                async with aclosing(answer):
                    async for item in answer:
                        yield item
            except (CallError, SilenceError, ProbeError) as error:
                raise self._host_error(route, load, error, wishes) from None

    async def fill(
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
        load = self._loads[route.deployment]
        with nullcontext() if route.is_seated else load.carrying(self._tell_soon):
            try:
                deployment = await self._make_ready(route, is_by_litellm=False)
                filling = self._filler.fill(
                    deployment,
                    load,
                    gap,
                    max_tokens=max_tokens,
                    temperature=temperature,
                    wishes=wishes,
                    first_timeout_seconds=self._patience.first_seconds(deployment, load, gap_tokens(gap)),
                    stall_timeout_seconds=self._patience.of(deployment).stall,
                )
                is_first = True
                async with aclosing(filling):
                    async for item in filling:
                        if is_first and load.answers():
                            self._say(deployment.id, _SOUND)
                        is_first = False
                        yield item
            except (CallError, SilenceError, ProbeError) as error:
                raise self._host_error(route, load, error, wishes) from None

    async def embed(self, route: Route, inputs: Inputs) -> Vectors:
        """Have the chosen deployment make vectors of texts; cancel the task to close the request.

        Args:
            route: from `choose`, for a need of `Capability.EMBED`.
            inputs: as the guard let them through.

        Raises:
            HostError: the host failed; `can_retry` says whether to choose again with this deployment excluded.
        """
        load = self._loads[route.deployment]
        with nullcontext() if route.is_seated else load.carrying(self._tell_soon):
            try:
                deployment = await self._make_ready(route)
                tokens = sum(map(most_tokens_of, inputs.texts))
                seconds = self._patience.first_seconds(deployment, load, tokens)
                try:
                    async with asyncio.timeout(seconds):
                        rows, counted = await self._router.embed(
                            deployment.id, inputs.texts, dimensions=inputs.dimensions
                        )
                except TimeoutError:
                    raise SilenceError(seconds, is_first=True) from None
                vectors = await asyncio.to_thread(vectors_of, rows, counted, inputs.dimensions)
            except (CallError, SilenceError, ProbeError) as error:
                raise self._host_error(route, load, error, NO_WISHES) from None
        if load.answers():
            self._say(route.deployment, _SOUND)
        load.succeeded(answer_tokens=0, seconds=0.0)
        return vectors

    def statuses(self) -> tuple[HostStatus, ...]:
        """Return how every host is, for the page and the console."""
        trouble = self._loading_words if self._loading_error else ""
        return describe_hosts(self._watch, self._loads, self._told.others, is_quoting=self._must_quote, trouble=trouble)

    def samples(self) -> tuple[HostSample, ...]:
        """Return everything that is known of every host now, for the administrator's pages and their history."""
        return take_samples(self._watch, self._loads, self._told.others, self._troubles)

    def host(self, name: str) -> Host | None:
        """Return a host of the fleet, or one that was found, by its name."""
        entry = self._watch.hosts.get(name)
        return entry.host if entry is not None else None

    def was_changed(self, name: str) -> None:
        """Look soon at a host that somebody changed: a model was loaded, unloaded or pulled there."""
        self._prepared = {each for each in self._prepared if not each.startswith(f"{name}/")}
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
        return Word(told, self._line.tickets, self._line.used, dict(self._unsaid), frozenset(self._trials))

    def _note_sent(self, word: Word) -> None:
        for name, failing in word.failing.items():
            if self._unsaid.get(name) is failing:
                del self._unsaid[name]

    def _hear(self, told: Told) -> None:
        drained_before, self._told = self._told.drained, told
        if told.drained != drained_before:
            self._watch.take_drained(told.drained)
        if told.failing is not None:
            for name in {*self._loads, *told.failing} - set(self._unsaid):  # what is not told yet is newer
                failing = told.failing.get(name, _SOUND)
                self._loads[name].hear(failing.failures, failing.rest_seconds)
        self._line.stir()

    def _tell_soon(self) -> None:
        if self._exchange is not None:
            self._exchange.soon()

    @property
    def _loading_words(self) -> str:
        return f"cannot be asked: litellm did not load ({self._loading_error}). Install Cloister again and restart it"

    @property
    def _must_quote(self) -> bool:
        """Tell whether there is nothing that generates: no host configured, named or found with a chat model."""
        return (
            self._may_quote
            and self._watch.has_looked
            and not any(Capability.CHAT in item.model.capabilities for item in self._watch.deployments.values())
        )

    def _choose_quote(self, need: Need, excluding: frozenset[str]) -> Route:
        candidate = choice.Candidate(
            deployment=_QUOTE,
            host=quote.HOST,
            name=quote.MODEL,
            public_name=quote.MODEL,
            context_tokens=max(need.tokens, 1),  # it reads the question alone, whatever else there is
            capabilities=frozenset({Capability.CHAT}),
        )
        choice.choose([candidate], replace(need, only=()), excluding=excluding)  # it sends nothing to any host
        reason = "quote: no model host was found, so passages are quoted"
        return Route(_QUOTE, quote.HOST, quote.MODEL, context_tokens=0, reason=reason)

    def _all_candidates(self) -> list[choice.Candidate]:
        return [self._candidate(deployment) for deployment in self._watch.deployments.values()]

    def _some_candidates(self) -> list[choice.Candidate]:
        """Return every deployment as the choice looks at it.

        Raises:
            NoRouteError: there is none at all.
        """
        candidates = self._all_candidates()
        if not candidates:
            tried = "; ".join(
                f"{name} {entry.absence or 'offers no model'}" for name, entry in self._watch.hosts.items()
            )
            raise NoRouteError(f"No model host can be asked now. Tried: {tried}. Ask again in a minute.")
        return candidates

    def _candidate(self, deployment: Deployment) -> choice.Candidate:
        """Return what the choice looks at; built anew only when something of it changed."""
        load = self._loads[deployment.id]
        others = self._told.others.get(deployment.id, _NOTHING)
        measured = (load.tokens_per_second, load.prompt_tokens_per_second, load.cold_seconds)
        is_tried = deployment.id in self._trials or self._is_tried_elsewhere(deployment.id)
        key = (load.in_flight, load.failures and (load.failures, load.rest_seconds, is_tried), others, measured)
        known = self._candidates.get(deployment.id)
        if known is None or known[0] is not deployment or known[1] != key:
            known = (deployment, key, _candidate(deployment, load, others, is_tried=is_tried))
            self._candidates[deployment.id] = known
        return known[2]

    def _is_tried_elsewhere(self, deployment: str) -> bool:
        until = self._tried_elsewhere.get(deployment)
        return until is not None and asyncio.get_running_loop().time() < until

    async def _ask_quote(self, messages: Sequence[ChatMessage], reader: str) -> AsyncGenerator[Token | Usage, None]:
        try:
            async with aclosing(self._quote.answer(messages, reader=reader)) as answer:
                async for item in answer:
                    yield item
        except Exception as error:  # noqa: BLE001  # the retriever is the caller's; whatever it was, others still work
            _log.error("The quote host failed: %s", type(error).__name__)  # a trace may hold the question
            raise HostError(
                "The indexed documents cannot be searched now. Ask again in a minute.",
                can_retry=False,
                host=quote.HOST,
                model=quote.MODEL,
            ) from None

    async def _ask_host(
        self,
        deployment: Deployment,
        load: Load,
        messages: Sequence[ChatMessage],
        *,
        max_tokens: int,
        temperature: float,
        wishes: Wishes,
        is_begun: bool,
        held_tokens: int,
    ) -> AsyncGenerator[AnswerItem, None]:
        source = self._router.stream(
            deployment.id, messages, max_tokens=max_tokens, temperature=temperature, wishes=wishes, is_begun=is_begun
        )
        chunks = paced(
            source,
            first_timeout_seconds=self._patience.first_seconds(deployment, load, most_tokens(messages)),
            stall_timeout_seconds=self._patience.of(deployment).stall,
        )
        loop = asyncio.get_running_loop()
        asked_at = loop.time()
        first_at = 0.0
        last = Chunk()
        new_tokens = max(0, most_tokens(messages) - held_tokens)  # what a cache holds is not read
        room_chars = max_tokens * _LONGEST_TOKEN_CHARS
        is_crowded = load.in_flight > deployment.slots or deployment.queued > 0  # then it waits for others as well
        load.starting += 1
        try:
            async with aclosing(chunks):
                async for chunk in chunks:
                    if not first_at:
                        first_at = loop.time()
                        load.starting -= 1
                        if load.answers():
                            self._say(deployment.id, _SOUND)
                        if not deployment.is_loaded:
                            load.cold_seconds = first_at - asked_at
                        elif not is_crowded:
                            load.began(prompt_tokens=new_tokens, seconds=first_at - asked_at)
                    if chunk.model and with_tag(chunk.model) in deployment.others:
                        raise CallError(0, other_model=chunk.model)
                    last = latest(last, chunk)
                    if chars_of(chunk) > room_chars:  # a host that ignores its limit writes for ever
                        last = replace(last, finish_reason="length")
                        yield Token(chunk.text[:room_chars])
                        break
                    room_chars -= chars_of(chunk)
                    for item in items_of(chunk):
                        yield item
        finally:
            load.starting -= not first_at
        # An answer of reasoning alone is none, nor is one of calls where nobody offered a tool. A stop may be its first
        # word, its limit may end it in mid-thought, and of what a tool gave there may be nothing to say. And an answer
        # that was gone on from may have been whole.
        has_called = wishes.may_call and bool(last.calls)
        is_of_tool = messages[-1].role == "tool"
        may_be_empty = bool(wishes.stop) or is_begun or is_of_tool or last.finish_reason == "length"
        if not last.text and not has_called and not may_be_empty:
            raise CallError(0)
        load.succeeded(answer_tokens=last.answer_tokens, seconds=loop.time() - first_at)
        yield usage_of(deployment.host.name, last, messages)

    async def _make_ready(self, route: Route, *, is_by_litellm: bool = True) -> Deployment:
        """Wait for what the first prompts need: litellm, the bundled server, a model with the right window.

        Raises:
            CallError: the host is gone.
            ProbeError, SilenceError: the model, or litellm, cannot be loaded.
        """
        if self._bundled is not None and route.host == "bundled" and self._bundled.host is None:
            known = self._watch.deployments.get(route.deployment)
            await self._bundled.wait_until_up(self._patience.of(known).load if known else Patience().load)
            await self._watch.look()
        if is_by_litellm:
            await asyncio.shield(self._begin_loading())
            if self._loading_error:
                raise ProbeError(self._loading_words)
        deployment = self._watch.deployments.get(route.deployment)
        if deployment is None or deployment.absence:
            raise CallError(0)
        if deployment.is_loaded:
            self._prepared.discard(deployment.id)
            return deployment
        async with self._preparing[deployment.id]:  # two loads of one model would take its memory twice
            if deployment.id not in self._prepared:
                await self._prepare(deployment)
                self._prepared.add(deployment.id)
        return deployment

    async def _prepare(self, deployment: Deployment) -> None:
        seconds = self._patience.of(deployment).load
        try:
            async with asyncio.timeout(seconds):
                await deployment.kind.prepare(
                    self._watch.client, deployment.host, deployment.model.name, deployment.context_tokens
                )
        except TimeoutError:
            raise SilenceError(seconds, is_first=True) from None

    def _host_error(self, route: Route, load: Load, failure: Failure, wishes: Wishes) -> HostError:
        words = describe_failure(failure, wishes)
        if is_of_the_host(failure, wishes):
            if load.failed():
                self._say(route.deployment, Failing(load.failures, load.rest_seconds))
            self._look_soon()
        self._troubles[route.host] = (words, datetime.now(UTC))
        message = f"{route.host} {words}."
        _log.warning("%s (%s)", message, route.deployment)
        return HostError(
            message,
            can_retry=True,
            host=route.host,
            model=route.model,
            is_overlong=isinstance(failure, CallError) and failure.is_overlong,
            is_unfit=is_of_the_wishes(failure, wishes),
        )

    def _say(self, deployment: str, failing: Failing) -> None:
        """Have the others know that a deployment began to fail, or answers again."""
        self._tried_elsewhere.pop(deployment, None)
        if self._exchange is not None:
            self._unsaid[deployment] = failing
            self._exchange.soon()

    def _look_soon(self) -> None:
        self._watch.look_soon()

    def _take_deployments(self) -> None:
        """Have both clients carry to what is there now; load litellm first if this is the first deployment."""
        self._filler.allow(deployment.host for deployment in self._watch.deployments.values())
        if self._loading is None:
            if self._watch.deployments:
                self._begin_loading()
        elif self._loading.done() and not self._loading_error:
            self._replace_deployments()
        self._line.stir()

    def _begin_loading(self) -> asyncio.Task[None]:
        """Return the task that loads litellm; after a failure the next prompt tries again."""
        if self._loading is None or (self._loading.done() and self._loading_error):
            self._loading = asyncio.create_task(self._load_router(), name="load litellm")
        return self._loading

    async def _load_router(self) -> None:
        try:
            await self._router.load()
            self._replace_deployments()
        except Exception as error:  # noqa: BLE001  # a foreign import may raise anything
            self._loading_error = type(error).__name__
            _log.error("litellm did not load: %s", self._loading_error)
        else:
            self._loading_error = ""

    def _replace_deployments(self) -> None:
        self._router.replace(
            {
                deployment.id: deployment.kind.call_parameters(
                    deployment.host, deployment.model.name, deployment.context_tokens
                )
                for deployment in self._watch.deployments.values()
                if deployment.host.address
            },
            {each.host.address: each.host.tls for each in self._watch.deployments.values() if each.host.tls},
            {each.host.address: self._patience.of(each).connect for each in self._watch.deployments.values()},
            {each.id: each.kind.continuation for each in self._watch.deployments.values() if each.kind.continuation},
        )


def _candidate(deployment: Deployment, load: Load, others: Share, *, is_tried: bool) -> choice.Candidate:
    is_failing = load.failures > 0
    return choice.Candidate(
        deployment=deployment.id,
        host=deployment.host.name,
        name=deployment.model.name,
        public_name=deployment.model.public_name,
        context_tokens=deployment.context_tokens,
        # Whether it calls tools is a matter of fact, which the host knows; what it is for, the fleet says.
        capabilities=deployment.model.capabilities | (deployment.reported & {Capability.TOOLS}),
        abilities=deployment.kind.abilities,
        absence=deployment.absence,
        is_loaded=deployment.is_loaded,
        in_flight=load.in_flight + others.in_flight,
        slots=deployment.slots,
        queued=deployment.queued,
        is_cooling=is_failing and (load.is_cooling or is_tried),
        failures=load.failures,
        rest_seconds=load.rest_seconds,
        needs_trial=is_failing and not load.is_cooling and not is_tried,
        tokens_per_second=load.tokens_per_second or others.tokens_per_second,
        prompt_tokens_per_second=load.prompt_tokens_per_second or others.prompt_tokens_per_second,
        answer_seconds=load.answer_seconds or others.answer_seconds,
        cold_seconds=load.cold_seconds,
        can_continue=deployment.kind.continuation is not None,
        labels=frozenset(deployment.host.labels),
    )
