"""What a completion costs here on top of its host: `python tests/benchmarks/fim.py`.

A turn with an 8 KB window, as an editor sends one at each key stroke, through `run_turn` with the shipped policy and a
fake host over real HTTP: CPU of this process without that of the host. The log is in memory. Then
what the memory of the guard saves on a file of 100 KB, and how long the event loop stands still meanwhile.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from assistant.bootstrap.application import AnswerTurn
from assistant.conversation import Person, Role
from assistant.turn_events import Answered
from connectors.model_hosts.catalogue import Fleet, Host, Model
from connectors.model_hosts.values import Capability, Gap
from policies.guard import Guard
from tests.fakes.model_host import FakeModel, FakeModelHost
from tests.fakes.open_hosts import open_hosts
from tests.fakes.turn_parts import MARIA, World, make_guard, make_turn

KEY_STROKES = 60
BUDGET_CPU_MS = 10.0  # issue 7: for an 8 KB window
WINDOW_CHARS = 8192
FILE_CHARS = 100_000
REPLY = "total += item.price * item.count\n    return total\n"
SOURCES = Path(__file__).parents[2] / "assistant"


def source(chars: int) -> str:
    """Return code as people write it: our own."""
    text = "".join(path.read_text(encoding="utf-8") for path in sorted(SOURCES.glob("*.py")))
    return (text * (chars // len(text) + 1))[:chars]


def main() -> None:
    """Measure and print; fails when the budget is missed."""
    guard = make_guard()
    guard.load()
    cpu_ms = asyncio.run(complete(guard))
    asyncio.run(scan_a_file(guard))
    if cpu_ms > BUDGET_CPU_MS:
        sys.exit(f"a completion costs {cpu_ms:.1f} ms CPU, more than {BUDGET_CPU_MS:g}")


async def complete(guard: Guard) -> float:
    """Complete at each of many key strokes, and return the median of the CPU time in milliseconds."""
    prefix, suffix = source(WINDOW_CHARS * 3 // 4), source(WINDOW_CHARS // 4)
    world = World(guard)
    person = Person(MARIA.id, MARIA.name, frozenset({Role.DEVELOPER}))
    with host_process() as address:
        models = (Model("starcoder2", "starcoder2", 16384, capabilities=frozenset({Capability.FIM})),)
        fleet = Fleet((Host("Dev1", "vllm", address, models=models),))
        async with open_hosts(fleet=fleet, look_every_seconds=60) as hosts:
            while not hosts.is_ready:  # noqa: ASYNC110 - litellm, which nobody needs here, loads in a thread
                await asyncio.sleep(0.1)
            answer = AnswerTurn(replace(world.parts, hosts=hosts))
            cpu: list[float] = []
            wall: list[float] = []
            for stroke in range(KEY_STROKES):
                typed = "total = compute(first, second, third)  # typed by somebody\n"[: stroke % 58 + 1]
                turn = make_turn("", person=person, persona="starcoder")
                turn = replace(turn, gap=Gap(prefix + typed, suffix), max_answer_tokens=64)
                events = len(world.audit.events)
                before, began = time.process_time(), time.perf_counter()
                seen = [event async for event in answer(turn)]
                cpu.append((time.process_time() - before) * 1000)
                wall.append((time.perf_counter() - began) * 1000)
                if not isinstance(seen[-1], Answered) or len(world.audit.events) - events != 2:
                    sys.exit(f"not answered with two events: {seen[-1]}")
    median = statistics.median(cpu[5:])
    print(
        f"a completion, 8 KB window    CPU p50 {median:6.2f} ms   p95 {sorted(cpu[5:])[-3]:6.2f} ms   "
        f"budget {BUDGET_CPU_MS:g}"
    )
    print(f"  the first of them          CPU     {cpu[0]:6.2f} ms   nothing remembered yet")
    print(f"  with the host's own time   wall p50 {statistics.median(wall[5:]):5.2f} ms   two events")
    return median


async def scan_a_file(guard: Guard) -> None:
    """Scan a large file, once and at the next key strokes, and watch the loop."""
    text = "\n".join(("# a file of its own", source(FILE_CHARS)))
    for words, typed in (("at first", ""), ("again", ""), ("one letter more", "x"), ("in the middle", "")):
        changed = text[:50_000] + "y = 1\n" + text[50_000:] if words == "in the middle" else text + typed
        stalls = asyncio.create_task(_watch())
        await asyncio.sleep(0)
        before = time.process_time()
        await asyncio.to_thread(guard.find, changed)
        cpu_ms = (time.process_time() - before) * 1000
        stalls.cancel()
        stood_ms = await _worst(stalls)
        print(f"a file of 100 KB, {words:16} CPU     {cpu_ms:6.1f} ms   the loop stood still for {stood_ms:.1f} ms")


_stalls: dict[int, float] = {}


async def _watch() -> None:
    task = id(asyncio.current_task())
    _stalls[task] = 0.0
    while True:
        began = time.perf_counter()
        await asyncio.sleep(0.001)
        _stalls[task] = max(_stalls[task], time.perf_counter() - began - 0.001)


async def _worst(task: asyncio.Task[None]) -> float:
    await asyncio.wait((task,))
    return _stalls[id(task)] * 1000


@contextmanager
def host_process() -> Iterator[str]:
    """Serve a fake host in a process of its own, so that its work is not counted here."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    try:
        yield str(ours.recv())
    finally:
        process.kill()
        process.join()


def _serve(pipe: Connection) -> None:
    host = FakeModelHost("vllm", models=[FakeModel("starcoder2", 16384)], reply=REPLY)
    asyncio.run(host.serve(lambda: pipe.send(host.address)))


if __name__ == "__main__":
    main()
