"""Measure what the network lock costs: a connect, a look-up, and every other audited event.

    python tests/benchmarks/network_lock.py [--json]

Both sides run in this process's children, CPU time, best of several rounds. Exit status 1 when a limit is broken.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).parents[2]
_ROUNDS: Final = 9
_CALLS: Final = 5000

# What the product states, in microseconds on top of the same call without the lock.
LIMITS: Final = {"connect": 5.0, "answer_to_a_name": 5.0, "send": 5.0, "other_event": 0.5, "open_file": 0.5}


def measure() -> dict[str, float]:
    """Return microseconds of CPU a call."""
    sender = socket.socket(type=socket.SOCK_DGRAM)
    receiver = socket.socket(type=socket.SOCK_DGRAM)
    receiver.bind(("127.0.0.1", 0))
    address = receiver.getsockname()
    other = socket.socket(type=socket.SOCK_DGRAM)
    named = ("10.77.0.7", 11434)
    calls: dict[str, Callable[[], object]] = {
        "connect": lambda: sender.connect(address),
        # The event alone: whether there is a route to this address is not the question.
        "answer_to_a_name": lambda: sys.audit("socket.connect", sender, named),
        "send": lambda: other.sendto(b"", address),
        "other_event": lambda: sys.audit("cloister.benchmark", 1, 2),
        "open_file": lambda: os.close(os.open(os.devnull, os.O_RDONLY)),
        "nothing": lambda: None,
    }
    return {name: _microseconds(call) for name, call in calls.items()}


def _microseconds(call: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(_ROUNDS):
        start = time.process_time()
        for _ in range(_CALLS):
            call()
        best = min(best, time.process_time() - start)
    return best / _CALLS * 1e6


def _measure_in_child(*arguments: str) -> dict[str, float]:
    command = [sys.executable, __file__, "--child", *arguments]
    done = subprocess.run(command, cwd=_ROOT, env={"PYTHONPATH": str(_ROOT)}, capture_output=True, check=True)
    measured: dict[str, float] = json.loads(done.stdout)
    return measured


def _lock_up() -> None:
    """Lock with a long allow-list, in which 10.77.0.7 passes only as the answer to a name."""
    from connectors.network import Action, Attempt, install  # noqa: PLC0415 - the other child does without
    from policies.egress import Egress  # noqa: PLC0415 - likewise
    from policies.egress_list import derive_destinations  # noqa: PLC0415 - likewise

    egress = Egress(
        derive_destinations(
            fleet=[f"http://host{number}.lan:11434" for number in range(50)],
            allow=[f"10.{number}.0.0/16:443" for number in range(50)],
        )
    )

    def is_allowed(attempt: Attempt) -> bool:
        if attempt.action in {Action.CONNECT, Action.SEND}:
            return egress.check_address(attempt.host, attempt.port, attempt.names).is_allowed
        return False

    install(is_allowed)._answers.record("host7.lan", ["10.77.0.7"])


def main() -> int:
    """Print what each call costs with and without the lock, and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--locked", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.child:
        if chosen.locked:
            _lock_up()
        print(json.dumps(measure()))
        return 0
    without, with_lock = _measure_in_child(), _measure_in_child("--locked")
    cost = {name: with_lock[name] - without[name] for name in LIMITS}
    if chosen.json:
        print(json.dumps({"without": without, "with": with_lock, "cost": cost, "limits": LIMITS}))
    else:
        print(f"{'µs of CPU':24}{'without':>9}{'with':>9}{'ratio':>7}{'cost':>7}{'limit':>7}")
        for name, limit in LIMITS.items():
            ratio = with_lock[name] / without[name]
            row = f"{name:24}{without[name]:9.2f}{with_lock[name]:9.2f}{ratio:7.2f}{cost[name]:7.2f}{limit:7.2f}"
            print(row + ("" if cost[name] <= limit else "  BROKEN"))
    return int(any(cost[name] > limit for name, limit in LIMITS.items()))


if __name__ == "__main__":
    sys.exit(main())
