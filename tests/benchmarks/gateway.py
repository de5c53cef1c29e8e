"""The gateway against LiteLLM Proxy, in one run, over the same fake model host.

    python tests/benchmarks/gateway.py [--only ours] [--requests N] [--memory N]

Ours has guard, quota, audit and durable commits on; the proxy runs once as it comes and once with its own content
filter, one worker each, installed by this file into an environment of its own. Every peer is asked in turn, round after
round, so that whatever else the machine does falls on all alike. CPU per answer is the figure that holds on a shared
machine: of the process itself and, for ours, of Postgres and Redis beside it. The exit status is 1 when a budget of
issue 7 is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp
import httpx
import psutil
import yaml
from pydantic import SecretStr

sys.path.insert(0, str(Path(__file__).parents[2]))

from assistant.bootstrap.commands import open_access, open_tokens
from assistant.conversation import Role
from assistant.embedded.postgres import EmbeddedPostgres
from assistant.embedded.redis import EmbeddedRedis
from assistant.keys import Keys
from assistant.migrations import migrate
from assistant.settings import Settings
from tests.integration.conftest import Database, quick_folder
from tests.integration.gateway_scene import environment_of

ROOT: Final = Path(__file__).parents[2]
PROXY: Final = "litellm[proxy]==1.106.2"
FILTERED: Final = ("email", "us_ssn", "credit_card", "ipv4", "iban", "aws_access_key")
TOKENS: Final = 64
PACE_SECONDS: Final = 0.02  # 50 tokens a second
ROUNDS: Final = 3
PEOPLE: Final = (1, 8, 64)
_START_SECONDS: Final = 900  # on a machine with other work LiteLLM Proxy takes minutes
_ASK: Final = "Request {number}: please summarise the state of the build and name the next step in two sentences."


@dataclass
class Peer:
    """Something that answers OpenAI's API.

    Attributes:
        model, paced: the names under which it serves the host without and with a pace.
        process: whose CPU counts; none for the host itself.
        beside: what works for it in other processes.
    """

    name: str
    url: str
    model: str
    paced: str
    key: str = "none"
    process: psutil.Process | None = None
    beside: Sequence[psutil.Process] = ()


@dataclass
class Sums:
    """What one peer did in one kind of load, over all rounds; seconds."""

    first: list[float] = field(default_factory=list)
    total: list[float] = field(default_factory=list)
    failed: int = 0
    wall: float = 0.0
    cpu: float = 0.0
    beside: float = 0.0

    @property
    def rate(self) -> float:
        return len(self.total) / self.wall

    @property
    def cpu_ms(self) -> float:
        return self.cpu / max(1, len(self.total)) * 1000

    @property
    def beside_ms(self) -> float:
        return self.beside / max(1, len(self.total)) * 1000


def cpu_of(processes: Sequence[psutil.Process]) -> float:
    """Return the CPU seconds that processes and their children have used."""
    spent = 0.0
    for process in processes:
        for one in (process, *process.children(recursive=True)):
            try:
                times = one.cpu_times()
            except psutil.NoSuchProcess:
                continue
            spent += times.user + times.system
    return spent


async def ask(
    session: aiohttp.ClientSession, peer: Peer, number: int, sums: Sums, *, model: str, is_stream: bool
) -> None:
    """Ask once, and read to the end."""
    body = {"model": model, "messages": [{"role": "user", "content": _ASK.format(number=number)}], "stream": is_stream}
    began = time.perf_counter()
    first = 0.0
    try:
        async with session.post(
            f"{peer.url}/chat/completions", json=body, headers={"authorization": f"Bearer {peer.key}"}
        ) as answer:
            raw = b""
            async for data in answer.content.iter_any():
                raw += data
                if not first and (b'"content":"w' in raw or b'"content": "w' in raw):
                    first = time.perf_counter() - began
            is_good = answer.status == 200 and raw.count(b"w63") == 1 and (not is_stream or b"[DONE]" in raw)
    except aiohttp.ClientError:
        is_good = False
    if not is_good:
        sums.failed += 1
        return
    sums.first.append(first)
    sums.total.append(time.perf_counter() - began)


async def load(peer: Peer, sums: Sums, *, people: int, requests: int, model: str, is_stream: bool) -> None:
    """Have people ask one after the other until enough was asked."""
    numbers = iter(range(requests))
    timeout = aiohttp.ClientTimeout(total=120)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout) as session:

        async def person() -> None:
            for number in numbers:
                await ask(session, peer, number, sums, model=model, is_stream=is_stream)

        own = [peer.process] if peer.process else []
        cpu, beside, began = cpu_of(own), cpu_of(peer.beside), time.perf_counter()
        await asyncio.gather(*(person() for _ in range(people)))
        sums.wall += time.perf_counter() - began
        sums.cpu += cpu_of(own) - cpu
        sums.beside += cpu_of(peer.beside) - beside


async def compare(
    peers: Sequence[Peer], *, people: int, requests: int, is_stream: bool, is_paced: bool
) -> dict[str, Sums]:
    """Ask every peer in turn, the first one another in each round."""
    sums = {peer.name: Sums() for peer in peers}
    for peer in peers:
        model = peer.paced if is_paced else peer.model
        await load(peer, Sums(), people=min(people, 8), requests=8, model=model, is_stream=is_stream)
    for number in range(ROUNDS):
        for peer in (*peers[number % len(peers) :], *peers[: number % len(peers)]):
            await load(
                peer,
                sums[peer.name],
                people=people,
                requests=max(people, requests // ROUNDS),
                model=peer.paced if is_paced else peer.model,
                is_stream=is_stream,
            )
    return sums


def share(values: Sequence[float], part: float) -> float:
    """Return a percentile, in milliseconds."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] * 1000 if ordered else float("nan")


