"""Which addresses the page answers under, and from which pages a browser may change something."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import urlsplit

from assistant.errors import SettingsError
from assistant.settings import Settings

_LOOPBACK_NAMES: Final = ("127.0.0.1", "localhost", "[::1]")
_ANY_ADDRESS: Final = ("0.0.0.0", "::", "")  # noqa: S104 - compared with, not bound to
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Origins:
    """The page's own origins, such as `http://127.0.0.1:8420`, and their host names with port.

    A Host header outside of `hosts` is how a foreign page reaches a loopback service (DNS rebinding); an Origin
    outside of `origins` is how it acts with somebody's cookie (CSRF, cross-site WebSocket).
    """

    origins: frozenset[str]
    hosts: frozenset[str]

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Allow the address listened on, its loopback names, and what the administrator named.

        Raises:
            SettingsError: an entry of `CLOISTER_ORIGINS` is not an origin.
        """
        names = {f"[{settings.host}]" if ":" in settings.host else settings.host}
        if names & set(_LOOPBACK_NAMES) or settings.host in _ANY_ADDRESS:
            names = (names | set(_LOOPBACK_NAMES)) - set(_ANY_ADDRESS) - {"[::]"}
        own = [f"http://{name}:{settings.port}" for name in names]
        parsed = [_parse(origin) for origin in (*own, *settings.origins)]
        return cls(
            origins=frozenset(_spell(scheme, host, port) for scheme, host, port in parsed),
            hosts=frozenset(
                spelling
                for scheme, host, port in parsed
                for spelling in ({f"{host}:{port}"} | ({host} if port == _DEFAULT_PORTS[scheme] else set()))
            ),
        )

    def knows_host(self, host: str) -> bool:
        """Tell whether a Host header names this page."""
        return host.lower() in self.hosts

    def allows(self, headers: Mapping[bytes, bytes], *, must_name_origin: bool) -> bool:
        """Tell whether a request may change something.

        Every browser in use sends Origin with such a request; one without is no browser and holds no stolen cookie,
        so it passes unless `must_name_origin` is set (WebSockets: browsers always name it there).
        """
        origin = headers.get(b"origin")
        if origin is not None:
            return origin.decode("latin-1").lower() in self.origins
        if headers.get(b"sec-fetch-site", b"none") not in {b"same-origin", b"none"}:
            return False
        return not must_name_origin


def _parse(origin: str) -> tuple[str, str, int]:
    parts = urlsplit(origin.lower())
    try:
        port = parts.port
    except ValueError:
        port = -1
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or port == -1 or parts.path.strip("/") or parts.query:
        raise SettingsError(
            f"CLOISTER_ORIGINS: {origin!r} is not an origin. Write scheme, host and port, such as https://chat.corp.example."
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return parts.scheme, host, port or _DEFAULT_PORTS[parts.scheme]


def _spell(scheme: str, host: str, port: int) -> str:
    """Return the origin as browsers spell it: without the scheme's own port."""
    return f"{scheme}://{host}" if port == _DEFAULT_PORTS[scheme] else f"{scheme}://{host}:{port}"
