"""Turns whose process died: found, marked and given out for the audit log, however many recover at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest

from assistant.answering.recovery import recover_turns
from assistant.audit.writing.content import ContentKind, ContentText
from assistant.conversation import MessageState, Turn
from assistant.errors import NotFoundError
from tests.integration.conftest import Database
from tests.integration.content_scene import open_log, reader
from tests.integration.history_scene import Scene, open_scene

pytestmark = pytest.mark.integration


@pytest.fixture
async def scene(database: Database) -> AsyncIterator[Scene]:
    async with open_scene(database) as scene:
        yield scene


async def begin(scene: Scene, partial: str = "half an ans", **changes: object) -> Turn:
    turn = scene.turn(**changes)  # type: ignore[arg-type] - ids by name
    await scene.history.start_turn(turn, "question")
    await scene.history.save_partial(turn, partial)
    return turn


def age(scene: Scene, seconds: int) -> None:
    scene.sql("UPDATE turn SET heartbeat_at = heartbeat_at - make_interval(secs => %s)", seconds)


async def answer_of(scene: Scene, turn: Turn) -> tuple[str, MessageState, str]:
    stored = await scene.history.messages(scene.maria, turn.thread_id)
    [answer] = [s.message for s in stored if s.message.id == turn.answer_id]
    return answer.text, answer.state, answer.note


async def test_a_dead_turn_keeps_what_was_shown_and_says_so(scene: Scene) -> None:
    turn = await begin(scene)
    age(scene, 60)
    [found] = await scene.other_process.interrupt_stale_turns(30)
    assert (found.id, found.thread_id, found.answer_id) == (turn.id, turn.thread_id, turn.answer_id)
    assert (found.person_id, found.process, found.door) == (scene.maria.id, "web-1", "chat")
    text, state, note = await answer_of(scene, turn)
    assert (text, state) == ("half an ans", MessageState.INTERRUPTED)
    assert "restarted" in note


async def test_living_turns_are_left_alone(scene: Scene) -> None:
    turn = await begin(scene)
    age(scene, 60)
    await scene.history.keep_alive(turn)
    assert await scene.other_process.interrupt_stale_turns(30) == []
    await scene.history.finish_turn(turn, "whole", MessageState.COMPLETE)
    age(scene, 60)
    assert await scene.other_process.interrupt_stale_turns(30) == []
    assert (await answer_of(scene, turn))[:2] == ("whole", MessageState.COMPLETE)


async def test_many_recoverers_at_once_take_each_turn_once(scene: Scene) -> None:
    turns = [await begin(scene) for _ in range(12)]
    age(scene, 60)
    found = await asyncio.gather(*(scene.other_process.interrupt_stale_turns(30) for _ in range(6)))
    ids = [turn.id for batch in found for turn in batch]
    assert len(ids) == len(set(ids))
    # Whoever came second skipped what the first one held; nothing is left for a later one but those.
    ids += [turn.id for turn in await scene.other_process.interrupt_stale_turns(30)]
    assert sorted(ids) == sorted(turn.id for turn in turns)


async def test_a_recoverer_that_dies_before_the_audit_is_followed_by_another(scene: Scene) -> None:
    turn = await begin(scene)
    age(scene, 60)
    assert len(await scene.other_process.interrupt_stale_turns(30)) == 1
    assert await scene.other_process.interrupt_stale_turns(30) == []  # claimed by somebody who may still be at it
    scene.sql("UPDATE turn SET claimed_until = now() - interval '1 second'")
    assert [t.id for t in await scene.other_process.interrupt_stale_turns(30)] == [turn.id]
    await scene.other_process.confirm_interrupted([turn.id])
    scene.sql("UPDATE turn SET claimed_until = now() - interval '1 second'")
    assert await scene.other_process.interrupt_stale_turns(30) == []


async def test_a_recoverer_that_dies_between_marking_and_claiming_is_followed_by_another(scene: Scene) -> None:
    turn = await begin(scene)
    age(scene, 60)
    await scene.other_process.interrupt_stale_turns(30)
    scene.sql("UPDATE turn SET claimed_until = NULL")  # as the first of its two transactions leaves it
    assert [t.id for t in await scene.history.interrupt_stale_turns(30)] == [turn.id]


async def test_a_process_that_only_stalled_finishes_its_answer(scene: Scene) -> None:
    turn = await begin(scene)
    age(scene, 60)
    await scene.other_process.interrupt_stale_turns(30)
    await scene.history.save_partial(turn, "half an answer and more")
    assert (await answer_of(scene, turn)) == ("half an answer and more", MessageState.STREAMING, "")
    age(scene, 60)
    [again] = await scene.other_process.interrupt_stale_turns(30)  # and it may die after all
    assert again.id == turn.id
    await scene.history.finish_turn(turn, "the whole answer", MessageState.COMPLETE)
    assert (await answer_of(scene, turn))[:2] == ("the whole answer", MessageState.COMPLETE)
    scene.sql("UPDATE turn SET claimed_until = now() - interval '1 second'")
    assert await scene.other_process.interrupt_stale_turns(0) == []


@pytest.mark.parametrize("state", [MessageState.COMPLETE, MessageState.INTERRUPTED, MessageState.BLOCKED])
async def test_what_has_ended_stays_as_it_ended(scene: Scene, state: MessageState) -> None:
    turn = await begin(scene)
    await scene.history.finish_turn(turn, "the end", state)
    for attempt in (
        scene.history.save_partial(turn, "late"),
        scene.history.keep_alive(turn),
        scene.history.finish_turn(turn, "late", MessageState.COMPLETE),
    ):
        with pytest.raises(NotFoundError):
            await attempt
    assert (await answer_of(scene, turn))[:2] == ("the end", state)
    assert await scene.other_process.interrupt_stale_turns(0) == []


async def test_deleting_the_thread_ends_the_answer_and_hides_nothing_from_the_audit(scene: Scene) -> None:
    finished, died = await begin(scene), await begin(scene)
    for turn in (finished, died):
        await scene.history.delete_thread(scene.maria, turn.thread_id)
        with pytest.raises(NotFoundError):
            await scene.history.save_partial(turn, "more")
    await scene.history.finish_turn(finished, "whole", MessageState.COMPLETE)
    assert [t.id for t in await scene.other_process.interrupt_stale_turns(0)] == [died.id]
    assert scene.sql("SELECT * FROM message") == []


async def test_finishing_recovering_editing_and_deleting_at_once_never_deadlock(scene: Scene) -> None:
    async def live(number: int) -> None:
        thread_id = uuid4()
        first = await begin(scene, thread_id=thread_id)
        edit = scene.turn(thread_id=thread_id, message_id=first.message_id)
        outcomes = await asyncio.gather(
            scene.history.start_turn(edit, f"edited {number}"),
            scene.history.save_partial(first, "more"),
            scene.history.finish_turn(first, "whole", MessageState.COMPLETE),
            scene.other_process.interrupt_stale_turns(0),
            scene.history.delete_thread(scene.maria, thread_id),
            return_exceptions=True,
        )
        assert all(o is None or isinstance(o, list | NotFoundError) for o in outcomes), outcomes

    await asyncio.gather(*(live(number) for number in range(10)))


async def test_the_log_keeps_what_a_crash_left_of_an_answer(scene: Scene) -> None:
    turn = await begin(scene)
    gone = await begin(scene)
    await scene.history.delete_thread(scene.maria, gone.thread_id)
    age(scene, 60)
    async with open_log(scene.database) as log:
        assert await recover_turns(scene.other_process, log) == 2
    kept = scene.sql("SELECT turn_id, content_id FROM audit.event WHERE type = 'turn:interrupted'")
    texts = dict(kept)
    assert texts[gone.id] is None
    found = await reader(scene.database).read([UUID(str(texts[turn.id]))])
    assert list(found.values()) == [ContentText(ContentKind.ANSWER, "half an ans")]
