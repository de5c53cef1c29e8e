"""Hours of a company's prompts over its fleet, by our choice and by litellm's strategies.

    python tests/benchmarks/routing.py [HOURS]

A simulation in virtual time: the deck's hosts with those of phases 1 and 2, at the speeds that the planner gives them,
at 70 % of what they can carry; conversations whose every prompt holds what was said before, and engines that need not
read again what they still have in their cache. Every strategy sees the same prompts. litellm's are litellm's own
classes out of the installed package, told of each call as its Router tells them, with its rest of 5 s after a failure,
and given every prompt's room, which litellm checks only where limits are told. `unsticky` is ours without the advantage
of who holds the conversation, to see what that is worth.

Budgets: the 95th percentile of the time to the first token at most half of that of a random choice and at most that of
litellm's best; no prompt where it has no room; a host that dies and returns costs no answer. All in one run; the exit
status is 1 when one is missed.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import os
import random
import statistics
import sys
import warnings
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from connectors.model_hosts.capacity.memory import fit
from connectors.model_hosts.capacity.placing import Place, Use, Weights
from connectors.model_hosts.capacity.plan import plan
from connectors.model_hosts.choosing.choice import Candidate, Held, best, usable_groups
from connectors.model_hosts.choosing.load import Load
from connectors.model_hosts.facts.facts import shipped_facts
from connectors.model_hosts.values import Capability, Need

FACTS: Final = shipped_facts()
LOAD_SHARE: Final = 0.7
HOURS: Final = 0.5  # a few minutes, most of them litellm's; a whole day says the same
REST_SECONDS: Final = 5.0  # litellm's default after a failure
LONGEST_TOKENS: Final = 32_000  # what fits nowhere is refused before it is sent, and is not our subject here
PEOPLE: Final = 500
MOST_SLOTS: Final = 16  # as engines are set up
EFFICIENCY: Final = 0.7
ANSWER_TOKENS: Final = 300.0
PROMPT_TOKENS: Final = 1200.0
SPREAD: Final = 0.8  # of the logarithms of both
TURNS: Final = 4  # of a conversation, on average
THINKING_SECONDS: Final = 60.0  # between an answer and the next prompt
CACHES: Final = 2  # conversations that an engine still has in its cache, a slot
BEGAN: Final = datetime(2026, 11, 2, 8, tzinfo=UTC)
CHAT: Final = frozenset({Capability.CHAT})


@dataclass(slots=True)
class Ask:
    """A prompt on its way."""

    alias: str
    at: float
    prompt_tokens: int
    answer_tokens: int
    thread: int = 0
    known_tokens: int = 0  # of the prompt, that were said before
    failed_on: set[str] = field(default_factory=set)

    @property
    def room(self) -> int:
        return self.prompt_tokens + self.answer_tokens


@dataclass(slots=True)
class Server:
    """A deployment: slots, a queue, and the speeds of the planner."""

    name: str
    alias: str
    context_tokens: int
    slots: int
    prompt_tokens_per_second: float
    bandwidth: float
    weights: Weights
    running: int = 0
    queue: deque[Ask] = field(default_factory=deque)
    generation: int = 0  # of its life; what belongs to an earlier one died with it
    is_dead: bool = False
    cache: OrderedDict[int, None] = field(default_factory=OrderedDict)  # conversations, the latest last

    @property
    def in_flight(self) -> int:
        return self.running + len(self.queue)

    def reading_seconds(self, ask: Ask) -> float:
        """Those that run share the arithmetic; what is in the cache is not read."""
        new = ask.prompt_tokens - (ask.known_tokens if ask.thread in self.cache else 0)
        return new * max(1.0, self.running / 4) / self.prompt_tokens_per_second

    def remember(self, ask: Ask) -> None:
        """Keep a conversation in the cache, in the place of the oldest."""
        self.cache[ask.thread] = None
        self.cache.move_to_end(ask.thread)
        while len(self.cache) > CACHES * self.slots:
            self.cache.popitem(last=False)

    def writing_seconds(self, ask: Ask) -> float:
        """Those that run share one delivery of the weights."""
        read = self.weights.read_bytes + self.running * self.weights.cache_bytes * ask.room
        return ask.answer_tokens * read / self.bandwidth


def build_servers() -> list[Server]:
    """Return the deck's hosts and those of phases 1 and 2, each with what fits it."""
    small, large = "qwen2.5-7b", "llama-3.1-70b"
    places = [
        ("Dev1", "rtx-4090", 1, small, 32768),
        ("Mini1", "m4", 1, small, 16384),
        ("Einstein2", "rtx-4090", 1, small, 32768),
        ("Mini2", "m4-pro", 1, large, 16384),
        *((f"A6000-{number}", "rtx-a6000", 2, large, 32768) for number in range(4)),
        *((f"XTX-{number}", "rx-7900-xtx", 1, small, 32768) for number in range(8)),
        *((f"XTX-four-{number}", "rx-7900-xtx", 4, large, 16384) for number in range(8)),
    ]
    return [_server(*place) for place in places]


