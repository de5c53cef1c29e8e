"""Events that somebody else than the product wrote, with the writer's password: they stop nothing for anybody."""

# ruff: noqa: S608 - every statement of this file is made of its own constants

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import psycopg
import pytest

from assistant.audit.anchors.integrity import read_integrity
from assistant.audit.anchors.light import Integrity, Light
from assistant.audit.exports.export import ExportRequest, create_export
from assistant.audit.exports.export_query import ExportQuery
from assistant.audit.projections.project import Projector
from assistant.audit.reader_pool import ReaderPool
from assistant.audit.reading.counts import FindingCounts
from assistant.audit.reading.heads_shown import HeadsReader, read_signed
from assistant.audit.reading.proof import read_newest
from assistant.audit.reading.read import LogReader
from assistant.audit.reading.show import render_json, render_line
from assistant.audit.record import compose_record, leaf_of
from assistant.audit.seals.seal_key import read_public_key
from assistant.audit.writing.append import Appender
from assistant.compliance.following import HitFollower
from assistant.database import connect, create_engine, libpq_dsn
from assistant.database_roles import AUDIT_PROJECTOR_ROLE, url_for_role
from assistant.errors import UnavailableError
from tests.integration.conftest import Database
from tests.integration.seal_scene import ORIGIN, SealedLog, job, loosen

pytestmark = pytest.mark.integration

TURN: Final = UUID("01999999-9999-7999-8999-999999999999")
HIT: Final[Mapping[str, Any]] = {"severity": 4, "turn_id": TURN, "thread_id": TURN}
MIXED: Final = "".join(f"{number:x}" for number in range(1000))  # too long for an index, also when it is compressed


def forge(log: SealedLog, *, body: bytes | None = None, said: Mapping[str, object] = {}, **columns: Any) -> None:
    row = compose_record(job(), ORIGIN, time.time_ns())._asdict()
    document = json.loads(row["body"]) | dict(said)
    row |= {"type": document["type"], "body": json.dumps(document, sort_keys=True, separators=(",", ":")).encode()}
    row |= {"body": body or row["body"], **columns}
    row["leaf"] = leaf_of(row["body"])
    with psycopg.connect(libpq_dsn(log.database.audit_writer_url)) as connection:
        values = ", ".join(["%s"] * len(row))
        connection.execute(f"INSERT INTO audit.event ({', '.join(row)}) VALUES ({values})", [*row.values()])


def saying(kind: str, data: object) -> Callable[[SealedLog], None]:
    return lambda log: forge(log, said={"type": kind, "data": data})


def found(rule: str) -> dict[str, object]:
    return {"guard": {"findings": [{"rule": rule, "action": "block"}]}}


FORGED: Final[Mapping[str, Callable[[SealedLog], None]]] = {
    "a key that nobody signed": saying("key:rotated", {"old_key": "a", "new_key": "b", "signature": "c"}),
    "a key without words": saying("key:rotated", {}),
    "a key in a list": saying("key:rotated", [1]),
    "a key of numbers": saying("key:rotated", {"old_key": 1, "new_key": 2, "signature": 3}),
    "a key that is no JSON": lambda log: forge(log, body=b'{"type":"key:rotated","v":2}}', type="key:rotated"),
    "an anchor that is no text": lambda log: forge(log, body=b"\xff\x00", type="anchor:kept"),
    "an anchor of no kind": saying("anchor:kept", {"kind": "browser", "anchor": "x", "size": 1}),
    "an anchor without words": saying("anchor:kept", {}),
    "a check in a list": lambda log: forge(log, body=b"[1,2]", type="log:verified"),
    "a check without words": saying("log:verified", {}),
    "a deep one": lambda log: forge(log, body=b"[" * 8000),
    "a browser of nobody": lambda log: forge(log, body=b'{"data":{"size":1}}', type="head:confirmed", actor=None),
    "a hit of no conversation": lambda log: forge(log, **{**HIT, "thread_id": None}),
    "a hit about nobody": lambda log: forge(log, **HIT, subject=None),
    "a hit of all times": lambda log: forge(log, **HIT, occurred_at="infinity"),
    "a hit of the last day": lambda log: forge(log, **HIT, occurred_at="9999-12-31T23:59:59Z"),
    "a hit of a long rule": lambda log: forge(log, **HIT, rule=MIXED[:2600]),
    "one before all times": lambda log: forge(log, occurred_at="4714-12-01 BC"),
    "one of long names": lambda log: forge(log, model=MIXED[:2000], host=MIXED[500:2500], persona=MIXED[800:]),
    "a finding of a long rule": saying("turn:guarded", found(MIXED)),
    "a finding of no letter": saying("turn:guarded", found("a\0b")),
}


