"""How far below the planner's bound a real engine writes on this machine: `make bench-planner`.

llama.cpp serves a model that is made on the spot: 400 MB of weights, which every token reads. The memory's bandwidth is
measured by all cores copying between buffers that are there already. On a machine that has nothing else to do.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

from connectors.model_hosts.bench import measure
from connectors.model_hosts.bundled import BundledServer
from connectors.model_hosts.catalogue import Model
from connectors.model_hosts.facts.facts import Release
from tests.fakes.tiny_gguf import write_tiny_gguf

_FEED_FORWARD = 65536
_BLOCK_BYTES = 256 << 20
_ROUNDS = 5


def memory_gb_s() -> float:
    """Return what all cores together read and write a second, in the best of several rounds."""
    cores = os.cpu_count() or 1
    pairs = [(np.ones(_BLOCK_BYTES, np.uint8), np.zeros(_BLOCK_BYTES, np.uint8)) for _ in range(cores)]
    best = 0.0
    with ThreadPoolExecutor(cores) as pool:
        for _ in range(_ROUNDS):
            began = time.perf_counter()
            list(pool.map(lambda pair: np.copyto(pair[1], pair[0]), pairs))
            best = max(best, 2 * cores * _BLOCK_BYTES / (time.perf_counter() - began) / 1e9)
    return best


async def main() -> None:
    """Measure and print."""
    bandwidth = memory_gb_s()
    with tempfile.TemporaryDirectory() as folder:
        file = write_tiny_gguf(Path(folder) / "heavy.gguf", is_endless=True, feed_forward=_FEED_FORWARD)
        billions = file.stat().st_size / 2 / 1e9  # F16 has 2 bytes for each
        release = Release("heavy", billions, billions, layers=1, kv_heads=4, head_size=128, context_tokens=2048)
        model = Model("heavy", "heavy", 2048, release=release, quantisation="F16")
        server = BundledServer(file, on_change=lambda: None)
        server.start()
        try:
            if not await server.wait_until_up(120) or server.host is None:
                raise SystemExit(f"llama.cpp did not start: {server.words}")
            host = replace(server.host, name="Here", models=(model,), bandwidth_gb_s=bandwidth)
            measured = await measure(host, "heavy", prompt_tokens=200, answer_tokens=64)
        finally:
            await server.close()
    share = measured.writing_per_second / measured.writing_bound
    print(f"memory, all {os.cpu_count()} cores copying: {bandwidth:.1f} GB/s; load {os.getloadavg()[0]:.1f}")
    print(f"weights: {file.name}, {2 * billions:.2f} GB, all of it read for each token")
    print(f"bound: {bandwidth:.1f} / {2 * billions:.2f} = {measured.writing_bound:.1f} tokens/s")
    print(f"measured: {measured.writing_per_second:.1f} tokens/s, {share:.0%} of the bound")
    print(f"first token: {measured.first_token_seconds:.2f} s for {measured.prompt_tokens} tokens")


if __name__ == "__main__":
    asyncio.run(main())