def _server(name: str, accelerator: str, devices: int, release: str, context_tokens: int) -> Server:
    weights = Weights(FACTS.releases[release])
    place = Place.of(FACTS.accelerators[accelerator], devices)
    answers = fit(weights, place, 4096).answers
    assert answers, name
    planned = plan(weights, place, Use(context_tokens=4096))
    assert planned.speed is not None
    return Server(
        name=name,
        alias=release,
        context_tokens=context_tokens,
        slots=min(MOST_SLOTS, answers) if devices > 1 or accelerator.startswith("r") else 1,
        prompt_tokens_per_second=Use().prompt_tokens / planned.speed.prefill_seconds * EFFICIENCY,
        bandwidth=place.bandwidth_gb_s * 1e9 * place.devices_at_once * EFFICIENCY,
        weights=weights,
    )


class Strategy:
    """Chooses a server, and learns from what came of it."""

    name = "random"
    checks_room = False

    def __init__(self, servers: Sequence[Server], seed: int, clock: Callable[[], float]) -> None:
        self.servers = servers
        self.by_name = {server.name: server for server in servers}
        self.chance = random.Random(seed)  # noqa: S311  # no secret
        self.clock = clock
        self.rests_until: dict[str, float] = {}

    def pick(self, ask: Ask) -> Server | None:
        """Return a server; None if there is none that did not fail for this prompt."""
        fitting = [
            server
            for server in self.servers
            if server.alias == ask.alias
            and server.name not in ask.failed_on
            and (not self.checks_room or server.context_tokens >= ask.room)
        ]
        awake = [server for server in fitting if self.rests_until.get(server.name, 0.0) <= self.clock()]
        return self.best(ask, awake or fitting) if fitting else None

    def best(self, ask: Ask, fitting: list[Server]) -> Server:
        return self.chance.choice(fitting)

    def sent(self, server: Server, ask: Ask) -> None:
        """Learn of a prompt on its way."""

    def began(self, server: Server, ask: Ask, waited: float, read: float) -> None:
        """Learn of a first token."""

    def ended(self, server: Server, ask: Ask, seconds: float) -> None:
        """Learn of an end."""

    def failed(self, server: Server, ask: Ask) -> None:
        """Learn of a failure."""


