"""What can be done with a model on a host beside asking it, and how a host is told."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

import httpx

from connectors.model_hosts.catalogue import Host
from connectors.model_hosts.credentials import failure_words, marked
from connectors.model_hosts.kinds.kind import Reply, fetch

_MOST_LINE_BYTES: Final = 1 << 20
_MOST_WORDS_CHARS: Final = 120  # of what a host says; the rest is for its own log
_MISSING: Final = 404
_NO_SUCH_PATH: Final = ": Unexpected endpoint"  # LM Studio's words for it, with 200
_LINE_SECONDS: Final = 300.0  # the longest silence in the middle of a pull: the host checks what it pulled


class Act(StrEnum):
    """What can be done with a model on a host."""

    LOAD = "load"
    UNLOAD = "unload"
    PULL = "pull"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is.

    Attributes:
        words: what is being done, such as `pulls qwen2.5:7b`.
        share: from 0 to 1; None where the host does not say.
    """

    words: str
    share: float | None = None


class ControlError(Exception):
    """It cannot be done; the message says why in words that complete `Dev1 …`."""


class Control(Protocol):
    """The interface of one kind of host.

    Its methods yield how far it is and end when it is done. They raise `ControlError` when it cannot be done, and
    `ProbeError` when the host does not answer.
    """

    @property
    def cannot_pull(self) -> str:
        """Return why it cannot pull a `{model}` and what to do instead, completing the host's name; empty if it can."""
        ...

    def load(
        self, client: httpx.AsyncClient, host: Host, model: str, context_tokens: int
    ) -> AsyncGenerator[Progress, None]:
        """Read a model into memory, with this window where the host can be told one; 0 leaves it to the host."""
        ...

    def unload(self, client: httpx.AsyncClient, host: Host, model: str) -> AsyncGenerator[Progress, None]:
        """Take a model out of memory."""
        ...


class Pulling(Control, Protocol):
    """The interface of a kind of host that can pull."""

    def pull(self, client: httpx.AsyncClient, host: Host, model: str) -> AsyncGenerator[Progress, None]:
        """Have the host fetch a model onto its disk, from the site's own registry and from nowhere else."""
        ...


async def order(
    client: httpx.AsyncClient,
    host: Host,
    path: str,
    body: Mapping[str, object],
    *,
    method: str = "POST",
    missing: str = "",
) -> Reply:
    """Tell a host to do something, and wait without end; the caller has a timeout of its own.

    Args:
        client: carries the request.
        host: whom to tell.
        path: of its interface.
        body: sent as JSON.
        method: of the request.
        missing: what it means when there is no such path, completing the host's name.

    Raises:
        ControlError: the host refuses.
        ProbeError: it does not answer.
    """
    reply = await fetch(client, host, path, body=body, is_patient=True, method=method)
    words = said_in(reply.json)
    if missing and (reply.status == _MISSING or (reply.is_ok and words.startswith(_NO_SUCH_PATH))):
        raise ControlError(missing)
    if not reply.is_ok:
        raise ControlError(f"refuses with status {reply.status}{words}")
    if words:  # LM Studio and others put an error into an answer of 200
        raise ControlError(f"refuses{words}")
    return reply


async def lines_of(
    client: httpx.AsyncClient, host: Host, path: str, body: Mapping[str, object]
) -> AsyncIterator[Mapping[str, object]]:
    """Tell a host to do something that takes long, and yield the JSON objects that it sends meanwhile, a line each.

    Raises:
        ControlError: the host refuses, falls silent or sends something else.
    """
    headers = {"authorization": f"Bearer {host.api_key}"} if host.api_key else {}
    timeout = httpx.Timeout(client.timeout.connect, read=_LINE_SECONDS)
    try:
        asked = client.stream(
            "POST", host.address + path, json=body, headers=headers, timeout=timeout, extensions=marked(host.tls)
        )
        async with asked as response:
            is_ok = response.status_code == httpx.codes.OK
            received = bytearray()
            async for chunk in response.aiter_bytes():
                received += chunk
                *lines, rest = bytes(received).split(b"\n")
                received = bytearray(rest)
                if len(received) > _MOST_LINE_BYTES:
                    raise ControlError(f"sends too much at {path}")
                for line in filter(None, lines if is_ok else ()):
                    yield _object_in(line)
            if not is_ok:
                raise ControlError(f"refuses with status {response.status_code}{said_in(_object_in(bytes(received)))}")
            if received.strip():
                yield _object_in(bytes(received))
    except httpx.TimeoutException:
        raise ControlError(f"said nothing for {_LINE_SECONDS:.0f} s; look at its own log") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ControlError(failure_words(error, host.tls) or f"broke off ({type(error).__name__})") from None


def said_in(value: object) -> str:
    """Return what a host's error says, behind a colon; empty where there is none."""
    error = value.get("error") if isinstance(value, dict) else None
    words = error.get("message") if isinstance(error, dict) else error
    if not isinstance(words, str):
        return ""
    plain = " ".join("".join(char if char.isprintable() else " " for char in words).split())
    return f": {plain[:_MOST_WORDS_CHARS]}"


def _object_in(line: bytes) -> Mapping[str, object]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