def show(title: str, sums: dict[str, Sums]) -> None:
    print(f"\n{title}")
    print(
        f"  {'':<16}{'answers/s':>10}{'CPU ms':>9}{'beside':>8}{'first p50/p95':>20}{'whole p50/p95':>20}{'failed':>8}"
    )
    for name, one in sums.items():
        first = f"{share(one.first, 0.5):.1f}/{share(one.first, 0.95):.1f}"
        total = f"{share(one.total, 0.5):.1f}/{share(one.total, 0.95):.1f}"
        print(
            f"  {name:<16}{one.rate:>10.1f}{one.cpu_ms:>9.2f}{one.beside_ms:>8.2f}{first:>20}{total:>20}{one.failed:>8}"
        )
    sys.stdout.flush()


@contextmanager
def process(command: Sequence[str], log: Path, env: dict[str, str] | None = None) -> Iterator[psutil.Process]:
    """Run a process until the block ends."""
    with log.open("wb") as output:
        started = subprocess.Popen(command, cwd=ROOT, env=env, stdout=output, stderr=subprocess.STDOUT)
        try:
            yield psutil.Process(started.pid)
        finally:
            started.terminate()
            started.wait(timeout=120)


def wait_for(url: str, log: Path, key: str = "") -> None:
    """Wait until an address answers with 200."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        try:
            headers = {"authorization": f"Bearer {key}"} if key else {}
            if httpx.get(url, headers=headers, timeout=5, trust_env=False).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.2)
    raise SystemExit(f"{url} does not answer: {log.read_text()[-2000:]}")


def free_port() -> int:
    import socket  # noqa: PLC0415 - here alone

    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@contextmanager
def hosts(folder: Path) -> Iterator[tuple[str, str]]:
    """Run the fake host twice, without and with a pace; yields their addresses."""
    reply = " ".join(f"w{number}" for number in range(TOKENS))
    with ExitStack() as stack:
        addresses = []
        for model, pace in (("fake", 0.0), ("paced", PACE_SECONDS * 1000)):
            port = free_port()
            command = [sys.executable, "-m", "tests.fakes.model_host", "--kind", "vllm", "--port", str(port)]
            # As the host with which the budgets were set: a word and its blank are a token, and connections are kept.
            command += ["--model", model, "--reply", reply, "--token-ms", str(pace), "--keep-alive", "--blanks-behind"]
            stack.enter_context(process(command, folder / f"{model}.log"))
            wait_for(f"http://127.0.0.1:{port}/v1/models", folder / f"{model}.log")
            addresses.append(f"http://127.0.0.1:{port}")
        yield addresses[0], addresses[1]


# Everything that is counted, and more of it than the benchmark asks for.
_QUOTAS: Final = """
limits:
  - {name: one-token, counts: each token, running: 256}
  - {name: one-person, counts: each person, running: 256, requests: {minute: 1_000_000}, tokens: {day: 1_000_000_000}}
