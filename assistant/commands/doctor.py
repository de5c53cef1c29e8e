"""`cloister doctor`: look at everything once, and say what to do; with `--egress`, what tries to leave.

Exit codes: 0 nothing is broken, nothing tried to leave; 1 something did; 2 a setting cannot be used.
"""

from __future__ import annotations

import asyncio
import json
import signal
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

import typer

if TYPE_CHECKING:  # so that `--help` answers at once
    from assistant.doctor.check import Check
    from assistant.doctor.session import RefusedAttempt
    from assistant.settings import Settings

FAILED: Final = 1


def run_doctor(settings: Settings, *, as_json: bool) -> int:
    """Print every check; returns the exit status."""
    from assistant.doctor.check import State
    from assistant.doctor.examination import examine

    show = _show_json if as_json else _show

    async def look() -> list[Check]:
        found = []
        async for check in examine(settings):
            show(check)
            found.append(check)
        return found

    found = asyncio.run(look())
    broken = sum(check.state is State.FAIL for check in found)
    doubtful = sum(check.state is State.WARN for check in found)
    if not as_json:
        typer.echo(f"{len(found)} checks: {broken} failed, {doubtful} to look at.")
    return FAILED if broken else 0


def _show(check: Check) -> None:
    typer.echo(f"{check.state:<5} {check.name:<26} {check.found}")
    if check.advice:
        typer.echo(f"{'':<32} -> {check.advice}")


def _show_json(check: Check) -> None:
    typer.echo(json.dumps(asdict(check)))


def run_egress(settings: Settings, *, as_json: bool) -> int:
    """Run a whole session, print each step and each refused attempt; returns the exit status."""
    from assistant.doctor.session import RefusedAttempt, watch_session
    from connectors.network import installed

    lock = installed()
    if lock is None:
        typer.echo(
            "The network lock is not on in this process, so nothing would be seen. Run `cloister doctor`.", err=True
        )
        return FAILED

    async def watch() -> int:
        attempts = 0
        async for told in watch_session(settings):
            if isinstance(told, RefusedAttempt):
                attempts += 1
                _show_attempt(told, as_json=as_json)
            elif not as_json:
                typer.echo(f"ok    {told}")
        return attempts

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the installation is taken away however this ends
    try:
        attempts = asyncio.run(watch()) or lock.refused
    except KeyboardInterrupt:
        typer.echo("Stopped before its end, which proves nothing.", err=True)
        return FAILED
    if not as_json:
        said = (
            "Nothing tried to leave."
            if not attempts
            else f"{attempts} attempts to leave were refused, the same one counted once a minute."
        )
        typer.echo(said)
    return FAILED if attempts else 0


def _show_attempt(attempt: RefusedAttempt, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(asdict(attempt)))
        return
    place = f"{attempt.host}:{attempt.port}" if attempt.port else attempt.host
    typer.echo(f"fail  {attempt.process}: {attempt.action} {place}, asked by {attempt.caller}")
