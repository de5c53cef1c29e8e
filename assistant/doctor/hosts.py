"""Model hosts: whether each answers, and has the models that the fleet's file says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from assistant.doctor.check import Check, fail, ok, warn
from assistant.doctor.clocks import check_skew
from connectors.model_hosts.catalogue import Fleet
from connectors.model_hosts.kinds.kinds import build_kinds
from connectors.model_hosts.watching.watch import Watch, Watched


async def check_hosts(fleet: Fleet | None) -> AsyncIterator[Check]:
    """Look at every host of the fleet once, or for hosts on this machine where there is no fleet."""
    watch = Watch(fleet, build_kinds(), on_change=_nothing)
    try:
        await watch.look()
        if not watch.hosts:
            yield warn(
                "model hosts",
                "None was named, and none listens on this machine. The chat answers from documents alone.",
                "Start Ollama, LM Studio or another one here, or write a fleet.yaml; see docs/fleet.md.",
            )
        for entry in watch.hosts.values():
            yield _check_host(watch, entry)
            if entry.report.is_reachable and (clock := await _clock_of(watch.client, entry)):
                yield clock
    finally:
        await watch.close()


def _check_host(watch: Watch, entry: Watched) -> Check:
    name = f"host {entry.host.name}"
    if not entry.report.is_reachable:
        note = entry.report.note or "does not answer"
        return fail(name, f"It {note}.", f"Look whether it runs, and is {entry.host.kind} at {entry.host.address}.")
    own = [each for each in watch.deployments.values() if each.host.name == entry.host.name]
    absent = [each for each in own if each.absence]
    if absent:
        words = "; ".join(f"{each.model.public_name} {each.absence}" for each in absent)
        return fail(name, f"It answers, but {words}.", "Pull the model there, or correct fleet.yaml.")
    if entry.report.note:
        return warn(name, f"It answers; {entry.report.note}.", "See docs/fleet.md.")
    if not own:
        return warn(name, "It answers and offers no model.", "Pull one on it.")
    return ok(name, f"It answers with {', '.join(each.model.public_name for each in own)}.")


async def _clock_of(client: httpx.AsyncClient, entry: Watched) -> Check | None:
    """Compare the clock that the host's answers name, if they name any."""
    try:
        answer = await client.get(entry.host.address)
        theirs = parsedate_to_datetime(answer.headers["date"])
    except (httpx.HTTPError, KeyError, ValueError):
        return None
    if theirs.tzinfo is None:
        return None
    return check_skew(f"clock of {entry.host.name}", theirs, datetime.now(UTC), precision_seconds=1.0)


def _nothing() -> None:
    """Be told of nothing: there is one look."""
