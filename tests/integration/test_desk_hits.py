"""The queue of hits on real tables: from the log once each, listed by keys, decided by the right people."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest

from assistant.compliance.hits import Hit, HitFilter
from assistant.compliance.standing import Disposition, Move, State, Step
from assistant.conversation import Role
from assistant.database import libpq_dsn
from assistant.errors import BadInputError, NotAllowedError, NotFoundError
from policies.guard import Guard
from tests.fakes.turn_parts import make_guard
from tests.integration.conftest import Database
from tests.integration.desk_scene import EMAIL, TOKEN, DeskScene, open_desk, with_roles
from tests.integration.seal_scene import loosen

pytestmark = pytest.mark.integration

PEM = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n"
DECIDE = Move(Step.DECIDE, Disposition.BENIGN)
VIOLATION = Move(Step.DECIDE, Disposition.VIOLATION, note="sent a key to a model")


@pytest.fixture(scope="module")
def guard() -> Guard:
    return make_guard()


@pytest.fixture
async def desk(database: Database, guard: Guard, tmp_path: Path) -> AsyncIterator[DeskScene]:
    async with open_desk(database, guard, tmp_path) as desk:
        yield desk


async def hits_of(desk: DeskScene) -> tuple[Hit, ...]:
    return (await desk.hits.page(desk.rita)).hits


async def one_hit(desk: DeskScene) -> Hit:
    await desk.ask(f"the token is {TOKEN}")
    assert await desk.seal_and_follow() == 1
    (hit,) = await hits_of(desk)
    return hit


async def test_what_was_redacted_or_blocked_is_a_hit_and_what_was_pseudonymised_is_not(desk: DeskScene) -> None:
    redacted = await desk.ask(f"the token is {TOKEN}")
    await desk.ask(f"write to {EMAIL}")
    await desk.ask("hello")
    blocked = await desk.ask(PEM)
    assert await hits_of(desk) == ()
    assert await desk.seal_and_follow() == 2
    found = {hit.turn_id: hit for hit in await hits_of(desk)}
    assert set(found) == {redacted.id, blocked.id}
    assert (found[redacted.id].severity, found[blocked.id].severity) == (3, 4)
    assert found[redacted.id].rule.startswith("secret/")
    assert found[redacted.id].subject == desk.maria.id
    assert found[blocked.id].due_at < found[redacted.id].due_at
    assert [hit.turn_id for hit in await hits_of(desk)] == [blocked.id, redacted.id]


async def test_following_again_brings_nothing_twice_and_changes_no_decision(desk: DeskScene) -> None:
    hit = await one_hit(desk)
    await desk.hits.take_step(desk.rita, [hit.event_id], DECIDE)
    assert await desk.follower.follow() == 0
    await asyncio.gather(desk.follower.rebuild(), desk.follower.follow())
    assert await hits_of(desk) == ()
    (again,) = await desk.hits.of_turn(desk.rita, hit.turn_id)
    assert again.standing.disposition is Disposition.BENIGN


async def test_what_was_taken_out_of_the_queue_comes_back_with_a_rebuild(desk: DeskScene) -> None:
    hit = await one_hit(desk)
    desk.scene.sql("DELETE FROM hit")
    assert await desk.follower.follow() == 0
    assert await desk.follower.rebuild() == 1
    desk.scene.sql("UPDATE hit SET severity = 0, rule = 'none', subject = gen_random_uuid()")
    await desk.follower.rebuild()
    assert await hits_of(desk) == (hit,)


async def test_a_transaction_that_ended_late_is_not_missed(desk: DeskScene) -> None:
    """Its event has an earlier id than what the queue has already."""
    late = await desk.ask(f"the token is {TOKEN}")
    columns = "id, occurred_at, type, subject, actor, thread_id, turn_id, rule, severity, body, leaf"
    (row,) = desk.scene.sql(f"SELECT {columns} FROM audit.event WHERE type = 'turn:guarded'")  # noqa: S608
    loosen(desk.scene.database)
    with psycopg.connect(libpq_dsn(desk.scene.database.audit_writer_url)) as writer:
        earlier = UUID(int=row[0].int - (1 << 80))  # type: ignore[attr-defined] - an id
        values = [earlier, *row[1:]]
        writer.execute(f"INSERT INTO audit.event ({columns}) VALUES ({', '.join(['%s'] * len(values))})", values)  # type: ignore[arg-type] # noqa: S608
        assert await desk.seal_and_follow() == 1
        writer.commit()
    assert await desk.seal_and_follow() == 1
    assert {hit.event_id for hit in await hits_of(desk)} >= {earlier}
    assert len(await desk.hits.of_turn(desk.rita, late.id)) == 2


async def test_many_batches_are_followed_in_rounds(desk: DeskScene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assistant.compliance.following._MOST_AT_ONCE", 4)
    for _ in range(5):
        await desk.ask(f"the token is {TOKEN}")
        await desk.seal()
    for _ in range(3):
        await desk.ask(f"the token is {TOKEN}")
    await desk.seal()  # one batch of more than a round
    assert await desk.follower.follow() == 8


async def test_after_a_restore_the_log_is_followed_from_its_beginning(desk: DeskScene) -> None:
    hit = await one_hit(desk)
    desk.scene.sql("UPDATE hits_followed SET batch = 4711")
    desk.scene.sql("DELETE FROM hit")
    await desk.follower.follow()
    assert await hits_of(desk) == (hit,)


async def test_only_reviewers_decide_and_only_they_and_approvers_see(desk: DeskScene) -> None:
    hit = await one_hit(desk)
    for role in Role:
        somebody = with_roles(desk.otto, role)
        may_read = role in {Role.REVIEWER, Role.APPROVER}
        for asked, may in (
            (desk.hits.page(somebody), may_read),
            (desk.hits.hit(somebody, hit.event_id), may_read),
            (desk.hits.of_turn(somebody, hit.turn_id), may_read),
            (desk.hits.take_step(somebody, [hit.event_id], Move(Step.NOTE, note="x")), role is Role.REVIEWER),
            (desk.hits.take_step_in_turn(somebody, hit.turn_id, Move(Step.NOTE)), role is Role.REVIEWER),
        ):
            if may:
                await asked
            else:
                with pytest.raises(NotAllowedError):
                    await asked
    refused = await desk.data("access:refused")
    assert len(refused) == 4 * 5 + 2
    assert {one["wanted"] for one in refused} == {"desk/read", "desk/work"}


async def test_nobody_sees_or_decides_what_they_did_themselves(desk: DeskScene) -> None:
    turn = await desk.ask(f"the token is {TOKEN}", person=desk.rita)
    assert await desk.seal_and_follow() == 1
    (hit,) = (await desk.hits.page(desk.rolf)).hits
    assert await hits_of(desk) == ()
    assert await desk.hits.of_turn(desk.rita, turn.id) == ()
    for asked in (
        desk.hits.hit(desk.rita, hit.event_id),
        desk.hits.take_step(desk.rita, [hit.event_id], DECIDE),
        desk.hits.take_step_in_turn(desk.rita, turn.id, DECIDE),
    ):
        with pytest.raises(NotFoundError):
            await asked
    with pytest.raises(BadInputError, match="themselves"):
        await desk.hits.take_step(desk.rolf, [hit.event_id], Move(Step.ASSIGN, assignee=desk.rita.id))
    with pytest.raises(psycopg.errors.CheckViolation):
        desk.scene.sql("UPDATE hit SET assignee = subject")
    await desk.hits.take_step(desk.rolf, [hit.event_id], DECIDE)


async def test_a_violation_waits_for_another_person(desk: DeskScene) -> None:
    hit = await one_hit(desk)
    await desk.hits.take_step(desk.rita, [hit.event_id], VIOLATION)
    with pytest.raises(NotAllowedError):
        await desk.hits.take_step(desk.rita, [hit.event_id], Move(Step.CONFIRM))
    assert (await desk.hits.page(desk.rolf, HitFilter(awaits_second=True))).hits[0].event_id == hit.event_id
    await desk.hits.take_step(desk.rolf, [hit.event_id], Move(Step.CONFIRM))
    decided, entries = await desk.hits.hit(desk.rolf, hit.event_id)
    assert decided.standing.state is State.DECIDED
    assert [(entry.person_id, entry.step) for entry in entries] == [
        (desk.rita.id, Step.DECIDE),
        (desk.rolf.id, Step.CONFIRM),
    ]
    proposed, final = await desk.data("hit:decided")
    assert (proposed["is_final"], final["is_final"]) == (False, True)
    assert (final["proposed_by"], final["about"]) == (str(desk.rita.id), str(desk.maria.id))
    with pytest.raises(psycopg.errors.CheckViolation):
        desk.scene.sql("UPDATE hit SET decided_by = proposed_by")


async def test_of_several_who_decide_at_once_one_counts_and_the_log_names_no_other(desk: DeskScene) -> None:
    hit = await one_hit(desk)
    moves = [Move(Step.DECIDE, one) for one in (Disposition.BENIGN, Disposition.COACHING, Disposition.FALSE_POSITIVE)]
    done = await asyncio.gather(
        *(desk.hits.take_step(who, [hit.event_id], move) for who in (desk.rita, desk.rolf) for move in moves),
        return_exceptions=True,
    )
    assert sum(one is None for one in done) == 1
    assert all(isinstance(one, BadInputError) for one in done if one is not None)
    (event,) = await desk.data("hit:decided")
    (decided,) = await desk.hits.of_turn(desk.rita, hit.turn_id)
    assert decided.standing.disposition is not None
    assert event["disposition"] == decided.standing.disposition.value


async def test_a_turn_is_decided_with_all_its_hits(desk: DeskScene) -> None:
    turn = await desk.ask(f"the token is {TOKEN}", answer=f"so it is {TOKEN}")
    await desk.ask(f"another token is {TOKEN}")
    assert await desk.seal_and_follow() == 3
    assert await desk.hits.take_step_in_turn(desk.rita, turn.id, DECIDE) == 2
    assert len(await hits_of(desk)) == 1
    with pytest.raises(BadInputError):
        await desk.hits.take_step_in_turn(desk.rita, turn.id, DECIDE)
    with pytest.raises(NotFoundError):
        await desk.hits.take_step_in_turn(desk.rita, uuid4(), DECIDE)


async def test_many_hits_take_a_step_together_or_not_at_all(desk: DeskScene) -> None:
    for _ in range(3):
        await desk.ask(f"the token is {TOKEN}")
    await desk.seal_and_follow()
    ids = [hit.event_id for hit in await hits_of(desk)]
    await desk.hits.take_step(desk.rita, ids[:1], DECIDE)
    for wrong, error in ((ids, BadInputError), ([*ids[1:], uuid4()], NotFoundError), ([], BadInputError)):
        with pytest.raises(error):
            await desk.hits.take_step(desk.rita, wrong, DECIDE)
    assert len(await hits_of(desk)) == 2
    assert len(await desk.events("hit:decided")) == 1
    await desk.hits.take_step(desk.rita, ids[1:], DECIDE)
    assert await hits_of(desk) == ()


async def test_a_hit_is_given_to_reviewers_only(desk: DeskScene) -> None:
    hit = await one_hit(desk)
    for assignee in (desk.alma.id, desk.otto.id, uuid4()):
        with pytest.raises(BadInputError):
            await desk.hits.take_step(desk.rita, [hit.event_id], Move(Step.ASSIGN, assignee=assignee))
    await desk.hits.take_step(desk.rita, [hit.event_id], Move(Step.ASSIGN, assignee=desk.rolf.id))
    (mine,) = (await desk.hits.page(desk.rita, HitFilter(assignee=desk.rolf.id))).hits
    assert mine.standing.state is State.IN_REVIEW
    assert (await desk.hits.page(desk.rita, HitFilter(assignee=desk.rita.id))).hits == ()


async def test_notes_pass_the_guard(desk: DeskScene) -> None:
    hit = await one_hit(desk)
    await desk.hits.take_step(desk.rita, [hit.event_id], Move(Step.NOTE, note=f"it was {TOKEN} of {EMAIL}"))
    with pytest.raises(BadInputError):
        await desk.hits.take_step(desk.rita, [hit.event_id], Move(Step.NOTE, note=PEM))
    stored = await desk.everything_at_rest()
    assert "it was" in stored
    assert TOKEN not in stored
    assert EMAIL not in stored


async def test_the_queue_goes_by_keys_and_leaves_none_out(desk: DeskScene) -> None:
    desk.scene.sql(
        "INSERT INTO hit (event_id, turn_id, thread_id, subject, type, rule, severity, occurred_at, due_at)"
        " SELECT gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'turn:guarded',"
        " 'secret/' || mod(n, 3), 3 + mod(n, 2), now(), date_trunc('minute', now()) FROM generate_series(1, 220) n"
    )
    seen: list[UUID] = []
    after = ""
    while True:
        page = await desk.hits.page(desk.rita, after=after)
        seen += [hit.event_id for hit in page.hits]
        await desk.hits.take_step(desk.rita, [page.hits[-1].event_id], DECIDE)  # what is decided moves nothing
        after = page.cursor
        if not after:
            break
    assert len(seen) == len(set(seen)) == 220
    rules = {hit.rule for hit in (await desk.hits.page(desk.rita, HitFilter(rule="secret/1"))).hits}
    assert rules == {"secret/1"}
    assert {hit.severity for hit in (await desk.hits.page(desk.rita, HitFilter(severity=4))).hits} == {4}
    for cursor in ("nonsense", "2026-01-01~x", "~", "2026-01-01T00:00:00+00:00"):
        with pytest.raises(BadInputError):
            await desk.hits.page(desk.rita, after=cursor)
