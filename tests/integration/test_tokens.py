"""API tokens over the real database: what is stored, who is let in, and when no more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import psycopg
import pytest

from assistant.access import Access
from assistant.audit.parts import TextMarker
from assistant.audit.record import Origin, compose_record
from assistant.conversation import Role
from assistant.database import create_engine, libpq_dsn
from assistant.errors import AuditUnavailableError, BadInputError, NotFoundError, UnavailableError
from assistant.identity.attempts import AttemptLimits, TooManyAttemptsError
from assistant.identity.identity import Identity
from assistant.identity.token_lookup import TokenFault
from assistant.identity.tokens import ApiTokens, TokenRefusedError
from assistant.tokens import Tokens
from tests.fakes.turn_parts import FakeAudit
from tests.integration.conftest import Database

PASSWORD = "correct-horse-battery"
HERE = "192.0.2.1"


class Desk:
    """Tokens over real tables, with a log that can fail."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.engine = create_engine(database.app_url)
        self.log = FakeAudit([])
        self.access = Access(Identity(self.engine, session_hours=8), self.log, TextMarker(database.keys))
        self.tokens = self.with_key(database.keys.derive("api-token"))

    def with_key(self, key: bytes, limits: AttemptLimits | None = None) -> Tokens:
        return Tokens(ApiTokens(self.engine, key, limits), self.log)

    async def token(self, *scopes: str, days: int = 1) -> str:
        return (await self.tokens.create("maria", scopes or ("chat",), days=days)).token

    async def fault_of(self, token: str, client: str = HERE) -> TokenFault | None:
        try:
            await self.tokens.holder(token, client)
        except TokenRefusedError as error:
            return error.fault
        return None

    def run(self, statement: str, *parameters: object) -> list[tuple[object, ...]]:
        with psycopg.connect(libpq_dsn(self.database.owner_url), autocommit=True) as connection:
            ran = connection.execute(statement, parameters)
            return ran.fetchall() if ran.description else []


@pytest.fixture
async def desk(database: Database) -> AsyncIterator[Desk]:
    desk = Desk(database)
    await desk.access.add_first_administrator("admin", PASSWORD)
    await desk.access.add_person("maria", [Role.DEVELOPER], PASSWORD)
    desk.log.events.clear()
    yield desk
    await desk.engine.dispose()


async def test_a_token_says_who_and_what_for(desk: Desk) -> None:
    made = await desk.tokens.create("Maria", ["chat", "persona:starcoder", "model:*"], days=90, label="laptop")
    assert len(made.token) == len("clst_") + 43
    assert made.token not in repr(made)
    holder = await desk.tokens.holder(made.token, HERE)
    assert (holder.person.name, holder.person.roles, holder.token_id) == ("maria", {Role.DEVELOPER}, made.id)
    assert holder.scopes.has_route("chat")
    assert holder.scopes.has_persona("starcoder")
    assert not holder.scopes.has_persona("general")
    assert holder.scopes.has_model("qwen2.5:32b")
    assert desk.log.tags == ["token:created"]
    assert desk.log.events[0].scopes == ("chat", "persona:starcoder", "model:*")


async def test_the_database_holds_nothing_of_a_token(desk: Desk) -> None:
    token = await desk.token()
    await desk.tokens.holder(token, HERE)
    (row,) = desk.run("SELECT row_to_json(api_token)::text FROM api_token")
    secret = token.removeprefix("clst_")
    assert not any(secret[start : start + 6] in str(row) for start in range(len(secret) - 5))
    assert secret.encode().hex() not in str(row)


async def test_the_stolen_table_does_not_tell_whether_a_guess_is_right(desk: Desk) -> None:
    token = await desk.token()
    with pytest.raises(TokenRefusedError):
        await desk.with_key(bytes(32)).holder(token, HERE)


async def test_a_revoked_token_opens_nothing_at_once(desk: Desk) -> None:
    made = await desk.tokens.create("maria", ["chat"], days=1)
    await desk.tokens.holder(made.token, HERE)
    await desk.tokens.revoke(made.id)
    await desk.tokens.revoke(made.id)
    assert await desk.fault_of(made.token) is TokenFault.REVOKED
    (entry,) = await desk.tokens.list("maria")
    assert entry.fault is TokenFault.REVOKED
    refused = desk.log.events[-1]
    assert (refused.tag, refused.reason, refused.token_id) == ("token:refused", "revoked", made.id)
    for event in desk.log.events:
        compose_record(event, Origin.here("test"), 1)  # each has a canonical form


async def test_an_expired_token_opens_nothing(desk: Desk) -> None:
    token = await desk.token()
    desk.run("UPDATE api_token SET expires_at = now() - interval '1 second'")
    assert await desk.fault_of(token) is TokenFault.EXPIRED


