"""What hosts answer is free text: no kind may fall over it, and none may take a stranger for its own."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.model_hosts.catalogue import KIND_NAMES, Host, Model
from connectors.model_hosts.kinds.kind import ProbeError, look_at
from connectors.model_hosts.kinds.kinds import build_kinds
from connectors.model_hosts.sampling import HostSample
from connectors.model_hosts.values import Capability, HostReport, ModelReport
from connectors.model_hosts.watching.discovery import places

KINDS = {kind.name: kind for kind in build_kinds()}
KEYS = (
    *("version", "models", "data", "name", "id", "key", "state", "instances", "loaded_instances", "config"),
    *("context_length", "model_info", "capabilities", "default_generation_settings", "n_ctx", "total_slots"),
    *("error", "message", "lastSeen", "tasks", "owned_by", "max_model_len", "details"),
)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=12,
)


async def look(kind: str, answer: Any, host: Host | None = None) -> HostReport:
    """Look at a host that gives `answer` to everything."""
    transport = httpx.MockTransport(lambda _: answer)
    async with httpx.AsyncClient(transport=transport) as client:
        return await look_at(client, KINDS[kind], host or Host("One", kind, "http://one.lan:1"))


def test_every_kind_of_the_catalogue_is_there() -> None:
    assert tuple(KINDS) == KIND_NAMES


@pytest.mark.parametrize("kind", KIND_NAMES)
@given(status=st.sampled_from([200, 200, 404, 500, 503]), body=ANY_JSON)
async def test_any_json_gives_a_report(kind: str, status: int, body: Any) -> None:
    report = await look(kind, httpx.Response(status, json=body))
    assert "cannot be read" not in report.note  # the words for an answer that our own code fell over


@pytest.mark.parametrize("kind", KIND_NAMES)
@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text="<html>Welcome</html>"),
        httpx.Response(200, json={}),
        httpx.Response(200, json={"object": "list", "data": [{"id": ""}]}),
        httpx.Response(200, content=b"\xff" * 100),
        httpx.Response(200, text="[" * 100_000),
        httpx.Response(302, headers={"location": "http://elsewhere"}),
        httpx.Response(200, content=b"x" * (5 << 20)),
    ],
)
async def test_stranger_is_not_taken_for_a_host(kind: str, answer: httpx.Response) -> None:
    report = await look(kind, answer)
    assert not report.is_reachable
    assert report.note


@pytest.mark.parametrize("kind", [kind for kind in KIND_NAMES if kind != "openai"])
async def test_a_server_that_only_speaks_openai_is_not_taken_for_a_kind_of_its_own(kind: str) -> None:
    report = await look(kind, httpx.Response(200, json={"object": "list", "data": [{"id": "m"}]}))
    assert not report.is_reachable


@pytest.mark.parametrize("kind", KIND_NAMES)
async def test_missing_key_is_named(kind: str) -> None:
    report = await look(kind, httpx.Response(401, json={"error": "no"}))
    assert "wants a key (status 401); name its file as api_key_file" in report.note


@pytest.mark.parametrize(
    ("kind", "declared", "report", "window"),
    [
        # Ollama is told its window with each prompt: what is loaded now does not bind.
        ("ollama", 32768, ModelReport("m", context_tokens=4096, max_context_tokens=131072), 32768),
        ("ollama", 32768, ModelReport("m", max_context_tokens=8192), 8192),
        ("ollama", 0, ModelReport("m", context_tokens=16384, max_context_tokens=131072), 16384),
        ("ollama", 0, ModelReport("m"), 8192),
        # LM Studio is loaded with its window, unless somebody did that already.
        ("lmstudio", 32768, ModelReport("m", max_context_tokens=131072), 32768),
        ("lmstudio", 32768, ModelReport("m", is_loaded=True, context_tokens=4096), 4096),
        ("lmstudio", 0, ModelReport("m", max_context_tokens=4096), 4096),
        # Before 0.3.15 it did not tell what a model was loaded with: then it is its own number, or what is declared.
        ("lmstudio", 0, ModelReport("m", is_loaded=True, max_context_tokens=131072), 4096),
        ("lmstudio", 16384, ModelReport("m", is_loaded=True, max_context_tokens=8192), 8192),
        # The others were started with theirs.
        ("vllm", 32768, ModelReport("m", context_tokens=16384), 16384),
        ("vllm", 8192, ModelReport("m", context_tokens=16384), 8192),
        ("llamacpp", 0, ModelReport("m", context_tokens=8192, max_context_tokens=2048), 2048),
        ("llamacpp", 0, ModelReport("m"), 0),
        ("exo", 0, ModelReport("m"), 8192),
        ("exo", 16384, ModelReport("m"), 16384),
        ("openai", 0, ModelReport("m"), 4096),
        ("openai", 0, ModelReport("m", context_tokens=16384), 16384),
        ("openai", 8192, ModelReport("m", context_tokens=16384), 8192),
    ],
)
def test_window_that_prompts_are_measured_against(kind: str, declared: int, report: ModelReport, window: int) -> None:
    assert KINDS[kind].window_tokens(declared, report) == window


@pytest.mark.parametrize("kind", KIND_NAMES)
def test_calls_go_to_the_catalogues_address_and_no_other(kind: str) -> None:
    host = Host("One", kind, "http://one.lan:1234", models=(Model("m", "m"),))
    parameters = KINDS[kind].call_parameters(host, "m", 4096)
    assert str(parameters["api_base"]).startswith("http://one.lan:1234")
    assert str(parameters["model"]).split("/")[0] in {"ollama_chat", "hosted_vllm"}  # never a provider with an address


def test_places_to_look_are_on_loopback_and_named_apart() -> None:
    hosts = places(build_kinds())
    assert {host.address.rpartition(":")[0] for host in hosts} == {"http://127.0.0.1"}
    assert len({host.name for host in hosts}) == len(hosts)
    ports = {host.kind: set[int]() for host in hosts}
    for host in hosts:
        ports[host.kind].add(int(host.address.rpartition(":")[2]))
    assert ports == {
        "ollama": {11434},
        "lmstudio": {1234},
        "exo": {52415},
        "vllm": {8000, 8080, 9931},
        "llamacpp": {8000, 8080, 9931},
    }


async def read(kind: str, answers: dict[str, Any]) -> HostReport:
    """Look at a host that has an answer for each path."""

    def answer(request: httpx.Request) -> httpx.Response:
        body = answers.get(request.url.path)
        if isinstance(body, str):
            return httpx.Response(200, text=body)
        return httpx.Response(404) if body is None else httpx.Response(200, json=body)

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        return await look_at(client, KINDS[kind], Host("One", kind, "http://one.lan:1"))


METRICS = """\
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="m"} 3.0
vllm:num_requests_running{engine="1",model_name="m"} 2.0
vllm:num_requests_waiting{engine="0",model_name="m"} 7.0
vllm:kv_cache_usage_perc{engine="0",model_name="m"} 4.2e-01
"""


@pytest.mark.parametrize(
    ("metrics", "seen"),
    [
        (METRICS, (5, 7, 0.42)),
        ("vllm:num_requests_running 1e+e-\nvllm:num_requests_waiting 1e308\n", (0, 0, 0.0)),
        ("vllm:num_requests_running -4\nvllm:kv_cache_usage_perc 40\n", (0, 0, 0.0)),
        ("<html>", (0, 0, 0.0)),
    ],
)
async def test_gauges_of_vllm(metrics: str, seen: tuple[int, int, float]) -> None:
    row = {"id": "m", "owned_by": "vllm", "max_model_len": 4096}
    report = await read("vllm", {"/v1/models": {"data": [row]}, "/version": {"version": "0.11.0"}, "/metrics": metrics})
    assert (report.running, report.waiting, report.cache_share) == seen
    assert report.version == "0.11.0"


async def test_memory_of_ollama_and_what_of_it_is_slow() -> None:
    report = await read(
        "ollama",
        {
            "/api/version": {"version": "0.13.0"},
            "/api/tags": {"models": [{"name": "a:1"}, {"name": "b:1"}]},
            "/api/show": {"details": {}},
            "/api/ps": {"models": [{"name": "a:1", "size": 100, "size_vram": 60, "context_length": 8192}]},
        },
    )
    assert [(each.memory_bytes, each.processor_bytes, each.context_tokens) for each in report.models] == [
        (100, 40, 8192),
        (0, 0, 0),
    ]


async def test_memory_of_exo_and_lmstudio() -> None:
    nodes = {"a": {"ramAvailable": {"inBytes": 5}}, "b": {"ramAvailable": {"inBytes": 7}}, "c": "odd"}
    exo = await read("exo", {"/state": {"instances": {}, "nodeMemory": nodes}, "/v1/models": {"data": []}})
    assert exo.free_bytes == 12
    rows = [
        {"key": "a", "size_bytes": 9, "loaded_instances": [{"config": {"context_length": 4096}}]},
        {"key": "b", "size_bytes": 9},
    ]
    lmstudio = await read("lmstudio", {"/api/v1/models": {"models": rows}})
    assert [each.memory_bytes for each in lmstudio.models] == [9, 0]


# `GET /api/v0/models` of LM Studio 0.3: fields and values as its "REST API v0" page prints them, and as owners of
# 0.3.15 and later pasted them in public issues (with `loaded_context_length`, and `capabilities` as a list).
LM_STUDIO_V0 = {
    "object": "list",
    "data": [
        {
            "id": "qwen2-vl-7b-instruct",
            "object": "model",
            "type": "vlm",
            "publisher": "mlx-community",
            "arch": "qwen2_vl",
            "compatibility_type": "mlx",
            "quantization": "4bit",
            "state": "not-loaded",
            "max_context_length": 32768,
        },
        {
            "id": "llama-3.2-3b-instruct",
            "object": "model",
            "type": "llm",
            "publisher": "mlx-community",
            "arch": "llama",
            "compatibility_type": "mlx",
            "quantization": "4bit",
            "state": "loaded",
            "max_context_length": 131072,
            "loaded_context_length": 4096,
            "capabilities": ["tool_use"],
        },
        {
            "id": "text-embedding-nomic-embed-text-v1.5",
            "object": "model",
            "type": "embeddings",
            "publisher": "nomic-ai",
            "arch": "nomic-bert",
            "compatibility_type": "gguf",
            "quantization": "Q4_0",
            "state": "not-loaded",
            "max_context_length": 2048,
            "loaded_context_length": None,
        },
    ],
}
NO_SUCH_PATH = {"error": "Unexpected endpoint or method. (GET /api/v1/models)"}  # with 200


async def test_an_lmstudio_with_version_0_of_its_api_is_read() -> None:
    report = await read("lmstudio", {"/api/v1/models": NO_SUCH_PATH, "/api/v0/models": LM_STUDIO_V0})
    assert report == HostReport(
        is_reachable=True,
        models=(
            ModelReport(
                "qwen2-vl-7b-instruct",
                max_context_tokens=32768,
                capabilities=frozenset({Capability.CHAT, Capability.VISION}),
            ),
            ModelReport(
                "llama-3.2-3b-instruct",
                is_loaded=True,
                context_tokens=4096,
                max_context_tokens=131072,
                capabilities=frozenset({Capability.CHAT, Capability.TOOLS}),
            ),
            ModelReport(
                "text-embedding-nomic-embed-text-v1.5",
                max_context_tokens=2048,
                capabilities=frozenset({Capability.EMBED}),
            ),
        ),
    )


@pytest.mark.parametrize(
    "said",
    [
        {"error": "Unexpected endpoint or method. (POST /api/v1/models/load)"},
        {"error": {"message": "Model not found"}},
        "<html>",
    ],
)
async def test_an_lmstudio_that_did_not_load_a_model_with_its_window_is_not_asked(said: Any) -> None:
    """Asked all the same it would load it with 4,096 tokens, and cut what is longer without a word."""
    host = Host("One", "lmstudio", "http://one.lan:1")
    answer = httpx.Response(200, text=said) if isinstance(said, str) else httpx.Response(200, json=said)
    async with httpx.AsyncClient(transport=httpx.MockTransport(lambda _: answer)) as client:
        with pytest.raises(ProbeError, match="did not load qwen with a window of 8,192 tokens; load it there"):
            await KINDS["lmstudio"].prepare(client, host, "qwen", 8192)


async def test_what_exo_draws_without_what_it_lost_and_what_is_no_power() -> None:
    systems = {
        "a": {"sysPower": 40.5, "gpuUsage": 0.9},
        "b": {"sysPower": 20.0, "gpuUsage": 0.1},
        "gone": {"sysPower": 90.0, "gpuUsage": 1.0},
        "liar": {"sysPower": 1e300, "gpuUsage": -7},
        "odd": "odd",
    }
    state = {"instances": {}, "nodeSystem": systems, "lastSeen": {"gone": "2026-01-01T00:00:00Z", "a": "no time"}}
    exo = await read("exo", {"/state": state, "/v1/models": {"data": []}})
    assert (exo.drawn_watts, exo.gpu_share) == (60.5, 0.25)


def test_the_power_of_a_host_that_does_not_say_it_is_estimated() -> None:
    now = datetime.now(UTC)
    host = HostSample(
        "Dev1",
        "vllm",
        "http://dev1",
        "fleet",
        is_up=True,
        is_drained=False,
        state="up",
        since=now,
        slots=4,
        running=1,
        watts=400.0,
    )
    assert (host.busy_share, host.estimated_watts) == (0.25, 100.0)
    assert replace(host, running=9).estimated_watts == 400.0
    assert replace(host, is_up=False).estimated_watts == 0.0


async def test_what_no_host_says_is_left_out_and_the_host_is_marked() -> None:
    names = ["good:7b", "x" * 5000, "two\nlines", "bell\x07"]
    rows = [{"id": name, "owned_by": "vllm", "max_model_len": 10**30} for name in names]
    report = await read("vllm", {"/v1/models": {"data": rows}, "/version": {"version": "9" * 9000}, "/metrics": ""})
    assert [model.name for model in report.models] == ["good:7b"]
    assert report.models[0].context_tokens == 0
    assert report.version == ""
    assert report.note == "lists 3 models that cannot be; they are left out"


async def test_a_list_without_end_is_cut() -> None:
    rows = [{"id": f"m{number}", "owned_by": "vllm"} for number in range(5000)]
    report = await read("vllm", {"/v1/models": {"data": rows}, "/version": {"version": "1"}, "/metrics": ""})
    assert len(report.models) == 1000


async def test_a_vllm_that_sleeps_has_its_model_and_not_in_memory() -> None:
    row = {"id": "m", "owned_by": "vllm", "max_model_len": 4096}
    answers = {"/v1/models": {"data": [row]}, "/version": {"version": "0.11.0"}, "/metrics": ""}
    for said, is_loaded in (({"is_sleeping": True}, False), ({"is_sleeping": False}, True), (None, True)):
        report = await read("vllm", answers | {"/is_sleeping": said})
        assert [(model.name, model.is_loaded, model.context_tokens) for model in report.models] == [
            ("m", is_loaded, 4096)
        ]


async def test_a_llamacpp_that_routes_lists_all_and_is_asked_about_those_in_memory_alone() -> None:
    """Shapes as its README has them; a question about a model that is not loaded would load it."""
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.raw_path.decode())
        match request.url.raw_path.decode():
            case "/health":
                return httpx.Response(200, json={"status": "ok"})
            case "/props":
                return httpx.Response(200, json={"role": "router", "build_info": "b7389-abc"})
            case "/models":
                rows = [
                    {"id": "org/warm:Q4_K_M", "status": {"value": "loaded"}},
                    {"id": "cold", "status": {"value": "unloaded"}},
                    {"id": "broken", "status": {"value": "unloaded", "failed": True, "exit_code": 1}},
                ]
                return httpx.Response(200, json={"data": rows})
            case _:
                settings = {"default_generation_settings": {"n_ctx": 16384}, "total_slots": 4}
                return httpx.Response(200, json=settings)

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        report = await look_at(client, KINDS["llamacpp"], Host("One", "llamacpp", "http://one.lan:1"))
    assert [(model.name, model.is_loaded, model.context_tokens) for model in report.models] == [
        ("org/warm:Q4_K_M", True, 16384),
        ("cold", False, 0),
        ("broken", False, 0),
    ]
    assert (report.slots, report.version) == (4, "b7389-abc")
    assert asked[3:] == ["/props?model=org%2Fwarm%3AQ4_K_M&autoload=false"]


@pytest.mark.parametrize(
    ("row", "window"),
    [
        ({"id": "m", "object": "model", "created": 1, "owned_by": "openai"}, 0),
        ({"id": "m", "max_model_len": 8192, "owned_by": "sglang"}, 8192),
        ({"id": "m", "context_length": 32768}, 32768),
        ({"id": "m", "context_window": 131072, "owned_by": "groq"}, 131072),
        ({"id": "m", "meta": {"n_ctx": 4096, "n_ctx_train": 131072}}, 4096),
        ({"id": "m", "max_model_len": "many", "context_length": -5}, 0),
    ],
)
async def test_windows_that_servers_add_to_the_list_of_openai(row: dict[str, Any], window: int) -> None:
    report = await read("openai", {"/v1/models": {"object": "list", "data": [row]}})
    assert [(model.name, model.is_loaded, model.context_tokens) for model in report.models] == [("m", True, window)]


async def test_a_reply_of_openai_without_models_is_one() -> None:
    report = await read("openai", {"/v1/models": {"object": "list", "data": []}})
    assert report.is_reachable
    assert report.models == ()
