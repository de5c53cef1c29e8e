"""Unmasking on real tables, from the attacker's side: nobody alone, twice, late, or about themselves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest

from assistant.compliance.grants import GrantState
from assistant.compliance.standing import Disposition, Move, Step
from assistant.compliance.unmask import Asked
from assistant.conversation import Role, Turn
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


async def wish(desk: DeskScene, *turns: Turn, **changes: object) -> Asked:
    case_id = await desk.case_on(*turns)
    asked = Asked(case_id, [turn.id for turn in turns], REASON, 30, shows_names=True, shows_values=True)
    return replace(asked, **changes)  # type: ignore[arg-type] - a table of changes


async def granted(desk: DeskScene, *turns: Turn) -> UUID:
    grant_id = await desk.unmasking.request(desk.rita, await wish(desk, *turns))
    await desk.unmasking.approve(desk.alma, grant_id)
    return grant_id


def age(desk: DeskScene, minutes: int) -> None:
    desk.scene.sql(
        "UPDATE unmask SET requested_at = requested_at - make_interval(mins => %s),"
        " granted_at = granted_at - make_interval(mins => %s), expires_at = expires_at - make_interval(mins => %s)",
        *[minutes] * 3,
    )


async def test_with_a_second_person_the_values_and_the_name_are_seen_and_what_was_redacted_is_gone(
    desk: DeskScene,
) -> None:
    turn = await desk.ask(f"write to {EMAIL} about {TOKEN}", answer="Dear [EMAIL_1], hello.")
    grant_id = await granted(desk, turn)
    view = await desk.unmasking.view(desk.rita, grant_id)
    assert view.names == {desk.maria.id: "maria"}
    (behind,) = view.turns
    assert set(behind.values.values()) == {EMAIL}
    assert len(behind.texts) == 2
    assert all(EMAIL not in text.text and TOKEN not in text.text for text in behind.texts)
    assert TOKEN not in str(view)
    assert str(view.watermark).startswith("rita · 20")
    assert (view.grant.views, (await desk.unmasking.view(desk.rita, grant_id)).grant.views) == (0, 1)
    assert [event["view"] for event in await desk.data("unmask:viewed")] == [1, 2]
    stored = await desk.everything_at_rest()
    assert EMAIL not in stored
    assert TOKEN not in stored


async def test_only_what_was_granted_is_shown(desk: DeskScene) -> None:
    turn, other = await desk.ask(f"write to {EMAIL}"), await desk.ask(f"write to a{EMAIL}", person=desk.otto)
    for names, values in ((True, False), (False, True)):
        asked = replace(await wish(desk, turn, other), turns=[turn.id], shows_names=names, shows_values=values)
        grant_id = await desk.unmasking.request(desk.rita, asked)
        await desk.unmasking.approve(desk.alma, grant_id)
        view = await desk.unmasking.view(desk.rita, grant_id)
        assert set(view.names) == ({desk.maria.id} if names else set())
        assert [behind.turn_id for behind in view.turns] == ([turn.id] if values else [])


async def test_nothing_is_seen_before_somebody_else_approved(desk: DeskScene) -> None:
    grant_id = await desk.unmasking.request(desk.rita, await wish(desk, await desk.ask(f"write to {EMAIL}")))
    with pytest.raises(NotAllowedError, match="Nobody approved"):
        await desk.unmasking.view(desk.rita, grant_id)
    for who in (desk.rita, desk.rolf, desk.maria, with_roles(desk.alma, Role.ADMINISTRATOR)):
        with pytest.raises(NotAllowedError):
            await desk.unmasking.approve(who, grant_id)
    both = with_roles(desk.rita, Role.REVIEWER, Role.APPROVER)
    for answer in (desk.unmasking.approve, desk.unmasking.deny):
        with pytest.raises(NotAllowedError, match="your own"):
            await answer(both, grant_id)
    assert await desk.events("unmask:viewed", "unmask:approved") == []
    with pytest.raises(psycopg.errors.CheckViolation):
        desk.scene.sql("UPDATE unmask SET state = 'granted', answered_by = requested_by")
    with pytest.raises(psycopg.errors.CheckViolation):
        desk.scene.sql("UPDATE unmask SET state = 'granted'")


async def test_nobody_else_looks_at_a_grant(desk: DeskScene) -> None:
    grant_id = await granted(desk, await desk.ask(f"write to {EMAIL}"))
    with pytest.raises(NotFoundError):
        await desk.unmasking.view(desk.rolf, grant_id)
    for who in (desk.alma, desk.maria, with_roles(desk.rita, Role.EMPLOYEE), with_roles(desk.rita, Role.ADMINISTRATOR)):
        with pytest.raises(NotAllowedError):
            await desk.unmasking.view(who, grant_id)
    with pytest.raises(NotFoundError):
        await desk.unmasking.view(desk.rita, uuid4())
    assert await desk.events("unmask:viewed") == []


async def test_it_ends_by_the_clock_of_the_database_whether_or_not_anybody_noted_it(desk: DeskScene) -> None:
    grant_id = await granted(desk, await desk.ask(f"write to {EMAIL}"))
    age(desk, 29)
    await desk.unmasking.view(desk.rita, grant_id)
    age(desk, 1)
    for _ in range(2):
        with pytest.raises(NotAllowedError, match="over"):
            await desk.unmasking.view(desk.rita, grant_id)
        await desk.unmasking.expire()
    (expired,) = await desk.data("unmask:expired")
    assert expired["views"] == 1
    grant, _ = await desk.unmasking.grant(desk.rita, grant_id)
    assert grant.state is GrantState.EXPIRED
    with pytest.raises(BadInputError):
        await desk.unmasking.approve(desk.arno, grant_id)


async def test_a_request_that_nobody_answered_within_a_week_is_over(desk: DeskScene) -> None:
    grant_id = await desk.unmasking.request(desk.rita, await wish(desk, await desk.ask("hello")))
    age(desk, 7 * 24 * 60 + 1)
    for answer in (desk.unmasking.approve, desk.unmasking.deny):
        with pytest.raises(BadInputError):
            await answer(desk.alma, grant_id)
    assert await desk.unmasking.open_requests(desk.alma) == ()
    assert await desk.unmasking.expire() == 1


async def test_of_several_answers_the_first_one_counts(desk: DeskScene) -> None:
    grant_id = await desk.unmasking.request(desk.rita, await wish(desk, await desk.ask("hello")))
    done = await asyncio.gather(
        *(
            answer(who, grant_id)
            for who in (desk.alma, desk.arno)
            for answer in (desk.unmasking.approve, desk.unmasking.deny, desk.unmasking.approve)
        ),
        return_exceptions=True,
    )
    assert sum(one is None for one in done) == 1
    assert all(isinstance(one, BadInputError) for one in done if one is not None)
    assert len(await desk.events("unmask:approved", "unmask:denied")) == 1


async def test_an_answer_cannot_be_taken_again(desk: DeskScene) -> None:
    grant_id = await desk.unmasking.request(desk.rita, await wish(desk, await desk.ask("hello")))
    await desk.unmasking.deny(desk.alma, grant_id, "not needed for this case")
    for answer in (desk.unmasking.approve, desk.unmasking.deny):
        with pytest.raises(BadInputError):
            await answer(desk.arno, grant_id)
    with pytest.raises(NotAllowedError, match="denied"):
        await desk.unmasking.view(desk.rita, grant_id)


async def test_approving_twice_gives_no_second_hour(desk: DeskScene) -> None:
    grant_id = await granted(desk, await desk.ask("hello"))
    before, _ = await desk.unmasking.grant(desk.rita, grant_id)
    with pytest.raises(BadInputError):
        await desk.unmasking.approve(desk.arno, grant_id)
    after, _ = await desk.unmasking.grant(desk.rita, grant_id)
    assert before.expires_at == after.expires_at


async def test_nobody_unmasks_approves_or_puts_off_anything_about_themselves(desk: DeskScene) -> None:
    own = await desk.ask(f"write to {EMAIL}", person=desk.alma)
    grant_id = await desk.unmasking.request(desk.rita, await wish(desk, own))
    for asked in (
        desk.unmasking.approve(desk.alma, grant_id),
        desk.unmasking.deny(desk.alma, grant_id),
        desk.unmasking.grant(desk.alma, grant_id),
        desk.unmasking.delay_notice(desk.alma, grant_id, desk.alma.id, REASON),
    ):
        with pytest.raises(NotFoundError):
            await asked
    assert await desk.unmasking.open_requests(desk.alma) == ()
    await desk.unmasking.approve(desk.arno, grant_id)
    reviewers = await desk.ask("hello", person=desk.rita)
    case_id = await desk.cases.open(desk.rolf, "About Rita", [reviewers.id])
    with pytest.raises(NotFoundError):
        await desk.unmasking.request(desk.rita, Asked(case_id, [reviewers.id], REASON, 30, shows_names=True))
    with pytest.raises(psycopg.errors.CheckViolation):
        desk.scene.sql("UPDATE unmask SET answered_by = subjects[1]")


async def test_a_grant_ends_when_the_asker_gets_into_the_case_or_the_case_is_decided(desk: DeskScene) -> None:
    turn, own = await desk.ask(f"write to {EMAIL}"), await desk.ask("hello", person=desk.rita)
    grant_id = await granted(desk, turn)
    grant, _ = await desk.unmasking.grant(desk.rita, grant_id)
    move = Move(Step.DECIDE, Disposition.BENIGN, note=REASON)
    await desk.cases.take_step(desk.rolf, grant.case_id, move)
    with pytest.raises(NotAllowedError, match="decided"):
        await desk.unmasking.view(desk.rita, grant_id)
    await desk.cases.take_step(desk.rolf, grant.case_id, Move(Step.REOPEN, note="once more"))
    await desk.unmasking.view(desk.rita, grant_id)
    await desk.cases.add_turns(desk.rolf, grant.case_id, [own.id])
    with pytest.raises(NotFoundError):
        await desk.unmasking.view(desk.rita, grant_id)


async def test_what_is_asked_for_has_its_limits(desk: DeskScene) -> None:
    turn, elsewhere = await desk.ask("hello"), await desk.ask("hello")
    asked = await wish(desk, turn)
    pem = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n"
    for wrong in (
        {"reason": "too short"},
        {"reason": "a" + " " * 30 + "b"},
        {"reason": "x" * 4001},
        {"reason": REASON + pem},
        {"minutes": 0},
        {"minutes": 61},
        {"turns": []},
        {"turns": [elsewhere.id]},
        {"turns": [uuid4() for _ in range(51)]},
        {"shows_names": False, "shows_values": False},
    ):
        for ask in (desk.unmasking.request, desk.unmasking.force):
            with pytest.raises(BadInputError):
                await ask(desk.rita, replace(asked, **wrong))  # type: ignore[arg-type] - a table of changes
    with pytest.raises(NotFoundError):
        await desk.unmasking.request(desk.rita, replace(asked, case_id=uuid4()))
    await desk.cases.take_step(desk.rita, asked.case_id, Move(Step.DECIDE, Disposition.BENIGN, note=REASON))
    with pytest.raises(BadInputError, match="decided"):
        await desk.unmasking.request(desk.rita, asked)
    assert await desk.events("unmask:requested", "unmask:forced") == []


async def test_a_secret_in_a_reason_is_not_kept(desk: DeskScene) -> None:
    asked = await wish(desk, await desk.ask("hello"), reason=f"{REASON} It was {TOKEN} and {EMAIL}.")
    grant_id = await desk.unmasking.request(desk.rita, asked)
    await desk.unmasking.deny(desk.alma, grant_id, f"no: {TOKEN}")
    stored = await desk.everything_at_rest()
    assert TOKEN not in stored
    assert EMAIL not in stored


async def test_nothing_is_opened_when_the_log_cannot_be_written(desk: DeskScene) -> None:
    grant_id = await granted(desk, await desk.ask(f"write to {EMAIL}"))
    await desk.audit.close()
    with pytest.raises(UnavailableError):
        await desk.unmasking.view(desk.rita, grant_id)
    assert desk.scene.sql("SELECT views FROM unmask") == [(0,)]


async def test_a_deleted_conversation_shows_nothing_and_a_changed_one_is_not_opened(desk: DeskScene) -> None:
    gone, changed = await desk.ask(f"write to {EMAIL}"), await desk.ask(f"write to {EMAIL}")
    grants = [await granted(desk, turn) for turn in (gone, changed)]
    await desk.scene.history.delete_thread(desk.maria, gone.thread_id)
    (behind,) = (await desk.unmasking.view(desk.rita, grants[0])).turns
    assert (behind.texts, behind.values) == ((), {})
    desk.scene.sql("UPDATE pseudonyms SET sealed = decode('00', 'hex') || sealed")
    with pytest.raises(UnavailableError):
        await desk.unmasking.view(desk.rita, grants[1])


async def test_in_an_emergency_one_person_sees_and_everybody_sees_that(desk: DeskScene) -> None:
    turn = await desk.ask(f"write to {EMAIL}")
    grant_id = await desk.unmasking.force(desk.rita, await wish(desk, turn))
    view = await desk.unmasking.view(desk.rita, grant_id)
    assert set(view.turns[0].values.values()) == {EMAIL}
    for who in (desk.rita, desk.rolf, desk.alma, desk.arno):
        assert [one.id for one in await desk.unmasking.emergencies(who)] == [grant_id]
    for who in (desk.rolf, with_roles(desk.rita, Role.APPROVER, Role.REVIEWER)):
        with pytest.raises(NotAllowedError):
            await desk.unmasking.review(who, grant_id, REASON, is_justified=True)
    with pytest.raises(BadInputError):
        await desk.unmasking.review(desk.alma, grant_id, "ok", is_justified=True)
    done = await asyncio.gather(
        *(desk.unmasking.review(who, grant_id, REASON, is_justified=False) for who in (desk.alma, desk.arno)),
        return_exceptions=True,
    )
    assert sum(one is None for one in done) == 1
    assert await desk.unmasking.emergencies(desk.rolf) == ()
    (reviewed,) = await desk.data("unmask:reviewed")
    assert (reviewed["is_justified"], reviewed["forced_by"]) == (False, str(desk.rita.id))


async def test_a_second_emergency_waits_until_the_first_was_looked_at(desk: DeskScene) -> None:
    asked = await wish(desk, await desk.ask("hello"))
    done = await asyncio.gather(*(desk.unmasking.force(desk.rita, asked) for _ in range(4)), return_exceptions=True)
    (grant_id,) = [one for one in done if isinstance(one, UUID)]
    assert all(isinstance(one, NotAllowedError) for one in done if not isinstance(one, UUID))
    assert len(await desk.events("unmask:forced")) == 1
    await desk.unmasking.force(desk.rolf, asked)
    await desk.unmasking.review(desk.alma, grant_id, REASON, is_justified=True)
    await desk.unmasking.force(desk.rita, asked)


async def test_who_is_no_reviewer_forces_nothing(desk: DeskScene) -> None:
    asked = await wish(desk, await desk.ask("hello"))
    for role in set(Role) - {Role.REVIEWER}:
        for ask in (desk.unmasking.request, desk.unmasking.force):
            with pytest.raises(NotAllowedError):
                await ask(with_roles(desk.rolf, role), asked)
    assert desk.scene.sql("SELECT * FROM unmask") == []


async def test_the_employee_is_told_after_some_days_and_not_before(desk: DeskScene) -> None:
    turn = await desk.ask(f"write to {EMAIL}")
    grant_id = await granted(desk, turn)
    await desk.unmasking.view(desk.rita, grant_id)
    assert await desk.unmasking.notices(desk.maria) == ()
    desk.scene.sql("UPDATE unmask_notice SET due_at = due_at - interval '30 days 1 second'")
    (notice,) = await desk.unmasking.notices(desk.maria)
    assert (notice.grant.requested_by, notice.grant.answered_by) == (desk.rita.id, desk.alma.id)
    assert (notice.grant.reason, notice.grant.views) == (REASON, 1)
    assert await desk.unmasking.notices(desk.otto) == ()


async def test_a_notice_is_put_off_once_with_a_reason_by_somebody_who_did_not_ask(desk: DeskScene) -> None:
    grant_id = await granted(desk, await desk.ask("hello"), await desk.ask("hello", person=desk.otto))
    who, maria = with_roles(desk.rita, Role.APPROVER, Role.REVIEWER), desk.maria.id
    for person, reason, error in (
        (desk.rolf, REASON, NotAllowedError),
        (who, REASON, NotAllowedError),
        (desk.alma, "later", BadInputError),
    ):
        with pytest.raises(error):
            await desk.unmasking.delay_notice(person, grant_id, maria, reason)
    done = await asyncio.gather(
        *(desk.unmasking.delay_notice(one, grant_id, maria, REASON) for one in (desk.alma, desk.arno) * 2),
        return_exceptions=True,
    )
    assert sum(one is None for one in done) == 1
    _, notices = await desk.unmasking.grant(desk.rita, grant_id)
    days = {notice.subject: (notice.due_at - notice.grant.granted_at).days for notice in notices}  # type: ignore[operator]
    assert days == {maria: 60, desk.otto.id: 30}
    (delayed,) = await desk.data("notice:delayed")
    assert (delayed["about"], delayed["days"]) == (str(maria), 30)
    desk.scene.sql("UPDATE unmask_notice SET due_at = now()")
    with pytest.raises(BadInputError):
        await desk.unmasking.delay_notice(desk.alma, grant_id, desk.otto.id, REASON)


async def test_an_approver_is_asked_only_for_what_others_did(desk: DeskScene) -> None:
    """The list of what waits shows reason and scope, and nothing that it would open."""
    turn = await desk.ask(f"write to {EMAIL}")
    grant_id = await desk.unmasking.request(desk.rita, await wish(desk, turn))
    (waiting,) = await desk.unmasking.open_requests(desk.alma)
    assert (waiting.id, waiting.reason, waiting.turns) == (grant_id, REASON, (turn.id,))
    assert [one.id for one in await desk.unmasking.of_case(desk.alma, waiting.case_id)] == [grant_id]
    for who in (desk.maria, with_roles(desk.otto, Role.ADMINISTRATOR)):
        for asked in (
            desk.unmasking.open_requests(who),
            desk.unmasking.grant(who, grant_id),
            desk.unmasking.of_case(who, waiting.case_id),
            desk.unmasking.emergencies(who),
        ):
            with pytest.raises(NotAllowedError):
                await asked


async def test_a_request_of_a_case_about_an_approver_is_not_theirs_to_answer(desk: DeskScene) -> None:
    turn, of_alma = await desk.ask(f"write to {EMAIL}"), await desk.ask("hello", person=desk.alma)
    asked = replace(await wish(desk, turn, of_alma), turns=[turn.id])
    grant_id = await desk.unmasking.request(desk.rita, asked)
    assert await desk.unmasking.open_requests(desk.alma) == ()
    for step in (
        desk.unmasking.grant(desk.alma, grant_id),
        desk.unmasking.approve(desk.alma, grant_id),
        desk.unmasking.deny(desk.alma, grant_id),
        desk.unmasking.delay_notice(desk.alma, grant_id, turn.person.id, REASON),
    ):
        with pytest.raises(NotFoundError):
            await step
    await desk.unmasking.approve(desk.arno, grant_id)


async def test_an_emergency_is_not_hidden_from_approvers_by_putting_them_into_the_case(desk: DeskScene) -> None:
    turn = await desk.ask(f"write to {EMAIL}")
    grant_id = await desk.unmasking.force(desk.rita, asked := await wish(desk, turn))
    await desk.cases.add_turns(desk.rita, asked.case_id, [(await desk.ask("hello", person=desk.alma)).id])
    assert [one.id for one in await desk.unmasking.emergencies(desk.alma)] == [grant_id]
    await desk.unmasking.review(desk.alma, grant_id, REASON, is_justified=False)
