from __future__ import annotations

from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from assistant.conversation import Author, Message, MessageState
from assistant.history.values import Feedback, StoredMessage
from assistant.web.chat.steps import Line, Step, line, literal, run_id, steps_of_thread, why
from policies.explanation import Detail

THREAD, TURN = uuid4(), uuid4()


def stored(author: Author, text: str, state: MessageState, note: str = "", **detail: object) -> StoredMessage:
    return StoredMessage(Message(uuid4(), THREAD, TURN, author, text, state, note), detail, None)


def drawn(*entries: StoredMessage) -> list[tuple[str, str, str]]:
    return [(step["type"], step["name"], step["output"]) for step in steps_of_thread(entries, owner="maria")]


def parents(steps: list[Step]) -> None:
    """Check that each step stands below one that came before it."""
    known: set[object] = {None}
    for step in steps:
        assert step["parentId"] in known
        known.add(step["id"])


def test_an_exchange_looks_as_it_did_while_it_was_written() -> None:
    found = {
        "label": "AWS access key",
        "rule": "secret/aws",
        "masked": "AK••",
        "instead": "[KEY_1]",
        "action": "redact",
        "advice": "Change it where it is used.",
    }
    question = stored(Author.USER, "my key [KEY_1]", MessageState.COMPLETE, "1 value held back", guard=[found])
    answer = stored(Author.ASSISTANT, "Rotate it.", MessageState.COMPLETE, "Mini2 · 4 s · logged 7K2F")
    steps = steps_of_thread([question, answer], owner="maria")
    parents(steps)
    assert [step["type"] for step in steps] == ["user_message", "tool", "run", "assistant_message", "llm"]
    assert steps[1]["name"] == "1 value held back · why?"
    assert "`[KEY_1]`" in steps[1]["output"]
    assert "Change it where it is used" in steps[1]["output"]
    assert steps[2]["end"] is not None


def test_a_question_comes_back_under_its_command_and_over_its_files() -> None:
    text = "Review this code.\n\nodd\n\nFile src/a.py:\n```\n1| x = 1\n```"
    question = stored(Author.USER, text, MessageState.COMPLETE, command="Review", task="Review this code.", files=1)
    steps = steps_of_thread([question], owner="maria")
    parents(steps)
    assert [(step["type"], step["name"], step["output"]) for step in steps] == [
        ("user_message", "maria", "odd"), ("undefined", "Attached: src/a.py", ""),
    ]  # fmt: skip
    assert steps[0]["command"] == "Review"


def test_a_blocked_question_shows_the_reason_and_no_answer() -> None:
    question = stored(Author.USER, "(not stored)", MessageState.BLOCKED)
    answer = stored(Author.ASSISTANT, "Nothing was sent. Remove the key.", MessageState.BLOCKED)
    assert drawn(question, answer) == [
        ("user_message", "maria", "(not stored)"),
        ("retrieval", "Nothing was sent. Remove the key.", ""),
    ]


def test_an_answer_that_was_stopped_by_the_guard_keeps_what_was_shown() -> None:
    question = stored(Author.USER, "hello", MessageState.COMPLETE)
    answer = stored(Author.ASSISTANT, "The key is", MessageState.BLOCKED, "The answer was stopped.")
    assert [kind for kind, _name, _output in drawn(question, answer)] == [
        "user_message", "run", "assistant_message", "retrieval",
    ]  # fmt: skip


def test_an_interrupted_answer_is_marked_even_without_a_note() -> None:
    question = stored(Author.USER, "hello", MessageState.COMPLETE)
    answer = stored(Author.ASSISTANT, "", MessageState.INTERRUPTED)
    steps = steps_of_thread([question, answer], owner="maria")
    parents(steps)
    assert steps[-1]["name"] == "This answer was interrupted. What had arrived is kept."


def test_an_answer_in_the_making_leaves_its_frame_open() -> None:
    question = stored(Author.USER, "hello", MessageState.COMPLETE)
    answer = stored(Author.ASSISTANT, "so far", MessageState.STREAMING)
    assert steps_of_thread([question, answer], owner="maria")[1]["end"] is None