class Litellm(Strategy):
    """One of litellm's own strategies, out of its package."""

    checks_room = True
    handler: Any

    def __init__(self, servers: Sequence[Server], seed: int, clock: Callable[[], float]) -> None:
        super().__init__(servers, seed, clock)
        random.seed(seed)  # it uses the common one
        self.told: dict[str, dict[str, Any]] = {
            server.name: {
                "model_name": server.alias,
                "litellm_params": {"model": f"hosted_vllm/{server.alias}", "api_base": f"http://{server.name}/v1"},
                "model_info": {"id": server.name},
            }
            for server in servers
        }
        self.asked_at: dict[int, float] = {}
        self.began_at: dict[int, float] = {}

    def now(self) -> datetime:
        return BEGAN + timedelta(seconds=self.clock())

    def call(self, server: Server, ask: Ask) -> dict[str, Any]:
        """Return what litellm's Router tells of a call."""
        start = BEGAN + timedelta(seconds=self.began_at.get(id(ask), self.clock()))
        return {
            "stream": True,
            "completion_start_time": start,
            "litellm_params": {"metadata": {"model_group": server.alias}, "model_info": {"id": server.name}},
            "standard_logging_object": {
                "model_group": server.alias,
                "model_id": server.name,
                "hidden_params": {"litellm_model_name": f"hosted_vllm/{server.alias}"},
                "total_tokens": ask.room,
            },
        }

    def best(self, ask: Ask, fitting: list[Server]) -> Server:
        healthy = [self.told[server.name] for server in fitting]
        return self.by_name[self.chosen(ask.alias, healthy)["model_info"]["id"]]

    def chosen(self, alias: str, healthy: list[dict[str, Any]]) -> dict[str, Any]:
        return dict(self.handler.get_available_deployments(model_group=alias, healthy_deployments=healthy))

    def sent(self, server: Server, ask: Ask) -> None:
        self.asked_at[id(ask)] = self.clock()

    def began(self, server: Server, ask: Ask, waited: float, read: float) -> None:
        self.began_at[id(ask)] = self.clock()

    def ended(self, server: Server, ask: Ask, seconds: float) -> None:
        asked = BEGAN + timedelta(seconds=self.asked_at.pop(id(ask)))
        self.handler.log_success_event(self.call(server, ask), None, asked, self.now())
        self.began_at.pop(id(ask), None)

    def failed(self, server: Server, ask: Ask) -> None:
        self.rests_until[server.name] = self.clock() + REST_SECONDS
        self.asked_at.pop(id(ask), None)
        self.began_at.pop(id(ask), None)


class LeastBusy(Litellm):
    name = "least-busy"

    def __init__(self, servers: Sequence[Server], seed: int, clock: Callable[[], float]) -> None:
        super().__init__(servers, seed, clock)
        from litellm.caching.caching import DualCache  # noqa: PLC0415  # seconds
        from litellm.router_strategy.least_busy import LeastBusyLoggingHandler  # noqa: PLC0415  # likewise

        self.handler = LeastBusyLoggingHandler(DualCache())

    def sent(self, server: Server, ask: Ask) -> None:
        super().sent(server, ask)
        self.handler.log_pre_api_call("", [], self.call(server, ask))

    def failed(self, server: Server, ask: Ask) -> None:
        self.handler.log_failure_event(self.call(server, ask), None, None, None)
        super().failed(server, ask)


class Latency(Litellm):
    name = "latency-based"

    def __init__(self, servers: Sequence[Server], seed: int, clock: Callable[[], float]) -> None:
        super().__init__(servers, seed, clock)
        from litellm.caching.caching import DualCache  # noqa: PLC0415  # seconds
        from litellm.router_strategy.lowest_latency import LowestLatencyLoggingHandler  # noqa: PLC0415  # likewise

        self.handler = LowestLatencyLoggingHandler(DualCache())

    def chosen(self, alias: str, healthy: list[dict[str, Any]]) -> dict[str, Any]:
        asked = {"stream": True, "metadata": {}}
        return dict(self.handler.get_available_deployments(alias, healthy, request_kwargs=asked))


