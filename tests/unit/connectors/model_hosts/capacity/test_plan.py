from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.model_hosts.capacity.memory import Fit, fit
from connectors.model_hosts.capacity.placing import GIB, Place, Use, Weights
from connectors.model_hosts.capacity.plan import Plan, fewest, plan, plan_anywhere, plan_fleet, plan_model
from connectors.model_hosts.capacity.speed import Speed
from connectors.model_hosts.catalogue import Host, Model, Split, read_fleet
from connectors.model_hosts.facts.facts import Release, shipped_facts

FACTS = shipped_facts()
SHIPPED = Path(__file__).parents[5] / "compose" / "fleet.yaml"


def weights(release: str, quantisation: str = "Q4_K_M", cache: str = "F16") -> Weights:
    return Weights(FACTS.releases[release], quantisation, cache)


def on(accelerator: str, devices: int = 1) -> Place:
    return Place.of(FACTS.accelerators[accelerator], devices)


def fit_of(planned: Plan) -> Fit:
    assert planned.fit is not None
    return planned.fit


def speed_of(planned: Plan) -> Speed:
    assert planned.speed is not None
    return planned.speed


@pytest.mark.parametrize(
    ("release", "q4", "q8", "cache_kib"),
    [
        ("qwen2.5-7b", 4.3, 7.5, 56),
        ("qwen2.5-14b", 8.4, 14.6, 192),
        ("qwen2.5-32b", 18.7, 32.5, 256),
        ("llama-3.1-8b", 4.6, 7.9, 128),
        ("llama-3.1-70b", 40.2, 69.9, 320),
        ("llama-3.1-405b", 231.3, 401.7, 504),
    ],
)
def test_sizes_of_known_models(release: str, q4: float, q8: float, cache_kib: int) -> None:
    assert round(weights(release).all_bytes / GIB, 1) == q4
    assert round(weights(release, "Q8_0").all_bytes / GIB, 1) == q8
    assert weights(release).cache_bytes == cache_kib * 1024


@pytest.mark.parametrize(
    ("release", "published_gb"), [("llama-3.1-8b", 4.9), ("llama-3.1-70b", 43.1), ("llama-3.1-405b", 249.1)]
)
def test_weights_are_as_large_as_the_published_files(release: str, published_gb: float) -> None:
    """Source: llama.cpp, tools/quantize/README.md, sizes at Q4_K_M; bits a weight are a mean over the 8B."""
    assert weights(release).all_bytes / 1e9 == pytest.approx(published_gb, rel=0.01)


def test_cache_is_what_llama_cpp_allocates() -> None:
    """Its log said 32.00 MiB for 4 layers, 256 wide, 8192 tokens."""
    tiny = Release("tiny", 0.0045, 0.0045, layers=4, kv_heads=4, head_size=64, context_tokens=8192)
    assert Weights(tiny).cache_bytes * 8192 == 32 * 2**20


@pytest.mark.parametrize(
    ("accelerator", "release", "cache", "longest"),
    [
        ("rtx-4090", "qwen2.5-32b", "F16", 12_700),
        ("rtx-4090", "qwen2.5-32b", "Q8_0", 24_000),
        ("rtx-4090", "qwen2.5-14b", "F16", 73_000),
        ("m4", "qwen2.5-14b", "F16", 47_000),
        ("m4-pro", "llama-3.1-70b", "F16", 22_000),
        ("m4", "qwen2.5-32b", "F16", 0),
    ],
)
def test_longest_window(accelerator: str, release: str, cache: str, longest: int) -> None:
    fitted = fit(weights(release, cache=cache), on(accelerator), 8192)
    assert fitted.longest_context_tokens == pytest.approx(longest, rel=0.03)


@pytest.mark.parametrize(
    ("accelerator", "release", "speed"),
    [
        ("rtx-4090", "qwen2.5-14b", 111),
        ("rtx-4090", "qwen2.5-32b", 50),
        ("rtx-4090", "qwen2.5-7b", 216),
        ("m4-pro", "llama-3.1-70b", 6.3),
        ("m4", "qwen2.5-14b", 13),
    ],
)
def test_bandwidth_bounds_one_answer(accelerator: str, release: str, speed: float) -> None:
    planned = plan(weights(release), on(accelerator), Use(context_tokens=4096))
    assert planned.speed is not None
    assert planned.speed.tokens_per_second == pytest.approx(speed, rel=0.03)
    assert planned.speed.full_tokens_per_second < planned.speed.tokens_per_second