@pytest.fixture
def log(database: Database, tmp_path: Path) -> SealedLog:
    loosen(database)  # what forgers left before they were refused is read all the same
    log = SealedLog.at(database, tmp_path)
    log.append(3)
    log.seal()
    log.rotate()
    log.seal()
    return log


@pytest.mark.parametrize("name", FORGED)
def test_one_event_stops_nothing(log: SealedLog, tmp_path: Path, name: str) -> None:
    FORGED[name](log)
    log.append(2)
    assert log.seal() is not None
    assert integrity(log).light is Light.YELLOW
    assert integrity(log).is_signed is True
    asyncio.run(show_everything(log))
    assert asyncio.run(follow(log)) == 7
    asyncio.run(export(log, tmp_path / "all.zip"))
    assert (tmp_path / "all.csv").read_bytes().count(b"\r\n") == 8


def test_forged_announcements_hide_no_key(log: SealedLog) -> None:
    for _ in range(201):
        FORGED["a key that nobody signed"](log)
    log.append(1)
    log.seal()
    assert integrity(log).is_signed is True


def test_a_contradiction_is_heard_behind_any_number_without_form(log: SealedLog) -> None:
    saying("head:contradicted", {})(log)  # anybody with the right can say that
    assert (integrity(log).light, len(integrity(log).unproved)) == (Light.YELLOW, 1)
    saying("anchor:contradicted", {})(log)
    (one,) = integrity(log).contradictions
    assert one.seen == 0
    assert integrity(log).light is Light.RED


def test_findings_that_cannot_be_counted_are_told(log: SealedLog) -> None:
    forge(log, said={"type": "turn:guarded", "data": found("a\0b")}, rule="x")
    with pytest.raises(UnavailableError, match="audit verify"):
        asyncio.run(FindingCounts(log.database.audit_reader_url).count_findings(datetime(2026, 1, 1, tzinfo=UTC)))


def integrity(log: SealedLog) -> Integrity:
    first_key = read_public_key(log.keys.public_file)
    return asyncio.run(read_integrity(log.database.audit_reader_url, first_key=first_key))


async def show_everything(log: SealedLog) -> None:
    first_key, url = read_public_key(log.keys.public_file), log.database.audit_reader_url
    async with LogReader(url) as reader:
        for event in await reader.read_newest(50):
            assert render_line(event)
            assert render_json(event)
    async with await connect(url, autocommit=True) as connection:
        assert await read_signed(connection, await read_newest(connection), first_key) is True
    async with ReaderPool(url) as pool:
        assert len((await HeadsReader(pool, lambda: first_key).growth(0)).keys) == 1


async def follow(log: SealedLog) -> int:
    database = log.database
    engine = create_engine(database.app_url)
    try:
        await HitFollower(engine, database.audit_reader_url).follow()
    finally:
        await engine.dispose()
    projector_url = url_for_role(database.owner_url, AUDIT_PROJECTOR_ROLE, database.keys)
    return await Projector(projector_url, database.keys).follow()


async def export(log: SealedLog, target: Path) -> None:
    url, first_key = log.database.audit_reader_url, read_public_key(log.keys.public_file)
    request = ExportRequest(query=ExportQuery(), reason="Somebody forged an event")
    async with Appender(log.database.audit_writer_url, ORIGIN) as audit:
        await create_export(url, first_key, request, audit, target, table=target.with_suffix(".csv"))