class Usage(Litellm):
    name = "usage-based-v2"

    def __init__(self, servers: Sequence[Server], seed: int, clock: Callable[[], float]) -> None:
        super().__init__(servers, seed, clock)
        from litellm.caching.caching import DualCache  # noqa: PLC0415  # seconds
        from litellm.router_strategy import lowest_tpm_rpm_v2  # noqa: PLC0415  # likewise

        lowest_tpm_rpm_v2.get_utc_datetime = self.now  # its minutes are those of the simulation
        self.handler = lowest_tpm_rpm_v2.LowestTPMLoggingHandler_v2(DualCache())

    def best(self, ask: Ask, fitting: list[Server]) -> Server:
        server = super().best(ask, fitting)
        self.handler.pre_call_check(self.told[server.name])
        return server


class Ours(Strategy):
    """The product's own choice over what the product measures."""

    name = "ours"
    is_sticky = True

    def __init__(self, servers: Sequence[Server], seed: int, clock: Callable[[], float]) -> None:
        super().__init__(servers, seed, clock)
        self.loads = {server.name: Load(clock) for server in servers}
        self.held: dict[int, Held] = {}

    def pick(self, ask: Ask) -> Server | None:
        need = Need((ask.alias,), prompt_tokens=ask.prompt_tokens, answer_tokens=ask.answer_tokens)
        candidates = [self._candidate(server) for server in self.servers if server.alias == ask.alias]
        usable = next(usable_groups(candidates, need, excluding=frozenset(ask.failed_on)), [])
        usable = [candidate for candidate in usable if candidate.free_slots] or usable  # as the line gives it
        if not usable:
            return None
        held = self.held.get(ask.thread) if self.is_sticky else None
        return self.by_name[best(usable, need, held).deployment]

    def must_wait(self, ask: Ask) -> bool:
        """Tell whether all that could take a prompt are busy: it then waits in line."""
        usable = [
            server
            for server in self.servers
            if server.alias == ask.alias and server.context_tokens >= ask.room and server.name not in ask.failed_on
        ]
        return bool(usable) and all(server.in_flight >= server.slots for server in usable)

    def _candidate(self, server: Server) -> Candidate:
        load = self.loads[server.name]
        return Candidate(
            deployment=server.name,
            host=server.name,
            name=server.alias,
            public_name=server.alias,
            context_tokens=server.context_tokens,
            capabilities=CHAT,
            is_loaded=True,
            in_flight=server.in_flight,
            slots=server.slots,
            is_cooling=load.is_cooling,
            tokens_per_second=load.tokens_per_second,
            prompt_tokens_per_second=load.prompt_tokens_per_second,
            answer_seconds=load.answer_seconds,
        )

    def began(self, server: Server, ask: Ask, waited: float, read: float) -> None:
        load = self.loads[server.name]
        load.answers()
        if not waited and not (ask.known_tokens and ask.thread in self.held):
            load.began(prompt_tokens=ask.prompt_tokens, seconds=read)
        self.held[ask.thread] = Held(server.name, ask.prompt_tokens)

    def ended(self, server: Server, ask: Ask, seconds: float) -> None:
        self.loads[server.name].succeeded(answer_tokens=ask.answer_tokens, seconds=seconds)

    def failed(self, server: Server, ask: Ask) -> None:
        self.loads[server.name].failed()


class OursUnsticky(Ours):
    name = "ours, unsticky"
    is_sticky = False


@dataclass(slots=True)
class Outcome:
    """What came of a day."""

    first_tokens: list[float] = field(default_factory=list)
    without_room: int = 0
    lost: int = 0
    retried: int = 0
    cached: int = 0

    @property
    def p95(self) -> float:
        return statistics.quantiles(self.first_tokens, n=20)[-1]


