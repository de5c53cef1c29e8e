"""The gateway from the attacker's side: tokens that are not theirs, requests that are none, bodies without an end."""

from __future__ import annotations

import json
import socket
import time
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.integration.gateway_scene import GatewaySite

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

ASKED: dict[str, Any] = {"model": "general", "messages": [{"role": "user", "content": "Hello?"}]}
KEY = "ghp_9fK2mQ7xT4vB8nR1sW6yZ3cD5hJ0pL2aEuGi"
CHAT = "/v1/chat/completions"


@pytest.fixture
def site(served: GatewaySite) -> GatewaySite:
    served.reset()
    return served


@pytest.fixture(scope="module")
def token(served: GatewaySite) -> str:
    return served.token("chat")


def error_of(site: GatewaySite, body: object, token: str, **headers: str) -> tuple[int, dict[str, Any]]:
    """Ask, check that the answer is an error in OpenAI's shape with our reference, and return it."""
    answer = site.post(body, token, **headers)
    error = answer.json()["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    assert f"(ref {answer.headers['x-request-id']})" in error["message"]
    assert site.ollama.prompts == site.vllm.prompts == []
    return answer.status_code, error


@pytest.mark.parametrize(
    "change",
    [
        {"api_base": "http://127.0.0.1:1/v1"},
        {"base_url": "http://127.0.0.1:1/v1"},
        {"api_key": "sk-x"},
        {"host": "Dev2"},
        {"callback": "http://127.0.0.1:1"},
        {"extra_headers": {"x": "y"}},
        {"extra_body": {"x": "y"}},
        {"fallbacks": ["gpt-4o"]},
        {"mock_response": "hello"},
        {"metadata": {"x": "y"}},
        {"user": "tom"},
        {"num_ctx": 4096},
        {"n": 2},
        {"n": True},
        {"top_logprobs": 3},
        {"logit_bias": {}},
        {"presence_penalty": 0.5},
        {"tools": [{"type": "web_search"}]},
        {"tool_choice": "required"},
        {"response_format": {"type": "xml"}},
        {"store": True},
        {"temperature": 3},
        {"temperature": "0"},
        {"max_tokens": 0},
        {"max_tokens": 1.5},
        {"stream": "yes"},
        {"stream_options": {"include_usage": True}},
        {"stop": ["a", "b", "c", "d", "e"]},
        {"stop": [""]},
        {"stop": KEY},
        {"messages": []},
        {"messages": "Hello?"},
        {"messages": [{"role": "user", "content": "x"}] * 10_000},
        {"messages": [{"role": "assistant", "content": "x"}]},
        {"messages": [{"role": "system", "content": "x"}]},
        {"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]},
        {"messages": [{"role": "root", "content": "x"}]},
        {"messages": [{"role": "tool", "content": "x", "tool_call_id": "1"}, *ASKED["messages"]]},
        {"messages": [{"role": "user", "content": None}]},
        {"messages": [{"role": "user", "content": ""}]},
        {"messages": [{"role": "user", "content": "x", "name": "tom"}]},
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://x"}}]}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "x", "cache_control": {}}]}]},
        {"messages": [{"role": "user", "content": "x" * 100_001}]},
        {"model": ""},
        {"model": ["general"]},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_is_not_taken_is_refused_by_name(site: GatewaySite, token: str, change: dict[str, Any]) -> None:
    status, error = error_of(site, ASKED | change, token)
    assert status == 400
    name = next(iter(change))
    assert error["type"] == "invalid_request_error"
    assert str(error["param"]).startswith(name)
    assert KEY not in error["message"]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"null",
        b'{"model": "general"',
        b'{"model": "general", "model": "starcoder", "messages": [{"role": "user", "content": "x"}]}',
        b'{"model": "general", "messages": [{"role": "system", "role": "user", "content": "x"}]}',
        b'{"temperature": NaN}',
        b'{"temperature": 1e999}',
        b'{"seed": ' + b"9" * 5000 + b"}",
        b'{"messages": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"messages": ' + b'{"a":' * 100_000,
        b"\xff\xfe{}",
        b'{"model": "general", "messages": [{"role": "user", "content": "\\ud800"}]}',
    ],
    ids=range(13),
)
def test_what_is_no_unambiguous_json_is_refused(site: GatewaySite, token: str, raw: bytes) -> None:
    status, error = error_of(site, raw, token)
    assert (status, error["type"]) == (400, "invalid_request_error")


def test_brackets_in_a_text_are_no_depth(site: GatewaySite, token: str) -> None:
    asked = {"model": "general", "messages": [{"role": "user", "content": '\\"' + "[{" * 1000 + '"\\'}]}
    assert site.post(asked, token).status_code == 200


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_what_a_form_could_send_is_no_request(site: GatewaySite, token: str, kind: str) -> None:
    assert error_of(site, ASKED, token, **{"content-type": kind})[0] == 415


def test_a_packed_body_is_not_unpacked(site: GatewaySite, token: str) -> None:
    assert error_of(site, ASKED, token, **{"content-encoding": "gzip"})[0] == 415


@pytest.mark.parametrize(
    "given", ["", "Basic bWFyaWE6eA==", "Bearer", "Bearer a b", "clst_x", "Bearer clst_" + "A" * 43]
)
def test_without_a_token_nothing_is_answered(site: GatewaySite, given: str) -> None:
    status, error = error_of(site, ASKED, "x", authorization=given)
    assert (status, error["type"], error["code"]) == (401, "authentication_error", "invalid_api_key")
    assert site.http.get(f"{site.url}/v1/models", headers={"authorization": given}).status_code == 401


def test_a_session_of_the_page_opens_nothing_here(site: GatewaySite) -> None:
    signed_in = site.http.post(
        f"{site.url}/sign-in",
        data={"name": "maria", "password": "correct-horse-battery"},
        headers={"origin": site.url},
    )
    cookie = signed_in.cookies["cloister_session"]
    site.http.cookies.clear()
    assert error_of(site, ASKED, "x", authorization="", cookie=f"cloister_session={cookie}")[0] == 401
    assert error_of(site, ASKED, cookie)[0] == 401


def test_a_token_is_not_a_session_of_the_page(site: GatewaySite, token: str) -> None:
    headers = {"cookie": f"cloister_session={token}", "authorization": f"Bearer {token}"}
    assert site.http.get(f"{site.url}/project/threads", headers=headers).status_code == 401


def test_expired_revoked_and_void_look_the_same(site: GatewaySite) -> None:
    messages = set()
    for change in ("expires_at = now()", "revoked_at = now()", "epoch = epoch + 1"):
        token = site.token("chat")
        site.run(f"UPDATE api_token SET {change} WHERE created_at = (SELECT max(created_at) FROM api_token)")  # noqa: S608
        status, error = error_of(site, ASKED, token)
        assert status == 401
        messages.add(error["message"].partition(" (ref")[0])
    assert len(messages) == 1


def test_guessing_is_stopped_and_says_when_to_come_back(site: GatewaySite, token: str) -> None:
    statuses = [site.post(ASKED, f"clst_{number:043}").status_code for number in range(52)]
    assert statuses[:50] == [401] * 50
    assert statuses[50:] == [429] * 2
    refused = site.post(ASKED, "clst_x")
    assert int(refused.headers["retry-after"]) > 0
    assert refused.json()["error"]["type"] == "rate_limit_error"
    assert site.post(ASKED, token).status_code == 200


def test_a_token_opens_its_own_scope_alone(site: GatewaySite) -> None:
    token = site.token("chat", "persona:general", "model:qwen2.5:instruct")
    for model in ("starcoder", "general/deepseek/coder", "starcoder/qwen2.5:instruct", "qwen2.5:instruct", "gpt-4o"):
        status, error = error_of(site, ASKED | {"model": model}, token)
        assert (status, error["code"], error["param"]) == (404, "model_not_found", "model")
        assert (
            site.http.get(f"{site.url}/v1/models/{model}", headers={"authorization": f"Bearer {token}"}).status_code
            == 404
        )
    site.run(
        "UPDATE api_token SET scopes = '{persona:general}' WHERE created_at = (SELECT max(created_at) FROM api_token)"
    )
    status, error = error_of(site, ASKED, token)
    assert (status, error["type"]) == (403, "permission_error")
    assert site.run("SELECT count(*) > 1 FROM audit.event WHERE type = 'access:refused'") == [(True,)]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/completions", {"model": "general/qwen2.5:instruct", "prompt": "x = "}),
        ("/v1/fim/completions", {"model": "general/qwen2.5:instruct", "prompt": "x = "}),
        ("/v1/infill", {"model": "general/qwen2.5:instruct", "input_prefix": "x = "}),
    ],
)
def test_asking_on_for_a_model_that_a_route_does_not_take_does_not_fill_the_log(
    site: GatewaySite, path: str, body: dict[str, Any]
) -> None:
    token = site.token("chat", "completions", "embeddings", "model:*")
    noted = "SELECT count(*) FROM audit.event WHERE type = 'access:refused'"
    ((before,),) = site.run(noted)
    for _ in range(5):
        reply = site.post(body, token, path)
        assert reply.status_code == 403
        assert reply.json()["error"]["param"] == "model"
    assert site.run(noted) == [(before + 1,)]
    assert site.ollama.prompts == site.vllm.prompts == site.ollama.embedded == site.vllm.embedded == []


