"""Cases on real tables: opened on turns of others, worked on by several, decided by two where it matters."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest

from assistant.compliance.standing import Disposition, Move, State, Step
from assistant.conversation import Role
from assistant.errors import BadInputError, NotAllowedError, NotFoundError
from policies.guard import Guard
from tests.fakes.turn_parts import make_guard
from tests.integration.conftest import Database
from tests.integration.desk_scene import EMAIL, TOKEN, DeskScene, open_desk, with_roles

pytestmark = pytest.mark.integration

WHY = "addresses of customers do not belong into a prompt"
INCIDENT = Move(Step.DECIDE, Disposition.INCIDENT, note=WHY)


@pytest.fixture(scope="module")
def guard() -> Guard:
    return make_guard()


@pytest.fixture
async def desk(database: Database, guard: Guard, tmp_path: Path) -> AsyncIterator[DeskScene]:
    async with open_desk(database, guard, tmp_path) as desk:
        yield desk


async def state_of(desk: DeskScene, case_id: UUID) -> State:
    return (await desk.cases.case(desk.rolf, case_id)).case.standing.state


async def test_a_case_goes_from_its_opening_to_its_end_and_the_log_has_every_step(desk: DeskScene) -> None:
    first, second = await desk.ask(f"the token is {TOKEN}"), await desk.ask("hello", person=desk.otto)
    await desk.seal_and_follow()
    case_id = await desk.cases.open(desk.rita, "Tokens in prompts", [first.id], "seen in the queue")
    await desk.cases.add_turns(desk.rita, case_id, [second.id, first.id])
    for who, move in (
        (desk.rita, Move(Step.ASSIGN)),
        (desk.rita, Move(Step.ASK, note="asked the team")),
        (desk.rita, Move(Step.NOTE, note="they answered")),
        (desk.rita, INCIDENT),
        (desk.rolf, Move(Step.SEND_BACK, note="which customers?")),
        (desk.rita, INCIDENT),
        (desk.rolf, Move(Step.CONFIRM)),
        (desk.rita, Move(Step.CLOSE)),
        (desk.rolf, Move(Step.REOPEN, note="once more")),
    ):
        await desk.cases.take_step(who, case_id, move)
    found = await desk.cases.case(desk.alma, case_id)
    assert (found.case.number, found.case.title, found.case.turns) == (1, "Tokens in prompts", 2)
    assert {turn.turn_id: turn.subject for turn in found.turns} == {first.id: desk.maria.id, second.id: desk.otto.id}
    assert [entry.step for entry in found.entries] == [
        Step.OPEN,
        Step.ADD_TURNS,
        Step.ASSIGN,
        Step.ASK,
        Step.NOTE,
        Step.DECIDE,
        Step.SEND_BACK,
        Step.DECIDE,
        Step.CONFIRM,
        Step.CLOSE,
        Step.REOPEN,
    ]
    assert found.entries[0].note == "seen in the queue"
    logged = await desk.events(
        "case:opened", "case:changed", "case:decided", "case:closed", "case:reopened", "case:viewed"
    )
    assert [event.type.removeprefix("case:") for event in logged] == [
        "opened",
        *["changed"] * 4,
        "decided",
        "changed",
        "decided",
        "decided",
        "closed",
        "reopened",
        "viewed",
    ]
    assert {str(event.document["data"]["case_id"]) for event in logged} == {str(case_id)}  # type: ignore[index]


async def test_the_gravest_hit_sets_the_clock(desk: DeskScene) -> None:
    grave, mild = await desk.ask(f"the token is {TOKEN}"), await desk.ask("hello")
    await desk.seal_and_follow()
    soon, late = [(await desk.cases.case(desk.rita, await desk.case_on(turn))).case for turn in (grave, mild)]
    assert (soon.due_at - soon.opened_at).days == 2  # three days, less the moments between
    assert soon.due_at < late.due_at


async def test_only_reviewers_work_on_cases_and_only_they_and_approvers_see_them(desk: DeskScene) -> None:
    turn, other = await desk.ask("hello"), await desk.ask("hello")
    case_id = await desk.case_on(turn)
    for role in Role:
        somebody = with_roles(desk.otto, role)
        may_read = role in {Role.REVIEWER, Role.APPROVER}
        for asked, may in (
            (desk.cases.page(somebody), may_read),
            (desk.cases.case(somebody, case_id), may_read),
            (desk.cases.open(somebody, "x", [turn.id]), role is Role.REVIEWER),
            (desk.cases.add_turns(somebody, case_id, [other.id]), role is Role.REVIEWER),
            (desk.cases.take_step(somebody, case_id, Move(Step.NOTE, note="x")), role is Role.REVIEWER),
        ):
            if may:
                await asked
            else:
                with pytest.raises(NotAllowedError):
                    await asked
    assert len(await desk.events("access:refused")) == 4 * 5 + 3


async def test_a_case_about_oneself_does_not_exist(desk: DeskScene) -> None:
    own, other = await desk.ask("hello", person=desk.rita), await desk.ask("hello")
    case_id = await desk.cases.open(desk.rolf, "About Rita", [own.id])
    for asked in (
        desk.cases.case(desk.rita, case_id),
        desk.cases.take_step(desk.rita, case_id, Move(Step.NOTE, note="it was not me")),
        desk.cases.add_turns(desk.rita, case_id, [other.id]),
        desk.cases.open(desk.rita, "x", [own.id]),
        desk.cases.open(desk.rita, "x", [other.id, own.id]),
        desk.cases.case(desk.rita, uuid4()),
    ):
        with pytest.raises(NotFoundError):
            await asked
    assert (await desk.cases.page(desk.rita)).cases == ()
    assert len((await desk.cases.page(desk.rolf)).cases) == 1
    with pytest.raises(BadInputError, match="themselves"):
        await desk.cases.take_step(desk.rolf, case_id, Move(Step.ASSIGN, assignee=desk.rita.id))


async def test_who_gets_into_a_case_loses_it(desk: DeskScene) -> None:
    """A reviewer has a case; then a turn of their own is found to belong to it."""
    own, other = await desk.ask("hello", person=desk.rita), await desk.ask("hello")
    case_id = await desk.case_on(other)
    await desk.cases.take_step(desk.rita, case_id, Move(Step.ASSIGN))
    await desk.cases.add_turns(desk.rolf, case_id, [own.id])
    assert (await desk.cases.case(desk.rolf, case_id)).case.standing.assignee is None
    with pytest.raises(NotFoundError):
        await desk.cases.take_step(desk.rita, case_id, INCIDENT)


async def test_turns_that_never_were_cannot_be_put_into_a_case(desk: DeskScene) -> None:
    turn = await desk.ask("hello")
    for turns, error in (([uuid4()], NotFoundError), ([turn.id, uuid4()], NotFoundError), ([], BadInputError)):
        with pytest.raises(error):
            await desk.cases.open(desk.rita, "x", turns)
    case_id = await desk.case_on(turn)
    with pytest.raises(NotFoundError):
        await desk.cases.add_turns(desk.rita, case_id, [uuid4()])
    assert len(await desk.events("case:opened")) == 1


async def test_the_history_says_nothing_that_did_not_happen(desk: DeskScene) -> None:
    """A form can name any step, and come twice."""
    turn, other = await desk.ask("hello"), await desk.ask("hello")
    case_id = await desk.case_on(turn)
    for step in (Step.OPEN, Step.ADD_TURNS):
        with pytest.raises(BadInputError):
            await desk.cases.take_step(desk.rita, case_id, Move(step))
    await desk.cases.add_turns(desk.rita, case_id, [turn.id, other.id])
    with pytest.raises(BadInputError):
        await desk.cases.add_turns(desk.rita, case_id, [other.id])
    assert [entry.step for entry in (await desk.cases.case(desk.rita, case_id)).entries] == [Step.OPEN, Step.ADD_TURNS]
    (added,) = await desk.data("case:changed")
    assert added["turn_ids"] == [str(other.id)]


async def test_no_turn_is_added_to_what_is_decided(desk: DeskScene) -> None:
    turn, other = await desk.ask("hello"), await desk.ask("hello")
    case_id = await desk.case_on(turn)
    await desk.cases.take_step(desk.rita, case_id, INCIDENT)
    with pytest.raises(BadInputError):
        await desk.cases.add_turns(desk.rita, case_id, [other.id])


async def test_a_grave_decision_needs_another_person_and_one_who_still_may(desk: DeskScene) -> None:
    case_id = await desk.case_on(await desk.ask("hello"))
    await desk.cases.take_step(desk.rita, case_id, INCIDENT)
    for who in (desk.rita, with_roles(desk.rolf, Role.EMPLOYEE), desk.alma):
        with pytest.raises(NotAllowedError):
            await desk.cases.take_step(who, case_id, Move(Step.CONFIRM))
    assert await state_of(desk, case_id) is State.AWAITING_SECOND
    await desk.cases.take_step(desk.rolf, case_id, Move(Step.CONFIRM))
    assert await state_of(desk, case_id) is State.DECIDED
    with pytest.raises(psycopg.errors.CheckViolation):
        desk.scene.sql("UPDATE compliance_case SET decided_by = proposed_by")


async def test_two_at_once_decide_a_case_once(desk: DeskScene) -> None:
    case_id = await desk.case_on(await desk.ask("hello"))
    moves = [Move(Step.DECIDE, one, note=WHY) for one in (Disposition.BENIGN, Disposition.COACHING)] * 3
    done = await asyncio.gather(
        *(desk.cases.take_step(who, case_id, move) for who in (desk.rita, desk.rolf) for move in moves),
        return_exceptions=True,
    )
    assert sum(one is None for one in done) == 1
    assert len(await desk.events("case:decided")) == 1


async def test_texts_of_a_case_pass_the_guard_and_decisions_have_a_reason(desk: DeskScene) -> None:
    turn = await desk.ask("hello")
    case_id = await desk.cases.open(desk.rita, f"About {TOKEN}\nand more", [turn.id], f"of {EMAIL}")
    await desk.cases.take_step(desk.rita, case_id, Move(Step.NOTE, note=f"{TOKEN} {EMAIL} \x00"))
    stored = await desk.everything_at_rest()
    assert TOKEN not in stored
    assert EMAIL not in stored
    for title in ("", "  ", "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n", "x" * 4001):
        with pytest.raises(BadInputError):
            await desk.cases.open(desk.rita, title, [turn.id])
    for step in (Step.DECIDE, Step.NOTE):
        with pytest.raises(BadInputError, match="note"):
            await desk.cases.take_step(desk.rita, case_id, Move(step, Disposition.BENIGN))


async def test_cases_go_by_keys(desk: DeskScene) -> None:
    turn = await desk.ask("hello")
    ids = [await desk.case_on(turn) for _ in range(52)]
    await desk.cases.take_step(desk.rita, ids[0], Move(Step.ASSIGN))
    await desk.cases.take_step(desk.rita, ids[1], Move(Step.DECIDE, Disposition.BENIGN, note=WHY))
    page = await desk.cases.page(desk.rita)
    rest = await desk.cases.page(desk.rita, before=page.cursor)
    assert [case.id for case in (*page.cases, *rest.cases)] == [*reversed(ids[2:]), ids[0]]
    assert rest.cursor == ""
    assert [case.id for case in (await desk.cases.page(desk.rita, is_mine=True)).cases] == [ids[0]]
    assert [case.id for case in (await desk.cases.page(desk.rita, is_open=False)).cases] == [ids[1]]
    for cursor in ("x", "-1", "1e3", "9" * 40):
        with pytest.raises(BadInputError):
            await desk.cases.page(desk.rita, before=cursor)