def test_arithmetic_bounds_the_reading_of_a_prompt() -> None:
    planned = plan(weights("llama-3.1-70b"), on("m4-pro"), Use(prompt_tokens=2000))
    assert planned.speed is not None
    assert planned.speed.prefill_seconds == pytest.approx(2 * 70.6e9 * 2000 / 8e12)


def test_cards_share_tensors_and_are_faster_macs_share_layers_and_are_not() -> None:
    use = Use(context_tokens=4096)
    cards = [speed_of(plan(weights("qwen2.5-7b"), on("rtx-4090", count), use)) for count in (1, 2)]
    macs = [speed_of(plan(weights("qwen2.5-7b"), on("m4-pro", count), use)) for count in (1, 2)]
    assert cards[1].tokens_per_second == pytest.approx(2 * cards[0].tokens_per_second)
    assert macs[1].tokens_per_second == macs[0].tokens_per_second
    assert macs[1].answers > macs[0].answers  # each Mac serves other answers meanwhile


def test_uneven_layers_and_heads_take_more_than_their_share() -> None:
    big = weights("llama-3.1-405b")
    four, six = (fit(big, on("m4-pro", count), 8192) for count in (4, 6))
    assert four.weights_gib == pytest.approx(big.all_bytes / GIB * 4 * 32 / 126)
    assert any("32 of 126 layers" in line for line in four.sums)
    assert six.weights_gib == pytest.approx(big.all_bytes / GIB)  # 21 layers each
    eight, sixteen = (fit(big, on("rtx-a6000", count), 8192) for count in (8, 16))
    assert sixteen.cache_gib == pytest.approx(2 * eight.cache_gib)  # 8 heads: every one lies twice


def test_experts_cost_memory_and_not_speed() -> None:
    use = Use(context_tokens=4096)
    experts = plan(weights("qwen3-30b-a3b"), on("rtx-4090"), use)
    dense = plan(weights("qwen2.5-32b"), on("rtx-4090"), use)
    assert speed_of(experts).tokens_per_second > 9 * speed_of(dense).tokens_per_second
    assert fit_of(experts).weights_gib > 0.9 * fit_of(dense).weights_gib


@pytest.mark.parametrize(
    ("place", "use", "limit"),
    [
        (on("rtx-4090"), Use(context_tokens=32768), "memory"),
        (on("m4-pro"), Use(tokens_per_second=20), "bandwidth"),
        (replace(on("m4-pro"), tflops=0.1), Use(context_tokens=2048, tokens_per_second=1), "arithmetic"),
        (replace(on("rtx-4090"), most_answers=1), Use(), "max_parallel"),
    ],
)
def test_what_limits_the_people(place: Place, use: Use, limit: str) -> None:
    planned = plan(weights("qwen2.5-7b"), place, use)
    assert planned.speed is not None
    assert planned.speed.limited_by == limit
    assert f"limited by {limit}" in "\n".join(planned.sums)


def test_answers_at_once_keep_their_speed_and_one_more_would_not() -> None:
    use = Use(context_tokens=4096, tokens_per_second=30)
    place, stored = on("rtx-a6000", 2), weights("qwen2.5-32b")
    planned = plan(stored, place, use)
    assert planned.speed is not None
    assert planned.speed.limited_by == "bandwidth"

    def speed_with(answers: int) -> float:
        read = stored.read_bytes + answers * stored.cache_bytes * use.context_tokens
        return 2 * 768e9 * use.efficiency / read

    assert speed_with(planned.speed.answers) >= 30 > speed_with(planned.speed.answers + 1)
    assert planned.speed.people == planned.speed.answers * 10


def test_cost_of_a_year_and_of_a_million_tokens() -> None:
    place = replace(on("rtx-4090"), watts=600, price_usd=3000, most_answers=1)
    use = Use(tokens_per_second=10, busy_share=0.5, usd_per_kwh=0.2, years=3, efficiency=0.5, context_tokens=4096)
    planned = plan(weights("qwen2.5-7b"), place, use)
    assert planned.cost is not None
    assert planned.speed is not None
    power = 0.6 * 8760 * 0.5 * 0.2
    millions = planned.speed.tokens_per_second * 0.5 * 3600 * 8760 * 0.5 / 1e6
    assert planned.cost.power_usd == pytest.approx(power)
    assert planned.cost.year_usd == pytest.approx(power + 1000)
    assert planned.cost.million_tokens_usd == pytest.approx((power + 1000) / millions)


