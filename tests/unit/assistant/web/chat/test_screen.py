from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from assistant.conversation import Author, Message, MessageState
from assistant.web.chat.screen import Screen


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