async def test_a_new_password_or_a_switched_off_account_voids_tokens(desk: Desk) -> None:
    before = await desk.token()
    await desk.access.set_password("maria", "another-long-password")
    assert await desk.fault_of(before) is TokenFault.VOID
    after = await desk.token()
    await desk.access.disable("maria")
    assert await desk.fault_of(after) is TokenFault.VOID
    with pytest.raises(BadInputError, match="switched off"):
        await desk.token()
    await desk.access.enable("maria")
    assert await desk.fault_of(after) is TokenFault.VOID


async def test_roles_are_those_in_force_now(desk: Desk) -> None:
    token = await desk.token()
    await desk.access.set_roles("maria", [Role.EMPLOYEE])
    assert (await desk.tokens.holder(token, HERE)).person.roles == {Role.EMPLOYEE}


@pytest.mark.parametrize(
    "token", ["", "clst_", "clst_" + "A" * 43, "Bearer x", "clst_" + "é" * 43, "\udcff", "x" * 9999]
)
async def test_what_is_no_token_is_unknown(desk: Desk, token: str) -> None:
    assert await desk.fault_of(token) is TokenFault.UNKNOWN


async def test_guessing_is_limited_and_does_not_lock_a_colleague_out(desk: Desk) -> None:
    token = await desk.token()
    limits = AttemptLimits(per_name_and_client=3, per_name=9, per_client=5)
    tokens = desk.with_key(desk.database.keys.derive("api-token"), limits)
    for _ in range(5):
        with pytest.raises(TokenRefusedError):
            await tokens.holder(f"clst_{uuid4().hex}", HERE)
    noted = len(desk.log.events)
    with pytest.raises(TooManyAttemptsError) as refused:
        await tokens.holder(f"clst_{uuid4().hex}", HERE)
    assert refused.value.retry_after_seconds > 0
    assert len(desk.log.events) == noted  # a flood does not fill the log
    assert (await tokens.holder(token, HERE)).person.name == "maria"


async def test_asking_on_for_what_a_token_does_not_open_does_not_fill_the_log(desk: Desk) -> None:
    now = 0.0
    tokens = Tokens(ApiTokens(desk.engine, desk.database.keys.derive("api-token")), desk.log, lambda: now)
    holders = [await tokens.holder(await desk.token(), HERE) for _ in range(2)]
    before = len(desk.log.events)
    for _ in range(50):
        for holder in holders:
            await tokens.note_refusal(holder, "model")
            await tokens.note_refusal(holder, "route:chat")
    assert len(desk.log.events) - before == 4
    now = 61.0
    await tokens.note_refusal(holders[0], "model")
    assert len(desk.log.events) - before == 5


async def test_one_old_token_is_limited_on_its_own(desk: Desk) -> None:
    limits = AttemptLimits(per_name_and_client=3, per_name=9, per_client=50)
    tokens = desk.with_key(bytes(32), limits)
    for _ in range(3):
        with pytest.raises(TokenRefusedError):
            await tokens.holder("clst_old", HERE)
    with pytest.raises(TooManyAttemptsError):
        await tokens.holder("clst_old", HERE)
    with pytest.raises(TokenRefusedError):
        await tokens.holder("clst_other", HERE)


async def test_old_editors_keep_nobody_behind_their_address_from_signing_in(desk: Desk) -> None:
    for number in range(60):
        with pytest.raises((TokenRefusedError, TooManyAttemptsError)):
            await desk.tokens.holder(f"clst_{number}", HERE)
    assert (await desk.access.sign_in("maria", PASSWORD, HERE)).person.name == "maria"


async def test_last_use_is_coarse(desk: Desk) -> None:
    token = await desk.token()
    await desk.tokens.holder(token, HERE)
    (first,) = desk.run("SELECT last_used_at, xmin::text FROM api_token")
    await asyncio.gather(*(desk.tokens.holder(token, HERE) for _ in range(5)))
    assert desk.run("SELECT last_used_at, xmin::text FROM api_token") == [first]
    desk.run("UPDATE api_token SET last_used_at = now() - interval '11 minutes'")
    await desk.tokens.holder(token, HERE)
    assert desk.run("SELECT count(*) FROM api_token WHERE last_used_at > now() - interval '1 minute'") == [(1,)]


async def test_without_the_log_there_is_no_token(desk: Desk) -> None:
    desk.log.fails_at = "token:created"
    with pytest.raises(AuditUnavailableError):
        await desk.token()
    assert [entry.fault for entry in await desk.tokens.list()] == [TokenFault.REVOKED]


