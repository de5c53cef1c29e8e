"""Embeddings through the gateway: the official client, and what an attacker would like of them."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest

from tests.fakes.model_host import Fault
from tests.integration.gateway_scene import GatewaySite

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

PATH = "/v1/embeddings"
MODEL = "general/nomic-embed"
KEY = "ghp_9fK2mQ7xT4vB8nR1sW6yZ3cD5hJ0pL2aEuGi"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7bq1\n-----END RSA PRIVATE KEY-----"


@pytest.fixture
def site(served: GatewaySite) -> GatewaySite:
    served.reset()
    return served


@pytest.fixture(scope="module")
def token(served: GatewaySite) -> str:
    return served.token("embeddings", "model:*")


def sent(site: GatewaySite) -> list[list[str]]:
    return [*site.ollama.embedded, *site.vllm.embedded]


@pytest.mark.parametrize("form", ["float", "base64"])
def test_vectors_in_the_order_of_their_texts(site: GatewaySite, token: str, form: Any) -> None:
    """The client asks for base64 by itself where nobody says otherwise, and unpacks it."""
    options = {} if form == "base64" else {"encoding_format": form}
    answer = site.client(token).embeddings.create(model=MODEL, input=["four", "seven77"], **options)
    assert [row.embedding for row in answer.data] == [[4.0, 0.25, -1.5, 0.5], [7.0, 0.25, -1.5, 0.5]]
    assert [row.index for row in answer.data] == [0, 1]
    assert (answer.model, answer.usage.prompt_tokens, answer.usage.total_tokens) == (MODEL, 2, 2)
    assert sent(site) == [["four", "seven77"]]


def test_each_kind_of_host_is_asked_in_its_way(site: GatewaySite, token: str) -> None:
    for away, asked in ((site.vllm, site.ollama), (site.ollama, site.vllm)):
        away.fault, asked.fault = Fault("status", status=422), None
        answer = site.client(token).embeddings.create(model=MODEL, input="four", dimensions=2)
        assert answer.data[0].embedding == [4.0, 0.25]
        assert asked.embedded == [["four"]]


def test_the_log_has_two_events_and_no_text(site: GatewaySite, token: str) -> None:
    raw = site.client(token).embeddings.with_raw_response.create(model=MODEL, input="Planted-Sentence about badges")
    events = site.events(raw.headers["x-request-id"])
    assert [event["type"] for event in events] == ["turn:accepted", "turn:answered"]
    assert "Planted-Sentence" not in json.dumps(events)
    assert site.run("SELECT count(*) FROM thread") == [(0,)]


def test_a_secret_never_reaches_a_host(site: GatewaySite, token: str) -> None:
    client = site.client(token)
    client.embeddings.create(model=MODEL, input=["fine", f"token = {KEY}"])
    assert KEY not in json.dumps(sent(site))
    assert len(sent(site)) == 1
    with pytest.raises(openai.BadRequestError) as refused:
        client.embeddings.create(model=MODEL, input=["fine", PEM])
    assert refused.value.code == "content_filter"
    assert refused.value.param == "input"
    assert len(sent(site)) == 1


def test_scope_model_and_persona(site: GatewaySite, token: str) -> None:
    with pytest.raises(openai.PermissionDeniedError, match="embeddings"):
        site.client(site.token("chat", "model:*")).embeddings.create(model=MODEL, input="x")
    with pytest.raises(openai.NotFoundError):
        site.client(site.token("embeddings")).embeddings.create(model=MODEL, input="x")
    with pytest.raises(openai.NotFoundError):
        site.client(site.token("embeddings", "model:*", name="tom")).embeddings.create(
            model="starcoder/nomic-embed", input="x"
        )
    with pytest.raises(openai.BadRequestError, match="general/MODEL"):
        site.client(token).embeddings.create(model="general", input="x")
    with pytest.raises(openai.PermissionDeniedError, match="is not there for embeddings"):
        site.client(token).embeddings.create(model="general/qwen2.5:instruct", input="x")
    assert sent(site) == []


def test_a_model_that_embeds_is_never_asked_to_chat(site: GatewaySite) -> None:
    with pytest.raises(openai.PermissionDeniedError, match="is not there for chat, but for something else") as refused:
        site.client().chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "Hello?"}])
    assert site.events(refused.value.response.headers["x-request-id"]) == []  # it was no turn
    assert site.ollama.prompts == site.vllm.prompts == []


def test_token_numbers_are_refused_with_what_to_do(site: GatewaySite, token: str) -> None:
    with pytest.raises(openai.BadRequestError, match="check_embedding_ctx_length"):
        site.client(token).embeddings.create(model=MODEL, input=[[1, 2, 3]])
    assert sent(site) == []


@pytest.mark.parametrize("liar", [[], [1e300], ["x"], [None]])
def test_a_host_that_gives_no_vectors_is_an_error(site: GatewaySite, token: str, liar: Any) -> None:
    site.ollama.fault = Fault("status", status=422)
    usual, site.vllm.vector = site.vllm.vector, lambda _: liar
    try:
        answer = site.post({"model": MODEL, "input": "x"}, token, PATH)
    finally:
        site.vllm.vector = usual
    assert answer.status_code == 503
    assert "injected" not in answer.text
