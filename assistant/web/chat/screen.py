"""One answer as a person sees it come: what a turn yields, drawn onto the page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Protocol, assert_never
from uuid import UUID

from assistant.answering.words import title_of_question
from assistant.balance import Balance
from assistant.conversation import Message, MessageState
from assistant.turn_events import (
    Accepted,
    Answered,
    AnswerText,
    Blocked,
    Failed,
    Guarded,
    Interrupted,
    Notice,
    ReasoningText,
    Routed,
    ToolCallText,
    TurnEvent,
    Waiting,
)
from assistant.web.chat import steps
from assistant.web.chat.pacing import Pacer
from assistant.web.chat.steps import UNTITLED, Line, Step
from policies.explanation import details
from policies.verdict import Verdict

_ELSEWHERE: Final = "This answer goes on in another window."
PAGE_EVENT: Final = "window_message"  # reaches static/chat.js
_THINKING: Final = "Thinking"
_ATTACH_AGAIN: Final = "Attach the files again before you send it."
_MARK: Final = "cloister"


class Window(Protocol):
    """An open page of a person, or what is left of it after it was closed."""

    @property
    def id(self) -> str:
        """Return what stays the same when the page connects again."""

    @property
    def session(self) -> str:
        """Return the token of the session under which it is open."""

    @property
    def thread_id(self) -> UUID:
        """Return the conversation that it shows."""

    @property
    def persona(self) -> str:
        """Return the persona that was chosen; not yet checked."""

    async def emit(self, event: str, data: Any) -> None:
        """Send an event to the page; it is lost if nobody is there."""


async def tell_page(window: Window, what: str, words: str = "") -> None:
    """Tell our own script on the page something.

    Args:
        window: where it is open.
        what: `refused` puts the text back, `signed-out` leads to the sign-in, `stored` gives its address.
        words: why it was refused; which conversation is stored.
    """
    await window.emit(PAGE_EVENT, {_MARK: what, "words": words})


class Screen:
    """Draw one exchange, and remember it so that a reloaded page can be brought up to date."""

    def __init__(
        self, window: Window, *, message_id: UUID, answer_id: UUID, link: Callable[[str], Awaitable[str]] | None = None
    ) -> None:
        """Begin with an empty page.

        Args:
            window: where it is seen.
            message_id: of the question.
            answer_id: of the answer.
            link: makes the names of lines in a whole answer lead to them.
        """
        self._window = window
        self._link = link
        self._command = ""
        self._has_files = False
        self._thread_id = window.thread_id
        self._message_id = message_id
        self._answer_id = answer_id
        self._drawn: dict[str, Step] = {}
        self._question: Step | None = None
        self._waiting: Step | None = None
        self._answer: Step | None = None
        self._pacer = Pacer(self._send_token)
        self._thinking: Step | None = None
        self._thoughts = Pacer(self._send_thought)
        self._tools: dict[int, str] = {}  # the names of tools that the model asked for
        self._is_stored = False
        self._has_frame = False
        self._is_routed = False

    @property
    def session(self) -> str:
        """Return the token of the session under which the answer is being read."""
        return self._window.session

    @property
    def is_stored(self) -> bool:
        """Tell whether the history has the question."""
        return self._is_stored

    async def ask(self, text: str, *, author: str, command: str = "", has_files: bool = False) -> None:
        """Show what was asked, for a page that lost it while it connected; kept until the history has it."""
        self._command = command
        self._has_files = has_files
        self._question = steps.user_message(self._message_id, self._thread_id, text, author=author, command=command)
        await self._window.emit("new_message", self._question)

    async def begin(self) -> None:
        """Show that an answer is on its way."""
        await self._window.emit("task_start", {})

    async def end(self) -> None:
        """Show that nothing more comes."""
        await self._close_answer()
        await self._take_away_waiting()
        if self._has_frame:
            await self._draw(steps.run(self._answer_id, self._thread_id, self._message_id, is_over=True))
        await self._window.emit("task_end", {})

    async def move_to(self, window: Window) -> None:
        """Go on in another window of the same person, which gets everything drawn so far; the old one is told."""
        old, self._window = self._window, window
        if old.id != window.id:
            await self._leave(old)
        await window.emit("task_start", {})
        for step in ([self._question] if self._question else []) + list(self._drawn.values()):
            await window.emit("new_message", step)

    async def _leave(self, window: Window) -> None:
        """End what a window shows as running: nothing more comes there."""
        thread_id, parent = self._thread_id, self._message_id
        if self._waiting is not None:
            await window.emit("delete_message", self._waiting)
        if self._answer is not None:
            await window.emit("update_message", {**self._answer, "streaming": False})
        if self._has_frame:
            parent = steps.run_id(self._answer_id)
            await window.emit("new_message", steps.run(self._answer_id, thread_id, self._message_id, is_over=True))
        await window.emit("new_message", steps.line(Line.NOTICE, _ELSEWHERE, thread_id=thread_id, parent=parent))
        await window.emit("task_end", {})

    async def show(self, event: TurnEvent) -> None:
        """Draw what happened."""
        match event:
            case AnswerText() | ReasoningText() | ToolCallText():
                await self._show_said(event)
            case Accepted(_, balance):  # the reference is said at the end
                await self._show_balance(balance)
            case Guarded():
                await self._show_guarded(event)
            case Routed(route):
                self._is_routed = True
                await self._show_waiting(f"Asking {route.host} · {route.model}")
            case Waiting(words):
                await self._show_waiting(words)
            case Notice(words):
                await self.add_line(Line.NOTICE, words)
            case Answered():
                await self._close_answer()
                detail = steps.why(details(event.verdict), self._answer_id)
                await self.add_line(Line.MUTED, event.note, detail=detail, is_below_answer=True)
            case Blocked():
                await self._show_blocked(event)
            case Interrupted(reference, words) | Failed(reference, words):
                await self._close_answer()
                await self.add_line(Line.TROUBLE, _with_reference(words, reference), is_below_answer=True)
            case _:
                assert_never(event)

    async def _show_balance(self, balance: Balance) -> None:
        for words in balance.warnings():
            await self._draw_line(Line.MUTED, words, parent=self._message_id)

    async def refuse(self, words: str) -> None:
        """Say why nothing was sent; the person's text goes back into the composer."""
        await self._draw_line(Line.TROUBLE, words, parent=self._message_id)
        await self._give_back(words)

    async def _give_back(self, words: str) -> None:
        """Put the text back into the composer; files are taken once, and a text sent again would go without them."""
        await tell_page(self._window, "refused", f"{words} {_ATTACH_AGAIN}" if self._has_files else words)

    async def show_recorded(self, message: Message) -> None:
        """Say how the answer ended that was already recorded when Stop came."""
        await self._close_answer()
        if message.state is MessageState.BLOCKED:
            await self.add_line(Line.BLOCKED, message.note or message.text, is_below_answer=True)
        else:
            await self.add_line(Line.MUTED, message.note, is_below_answer=True)

    async def stop(self, words: str) -> None:
        """Say that the answer ends here."""
        await self._close_answer()
        await self.add_line(Line.NOTICE, words, is_below_answer=True)

    async def add_line(self, kind: Line, words: str, *, detail: str = "", is_below_answer: bool = False) -> None:
        """Add a quiet line to the answer's frame, or below the answer if there is one."""
        if is_below_answer and self._answer is not None:
            await self._draw_line(kind, words, parent=self._answer_id, detail=detail)
        else:
            await self._draw_line(kind, words, parent=await self._frame(), detail=detail)

    async def set_line(self, line_id: UUID, kind: Line, words: str) -> None:
        """Add a line, or change it when it is there: for progress."""
        step = steps.line(kind, words, thread_id=self._thread_id, parent=await self._frame(), line_id=line_id)
        await self._draw(step)

    async def note_question(self, words: str) -> None:
        """Add a quiet line below the person's message."""
        await self._draw_line(Line.NOTICE, words, parent=self._message_id)

    async def note_files(self, names: Sequence[str]) -> None:
        """Say below the person's message which files came along."""
        await self._draw_line(Line.ATTACHED, steps.attached_words(names), parent=self._message_id)

    async def _frame(self) -> UUID:
        """Return the frame of the answer, drawn when it is first needed: what concerns the question stands above it."""
        if not self._has_frame:
            self._has_frame = True
            await self._draw(steps.run(self._answer_id, self._thread_id, self._message_id, is_over=False))
        return steps.run_id(self._answer_id)

    async def _show_guarded(self, event: Guarded) -> None:
        await self._name_thread(event.verdict)
        if event.note and not event.verdict.is_blocked:
            detail = steps.why(details(event.verdict), self._message_id)
            await self._draw_line(Line.GUARD, event.note, parent=self._message_id, detail=detail)

    async def _name_thread(self, verdict: Verdict) -> None:
        """Let the page list the conversation: only now it is stored, and only the guarded text may name it."""
        self._question = None
        if not self._is_stored:
            self._is_stored = True
            title = title_of_question(verdict.text, self._command) or UNTITLED
            await tell_page(self._window, "stored", str(self._thread_id))
            await self._window.emit("first_interaction", {"interaction": title, "thread_id": str(self._thread_id)})

    async def _show_waiting(self, words: str) -> None:
        await self._take_away_waiting()
        if self._answer is None:
            step = steps.line(Line.WAITING, words, thread_id=self._thread_id, parent=await self._frame())
            step["end"] = None  # the page lets it shimmer
            self._waiting = step
            await self._draw(step)

    async def _take_away_waiting(self) -> None:
        if self._waiting is not None:
            step, self._waiting = self._waiting, None
            del self._drawn[step["id"]]
            await self._window.emit("delete_message", step)

    async def _show_text(self, text: str) -> None:
        if self._answer is None:
            await self._frame()
            await self._take_away_waiting()
            self._answer = steps.answer(self._answer_id, self._thread_id, "", is_streaming=True)
            self._drawn[self._answer["id"]] = self._answer
            await self._window.emit("stream_start", self._answer)
        await self._pacer.add(text)

    async def _show_said(self, event: AnswerText | ReasoningText | ToolCallText) -> None:
        match event:
            case AnswerText(text):
                await self._show_text(text)
            case ReasoningText(text):
                await self._show_thought(text)
            case ToolCallText(number, name):
                self._tools[number] = self._tools.get(number, "") + name

    async def _show_thought(self, text: str) -> None:
        """Show what the model thinks in a line that opens; the history does not keep it."""
        if self._thinking is None:
            frame = await self._frame()
            await self._take_away_waiting()
            self._thinking = steps.line(Line.THINKING, _THINKING, thread_id=self._thread_id, parent=frame)
            await self._draw(self._thinking)
        await self._thoughts.add(text)

    async def _send_thought(self, text: str) -> None:
        await self._send_piece(self._thinking, text)

    async def _send_token(self, text: str) -> None:
        await self._send_piece(self._answer, text)

    async def _send_piece(self, step: Step | None, text: str) -> None:
        if step is not None:
            step["output"] += text
            token = {"id": step["id"], "token": text, "isSequence": False, "isInput": False}
            await self._window.emit("stream_token", token)

    async def _close_answer(self) -> None:
        """Send the whole text once more: what was lost while the page was away is there again."""
        if self._thinking is not None:
            await self._thoughts.close()
            await self._window.emit("update_message", self._thinking)
        if self._tools:
            names, self._tools = ", ".join(name for name in self._tools.values() if name), {}
            await self.add_line(
                Line.NOTICE, f"The model asked for a tool ({names}), which this assistant does not have."
            )
        if self._answer is not None and self._answer["streaming"]:
            await self._pacer.close()
            self._answer["streaming"] = False
            try:
                if self._link is not None:
                    self._answer["output"] = await self._link(self._answer["output"])
            finally:  # a Stop that comes now takes the links, and must not leave the page waiting for more
                await self._window.emit("update_message", self._answer)

    async def _show_blocked(self, event: Blocked) -> None:
        await self._close_answer()
        words = _with_reference(event.words, event.reference)
        message_id = self._answer_id if self._is_routed else self._message_id
        detail = steps.why(details(event.verdict), message_id)
        if self._is_routed:
            await self.add_line(Line.BLOCKED, words, detail=detail, is_below_answer=True)
        else:
            await self._name_thread(event.verdict)
            await self._draw_line(Line.BLOCKED, words, parent=self._message_id, detail=detail)
            await self._give_back(words)

    async def _draw_line(self, kind: Line, words: str, *, parent: UUID, detail: str = "") -> None:
        await self._draw(steps.line(kind, words, thread_id=self._thread_id, parent=parent, detail=detail))

    async def _draw(self, step: Step) -> None:
        self._drawn[step["id"]] = step
        await self._window.emit("new_message", step)


def _with_reference(words: str, reference: str) -> str:
    return words if reference in words else f"{words} (ref {reference})"
