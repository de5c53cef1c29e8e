"""Orders of administrators from the page to the host: rights, trace, who carries them out, and who dies meanwhile."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from assistant.audit.events import (
    FleetOrderDone,
    FleetOrdered,
    FleetOrderFailed,
    HostDrained,
    HostUndrained,
)
from assistant.conversation import Person, Role
from assistant.database import create_engine, libpq_dsn, parse_url
from assistant.errors import AuditUnavailableError, BadInputError, NotAllowedError
from assistant.fleet.board import RedisBoard
from assistant.fleet.orders import Act, Order, Orders, OrderState
from assistant.fleet.records import FleetRecords
from assistant.maintenance import ending
from assistant.maintenance.caretaker import Caretaker
from assistant.maintenance.ending import command_order, end_lost_orders
from assistant.maintenance.maintenance import Maintenance, Span
from assistant.redis_client import open_redis
from connectors.model_hosts.catalogue import Host
from connectors.model_hosts.controls.control import Act as HostAct
from connectors.model_hosts.controls.control import Progress
from connectors.model_hosts.controls.controls import carry_out
from connectors.model_hosts.hosts import ModelHosts
from tests.fakes.model_host import FakeModel, FakeModelHost
from tests.fakes.open_hosts import eventually, fleet_of, open_hosts
from tests.fakes.turn_parts import FakeAudit
from tests.integration.conftest import Database

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
ADMIN = Person(uuid4(), "root", frozenset({Role.ADMINISTRATOR}))
Open = Callable[..., AbstractAsyncContextManager["Scene"]]


class Scene:
    """A web process as far as the fleet goes, in front of one host."""

    def __init__(self, engine: AsyncEngine, hosts: ModelHosts, board: RedisBoard, do: Any) -> None:
        self.audit = FakeAudit([])
        self.hosts = hosts
        self.board = board
        self.records = FleetRecords(engine, keep_days=30)
        self.orders = Orders(engine, keep_days=30)
        self.maintenance = Maintenance(self.records, self.orders, self.audit)
        self.caretaker = Caretaker(self.records, self.orders, self.audit, hosts, board, do=do, every_seconds=0.02)

    async def order(self, act: Act, model: str = "") -> None:
        await self.maintenance.order(ADMIN, act, "Host1", model)

    async def ended(self) -> Order:
        """Return the newest order when it is over."""
        return (await self.listed_until(lambda orders: not orders[0].is_open))[0]

    async def listed_until(self, is_so: Callable[[Sequence[Order]], bool]) -> Sequence[Order]:
        """Return the orders, the latest first, when something is so."""
        while not is_so(orders := await self.orders.newest()):  # noqa: ASYNC110 - what is waited for happens in Postgres
            await asyncio.sleep(0.01)
        return orders

    @property
    def told(self) -> list[Any]:
        return [event for event in self.audit.events if type(event) in TOLD]


IS_WAITING = "SELECT FROM pg_locks WHERE NOT granted AND relation = 'fleet_order'::regclass"
IS_HELD_UP = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'UPDATE fleet_order%'"
TOLD = (FleetOrdered, FleetOrderDone, FleetOrderFailed, HostDrained, HostUndrained)


@pytest.fixture
async def engine(database: Database) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(database.app_url)
    yield engine
    await engine.dispose()


@pytest.fixture
def open_scene(engine: AsyncEngine, redis_url: str) -> Open:
    @asynccontextmanager
    async def opened(host: FakeModelHost, *, do: Any = carry_out, is_tended: bool = True) -> AsyncIterator[Scene]:
        async with open_redis(SecretStr(redis_url), patience_seconds=60.0) as client:
            board = RedisBoard(client)
            async with open_hosts(fleet=fleet_of(host), board=board) as hosts:
                scene = Scene(engine, hosts, board, do)
                await scene.records.write(hosts.samples())
                if not is_tended:
                    yield scene
                    return
                async with scene.caretaker.running():
                    yield scene

    return opened


def cold() -> FakeModelHost:
    return FakeModelHost("ollama", models=[FakeModel("m:1b", is_loaded=False)])


async def test_an_order_is_on_record_before_it_is_done_and_shows_in_the_next_look(open_scene: Open) -> None:
    with cold() as host:
        async with open_scene(host) as scene:
            await scene.order(Act.LOAD, "m:1b")
            assert (await scene.ended()).state is OrderState.DONE
            assert [model.is_loaded for model in host.models] == [True]
            await eventually(lambda: scene.hosts.samples()[0].models[0].is_loaded)
            await scene.order(Act.UNLOAD, "m:1b")
            await scene.ended()
            assert [model.is_loaded for model in host.models] == [False]
            assert [(type(each), each.actor, each.act, each.model) for each in scene.told] == [
                (FleetOrdered, ADMIN.id, "load", "m:1b"),
                (FleetOrderDone, ADMIN.id, "load", "m:1b"),
                (FleetOrdered, ADMIN.id, "unload", "m:1b"),
                (FleetOrderDone, ADMIN.id, "unload", "m:1b"),
            ]


async def test_a_drain_from_the_page_holds_in_every_process(open_scene: Open) -> None:
    with cold() as host:
        async with open_scene(host) as scene:
            await scene.order(Act.DRAIN)
            await scene.ended()
            await eventually(lambda: scene.hosts.statuses()[0].is_drained)
            await scene.order(Act.UNDRAIN)
            await scene.ended()
            await eventually(lambda: not scene.hosts.statuses()[0].is_drained)
            drains = [event for event in scene.told if isinstance(event, HostDrained | HostUndrained)]
            assert [(type(each), each.actor) for each in drains] == [(HostDrained, ADMIN.id), (HostUndrained, ADMIN.id)]


async def test_what_cannot_be_done_is_said_and_on_record(open_scene: Open) -> None:
    with cold() as host:
        async with open_scene(host) as scene:
            await scene.order(Act.PULL, "big:70b")
            order = await scene.ended()
            assert order.state is OrderState.FAILED
            assert order.trouble.startswith("Host1 has no 'registry' in fleet.yaml")
            assert isinstance(scene.told[-1], FleetOrderFailed)
            assert "/api/pull" not in {request.path for request in host.requests}


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMINISTRATOR])
async def test_nobody_else_sees_or_orders_anything(open_scene: Open, role: Role) -> None:
    somebody = Person(uuid4(), "maria", frozenset({role}))
    with cold() as host:
        async with open_scene(host, is_tended=False) as scene:
            with pytest.raises(NotAllowedError):
                await scene.maintenance.view(somebody, Span.DAY)
            with pytest.raises(NotAllowedError):
                await scene.maintenance.order(somebody, Act.DRAIN, "Host1")
            assert await scene.orders.newest() == []
            assert scene.told == []


@pytest.mark.parametrize(
    ("act", "host", "model", "words"),
    [
        (Act.DRAIN, "Elsewhere", "", "no such host"),
        (Act.DRAIN, "Host1", "m:1b", "about a whole host"),
        (Act.LOAD, "Host1", "", "Name the model"),
        (Act.LOAD, "Host1", "../../etc", "has no such model"),
        (Act.PULL, "Host1", "a\nb", "Name the model"),
        (Act.BENCH, "Host1", "m:1b", "No page orders this"),
        (Act.PULL, "Host1", "x" * 300, "Name the model"),
    ],
)
async def test_an_order_that_no_page_sends_is_refused(
    open_scene: Open, act: Act, host: str, model: str, words: str
) -> None:
    with cold() as fake:
        async with open_scene(fake, is_tended=False) as scene:
            with pytest.raises(BadInputError, match=words):
                await scene.maintenance.order(ADMIN, act, host, model)
            assert await scene.orders.newest() == []


async def test_without_the_log_nothing_is_ordered(open_scene: Open) -> None:
    with cold() as host:
        async with open_scene(host, is_tended=False) as scene:
            scene.audit.fails_at = "fleet:ordered"
            with pytest.raises(AuditUnavailableError):
                await scene.order(Act.LOAD, "m:1b")
            assert await scene.orders.newest() == []


async def test_the_same_is_not_ordered_twice_and_not_without_end(open_scene: Open) -> None:
    with cold() as host:
        async with open_scene(host, is_tended=False) as scene:
            await scene.order(Act.LOAD, "m:1b")
            with pytest.raises(BadInputError, match="ordered for Host1 already"):
                await scene.order(Act.LOAD, "m:1b")
            for number in range(19):
                await scene.order(Act.PULL, f"m{number}")
            with pytest.raises(BadInputError, match="20 orders wait already"):
                await scene.order(Act.DRAIN)


async def test_of_two_processes_one_carries_an_order_out_and_one_order_a_host_at_a_time(open_scene: Open) -> None:
    doing: list[str] = []
    most_at_once = 0
    go_on = asyncio.Event()

    async def do(_act: HostAct, _host: Host, model: str) -> AsyncGenerator[Progress, None]:
        nonlocal most_at_once
        doing.append(model)
        most_at_once = max(most_at_once, len(doing))
        yield Progress(f"pulls {model}", 0.5)
        await go_on.wait()
        doing.remove(model)

    with cold() as host:
        async with open_scene(host, do=do) as one, open_scene(host, do=do):
            await one.order(Act.PULL, "first")
            await one.order(Act.PULL, "second")
            second, first = await one.listed_until(lambda orders: orders[1].share == 0.5)
            assert (first.state, first.progress) == (OrderState.RUNNING, "pulls first")
            assert second.state is OrderState.WAITING
            go_on.set()
            assert (await one.ended()).state is OrderState.DONE
    assert most_at_once == 1


async def test_an_order_whose_process_died_is_ended_and_not_done_again(open_scene: Open, database: Database) -> None:
    with cold() as host:
        async with open_scene(host, is_tended=False) as scene:
            await scene.order(Act.LOAD, "m:1b")
            taken = await scene.orders.take(["Host1"])  # and nobody hears of that process again
            assert taken is not None
            with psycopg.connect(libpq_dsn(database.owner_url)) as connection:
                connection.execute("UPDATE fleet_order SET seen_at = now() - interval '2 minutes'")
            await scene.caretaker.tend()
            (order,) = await scene.orders.newest()
            assert (order.state, order.trouble) == (
                OrderState.FAILED,
                "the process that did it ended; look at the host",
            )
            assert (type(scene.told[-1]), scene.told[-1].reason) == (FleetOrderFailed, "lost")
            assert not host.models[0].is_loaded


async def test_an_order_in_the_hands_of_a_process_that_is_killed_is_ended_once(
    open_scene: Open, database: Database
) -> None:
    """A real caretaker, killed while the host loads; the next one says so, does not do it again, and goes on."""
    with cold() as host:
        host.holds_orders = True
        command = [
            sys.executable,
            "-m",
            "tests.fakes.mortal_caretaker",
            database.app_url.get_secret_value(),
            host.address,
        ]
        async with open_scene(host, is_tended=False) as scene:
            await scene.order(Act.LOAD, "m:1b")
            process = await asyncio.create_subprocess_exec(*command, cwd=ROOT)
            try:
                await eventually(lambda: any(request.path == "/api/generate" for request in host.requests))
            finally:
                process.kill()
                await process.wait()
            await eventually(lambda: host.client_aborts == 1)  # whoever told it is gone
            host.holds_orders = False
            asked = len(host.requests)
            await scene.caretaker.tend()
            assert (await scene.orders.newest())[0].state is OrderState.RUNNING  # it may still live
            await scene.order(Act.UNLOAD, "m:1b")
            assert await scene.orders.take(["Host1"]) is None  # nothing else is done there meanwhile
            with psycopg.connect(libpq_dsn(database.owner_url)) as connection:
                connection.execute("UPDATE fleet_order SET seen_at = now() - interval '2 minutes'")
            async with scene.caretaker.running():
                unload, load = await scene.listed_until(lambda orders: not any(order.is_open for order in orders))
            assert (load.state, load.trouble) == (OrderState.FAILED, "the process that did it ended; look at the host")
            assert unload.state is OrderState.DONE
            loads = [one for one in host.requests[asked:] if one.path == "/api/generate" and one.body["keep_alive"]]
            assert loads == []
            ends = [event for event in scene.told if isinstance(event, FleetOrderFailed)]
            assert [(event.act, event.reason) for event in ends] == [("load", "lost")]


async def test_an_order_is_not_ended_as_lost_before_the_log_has_it(open_scene: Open, database: Database) -> None:
    with cold() as host:
        async with open_scene(host, is_tended=False) as scene:
            await scene.order(Act.LOAD, "m:1b")
            await scene.orders.take(["Host1"])
            with psycopg.connect(libpq_dsn(database.owner_url)) as connection:
                connection.execute("UPDATE fleet_order SET seen_at = now() - interval '2 minutes'")
            scene.audit.fails_at = "fleet:order-failed"
            await scene.caretaker.tend()
            assert (await scene.orders.newest())[0].state is OrderState.RUNNING
            scene.audit.fails_at = ""
            await scene.caretaker.tend()
            assert (await scene.orders.newest())[0].state is OrderState.FAILED
            assert [type(each) for each in scene.told] == [FleetOrdered, FleetOrderFailed]


def forget_signs_of_life(database: Database) -> None:
    with psycopg.connect(libpq_dsn(database.owner_url)) as connection:
        connection.execute("UPDATE fleet_order SET seen_at = now() - interval '2 minutes'")


async def test_two_processes_that_find_a_killed_command_write_one_end(open_scene: Open, database: Database) -> None:
    with cold() as host:
        async with open_scene(host, is_tended=False) as scene:
            await scene.orders.begin(Act.LOAD, "Host1", "m:1b")
            forget_signs_of_life(database)
            async with scene.orders.ending_lost() as lost:  # one of them has found it, and did not commit yet
                other = asyncio.create_task(end_lost_orders(scene.orders, scene.audit))
                with psycopg.connect(libpq_dsn(database.owner_url), autocommit=True) as looking:
                    await eventually(lambda: looking.execute(IS_HELD_UP).fetchone() is not None)
                assert [(order.act, order.requested_by) for order in lost] == [(Act.LOAD, None)]
            await other
            assert scene.told == []  # the end is the first one's to write


async def test_who_comes_back_after_it_was_given_up_writes_no_second_end(open_scene: Open, database: Database) -> None:
    """A command on a machine that slept: its order was ended as lost meanwhile."""
    with cold() as host:
        async with open_scene(host, is_tended=False) as scene:
            async with command_order(scene.orders, scene.audit, Act.LOAD, "Host1", "m:1b"):
                forget_signs_of_life(database)
                await scene.caretaker.tend()
            assert [type(each) for each in scene.told] == [FleetOrdered, FleetOrderFailed]
            assert (await scene.orders.newest())[0].state is OrderState.FAILED


async def test_a_command_that_works_for_long_is_not_given_up(
    open_scene: Open, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ending, "_ALIVE_SECONDS", 0.01)
    young = "SELECT FROM fleet_order WHERE seen_at > now() - interval '1 minute'"
    with cold() as host:
        async with open_scene(host, is_tended=False) as scene:
            async with command_order(scene.orders, scene.audit, Act.LOAD, "Host1", "m:1b"):
                forget_signs_of_life(database)
                with psycopg.connect(libpq_dsn(database.owner_url), autocommit=True) as looking:
                    await eventually(lambda: looking.execute(young).fetchone() is not None)
                await scene.caretaker.tend()
                await scene.order(Act.UNLOAD, "m:1b")
                assert await scene.orders.take(["Host1"]) is None  # the page's order waits for the command's
            assert [type(each) for each in scene.told] == [FleetOrdered, FleetOrdered, FleetOrderDone]


async def test_a_command_whose_order_the_log_does_not_take_does_nothing(open_scene: Open) -> None:
    with cold() as host:
        async with open_scene(host, is_tended=False) as scene:
            scene.audit.fails_at = "fleet:ordered"
            with pytest.raises(AuditUnavailableError):
                async with command_order(scene.orders, scene.audit, Act.LOAD, "Host1", "m:1b"):
                    pytest.fail("The order was carried out.")


async def test_an_order_for_a_host_that_left_the_fleet_does_not_wait_for_ever(
    open_scene: Open, database: Database
) -> None:
    with cold() as host:
        async with open_scene(host, is_tended=False) as scene:
            for name in ("Host1", "Gone"):
                await scene.orders.give(ADMIN.id, Act.DRAIN, name)
            with psycopg.connect(libpq_dsn(database.owner_url)) as connection:
                connection.execute("UPDATE fleet_order SET requested_at = now() - interval '11 minutes'")
            async with scene.orders.ending_lost() as lost:
                assert [(order.host, order.state) for order in lost] == [("Gone", OrderState.FAILED)]
            orders = {order.host: order for order in await scene.orders.newest()}
            assert orders["Host1"].state is OrderState.WAITING
            assert "not in the fleet any more" in orders["Gone"].trouble


async def test_two_processes_at_once_take_no_two_orders_for_one_host(open_scene: Open, database: Database) -> None:
    with cold() as host:
        async with open_scene(host, is_tended=False) as scene:
            await scene.order(Act.LOAD, "m:1b")
            await scene.order(Act.UNLOAD, "m:1b")
            owner = libpq_dsn(database.owner_url)
            async with (
                await psycopg.AsyncConnection.connect(owner) as other,
                await psycopg.AsyncConnection.connect(owner, autocommit=True) as looking,
            ):
                # Another process has taken the first, and did not commit yet.
                await other.execute("UPDATE fleet_order SET state = 'running', seen_at = now() WHERE act = 'load'")
                taking = asyncio.create_task(scene.orders.take(["Host1"]))
                while not taking.done() and await (await looking.execute(IS_WAITING)).fetchone() is None:  # noqa: ASYNC110 - what is waited for happens in Postgres
                    await asyncio.sleep(0.01)
                await other.commit()
                assert await taking is None


async def test_a_host_that_claims_an_endless_queue_can_be_drained(open_scene: Open) -> None:
    with FakeModelHost("vllm", models=[FakeModel("m")]) as host:
        async with open_scene(host, is_tended=False) as scene:
            (sample,) = scene.hosts.samples()
            await scene.records.write([replace(sample, waiting=10**12, free_bytes=10**30)])
            await scene.maintenance.view(ADMIN, Span.DAY)


async def test_progress_that_cannot_be_noted_ends_no_pull(open_scene: Open, database: Database) -> None:
    begun, is_away, went_on, is_back = (asyncio.Event() for _ in range(4))

    async def do(_act: HostAct, _host: Host, _model: str) -> AsyncGenerator[Progress, None]:
        begun.set()
        await is_away.wait()
        yield Progress("pulls big", 0.5)
        went_on.set()
        await is_back.wait()

    name = parse_url(database.owner_url).database
    with cold() as host, psycopg.connect(libpq_dsn(database.owner_url), autocommit=True) as connection:
        async with open_scene(host, do=do) as scene:
            await scene.order(Act.PULL, "big")
            await begun.wait()
            connection.execute(f"ALTER DATABASE {name} CONNECTION LIMIT 0".encode())
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND usename = 'cloister_app'"
            )
            is_away.set()
            async with asyncio.timeout(180):
                await went_on.wait()
            connection.execute(f"ALTER DATABASE {name} CONNECTION LIMIT -1".encode())
            is_back.set()
            assert (await scene.ended()).state is OrderState.DONE


async def test_words_of_a_host_that_no_database_takes_are_noted_without_them(open_scene: Open) -> None:
    async def do(_act: HostAct, _host: Host, _model: str) -> AsyncGenerator[Progress, None]:
        yield Progress("pulls\x00\ud800 big", 0.5)

    with cold() as host:
        async with open_scene(host, do=do) as scene:
            await scene.order(Act.PULL, "big")
            order = await scene.ended()
            assert (order.state, order.progress) == (OrderState.DONE, "pulls   big")


async def test_a_process_that_is_stopped_ends_what_it_does(open_scene: Open) -> None:
    begun = asyncio.Event()

    async def do(_act: HostAct, _host: Host, _model: str) -> AsyncGenerator[Progress, None]:
        begun.set()
        yield Progress("loads")
        await asyncio.Event().wait()

    with cold() as host:
        async with open_scene(host, do=do, is_tended=False) as scene:
            async with scene.caretaker.running():
                await scene.order(Act.LOAD, "m:1b")
                await begun.wait()
            (order,) = await scene.orders.newest()
    assert (order.state, order.trouble) == (OrderState.FAILED, "Cloister was stopped meanwhile; order it again")


async def test_the_page_shows_what_the_hosts_did(open_scene: Open) -> None:
    with cold() as host:
        async with open_scene(host, is_tended=False) as scene:
            view = await scene.maintenance.view(ADMIN, Span.DAY)
    (seen,) = view.hosts
    assert (seen.sample.name, seen.sample.is_up, seen.sample.version) == ("Host1", True, "0.13.0")
    assert len(view.stretches) == 24
    assert view.stretches[-1] <= datetime.now(UTC)
    assert view.history["Host1"][view.stretches[-1]].up_share == 1.0