class Day:
    """One strategy's day, event by event.

    Args:
        asks: sorted by time; not changed.
        outage: which server is dead, from when to when.
    """

    def __init__(self, strategy: type[Strategy], asks: Sequence[Ask], outage: tuple[str, float, float]) -> None:
        self.now = 0.0
        self.servers = build_servers()
        self.strategy = strategy(self.servers, 7, lambda: self.now)
        self.outcome = Outcome()
        self._order = itertools.count()
        self._line: deque[Ask] = deque()
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        for ask in asks:
            self._at(ask.at, lambda ask=ask: self._arrive(replace(ask, failed_on=set())))
        name, begins, ends = outage
        (victim,) = (server for server in self.servers if server.name == name)
        self._inside: dict[str, list[Ask]] = {server.name: [] for server in self.servers}
        self._at(begins, lambda: self._kill(victim))
        self._at(ends, lambda: self._revive(victim))

    def run(self) -> Outcome:
        """Live through it."""
        while self._events:
            self.now, _, act = heapq.heappop(self._events)
            act()
        return self.outcome

    def _at(self, when: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._events, (when, next(self._order), act))

    def _arrive(self, ask: Ask) -> None:
        if isinstance(self.strategy, Ours) and self.strategy.must_wait(ask):
            self._line.append(ask)
            return
        self._send(ask)

    def _move_up(self) -> None:
        """Send who waits in line and may go now."""
        if isinstance(self.strategy, Ours):
            waiting, self._line = self._line, deque()
            for ask in waiting:
                self._arrive(ask)

    def _send(self, ask: Ask) -> None:
        server = self.strategy.pick(ask)
        if server is None:
            self.outcome.lost += 1
        elif server.is_dead:
            self.strategy.sent(server, ask)
            self._fail(server, ask)
        else:
            self.strategy.sent(server, ask)
            self.outcome.without_room += server.context_tokens < ask.room
            self._inside[server.name].append(ask)
            server.queue.append(ask)
            self._advance(server)

    def _fail(self, server: Server, ask: Ask) -> None:
        self.strategy.failed(server, ask)
        self.outcome.retried += 1
        ask.failed_on.add(server.name)
        self._arrive(ask)

    def _advance(self, server: Server) -> None:
        while server.queue and server.running < server.slots:
            ask = server.queue.popleft()
            server.running += 1
            self.outcome.cached += ask.known_tokens > 0 and ask.thread in server.cache
            read, life = server.reading_seconds(ask), server.generation
            server.remember(ask)
            waited = self.now - ask.at if not ask.failed_on else 0.0
            self._at(self.now + read, lambda ask=ask, w=waited, r=read, life=life: self._begin(server, ask, w, r, life))

    def _begin(self, server: Server, ask: Ask, waited: float, read: float, life: int) -> None:
        if life != server.generation:
            return
        self.outcome.first_tokens.append(self.now - ask.at)
        self.strategy.began(server, ask, waited, read)
        seconds = server.writing_seconds(ask)
        self._at(self.now + seconds, lambda: self._end(server, ask, seconds, life))

    def _end(self, server: Server, ask: Ask, seconds: float, life: int) -> None:
        if life != server.generation:
            return
        server.running -= 1
        self._inside[server.name].remove(ask)
        self.strategy.ended(server, ask, seconds)
        self._advance(server)
        self._move_up()

    def _revive(self, server: Server) -> None:
        server.is_dead = False
        self._move_up()

    def _kill(self, server: Server) -> None:
        """Whatever was inside is asked again elsewhere, answers in the making from their beginning."""
        server.is_dead, server.running, server.generation = True, 0, server.generation + 1
        server.queue.clear()
        server.cache.clear()
        inside, self._inside[server.name] = self._inside[server.name], []
        for ask in inside:
            self._fail(server, ask)


def asks_of_a_day(servers: Sequence[Server], hours: float) -> list[Ask]:
    """Return the prompts of a day: at each alias as many as make the stated share of what its servers can carry.

    What a server can carry is reckoned without its cache, as if it read every prompt whole.
    """
    chance = random.Random(11)  # noqa: S311  # no secret
    asks: list[Ask] = []
    threads = itertools.count(1)
    for alias in dict.fromkeys(server.alias for server in servers):
        sample = [ask for _ in range(2000) for ask in _conversation(chance, alias, 0.0, 0)]
        typical = Ask(
            alias,
            0.0,
            round(statistics.fmean(ask.prompt_tokens for ask in sample)),
            round(statistics.fmean(ask.answer_tokens for ask in sample)),
        )
        rate = LOAD_SHARE * sum(_answers_a_second(server, typical) for server in servers if server.alias == alias)
        rate /= len(sample) / 2000  # of conversations
        at = chance.expovariate(rate) - 600.0  # so that it is in full swing when it begins
        while at < hours * 3600:
            asks += [ask for ask in _conversation(chance, alias, at, next(threads)) if 0 <= ask.at < hours * 3600]
            at += chance.expovariate(rate)
    return sorted(asks, key=lambda ask: ask.at)


