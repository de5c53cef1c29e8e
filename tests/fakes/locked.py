"""The network lock with a company's allow-list, joined as the product joins them."""

from __future__ import annotations

import sys
from collections.abc import Callable

from assistant.egress import judge_with
from connectors.network import NetworkLock, install
from connectors.refusals import Refusal
from policies.egress import Egress, Program
from policies.egress_list import derive_destinations

ALLOWED_PROGRAM = "/bin/true"


def company(*allow: str) -> Egress:
    """Return the allow-list of a company with one model host and one source."""
    return Egress(
        derive_destinations(
            fleet=["http://dev1.lan:11434"],
            database=["postgresql://app:made-up@data1.lan:5432/cloister"],
            sources=["http://rebind.lan:8080"],
            allow=["10.99.0.0/24:443", *allow],
        ),
        programs=[
            Program(ALLOWED_PROGRAM),
            Program(sys.executable, ("-P", "-m", "assistant")),
        ],
        own_names=["vm.example"],
    )


def lock_up(on_refused: Callable[[Refusal], None] | None = None) -> NetworkLock:
    """Put the lock on this process. It cannot be taken off: only for processes that a test started."""
    return install(judge_with(company()), on_refused)
