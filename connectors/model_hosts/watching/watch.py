"""Keep watch over every model host: who is up, what it serves, since when."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Literal

import httpx

from connectors.model_hosts.bundled import CONTEXT_TOKENS, BundledServer
from connectors.model_hosts.catalogue import Fleet, Host, Model
from connectors.model_hosts.code_models import corrected
from connectors.model_hosts.credentials import HostsTransport, Tls
from connectors.model_hosts.ending import end_task
from connectors.model_hosts.kinds.kind import HostKind, look_at, look_client
from connectors.model_hosts.kinds.ollama import with_tag
from connectors.model_hosts.values import Capability, HostReport, ModelReport
from connectors.model_hosts.watching.discovery import find_hosts, places

_log = logging.getLogger(__name__)

LOOK_EVERY_SECONDS = 10.0
_JITTER = 0.2  # of the interval: many processes must not look at the same moment
_APART_SECONDS = 0.03  # between the looks at two hosts: each takes milliseconds of processor, which answers wait for
_LOOKING_SHARE = 0.5  # of the interval, at most, for all of them
_NUDGED_SECONDS = 0.5  # a failed answer asks for an early look; many together ask for one
_MISSES_UNTIL_DOWN = 2  # one slow answer of a host that loads a model is no failure
_FORGET_FOUND_SECONDS = 60.0  # a host that nobody configured and that is gone is not missed for longer


@dataclass(frozen=True, slots=True)
class Deployment:
    """A model on a host as it is now.

    Attributes:
        id: host and model, such as `Mini2/llama3.1:70b`.
        is_starting: its host reads the model into memory and answers nobody before that is done; it is waited for.
        absence: why it cannot be asked, completing `Mini2 …`; empty if it can.
        slots: answers at once before one waits.
        queued: requests in the host's own queue.
        names: of all models that the host has, itself among them; one set for all of a host.
        reported: what the host says that the model can do.
    """

    id: str
    host: Host
    kind: HostKind
    model: Model
    context_tokens: int
    is_loaded: bool
    absence: str
    slots: int
    queued: int
    is_starting: bool = False
    names: frozenset[str] = field(default=frozenset(), compare=False)
    reported: frozenset[Capability] = frozenset()

    def is_another(self, name: str) -> bool:
        """Tell whether a name is that of another model of its host: an answer of that one is a wrong one."""
        if name == self.model.name:  # as nearly each word of an answer says
            return False
        named = with_tag(name)
        return named in self.names and named != with_tag(self.model.name)


@dataclass(slots=True)
class Watched:
    """What the watch remembers of one host."""

    host: Host
    origin: Literal["fleet", "found", "bundled"]
    report: HostReport
    is_up: bool
    since: datetime
    misses: int = 0
    drained: str = ""  # since when it gets no new work, by order

    @property
    def absence(self) -> str:
        """Return why nothing on it can be asked, completing its name; empty if it can."""
        if self.drained:
            return f"is drained for maintenance since {self.drained}"
        if not self.is_up:
            return f"{self.report.note or 'has not answered yet'}, for {age(self.since)}"
        return ""

    @property
    def starting(self) -> str:
        """Return that the host reads its model into memory, completing its name; empty if it does not.

        The bundled host is not one of them: its owner tells when it is up.
        """
        is_starting = self.is_up and self.report.is_loading and self.origin != "bundled"
        return "is loading its model" if is_starting else ""


class Watch:
    """Looks at the hosts every ten seconds or so, and at loopback for new ones when there is no fleet.

    Args:
        fleet: the hosts that were configured; None looks on loopback.
        kinds: every kind of host.
        bundled: the server for a GGUF file, if one was named.
        ports: where on loopback to look, by kind; None for the usual ports.
        on_change: called after a look that changed the deployments; after the next look again if it raises.
    """

    def __init__(
        self,
        fleet: Fleet | None,
        kinds: Sequence[HostKind],
        *,
        bundled: BundledServer | None = None,
        ports: Mapping[str, Sequence[int]] | None = None,
        on_change: Callable[[], None],
        every_seconds: float = LOOK_EVERY_SECONDS,
    ) -> None:
        self._kinds = {kind.name: kind for kind in kinds}
        self._bundled = bundled
        self._candidates = places(kinds, ports) if fleet is None else ()
        self._on_change = on_change
        self._every_seconds = every_seconds
        self._ways = HostsTransport()
        self._led_to: frozenset[tuple[str, Tls | None]] = frozenset()  # whom `_ways` may be connected to
        self._client: httpx.AsyncClient | None = None
        self._task: asyncio.Task[None] | None = None
        self._early = asyncio.Event()
        now = datetime.now(UTC)
        self.hosts: dict[str, Watched] = {
            host.name: Watched(host, "fleet", HostReport(is_reachable=False), is_up=False, since=now)
            for host in (fleet.hosts if fleet else ())
        }
        self._deployments: dict[str, Deployment] = {}
        self._drained: Mapping[str, str] = {}
        self._told: Mapping[str, Deployment] = {}  # the deployments when `on_change` last returned
        self.has_looked = False

    def take_fleet(self, fleet: Fleet) -> None:
        """Watch over these hosts instead; what is known of a host that stays where it is is kept."""
        now = datetime.now(UTC)
        hosts: dict[str, Watched] = {}
        for host in fleet.hosts:
            known = self.hosts.get(host.name)
            if known is not None and (known.host.kind, known.host.address) == (host.kind, host.address):
                known.host = host
                hosts[host.name] = known
            else:
                report = HostReport(is_reachable=False)
                hosts[host.name] = Watched(host, "fleet", report, is_up=False, since=now)
        bundled = {name: entry for name, entry in self.hosts.items() if entry.origin == "bundled"}
        self.hosts = hosts | bundled
        self._refresh()
        self.look_soon()

    def take_drained(self, drained: Mapping[str, str]) -> None:
        """Give no new work to these hosts, each with since when; answers that stream already are not touched."""
        self._drained = drained
        self._refresh()

    @property
    def client(self) -> httpx.AsyncClient:
        """Return the client for looks."""
        if self._client is None:
            self._client = look_client(self._ways)
        return self._client

    @property
    def deployments(self) -> Mapping[str, Deployment]:
        """Return every deployment by its id, also those that cannot be asked now."""
        return self._deployments

    def start(self) -> None:
        """Begin to watch."""
        self._task = asyncio.create_task(self._keep_looking(), name="watch over the model hosts")

    async def close(self) -> None:
        """End the watch."""
        if self._task is not None:
            await end_task(self._task)
        if self._client is not None:
            await self._client.aclose()

    def look_soon(self) -> None:
        """Look earlier than planned: something failed."""
        self._early.set()

    async def look(self, *, apart_seconds: float = 0.0) -> None:
        """Look at every host once.

        Args:
            apart_seconds: from the beginning of one look to that of the next.
        """
        watched = [entry for entry in self.hosts.values() if entry.origin != "bundled"]
        known = {entry.host.address for entry in watched}
        unknown = [host for host in self._candidates if host.address not in known]
        looks = asyncio.gather(
            *(self._look_later(entry.host, number * apart_seconds) for number, entry in enumerate(watched))
        )
        found = await find_hosts(self.client, tuple(self._kinds.values()), unknown)
        reports = await looks
        for entry, report in zip(watched, reports, strict=True):
            self._note(entry, report)
        for host, report in found:
            self._add(host, "found", report)
            _log.info("Found %s at %s", host.name, host.address)
        await self._look_at_bundled()
        self._forget()
        self.has_looked = True
        self._refresh()
        await self._let_go()

    async def _let_go(self) -> None:
        """Close the connections to hosts that are not looked at any more, or are checked in another way."""
        hosts = (*self._candidates, *(entry.host for entry in self.hosts.values()))
        led_to = frozenset((host.address, host.tls) for host in hosts if host.address)
        if led_to != self._led_to:
            self._led_to = led_to
            await self._ways.keep(led_to)

    async def _look_later(self, host: Host, seconds: float) -> HostReport:
        if seconds:
            await asyncio.sleep(seconds)
        return await look_at(self.client, self._kinds[host.kind], host)

    async def look_at(self, name: str) -> None:
        """Look at one host now, for somebody who waits for it; that it is gone, only two looks at all of them say."""
        entry = self.hosts.get(name)
        if entry is None or entry.origin == "bundled":
            return
        report = await look_at(self.client, self._kinds[entry.host.kind], entry.host)
        if report.is_reachable and self.hosts.get(name) is entry:
            self._note(entry, report)
            self._refresh()

    async def _keep_looking(self) -> None:
        while True:
            share = self._every_seconds * _LOOKING_SHARE / max(1, len(self.hosts))
            try:
                await self.look(apart_seconds=min(_APART_SECONDS, share))
            except Exception as error:  # noqa: BLE001  # whatever it was, hosts come and go all the same
                _log.error("A look at the model hosts failed: %s", type(error).__name__)  # a message may hold a key
            pause = self._every_seconds * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311  # no secret
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._early.wait()
                    await asyncio.sleep(_NUDGED_SECONDS)
            self._early.clear()

    async def _look_at_bundled(self) -> None:
        if self._bundled is None:
            return
        host = self._bundled.host
        if host is None:
            report = HostReport(
                is_reachable=not self._bundled.has_failed,
                is_loading=not self._bundled.has_failed,
                models=(ModelReport(self._bundled.model, context_tokens=CONTEXT_TOKENS),),
                note=self._bundled.words,
            )
            host = Host(name="bundled", kind="llamacpp", address="")
        else:
            report = await look_at(self.client, self._kinds["llamacpp"], host)
        entry = self.hosts.get(host.name)
        if entry is None:
            self._add(host, "bundled", report)
            return
        entry.host = host
        entry.misses = _MISSES_UNTIL_DOWN  # its owner knows at once
        self._note(entry, report)

    def _add(self, host: Host, origin: Literal["found", "bundled"], report: HostReport) -> None:
        self.hosts[host.name] = Watched(host, origin, report, is_up=report.is_reachable, since=datetime.now(UTC))

    def _note(self, entry: Watched, report: HostReport) -> None:
        """Take a report in; one miss of a host that was up changes nothing yet."""
        entry.misses = 0 if report.is_reachable else entry.misses + 1
        if entry.is_up and not report.is_reachable and entry.misses < _MISSES_UNTIL_DOWN:
            self.look_soon()
            return
        if entry.is_up != report.is_reachable:
            entry.is_up, entry.since = report.is_reachable, datetime.now(UTC)
            _log.info("%s %s", entry.host.name, "is up" if entry.is_up else report.note)
        entry.report = _remembering(report, entry.report)

    def _forget(self) -> None:
        now = datetime.now(UTC)
        for name, entry in list(self.hosts.items()):
            gone_seconds = (now - entry.since).total_seconds()
            if entry.origin == "found" and not entry.is_up and gone_seconds > _FORGET_FOUND_SECONDS:
                del self.hosts[name]

    def _refresh(self) -> None:
        for name, entry in self.hosts.items():
            entry.drained = self._drained.get(name, "")
        self._deployments = {
            deployment.id: deployment
            for entry in self.hosts.values()
            for deployment in _deployments(entry, self._kinds[entry.host.kind])
        }
        if self._deployments != self._told:
            self._on_change()
            self._told = self._deployments


def _remembering(report: HostReport, before: HostReport) -> HostReport:
    """Return a report with what the host served before, while it is down or starts: people may have named it."""
    if report.models or (report.is_reachable and not report.is_loading):
        return report
    if not report.is_loading:
        return replace(report, models=before.models)
    return replace(report, models=tuple(replace(each, is_loaded=False) for each in before.models), slots=before.slots)


def _deployments(entry: Watched, kind: HostKind) -> Iterator[Deployment]:
    reports = {with_tag(report.name): report for report in entry.report.models}
    models = tuple(
        replace(model, capabilities=corrected(model.code_name, model.capabilities, can_complete=kind.can_complete))
        for model in entry.host.models or map(_undeclared, entry.report.models)
    )
    refused = {with_tag(name): reason for name, reason in entry.report.refused}
    names = frozenset({*reports, *refused, *(with_tag(name) for name in entry.report.names)})
    for model in models:
        report = reports.get(with_tag(model.name))
        absence = entry.absence
        context_tokens = kind.window_tokens(model.context_tokens, report or ModelReport(model.name))
        is_starting = bool(entry.starting)
        if not absence and is_starting and not context_tokens:
            absence = entry.starting  # nobody knows yet what fits it
        elif not absence and not is_starting and report is None:
            absence = f"does not offer {model.name}: {refused.get(with_tag(model.name), 'it is not there; add it')}"
        yield Deployment(
            id=f"{entry.host.name}/{model.public_name}",
            host=entry.host,
            kind=kind,
            model=model,
            context_tokens=context_tokens,
            is_loaded=report is not None and report.is_loaded,
            absence=absence,
            slots=max(entry.report.slots, entry.host.max_parallel),
            queued=entry.report.waiting,
            is_starting=is_starting and not absence,
            names=names,
            reported=report.capabilities if report is not None else frozenset(),
        )


def _undeclared(report: ModelReport) -> Model:
    guessed = Capability.EMBED if "embed" in report.name.casefold() else Capability.CHAT
    return Model(
        name=report.name,
        public_name=report.name.removesuffix(":latest"),
        capabilities=report.capabilities or frozenset({guessed}),
    )


def age(since: datetime) -> str:
    """Write how long ago something was, in words."""
    seconds = int((datetime.now(UTC) - since).total_seconds())
    for unit_seconds, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= unit_seconds:
            return f"{seconds // unit_seconds} {unit}"
    return f"{seconds} s"