def test_a_role_that_is_gone_is_gone_from_the_token(site: GatewaySite) -> None:
    token = site.token("chat", "persona:starcoder")
    site.run("UPDATE person SET roles = '{employee}' WHERE name = 'maria'")
    try:
        assert error_of(site, ASKED | {"model": "starcoder"}, token)[0] == 404
    finally:
        site.run("UPDATE person SET roles = '{developer}' WHERE name = 'maria'")


@pytest.mark.parametrize(
    "path",
    [
        "/v1",
        "/v1/",
        "/v1/embeddings/x",
        "/v1/responses",
        "/v1/files",
        "/v1/chat",
        "/v1/chat/completions/x",
        "/v1/../review",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "PUT"])
def test_whatever_else_that_api_has_is_a_clear_404(site: GatewaySite, token: str, path: str, method: str) -> None:
    answer = _raw(site, f"{method} {path} HTTP/1.1", f"authorization: Bearer {token}")
    assert " 404 " in answer.splitlines()[0]
    assert json.loads(answer.rpartition("\r\n\r\n")[2])["error"]["code"] == "unknown_url"


def test_the_wrong_method_is_a_clear_404(site: GatewaySite, token: str) -> None:
    assert site.http.get(f"{site.url}{CHAT}", headers={"authorization": f"Bearer {token}"}).status_code == 404


