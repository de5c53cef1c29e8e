"""What a streamed answer costs the process that carries it: ours, litellm alone, raw HTTP, in one run.

    python tests/benchmarks/calls.py [--profile]

Processor time of this process, all of its threads, against the fake host in a process of its own: a call is a prompt
with an answer of one word, one after the other; a chunk is a word of answers that stream side by side at 50 a second
each, as people read them, less what their calls cost. Ours is the way that prompts take: line, choice, litellm's Router
with a function of ours, patience, pieces joined. Rounds take turns; the middle one counts.

Budgets of issue 6: at most 60 µs a chunk and 3 ms a call. The exit status is 1 when one is missed.
"""

from __future__ import annotations

import asyncio
import cProfile
import json
import os
import pstats
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack, aclosing, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp
import httpx

sys.path.insert(0, str(Path(__file__).parents[2]))

from connectors.model_hosts.catalogue import Fleet, Host, Model
from connectors.model_hosts.hosts import ModelHosts
from connectors.model_hosts.quote import QuotedPassage
from connectors.model_hosts.values import Asker, ChatMessage, Need, Route, Token

ROOT: Final = Path(__file__).parents[2]
MOST_CHUNK_MICROSECONDS: Final = 60.0
MOST_CALL_MILLISECONDS: Final = 3.0
STREAMS: Final = 12
WORDS: Final = 150
PACE_MILLISECONDS: Final = 20
CALLS: Final = 40
ROUNDS: Final = 3
QUESTION: Final = "Please summarise the state of the build and name the next step in two sentences."
BODY: Final = {"messages": [{"role": "user", "content": QUESTION}], "max_tokens": 1000, "stream": True}

Ask = Callable[[str], Awaitable[int]]
"""Asks a model, reads its answer to the end, and returns how many words came."""


async def no_passages(_question: str, _reader: str) -> tuple[QuotedPassage, ...]:
    return ()


@contextmanager
def hosts() -> Iterator[Mapping[str, str]]:
    """Run a host that says one word at once, and one that says many at the pace of a person's model."""
    with ExitStack() as stack:
        addresses = {}
        for model, words, pace in (("one", 1, 0), ("many", WORDS, PACE_MILLISECONDS)):
            reply = " ".join(f"w{number}" for number in range(words))
            command = [sys.executable, "-m", "tests.fakes.model_host", "--kind", "vllm", "--model", model]
            command += ["--reply", reply, "--token-ms", str(pace), "--keep-alive"]
            process = stack.enter_context(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True))
            stack.callback(process.kill)
            assert process.stdout is not None
            addresses[model] = process.stdout.readline().split()[1]
        yield addresses


@asynccontextmanager
async def ours(addresses: Mapping[str, str]) -> AsyncIterator[Ask]:
    fleet = Fleet(
        tuple(
            Host(model, "vllm", address, models=(Model(model, model, 32768),), max_parallel=64)
            for model, address in addresses.items()
        )
    )
    opened = ModelHosts(fleet, retriever=no_passages, look_every_seconds=3600.0)
    await opened.start()
    messages = (ChatMessage("user", QUESTION),)

    async def ask(model: str) -> int:
        words = 0
        need = Need((model,), prompt_tokens=100, asker=Asker("maria"), thread="thread")
        async with aclosing(opened.line_up(need)) as steps:
            async for step in steps:
                assert isinstance(step, Route)
                answer = opened.ask(step, messages, max_tokens=1000, temperature=0.0, reader="maria")
                async with aclosing(answer) as items:
                    async for item in items:
                        words += len(item.text.split()) if isinstance(item, Token) else 0
                break
        return words

    while not opened.is_ready:  # noqa: ASYNC110 - litellm loads in a thread
        await asyncio.sleep(0.1)
    try:
        yield ask
    finally:
        await opened.close()


@asynccontextmanager
async def router(addresses: Mapping[str, str]) -> AsyncIterator[Ask]:
    import litellm  # noqa: PLC0415 - seconds; ours has loaded it by now

    made = litellm.Router(
        model_list=[
            {"model_name": model, "litellm_params": _parameters(model, address)} for model, address in addresses.items()
        ],
        num_retries=0,
    )

    async def ask(model: str) -> int:
        return await _count(await made.acompletion(model=model, **BODY))

    yield ask


@asynccontextmanager
async def plain(addresses: Mapping[str, str]) -> AsyncIterator[Ask]:
    import litellm  # noqa: PLC0415 - as above

    async def ask(model: str) -> int:
        return await _count(await litellm.acompletion(**_parameters(model, addresses[model]), **BODY))

    yield ask


