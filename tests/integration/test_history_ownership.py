"""Nobody reaches another person's history by an id: every method that takes one, against somebody else's."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from uuid import UUID, uuid4

import pytest

from assistant.conversation import MessageState, Person, Turn
from assistant.errors import NotFoundError
from assistant.history import History
from tests.integration.conftest import Database
from tests.integration.history_scene import Scene, open_scene

pytestmark = pytest.mark.integration


@dataclass(frozen=True, slots=True)
class Loot:
    """Ids of Maria's that Otto got hold of; or ids of nothing."""

    answered: Turn
    running: Turn
    feedback_id: UUID

    @property
    def thread_id(self) -> UUID:
        return self.answered.thread_id


Attack = Callable[[History, Person, Loot], Awaitable[object]]

ATTACKS: dict[str, Attack] = {
    "open_thread": lambda h, p, loot: h.open_thread(p, loot.thread_id, "general", "mine now"),
    "thread": lambda h, p, loot: h.thread(p, loot.thread_id),
    "rename_thread": lambda h, p, loot: h.rename_thread(p, loot.thread_id, "mine now"),
    "delete_thread": lambda h, p, loot: h.delete_thread(p, loot.thread_id),
    "messages": lambda h, p, loot: h.messages(p, loot.thread_id),
    "message": lambda h, p, loot: h.message(p, loot.answered.message_id),
    "stored_message": lambda h, p, loot: h.stored_message(p, loot.answered.message_id),
    "conversation": lambda h, p, loot: h.conversation(p, loot.thread_id),
    "start_turn": lambda h, p, loot: h.start_turn(_turn_of(p, thread_id=loot.thread_id), "mine now"),
    "start_turn over a message": lambda h, p, loot: h.start_turn(
        _turn_of(p, message_id=loot.answered.message_id), "mine now"
    ),
    "start_turn over an answer": lambda h, p, loot: h.start_turn(
        _turn_of(p, answer_id=loot.answered.answer_id), "mine now"
    ),
    "start_turn of a turn": lambda h, p, loot: h.start_turn(_turn_of(p, id=loot.running.id), "mine now"),
    "save_partial": lambda h, p, loot: h.save_partial(replace(loot.running, person=p), "mine now"),
    "keep_alive": lambda h, p, loot: h.keep_alive(replace(loot.running, person=p)),
    "finish_turn": lambda h, p, loot: h.finish_turn(replace(loot.running, person=p), "mine now", MessageState.COMPLETE),
    "give_feedback": lambda h, p, loot: h.give_feedback(p, loot.answered.answer_id, 0, "mine now"),
    "delete_feedback": lambda h, p, loot: h.delete_feedback(p, loot.feedback_id),
    "load_pseudonyms": lambda h, p, loot: h.load_pseudonyms(p, loot.thread_id),
    "save_pseudonyms": lambda h, p, loot: h.save_pseudonyms(p, loot.thread_id, b"mine now", 1),
}
CREATING = {"open_thread", *(name for name in ATTACKS if name.startswith("start_turn"))}
WITHOUT_IDS = {"threads"}
FOR_RECOVERY = {"interrupt_stale_turns", "confirm_interrupted"}  # called by a process, not for a person


def _turn_of(person: Person, **ids: UUID) -> Turn:
    fresh = {name: uuid4() for name in ("id", "thread_id", "message_id", "answer_id")}
    return Turn(**(fresh | ids), person=person, persona="general", text="")


@pytest.fixture
async def scene(database: Database) -> AsyncIterator[Scene]:
    async with open_scene(database) as scene:
        yield scene


@pytest.fixture
async def loot(scene: Scene) -> Loot:
    answered = await scene.tell("question", "answer")
    feedback_id = await scene.history.give_feedback(scene.maria, answered.answer_id, 1)
    assert await scene.history.save_pseudonyms(scene.maria, answered.thread_id, b"sealed", 0)
    running = scene.turn(thread_id=answered.thread_id)
    await scene.history.start_turn(running, "another question")
    return Loot(answered, running, feedback_id)


def everything(scene: Scene) -> list[list[tuple[object, ...]]]:
    return [
        scene.sql("SELECT * FROM thread ORDER BY id"),
        scene.sql("SELECT * FROM message ORDER BY id"),
        scene.sql("SELECT * FROM message_version ORDER BY message_id"),
        scene.sql("SELECT * FROM feedback ORDER BY id"),
        scene.sql("SELECT * FROM pseudonyms ORDER BY thread_id"),
        scene.sql("SELECT * FROM turn ORDER BY id"),
    ]


def test_every_method_is_in_the_matrix() -> None:
    methods = {name for name, _ in inspect.getmembers(History, inspect.isfunction) if not name.startswith("_")}
    assert {name.split()[0] for name in ATTACKS} | WITHOUT_IDS | FOR_RECOVERY == methods


@pytest.mark.parametrize("attack", ATTACKS)
async def test_a_foreign_id_is_as_missing_and_nothing_changes(scene: Scene, loot: Loot, attack: str) -> None:
    before = everything(scene)
    with pytest.raises(NotFoundError) as foreign:
        await ATTACKS[attack](scene.history, scene.otto, loot)
    assert everything(scene) == before
    if attack not in CREATING:
        nothing = Loot(_turn_of(scene.maria), _turn_of(scene.maria), uuid4())
        with pytest.raises(NotFoundError) as missing:
            await ATTACKS[attack](scene.history, scene.otto, nothing)
        assert str(foreign.value) == str(missing.value)


async def test_a_turn_cannot_be_bent_to_another_answer(scene: Scene, loot: Loot) -> None:
    bent = replace(loot.running, answer_id=loot.answered.answer_id)
    for attempt in (
        scene.history.save_partial(bent, "mine now"),
        scene.history.finish_turn(bent, "mine now", MessageState.COMPLETE),
    ):
        with pytest.raises(NotFoundError):
            await attempt


async def test_lists_hold_own_threads_only(scene: Scene, loot: Loot) -> None:
    assert (await scene.history.threads(scene.otto)).threads == ()
    assert (await scene.history.threads(scene.otto, search="question")).threads == ()
    assert [t.id for t in (await scene.history.threads(scene.maria)).threads] == [loot.thread_id]
