"""How a host and Cloister prove to each other who they are: keys, authorities, certificates; each in a file of its own.

fleet.yaml names files and variables and never holds a secret itself: it is sent around, shown and committed.
"""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import httpx

from connectors.model_hosts.yaml_fields import Fields

KEYS: Final = ("api_key_file", "api_key_env", "ca_file", "client_cert_file", "client_key_file")
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OURS: Final = "CLOISTER_"
_TLS: Final = "cloister.tls"  # in a request's extensions: how the host that it goes to is to be checked
_MOST_FILE_BYTES: Final = 1 << 20  # of certificates; the list of all public authorities is a quarter of it


@dataclass(frozen=True, slots=True)
class Tls:
    """How a host's certificate is checked, and what is shown to it.

    Attributes:
        ca_file: authorities of the site; None goes by those that the public trusts.
        certificate_file, key_file: what is shown to a host that asks for a certificate; the key may stand in the same
            file.
        version: tells the bytes of the files from others, so that a certificate that was renewed is another value.
    """

    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    version: str = ""

    @property
    def files(self) -> tuple[Path, ...]:
        """Return every file that was read."""
        return tuple(file for file in (self.ca_file, self.certificate_file, self.key_file) if file is not None)


_PUBLIC: Final = Tls()
_Place = tuple[object, str, str, int | None]


class HostsTransport(httpx.AsyncBaseTransport):
    """A way to hosts that checks each by its own authorities: no proxies of the environment, one pool for each host.

    httpcore looks at every connection of a pool for each request: a hundred hosts in one pool would cost seconds of
    processor time for each look at them all.
    """

    def __init__(self) -> None:
        self._ways: dict[_Place, httpx.AsyncHTTPTransport] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Carry a request the way that it is marked for; an unmarked one goes by what the public trusts."""
        tls = request.extensions.get(_TLS)
        place = _place_of(request.url, tls)
        way = self._ways.get(place)
        if way is None:
            context = context_of(tls if isinstance(tls, Tls) else _PUBLIC)
            way = self._ways[place] = httpx.AsyncHTTPTransport(verify=context, trust_env=False)
        if request.url.scheme == "https":
            request.extensions = {**request.extensions, "trace": _Handshake().follow}
        return await way.handle_async_request(request)

    async def keep(self, hosts: Iterable[tuple[str, Tls | None]]) -> None:
        """Close the connections to all hosts but these, each an address and how it is checked."""
        kept = {_place_of(httpx.URL(address), tls) for address, tls in hosts}
        for place in self._ways.keys() - kept:
            await self._ways.pop(place).aclose()

    async def aclose(self) -> None:
        """Close every connection."""
        for way in self._ways.values():
            await way.aclose()


class _Handshake:
    """Closes a connection whose handshake is called off; httpcore leaves it open for good if its caller leaves."""

    def __init__(self) -> None:
        self._stream: Any = None  # an AsyncNetworkStream

    async def follow(self, event: str, info: Mapping[str, Any]) -> None:
        """Hear of an event of the request, as httpcore's extension `trace` tells it."""
        if event == "connection.connect_tcp.complete":
            self._stream = info["return_value"]
        elif event == "connection.start_tls.failed" and self._stream is not None:
            await self._stream.aclose()


def _place_of(url: httpx.URL, tls: object) -> _Place:
    return tls, url.scheme, url.host, url.port


def marked(tls: Tls | None) -> dict[str, object]:
    """Return the extensions of a request to a host that is checked in this way."""
    return {_TLS: tls} if tls is not None else {}


def read_api_key(fields: Fields) -> str:
    """Return the host's key, from the file or the variable that is named; empty if neither is.

    Raises:
        FleetError: both are named, or what is named holds no key.
    """
    if fields.has("api_key_file") and fields.has("api_key_env"):
        fields.refuse_field("api_key_env", "a key comes from a file or from a variable; keep one of the two")
    if fields.has("api_key_env"):
        return _key_of_variable(fields)
    name = fields.text("api_key_file", default="")
    if not name:
        return ""
    try:
        key = (fields.file.parent / name).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        fields.refuse_field("api_key_file", f"{name!r} cannot be read; it should be a text file with the key alone")
    if not _is_key(key):
        fields.refuse_field("api_key_file", f"{name!r} should hold one line with the key alone")
    return key


def _key_of_variable(fields: Fields) -> str:
    name = fields.text("api_key_env")
    if not _VARIABLE.fullmatch(name):
        fields.refuse_field("api_key_env", "give the name of an environment variable, such as DEV1_KEY, not the key")
    if name.upper().startswith(_OURS):
        fields.refuse_field("api_key_env", f"{name!r}: names with {_OURS} are settings; use another, such as DEV1_KEY")
    key = os.environ.get(name, "").strip()
    if not _is_key(key):
        fields.refuse_field(
            "api_key_env", f"{name!r} is not set to a key here; set it for every process that asks hosts"
        )
    return key


