"""What it costs to decide where a prompt goes, among 100 deployments.

    python tests/benchmarks/choice.py

Processor time: of the choice alone, a pure function of what is known; and of the choice with its seat in line, as every
prompt gets it and gives it back, without and with a board over all processes. What Redis takes is not counted.

Budget of issue 6: 200 µs for each. The exit status is 1 when one is missed.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import sys
import time
from collections import defaultdict
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Final

sys.path.insert(0, str(Path(__file__).parents[2]))

from connectors.model_hosts.catalogue import Host, Model
from connectors.model_hosts.choosing.breaker import Breaker
from connectors.model_hosts.choosing.candidates import Candidates
from connectors.model_hosts.choosing.choice import Candidate, choose
from connectors.model_hosts.choosing.held import HeldThreads
from connectors.model_hosts.choosing.line import Line
from connectors.model_hosts.choosing.load import Load
from connectors.model_hosts.choosing.seats import Seats
from connectors.model_hosts.choosing.sharing import Exchange, GivenSeat, Told, WantedSeat, Word
from connectors.model_hosts.kinds.kinds import build_kinds
from connectors.model_hosts.values import Asker, Capability, Need
from connectors.model_hosts.watching.watch import Deployment

MOST_MICROSECONDS: Final = 200.0
DEPLOYMENTS: Final = 100
ROUNDS: Final = 40  # the quietest counts: others use the machine, too
TIMES: Final = 100
CHAT: Final = frozenset({Capability.CHAT})


def decision_microseconds() -> float:
    """Time a choice among 100 deployments: processor time, the median of the quietest round."""
    base = Candidate("", "", "m", "m", 32768, CHAT, is_loaded=True, prompt_tokens_per_second=1000.0, answer_seconds=9.0)
    candidates = [
        replace(base, deployment=f"H{number}/m{number % 10}", name=f"m{number % 10}", public_name=f"m{number % 10}")
        for number in range(DEPLOYMENTS)
    ]
    need = Need(prompt_tokens=1000)
    medians = []
    for _ in range(ROUNDS):
        times = []
        for _ in range(TIMES):
            began = time.process_time()
            choose(candidates, need)
            times.append(time.process_time() - began)
        medians.append(statistics.median(times))
    return min(medians) * 1e6


class OpenBoard:
    """A board that gives the first seat that is asked for: what Redis takes is not counted."""

    async def exchange(self, _own: Word) -> Told:
        return Told()

    async def claim_trial(self, _deployment: str) -> bool:
        return True

    async def take_seat(self, wanted: WantedSeat) -> GivenSeat:
        return GivenSeat(wanted.places[0].deployment)


async def seat_microseconds(*, by_name: bool, has_board: bool) -> float:
    """Time a choice with its seat in line, as prompts get it: looked at, taken, given back; measured likewise.

    Args:
        by_name: ten of the hundred serve the model that is asked for, rather than all.
        has_board: the seat is asked for over all processes.
    """
    kind = next(kind for kind in build_kinds() if kind.name == "vllm")
    deployments = {}
    for number in range(DEPLOYMENTS):
        model = Model(f"m{number % 10}", f"m{number % 10}", 32768)
        host = Host(f"H{number}", "vllm", f"http://127.0.0.1:{number + 1}", models=(model,), max_parallel=16)
        name = f"{host.name}/{model.name}"
        deployments[name] = Deployment(name, host, kind, model, 32768, is_loaded=True, absence="", slots=16, queued=0)
    exchange = Exchange(OpenBoard(), own=lambda: Word({}), on_sent=lambda _: None, on_told=lambda _: None)
    loads, told, held = defaultdict[str, Load](Load), Told(), HeldThreads()
    chance = random.Random(1)  # noqa: S311 - no secret
    for number, name in enumerate(deployments):
        loads[name].succeeded(answer_tokens=300, seconds=9.0 + number / 10)
        loads[name].began(prompt_tokens=1000, seconds=0.5 + number / 100)
        for _ in range(chance.randrange(10)):
            loads[name].take(lambda: None)
    breaker = Breaker(loads, None)
    watch = SimpleNamespace(deployments=deployments, hosts={})
    candidates = Candidates(watch, loads, breaker, lambda: told.others)
    seats = Seats(exchange if has_board else None, held)
    line = Line(
        candidates=candidates.all,
        others=lambda: (told.tickets, told.used),
        take=lambda name: loads[name].take(lambda: None),
        give_back=lambda name: loads[name].give_back(lambda: None),
        seat=seats.take,
        end_seat=seats.end,
        on_change=lambda: None,
        held=held.find,
        most_waiting=50,
        patience_seconds=60.0,
    )
    medians = []
    for _ in range(ROUNDS):
        times = []
        for _ in range(TIMES):
            began = time.process_time()
            need = Need(("m3",) if by_name else (), prompt_tokens=1000, asker=Asker("maria"), thread="thread")
            async with aclosing(line.wait(need)) as steps:
                async for _step in steps:
                    break
            times.append(time.process_time() - began)
        seats.were_told(Word({}, ended_seats=seats.ended))
        medians.append(statistics.median(times))
    return min(medians) * 1e6


async def main() -> int:
    """Print a line for each; return the exit status."""
    alone = decision_microseconds()
    print(f"choice among {DEPLOYMENTS}: {alone:.0f} µs")
    is_kept = alone <= MOST_MICROSECONDS
    for has_board in (False, True):
        for by_name in (True, False):
            spent = await seat_microseconds(by_name=by_name, has_board=has_board)
            words = (
                f"with its seat in line, {'ten by name' if by_name else 'all'}{', with a board' if has_board else ''}"
            )
            print(f"{words}: {spent:.0f} µs")
            is_kept &= spent <= MOST_MICROSECONDS
    print(f"{'kept  ' if is_kept else 'MISSED'} at most {MOST_MICROSECONDS:.0f} µs")
    return 0 if is_kept else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
