"""litellm carries to the deployments of the catalogue and nothing else, whatever a caller names."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from connectors.model_hosts.router import LitellmRouter
from connectors.model_hosts.wire import CallError


class Untouched:
    """A litellm router that must not be reached."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(name)


@pytest.mark.parametrize("name", ["gpt-4o", "openai/gpt-4o", "Dev1/other", "http://elsewhere.example/v1", ""])
async def test_what_is_no_deployment_never_reaches_litellm(name: str) -> None:
    router = LitellmRouter(patience_seconds=1)
    router._router, router._deployments = Untouched(), {"Dev1/llama3.1:8b": {}}
    with pytest.raises(CallError):
        async for _ in router.stream(name, [], max_tokens=1, temperature=0.0):
            pass
    with pytest.raises(CallError):
        await router.embed(name, ["x"])


def test_a_caller_has_no_way_to_name_a_host() -> None:
    assert set(inspect.signature(LitellmRouter.stream).parameters) == {
        "self",
        "deployment",
        "messages",
        "max_tokens",
        "temperature",
        "wishes",
        "is_begun",  # then what its kind adds to go on from an answer, `Kind.continuation`
    }
    assert set(inspect.signature(LitellmRouter.embed).parameters) == {"self", "deployment", "texts", "dimensions"}
