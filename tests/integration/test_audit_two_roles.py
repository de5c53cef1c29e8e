"""One password alone erases nothing: what persons said is one role's to note, and another one's to carry out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import LiteralString
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import errors
from psycopg.types.json import Jsonb

from assistant.audit.events import ErasureApproved, ErasureExecuted, ErasureRequested, Event, HoldReleased
from assistant.audit.projections.project import Projector
from assistant.audit.record import compose_record
from assistant.conversation import Person, Role
from assistant.database import libpq_dsn
from assistant.rights import HOLDERS, Right
from tests.integration.conftest import Database
from tests.integration.content_scene import add_people, as_superuser
from tests.integration.seal_scene import ORIGIN

pytestmark = pytest.mark.integration

RUTH = Person(uuid4(), "ruth", frozenset({Role.REVIEWER}))
ANDREA = Person(uuid4(), "andrea", frozenset({Role.APPROVER}))
BOTH = Person(uuid4(), "both", frozenset({Role.REVIEWER, Role.APPROVER}))
EMIL = Person(uuid4(), "emil", frozenset({Role.EMPLOYEE}))
REFUSED = (errors.InsufficientPrivilege, errors.CheckViolation, errors.NoDataFound)


def entry(event: Event) -> Jsonb:
    row = compose_record(event, ORIGIN, time.time_ns())._asdict()
    plain = {name: f"\\x{value.hex()}" if isinstance(value, bytes) else value for name, value in row.items()}
    return Jsonb({name: value if value is None else str(value) for name, value in plain.items()})


@pytest.fixture
def people(database: Database) -> Database:
    add_people(database, RUTH, ANDREA, BOTH, EMIL)
    return database


@pytest.fixture
def writer(people: Database) -> Iterator[psycopg.Connection]:
    with psycopg.connect(libpq_dsn(people.audit_writer_url), autocommit=True) as connection:
        yield connection


@pytest.fixture
def eraser(people: Database) -> Iterator[psycopg.Connection]:
    with psycopg.connect(libpq_dsn(people.audit_eraser_url), autocommit=True) as connection:
        yield connection


def request(writer: psycopg.Connection, by: UUID = RUTH.id, subject: UUID | None = None, scope: str = "thread") -> UUID:
    identifier, subject = uuid4(), subject or uuid4()
    about = {"thread_id": subject} if scope == "thread" else {"subject": subject}
    event = ErasureRequested(
        **{"actor": by, "subject": None, "thread_id": None, **about},
        erasure_id=identifier,
        scope=scope,
        reason_mark="x",  # type: ignore[arg-type]
    )
    values = [identifier, scope, subject, "x", by, entry(event)]
    writer.execute("SELECT audit.request_erasure(%s, %s, %s, %s, %s, %s)", values)
    return identifier


def approve(writer: psycopg.Connection, request_id: UUID, by: UUID, subject: UUID, scope: str = "thread") -> None:
    about = {"subject": None, "thread_id": subject} if scope == "thread" else {"subject": subject, "thread_id": None}
    said = [
        entry(kind(actor=by, erasure_id=request_id, scope=scope, **about))
        for kind in (ErasureApproved, ErasureExecuted)
    ]
    writer.execute("SELECT audit.approve_erasure(%s, %s, %s, %s)", [request_id, by, *said])


def state_of(database: Database, request_id: UUID) -> object:
    return as_superuser(database, "SELECT state FROM audit.erasure WHERE id = %s", request_id)[0][0]


def test_the_erasers_password_executes_nothing_that_was_not_agreed_to(
    people: Database, writer: psycopg.Connection, eraser: psycopg.Connection
) -> None:
    thread = uuid4()
    request_id = request(writer, subject=thread)
    with pytest.raises(REFUSED):
        eraser.execute("SELECT audit.execute_erasure(%s)", [request_id])
    with pytest.raises(REFUSED):
        approve(eraser, request_id, ANDREA.id, thread)
    assert state_of(people, request_id) == "requested"
    approve(writer, request_id, ANDREA.id, thread)
    assert state_of(people, request_id) == "approved"
    eraser.execute("SELECT audit.execute_erasure(%s)", [request_id])
    with pytest.raises(REFUSED):  # and that once
        eraser.execute("SELECT audit.execute_erasure(%s)", [request_id])
    said = as_superuser(people, "SELECT type, actor FROM audit.event ORDER BY recorded_at")
    assert said == [
        ("erasure:requested", RUTH.id),
        ("erasure:approved", ANDREA.id),
        ("erasure:executed", ANDREA.id),
    ]


def test_the_writers_password_executes_nothing(people: Database, writer: psycopg.Connection) -> None:
    thread = uuid4()
    request_id = request(writer, subject=thread)
    approve(writer, request_id, ANDREA.id, thread)
    with pytest.raises(REFUSED):
        writer.execute("SELECT audit.execute_erasure(%s)", [request_id])
    assert state_of(people, request_id) == "approved"


@pytest.mark.parametrize("by", [uuid4(), EMIL.id])
def test_whoever_may_not_ask_asks_for_nothing(writer: psycopg.Connection, by: UUID) -> None:
    with pytest.raises(errors.CheckViolation, match="may ask"):
        request(writer, by)


def test_whoever_is_switched_off_asks_and_decides_nothing(people: Database, writer: psycopg.Connection) -> None:
    thread = uuid4()
    request_id = request(writer, subject=thread)
    as_superuser(people, "UPDATE person SET is_disabled = true")
    with pytest.raises(errors.CheckViolation, match="may decide"):
        approve(writer, request_id, ANDREA.id, thread)
    with pytest.raises(errors.CheckViolation, match="may ask"):
        request(writer)


@pytest.mark.parametrize(
    ("people_named", "about", "why"),
    [
        ((BOTH, BOTH), uuid4(), "erasure_check"),
        ((RUTH, RUTH), uuid4(), "may decide"),
        ((RUTH, EMIL), uuid4(), "may decide"),
        ((RUTH, ANDREA), ANDREA.id, "about whoever"),
    ],
)
def test_no_word_counts_of_whoever_may_not_decide(
    people: Database, writer: psycopg.Connection, people_named: tuple[Person, Person], about: UUID, why: str
) -> None:
    asker, decider = people_named
    request_id = request(writer, asker.id, about, "person")
    with pytest.raises(errors.CheckViolation, match=why):
        approve(writer, request_id, decider.id, about, "person")
    assert state_of(people, request_id) == "requested"


def test_a_hold_ends_by_the_word_of_an_approver_and_two_roles(
    people: Database, writer: psycopg.Connection, eraser: psycopg.Connection
) -> None:
    hold, thread = uuid4(), uuid4()
    as_superuser(
        people,
        "INSERT INTO audit.hold (id, scope, subject_id, reason_mark, placed_by) VALUES (%s, 'thread', %s, 'x', %s)",
        hold,
        thread,
        RUTH.id,
    )
    with pytest.raises(REFUSED):
        eraser.execute("SELECT audit.release_hold(%s)", [hold])

    def is_held() -> bool:
        return as_superuser(people, "SELECT released_at FROM audit.hold") == [(None,)]

    def order(by: UUID) -> None:
        event = HoldReleased(actor=by, subject=None, thread_id=thread, hold_id=hold, scope="thread")
        writer.execute("SELECT audit.order_release(%s, %s, %s)", [hold, by, entry(event)])

    with pytest.raises(errors.CheckViolation):
        order(RUTH.id)
    order(ANDREA.id)
    assert is_held()
    request_id = request(writer, subject=thread)
    with pytest.raises(errors.ObjectInUse):
        approve(writer, request_id, ANDREA.id, thread)
    eraser.execute("SELECT audit.release_hold(%s)", [hold])
    assert not is_held()
    approve(writer, request_id, ANDREA.id, thread)


def test_a_hold_that_comes_in_between_stops_what_was_agreed_to(
    people: Database, writer: psycopg.Connection, eraser: psycopg.Connection
) -> None:
    thread = uuid4()
    request_id = request(writer, subject=thread)
    approve(writer, request_id, ANDREA.id, thread)
    as_superuser(
        people,
        "INSERT INTO audit.hold (id, scope, subject_id, reason_mark, placed_by) "
        "VALUES (uuidv7(), 'thread', %s, 'x', %s)",
        thread,
        RUTH.id,
    )
    with pytest.raises(errors.ObjectInUse):
        eraser.execute("SELECT audit.execute_erasure(%s)", [request_id])
    assert state_of(people, request_id) == "approved"


def test_the_order_to_drop_is_the_sealers_and_goes_stale(people: Database, eraser: psycopg.Connection) -> None:
    own, stale = uuid4(), uuid4()
    insert = "INSERT INTO audit.drop_order (id, month, keep_days, events, word) VALUES (%s, '2020-01', %s, 0, '{}')"
    with psycopg.connect(libpq_dsn(people.audit_sealer_url), autocommit=True) as sealer:
        sealer.execute(insert, [own, 1])
        with pytest.raises(errors.InsufficientPrivilege):
            sealer.execute("SELECT audit.drop_month(%s)", [own])
        with pytest.raises(errors.InsufficientPrivilege):
            sealer.execute("INSERT INTO audit.drop_order VALUES ('2020-01', now(), 400, 0, '{}')")
        with pytest.raises(errors.UniqueViolation):
            sealer.execute(insert, [own, 400])
    with pytest.raises(errors.CheckViolation, match="183 days"):
        eraser.execute("SELECT audit.drop_month(%s)", [own])
    as_superuser(
        people,
        "INSERT INTO audit.drop_order (id, month, ordered_at, keep_days, events, word) "
        "VALUES (%s, '2020-02', now() - interval '61 minutes', 400, 0, '{}')",
        stale,
    )
    for unknown in (stale, uuid4()):  # nobody's newest order is taken for the one that was meant
        with pytest.raises(errors.NoDataFound, match="Nobody ordered"):
            eraser.execute("SELECT audit.drop_month(%s)", [unknown])


@pytest.mark.parametrize(
    "hold", ["SELECT FROM audit.projection FOR UPDATE", "LOCK TABLE audit.search IN ACCESS EXCLUSIVE MODE"]
)
def test_the_projectors_password_holds_up_no_erasure(
    people: Database, writer: psycopg.Connection, eraser: psycopg.Connection, hold: LiteralString
) -> None:
    thread = uuid4()
    request_id = request(writer, subject=thread)
    approve(writer, request_id, ANDREA.id, thread)
    as_superuser(
        people,
        "INSERT INTO audit.dek (id, thread_id, person_id, wrapped) "
        "VALUES (uuidv7(), %s, uuidv7(), decode(repeat('00', 60), 'hex'))",
        thread,
    )
    as_superuser(people, "INSERT INTO audit.search (event_id, thread_id, words) VALUES (uuidv7(), %s, '{7}')", thread)
    with psycopg.connect(libpq_dsn(people.audit_projector_url)) as projector:
        projector.execute(hold)
        eraser.execute("SELECT audit.execute_erasure(%s)", [request_id])
    assert state_of(people, request_id) == "executed"
    assert as_superuser(people, "SELECT count(*) FROM audit.dek WHERE wrapped IS NOT NULL") == [(0,)]
    asyncio.run(Projector(people.audit_projector_url, people.keys).follow())  # takes back what it kept from going
    assert as_superuser(people, "SELECT count(*) FROM audit.search") == [(0,)]


def test_the_database_knows_the_same_roles_as_the_table_of_rights(people: Database) -> None:
    for function, right in (("require_asker", Right.ASK_ERASURE), ("require_decider", Right.DECIDE_ERASURE)):
        source = str(as_superuser(people, "SELECT prosrc FROM pg_proc WHERE proname = %s", function)[0][0])
        named = source.partition("'{")[2].partition("}'")[0].split(",")
        assert set(named) == {role.value for role in HOLDERS[right]}