def test_headers_of_a_client_reach_no_host(site: GatewaySite, token: str) -> None:
    smuggled = {
        "x-forwarded-host": "elsewhere.example",
        "x-api-base": "http://127.0.0.1:1",
        "openai-organization": "x",
        "x-litellm-api-key": "x",
        "api-key": "x",
        "cookie": "a=b",
        "x-planted": "planted",
    }
    answer = site.post(ASKED, token, **smuggled)
    assert answer.status_code == 200
    (asked,) = [request for request in site.ollama.requests if request.path == "/api/chat"]
    assert not {*smuggled, "authorization"} & asked.headers.keys()
    assert token not in str(asked)
    assert "planted" not in str(asked)


@pytest.mark.parametrize(
    "lines",
    [
        ("authorization: Bearer {token}", "authorization: Bearer {token}"),
        ("authorization: Bearer clst_x", "authorization: Bearer {token}"),
    ],
)
def test_two_tokens_are_none(site: GatewaySite, token: str, lines: tuple[str, ...]) -> None:
    answer = _ask_raw(site, *(line.format(token=token) for line in lines))
    assert " 400 " in answer.splitlines()[0]


@pytest.mark.parametrize(
    "lines",
    [
        ("content-length: 5", "content-length: 105"),
        ("transfer-encoding: chunked", "content-length: 5"),
        ("transfer-encoding: chunked", "transfer-encoding: identity"),
        ("content-length: +105",),
        ("content-length : 105",),
    ],
)
def test_a_length_that_two_readers_could_see_differently_is_refused(
    site: GatewaySite, token: str, lines: tuple[str, ...]
) -> None:
    body = json.dumps(ASKED)
    answer = _raw(
        site,
        f"POST {CHAT} HTTP/1.1",
        f"authorization: Bearer {token}",
        "content-type: application/json",
        *lines,
        body=f"{body}\r\n\r\nGET /v1/models HTTP/1.1\r\nhost: x\r\n\r\n",
    )
    assert " 400 " in answer.splitlines()[0]
    assert site.ollama.prompts == []
    assert "starcoder" not in answer


