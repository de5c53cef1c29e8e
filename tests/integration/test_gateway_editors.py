"""What editors really send, replayed through the served gateway, and what each of them reads from the answer.

`tests/data/editors` says of each request where it was taken from; `docs/editors.md` which editors were run themselves.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from tests.integration.gateway_scene import GatewaySite

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

FOLDER: Final = Path(__file__).parents[1] / "data" / "editors"
SAID: Final = "return a + b"
CALL: Final = ("look", json.dumps({"path": "calc.py"}))
_TYPES: Final = {"str": str, "int": int, "list": list, "dict": dict}
_DELTA: Final = {"choices.0.message.content": "choices.0.delta.content"}
_MESSAGE: Final = {delta: message for message, delta in _DELTA.items()}


def _requests() -> Iterator[Any]:
    for file in sorted(FOLDER.glob("*.json")):
        recorded = json.loads(file.read_text(encoding="utf-8"))
        for number, request in enumerate(recorded["requests"]):
            yield pytest.param(request, id=f"{file.stem}-{number}")


ALL: Final = list(_requests())
WITH_WORDS: Final = [case for case in ALL if case.values[0].get("words")]
WITH_CALLS: Final = [case for case in ALL if case.values[0].get("call")]


@pytest.fixture
def site(served: GatewaySite) -> GatewaySite:
    served.reset()
    served.ollama.reply = served.vllm.reply = SAID
    return served


@pytest.fixture(scope="module")
def token(served: GatewaySite) -> str:
    return served.token("chat", "completions", "embeddings", "model:*")


def send(site: GatewaySite, token: str, request: dict[str, Any], body: dict[str, Any] | None = None) -> httpx.Response:
    """Send a request as its client does, with this body or its own."""
    headers = {name: value.replace("{token}", token) for name, value in request["headers"].items()}
    return site.http.request(
        request["method"],
        site.url + request["path"],
        headers=headers | {"authorization": f"Bearer {token}"},
        content=json.dumps(body or request["body"]).encode() if "body" in request else None,
        timeout=60,
    )


def at(value: Any, place: str) -> Any:
    """Return what stands at a place such as `choices.0.delta.content`; None if nothing does."""
    for step in place.split("."):
        if isinstance(value, list):
            value = value[int(step)] if int(step) < len(value) else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value


def events_of(reply: httpx.Response) -> list[dict[str, Any]]:
    """Return the events of a stream, which ends as every client but llama.cpp's waits for."""
    assert reply.headers["content-type"].startswith("text/event-stream")
    assert reply.text.endswith("data: [DONE]\n\n")
    return [json.loads(line[6:]) for line in reply.text.splitlines() if line.startswith("data: {")]


def check_needs(needs: dict[str, str], value: dict[str, Any]) -> None:
    for place, kind in needs.items():
        found = at(value, place)
        assert isinstance(found, _TYPES[kind]), (place, found)


def prompts_of(site: GatewaySite) -> list[Any]:
    return [*site.ollama.prompts, *site.vllm.prompts]


@pytest.mark.parametrize("request_", ALL)
def test_each_request_is_answered_as_its_client_reads_it(
    site: GatewaySite, token: str, request_: dict[str, Any]
) -> None:
    reply = send(site, token, request_)
    if request_.get("is_none_of_ours"):  # its client goes on without
        assert reply.status_code != 200
        return
    assert reply.status_code == 200, reply.text
    if request_.get("body", {}).get("stream"):
        events = events_of(reply)
        for event in events:
            if event["choices"]:
                check_needs(request_["needs"], event)
        assert "".join(at(event, request_["words"]) or "" for event in events) == SAID
        ends = request_.get("at_end", {})
        assert all(any(isinstance(at(event, place), _TYPES[kind]) for event in events) for place, kind in ends.items())
    else:
        check_needs(request_["needs"], reply.json())
        if place := request_.get("words"):
            assert at(reply.json(), place) == SAID
    if request_.get("one_line"):  # Vim hands a plugin line after line, and llama.vim looks for this before it parses
        assert re.fullmatch(r'\{.*"content"\s*:".*', reply.text)
    if request_.get("asks_nobody"):
        assert prompts_of(site) == []
        assert site.events(reply.headers["x-request-id"]) == []


@pytest.mark.parametrize("request_", WITH_WORDS)
def test_each_request_is_answered_the_other_way_too(site: GatewaySite, token: str, request_: dict[str, Any]) -> None:
    """Streamed what its client reads whole, and whole what it reads as a stream: both are settings in most of them."""
    body = dict(request_["body"])
    is_stream = body["stream"] = not body.get("stream")
    body.pop("stream_options", None)
    reply = send(site, token, request_, body)
    assert reply.status_code == 200, reply.text
    words = request_["words"]
    if not is_stream:
        assert at(reply.json(), _MESSAGE.get(words, words)) == SAID
    elif words == "content":  # llama.cpp's own stream ends with an event, and no word
        events = [json.loads(line[6:]) for line in reply.text.splitlines() if line]
        assert "".join(event["content"] for event in events) == SAID
        assert [event["stop"] for event in events] == [False] * (len(events) - 1) + [True]
    else:
        assert "".join(at(event, _DELTA.get(words, words)) or "" for event in events_of(reply)) == SAID


@pytest.mark.parametrize("request_", WITH_CALLS)
@pytest.mark.parametrize("is_stream", [True, False])
def test_a_call_of_a_tool_reaches_who_offered_it(
    site: GatewaySite, token: str, request_: dict[str, Any], *, is_stream: bool
) -> None:
    name = request_["body"]["tools"][0]["function"]["name"]
    site.ollama.calls = site.vllm.calls = ((name, CALL[1]),)
    body = request_["body"] | {"stream": is_stream}
    if not is_stream:
        body.pop("stream_options", None)
    reply = send(site, token, request_, body)
    assert reply.status_code == 200, reply.text
    if is_stream:
        events = events_of(reply)
        pieces = [piece for event in events for piece in at(event, "choices.0.delta.tool_calls") or ()]
        check_needs(request_["call"], pieces[0])
        arguments = "".join(piece["function"].get("arguments", "") for piece in pieces)
        reasons = [at(event, "choices.0.finish_reason") for event in events if event["choices"]]
    else:
        (call,) = at(reply.json(), "choices.0.message.tool_calls")
        check_needs({place: kind for place, kind in request_["call"].items() if place != "index"}, call)
        pieces, arguments = [call], call["function"]["arguments"]
        reasons = [at(reply.json(), "choices.0.finish_reason")]
    assert (pieces[0]["function"]["name"], json.loads(arguments)) == (name, json.loads(CALL[1]))
    assert reasons[-1] == "tool_calls"


def test_what_was_replayed_is_told_of_every_editor() -> None:
    document = (Path(__file__).parents[2] / "docs" / "editors.md").read_text(encoding="utf-8")
    for file in FOLDER.glob("*.json"):
        recorded = json.loads(file.read_text(encoding="utf-8"))
        assert f"| {recorded['client']} |" in document
        assert {"client", "version", "origin", "requests"} == recorded.keys()