def test_shipped_fleet_is_told_what_does_not_fit() -> None:
    plans = {planned.name: planned for planned in plan_fleet(read_fleet(SHIPPED), Use())}
    assert {name: planned.is_fitting for name, planned in plans.items()} == {
        "Einstein nomic-embed-text": True,
        "Dev1 qwen2.5:instruct": True,
        "Mini1 qwen2.5:32b": False,
        "Mini2 llama3.1:70b": True,
        "Mini3-5 llama3.1:405b": False,
        "Developers starcoder2": True,
    }
    assert plans["Mini1 qwen2.5:32b"].cost is None
    assert plans["Mini1 qwen2.5:32b"].instead == "qwen2.5-14b here or 2 x Apple M4, 24 GB"
    assert plans["Mini3-5 llama3.1:405b"].instead == "llama-3.1-70b here or 5 x Apple M4 Pro, 64 GB"
    assert plans["Dev1 qwen2.5:instruct"].context_tokens == 32768


def test_a_smaller_window_is_named_where_the_weights_fit() -> None:
    model = Model("q", "q", 32768, release=FACTS.releases["qwen2.5-32b"], quantisation="Q4_K_M")
    planned = plan_model(Host("Dev1", "ollama", "http://dev1.lan:1", memory_gib=22.8), model, Use(), FACTS)
    assert planned.instead == "a window of 12,743 tokens or qwen2.5-14b here"


def test_what_would_fit_instead_has_the_window_and_a_use() -> None:
    facts = shipped_facts()
    short = replace(facts.releases["qwen2.5-14b"], context_tokens=4096)
    facts = facts.adding((), (short, replace(facts.releases["qwen2.5-7b"], context_tokens=4096)))
    host = Host("H", "ollama", "http://h", memory_gib=20.0)
    model = Model("m", "m", context_tokens=8192, quantisation="Q4_K_M", release=facts.releases["qwen2.5-32b"])
    assert plan_model(host, model, Use(), facts).instead == "a window of 1,274 tokens"
    assert plan_model(replace(host, memory_gib=19.71), model, Use(), facts).instead == ""


def test_where_405b_would_fit() -> None:
    big = weights("llama-3.1-405b")
    plans = list(plan_anywhere(big, read_fleet(SHIPPED), FACTS, Use()))
    assert [planned.place for planned in plans if planned.is_fitting] == [
        "16 x RTX 4090",
        "8 x RTX A6000",
        "16 x RX 7900 XTX",
        "6 x Apple M4 Pro, 64 GB",
        "2 x Apple M2 Ultra, 60 cores, 192 GB",
        "2 x Apple M2 Ultra, 76 cores, 192 GB",
    ]
    assert fewest(big, FACTS.accelerators["rtx-2060"], Use()) is None


def test_what_is_not_known_is_asked_for() -> None:
    bare = Host("Dev1", "ollama", "http://dev1.lan:1", models=(Model("m", "m", 8192),))
    named = replace(
        bare, models=(replace(bare.models[0], release=FACTS.releases["qwen2.5-7b"], quantisation="Q4_K_M"),)
    )
    told: list[Plan] = []
    for host in (bare, named, replace(named, memory_gib=20.0)):
        told += plan_fleet(replace(read_fleet(SHIPPED), hosts=(host,)), Use())
    assert [planned.missing for planned in told] == [
        "name its release and quantisation in fleet.yaml",
        "name the host's accelerator or memory_gib in fleet.yaml",
        "",
    ]
    assert told[2].is_fitting
    assert told[2].speed is None  # nobody said how fast its memory is


@given(
    release=st.sampled_from(sorted(FACTS.releases)),
    accelerator=st.sampled_from(sorted(FACTS.accelerators)),
    devices=st.integers(1, 64),
    split=st.sampled_from(Split),
    use=st.builds(Use, context_tokens=st.integers(256, 131072), tokens_per_second=st.floats(0.1, 1000)),
)
def test_more_never_hurts(release: str, accelerator: str, devices: int, split: Split, use: Use) -> None:
    place = replace(on(accelerator, devices), split=split)
    planned = plan(weights(release), place, use)
    roomier = plan(weights(release), replace(place, memory_gib=place.memory_gib * 2), use)
    answers = fit_of(planned).answers
    assert fit_of(roomier).answers >= answers
    assert planned.is_fitting == (answers > 0)
    if planned.speed is not None:
        assert planned.speed.answers <= answers
        assert planned.speed.tokens_per_second >= planned.speed.full_tokens_per_second > 0