def test_feedback_stands_on_the_frame() -> None:
    question = stored(Author.USER, "hello", MessageState.COMPLETE)
    answer = stored(Author.ASSISTANT, "yes", MessageState.COMPLETE)
    feedback = Feedback(uuid4(), 1, "good")
    judged = StoredMessage(answer.message, {}, feedback)
    frame = steps_of_thread([question, judged], owner="maria")[1]
    assert frame["feedback"] == {"id": str(feedback.id), "forId": frame["id"], "value": 1, "comment": "good"}


def test_a_detail_of_another_shape_is_left_out() -> None:
    shapes: list[dict[str, object]] = [{"guard": "text"}, {"guard": [7, None, "x"]}, {"other": []}, {}]
    for detail in shapes:
        question = StoredMessage(
            Message(uuid4(), THREAD, TURN, Author.USER, "x", MessageState.COMPLETE, "1 value held back"), detail, None
        )
        assert drawn(question)[1] == ("tool", "1 value held back", "")


@given(st.uuids(version=4))
def test_a_frame_leads_back_to_its_answer(answer_id: UUID) -> None:
    frame = run_id(answer_id)
    assert frame != answer_id
    assert frame.version == 4
    assert run_id(frame) == answer_id


def test_each_finding_can_be_reported_and_one_that_was_says_so() -> None:
    found = {"label": "e-mail", "rule": "personal/email", "masked": "a••", "instead": "[EMAIL_1]"}
    question = stored(Author.USER, "[EMAIL_1] [EMAIL_2]", MessageState.COMPLETE, "2 values", guard=[found, found])
    answer = stored(Author.ASSISTANT, "[EMAIL_3]", MessageState.COMPLETE, "Mini2", guard=[found])
    reported = {(question.message.id, 1), (uuid4(), 0)}
    steps = steps_of_thread([question, answer], owner="maria", reported=reported)
    assert f"[This is wrong](/wrong/{question.message.id}/0)" in steps[1]["output"]
    assert f"[Reported](/wrong/{question.message.id}/1)" in steps[1]["output"]
    assert f"[This is wrong](/wrong/{answer.message.id}/0)" in steps[-1]["output"]


def test_a_finding_of_a_blocked_question_is_reported_at_the_question() -> None:
    found = {"label": "private key", "rule": "secret/pem", "masked": "-----••", "action": "block"}
    question = stored(Author.USER, "(not stored)", MessageState.BLOCKED, guard=[found])
    answer = stored(Author.ASSISTANT, "Nothing was sent.", MessageState.BLOCKED)
    steps = steps_of_thread([question, answer], owner="maria")
    assert f"[This is wrong](/wrong/{question.message.id}/0)" in steps[-1]["output"]


@given(st.text(), st.text())
def test_what_was_found_cannot_break_out_of_the_table(masked: str, label: str) -> None:
    found = Detail(label=label, rule="r", masked=masked, instead="[X_1]", action="redact", advice="Change | it.")
    table = why([found], uuid4())
    row = table.splitlines()[2]
    assert row.count("|") - row.count("\\|") == 6
    assert len(table.splitlines()) == 5


def test_markdown_is_taken_literally() -> None:
    assert literal("a|b *c* <img src=x>\n![y](z)") == r"a\|b \*c\* \<img src=x\> \!\[y\]\(z\)"


def test_a_line_of_the_history_is_the_line_that_was_drawn_live() -> None:
    question = stored(Author.USER, "hello", MessageState.COMPLETE, "1 value held back")
    answer = stored(Author.ASSISTANT, "yes", MessageState.COMPLETE, "Mini2 · 4 s")
    steps = steps_of_thread([question, answer], owner="maria")
    assert steps[1]["id"] == line(Line.GUARD, "x", thread_id=THREAD, parent=question.message.id)["id"]
    assert steps[-1]["id"] == line(Line.MUTED, "x", thread_id=THREAD, parent=answer.message.id)["id"]
    notices = {line(Line.NOTICE, "x", thread_id=THREAD, parent=answer.message.id)["id"] for _ in range(2)}
    assert len(notices) == 2  # of these there may be many
