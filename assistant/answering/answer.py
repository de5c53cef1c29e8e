"""An answer in the making: what the model said, what of it may be shown, and how long it took."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final, NamedTuple

from assistant.answering.aside import Aside, AsideEvent
from assistant.answering.chances import Chances
from assistant.answering.guarding import ON_LOOP_CHARS, GuardedConversation
from assistant.turn_events import AnswerText, ReasoningText, ToolCallText
from connectors.model_hosts.values import NO_WISHES, Reasoning, Route, Token, ToolCallPiece, Usage, Wishes
from policies.pseudonyms import JsonQuoting
from policies.verdict import Direction, Verdict

_NAME: Final = "name "
_CALL: Final = "call "
_GATHERED_SECONDS: Final = 1.0  # so long a host may go on with what the guard would stop


class Call(NamedTuple):
    """A call of a tool as the caller was shown it, guarded, placeholders in place; the end may be missing."""

    name: str
    arguments: str

    def __str__(self) -> str:
        """Return it as people read it."""
        return f"{self.name}({self.arguments})"


class Answer:
    """Take tokens in, give guarded text out, and remember what the record needs.

    Args:
        conversation: whose guard looks at it.
        clock: seconds.
        wishes: of the caller.
        is_whole: nobody sees a piece of it before its end. A look of the guard costs about the same whatever its
            length, so it looks seldom then: once for most answers, after a second or a page for long ones.

    Attributes:
        text: the guarded answer so far, placeholders in place; what the history keeps.
        route: the deployment that answers now; None until one was chosen.
        usage: the host's own count, given at the end.
        heard_chars: how much hosts said, shown or not.
    """

    def __init__(
        self,
        conversation: GuardedConversation,
        clock: Callable[[], float],
        wishes: Wishes = NO_WISHES,
        *,
        is_whole: bool = False,
    ) -> None:
        self._conversation = conversation
        self._clock = clock
        self._wishes = wishes
        self._is_whole = is_whole
        self._gathered: list[str] = []  # not guarded yet: whoever waits for the whole needs no pieces of it
        self._gathered_chars = 0
        self._gathered_since = 0.0
        self._guard = conversation.open_answer()
        self._restorer = conversation.open_restorer(is_json=bool(wishes.format))
        self._quoting = JsonQuoting() if wishes.format else None
        self._pieces: list[str] = []
        self._pending = ""  # guarded, and not to be seen before its placeholders are kept
        self._started = clock()
        self._first_token: float | None = None
        self._earlier: list[Verdict] = []  # of what hosts said before another one took over
        self._asides: dict[str, Aside] = {}
        self._earlier_calls: list[Call] = []  # of hosts that failed
        self._chances = Chances() if wishes.has_chances else None
        self._has_said = False
        self._joins = False  # the next piece follows what another host said
        self.route: Route | None = None
        self.usage: Usage | None = None
        self.heard_chars = 0

    @property
    def text(self) -> str:
        """Return the guarded text that was released so far."""
        return "".join(self._pieces)

    @property
    def conversation(self) -> GuardedConversation:
        """Return the conversation whose placeholders this answer uses and issues."""
        return self._conversation

    @property
    def has_pending(self) -> bool:
        """Tell whether there is something to release."""
        return bool(self._pending) or any(aside.has_pending for aside in self._asides.values())

    @property
    def asked_route(self) -> Route:
        """Return the deployment that answers; a host was asked, so there is one."""
        if self.route is None:
            raise RuntimeError("No deployment was chosen for this answer yet.")
        return self.route

    @property
    def calls(self) -> list[Call]:
        """Return the calls of tools that the caller was shown something of, whichever hosts wished them."""
        shown = {key: aside.shown for key, aside in self._asides.items()}
        numbers = dict.fromkeys(key.partition(" ")[2] for key in shown if key.startswith((_NAME, _CALL)))
        calls = (Call(shown.get(f"{_NAME}{each}", ""), shown.get(f"{_CALL}{each}", "")) for each in numbers)
        return [*self._earlier_calls, *(call for call in calls if any(call))]

    @property
    def has_begun(self) -> bool:
        """Tell whether the model said anything of its answer yet, shown or held back."""
        return self._has_said

    @property
    def is_bound(self) -> bool:
        """Tell whether no other host can go on: half a call, or half of a JSON text, is with the caller."""
        has_called = any(aside.shown for key, aside in self._asides.items() if key != "reasoning")
        return (bool(self._wishes.format) and self._has_said) or (self._wishes.may_call and has_called)

    @property
    def is_blocked(self) -> bool:
        """Tell whether the guard stopped this answer."""
        return (
            self._guard.is_blocked
            or any(verdict.is_blocked for verdict in self._earlier)
            or any(aside.is_blocked for aside in self._asides.values())
        )

    @property
    def verdict(self) -> Verdict:
        """Return what the guard did to all that was said so far, whichever hosts said it.

        The offsets of findings count from the beginning of the part that holds them: after a takeover, in reasoning, in
        a tool call.
        """
        verdicts = [*self._earlier, self._guard.verdict_so_far, *(aside.verdict for aside in self._asides.values())]
        strictest = max(verdicts, key=lambda verdict: verdict.action.severity)
        decisions = tuple(decision for verdict in verdicts for decision in verdict.decisions)
        return replace(strictest, text="" if strictest.is_blocked else self.text, decisions=decisions)

    @property
    def milliseconds(self) -> int:
        """Return the time since the host was asked."""
        return round((self._clock() - self._started) * 1000)

    @property
    def first_token_milliseconds(self) -> int | None:
        """Return the time until the model said its first token."""
        return None if self._first_token is None else round((self._first_token - self._started) * 1000)

    def feed(self, item: Token | Reasoning | ToolCallPiece) -> None:
        """Take a piece from the model."""
        if self._first_token is None:
            self._first_token = self._clock()
        match item:
            case Token(text, chances):
                self._has_said = True
                self.heard_chars += len(text)
                text = self._joined(text)
                if self._chances is not None:
                    self._chances.heard(text, chances)
                self._hear(text)
            case Reasoning(text):
                self.heard_chars += len(text)
                self._aside("reasoning", Direction.ANSWER, ReasoningText).feed(text)
            case ToolCallPiece(number, name, arguments):
                self.heard_chars += len(name) + len(arguments)
                if name:
                    self._aside(f"{_NAME}{number}", Direction.TOOL, partial(_named, number)).feed(name)
                if arguments:
                    if named := self._asides.get(f"{_NAME}{number}"):
                        named.finish()  # whoever carries it out wants the whole name first
                    self._aside(f"{_CALL}{number}", Direction.TOOL, partial(_argued, number)).feed(arguments)

    def judge(self) -> None:
        """Have the guard look at what came and was gathered; nothing of it may be shown before."""
        if self._gathered:
            self._pending += self._guard.feed(self._take_gathered())

    def finish(self) -> None:
        """Take the end of what the model said."""
        self._pending += self._guard.close(self._take_gathered())
        for aside in self._asides.values():
            aside.finish()

    def drop_asides(self) -> None:
        """Forget what a host that failed said beside its answer; not what the guard found there, nor calls shown."""
        self.judge()
        self._earlier_calls = self.calls
        for aside in self._asides.values():
            aside.finish()
            self._earlier.append(aside.verdict)
        self._asides.clear()

    async def begun(self) -> str:
        """Return what was said so far as it may reach another model, to be gone on from; empty if it may not.

        What the guard of the answer still holds back is part of it, judged as a prompt with all that stands before it.
        That guard itself goes on: a value of which two hosts said one half each is still found.
        """
        self.judge()
        said = (self.text + self._pending + self._guard.held).rstrip()
        verdict = await self._conversation.check_prompt(said)
        return "" if verdict.is_blocked or self.is_blocked else verdict.text

    @property
    def is_joining(self) -> bool:
        """Tell whether the host that is to go on has not said anything yet."""
        return self._joins

    def go_on(self) -> None:
        """Have what comes now follow what was said, as one text."""
        self._joins = True

    def _joined(self, text: str) -> str:
        """Return a piece as it follows what was said: models do not know of a blank that was there already."""
        if not self._joins:
            return text
        if (self.text + self._pending + self._guard.held + "".join(self._gathered))[-1:].isspace():
            text = text.lstrip()
        self._joins = not text
        return text

    def start_over(self, separator: str) -> None:
        """End what the first host said, and begin anew below a separator."""
        self._joins = False
        self.judge()
        self._pending += self._guard.close()
        self._earlier.append(self._guard.verdict)
        self._pending += separator
        self._guard = self._conversation.open_answer()

    def break_off(self) -> None:
        """Have what came until now count as said, for the record of an answer that ends early."""
        if self._gathered:
            self.judge()
            self.release()

    def release(self, *, is_last: bool = False) -> tuple[AsideEvent | AnswerText, ...]:
        """Return what the person may see now, or at the very end; its placeholders must have been kept before."""
        beside = tuple(event for aside in self._asides.values() for event in aside.release())
        guarded, self._pending = self._pending, ""
        if self._quoting is not None:
            guarded = self._quoting.feed(guarded) + (self._quoting.close() if is_last else "")
        self._pieces.append(guarded)
        text = self._restorer.feed(guarded) + (self._restorer.close() if is_last else "")
        if not text:
            return beside
        if self._chances is not None and self.verdict.held_back:
            self._chances.lose()
        return (*beside, AnswerText(text, self._chances.shown(text) if self._chances is not None else ()))

    def _hear(self, text: str) -> None:
        """Take a piece of the text: to the guard at once, or when enough came together."""
        now = self._clock() if self._is_whole else 0.0
        if not self._gathered:
            self._gathered_since = now
        self._gathered.append(text)
        self._gathered_chars += len(text)
        is_enough = self._gathered_chars >= ON_LOOP_CHARS or now - self._gathered_since >= _GATHERED_SECONDS
        if is_enough or not self._is_whole:
            self.judge()

    def _take_gathered(self) -> str:
        text = "".join(self._gathered)
        self._gathered.clear()
        self._gathered_chars = 0
        return text

    def _aside(self, key: str, direction: Direction, event: Callable[[str], AsideEvent]) -> Aside:
        if key not in self._asides:
            is_json = key.startswith(_CALL)
            self._asides[key] = Aside(
                self._conversation.open_aside(direction),
                self._conversation.open_restorer(is_json=is_json),
                event,
                quoting=JsonQuoting() if is_json else None,
            )
        return self._asides[key]


def _named(number: int, text: str) -> ToolCallText:
    return ToolCallText(number, name=text)


def _argued(number: int, text: str) -> ToolCallText:
    return ToolCallText(number, arguments=text)
