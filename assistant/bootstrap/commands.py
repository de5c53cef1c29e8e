"""What single commands open: one part of the product and the audit log, without the rest."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncEngine

from assistant.access import Access
from assistant.audit.parts import TextMarker
from assistant.audit.writing.append import Appender
from assistant.bootstrap.compliance import build_figures
from assistant.bootstrap.log import build_erasure, open_audit, required
from assistant.bootstrap.people import build_access, build_tokens
from assistant.database import create_engine
from assistant.erasure import Erasure
from assistant.fleet.orders import Orders
from assistant.fleet.records import FleetRecords
from assistant.keys import Keys
from assistant.review import Figures
from assistant.settings import Settings
from assistant.tokens import Tokens


@asynccontextmanager
async def _command(settings: Settings) -> AsyncIterator[tuple[Keys, AsyncEngine, Appender]]:
    """Open what every command rests on that needs not the whole product: keys, database and audit log."""
    keys = Keys.load_or_create(settings.master_key)
    async with AsyncExitStack() as stack:
        engine = create_engine(required(settings, "database_url"))
        stack.push_async_callback(engine.dispose)
        yield keys, engine, await stack.enter_async_context(open_audit(settings))


@asynccontextmanager
async def open_access(settings: Settings) -> AsyncIterator[Access]:
    """Open people and the audit log alone, for a command."""
    async with _command(settings) as (keys, engine, audit):
        yield build_access(settings, engine, audit, TextMarker(keys))


@asynccontextmanager
async def open_tokens(settings: Settings) -> AsyncIterator[Tokens]:
    """Open API tokens and the audit log alone, for a command."""
    async with _command(settings) as (keys, engine, audit):
        yield build_tokens(engine, keys, audit)


@asynccontextmanager
async def open_figures(settings: Settings) -> AsyncIterator[Figures]:
    """Open the figures of the rules alone, for a command."""
    async with _command(settings) as (keys, engine, audit):
        yield build_figures(settings, keys, engine, audit)


@asynccontextmanager
async def open_erasure(settings: Settings) -> AsyncIterator[tuple[Access, Erasure]]:
    """Open people and erasures alone, for a command that somebody signs with their password."""
    async with _command(settings) as (keys, engine, audit):
        access = build_access(settings, engine, audit, TextMarker(keys))
        yield access, build_erasure(settings, keys, audit)


@asynccontextmanager
async def open_orders(settings: Settings) -> AsyncIterator[tuple[Appender, Orders]]:
    """Open the audit log and the orders for model hosts alone, for a command that carries one out."""
    async with _command(settings) as (_, engine, audit):
        yield audit, Orders(engine, keep_days=settings.fleet_history_days)


@asynccontextmanager
async def open_orders_and_records(settings: Settings) -> AsyncIterator[tuple[Appender, Orders, FleetRecords]]:
    """Open the same, and what is kept of the model hosts, for a command that measures them."""
    async with _command(settings) as (_, engine, audit):
        days = settings.fleet_history_days
        yield audit, Orders(engine, keep_days=days), FleetRecords(engine, keep_days=days)
