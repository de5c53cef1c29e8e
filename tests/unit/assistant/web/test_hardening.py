from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.utils import ClientDisconnected

from assistant.errors import AuditUnavailableError, BadInputError, NotAllowedError, NotFoundError, SettingsError
from assistant.settings import Settings
from assistant.web.hardening import UPLOAD_PATH, Hardening, content_policy, http_status
from assistant.web.origins import Origins

_OWN = (b"host", b"127.0.0.1:8420")


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Read the whole body, set cookies, answer with its length."""
    body = await Request(scope, receive).body()
    response = PlainTextResponse(str(len(body)))
    response.set_cookie("access_token", "stolen")
    response.set_cookie("ours", "1")
    await response(scope, receive, send)


async def broken(scope: Scope, receive: Receive, send: Send) -> None:
    raise RuntimeError("the planted secret")


def shell(app: Any = echo, *, is_behind_tls: bool = False) -> Hardening:
    return Hardening(app, origins=Origins.of(Settings()), max_upload_bytes=1 << 20, is_behind_tls=is_behind_tls)


async def ask(
    app: Hardening,
    *,
    path: str = "/",
    method: str = "POST",
    headers: Iterable[tuple[bytes, bytes]] = (),
    body: Iterable[bytes] = (b"",),
) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": [_OWN, *headers]}
    pieces = list(body)
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": pieces.pop(0) if pieces else b"", "more_body": bool(pieces)}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    starts = [message for message in sent if message["type"] == "http.response.start"]
    assert len(starts) == 1
    content = b"".join(message.get("body", b"") for message in sent[1:])
    return starts[0]["status"], starts[0]["headers"], content


async def test_a_body_within_the_limit_arrives_whole() -> None:
    status, _headers, content = await ask(shell(), body=[b"x" * 1000] * 3)
    assert (status, content) == (200, b"3000")


async def test_a_body_that_grows_too_long_is_refused_once() -> None:
    status, _headers, content = await ask(shell(), body=[b"x" * 100_000] * 10)
    assert status == 413
    assert b"more than is accepted" in content


async def test_an_upload_may_be_longer_but_not_endless() -> None:
    assert (await ask(shell(), path=UPLOAD_PATH, body=[b"x" * 100_000] * 10))[0] == 200
    assert (await ask(shell(), path=UPLOAD_PATH, body=[b"x" * 100_000] * 20))[0] == 413


@pytest.mark.parametrize("length", [b"-1", b"1e9", b"999999999999", b"", b"12a"])
async def test_a_length_that_is_none_is_refused(length: bytes) -> None:
    status, _headers, _content = await ask(shell(), headers=[(b"content-length", length)])
    assert status == 413


@pytest.mark.parametrize("path", [UPLOAD_PATH, "/v1/chat/completions"])
async def test_a_length_that_is_told_in_two_ways_is_refused_and_ends_the_connection(path: str) -> None:
    lengths = [(b"content-length", b"4"), (b"transfer-encoding", b"chunked")]
    status, headers, content = await ask(shell(), path=path, headers=lengths, body=[b"xxxx"])
    assert status == 400
    assert b"in two ways" in content
    assert dict(headers)[b"connection"] == b"close"


async def test_cookies_of_chainlit_never_leave_and_ours_are_secure_behind_tls() -> None:
    _status, headers, _content = await ask(shell(is_behind_tls=True))
    cookies = [value for name, value in headers if name == b"set-cookie"]
    assert len(cookies) == 1
    assert cookies[0].startswith(b"ours=1")
    assert cookies[0].endswith(b"; Secure")


async def test_an_error_becomes_words_with_the_reference_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    status, headers, content = await ask(shell(broken), headers=[(b"accept", b"text/html")])
    reference = dict(headers)[b"x-request-id"].decode()
    assert status == 500
    assert reference.encode() in content
    assert reference in caplog.text
    assert b"planted secret" not in content
    assert b"Traceback" not in content


async def test_an_error_leaves_nothing_of_its_message_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await ask(shell(broken))
    assert "RuntimeError at test_hardening.py" in caplog.text
    assert "planted secret" not in caplog.text


async def gone(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("x" * 1000)(scope, receive, send)


async def hung_up(scope: Scope, receive: Receive, send: Send) -> None:
    await Request(scope, receive).body()


async def test_a_caller_who_goes_away_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    async def send_nowhere(_message: Any) -> None:
        raise ClientDisconnected

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": [_OWN]}
    await shell(gone)(scope, receive, send_nowhere)
    await shell(hung_up)(scope | {"state": {}}, receive, send_nowhere)
    assert [record for record in caplog.records if record.levelno > logging.DEBUG] == []


async def test_a_socket_that_closes_in_its_handshake_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    async def application(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": "hello"})

    async def send(message: Any) -> None:
        if message["type"] == "websocket.send":  # as uvicorn says it of a transport that is closing
            raise RuntimeError("Expected ASGI message 'websocket.accept' but got 'websocket.send'.")

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    headers = [_OWN, (b"origin", b"http://127.0.0.1:8420")]
    await shell(application)({"type": "websocket", "path": "/ws/socket.io/", "headers": headers}, receive, send)
    assert [record for record in caplog.records if record.levelno > logging.DEBUG] == []


async def test_a_socket_of_another_page_is_closed_before_the_app_sees_it() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    headers = [_OWN, (b"origin", b"https://evil.example")]
    await shell(broken)({"type": "websocket", "path": "/ws/socket.io/", "headers": headers}, receive, send)
    assert sent == [{"type": "websocket.close", "code": 1008}]


def test_a_policy_is_changed_by_name_and_stays_strict_elsewhere() -> None:
    policy = content_policy(script_src="'self' 'nonce-x'")
    assert "script-src 'self' 'nonce-x'" in policy
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NotAllowedError(""), 403),
        (NotFoundError(""), 404),
        (BadInputError(""), 400),
        (AuditUnavailableError(""), 503),
        (SettingsError(""), 500),
    ],
)
def test_each_refusal_has_its_status(error: Any, status: int) -> None:
    assert http_status(error) == status
