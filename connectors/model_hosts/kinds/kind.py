"""What a kind of model host must be able to say about itself, and how its answers are read."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Protocol

import httpx

from connectors.model_hosts.catalogue import Host
from connectors.model_hosts.credentials import HostsTransport, failure_words, marked
from connectors.model_hosts.fim.filling import Asked, Call
from connectors.model_hosts.values import Ability, HostReport, ModelReport, Patience

_log = logging.getLogger(__name__)
_CONNECT_SECONDS = 2.0
_READ_SECONDS = 3.0
_LOOK_SECONDS = 5.0  # all requests of one look together; a stranger may send a byte a second
# A list of 2,000 models; a stranger on the port may send without end. The worst MiB takes 0.2 s to read, in which
# nothing else of the process goes on.
MAX_REPLY_BYTES = 1 << 20
_MOST_MODELS = 1000
_MOST_NAME_CHARS = 200
_MOST_WINDOW_TOKENS = 100_000_000  # ten times the longest there is
_OK = 200


class HostKind(Protocol):
    """One kind of model host."""

    @property
    def name(self) -> str:
        """Return the name in fleet.yaml, such as `lmstudio`."""
        ...

    @property
    def label(self) -> str:
        """Return the name for people, such as `LM Studio`."""
        ...

    @property
    def default_ports(self) -> tuple[int, ...]:
        """Return the ports where it listens on loopback when nobody changed that."""
        ...

    @property
    def abilities(self) -> frozenset[Ability]:
        """Return what its hosts can do with an answer, whichever model gives it."""
        ...

    @property
    def patience(self) -> Patience:
        """Return how long its hosts are waited for where nobody says otherwise."""
        ...

    @property
    def can_complete(self) -> bool:
        """Tell whether there is a way to have a gap filled."""
        ...

    @property
    def continuation(self) -> Mapping[str, object] | None:
        """Return what to add to the body so that a last message of the assistant is gone on from; None if it cannot."""
        ...

    async def probe(self, client: httpx.AsyncClient, host: Host) -> HostReport:
        """Look at a host once.

        Raises:
            ProbeError: nobody answers there, or somebody who is not of this kind.
        """
        ...

    def window_tokens(self, declared_tokens: int, report: ModelReport) -> int:
        """Return the window that a prompt to this model is measured against.

        Args:
            declared_tokens: what fleet.yaml says, 0 if nothing.
            report: what the host says.
        """
        ...

    async def prepare(self, client: httpx.AsyncClient, host: Host, model: str, context_tokens: int) -> None:
        """Load a model that is not in memory, where that is needed for its window to be the right one.

        Raises:
            ProbeError: the host cannot load it.
        """
        ...

    def call_parameters(self, host: Host, model: str, context_tokens: int) -> Mapping[str, object]:
        """Return litellm's parameters for a model of this host; the address comes from the host alone."""
        ...

    def filling_calls(self, asked: Asked) -> tuple[Call, ...]:
        """Return the ways to have a gap filled, the best first; the next one counts where a host does not know it."""
        ...


class ProbeError(Exception):
    """A look at a host failed; the message says why in words that complete `Dev1 …`."""


def look_client(ways: HostsTransport | None = None) -> httpx.AsyncClient:
    """Return a client for looks: no proxies of the environment, no redirects, nothing packed, little patience."""
    timeout = httpx.Timeout(_READ_SECONDS, connect=_CONNECT_SECONDS)
    headers = {"accept-encoding": "identity"}
    return httpx.AsyncClient(
        transport=ways or HostsTransport(), trust_env=False, follow_redirects=False, timeout=timeout, headers=headers
    )


async def look_at(client: httpx.AsyncClient, kind: HostKind, host: Host) -> HostReport:
    """Look at a host once and report whatever happens."""
    try:
        async with asyncio.timeout(_LOOK_SECONDS):
            return _believable(await kind.probe(client, host))
    except ProbeError as error:
        return HostReport(is_reachable=False, note=str(error))
    except TimeoutError:
        return HostReport(is_reachable=False, note=f"does not answer at {host.address}")
    except Exception:  # noqa: BLE001  # a host's odd answer must not end the watch over all others
        _log.exception("Looking at %s, a %s host, failed", host.name, kind.label)
        return HostReport(is_reachable=False, note="sends answers that cannot be read; the log has the details")


def _believable(report: HostReport) -> HostReport:
    """Leave out what no host of this world says; the host is marked, and the rest of it is used."""
    models = tuple(model for model in report.models[:_MOST_MODELS] if _is_believable(model.name))
    left_out = len(report.models) - len(models)
    return replace(
        report,
        models=tuple(replace(model, context_tokens=_window(model.context_tokens)) for model in models),
        names=frozenset(islice(filter(_is_believable, report.names), _MOST_MODELS)),
        refused=tuple(islice((each for each in report.refused if _is_believable(each[0])), _MOST_MODELS)),
        version=report.version if _is_believable(report.version) else "",
        note=report.note or (f"lists {left_out} models that cannot be; they are left out" if left_out else ""),
    )


