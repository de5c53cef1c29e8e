from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from assistant.access import Access
from assistant.audit.parts import TextMarker
from assistant.conversation import Role
from assistant.database import create_engine
from assistant.errors import AuditUnavailableError, BadInputError, NotAllowedError
from assistant.identity.identity import Identity
from tests.fakes.turn_parts import FakeAudit
from tests.integration.conftest import Database

PASSWORD = "correct-horse-battery"


class Desk:
    """Access over the real identity, with a log that can fail."""

    def __init__(self, identity: Identity, database: Database) -> None:
        self.identity = identity
        self.log = FakeAudit([])
        self.access = Access(identity, self.log, TextMarker(database.keys))

    async def roles_of(self, name: str) -> frozenset[Role]:
        return (await self.identity.find_person(name)).roles


@pytest.fixture
async def desk(database: Database) -> AsyncIterator[Desk]:
    engine = create_engine(database.app_url)
    desk = Desk(Identity(engine, session_hours=8), database)
    await desk.access.add_first_administrator("admin", PASSWORD)
    await desk.access.add_person("maria", [Role.EMPLOYEE], PASSWORD)
    desk.log.events.clear()
    yield desk
    await engine.dispose()


async def test_every_change_leaves_an_event(desk: Desk) -> None:
    await desk.access.set_roles("maria", [Role.DEVELOPER])
    await desk.access.set_password("maria", "another-long-password")
    await desk.access.disable("maria")
    await desk.access.enable("maria")
    assert [event.change for event in desk.log.events] == ["roles", "password", "switched-off", "switched-on"]
    assert desk.log.events[0].roles == (Role.DEVELOPER,)


async def test_without_the_log_nothing_changes(desk: Desk) -> None:
    desk.log.fails_at = "person:changed"
    for change in (
        desk.access.set_roles("maria", [Role.ADMINISTRATOR]),
        desk.access.set_password("maria", "another-long-password"),
        desk.access.disable("maria"),
    ):
        with pytest.raises(AuditUnavailableError):
            await change
    assert await desk.roles_of("maria") == {Role.EMPLOYEE}
    desk.log.fails_at = None
    assert (await desk.access.sign_in("maria", PASSWORD, "here")).person.name == "maria"


async def test_somebody_added_without_the_log_cannot_sign_in(desk: Desk) -> None:
    desk.log.fails_at = "person:added"
    with pytest.raises(AuditUnavailableError):
        await desk.access.add_person("tom", [Role.EMPLOYEE], PASSWORD)
    desk.log.fails_at = None
    with pytest.raises(NotAllowedError):
        await desk.access.sign_in("tom", PASSWORD, "here")


async def test_a_refused_change_says_so(desk: Desk) -> None:
    with pytest.raises(BadInputError):
        await desk.access.disable("admin")
    assert [event.change for event in desk.log.events] == ["switched-off", "switched-off-refused"]


async def test_nobody_holds_a_token_that_the_log_does_not_know(desk: Desk) -> None:
    desk.log.fails_at = "person:signed-in"
    with pytest.raises(AuditUnavailableError):
        await desk.access.sign_in("maria", PASSWORD, "here")
    desk.log.fails_at = None
    signed_in = await desk.access.sign_in("maria", PASSWORD, "here")
    await desk.access.sign_out(signed_in.token)
    assert await desk.access.person_for_session(signed_in.token) is None
    assert desk.log.tags == ["person:signed-in", "person:signed-out"]


async def test_a_refused_sign_in_keeps_no_name(desk: Desk) -> None:
    with pytest.raises(NotAllowedError):
        await desk.access.sign_in("my-password-typed-here", PASSWORD, "here")
    assert "my-password-typed-here" not in repr(desk.log.events)
    assert desk.log.tags == ["person:sign-in-failed"]
