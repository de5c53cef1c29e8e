"""Exports by a page: written by a worker, fetched by who asked alone, noted, gone after a day."""

from __future__ import annotations

import asyncio
import os
import time
import zipfile
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from assistant.audit.exports.export import Exported, ExportRequest, OnProgress, create_export
from assistant.audit.exports.export_query import ExportQuery
from assistant.audit.seals.seal_key import read_public_key
from assistant.compliance.exports import Exports, ExportState
from assistant.conversation import Role
from assistant.errors import BadInputError, NotAllowedError, NotFoundError, UnavailableError
from policies.guard import Guard
from tests.fakes.turn_parts import make_guard
from tests.integration.conftest import Database
from tests.integration.desk_scene import EMAIL, REASON, TOKEN, DeskScene, open_desk, with_roles

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def guard() -> Guard:
    return make_guard()


@pytest.fixture
async def desk(database: Database, guard: Guard, tmp_path: Path) -> AsyncIterator[DeskScene]:
    async with open_desk(database, guard, tmp_path) as desk:
        yield desk


@pytest.fixture
def exports(desk: DeskScene) -> Exports:
    return desk.desk.exports


async def write(desk: DeskScene, *, slowly: bool = False) -> bool:
    async def to_file(request: ExportRequest, target: Path, on_progress: OnProgress) -> Exported:
        if slowly:
            on_progress(7, 9)
            await asyncio.sleep(1.2)
        key = read_public_key(desk.seal_keys.public_file)
        url = desk.scene.database.audit_reader_url
        return await create_export(url, key, request, desk.audit, target, on_progress=on_progress)

    return await desk.desk.exports.write_next(to_file)


async def ready(desk: DeskScene, query: ExportQuery | None = None) -> UUID:
    await desk.ask(f"write to {EMAIL} about {TOKEN}")
    await desk.seal()
    export_id = await desk.desk.exports.request(desk.rita, query or ExportQuery(), REASON)
    assert await write(desk)
    return export_id


async def test_an_export_is_written_and_fetched_and_holds_no_value(desk: DeskScene, exports: Exports) -> None:
    export_id = await ready(desk, ExportQuery(person_id=desk.maria.id, rule="secret/github-token"))
    (export,) = await exports.list_own(desk.rita)
    assert (export.id, export.state, export.events, export.reason) == (export_id, ExportState.READY, 1, REASON)
    file = await exports.fetch(desk.rita, export_id)
    content = file.read_bytes()
    assert sha256(content).hexdigest() == export.sha256
    assert file.stat().st_mode & 0o077 == 0
    assert file.parent.stat().st_mode & 0o077 == 0
    with zipfile.ZipFile(file) as opened:
        everything = b"".join(opened.read(name) for name in opened.namelist())
    assert REASON.encode() in everything
    assert EMAIL.encode() not in everything
    assert TOKEN.encode() not in everything
    (downloaded,) = await desk.data("export:downloaded")
    assert downloaded["zip_sha256"] == export.sha256
    (created,) = await desk.events("export:created")
    assert created.actor == desk.rita.id


async def test_only_who_asked_sees_and_fetches_it(desk: DeskScene, exports: Exports) -> None:
    export_id = await ready(desk)
    for who in (desk.rolf, desk.alma):
        assert await exports.list_own(who) == ()
        with pytest.raises(NotFoundError):
            await exports.fetch(who, export_id)
    for role in set(Role) - {Role.REVIEWER, Role.APPROVER}:
        somebody = with_roles(desk.rita, role)
        for asked in (
            exports.list_own(somebody),
            exports.fetch(somebody, export_id),
            exports.request(somebody, ExportQuery(), REASON),
        ):
            with pytest.raises(NotAllowedError):
                await asked
    with pytest.raises(NotFoundError):
        await exports.fetch(desk.rita, uuid4())
    assert await desk.events("export:downloaded") == []


async def test_a_file_is_gone_after_a_day(desk: DeskScene, exports: Exports) -> None:
    export_id = await ready(desk)
    file = await exports.fetch(desk.rita, export_id)
    a_day_ago = time.time() - 25 * 3600
    os.utime(file, (a_day_ago, a_day_ago))
    assert await exports.sweep() == 0
    desk.scene.sql("UPDATE log_export SET expires_at = now()")
    with pytest.raises(NotFoundError):
        await exports.fetch(desk.rita, export_id)
    young = file.with_name("being-written.zip")
    young.touch()
    assert await exports.sweep() == 1
    assert (file.exists(), young.exists()) == (False, True)


async def test_its_progress_is_seen(desk: DeskScene, exports: Exports) -> None:
    await desk.ask("hello")
    await desk.seal()
    await exports.request(desk.rita, ExportQuery(), REASON)
    writing = asyncio.create_task(write(desk, slowly=True))
    await asyncio.sleep(0.9)
    (export,) = await exports.list_own(desk.rita)
    assert (export.state, export.looked_at, export.to_look_at) == (ExportState.WRITING, 7, 9)
    assert not await write(desk)  # nobody else takes it
    assert await writing


async def test_what_a_dead_worker_left_is_taken_up_and_given_up_in_the_end(desk: DeskScene, exports: Exports) -> None:
    await exports.request(desk.rita, ExportQuery(), REASON)

    async def die(*_: object) -> Exported:
        raise RuntimeError("killed")

    for _ in range(3):
        assert await exports.has_waiting()
        with pytest.raises(RuntimeError):
            await exports.write_next(die)
        assert not await exports.has_waiting()
        desk.scene.sql("UPDATE log_export SET seen_at = seen_at - interval '3 minutes'")
    assert not await exports.has_waiting()
    await exports.sweep()
    (export,) = await exports.list_own(desk.rita)
    assert export.state is ExportState.FAILED
    assert export.trouble


async def test_what_cannot_be_written_says_why_and_what_is_away_is_tried_again(
    desk: DeskScene, exports: Exports
) -> None:
    await exports.request(desk.rita, ExportQuery(), REASON)
    desk.seal_keys.create()
    assert await write(desk)
    (export,) = await exports.list_own(desk.rita)
    assert (export.state, "sealed" in export.trouble) == (ExportState.FAILED, True)

    async def away(*_: object) -> Exported:
        raise UnavailableError("The database does not answer.")

    await exports.request(desk.rita, ExportQuery(), REASON)
    assert [await exports.write_next(away) for _ in range(3)] == [False, False, True]
    assert not await exports.has_waiting()


async def test_requests_have_their_limits(desk: DeskScene, exports: Exports) -> None:
    with pytest.raises(BadInputError):
        await exports.request(desk.rita, ExportQuery(), "too short")
    with pytest.raises(BadInputError):
        await exports.request(desk.rita, ExportQuery(reference="no reference"), REASON)
    for _ in range(5):
        await exports.request(desk.rita, ExportQuery(), f"{REASON} {TOKEN}")
    with pytest.raises(BadInputError):
        await exports.request(desk.rita, ExportQuery(), REASON)
    await exports.request(desk.alma, ExportQuery(), REASON)
    assert TOKEN not in str(desk.scene.sql("SELECT row_to_json(t)::text FROM log_export t"))
