"""Load, unload and pull on every kind of host: what its interface does, and what is said where it has none."""

from __future__ import annotations

import pytest

from connectors.model_hosts.catalogue import KIND_NAMES, Host, Model
from connectors.model_hosts.controls import exo
from connectors.model_hosts.controls.control import Act, ControlError, Progress
from connectors.model_hosts.controls.controls import CONTROLS, carry_out
from connectors.model_hosts.kinds.kinds import build_kinds
from connectors.model_hosts.watching.inspection import inspect
from tests.fakes.model_host import FakeModel, FakeModelHost

pytestmark = pytest.mark.integration

KINDS = {kind.name: kind for kind in build_kinds()}


def fake(kind: str, *, is_loaded: bool) -> FakeModelHost:
    return FakeModelHost(kind, models=[FakeModel("right:1b", 4096, is_loaded=is_loaded)], is_router=True)


def entry(host: FakeModelHost, *, registry: str = "") -> Host:
    models = (Model("right:1b", "the right one", 2048),)
    return Host("One", host.kind, host.address, models=models, registry=registry)


async def run(act: Act, host: Host, model: str = "the right one") -> list[Progress]:
    return [progress async for progress in carry_out(act, host, model)]


async def loaded(host: Host) -> list[bool]:
    """Look as the watch does: what was done shows in what a look sees."""
    inspection = await inspect(KINDS[host.kind], host)
    assert inspection.report.is_reachable, inspection.report.note
    return [model.is_loaded for model in inspection.report.models]


@pytest.mark.parametrize("kind", CONTROLS)
async def test_what_was_loaded_and_unloaded_is_seen_by_a_look(kind: str) -> None:
    gone = [] if kind == "exo" else [False]  # exo lists for us what runs
    with fake(kind, is_loaded=False) as host:
        one = entry(host)
        assert await loaded(one) == gone
        assert await run(Act.LOAD, one)
        assert await loaded(one) == [True]
        assert await run(Act.UNLOAD, one)
        assert await loaded(one) == gone


async def test_ollama_and_lmstudio_load_with_the_window_of_the_fleet() -> None:
    for kind in ("ollama", "lmstudio"):
        with fake(kind, is_loaded=False) as host:
            await run(Act.LOAD, entry(host))
            assert host.models[0].context_tokens == 2048


async def test_a_pull_goes_to_the_sites_registry_and_says_how_far_it_is() -> None:
    with fake("ollama", is_loaded=True) as host:
        steps = await run(Act.PULL, entry(host, registry="registry.lan:5000"), "qwen2.5:7b")
    bodies = {request.path: request.body for request in host.requests}
    assert bodies["/api/pull"]["model"] == "registry.lan:5000/library/qwen2.5:7b"
    assert bodies["/api/copy"]["destination"] == "qwen2.5:7b"
    assert [step.share for step in steps if step.share is not None] == [0.0, 0.5, 1.0]
    assert steps[-1].words.endswith("qwen2.5:7b")


@pytest.mark.parametrize(
    ("registry", "model", "words"),
    [
        ("", "qwen2.5:7b", "has no 'registry' in fleet.yaml, so it would pull qwen2.5:7b from the internet"),
        ("registry.lan", "hf.co/bartowski/x", "may pull from registry.lan alone, and hf.co/bartowski/x names hf.co"),
        ("registry.lan", "registry.ollama.ai/library/x", "names registry.ollama.ai"),
        ("registry.lan", "localhost/library/x", "names localhost"),
        ("registry.lan", "team/missing", "cannot pull registry.lan/team/missing: pull model manifest: file does not"),
    ],
)
async def test_a_pull_from_elsewhere_is_refused(registry: str, model: str, words: str) -> None:
    with fake("ollama", is_loaded=True) as host:
        with pytest.raises(ControlError) as caught:
            await run(Act.PULL, entry(host, registry=registry), model)
        asked = [request.path for request in host.requests]
    assert words in str(caught.value)
    assert asked == (["/api/pull"] if "missing" in model else [])  # a refusal of ours is no request


@pytest.mark.parametrize("kind", [kind for kind in CONTROLS if kind != "ollama"])
async def test_kinds_that_pull_from_the_internet_alone_are_not_asked_to(kind: str) -> None:
    with fake(kind, is_loaded=True) as host:
        with pytest.raises(ControlError, match="copy right:1b"):
            await run(Act.PULL, entry(host, registry="registry.lan"))
        assert host.requests == []


async def test_what_a_kind_has_no_interface_for_is_said_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(KIND_NAMES) - set(CONTROLS) == {"openai"}
    with FakeModelHost("openai") as plain, pytest.raises(ControlError, match="no interface to load right:1b"):
        await run(Act.LOAD, entry(plain))
    with FakeModelHost("vllm", can_sleep=False) as awake, pytest.raises(ControlError, match="VLLM_SERVER_DEV_MODE=1"):
        await run(Act.UNLOAD, entry(awake))
    with FakeModelHost("llamacpp") as single, pytest.raises(ControlError, match="without -m and with --models-dir"):
        await run(Act.LOAD, entry(single))
    monkeypatch.setattr(exo, "_POLL_SECONDS", 0.001)
    monkeypatch.setattr(exo, "_POLLS", 3)
    full = FakeModelHost("exo", models=[FakeModel("right:1b", is_loaded=False)], has_room=False)
    with full, pytest.raises(ControlError, match="its nodes may lack memory"):
        await run(Act.LOAD, entry(full))


@pytest.mark.parametrize("act", [Act.LOAD, Act.UNLOAD])
async def test_an_lmstudio_that_is_too_old_says_so(act: Act) -> None:
    """It answers 200 to a path that it does not know."""
    old = FakeModelHost("lmstudio", models=[FakeModel("right:1b", is_loaded=False)], is_old=True)
    with old, pytest.raises(ControlError, match=r"is too old to load models by its API; install LM Studio 0\.4"):
        await run(act, entry(old))


@pytest.mark.parametrize("kind", CONTROLS)
async def test_a_model_that_is_not_there_and_a_host_that_is_down_are_errors(kind: str) -> None:
    with fake(kind, is_loaded=True) as host:
        one = entry(host)
        if kind != "vllm":  # it has one model, whatever it is called
            with pytest.raises(ControlError):
                await run(Act.LOAD, one, "gone:1b")
    with pytest.raises(ControlError, match="cannot be reached"):
        await run(Act.LOAD, one)
