"""Identity on a real Postgres, mostly from the attacker's side."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest
from argon2 import PasswordHasher
from sqlalchemy.ext.asyncio import AsyncEngine

from assistant.conversation import Role
from assistant.database import create_engine, libpq_dsn
from assistant.errors import BadInputError, NotAllowedError, NotFoundError
from assistant.identity import AttemptLimits, Identity, TooManyAttemptsError
from tests.integration.conftest import Database

pytestmark = pytest.mark.integration

PASSWORD = "correct horse battery"
EMPLOYEE = frozenset({Role.EMPLOYEE})
FREELY = AttemptLimits(per_name_and_client=1000, per_name=1000, per_client=1000)


@pytest.fixture
async def engine(database: Database) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(database.app_url)
    yield engine
    await engine.dispose()


def cheap_hasher(**cost: int) -> PasswordHasher:
    return PasswordHasher(**{"time_cost": 1, "memory_cost": 8, "parallelism": 1} | cost)


def build_identity(engine: AsyncEngine, limits: AttemptLimits = FREELY, session_hours: int = 8) -> Identity:
    return Identity(engine, session_hours=session_hours, limits=limits, hasher=cheap_hasher())


@pytest.fixture
def identity(engine: AsyncEngine) -> Identity:
    return build_identity(engine)


def owner_sql(database: Database, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(libpq_dsn(database.owner_url)) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


async def test_a_person_signs_in_whatever_the_case_and_has_their_roles(identity: Identity) -> None:
    added = await identity.add_person("Maria", {Role.EMPLOYEE, Role.REVIEWER}, PASSWORD)
    signed_in = await identity.sign_in(" MARIA ", PASSWORD, "10.0.0.1")
    assert signed_in.person == added
    assert await identity.person_for_session(signed_in.token) == added
    assert added.roles == {Role.EMPLOYEE, Role.REVIEWER}


async def test_neither_password_nor_token_lies_in_the_database(identity: Identity, database: Database) -> None:
    await identity.add_person("maria", EMPLOYEE, PASSWORD)
    signed_in = await identity.sign_in("maria", PASSWORD, "10.0.0.1")
    with pytest.raises(NotAllowedError):
        await identity.sign_in(PASSWORD, PASSWORD, "10.0.0.1")  # typed into the wrong field
    tables = ("SELECT * FROM person", "SELECT * FROM session", "SELECT * FROM sign_in_attempt")
    rows = [owner_sql(database, table) for table in tables]
    assert all(rows)
    assert PASSWORD not in repr(rows)
    assert signed_in.token not in repr(rows)
    assert signed_in.token not in repr(signed_in)


async def test_unknown_names_and_wrong_passwords_look_the_same(identity: Identity) -> None:
    await identity.add_person("maria", EMPLOYEE, PASSWORD)
    answers = set()
    for name, password in (("maria", "wrong password"), ("nobody", PASSWORD), ("a b\x00", PASSWORD), ("", PASSWORD)):
        with pytest.raises(NotAllowedError) as refused:
            await identity.sign_in(name, password, "10.0.0.1")
        answers.add(str(refused.value))
    assert len(answers) == 1


@pytest.mark.parametrize(
    "password", ["", "nul\x00" * 5, "x" * (10 << 20), "half \ud800 pair ok"], ids=["empty", "nul", "10 MB", "surrogate"]
)
async def test_passwords_that_cannot_be_are_refused_politely(identity: Identity, password: str) -> None:
    await identity.add_person("maria", EMPLOYEE, PASSWORD)
    for name in ("maria", "nobody"):
        with pytest.raises(BadInputError):
            await identity.sign_in(name, password, "10.0.0.1")
    with pytest.raises(BadInputError):
        await identity.set_password("maria", password)
    await identity.sign_in("maria", PASSWORD, "10.0.0.1")


async def test_a_name_is_taken_once_even_at_once(identity: Identity) -> None:
    added = await asyncio.gather(
        *(identity.add_person(name, EMPLOYEE, PASSWORD) for name in ("Maria", "maria", "MARIA")), return_exceptions=True
    )
    assert sum(isinstance(result, BadInputError) for result in added) == 2
    assert [entry.name for entry in await identity.list_people()] == ["maria"]


async def test_only_one_process_adds_the_first_administrator(engine: AsyncEngine) -> None:
    processes = [build_identity(engine) for _ in range(6)]
    added = await asyncio.gather(
        *(each.add_first_administrator(f"admin{i}", PASSWORD) for i, each in enumerate(processes))
    )
    assert sorted(added) == [False] * 5 + [True]
    [entry] = await processes[0].list_people()
    assert entry.roles == {Role.ADMINISTRATOR}


async def test_roles_are_read_afresh(identity: Identity) -> None:
    await identity.add_person("root", {Role.ADMINISTRATOR}, PASSWORD)
    await identity.add_person("maria", {Role.DEVELOPER}, PASSWORD)
    token = (await identity.sign_in("maria", PASSWORD, "10.0.0.1")).token
    await identity.set_roles("maria", EMPLOYEE)
    person = await identity.person_for_session(token)
    assert person is not None
    assert person.roles == EMPLOYEE


async def test_a_disabled_person_is_out_at_once_and_back_only_by_signing_in(identity: Identity) -> None:
    await identity.add_person("root", {Role.ADMINISTRATOR}, PASSWORD)
    await identity.add_person("maria", EMPLOYEE, PASSWORD)
    token = (await identity.sign_in("maria", PASSWORD, "10.0.0.1")).token
    await identity.disable("maria")
    assert await identity.person_for_session(token) is None
    with pytest.raises(NotAllowedError, match="switched off"):
        await identity.sign_in("maria", PASSWORD, "10.0.0.1")
    with pytest.raises(NotAllowedError, match="not right"):
        await identity.sign_in("maria", "wrong password", "10.0.0.1")
    await identity.enable("maria")
    assert await identity.person_for_session(token) is None
    await identity.sign_in("maria", PASSWORD, "10.0.0.1")


async def test_sign_out_ends_this_session_alone(identity: Identity) -> None:
    maria = await identity.add_person("maria", EMPLOYEE, PASSWORD)
    await identity.add_person("otto", EMPLOYEE, PASSWORD)
    first, second = [(await identity.sign_in("maria", PASSWORD, "10.0.0.1")).token for _ in range(2)]
    other = (await identity.sign_in("otto", PASSWORD, "10.0.0.1")).token
    await identity.sign_out(first)
    assert await identity.person_for_session(first) is None
    assert await identity.person_for_session(second) == maria
    assert await identity.person_for_session(other) is not None


async def test_a_new_password_signs_out_whoever_knew_the_old_one(identity: Identity) -> None:
    await identity.add_person("maria", EMPLOYEE, PASSWORD)
    token = (await identity.sign_in("maria", PASSWORD, "10.0.0.1")).token
    await identity.set_password("maria", "another long password")
    assert await identity.person_for_session(token) is None
    with pytest.raises(NotAllowedError):
        await identity.sign_in("maria", PASSWORD, "10.0.0.1")
    await identity.sign_in("maria", "another long password", "10.0.0.1")


async def test_a_sign_in_that_overlaps_a_new_password_gives_no_session(identity: Identity, engine: AsyncEngine) -> None:
    class SlowHasher(PasswordHasher):
        """Change the password while the old one is being checked."""

        def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # noqa: A002 - argon2's own name
            asyncio.run_coroutine_threadsafe(identity.set_password("maria", "another long password"), loop).result()
            return super().verify(hash, password)

    loop = asyncio.get_running_loop()
    await identity.add_person("maria", EMPLOYEE, PASSWORD)
    slow = Identity(
        engine, session_hours=8, limits=FREELY, hasher=SlowHasher(time_cost=1, memory_cost=8, parallelism=1)
    )
    with pytest.raises(NotAllowedError):
        await slow.sign_in("maria", PASSWORD, "10.0.0.1")


async def test_a_session_ends_after_its_hours(identity: Identity, database: Database) -> None:
    await identity.add_person("maria", EMPLOYEE, PASSWORD)
    token = (await identity.sign_in("maria", PASSWORD, "10.0.0.1")).token
    owner_sql(database, "UPDATE session SET expires_at = now() - interval '1 second'")
    assert await identity.person_for_session(token) is None
    await identity.sign_in("maria", PASSWORD, "10.0.0.1")
    assert owner_sql(database, "SELECT count(*) FROM session") == [(1,)]


async def test_being_seen_is_noted_to_the_minute(identity: Identity, database: Database) -> None:
    await identity.add_person("maria", EMPLOYEE, PASSWORD)
    token = (await identity.sign_in("maria", PASSWORD, "10.0.0.1")).token
    owner_sql(database, "UPDATE session SET last_seen_at = now() - interval '1 hour'")
    await identity.person_for_session(token)
    assert owner_sql(database, "SELECT now() - last_seen_at < interval '1 minute' FROM session") == [(True,)]


@pytest.mark.parametrize(
    "token",
    ["", "x" * 43, "\x00" * 43, "ä" * 43, "\ud800" * 43, "x" * (10 << 20), "x" * 43 + "\n"],
    ids=["empty", "unknown", "nul", "umlauts", "surrogates", "10 MB", "newline"],
)
async def test_forged_tokens_are_nobody(identity: Identity, token: str) -> None:
    assert await identity.person_for_session(token) is None
    await identity.sign_out(token)


async def test_guessing_one_name_is_slowed_across_processes(engine: AsyncEngine) -> None:
    limits = AttemptLimits(per_name_and_client=3, per_name=50, per_client=50, window_seconds=240)
    processes = [build_identity(engine, limits) for _ in range(2)]
    await processes[0].add_person("maria", EMPLOYEE, PASSWORD)
    for attempt in range(3):
        with pytest.raises(NotAllowedError, match="not right"):
            await processes[attempt % 2].sign_in("maria", "wrong password", "10.0.0.1")
    for process in processes:
        with pytest.raises(TooManyAttemptsError, match="Too many attempts; try again in 4 minutes"):
            await process.sign_in("maria", PASSWORD, "10.0.0.1")
    await processes[0].sign_in("maria", PASSWORD, "10.0.0.2")  # nobody locks a colleague out from their own desk


async def test_a_burst_at_once_gets_no_more_guesses(engine: AsyncEngine) -> None:
    identity = build_identity(engine, AttemptLimits(per_name_and_client=5, per_name=50, per_client=50))
    await identity.add_person("maria", EMPLOYEE, PASSWORD)
    burst = (identity.sign_in("maria", f"wrong password {i}", "10.0.0.1") for i in range(40))
    outcomes = await asyncio.gather(*burst, return_exceptions=True)
    assert sum(not isinstance(outcome, TooManyAttemptsError) for outcome in outcomes) == 5


async def test_many_clients_on_one_name_and_one_client_on_many_names_are_slowed(engine: AsyncEngine) -> None:
    identity = build_identity(engine, AttemptLimits(per_name_and_client=99, per_name=4, per_client=6))
    for attempt in range(4):
        with pytest.raises(NotAllowedError, match="not right"):
            await identity.sign_in("maria", "wrong password", f"10.0.0.{attempt}")
    with pytest.raises(TooManyAttemptsError):
        await identity.sign_in("maria", "wrong password", "10.0.0.99")
    for attempt in range(6):
        with pytest.raises(NotAllowedError, match="not right"):
            await identity.sign_in(f"name{attempt}", "wrong password", "10.9.9.9")
    with pytest.raises(TooManyAttemptsError):
        await identity.sign_in("name7", "wrong password", "10.9.9.9")


async def test_success_does_not_count_and_does_not_clear_the_client(engine: AsyncEngine) -> None:
    identity = build_identity(engine, AttemptLimits(per_name_and_client=99, per_name=99, per_client=3))
    await identity.add_person("mallory", EMPLOYEE, PASSWORD)
    for _ in range(8):
        await identity.sign_in("mallory", PASSWORD, "10.0.0.1")
    for name in ("a", "b", "c"):
        with pytest.raises(NotAllowedError, match="not right"):
            await identity.sign_in(name, "wrong password", "10.0.0.1")
    with pytest.raises(TooManyAttemptsError):
        await identity.sign_in("mallory", PASSWORD, "10.0.0.1")


async def test_the_wait_ends_and_refused_attempts_do_not_prolong_it(engine: AsyncEngine, database: Database) -> None:
    identity = build_identity(engine, AttemptLimits(per_name_and_client=1, per_name=9, per_client=9))
    await identity.add_person("maria", EMPLOYEE, PASSWORD)
    with pytest.raises(NotAllowedError, match="not right"):
        await identity.sign_in("maria", "wrong password", "10.0.0.1")
    before = owner_sql(database, "SELECT * FROM sign_in_attempt ORDER BY key")
    with pytest.raises(TooManyAttemptsError):
        await identity.sign_in("maria", PASSWORD, "10.0.0.1")
    assert owner_sql(database, "SELECT * FROM sign_in_attempt ORDER BY key") == before
    owner_sql(database, "UPDATE sign_in_attempt SET window_ends_at = now()")
    await identity.sign_in("maria", PASSWORD, "10.0.0.1")


async def test_old_windows_are_swept(identity: Identity, database: Database) -> None:
    for name in ("a", "b"):
        with pytest.raises(NotAllowedError):
            await identity.sign_in(name, "wrong password", "10.0.0.1")
    owner_sql(database, "UPDATE sign_in_attempt SET window_ends_at = now() - interval '2 hours'")
    with pytest.raises(NotAllowedError):
        await identity.sign_in("c", "wrong password", "10.0.0.9")
    assert owner_sql(database, "SELECT count(*) FROM sign_in_attempt") == [(3,)]


async def test_a_password_is_stored_anew_when_the_cost_rises(identity: Identity, engine: AsyncEngine) -> None:
    await identity.add_person("maria", EMPLOYEE, PASSWORD)
    dearer = Identity(engine, session_hours=8, limits=FREELY, hasher=cheap_hasher(time_cost=2))
    both = await asyncio.gather(*(dearer.sign_in("maria", PASSWORD, "10.0.0.1") for _ in range(2)))
    for signed_in in both:
        assert await dearer.person_for_session(signed_in.token) is not None
    async with engine.connect() as connection:
        stored = (await connection.exec_driver_sql("SELECT password_hash FROM person")).scalar_one()
    assert ",t=2," in stored
    await dearer.sign_in("maria", PASSWORD, "10.0.0.1")


async def test_somebody_always_administers(identity: Identity) -> None:
    for name in ("root", "toor"):
        await identity.add_person(name, {Role.ADMINISTRATOR}, PASSWORD)
    for _ in range(10):  # so that the two changes truly overlap in some of them
        changes = (identity.disable("root"), identity.set_roles("toor", EMPLOYEE))
        outcomes = await asyncio.gather(*changes, return_exceptions=True)
        assert sum(isinstance(outcome, BadInputError) for outcome in outcomes) == 1
        left = [e for e in await identity.list_people() if Role.ADMINISTRATOR in e.roles and not e.is_disabled]
        assert len(left) == 1
        await identity.enable("root")
        await identity.set_roles("toor", {Role.ADMINISTRATOR})


async def test_people_are_listed_page_by_page(identity: Identity) -> None:
    names = [f"person{i:02}" for i in range(7)]
    for name in names:
        await identity.add_person(name, EMPLOYEE, PASSWORD, display_name=name.title())
    seen: list[str] = []
    while page := await identity.list_people(limit=3, after=seen[-1] if seen else ""):
        seen += [entry.name for entry in page]
        await identity.add_person(f"aaa{len(seen)}", EMPLOYEE, PASSWORD)
    assert seen == names


async def test_unknown_people_are_named_as_such(identity: Identity) -> None:
    await identity.add_person("root", {Role.ADMINISTRATOR}, PASSWORD)
    for attempt in (
        identity.find_person("maria"),
        identity.disable("maria"),
        identity.enable("maria"),
        identity.set_roles("maria", EMPLOYEE),
        identity.set_password("maria", PASSWORD),
    ):
        with pytest.raises(NotFoundError, match="nobody named 'maria'"):
            await attempt
    with pytest.raises(BadInputError, match="employee"):
        await identity.add_person("maria", [], PASSWORD)


async def test_an_entry_says_when_somebody_was_last_here(identity: Identity) -> None:
    await identity.add_person("Maria", EMPLOYEE, PASSWORD)
    assert (await identity.find_person("MARIA")).last_seen_at is None
    await identity.sign_in("maria", PASSWORD, "10.0.0.1")
    entry = await identity.find_person("maria")
    assert entry.last_seen_at is not None
    assert entry.display_name == "Maria"