async def test_without_the_log_nothing_is_revoked(desk: Desk) -> None:
    made = await desk.tokens.create("maria", ["chat"], days=1)
    desk.log.fails_at = "token:revoked"
    with pytest.raises(AuditUnavailableError):
        await desk.tokens.revoke(made.id)
    assert await desk.fault_of(made.token) is None


@pytest.mark.parametrize(
    ("owner", "scopes", "days", "error"),
    [
        ("maria", ["chat"], 0, BadInputError),
        ("maria", ["chat"], 367, BadInputError),
        ("maria", [], 1, BadInputError),
        ("maria", ["model:*"], 1, BadInputError),
        ("maria", ["chat", "persona:"], 1, BadInputError),
        ("maria", ["chat", "admin"], 1, BadInputError),
        ("nobody", ["chat"], 1, NotFoundError),
    ],
)
async def test_what_makes_no_token(
    desk: Desk, owner: str, scopes: list[str], days: int, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await desk.tokens.create(owner, scopes, days=days)
    assert await desk.tokens.list() == []
    assert desk.log.events == []


async def test_a_person_holds_a_hundred_tokens_at_most(desk: Desk) -> None:
    await desk.token()
    desk.run(
        "INSERT INTO api_token (id, digest, person_id, epoch, label, scopes, expires_at) "
        "SELECT gen_random_uuid(), int4send(n), person_id, epoch, '', scopes, expires_at "
        "FROM api_token, generate_series(1, 99) n"
    )
    with pytest.raises(BadInputError, match="100 tokens"):
        await desk.token()


async def test_a_token_that_is_not_there_cannot_be_revoked(desk: Desk) -> None:
    with pytest.raises(NotFoundError):
        await desk.tokens.revoke(uuid4())


async def test_people_make_and_revoke_their_own_and_nobody_elses(desk: Desk) -> None:
    maria = (await desk.access.sign_in("maria", PASSWORD, HERE)).person
    admin = (await desk.access.sign_in("admin", PASSWORD, HERE)).person
    desk.log.events.clear()
    made = await desk.tokens.create("maria", ["chat"], days=1, actor=maria.id)
    foreign, missing = made.id, uuid4()
    refusals = set()
    for token_id in (foreign, missing):
        with pytest.raises(NotFoundError) as refused:
            await desk.tokens.revoke_own(admin, token_id)
        refusals.add(str(refused.value))
    assert len(refusals) == 1
    assert await desk.fault_of(made.token) is None
    await desk.tokens.revoke_own(maria, made.id)
    assert await desk.fault_of(made.token) is TokenFault.REVOKED
    assert [(event.tag, event.actor) for event in desk.log.events[:2]] == [
        ("token:created", maria.id),
        ("token:revoked", maria.id),
    ]


async def test_a_form_that_is_sent_twice_makes_one_token(desk: Desk) -> None:
    form = uuid4()
    made = await desk.tokens.create("maria", ["chat"], days=1, token_id=form)
    assert made.id == form
    desk.log.events.clear()
    for owner in ("maria", "admin"):
        with pytest.raises(BadInputError, match="sent before"):
            await desk.tokens.create(owner, ["chat"], days=1, token_id=form)
    assert [entry.owner for entry in await desk.tokens.list()] == ["maria"]
    assert desk.log.events == []
    assert await desk.fault_of(made.token) is None  # what failed did not revoke what was there


async def test_who_asks_at_once_shares_a_question_and_each_has_an_answer_of_their_own(desk: Desk) -> None:
    made = [await desk.tokens.create("maria", ["chat"], days=1) for _ in range(5)]
    asked = [*(one.token for one in made), "clst_" + "x" * 43] * 4
    answers = await asyncio.gather(*(desk.tokens.holder(token, HERE) for token in asked), return_exceptions=True)
    ids = [getattr(answer, "token_id", None) for answer in answers]
    assert ids == [*(one.id for one in made), None] * 4
    assert [answer.fault for answer in answers if isinstance(answer, TokenRefusedError)] == [TokenFault.UNKNOWN] * 4


async def test_a_connection_that_died_while_it_rested_costs_nobody_an_answer(desk: Desk) -> None:
    token = await desk.token()
    await desk.tokens.holder(token, HERE)
    desk.run("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'cloister-tokens'")
    assert (await desk.tokens.holder(token, HERE)).person.name == "maria"


async def test_without_a_database_nobody_is_let_in(desk: Desk) -> None:
    token = await desk.token()
    desk.run("ALTER TABLE api_token RENAME TO gone")
    with pytest.raises(UnavailableError):
        await desk.tokens.holder(token, HERE)