def _parameters(model: str, address: str) -> dict[str, Any]:
    return {"model": f"hosted_vllm/{model}", "api_base": f"{address}/v1", "api_key": "none"}


async def _count(stream: Any) -> int:
    words = 0
    async for chunk in stream:
        words += len((chunk.choices[0].delta.content or "").split()) if chunk.choices else 0
    return words


@asynccontextmanager
async def by_aiohttp(addresses: Mapping[str, str]) -> AsyncIterator[Ask]:
    async with aiohttp.ClientSession() as session:

        async def ask(model: str) -> int:
            words = 0
            url = f"{addresses[model]}/v1/chat/completions"
            async with session.post(url, json=BODY | {"model": model}) as response:
                async for line in response.content:
                    words += _words_in(line.decode())
            return words

        yield ask


@asynccontextmanager
async def by_httpx(addresses: Mapping[str, str]) -> AsyncIterator[Ask]:
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:

        async def ask(model: str) -> int:
            words = 0
            url = f"{addresses[model]}/v1/chat/completions"
            async with client.stream("POST", url, json=BODY | {"model": model}) as response:
                async for line in response.aiter_lines():
                    words += _words_in(line)
            return words

        yield ask


def _words_in(line: str) -> int:
    payload = line.removeprefix("data:").strip()
    if not payload or payload == "[DONE]":
        return 0
    choices = json.loads(payload)["choices"]
    return len((choices[0]["delta"].get("content") or "").split()) if choices else 0


async def call_seconds(ask: Ask) -> float:
    """Return the processor time of a call."""
    began = time.process_time()
    for _ in range(CALLS):
        assert await ask("one") == 1
    return (time.process_time() - began) / CALLS


async def chunk_seconds(ask: Ask, call: float) -> float:
    """Return the processor time of a chunk, without what the calls themselves cost."""
    began = time.process_time()
    assert await asyncio.gather(*(ask("many") for _ in range(STREAMS))) == [WORDS] * STREAMS
    return max(0.0, time.process_time() - began - STREAMS * call) / (STREAMS * WORDS)


CLIENTS: Final = {
    "ours": ours,
    "litellm Router": router,
    "litellm alone": plain,
    "aiohttp": by_aiohttp,
    "httpx": by_httpx,
}


async def measure(addresses: Mapping[str, str]) -> Mapping[str, tuple[float, float]]:
    """Return, of each client, the microseconds of a chunk and the milliseconds of a call."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in CLIENTS}
    async with ours(addresses) as own:
        for number in range(ROUNDS + 1):
            for name, client in CLIENTS.items():
                async with client(addresses) if name != "ours" else _opened(own) as ask:
                    call = await call_seconds(ask)
                    if number:  # the first round warms up
                        found[name].append((await chunk_seconds(ask, call) * 1e6, call * 1e3))
    return {
        name: (statistics.median(one[0] for one in rounds), statistics.median(one[1] for one in rounds))
        for name, rounds in found.items()
    }


@asynccontextmanager
async def _opened(ask: Ask) -> AsyncIterator[Ask]:
    yield ask


async def profile(addresses: Mapping[str, str]) -> None:
    """Print where ours spends its time, with chunks and then with calls."""
    async with ours(addresses) as ask:
        await call_seconds(ask)
        for work in (chunk_seconds(ask, 0.0), call_seconds(ask)):
            profiler = cProfile.Profile(time.process_time)
            profiler.enable()
            await work
            profiler.disable()
            pstats.Stats(profiler).sort_stats("tottime").print_stats(25)


def main() -> int:
    """Print a line for each client; return the exit status."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    warnings.simplefilter("ignore")  # litellm's
    with hosts() as addresses:
        if "--profile" in sys.argv:
            asyncio.run(profile(addresses))
            return 0
        found = asyncio.run(measure(addresses))
    print(f"{STREAMS} streams of 50 words a second; calls one after the other; processor time")
    print(f"{'':<16}{'a chunk':>12}{'a call':>12}")
    for name, (chunk, call) in found.items():
        print(f"{name:<16}{chunk:>9.1f} µs{call:>9.2f} ms")
    chunk, call = found["ours"]
    budgets = {
        f"a chunk: {chunk:.1f} µs, at most {MOST_CHUNK_MICROSECONDS:.0f}": chunk <= MOST_CHUNK_MICROSECONDS,
        f"a call: {call:.2f} ms, at most {MOST_CALL_MILLISECONDS:.0f}": call <= MOST_CALL_MILLISECONDS,
    }
    for words, is_kept in budgets.items():
        print(f"{'kept  ' if is_kept else 'MISSED'} {words}")
    return 0 if all(budgets.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
