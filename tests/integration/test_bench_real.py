"""A real llama.cpp with a model made on the spot: what is measured stays below the planner's bound."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from connectors.model_hosts.bench import BenchError, measure
from connectors.model_hosts.bundled import BundledServer
from connectors.model_hosts.catalogue import Host, Model
from connectors.model_hosts.facts.facts import Release
from tests.fakes.model_host import FakeModelHost
from tests.fakes.tiny_gguf import write_tiny_gguf

pytestmark = pytest.mark.integration


SERVER_GB_S = 800.0  # no memory of a machine that runs tests is faster; `make bench-planner` measures the real one


async def test_writing_stays_below_the_bound(tmp_path: Path) -> None:
    file = write_tiny_gguf(tmp_path / "heavy.gguf", is_endless=True, feed_forward=4096)
    server = BundledServer(file, on_change=lambda: None)
    server.start()
    try:
        assert await server.wait_until_up(60)
        assert server.host is not None
        billions = file.stat().st_size / 2 / 1e9  # as F16 has 2 bytes for each, this is what one token reads
        release = Release("heavy", billions, billions, layers=1, kv_heads=4, head_size=128, context_tokens=2048)
        model = Model("heavy", "heavy", 2048, release=release, quantisation="F16", parameters_billions=billions)
        host = replace(server.host, name="Here", models=(model,), bandwidth_gb_s=SERVER_GB_S, tflops=50.0)
        measured = await measure(host, "heavy", prompt_tokens=100, answer_tokens=24)
    finally:
        await server.close()
    assert (measured.answer_tokens, measured.prompt_tokens > 100) == (24, True)
    assert 0 < measured.writing_per_second < measured.writing_bound
    assert 0 <= measured.reading_per_second < measured.reading_bound


async def test_a_host_that_is_down_or_has_no_room_is_an_error_in_words() -> None:
    gone = Host("Gone", "vllm", "http://127.0.0.1:9", models=(Model("m", "m", 2048),))
    with pytest.raises(BenchError, match="Gone"):
        await measure(gone, "m", prompt_tokens=100, answer_tokens=10)
    with FakeModelHost("ollama") as small:
        host = Host("Small", "ollama", small.address, models=(Model("llama3.1:8b", "m", 512),))
        with pytest.raises(BenchError, match="512"):
            await measure(host, "m", prompt_tokens=4000, answer_tokens=10)
