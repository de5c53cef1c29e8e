from __future__ import annotations

import pytest

from assistant.errors import SettingsError
from assistant.settings import Settings
from assistant.web.origins import Origins

EVERYWHERE = "0.0.0.0"  # noqa: S104 - nothing is bound here


def test_a_loopback_page_knows_its_loopback_names() -> None:
    origins = Origins.of(Settings(port=8420))
    assert origins.origins == {"http://127.0.0.1:8420", "http://localhost:8420", "http://[::1]:8420"}
    assert origins.knows_host("LOCALHOST:8420")
    assert not origins.knows_host("localhost")
    assert not origins.knows_host("evil.example:8420")


def test_listening_everywhere_answers_only_to_names_that_were_given() -> None:
    origins = Origins.of(Settings(host=EVERYWHERE, port=80, origins=("https://chat.corp.example",)))
    assert origins.knows_host("chat.corp.example")
    assert origins.knows_host("chat.corp.example:443")
    assert origins.knows_host("localhost")
    assert not origins.knows_host(EVERYWHERE)
    assert "https://chat.corp.example" in origins.origins


@pytest.mark.parametrize("wrong", ["chat.corp", "https://", "ftp://x", "https://x/path", "https://x:port", "*", "null"])
def test_what_is_no_origin_is_refused_at_start(wrong: str) -> None:
    with pytest.raises(SettingsError, match="CLOISTER_ORIGINS"):
        Origins.of(Settings(origins=(wrong,)))


@pytest.mark.parametrize(
    ("headers", "for_http", "for_sockets"),
    [
        ({b"origin": b"http://127.0.0.1:8420"}, True, True),
        ({b"origin": b"http://localhost:8420"}, True, True),
        ({b"origin": b"https://127.0.0.1:8420"}, False, False),
        ({b"origin": b"http://127.0.0.1:8421"}, False, False),
        ({b"origin": b"null"}, False, False),
        ({b"origin": b""}, False, False),
        ({b"sec-fetch-site": b"cross-site"}, False, False),
        ({b"sec-fetch-site": b"same-site"}, False, False),
        ({b"sec-fetch-site": b"same-origin"}, True, False),
        ({}, True, False),
    ],
)
def test_who_may_change_something(headers: dict[bytes, bytes], *, for_http: bool, for_sockets: bool) -> None:
    origins = Origins.of(Settings(port=8420))
    assert origins.allows(headers, must_name_origin=False) is for_http
    assert origins.allows(headers, must_name_origin=True) is for_sockets
