from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest

from assistant.conversation import Author, Message, MessageState
from assistant.turn_events import AnswerText, Guarded
from assistant.web.chat.screen import Screen
from policies.verdict import Action, Verdict


class FakeWindow:
    def __init__(self) -> None:
        self.id = str(uuid4())
        self.session = "token"
        self.thread_id = uuid4()
        self.persona = "general"
        self.seen: list[tuple[str, Any]] = []

    async def emit(self, event: str, data: Any) -> None:
        self.seen.append((event, data))


def recorded(window: FakeWindow, answer_id: UUID, state: MessageState, text: str, note: str) -> Message:
    return Message(answer_id, window.thread_id, uuid4(), Author.ASSISTANT, text, state, note)


@pytest.mark.parametrize(
    ("state", "text", "note", "said"),
    [
        (MessageState.COMPLETE, "The answer.", "Mini2 · logged 7K2FABC", "Mini2 · logged 7K2FABC"),
        (MessageState.BLOCKED, "Half an ans", "The rest was held back.", "The rest was held back."),
        (
            MessageState.BLOCKED,
            "Nothing was sent.",
            "",
            "Nothing was sent.",
        ),  # the question was blocked, not the answer
    ],
)
async def test_a_stop_that_came_too_late_says_how_the_answer_was_recorded(
    state: MessageState, text: str, note: str, said: str
) -> None:
    window, answer_id = FakeWindow(), uuid4()
    screen = Screen(window, message_id=uuid4(), answer_id=answer_id)
    await screen.show_recorded(recorded(window, answer_id, state, text, note))
    assert said in str(window.seen[-1])
    assert "Stopped" not in str(window.seen)


async def test_a_stop_while_lines_are_looked_up_ends_the_answer_all_the_same() -> None:
    window, is_looking = FakeWindow(), asyncio.Event()

    async def link(text: str) -> str:
        is_looking.set()
        await asyncio.Event().wait()
        return text

    screen = Screen(window, message_id=uuid4(), answer_id=uuid4(), link=link)
    await screen.show(AnswerText("See a.py:3."))
    ending = asyncio.create_task(screen.end())
    await is_looking.wait()
    ending.cancel()
    await asyncio.wait({ending})
    await screen.stop("Stopped.")
    (ended,) = (step for event, step in window.seen if event == "update_message")
    assert (ended["streaming"], ended["output"]) == (False, "See a.py:3.")


@pytest.mark.parametrize(
    ("has_files", "said"), [(True, "No. Attach the files again before you send it."), (False, "No.")]
)
async def test_a_refusal_says_that_the_files_did_not_come_back_with_the_text(*, has_files: bool, said: str) -> None:
    window = FakeWindow()
    screen = Screen(window, message_id=uuid4(), answer_id=uuid4())
    await screen.ask("Read.", author="maria", has_files=has_files)
    await screen.refuse("No.")
    assert window.seen[-1] == ("window_message", {"cloister": "refused", "words": said})


async def test_a_conversation_has_its_address_before_chainlit_hears_of_it() -> None:
    window = FakeWindow()
    screen = Screen(window, message_id=uuid4(), answer_id=uuid4())
    await screen.show(Guarded(Verdict(Action.ALLOW, "What is a halibut?", (), "sha256:0"), ""))
    address, heard = window.seen
    assert address == ("window_message", {"cloister": "stored", "words": str(window.thread_id)})
    assert (heard[0], heard[1]["thread_id"]) == ("first_interaction", str(window.thread_id))