def _is_believable(name: str) -> bool:
    return 0 < len(name) <= _MOST_NAME_CHARS and name.isprintable()


def _window(tokens: int) -> int:
    return tokens if tokens <= _MOST_WINDOW_TOKENS else 0


class Reply:
    """A host's answer: its status, whatever JSON was in it, and how long it was."""

    def __init__(self, status: int, text: str, size_bytes: int) -> None:
        self.status = status
        self.text = text
        self.size_bytes = size_bytes

    @property
    def is_ok(self) -> bool:
        """Tell whether the status is 200."""
        return self.status == _OK

    @property
    def json(self) -> object:
        """Return the parsed body, None if it is no JSON."""
        try:
            return json.loads(self.text)
        except (ValueError, RecursionError):
            return None


async def fetch(
    client: httpx.AsyncClient,
    host: Host,
    path: str,
    *,
    body: Mapping[str, object] | None = None,
    is_patient: bool = False,
    method: str = "",
    most_bytes: int = MAX_REPLY_BYTES,
) -> Reply:
    """Ask a host for a path.

    Args:
        client: carries the request.
        host: whom to ask.
        path: what to ask for.
        body: sent as JSON.
        is_patient: wait without end for the answer; the caller has a timeout of its own.
        method: if it is not GET, or POST where there is a body.
        most_bytes: what it may send; more is an error.

    Raises:
        ProbeError: nobody answers, too slowly or too much.
    """
    headers = {"authorization": f"Bearer {host.api_key}"} if host.api_key else {}
    method = method or ("GET" if body is None else "POST")
    try:
        timeout = httpx.Timeout(client.timeout.connect, read=None) if is_patient else client.timeout
        url = host.address + path
        asked = client.stream(method, url, json=body, headers=headers, timeout=timeout, extensions=marked(host.tls))
        async with asked as response:
            received = bytearray()
            if response.headers.get("content-encoding", "identity") != "identity":
                raise ProbeError(f"sends packed answers at {path}")  # a few thousand bytes could be gigabytes
            async for chunk in response.aiter_bytes():
                received += chunk
                if len(received) > most_bytes:
                    raise ProbeError(f"sends too much at {path}")
            return Reply(response.status_code, received.decode("utf-8", errors="replace"), len(received))
    except httpx.TimeoutException:
        raise ProbeError(f"does not answer at {host.address}") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        if words := failure_words(error, host.tls):
            raise ProbeError(words) from None
        raise ProbeError(f"cannot be reached at {host.address} ({_reason(error)})") from None


async def fetch_json(
    client: httpx.AsyncClient,
    host: Host,
    path: str,
    *,
    body: Mapping[str, object] | None = None,
    is_patient: bool = False,
    most_bytes: int = MAX_REPLY_BYTES,
) -> object:
    """Ask a host for JSON; the arguments are those of `fetch`.

    Raises:
        ProbeError: no answer, an error status, or something that is no JSON.
    """
    reply = await fetch(client, host, path, body=body, is_patient=is_patient, most_bytes=most_bytes)
    if reply.status in {401, 403}:
        raise ProbeError(f"wants a key (status {reply.status}); name its file as api_key_file")
    if not reply.is_ok:
        raise ProbeError(f"answers {path} with status {reply.status}")
    return reply.json


def mapping_of(value: object) -> Mapping[str, object]:
    """Return a JSON object, an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def objects_of(value: object) -> Iterator[Mapping[str, object]]:
    """Yield the JSON objects of a list; nothing for anything else."""
    if isinstance(value, list):
        yield from (item for item in value if isinstance(item, dict))


def text_of(value: object) -> str:
    """Return a text, an empty one for anything else."""
    return value if isinstance(value, str) else ""


def count_of(value: object) -> int:
    """Return a whole number of 0 or more, 0 for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def share_of(value: object) -> float:
    """Return a number from 0 to 1, 0 for anything else."""
    return float(value) if isinstance(value, int | float) and 0 <= value <= 1 else 0.0


def smallest_window(*windows: int) -> int:
    """Return the smallest of the windows that are known (not 0), 0 if none is."""
    return min((window for window in windows if window), default=0)


def openai_parameters(host: Host, model: str) -> Mapping[str, object]:
    """Return litellm's parameters for a host that speaks OpenAI's HTTP.

    `hosted_vllm/` costs a quarter less per token than `openai/` and never falls back to an outside address.
    """
    return {
        "model": f"hosted_vllm/{model}",
        "api_base": f"{host.address}/v1",
        "api_key": host.api_key or "none",  # litellm insists on one
    }


def _reason(error: Exception) -> str:
    if isinstance(error, httpx.ConnectError):
        return "nobody listens there"
    return type(error).__name__
