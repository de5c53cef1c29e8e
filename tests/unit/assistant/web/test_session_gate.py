from __future__ import annotations

from typing import Any

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from assistant.conversation import Role
from assistant.web.session_gate import SessionCookie, SessionGate, parse_cookies
from tests.fakes.web_parts import PASSWORD, FakeIdentity


class Seen:
    """The application behind the gate; keeps what it was given."""

    def __init__(self) -> None:
        self.scopes: list[Scope] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scopes.append(scope)
        await PlainTextResponse("in")(scope, receive, send)


async def ask(
    gate: SessionGate, cookie: str, *, path: str = "/user", accept: str = "*/*"
) -> tuple[int, dict[str, str]]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    headers = [(b"cookie", cookie.encode("latin-1")), (b"accept", accept.encode())]
    scope = {"type": "http", "method": "GET", "path": path, "headers": headers, "state": {"reference": "7K2FABC"}}
    await gate(scope, receive, send)
    start = sent[0]
    return start["status"], {name.decode(): value.decode() for name, value in start["headers"]}


async def test_the_session_is_the_only_credential_and_does_not_go_further() -> None:
    identity, seen = FakeIdentity(), Seen()
    maria = identity.add("maria", Role.EMPLOYEE)
    token = (await identity.sign_in("maria", PASSWORD, "here")).token
    gate = SessionGate(seen, identity=identity, cookie=SessionCookie(is_secure=False, hours=8))
    assert (await ask(gate, f"other=1; cloister_session={token}"))[0] == 200
    assert seen.scopes[0]["state"]["person"] == maria
    assert token not in str(seen.scopes[0]["headers"])
    assert parse_cookies(seen.scopes[0]) == {"other": "1"}
    await identity.sign_out(token)
    assert (await ask(gate, f"cloister_session={token}"))[0] == 401


@pytest.mark.parametrize("cookie", ["", "cloister_session=", "cloister_session=x", "\xff\xfe=;;;=", 'a="unclosed'])
async def test_without_a_session_nobody_comes_in(cookie: str) -> None:
    seen = Seen()
    gate = SessionGate(seen, identity=FakeIdentity(), cookie=SessionCookie(is_secure=False, hours=8))
    assert (await ask(gate, cookie))[0] == 401
    assert seen.scopes == []


async def test_a_page_leads_to_the_sign_in_and_back() -> None:
    gate = SessionGate(Seen(), identity=FakeIdentity(), cookie=SessionCookie(is_secure=False, hours=8))
    assert (await ask(gate, "", path="/"))[1]["location"] == "/sign-in"
    status, headers = await ask(gate, "", path="/thread/a b", accept="text/html")
    assert (status, headers["location"]) == (303, "/sign-in?next=/thread/a%20b")


def test_the_cookie_is_out_of_reach_of_scripts_and_foreign_forms() -> None:
    response = PlainTextResponse("")
    SessionCookie(is_secure=True, hours=1).write(response, "token")
    cookie = response.headers["set-cookie"]
    assert cookie.startswith("__Host-cloister_session=token; HttpOnly; Max-Age=3600; Path=/; SameSite=lax; Secure")
