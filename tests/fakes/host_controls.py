"""What fake hosts do when they are told to load, unload or pull a model."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.fakes.model_host import FakeModel, FakeModelHost, Received

PULL_BYTES = 1000


def carry_out(host: FakeModelHost, request: Received) -> tuple[int, Any] | None:
    """Return the answer to an order; None if it is none."""
    act = _ORDERS.get((host.kind, request.path))
    if host.kind == "exo" and request.method == "DELETE":
        act = _exo_delete
    return act(host, request) if act is not None else None


def _model(host: FakeModelHost, name: str) -> FakeModel | None:
    return next((model for model in host.models if model.name == name), None)


def _ollama_generate(host: FakeModelHost, request: Received) -> tuple[int, Any]:
    model = _model(host, request.body["model"])
    if model is None:
        return 404, {"error": f"model '{request.body['model']}' not found"}
    model.is_loaded = request.body["keep_alive"] != 0
    model.context_tokens = (request.body.get("options") or {}).get("num_ctx", model.context_tokens)
    return 200, {"model": model.name, "done": True, "done_reason": "load" if model.is_loaded else "unload"}


def _ollama_pull(host: FakeModelHost, request: Received) -> tuple[int, Any]:
    name = request.body["model"]
    lines: list[dict[str, Any]] = [{"status": "pulling manifest"}]
    if name.endswith("/missing"):
        lines.append({"error": "pull model manifest: file does not exist"})
    else:
        lines += [
            {"status": "pulling 4f1", "digest": "sha256:4f1", "total": PULL_BYTES, "completed": done}
            for done in (0, 500, PULL_BYTES)
        ]
        lines += [{"status": "verifying sha256 digest"}, {"status": "success"}]
        host.models.append(host.models[0].__class__(name, is_loaded=False))
    return 200, "".join(json.dumps(line) + "\n" for line in lines)


def _ollama_copy(host: FakeModelHost, request: Received) -> tuple[int, Any]:
    host.models.append(host.models[0].__class__(request.body["destination"], is_loaded=False))
    return 200, ""


def _lmstudio_load(host: FakeModelHost, request: Received) -> tuple[int, Any]:
    model = _model(host, request.body["model"])
    if model is None:
        return 200, {"error": {"message": "Model not found"}}
    model.is_loaded, model.context_tokens = True, request.body.get("context_length", 4096)
    return 200, {"status": "loaded"}


def _lmstudio_unload(host: FakeModelHost, request: Received) -> tuple[int, Any]:
    model = _model(host, request.body["instance_id"])
    if model is None:
        return 404, {"error": {"message": "No such instance"}}
    model.is_loaded = False
    return 200, {"instance_id": model.name}


def _vllm_sleep(host: FakeModelHost, _request: Received) -> tuple[int, Any]:
    return _vllm(host, is_loaded=False)


def _vllm_wake(host: FakeModelHost, _request: Received) -> tuple[int, Any]:
    return _vllm(host, is_loaded=True)


def _vllm(host: FakeModelHost, *, is_loaded: bool) -> tuple[int, Any]:
    if not host.can_sleep:
        return 404, {"detail": "Not Found"}
    for model in host.models:
        model.is_loaded = is_loaded
    return 200, ""


def _llamacpp_load(host: FakeModelHost, request: Received) -> tuple[int, Any]:
    return _llamacpp(host, request, is_loaded=True)


def _llamacpp_unload(host: FakeModelHost, request: Received) -> tuple[int, Any]:
    return _llamacpp(host, request, is_loaded=False)


def _llamacpp(host: FakeModelHost, request: Received, *, is_loaded: bool) -> tuple[int, Any]:
    if not host.is_router:
        return 404, {"error": {"code": 404, "message": "File Not Found", "type": "not_found_error"}}
    model = _model(host, request.body["model"])
    if model is None:
        return 400, {"error": {"code": 400, "message": "model not found", "type": "invalid_request_error"}}
    model.is_loaded = is_loaded
    return 200, {"success": True}


def _exo_place(host: FakeModelHost, request: Received) -> tuple[int, Any]:
    model = _model(host, request.body["model_id"])
    if model is None:
        return 404, {"detail": "Model not found"}
    model.is_loaded = host.has_room
    return 200, {"message": "Command received."}


def _exo_delete(host: FakeModelHost, request: Received) -> tuple[int, Any]:
    number = int(request.path.rpartition("-")[2])
    host.models[number].is_loaded = False
    return 200, {"message": "Command received."}


_ORDERS = {
    ("ollama", "/api/generate"): _ollama_generate,
    ("ollama", "/api/pull"): _ollama_pull,
    ("ollama", "/api/copy"): _ollama_copy,
    ("lmstudio", "/api/v1/models/load"): _lmstudio_load,
    ("lmstudio", "/api/v1/models/unload"): _lmstudio_unload,
    ("vllm", "/sleep"): _vllm_sleep,
    ("vllm", "/wake_up"): _vllm_wake,
    ("llamacpp", "/models/load"): _llamacpp_load,
    ("llamacpp", "/models/unload"): _llamacpp_unload,
    ("exo", "/place_instance"): _exo_place,
}