def _conversation(chance: random.Random, alias: str, at: float, thread: int) -> list[Ask]:
    """Return the prompts of one conversation: each holds all that was said before."""
    asks: list[Ask] = []
    known = 0
    while not asks or chance.random() < 1 - 1 / TURNS:
        size = PROMPT_TOKENS if not asks else PROMPT_TOKENS / 4
        new = max(16, round(size * chance.lognormvariate(-(SPREAD**2) / 2, SPREAD)))
        answer = max(8, round(ANSWER_TOKENS * chance.lognormvariate(-(SPREAD**2) / 2, SPREAD)))
        if chance.random() < 0.01:  # a whole file: only the larger windows hold it
            new += 20_000
        if known + new + answer > LONGEST_TOKENS:
            break
        asks.append(Ask(alias, at, known + new, answer, thread, known))
        known += new + answer
        at += chance.expovariate(1 / THINKING_SECONDS) + 10.0
    return asks or [Ask(alias, at, 1000, 300, thread)]


def _answers_a_second(server: Server, typical: Ask) -> float:
    """Return how many typical answers a server gives when all its slots are busy."""
    busy = replace(server, running=server.slots)
    return server.slots / (busy.reading_seconds(typical) + busy.writing_seconds(typical))


async def main() -> int:
    """Print a line for each strategy; return the exit status. litellm's want a loop to be made in."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    warnings.simplefilter("ignore", DeprecationWarning)
    hours = float(sys.argv[1]) if len(sys.argv) > 1 else HOURS
    servers = build_servers()
    asks = asks_of_a_day(servers, hours)
    outage = ("XTX-0", hours * 1200, hours * 2400)
    per_person = len(asks) / PEOPLE
    words = f"{per_person:.0f} from each of {PEOPLE} people"
    print(f"{len(servers)} deployments of 2 models, {len(asks)} prompts in {hours:g} h, {words}")
    print(f"{'strategy':<16}{'p50':>9}{'p95':>10}   without room, lost, asked again, out of the cache")
    outcomes = {}
    for strategy in (Strategy, LeastBusy, Latency, Usage, Ours, OursUnsticky):
        outcome = outcomes[strategy.name] = Day(strategy, asks, outage).run()
        told = f"{outcome.without_room:>6} {outcome.lost:>6} {outcome.retried:>6} {outcome.cached / len(asks):>6.0%}"
        median = statistics.median(outcome.first_tokens)
        print(f"{strategy.name:<16}{median:>8.2f}s{outcome.p95:>9.2f}s  {told}", flush=True)
    ours = outcomes["ours"]
    best_name = min(("least-busy", "latency-based", "usage-based-v2"), key=lambda name: outcomes[name].p95)
    budgets = {
        f"p95 {ours.p95 / outcomes['random'].p95:.2f} of random's, at most 0.5": ours.p95 <= outcomes["random"].p95 / 2,
        f"p95 {ours.p95 / outcomes[best_name].p95:.2f} of litellm's best ({best_name}), at most 1": ours.p95
        <= outcomes[best_name].p95,
        f"{ours.without_room} prompts without room, none allowed": not ours.without_room,
        f"{ours.lost} answers lost, none allowed": not ours.lost,
    }
    for words, is_kept in budgets.items():
        print(f"{'kept  ' if is_kept else 'MISSED'} {words}")
    return 0 if all(budgets.values()) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
