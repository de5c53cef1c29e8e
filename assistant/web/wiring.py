"""Put the web process together: the product, the model hosts, and the doors in front of them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any

import redis.asyncio
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from assistant.bootstrap.application import Application, build_application
from assistant.bootstrap.console import open_backend
from assistant.bootstrap.log import required
from assistant.collector import set_apart
from assistant.fleet.board import RedisBoard
from assistant.fleet.orders import Orders
from assistant.fleet.records import FleetRecords
from assistant.maintenance.caretaker import Caretaker
from assistant.redis_client import open_redis
from assistant.settings import Settings
from assistant.web.chat_parts import ChatParts
from assistant.web.console.wiring import parts_of
from assistant.web.doors import Doors, PartState
from assistant.web.gateway_parts import GatewayParts
from assistant.web.own_tokens import TokenPageParts
from assistant.web.serve import serve_until_stopped
from connectors.model_hosts.hosts import ModelHosts
from connectors.model_hosts.values import HostStatus
from policies.detectors.names import NamesDetector

_PATIENCE_SECONDS = 2.0  # for one part of the product to answer a health check


def run_web(settings: Settings) -> int:
    """Serve the page until SIGTERM or SIGINT, and return an exit status.

    Raises:
        SettingsError: a setting, the fleet, the policy or a persona does not fit.
        AuditUnavailableError: the audit log cannot be opened.
    """
    return asyncio.run(_serve(settings))


async def _serve(settings: Settings) -> int:
    async with AsyncExitStack() as stack:
        application = await stack.enter_async_context(build_application(settings, process="web"))
        redis_client = open_redis(required(settings, "redis_url"), patience_seconds=_PATIENCE_SECONDS)
        stack.push_async_callback(redis_client.aclose)
        board = RedisBoard(redis_client, thread_key=application.thread_key)
        hosts = ModelHosts(
            await application.fleet.open(),
            retriever=application.quotes,
            gguf=settings.gguf,
            first_token_timeout_seconds=settings.first_token_timeout_seconds,
            stall_timeout_seconds=settings.stall_timeout_seconds,
            board=board,
            most_waiting=settings.line_length,
            line_timeout_seconds=settings.line_timeout_seconds,
            on_loaded=set_apart,
        )
        application.fleet.follow(hosts.take_fleet)
        keep_days = settings.fleet_history_days
        caretaker = Caretaker(
            FleetRecords(application.engine, keep_days=keep_days),
            Orders(application.engine, keep_days=keep_days),
            application.audit,
            hosts,
            board,
        )
        stack.push_async_callback(hosts.close)  # however far they got: the chat may never have come to be
        console = await stack.enter_async_context(
            open_backend(
                settings,
                application.engine,
                audit=application.audit,
                review=application.review,
                desk=application.desk,
                labels=lambda: application.guard.policy.labels,
            )
        )
        await stack.enter_async_context(caretaker.running())
        web = _Web(application, hosts, redis_client)
        doors = Doors(
            settings=settings,
            identity=application.access,
            check_parts=web.check_parts,
            open_chat=web.open_chat,
            console=parts_of(console),
            tokens=application.tokens,
            open_gateway=web.open_gateway,
            on_loaded=set_apart,
        )
        return await serve_until_stopped(doors)


class _Web:
    """What the doors ask of the wired product."""

    def __init__(self, application: Application, hosts: ModelHosts, redis_client: redis.asyncio.Redis) -> None:
        self._application = application
        self._hosts = hosts
        self._redis = redis_client
        self._opening: asyncio.Task[None] | None = None

    async def open_chat(self) -> ChatParts:
        """Return what the chat needs."""
        await self._ready()
        return ChatParts(
            answer=self._application.answer_with(self._hosts),
            personas=self._application.personas,
            conversations=self._application.conversations,
            documents=self._application.documents,
            review=self._application.review,
            hosts=self._hosts.statuses,
            own_tokens=TokenPageParts(
                tokens=self._application.tokens,
                personas=self._application.personas,
                hosts=self._hosts.statuses,
                check_apart=self._application.conversation_guard.check_apart,
                look=self._application.quotas.look,
            ),
        )

    async def open_gateway(self) -> GatewayParts:
        """Return what the gateway needs."""
        await self._ready()
        return GatewayParts(
            answer=self._application.answer_with(self._hosts),
            personas=self._application.personas,
            hosts=self._hosts.statuses,
            check_apart=self._application.conversation_guard.check_apart,
            look=self._application.quotas.look,
        )

    async def _ready(self) -> None:
        """Start the model hosts and make the guard's slow detectors ready, once, whichever door asks first."""
        if self._opening is None:
            self._opening = asyncio.create_task(self._open(), name="open the way to the models")
        await self._opening

    async def _open(self) -> None:
        await self._hosts.start()
        await asyncio.to_thread(self._application.guard.load)

    async def check_parts(self) -> Mapping[str, PartState]:
        """Look at every part at once; a part that does not answer in time is not ready."""
        names = ("database", "redis", "audit")
        checks = (self._check_database(), self._check_redis(), self._check_audit())
        states = await asyncio.gather(*(_in_time(check) for check in checks))
        policy = self._application.guard.policy
        return {
            **dict(zip(names, states, strict=True)),
            "guard": PartState(
                is_ready=True,
                words=f"{len(policy.rules)} rules.",
                details=f"{len(policy.rules)} rules, policy {policy.version}.",
            ),
            "names model": names_state(self._application.names),
            "model hosts": hosts_state(self._hosts.statuses(), is_ready=self._hosts.is_ready),
        }

    async def _check_database(self) -> PartState:
        try:
            async with self._application.engine.connect() as connection:
                await connection.execute(text("SELECT 1"))
        except SQLAlchemyError:
            return PartState(is_ready=False, words="The database does not answer.")
        return PartState(is_ready=True, words="The database answers.")

    async def _check_redis(self) -> PartState:
        try:
            await self._redis.ping()
        except redis.RedisError:
            return PartState(is_ready=False, words="Redis does not answer; jobs wait until it does.")
        return PartState(is_ready=True, words="Redis answers.")

    async def _check_audit(self) -> PartState:
        is_open = self._application.audit.is_connected
        words = "The audit log is open." if is_open else "The audit log cannot be written; nothing is answered."
        return PartState(is_ready=is_open, words=words)


def names_state(names: NamesDetector | None) -> PartState:
    """Say how the model for names is. Not loaded is not ready; one that failed once may answer the next file."""
    if names is None:
        return PartState(is_ready=True, words="off")
    return PartState(is_ready=names.is_loaded, words=names.state)


def hosts_state(statuses: Sequence[HostStatus], *, is_ready: bool) -> PartState:
    """Say how many model hosts answer and, for whoever is signed in, how each of them is."""
    hosts = [status for status in statuses if status.origin != "quote"]
    if hosts:
        words = f"{sum(status.is_up for status in hosts)} of {len(hosts)} model hosts answer."
    else:
        words = "No model host was found; see docs/fleet.md."
    return PartState(is_ready=is_ready, words=words, details=" · ".join(status.words for status in statuses))


async def _in_time(check: Coroutine[Any, Any, PartState]) -> PartState:
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            return await check
    except TimeoutError:
        return PartState(is_ready=False, words=f"No answer in {_PATIENCE_SECONDS:.0f} s.")
