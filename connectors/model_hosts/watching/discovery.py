"""Find model hosts on this machine that nobody configured."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import httpx

from connectors.model_hosts.catalogue import Host
from connectors.model_hosts.kinds.kind import HostKind, look_at
from connectors.model_hosts.values import HostReport

# vLLM and llama.cpp are moved between these ports so often that both are tried on all of them.
_SHARED_PORTS = frozenset({8000, 8080, 9931})


def places(kinds: Sequence[HostKind], ports: Mapping[str, Sequence[int]] | None = None) -> tuple[Host, ...]:
    """Return every host that might be on loopback: one for each kind and port.

    Args:
        kinds: the kinds to look for.
        ports: where to look instead of the default ports, by the kind's name.
    """
    return tuple(
        Host(name=_name(kind, port), kind=kind.name, address=f"http://127.0.0.1:{port}")
        for kind in kinds
        for port in (_default_ports(kind, kinds) if ports is None else ports.get(kind.name, ()))
    )


async def find_hosts(
    client: httpx.AsyncClient, kinds: Sequence[HostKind], candidates: Sequence[Host]
) -> tuple[tuple[Host, HostReport], ...]:
    """Look at every candidate at once; return those that answer and prove to be of their kind."""
    by_name = {kind.name: kind for kind in kinds}
    reports = await asyncio.gather(*(look_at(client, by_name[host.kind], host) for host in candidates))
    found: dict[str, tuple[Host, HostReport]] = {}
    for host, report in zip(candidates, reports, strict=True):
        if report.is_reachable:
            found.setdefault(host.address, (host, report))  # the first kind that recognises itself has it
    return tuple(found.values())


def _default_ports(kind: HostKind, kinds: Sequence[HostKind]) -> tuple[int, ...]:
    own = kind.default_ports
    if not _SHARED_PORTS.intersection(own):
        return own
    return own + tuple(
        port for other in kinds for port in other.default_ports if port in _SHARED_PORTS and port not in own
    )


def _name(kind: HostKind, port: int) -> str:
    """Name a host for people; two of one kind are told apart by the port that is not the usual one."""
    where = "" if port in kind.default_ports[:1] else f", port {port}"
    return f"{kind.label} on this machine{where}"
