"""The history on a real Postgres: order, editing, memory, search and pages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assistant.answering.prompt import compose_text
from assistant.answering.words import question_detail, question_of
from assistant.conversation import Attachment, Author, MessageState
from assistant.errors import BadInputError, NotFoundError
from policies.verdict import Action, Verdict
from tests.integration.conftest import Database
from tests.integration.history_scene import Scene, open_scene

pytestmark = pytest.mark.integration


@pytest.fixture
async def scene(database: Database) -> AsyncIterator[Scene]:
    async with open_scene(database) as scene:
        yield scene


async def texts(scene: Scene, thread_id: object) -> list[str]:
    return [stored.message.text for stored in await scene.history.messages(scene.maria, thread_id)]  # type: ignore[arg-type] - a UUID


async def test_a_turn_is_stored_under_its_ids_and_never_its_raw_text(scene: Scene) -> None:
    turn = scene.turn()
    detail = {"rules": [{"rule": "secret/aws-access-key", "masked": "AKIA••••"}]}
    await scene.history.start_turn(turn, "use [AWS_KEY_1]", note="1 value held back", detail=detail, title="Use a key")
    question, answer = await scene.history.messages(scene.maria, turn.thread_id)
    assert (question.message.id, answer.message.id) == (turn.message_id, turn.answer_id)
    assert (question.message.author, answer.message.author) == (Author.USER, Author.ASSISTANT)
    assert (question.message.position, answer.message.position) == (1, 2)
    assert question.detail == detail
    assert question.message.note == "1 value held back"
    assert (answer.message.state, answer.message.text) == (MessageState.STREAMING, "")
    await scene.history.save_partial(turn, "As you")
    await scene.history.finish_turn(turn, "As you wish.", MessageState.COMPLETE, note="Mini2", detail={"tokens": 4})
    _, answer = await scene.history.messages(scene.maria, turn.thread_id)
    assert (answer.message.text, answer.message.state) == ("As you wish.", MessageState.COMPLETE)
    assert (answer.message.note, answer.detail) == ("Mini2", {"tokens": 4})
    assert (await scene.history.thread(scene.maria, turn.thread_id)).title == "Use a key"
    stored = [scene.sql(q) for q in ("SELECT * FROM thread", "SELECT * FROM message", "SELECT * FROM turn")]
    assert turn.text not in repr(stored)


async def test_a_turn_is_started_once(scene: Scene) -> None:
    turn = scene.turn()
    await scene.history.start_turn(turn, "first")
    with pytest.raises(NotFoundError):
        await scene.history.start_turn(turn, "second")
    assert await texts(scene, turn.thread_id) == ["first", ""]


async def test_a_failed_start_leaves_nothing(scene: Scene) -> None:
    taken = await scene.tell("question", "answer")
    new = scene.turn(answer_id=taken.answer_id)
    with pytest.raises(NotFoundError):
        await scene.history.start_turn(new, "question")
    with pytest.raises(NotFoundError):
        await scene.history.thread(scene.maria, new.thread_id)


async def test_twenty_writers_at_once_never_tie_or_mix(scene: Scene) -> None:
    thread_id = uuid4()
    turns = [scene.turn(thread_id=thread_id) for _ in range(20)]
    await asyncio.gather(*(scene.tell(f"q{i}", f"a{i}", turn=turn) for i, turn in enumerate(turns)))
    stored = [s.message for s in await scene.history.messages(scene.maria, thread_id)]
    assert [message.position for message in stored] == list(range(1, 41))
    for question, answer in zip(stored[::2], stored[1::2], strict=True):
        assert question.turn_id == answer.turn_id
        assert answer.text == question.text.replace("q", "a")


async def test_long_threads_are_read_page_by_page(scene: Scene) -> None:
    thread_id = uuid4()
    for i in range(4):
        await scene.tell(f"q{i}", f"a{i}", turn=scene.turn(thread_id=thread_id))
    last = await scene.history.messages(scene.maria, thread_id, limit=3)
    assert [s.message.text for s in last] == ["a2", "q3", "a3"]
    earlier = await scene.history.messages(scene.maria, thread_id, limit=3, before=last[0].message.position)
    assert [s.message.text for s in earlier] == ["q1", "a1", "q2"]


async def test_editing_keeps_every_version_and_sets_aside_what_followed(scene: Scene) -> None:
    first = await scene.tell("colour?", "green")
    await scene.tell("and then?", "blue", turn=scene.turn(thread_id=first.thread_id))
    for text in ("shape?", "size?"):
        edit = scene.turn(thread_id=first.thread_id, message_id=first.message_id)
        await scene.tell(text, f"on {text}", turn=edit)
    assert await texts(scene, first.thread_id) == ["size?", "on size?"]
    assert scene.sql("SELECT version, text FROM message_version ORDER BY version") == [(1, "colour?"), (2, "shape?")]
    remembered = await scene.history.conversation(scene.maria, first.thread_id)
    assert [m.text for m in remembered.messages] == ["size?", "on size?"]
    assert (await scene.history.threads(scene.maria, search="blue")).threads == ()


async def test_an_answer_cannot_be_rewritten_by_calling_it_a_question(scene: Scene) -> None:
    told = await scene.tell("question", "answer")
    forged = scene.turn(thread_id=told.thread_id, message_id=told.answer_id)
    with pytest.raises(NotFoundError):
        await scene.history.start_turn(forged, "forged")
    assert await texts(scene, told.thread_id) == ["question", "answer"]


async def test_a_model_is_told_whole_answered_turns_only(scene: Scene) -> None:
    thread_id = uuid4()
    for text, state in (
        ("one", MessageState.COMPLETE),
        ("two", MessageState.INTERRUPTED),
        ("three", MessageState.BLOCKED),
        ("four", MessageState.COMPLETE),
    ):
        await scene.tell(text, f"re {text}", state=state, turn=scene.turn(thread_id=thread_id))
    running = scene.turn(thread_id=thread_id)
    await scene.history.start_turn(running, "five")
    told = await scene.history.conversation(scene.maria, thread_id, excluding_turn=running.id)
    assert [m.text for m in told.messages] == ["one", "re one", "four", "re four"]
    assert told.left_out == 0
    assert await scene.history.conversation(scene.maria, thread_id) == told


@pytest.mark.parametrize(
    ("max_messages", "max_chars", "expected"),
    [
        (40, 1000, ["q" * 10, "a" * 10, "r" * 10, "b" * 10]),
        (3, 1000, ["r" * 10, "b" * 10]),
        (40, 35, ["r" * 10, "b" * 10]),
        (40, 19, []),
        (40, 0, []),
    ],
)
async def test_memory_is_bounded_and_begins_with_a_question(
    scene: Scene, max_messages: int, max_chars: int, expected: list[str]
) -> None:
    thread_id = uuid4()
    for question, answer in ("qa", "rb"):
        await scene.tell(question * 10, answer * 10, turn=scene.turn(thread_id=thread_id))
    told = await scene.history.conversation(scene.maria, thread_id, max_messages=max_messages, max_chars=max_chars)
    assert [m.text for m in told.messages] == expected
    assert told.left_out == 4 - len(expected)


async def test_an_opened_thread_is_listed_from_its_first_message_on(scene: Scene) -> None:
    opened = await scene.history.open_thread(scene.maria, uuid4(), "general", "")
    assert await scene.history.open_thread(scene.maria, opened.id, "starcoder", "again") == opened
    assert (await scene.history.threads(scene.maria)).threads == ()
    await scene.tell("Why does it fail?", "It does not.", turn=scene.turn(thread_id=opened.id))
    [listed] = (await scene.history.threads(scene.maria)).threads
    assert (listed.id, listed.title) == (opened.id, "Why does it fail?")


async def test_renaming_and_deleting(scene: Scene) -> None:
    told = await scene.tell("question", "answer")
    await scene.history.rename_thread(scene.maria, told.thread_id, "  A better\ntitle ")
    assert (await scene.history.thread(scene.maria, told.thread_id)).title == "A better title"
    with pytest.raises(BadInputError):
        await scene.history.rename_thread(scene.maria, told.thread_id, " \n ")
    feedback = await scene.history.give_feedback(scene.maria, told.answer_id, 1, "good")
    assert await scene.history.save_pseudonyms(scene.maria, told.thread_id, b"sealed", 0)
    await scene.history.delete_thread(scene.maria, told.thread_id)
    for table in ("SELECT * FROM message", "SELECT * FROM feedback", "SELECT * FROM pseudonyms"):
        assert scene.sql(table) == []
    with pytest.raises(NotFoundError):
        await scene.history.delete_feedback(scene.maria, feedback)


async def test_pages_of_threads_stay_stable_while_new_ones_arrive(scene: Scene) -> None:
    told = [await scene.tell(f"question {i}", "answer") for i in range(7)]
    seen = []
    cursor = ""
    while True:
        page = await scene.history.threads(scene.maria, limit=3, before=cursor)
        seen += [thread.id for thread in page.threads]
        await scene.tell("a new one in between", "answer")
        await scene.tell("and an old one moves up", "answer", turn=scene.turn(thread_id=told[-1].thread_id))
        cursor = page.cursor
        if not cursor:
            break
    assert seen == [turn.thread_id for turn in reversed(told)]


async def test_the_last_page_has_no_cursor(scene: Scene) -> None:
    for i in range(3):
        await scene.tell(f"question {i}", "answer")
    assert (await scene.history.threads(scene.maria, limit=3)).cursor == ""
    assert (await scene.history.threads(scene.maria, limit=2)).cursor != ""


@pytest.mark.parametrize(
    "cursor", ["x", "~", "2026-01-01T00:00:00+00:00~x", f"2026-01-01~{UUID(int=1)}", "\x00~\ud800"], ids=repr
)
async def test_forged_cursors_are_refused(scene: Scene, cursor: str) -> None:
    with pytest.raises(BadInputError):
        await scene.history.threads(scene.maria, before=cursor)


@pytest.mark.parametrize(
    ("search", "is_found"),
    [
        ("kubernetes", True),
        ("KUBER", True),  # while typing
        ("kuber rollout", True),
        ("kubernetes banana", False),
        ("client", True),  # inside boto3.client
        ("boto3.cli", True),
        ("max_tokens", True),
        ("tokens", True),
        ("größe", True),
        ('"failing rollout"', True),
        ('"rollout failing"', False),
        ("kubernetes -rollout", False),
        ("banana or kubernetes", True),
        ("boto3-client or banana", True),
        ("ubernetes", False),
        ("!!!", False),
        ("@", False),
        ("-banana", True),
        ("", True),
    ],
)
async def test_search_finds_words_in_titles_and_messages(scene: Scene, search: str, is_found: bool) -> None:  # noqa: FBT001 - a table of cases
    await scene.tell("Kubernetes shows a failing rollout", "Call boto3.client('eks') with max_tokens=3; Größe: 7")
    await scene.tell("something else", "entirely")
    page = await scene.history.threads(scene.maria, search=search)
    assert ("Kubernetes shows a failing rollout" in [t.title for t in page.threads]) is is_found
    assert len(page.threads) == (2 if search in {"", "-banana"} else int(is_found))


async def test_the_mark_of_an_owner_is_not_a_word(scene: Scene) -> None:
    await scene.tell(f"who is @{scene.otto.id}", "somebody")
    await scene.tell("a secret", "of Otto's", turn=scene.turn(scene.otto))
    for search in (f"@{scene.otto.id}", f'"@{scene.otto.id}"', str(scene.maria.id)[:8], "@"):
        found = (await scene.history.threads(scene.otto, search=search)).threads
        assert found == ()
        assert len((await scene.history.threads(scene.maria, search=search)).threads) <= 1


async def test_search_finds_only_own_threads_and_finished_texts(scene: Scene) -> None:
    await scene.tell("banana", "yellow", turn=scene.turn(scene.otto))
    running = scene.turn()
    await scene.history.start_turn(running, "fruit", title="fruit")
    await scene.history.save_partial(running, "banana")
    assert (await scene.history.threads(scene.maria, search="banana")).threads == ()
    await scene.history.finish_turn(running, "banana", MessageState.COMPLETE)
    assert [t.id for t in (await scene.history.threads(scene.maria, search="banana")).threads] == [running.thread_id]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(search=st.text(st.characters(), max_size=300) | st.text("'\"\\-:*&|!() or ab", max_size=40))
async def test_whatever_is_typed_into_the_search_is_a_query(scene: Scene, search: str) -> None:
    page = await scene.history.threads(scene.maria, search=search)
    assert page.threads == ()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(text=st.text(st.characters(), max_size=200), note=st.text(st.characters(), max_size=20))
async def test_whatever_a_text_holds_is_stored(scene: Scene, text: str, note: str) -> None:
    turn = scene.turn()
    await scene.history.start_turn(turn, text, note=note, detail={note: [text, float("nan")]}, title=text)
    await scene.history.save_partial(turn, text)
    await scene.history.finish_turn(turn, text, MessageState.COMPLETE, note=note, detail={"text": text})
    question, answer = await scene.history.messages(scene.maria, turn.thread_id)
    assert question.message.text == answer.message.text
    assert len(answer.message.text) == len(text)
    await scene.history.give_feedback(scene.maria, turn.answer_id, 0, note)


@pytest.mark.parametrize(
    "text",
    [
        "".join(chr(0x20000 + i % 40_000) + " " for i in range(150_000)),
        " ".join(f"w{i}" for i in range(60_000)),
        "x" * 5_000_000,
        "http://a.b/" * 30_000,
    ],
    ids=["wide words", "many words", "one word", "addresses"],
)
async def test_huge_texts_are_stored_whole_and_found_by_their_beginning(scene: Scene, text: str) -> None:
    turn = await scene.tell("banana " + text, text)
    question, answer = await scene.history.messages(scene.maria, turn.thread_id)
    assert question.message.text == "banana " + text
    assert answer.message.text == text
    assert len((await scene.history.threads(scene.maria, search="banana")).threads) == 1


async def test_a_question_comes_apart_as_it_was_asked(scene: Scene) -> None:
    turn = scene.turn(command="Review", attachments=(Attachment("src/a.py", "x = 1\n"),))
    verdict = Verdict(Action.ALLOW, "", (), "sha256:0")
    text = compose_text("Review this.\n\nodd", turn.attachments)
    detail = question_detail(verdict, turn, task="Review this.")
    await scene.history.start_turn(turn, text, detail=detail, title="Review: odd")
    stored = await scene.history.stored_message(scene.maria, turn.message_id)
    asked = question_of(stored.message.text, stored.detail)
    assert (asked.command, asked.text, asked.files[0].name) == ("Review", "odd", "src/a.py")
    assert asked.files[0].lines == {1: "x = 1"}


async def test_feedback_is_one_a_message_and_shown_with_it(scene: Scene) -> None:
    told = await scene.tell("question", "answer")
    first = await scene.history.give_feedback(scene.maria, told.answer_id, 1, "good")
    assert await scene.history.give_feedback(scene.maria, told.answer_id, 0, "not\x00 so good") == first
    _, answer = await scene.history.messages(scene.maria, told.thread_id)
    assert answer.feedback is not None
    assert (answer.feedback.value, answer.feedback.comment) == (0, "not\N{REPLACEMENT CHARACTER} so good")
    await scene.history.delete_feedback(scene.maria, first)
    _, answer = await scene.history.messages(scene.maria, told.thread_id)
    assert answer.feedback is None
    for value, comment in ((2, ""), (-1, ""), (1, "x" * 3000)):
        with pytest.raises(BadInputError):
            await scene.history.give_feedback(scene.maria, told.answer_id, value, comment)


async def test_of_two_turns_that_add_pseudonyms_at_once_one_loads_again(scene: Scene) -> None:
    thread_id = (await scene.history.open_thread(scene.maria, uuid4(), "general", "")).id
    loaded = await scene.history.load_pseudonyms(scene.maria, thread_id)
    assert (loaded.sealed, loaded.version) == (None, 0)
    for _ in range(2):  # the first save of all, and one over it
        saves = (scene.history.save_pseudonyms(scene.maria, thread_id, bytes([i]), loaded.version) for i in range(8))
        saved = await asyncio.gather(*saves)
        assert sum(saved) == 1
        loaded = await scene.history.load_pseudonyms(scene.maria, thread_id)
        assert loaded.sealed == bytes([saved.index(True)])
    assert loaded.version == 2