def _is_key(key: str) -> bool:
    return bool(key) and key.isascii() and key.isprintable() and " " not in key


def read_tls(fields: Fields, address: str) -> Tls | None:
    """Return how the host is checked; None where nothing of it is said.

    Raises:
        FleetError: a file cannot be used, or the address is not one with TLS.
    """
    named = [key for key in KEYS[2:] if fields.has(key)]
    if not named:
        return None
    if not address.startswith("https:"):
        fields.refuse_field(named[0], f"it has no effect on {address!r}; did you mean 'https:'?")
    if "client_key_file" in named and "client_cert_file" not in named:
        fields.refuse_field("client_key_file", "a key needs its certificate; name that as client_cert_file")
    files = {key: fields.file.parent / fields.text(key) for key in named}
    digest = sha256()
    for key, file in files.items():
        digest.update(_read_file(fields, key, file))
    tls = Tls(
        files.get("ca_file"), files.get("client_cert_file"), files.get("client_key_file"), version=digest.hexdigest()
    )
    _check(fields, tls)
    return tls


def _read_file(fields: Fields, key: str, file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(_MOST_FILE_BYTES)
    except OSError as error:
        fields.refuse_field(key, f"{fields.text(key)!r} cannot be read ({error.strerror}); check path and permissions")


def _check(fields: Fields, tls: Tls) -> None:
    """Load every file once, so that one that is of no use is said here and not at the first prompt."""
    if tls.ca_file is not None:
        try:
            authorities = ssl.create_default_context(cafile=str(tls.ca_file)).cert_store_stats()["x509"]
        except (ssl.SSLError, OSError):
            authorities = 0
        if not authorities:
            named = fields.text("ca_file")
            fields.refuse_field("ca_file", f"{named!r} holds no certificate; it should be the authority's, as PEM")
    try:
        context_of(tls)
    except (ssl.SSLError, OSError, ValueError):
        named = fields.text("client_cert_file")
        message = f"{named!r} and its key cannot be used; they should be PEM, belong together and have no password"
        fields.refuse_field("client_cert_file", message)


@lru_cache(maxsize=64)
def context_of(tls: Tls) -> ssl.SSLContext:
    """Return the context that checks a host in this way.

    Raises:
        ssl.SSLError, OSError: a file is gone, or is none.
        ValueError: the key wants a password.
    """
    if tls.ca_file is not None:
        context = ssl.create_default_context(cafile=str(tls.ca_file))
    else:
        context = httpx.create_ssl_context(trust_env=False)
    if tls.certificate_file is not None:
        context.load_cert_chain(tls.certificate_file, tls.key_file, password=_no_password)
    return context


def _no_password() -> bytes:
    """Refuse: OpenSSL would ask on the terminal of whoever started the process."""
    raise ValueError("the key wants a password")


def failure_words(error: BaseException, tls: Tls | None = None) -> str:
    """Say what a failed handshake was about, completing the host's name; empty if it was no handshake.

    Args:
        error: what httpx raised.
        tls: how the host was checked, if by something of its own.
    """
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLCertVerificationError):
            return _certificate_words(seen)
        if isinstance(seen, ssl.SSLError):
            return _handshake_words(str(seen))
        seen = seen.__cause__ or seen.__context__
    if tls is not None and isinstance(error, httpx.RemoteProtocolError | httpx.ReadError):  # some say no more
        has_shown = tls.certificate_file is not None
        hint = "it may not take the certificate of" if has_shown else "if it asks for a certificate, name one as"
        return f"hangs up at once; {hint} client_cert_file"
    return ""


def _certificate_words(error: ssl.SSLCertVerificationError) -> str:
    words = str(error.verify_message)
    if "ostname mismatch" in words or "IP address mismatch" in words:
        return "shows a certificate of another name; write the name that stands in it into its address"
    if "expired" in words:
        return "shows a certificate that is over; renew it on the host"
    if "not yet valid" in words:
        return "shows a certificate that is not valid yet; compare the clocks of both machines"
    return "shows a certificate that no known authority signed; name the authority's file as ca_file"


def _handshake_words(words: str) -> str:
    folded = words.upper()
    if "CERTIFICATE_REQUIRED" in folded or "CERTIFICATE REQUIRED" in folded:
        return "asks for a certificate; name one as client_cert_file"
    if "UNKNOWN_CA" in folded or "UNKNOWN CA" in folded or "BAD_CERTIFICATE" in folded:
        return "does not take the certificate of client_cert_file; have one signed by the authority that it knows"
    if "WRONG_VERSION_NUMBER" in folded or "RECORD LAYER" in folded:
        return "does not speak TLS there; write http: into its address, or switch TLS on"
    return "ends the TLS handshake; compare its settings for TLS with those in fleet.yaml"
