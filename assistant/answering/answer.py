"""An answer in the making: what the model said, what of it may be shown, and how long it took."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from assistant.answering.guarding import GuardedConversation
from connectors.model_hosts.values import Route, Usage
from policies.verdict import Verdict


class Answer:
    """Take tokens in, give guarded text out, and remember what the record needs.

    Attributes:
        text: the guarded answer so far, placeholders in place; what the history keeps.
        route: the deployment that answers now; None until one was chosen.
        usage: the host's own count, given at the end.
    """

    def __init__(self, conversation: GuardedConversation, clock: Callable[[], float]) -> None:
        self._conversation = conversation
        self._clock = clock
        self._guard = conversation.open_answer()
        self._restorer = conversation.open_restorer()
        self._pieces: list[str] = []
        self._pending = ""  # guarded, and not to be seen before its placeholders are kept
        self._started = clock()
        self._first_token: float | None = None
        self._earlier: list[Verdict] = []  # of what hosts said before another one took over
        self.route: Route | None = None
        self.usage: Usage | None = None

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
        return bool(self._pending)

    @property
    def asked_route(self) -> Route:
        """Return the deployment that answers; a host was asked, so there is one."""
        if self.route is None:
            raise RuntimeError("No deployment was chosen for this answer yet.")
        return self.route

    @property
    def has_begun(self) -> bool:
        """Tell whether the model said anything yet, shown or held back."""
        return self._first_token is not None

    @property
    def is_blocked(self) -> bool:
        """Tell whether the guard stopped this answer."""
        return self._guard.is_blocked or any(verdict.is_blocked for verdict in self._earlier)

    @property
    def verdict(self) -> Verdict:
        """Return what the guard did to the answer so far, whichever hosts wrote it.

        After a takeover the offsets of findings count from the beginning of the part that holds them.
        """
        verdicts = [*self._earlier, self._guard.verdict_so_far]
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

    def feed(self, token: str) -> None:
        """Take a piece from the model."""
        if self._first_token is None:
            self._first_token = self._clock()
        self._pending += self._guard.feed(token)

    def finish(self) -> None:
        """Take the end of what the model said."""
        self._pending += self._guard.close()

    def start_over(self, separator: str) -> None:
        """End what the first host said, and begin anew below a separator."""
        self.finish()
        self._earlier.append(self._guard.verdict)
        self._pending += separator
        self._guard = self._conversation.open_answer()

    def release(self) -> str:
        """Return what the person may see now; the placeholders in it must have been kept before."""
        guarded, self._pending = self._pending, ""
        self._pieces.append(guarded)
        return self._restorer.feed(guarded)

    def release_last(self) -> str:
        """Return the very end of what the person may see."""
        return self.release() + self._restorer.close()
