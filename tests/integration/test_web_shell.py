"""The shell around the doors: foreign pages, evil addresses, closed routes, long bodies, headers of every response."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

import httpx
import pytest
from socketio.exceptions import (  # type: ignore[import-untyped]  # ships no types
    ConnectionError as SocketConnectionError,
)

from tests.fakes.web_site import RunningSite
from tests.integration.web_scene import COOKIE, Newcomer

pytestmark = pytest.mark.integration


async def test_a_forged_token_of_chainlit_is_worth_nothing(web: RunningSite, newcomer: Newcomer) -> None:
    from chainlit.auth import create_jwt  # noqa: PLC0415 - only after the site configured it
    from chainlit.user import User  # noqa: PLC0415 - likewise

    victim = await newcomer()
    token = create_jwt(User(identifier=str(victim.person.id)))
    async with httpx.AsyncClient(base_url=web.url) as stranger:
        for headers in ({"cookie": f"access_token={token}"}, {"authorization": f"Bearer {token}"}):
            assert (await stranger.get("/user", headers=headers)).status_code == 401
    attacker = await newcomer()
    both = {"authorization": f"Bearer {token}", "cookie": f"{COOKIE}={attacker.token}; access_token={token}"}
    answer = await attacker.http.get("/user", headers=both)
    assert answer.json()["identifier"] == str(attacker.person.id)


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost"])
async def test_a_socket_from_another_page_is_refused(web: RunningSite, newcomer: Newcomer, origin: str) -> None:
    victim = await newcomer()
    with pytest.raises(SocketConnectionError):
        async with victim.window(origin=origin):
            pass


async def test_a_socket_without_a_session_is_refused(web: RunningSite, newcomer: Newcomer) -> None:
    stranger = await newcomer()
    stranger.token = "A" * 43
    with pytest.raises(SocketConnectionError):
        async with stranger.window():
            pass


@pytest.mark.parametrize(
    "path", ["/sign-in", "/sign-out", "/logout", "/project/threads", "/project/file", "/documents"]
)
async def test_a_form_of_another_page_changes_nothing(web: RunningSite, newcomer: Newcomer, path: str) -> None:
    victim = await newcomer()
    for headers in ({"origin": "https://evil.example"}, {"origin": "null"}):
        assert (await victim.http.post(path, headers=headers)).status_code == 403
    async with httpx.AsyncClient(base_url=web.url, cookies=victim.http.cookies) as browser:
        assert (await browser.post(path, headers={"sec-fetch-site": "cross-site"})).status_code == 403
    assert (await victim.http.get("/user")).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1", "localhost:1", ""])
async def test_an_evil_host_header_is_refused(web: RunningSite, newcomer: Newcomer, host: str) -> None:
    victim = await newcomer()
    answer = await victim.http.get("/", headers={"host": host})
    assert answer.status_code == 421


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/project/thread/share"), ("GET", "/project/share/x"), ("POST", "/mcp"), ("DELETE", "/mcp"),
        ("POST", "/auth/jwt"), ("POST", "/auth/header"), ("GET", "/auth/oauth/google"), ("POST", "/login"),
        ("GET", "/copilot/index.js"), ("GET", "/docs"), ("GET", "/openapi.json"), ("GET", "/redoc"), ("GET", "/health"),
        ("PUT", "/project/element"), ("POST", "/project/action"), ("GET", f"/project/file/{UUID(int=1)}"),
        ("GET", f"/project/thread/{UUID(int=1)}/element/{UUID(int=2)}"),
        ("GET", "/ws/socket.io/?EIO=4&transport=polling"),
        ("POST", "/ws/socket.io/?EIO=4&transport=polling"), ("GET", "/share/x"), ("GET", "/env"), ("GET", "/anything"),
    ],
)  # fmt: skip
async def test_what_is_not_named_is_not_there(web: RunningSite, newcomer: Newcomer, method: str, path: str) -> None:
    somebody = await newcomer()
    answer = await somebody.http.request(method, path)
    assert answer.status_code in {404, 405}


@pytest.mark.parametrize(
    "path",
    [
        "/public/..%2f.chainlit%2fconfig.toml", "/public/../.chainlit/config.toml", "/static/..%2fapp.py",
        "/static/%2e%2e/app.py", "/assets/..%2f..%2findex.html", "/avatars/..%2f..%2f.chainlit%2fconfig",
        "/public//etc/passwd", "/static//etc/passwd",
    ],
)  # fmt: skip
async def test_no_path_leads_out_of_its_folder(web: RunningSite, newcomer: Newcomer, path: str) -> None:
    somebody = await newcomer()
    url = httpx.URL(web.url).copy_with(raw_path=path.encode())
    answer = await somebody.http.get(url)
    assert answer.status_code in {400, 404}
    assert "session_timeout" not in answer.text


async def test_a_body_that_says_its_length_is_refused_before_it_is_read(web: RunningSite, newcomer: Newcomer) -> None:
    somebody = await newcomer()
    answer = await somebody.http.post("/project/threads", content=b"x" * 400_000)
    assert answer.status_code == 413


async def test_a_body_that_hides_its_length_is_cut_off(web: RunningSite, newcomer: Newcomer) -> None:
    somebody = await newcomer()

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(64):
            yield b"x" * 65_536

    answer = await somebody.http.post("/project/threads", content=pieces())
    assert answer.status_code == 413


@pytest.mark.parametrize("data", [b"", b"x" * ((1 << 20) + 1)])
async def test_a_file_that_is_empty_or_too_large_is_refused_in_words(
    web: RunningSite, newcomer: Newcomer, data: bytes
) -> None:
    somebody = await newcomer()
    answer = await somebody.http.post("/project/file?session_id=x", files={"file": ("a.md", data, "text/plain")})
    assert answer.status_code in {400, 413}
    assert answer.json()["detail"]