"""


@contextmanager
def cloister(folder: Path, fake: str, paced: str) -> Iterator[Peer]:
    """Run ours, everything on: real servers that sync, tokens, guard, audit with its texts."""
    with EmbeddedPostgres(folder / "p") as postgres, EmbeddedRedis(folder / "r") as redis:
        keys = Keys(bytes(range(32)))
        migrate(postgres.owner_url, keys)
        database = Database(postgres.owner_url, keys)
        named = (("Fast", fake, "fake"), ("Paced", paced, "paced"))
        fleet = {
            "hosts": [
                {
                    "name": name,
                    "kind": "vllm",
                    "address": address,
                    "max_parallel": 256,
                    "models": [{"name": model, "context_tokens": 32768}],
                }
                for name, address, model in named
            ]
        }
        (folder / "fleet.yaml").write_text(yaml.safe_dump(fleet))
        (folder / "quotas.yaml").write_text(_QUOTAS)
        (folder / "master.key").write_bytes(bytes(range(32)))
        settings = Settings(
            port=free_port(),
            data_dir=folder,
            master_key_file=folder / "master.key",
            fleet=folder / "fleet.yaml",
            quotas=folder / "quotas.yaml",
            database_url=database.app_url,
            audit_database_url=database.audit_writer_url,
            redis_url=SecretStr(redis.url.get_secret_value()),
        )
        command = [sys.executable, "-m", "assistant", "web"]
        with process(command, folder / "web.log", environment_of(settings)) as web:
            token = asyncio.run(_token(settings))
            wait_for(f"http://127.0.0.1:{settings.port}/health/ready", folder / "web.log")
            beside = [one for one in psutil.Process().children() if one.name() in {"postgres", "redis-server"}]
            url = f"http://127.0.0.1:{settings.port}/v1"
            yield Peer("Cloister", url, "general/fake", "general/paced", token, web, beside)


async def _token(settings: Settings) -> str:
    async with open_access(settings) as access:
        await access.add_person("maria", [Role.DEVELOPER], "correct-horse-battery")
    async with open_tokens(settings) as tokens:
        return (await tokens.create("maria", ("chat", "model:*"), days=1)).token


@contextmanager
def proxy(name: str, binary: Path, folder: Path, fake: str, paced: str, *, is_filtering: bool) -> Iterator[Peer]:
    """Run LiteLLM Proxy with one worker, as its makers advise for production."""
    config: dict[str, Any] = {
        "model_list": [
            {
                "model_name": model,
                "litellm_params": {"model": f"hosted_vllm/{model}", "api_base": f"{address}/v1", "api_key": "x"},
            }
            for model, address in (("fake", fake), ("paced", paced))
        ],
        "litellm_settings": {"request_timeout": 120, "drop_params": True},
        "router_settings": {"num_retries": 0},
        "general_settings": {"master_key": "sk-test"},
    }
    if is_filtering:
        patterns = [{"pattern_type": "prebuilt", "pattern_name": one, "action": "MASK"} for one in FILTERED]
        params = {"guardrail": "litellm_content_filter", "mode": ["pre_call", "post_call"], "default_on": True}
        config["guardrails"] = [{"guardrail_name": "filter", "litellm_params": params | {"patterns": patterns}}]
    file, log, port = folder / f"{name}.yaml", folder / f"{name}.log", free_port()
    file.write_text(yaml.safe_dump(config))
    env = os.environ | {
        "LITELLM_MODE": "PRODUCTION",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "DISABLE_ADMIN_UI": "True",
    }
    command = [str(binary), "--config", str(file), "--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"]
    with process(command, log, env) as running:
        wait_for(f"http://127.0.0.1:{port}/v1/models", log, "sk-test")
        yield Peer(name, f"http://127.0.0.1:{port}/v1", "fake", "paced", "sk-test", running)


def install_proxy() -> Path:
    """Install LiteLLM Proxy into an environment of its own, once, and return its program."""
    place = ROOT / "var" / "benchmarks" / "litellm-proxy"
    binary = place / "bin" / "litellm"
    if not binary.exists():
        uv = shutil.which("uv") or str(ROOT / ".uv" / "bin" / "uv")
        subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(place)], check=True)
        subprocess.run([uv, "pip", "install", "--quiet", "--python", str(place / "bin" / "python"), PROXY], check=True)
    return binary


async def weigh(peer: Peer, requests: int) -> list[float]:
    """Return the memory in MB after each tenth of many requests."""
    sizes = []
    for _ in range(10):
        await load(peer, Sums(), people=32, requests=max(1, requests // 10), model=peer.model, is_stream=False)
        assert peer.process is not None
        sizes.append(peer.process.memory_info().rss / 1e6)
    return sizes


def judge(tables: dict[tuple[str, int], dict[str, Sums]]) -> bool:
    """Say which budgets of issue 7 hold."""
    print("\nBudgets of issue 7")
    sound = True
    for kind, most, least in (("whole", 1 / 2, 2), ("streamed", 1 / 3, 3)):
        for people in PEOPLE:
            ours, theirs = tables[kind, people]["Cloister"], tables[kind, people]["Proxy"]
            cpu, rate = ours.cpu_ms / theirs.cpu_ms, ours.rate / theirs.rate
            holds = cpu <= most and rate >= least
            sound = sound and holds
            print(
                f"  {kind}, {people:>2} people: CPU {cpu:.2f} of the proxy's (at most {most:.2f}), "
                f"{rate:.1f} times its answers/s (at least {least}): {'holds' if holds else 'MISSED'}"
            )
    for people, budget in ((8, 20.0), (64, 150.0)):
        table = tables["paced", people]
        over = share(table["Cloister"].first, 0.5) - share(table["direct"].first, 0.5)
        sound = sound and over <= budget
        word = "holds" if over <= budget else "MISSED"
        print(f"  first token over direct, {people} people: {over:.1f} ms (at most {budget:.0f}): {word}")
    return sound


def main() -> int:
    """Measure, and say whether the budgets hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=["ours"], help="no proxy, and no budgets that need one")
    parser.add_argument("--requests", type=int, default=240, help="of each peer in each kind of load")
    parser.add_argument("--memory", type=int, default=20_000, help="requests over which memory is watched")
    options = parser.parse_args()
    tables: dict[tuple[str, int], dict[str, Sums]] = {}
    with ExitStack() as stack:
        folder = (
            stack.enter_context(quick_folder())
            if options.only
            else Path(stack.enter_context(tempfile.TemporaryDirectory()))
        )
        fake, paced = stack.enter_context(hosts(folder))
        ours = stack.enter_context(cloister(folder, fake, paced))
        peers = [Peer("direct", f"{fake}/v1", "fake", "paced"), ours]
        if not options.only:
            binary = install_proxy()
            peers.append(stack.enter_context(proxy("Proxy", binary, folder, fake, paced, is_filtering=False)))
            peers.append(stack.enter_context(proxy("Proxy, filter", binary, folder, fake, paced, is_filtering=True)))
        for kind, is_stream, is_paced in (("whole", False, False), ("streamed", True, False), ("paced", True, True)):
            for people in PEOPLE:
                if is_paced:
                    peers[0].url = f"{paced}/v1"
                requests = min(options.requests, 3 * people * ROUNDS) if is_paced else options.requests
                tables[kind, people] = asyncio.run(
                    compare(peers, people=people, requests=requests, is_stream=is_stream, is_paced=is_paced)
                )
                pace = " at 50 tokens/s" if is_paced else ""
                show(f"{kind}{pace}, {TOKENS} tokens, {people} people", tables[kind, people])
        if options.memory:
            sizes = asyncio.run(weigh(ours, options.memory))
            print(f"\nmemory over {options.memory:,} requests, MB: {' '.join(f'{size:.0f}' for size in sizes)}")
        print(json.dumps({"cpus": os.cpu_count(), "load": os.getloadavg()}))
        return 0 if options.only or judge(tables) else 1


if __name__ == "__main__":
    sys.exit(main())