def test_a_chunked_body_that_names_its_length_too_is_refused_and_nothing_behind_it_read(
    site: GatewaySite, token: str
) -> None:
    body = json.dumps(ASKED)
    place = urlsplit(site.url)
    head = (
        f"POST {CHAT} HTTP/1.1\r\nhost: {place.netloc}\r\nauthorization: Bearer {token}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    behind = f"GET /v1/models HTTP/1.1\r\nhost: {place.netloc}\r\nauthorization: Bearer {token}\r\n\r\n"
    with socket.create_connection((place.hostname, place.port), timeout=60) as connection:
        connection.sendall(f"{head}{len(body):x}\r\n{body}\r\n0\r\n\r\n{behind}".encode())
        said = _read_all(connection).decode()
    assert " 400 " in said.splitlines()[0]
    assert said.count("HTTP/1.1 ") == 1
    assert site.ollama.prompts == []


@pytest.mark.parametrize("host", ["elsewhere.example", "127.0.0.1:1", ""])
def test_a_foreign_host_or_origin_is_refused_in_the_apis_shape(site: GatewaySite, token: str, host: str) -> None:
    assert error_of(site, ASKED, token, host=host)[0] == 421
    assert error_of(site, ASKED, token, origin="https://elsewhere.example")[0] == 403


def test_a_body_beyond_the_limit_is_refused_before_it_is_read(site: GatewaySite, token: str) -> None:
    limit = 100_000 * 6 + (256 << 10)
    answer = _ask_raw(site, f"authorization: Bearer {token}", length=limit + 1, body="{")
    assert " 413 " in answer.splitlines()[0]
    assert "invalid_request_error" in answer


def test_a_chunked_body_without_an_end_is_cut(site: GatewaySite, token: str) -> None:
    place = urlsplit(site.url)
    head = (
        f"POST {CHAT} HTTP/1.1\r\nhost: {place.netloc}\r\nauthorization: Bearer {token}\r\n"
        "content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    with socket.create_connection((place.hostname, place.port), timeout=60) as connection:
        connection.sendall(head.encode())
        sent = 0
        try:
            while sent < 64:
                connection.sendall(chunk)
                sent += 1
        except OSError:
            pass
        said = _read_all(connection)
    assert sent < 64 or b" 413 " in said.splitlines()[0]
    assert said == b"" or b" 413 " in said.splitlines()[0]


def test_a_slow_body_ends_in_time_and_a_stranger_is_not_waited_for(site: GatewaySite, token: str) -> None:
    began = time.monotonic()
    refused = _ask_raw(site, "authorization: Bearer clst_x", length=500, body="{")
    assert " 401 " in refused.splitlines()[0]
    assert time.monotonic() - began < 15  # a body is waited for 20 s
    answer = _ask_raw(site, f"authorization: Bearer {token}", length=500, body="{")
    assert " 408 " in answer.splitlines()[0]
    assert time.monotonic() - began < 60


def _ask_raw(site: GatewaySite, *lines: str, length: int | None = None, body: str = "") -> str:
    body = body or json.dumps(ASKED)
    return _raw(
        site,
        f"POST {CHAT} HTTP/1.1",
        "content-type: application/json",
        f"content-length: {len(body) if length is None else length}",
        *lines,
        body=body,
    )


def _raw(site: GatewaySite, *lines: str, body: str = "") -> str:
    """Send a request as it is written here, and return what comes until the server closes."""
    place = urlsplit(site.url)
    first, *others = lines
    head = "\r\n".join((first, f"host: {place.netloc}", "connection: close", *others))
    with socket.create_connection((place.hostname, place.port), timeout=60) as connection:
        connection.sendall(f"{head}\r\n\r\n{body}".encode())
        return _read_all(connection).decode("utf-8", "replace")


def _read_all(connection: socket.socket) -> bytes:
    said = b""
    try:
        while piece := connection.recv(65536):
            said += piece
    except OSError:  # reset: what came before it counts
        pass
    return said
