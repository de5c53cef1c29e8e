"""Decisions that somebody reads again: drawn by the log, blind, by nobody who decided, saw or is concerned."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from html import unescape
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from psycopg.errors import CheckViolation

from assistant.audit.events import HitDecided
from assistant.audit.reading.decisions import DecisionDraw, decisions_seed, draw_decisions
from assistant.audit.reading.sample import Week
from assistant.compliance.standing import Disposition, Move, Step
from assistant.conversation import Person, Role, Turn, short_reference
from assistant.errors import BadInputError, NotAllowedError, NotFoundError
from policies.guard import Guard
from tests.fakes.turn_parts import make_guard
from tests.integration.conftest import Database
from tests.integration.console_scene import Console, open_console
from tests.integration.desk_scene import REASON, TOKEN, DeskScene, a_week_ago, with_roles

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def guard() -> Guard:
    return make_guard()


@pytest.fixture
async def console(database: Database, guard: Guard, tmp_path: Path) -> AsyncIterator[Console]:
    async with open_console(database, guard, tmp_path, second_look_percent=100) as console:
        yield console


@pytest.fixture
def desk(console: Console) -> DeskScene:
    return console.scene


async def decide(desk: DeskScene, turn: Turn, what: Disposition, by: Person) -> UUID:
    (hit,) = await desk.hits.of_turn(by, turn.id)
    await desk.hits.take_step(by, [hit.event_id], Move(Step.DECIDE, what, note="as it reads"))
    return hit.event_id


async def decided_turns(desk: DeskScene, *whats: Disposition) -> list[Turn]:
    """Turns whose hits Rita decided, last week; Rolf agreed where a second person was needed."""
    turns = [await desk.ask(f"the token is {TOKEN}") for _ in whats]
    await desk.seal_and_follow()
    for turn, what in zip(turns, whats, strict=True):
        hit = await decide(desk, turn, what, desk.rita)
        if what.is_grave:
            await desk.hits.take_step(desk.rolf, [hit], Move(Step.CONFIRM))
    return turns


async def decided_turn(desk: DeskScene, what: Disposition = Disposition.BENIGN) -> Turn:
    (turn,) = await decided_turns(desk, what)
    return turn


async def draw_last_week(desk: DeskScene) -> str:
    await desk.seal()
    week = await a_week_ago(desk)
    await desk.desk.drawing.draw_due(datetime.now(UTC))
    return week


async def drawn(desk: DeskScene, week: str, percent: int) -> DecisionDraw:
    return await draw_decisions(desk.scene.database.audit_reader_url, Week.parse(week), percent)


async def third_reviewer(desk: DeskScene, name: str = "nina") -> Person:
    return await desk.identity.add_person(name, {Role.REVIEWER}, "correct horse battery")


async def test_a_plain_program_draws_the_same_from_the_checkpoint(desk: DeskScene) -> None:
    await decided_turns(desk, *[Disposition.BENIGN] * 7)
    await desk.seal()
    week = await a_week_ago(desk)
    found = await drawn(desk, week, 30)
    seed = sha256(f"cloister second look v1\nweek {week}\n\n{found.checkpoint}".encode()).digest()
    finals = [event.id for event in await desk.events("hit:decided")]
    assert found.seed == seed == decisions_seed(week, found.checkpoint)
    assert found.decisions == len(finals) == 7
    in_order = sorted(finals, key=lambda event: sha256(seed + event.bytes).digest())
    assert [one.event_id for one in found.drawn] == in_order[:3]  # 30 % of seven, rounded up
    assert (await drawn(desk, week, 60)).drawn[:3] == found.drawn
    assert [len((await drawn(desk, week, percent)).drawn) for percent in (1, 100)] == [1, 7]


async def test_only_what_was_final_last_in_that_week_is_drawn(desk: DeskScene) -> None:
    turn = await decided_turn(desk)
    (hit,) = await desk.hits.of_turn(desk.rita, turn.id)
    await desk.hits.take_step(desk.rita, [hit.event_id], Move(Step.REOPEN, note="look again"))
    await decide(desk, turn, Disposition.COACHING, desk.rita)
    waits = await desk.ask(f"the token is {TOKEN}")
    await desk.seal_and_follow()
    await decide(desk, waits, Disposition.VIOLATION, desk.rita)  # nobody agreed yet
    forged = {"turn_id": turn.id, "hit_id": uuid4(), "finding_rule": "x/y", "is_final": True}
    for about, actor, what in (
        (desk.rita.id, desk.rita.id, "benign"),  # about whoever decided: the table would not take it
        (desk.maria.id, desk.rolf.id, "no-such-word"),
    ):
        await desk.audit.append(
            HitDecided(actor=actor, about=about, disposition=what, proposed_by=actor, **forged)  # type: ignore[arg-type]
        )
    await draw_last_week(desk)
    (look,) = (await desk.desk.looks.page(desk.rolf)).mine
    assert look.turn_id == turn.id
    assert desk.scene.sql("SELECT first_disposition FROM second_look") == [("coaching",)]


async def test_a_week_is_drawn_once_and_the_log_says_how(desk: DeskScene) -> None:
    await decided_turn(desk)
    await desk.seal()
    week = await a_week_ago(desk)
    now = datetime.now(UTC)
    counts = await asyncio.gather(*(desk.desk.drawing.draw_due(now) for _ in range(3)))
    assert sorted(counts) == [0, 0, 1]
    assert await desk.desk.drawing.draw_due(now) == 0
    (event,) = [one for one in await desk.data("second-look:drawn") if one["week"] == week]
    again = await drawn(desk, week, event["percent"])
    assert (again.seed.hex(), again.batch, again.decisions) == (event["seed"], event["batch"], event["decisions"])
    assert [one.hit_id for one in again.drawn] == [row[0] for row in desk.scene.sql("SELECT hit_id FROM second_look")]


async def test_who_decided_agreed_or_is_concerned_does_not_read_it_again(desk: DeskScene) -> None:
    nina = await third_reviewer(desk)
    await decided_turn(desk, Disposition.VIOLATION)
    await draw_last_week(desk)
    looks = desk.desk.looks
    (look,) = (await looks.page(nina)).mine
    concerned = with_roles(desk.maria, Role.REVIEWER)
    for who in (desk.rita, desk.rolf, concerned):
        page = await looks.page(who)
        assert (page.mine, page.for_others) == ([], 1)
        with pytest.raises(NotFoundError):
            await looks.judge(who, look.decision_id, Disposition.BENIGN)
        with pytest.raises(CheckViolation):  # the table refuses, too
            desk.scene.sql(
                f"UPDATE second_look SET disposition = 'benign', judged_at = now(), judged_by = '{who.id}' RETURNING 1"  # noqa: S608
            )
    for role in set(Role) - {Role.REVIEWER}:
        with pytest.raises(NotAllowedError):
            await looks.judge(with_roles(nina, role), look.decision_id, Disposition.BENIGN)
    assert await desk.events("second-look:judged") == []
    await looks.judge(nina, look.decision_id, Disposition.BENIGN)
    with pytest.raises(BadInputError, match="before"):
        await looks.judge(await third_reviewer(desk, "nils"), look.decision_id, Disposition.BENIGN)


async def test_whoever_opened_the_turn_since_it_was_decided_does_not_read_it_again(console: Console) -> None:
    desk = console.scene
    await third_reviewer(desk)
    turn = await decided_turn(desk, Disposition.COACHING)
    page = await console.get("rolf", f"/console/turn/{turn.id}")
    assert "coaching" in page  # nothing is drawn yet, so he is shown it
    await draw_last_week(desk)
    (row,) = desk.scene.sql("SELECT decision_id FROM second_look")
    assert "Nothing waits for you" in await console.get("rolf", "/console/second-looks")
    await console.post("rolf", f"/console/second-look/{row[0]}", status=404, disposition="coaching")
    assert short_reference(turn.id) in await console.get("nina", "/console/second-looks")
    await console.get("nina", f"/console/turn/{turn.id}")  # once it is drawn, opening it shows nothing
    await console.post("nina", f"/console/second-look/{row[0]}", disposition="coaching")


async def test_no_page_tells_the_second_reader_what_was_decided(console: Console) -> None:
    desk = console.scene
    await third_reviewer(desk)
    turn = await decided_turn(desk, Disposition.INCIDENT)
    waits = await desk.ask(f"the token is {TOKEN}")
    await desk.seal_and_follow()
    await decide(desk, waits, Disposition.INCIDENT, desk.rita)
    await draw_last_week(desk)
    (row,) = desk.scene.sql("SELECT decision_id FROM second_look")
    one = f"/console/turn/{turn.id}"
    for path in (
        "/console/second-looks",
        "/console/hits",
        "/console/hits?show=second",
        "/console/queue",
        "/console/search?type=hit%3Adecided",
        "/console/charts",
    ):
        page = await console.get("nina", path)
        assert "incident" not in page.lower(), path
    page = await console.get("nina", one)
    assert "What they decided is not shown" in page
    assert page.lower().count("incident") == 2  # one of five to choose from: its value and its word
    assert await desk.data("review:viewed")
    assert "turn-blind" in {event["view"] for event in await desk.data("review:viewed")}
    await console.post("nina", f"/console/second-look/{row[0]}", status=400, disposition="nonsense")
    await console.post("nina", f"/console/second-look/{row[0]}", disposition="benign")
    assert "decided</span>: incident" in await console.get("nina", one)
    assert "an approver looks at it" in await console.get("nina", "/console/second-looks")
    assert "decided</span>: incident" in await console.get("rolf", one)  # he agreed to it


async def test_a_difference_goes_to_an_approver_who_had_no_part_in_it(console: Console) -> None:
    desk = console.scene
    turn = await decided_turn(desk)
    await draw_last_week(desk)
    looks = desk.desk.looks
    (look,) = (await looks.page(desk.rolf)).mine
    with pytest.raises(NotFoundError):
        await looks.settle(desk.alma, look.decision_id, Disposition.BENIGN, REASON)
    await console.post("rolf", f"/console/second-look/{look.decision_id}", disposition="violation")
    for who in (desk.rita, desk.rolf, desk.maria):
        both = replace(who, roles=frozenset({Role.REVIEWER, Role.APPROVER}))
        assert list((await looks.page(both)).differing) == []
        with pytest.raises(NotFoundError):
            await looks.settle(both, look.decision_id, Disposition.BENIGN, REASON)
        with pytest.raises(CheckViolation):
            desk.scene.sql(
                f"UPDATE second_look SET settled_as = 'benign', settle_note = 'x', settled_by = '{who.id}' RETURNING 1"  # noqa: S608
            )
    assert short_reference(turn.id) in await console.get("alma", "/console/second-looks")
    settle = f"/console/second-look/{look.decision_id}/settle"
    await console.post("rolf", settle, status=403, disposition="benign", note=REASON)
    await console.post("alma", settle, status=400, disposition="benign", note="short")
    await console.post("alma", settle, disposition="violation", note=f"{REASON} {TOKEN}")
    await console.post("arno", settle, status=400, disposition="benign", note=REASON)
    (event,) = await desk.events("second-look:settled")
    assert event.actor == desk.alma.id
    assert TOKEN not in await desk.everything_at_rest()
    assert "No two readers differ" in await console.get("alma", "/console/second-looks")
    assert "said alma" in await console.get("rolf", "/console/second-looks")


async def test_the_charts_say_how_far_two_readers_agree(console: Console) -> None:
    desk = console.scene
    await decided_turns(desk, *[Disposition.BENIGN, Disposition.FALSE_POSITIVE] * 6)
    await draw_last_week(desk)
    said = {row[0]: row[1] for row in desk.scene.sql("SELECT decision_id, first_disposition FROM second_look")}
    assert "Nothing was read twice" in await console.get("rita", "/console/charts")
    for number, (decision, first) in enumerate(sorted(said.items())):
        second = Disposition(first) if number else Disposition.COACHING
        await desk.desk.looks.judge(desk.rolf, decision, second)
    page = await console.get("rita", "/console/charts")
    assert "11 of 12" not in page
    assert "92 %" in page  # eleven of twelve
    assert "0.85" in page
    assert "They mostly judge alike" in page
    assert "<code>secret</code>" in page


async def test_nothing_is_drawn_where_the_site_wants_none(database: Database, guard: Guard, tmp_path: Path) -> None:
    async with open_console(database, guard, tmp_path, second_look_percent=0) as console:
        await decided_turn(console.scene)
        await draw_last_week(console.scene)
        assert console.scene.scene.sql("SELECT count(*) FROM second_look_draw") == [(0,)]
        assert "Nothing waits" in await console.get("rolf", "/console/second-looks")


def add_looks(desk: DeskScene, week: str, count: int) -> None:
    """Decided hits to read again, each tenth decided by Rolf; the latter half read by Nina, who differs."""
    desk.scene.sql("INSERT INTO second_look_draw VALUES (%s, 100, %s, 0, 'x')", week, 2 * count)
    desk.scene.sql(
        "INSERT INTO second_look (decision_id, week, place, hit_id, turn_id, subject, rule, first_disposition,"
        " first_by, disposition, judged_by, judged_at) SELECT uuidv7(), %s, n, uuidv7(), uuidv7(), uuidv7(), 'x/y',"
        " 'benign',"
        " CASE WHEN n %% 10 = 0 THEN %s ELSE %s END,"
        " CASE WHEN n >= %s THEN 'violation' END, CASE WHEN n >= %s THEN %s::uuid END,"
        " CASE WHEN n >= %s THEN '2026-11-01 12:00Z'::timestamptz + (n / 3) * interval '1 minute' END"
        " FROM generate_series(0, %s) n",
        week, desk.rolf.id, desk.rita.id, count, count, uuid4(), count, 2 * count - 1,
    )  # fmt: skip


async def test_every_look_is_reached_page_by_page(desk: DeskScene) -> None:
    for week in ("2026-W10", "2026-W11"):
        add_looks(desk, week, 120)
    looks, mine, differing = desk.desk.looks, list[UUID](), list[UUID]()
    page = await looks.page(desk.rolf)
    assert (page.for_others, len(page.mine)) == (24, 50)
    while True:
        mine += [look.decision_id for look in page.mine]
        if not page.more:
            break
        page = await looks.page(desk.rolf, after=page.more)
    open_ones = "SELECT decision_id FROM second_look WHERE judged_by IS NULL AND first_by <> %s ORDER BY week, place"
    assert [(each,) for each in mine] == desk.scene.sql(open_ones, desk.rolf.id)
    page = await looks.page(desk.alma)
    while True:
        differing += [one.look.decision_id for one in page.differing]
        if not page.more_differing:
            break
        page = await looks.page(desk.alma, differing_after=page.more_differing)
    wanted = "SELECT decision_id FROM second_look WHERE judged_by IS NOT NULL ORDER BY judged_at, decision_id"
    assert [(each,) for each in differing] == desk.scene.sql(wanted)  # of equal moments, too


async def test_the_page_leads_on_to_what_comes_after_the_first_fifty(console: Console) -> None:
    add_looks(console.scene, "2026-W10", 60)
    page = await console.get("rolf", "/console/second-looks")
    (more,) = re.findall(r'rel="next" href="([^"]+)"', page)
    assert page.count("#second-look") == 50
    page = await console.get("rolf", unescape(more))
    assert page.count("#second-look") == 4
    assert 'rel="next"' not in page
    assert 'href="/console/second-looks">Oldest' in page
    for odd in ("x", "2026-W10~", "2026-W99~1", "2026-W10~1~2", "2026-W10~9999999999", "2026-W10~²"):
        await console.get("rolf", f"/console/second-looks?after={odd}", status=400)
    await console.get("alma", "/console/second-looks?differing=x", status=400)
