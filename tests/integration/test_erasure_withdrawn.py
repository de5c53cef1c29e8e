"""An erasure is withdrawn until it is carried out, and whichever comes first is all that happens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
from pydantic import SecretStr

from assistant.audit.removal.eraser import Eraser, ErasureState, Scope
from assistant.audit.verification.findings import Verdict
from assistant.audit.writing.content import ContentKind, ContentText, Erased
from assistant.conversation import Person, Role
from assistant.database import libpq_dsn
from assistant.errors import BadInputError, NotAllowedError, NotFoundError, UnavailableError
from tests.integration.conftest import Database
from tests.integration.content_scene import SENTENCE, add_people
from tests.integration.erasure_scene import ANDREA, EMIL, REASON, RUTH, Scene, eraser_of, erasure_scene
from tests.integration.seal_scene import ORIGIN

pytestmark = pytest.mark.integration

ARNO = Person(uuid4(), "arno", frozenset({Role.APPROVER}))
ROLF = Person(uuid4(), "rolf", frozenset({Role.REVIEWER}))
KEPT = ContentText(ContentKind.PROMPT, SENTENCE)


@pytest.fixture
async def scene(database: Database, tmp_path: Path) -> AsyncIterator[Scene]:
    async with erasure_scene(database, tmp_path) as made:
        add_people(database, ARNO, ROLF)
        yield made


async def agreed(scene: Scene, thread_id: UUID) -> UUID:
    """Return a request that somebody agreed to, while whoever carries it out could not reach the database."""
    request_id = await scene.erasure.request_erasure(RUTH, Scope.THREAD, thread_id, REASON)
    database = scene.database
    nowhere = SecretStr("postgresql://nobody@127.0.0.1:1/nothing")
    lame = Eraser(database.audit_writer_url, nowhere, database.audit_reader_url, ORIGIN)
    with pytest.raises(UnavailableError, match="not carried out"):
        await lame.execute(await lame.open_request(request_id), ANDREA.id)
    return request_id


@pytest.mark.parametrize("by", [RUTH, ANDREA, ARNO])
async def test_who_asked_and_each_approver_withdraw_what_was_agreed_to(scene: Scene, by: Person) -> None:
    thread_id = uuid4()
    await scene.write(thread_id, EMIL.id)
    request_id = await agreed(scene, thread_id)
    await scene.erasure.withdraw(by, request_id)
    assert await scene.kept() == [KEPT]
    with pytest.raises(NotFoundError):
        await scene.erasure.approve(ANDREA, request_id)
    with pytest.raises(NotFoundError):
        await scene.erasure.withdraw(by, request_id)
    (request,) = await scene.erasure.requests(RUTH, with_decided=True)
    assert (request.state, request.decided_by, request.withdrawn_by) == (ErasureState.WITHDRAWN, ANDREA.id, by.id)
    assert await scene.erasure.requests(RUTH) == []
    assert scene.tags()[-3:] == ["erasure:requested", "erasure:approved", "erasure:withdrawn"]
    assert (await scene.verify()).verdict is Verdict.SOUND
    assert await scene.erase(Scope.THREAD, thread_id) == 1  # asked for again, it is done as ever


async def test_nobody_else_withdraws(scene: Scene) -> None:
    thread_id = uuid4()
    await scene.write(thread_id, ARNO.id)
    request_id = await agreed(scene, thread_id)
    for person in (ROLF, EMIL, ARNO):  # the last one is an approver, and it is about their conversation
        with pytest.raises(NotAllowedError):
            await scene.erasure.withdraw(person, request_id)
    request = await eraser_of(scene.database).open_request(request_id)
    for person in (ROLF, EMIL, ARNO):  # nor does the database take it from the writer's role
        with pytest.raises(BadInputError):
            await eraser_of(scene.database).withdraw(request, person.id)
    assert "erasure:withdrawn" not in scene.tags()
    assert await scene.erasure.approve(ANDREA, request_id) == 1


async def test_a_request_that_waits_is_withdrawn_by_who_asked_and_whoever_left_the_desk_does_not(scene: Scene) -> None:
    request_id = await scene.erasure.request_erasure(RUTH, Scope.THREAD, uuid4(), REASON)
    with psycopg.connect(libpq_dsn(scene.database.owner_url)) as owner:
        owner.execute("UPDATE person SET roles = '{employee}' WHERE id = %s", [RUTH.id])
    request = await eraser_of(scene.database).open_request(request_id)
    with pytest.raises(BadInputError):
        await eraser_of(scene.database).withdraw(request, RUTH.id)
    with psycopg.connect(libpq_dsn(scene.database.owner_url)) as owner:
        owner.execute("UPDATE person SET roles = '{reviewer}' WHERE id = %s", [RUTH.id])
    await scene.erasure.withdraw(RUTH, request_id)
    with pytest.raises(NotFoundError):
        await scene.erasure.deny(ANDREA, request_id)


async def test_whoever_was_passed_over_is_told(scene: Scene) -> None:
    request_id = await agreed(scene, uuid4())
    await scene.erasure.withdraw(ARNO, request_id)
    for person, told in ((RUTH, [request_id]), (ANDREA, [request_id]), (ARNO, []), (ROLF, [])):
        assert [one.id for one in await scene.erasure.withdrawn_from(person)] == told
    with pytest.raises(NotAllowedError):
        await scene.erasure.withdrawn_from(EMIL)


async def test_of_an_erasure_and_its_withdrawal_one_happens(scene: Scene) -> None:
    for _ in range(6):
        thread_id = uuid4()
        await scene.write(thread_id, EMIL.id)
        request_id = await agreed(scene, thread_id)
        done = await asyncio.gather(
            scene.erasure.approve(ANDREA, request_id), scene.erasure.withdraw(RUTH, request_id), return_exceptions=True
        )
        (lost,) = [each for each in done if isinstance(each, BaseException)]
        assert isinstance(lost, NotFoundError)
        is_erased = done[1] is lost
        assert (await scene.kept())[-1] == (Erased() if is_erased else KEPT)
        assert scene.tags()[-1] == ("erasure:executed" if is_erased else "erasure:withdrawn")
    assert (await scene.verify()).problems == []


async def test_whoever_withdraws_while_it_is_carried_out_is_told_so_soon(scene: Scene) -> None:
    thread_id = uuid4()
    await scene.write(thread_id, EMIL.id)
    request_id = await agreed(scene, thread_id)
    with psycopg.connect(libpq_dsn(scene.database.audit_eraser_url)) as eraser:
        eraser.execute("SELECT audit.execute_erasure(%s)", [request_id])  # and it takes long
        with pytest.raises(UnavailableError, match="going on"):
            await scene.erasure.withdraw(RUTH, request_id)
    assert await scene.kept() == [Erased()]
    with pytest.raises(NotFoundError, match="too late"):
        await eraser_of(scene.database).withdraw((await scene.erasure.requests(RUTH, with_decided=True))[0], RUTH.id)
