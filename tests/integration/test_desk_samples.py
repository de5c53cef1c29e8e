"""Samples from a sealed log: the same for everybody, from the week that was asked for, judged by others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from assistant.audit.reading.sample import Population, Sample, Week, draw, leaves_from, seed_of
from assistant.compliance.sampling import SampleDesk
from assistant.compliance.standing import Disposition
from assistant.conversation import Role
from assistant.errors import BadInputError, NotAllowedError, NotFoundError
from policies.guard import Guard
from tests.fakes.turn_parts import make_guard
from tests.integration.conftest import Database
from tests.integration.desk_scene import EMAIL, REASON, TOKEN, DeskScene, a_week_ago, open_desk, with_roles
from tests.integration.seal_scene import SealedLog

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def guard() -> Guard:
    return make_guard()


@pytest.fixture
async def desk(database: Database, guard: Guard, tmp_path: Path) -> AsyncIterator[DeskScene]:
    async with open_desk(database, guard, tmp_path) as desk:
        yield desk


@pytest.fixture
def samples(desk: DeskScene) -> SampleDesk:
    return desk.desk.samples


def in_tree_order(desk: DeskScene) -> list[tuple[UUID, str, int | None]]:
    """Every event as one writer wrote them; batch after batch is then the order of transactions."""
    return desk.scene.sql("SELECT id, type, severity FROM audit.event ORDER BY era, xid, id")  # type: ignore[return-value]


async def drawn(desk: DeskScene, week: str, wanted: int, population: Population = Population.TURNS) -> Sample:
    return await draw(desk.scene.database.audit_reader_url, Week.parse(week), population, wanted)


async def test_the_sample_is_what_a_plain_program_draws_from_the_checkpoint(desk: DeskScene) -> None:
    for number in range(12):
        await desk.ask(f"the token is {TOKEN}" if number % 3 else "hello")
        if number % 2:
            await desk.seal()
    week = await a_week_ago(desk)
    events = in_tree_order(desk)
    for population in Population:
        sample = await drawn(desk, week, 5, population)
        wanted = {
            number
            for number, (_, kind, severity) in enumerate(events)
            if (kind == "turn:accepted" if population is Population.TURNS else (severity or 0) >= 3)
        }
        size = int(sample.checkpoint.splitlines()[1])
        order = [leaf for leaf in leaves_from(seed_of(week, population, sample.checkpoint), 0, size) if leaf in wanted]
        assert [one.leaf for one in sample.drawn] == order[:5]
        assert [one.event_id for one in sample.drawn] == [events[leaf][0] for leaf in order[:5]]


async def test_a_larger_sample_begins_with_the_smaller_one_and_a_small_week_is_taken_whole(desk: DeskScene) -> None:
    for _ in range(6):
        await desk.ask("hello")
    await desk.seal()
    week = await a_week_ago(desk)
    small, large, all_of_it = [await drawn(desk, week, wanted) for wanted in (2, 4, 500)]
    assert large.drawn[:2] == small.drawn
    assert all_of_it.drawn[:4] == large.drawn
    assert len({one.turn_id for one in all_of_it.drawn}) == 7  # six, and the one that the closing head has


async def test_weeks_share_no_event_and_leave_none_out(desk: DeskScene) -> None:
    for _ in range(3):
        await desk.ask("hello")
        await desk.seal()
    earlier = await a_week_ago(desk)
    for _ in range(3):
        await desk.ask("hello")
        await desk.seal()
    later = await a_week_ago(desk)
    monday = Week.parse(earlier).start - timedelta(days=7)  # it was set back once more
    ones, others = await drawn(desk, f"{monday:%G-W%V}", 100), await drawn(desk, later, 100)
    assert (ones.first_leaf, ones.end_leaf, others.first_leaf) == (0, others.first_leaf, ones.end_leaf)
    assert others.end_leaf == len(in_tree_order(desk))
    assert not {one.event_id for one in ones.drawn} & {one.event_id for one in others.drawn}
    assert len(ones.drawn) + len(others.drawn) == 3 + 3 + 2


async def test_a_dropped_event_moves_no_leaf_and_its_sample_is_refused(desk: DeskScene) -> None:
    for _ in range(4):
        await desk.ask("hello")
    await desk.seal()
    week = await a_week_ago(desk)
    before = await drawn(desk, week, 500)
    gone = before.drawn[-1]
    drop = f"WITH gone AS (DELETE FROM audit.event WHERE id = '{gone.event_id}' RETURNING *)"  # noqa: S608
    SealedLog(desk.scene.database, desk.seal_keys).execute(
        f"{drop} INSERT INTO audit.stub SELECT id, era, xid, recorded_at, leaf FROM gone"  # noqa: S608
    )
    assert (await drawn(desk, week, len(before.drawn) - 1)).drawn == before.drawn[:-1]
    with pytest.raises(NotFoundError, match="dropped"):
        await drawn(desk, week, 500)


async def test_a_week_that_is_not_over_has_no_seed(desk: DeskScene, samples: SampleDesk) -> None:
    await desk.ask("hello")
    await desk.seal()
    (now,) = desk.scene.sql("SELECT to_char(now() AT TIME ZONE 'UTC', 'IYYY-\"W\"IW')")
    for week in (str(now[0]), "2199-W01", "2001-W01x"):
        with pytest.raises(BadInputError):
            await samples.draw(desk.rita, week, Population.TURNS, 5)
    for wanted in (0, -1, 501):
        with pytest.raises(BadInputError):
            await samples.draw(desk.rita, await a_week_ago(desk), Population.TURNS, wanted)
    assert await desk.events("review:sampled") == []


async def test_a_run_is_kept_once_and_its_event_is_enough_to_draw_it_again(
    desk: DeskScene, samples: SampleDesk
) -> None:
    for _ in range(5):
        await desk.ask("hello")
    await desk.seal()
    week = await a_week_ago(desk)
    ids = await asyncio.gather(*(samples.draw(who, week, Population.TURNS, 3) for who in (desk.rita, desk.rolf) * 2))
    assert len(set(ids)) == 1
    (event,) = await desk.data("review:sampled")
    again = await drawn(desk, event["week"], event["wanted"], Population(event["population"]))
    assert (again.seed.hex(), again.batch, len(again.drawn)) == (event["seed"], event["batch"], event["drawn"])
    (run,) = await samples.list_runs(desk.alma)
    _, found = await samples.run(desk.alma, ids[0])
    assert (run.id, run.seed) == (ids[0], again.seed)
    assert [(one.leaf, one.event_id) for one in found] == [(one.leaf, one.event_id) for one in again.drawn]


async def test_samples_are_for_the_desk_and_nobody_judges_themselves(desk: DeskScene, samples: SampleDesk) -> None:
    own, other = await desk.ask("hello", person=desk.rita), await desk.ask("hello")
    await desk.seal()
    week = await a_week_ago(desk)
    run = await samples.draw(desk.rita, week, Population.TURNS, 100)
    _, seen = await samples.run(desk.rolf, run)
    places = {one.turn_id: one.place for one in seen}
    assert own.id not in {one.turn_id for one in (await samples.run(desk.rita, run))[1]}
    for place in (places[own.id], 99, -1):
        with pytest.raises(NotFoundError):
            await samples.judge(desk.rita, run, place, Disposition.BENIGN)
    for grave in (Disposition.VIOLATION, Disposition.INCIDENT):
        with pytest.raises(BadInputError, match="case"):
            await samples.judge(desk.rita, run, places[other.id], grave)
    done = await asyncio.gather(
        *(samples.judge(who, run, places[other.id], Disposition.BENIGN) for who in (desk.rita, desk.rolf)),
        return_exceptions=True,
    )
    assert sum(one is None for one in done) == 1
    assert len(await desk.events("sample:judged")) == 1
    for role in set(Role) - {Role.REVIEWER}:
        somebody = with_roles(desk.otto, role)
        asked = [samples.draw(somebody, week, Population.TURNS, 3), samples.judge(somebody, run, 0, Disposition.BENIGN)]
        if role is not Role.APPROVER:
            asked += [samples.list_runs(somebody), samples.run(somebody, run)]  # type: ignore[list-item]
        for one in asked:
            with pytest.raises(NotAllowedError):
                await one
    with pytest.raises(NotFoundError):
        await samples.run(desk.rita, uuid4())


async def test_a_person_is_found_by_name_with_a_reason_and_the_log_knows(desk: DeskScene) -> None:
    look_up = desk.desk.look_up.look_up
    assert await look_up(desk.rita, " Maria ", REASON) == desk.maria.id
    with pytest.raises(BadInputError):
        await look_up(desk.rita, "maria", "curious")
    for name in ("nobody", "rita", TOKEN):
        with pytest.raises(NotFoundError):
            await look_up(desk.rita, name, f"{REASON} {EMAIL}")
    for role in set(Role) - {Role.REVIEWER}:
        with pytest.raises(NotAllowedError):
            await look_up(replace(desk.rolf, roles=frozenset({role})), "maria", REASON)
    events = await desk.data("person:looked-up")
    assert [event.get("found") for event in events] == [str(desk.maria.id), None, str(desk.rita.id), None]
    assert events[0]["name_mark"] == desk.marker.mark(" Maria ")
    stored = await desk.everything_at_rest()
    assert TOKEN not in stored
    assert EMAIL not in stored
