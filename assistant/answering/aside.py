"""What a model says beside its answer, reasoning and wishes to call tools: streams with a guard of their own."""

from __future__ import annotations

from collections.abc import Callable

from assistant.turn_events import ReasoningText, ToolCallText
from policies.pseudonyms import JsonQuoting, Restorer
from policies.stream import StreamGuard
from policies.verdict import Verdict

AsideEvent = ReasoningText | ToolCallText


class Aside:
    """Take pieces of one such stream in, give guarded pieces out.

    Args:
        guard: of this stream alone: what is held back here holds up neither the answer nor another call.
        restorer: puts the person's own values back.
        event: what a door is given for a piece.
        quoting: keeps JSON what it is where the guard takes a number out of it.
    """

    def __init__(
        self,
        guard: StreamGuard,
        restorer: Restorer,
        event: Callable[[str], AsideEvent],
        *,
        quoting: JsonQuoting | None = None,
    ) -> None:
        self._guard = guard
        self._quoting = quoting
        self._restorer = restorer
        self._event = event
        self._pending = ""  # guarded, and not to be seen before its placeholders are kept
        self._is_over = False
        self._shown: list[str] = []

    @property
    def verdict(self) -> Verdict:
        """Return what the guard did to it so far."""
        return self._guard.verdict_so_far

    @property
    def is_blocked(self) -> bool:
        """Tell whether the guard stopped it."""
        return self._guard.is_blocked

    @property
    def shown(self) -> str:
        """Return what was released so far, guarded, placeholders in place."""
        return "".join(self._shown)

    @property
    def has_pending(self) -> bool:
        """Tell whether there is something to release."""
        return bool(self._pending)

    def feed(self, text: str) -> None:
        """Take a piece from the model; nothing follows its end."""
        if self._is_over:
            return
        self._pending += self._guard.feed(text)

    def finish(self) -> None:
        """Take its end."""
        if not self._is_over:
            self._is_over = True
            self._pending += self._guard.close()

    def release(self) -> tuple[AsideEvent, ...]:
        """Return what the person may see now; the placeholders in it must have been kept before."""
        guarded, self._pending = self._pending, ""
        if self._quoting is not None:
            guarded = self._quoting.feed(guarded) + (self._quoting.close() if self._is_over else "")
        self._shown.append(guarded)
        text = self._restorer.feed(guarded) + (self._restorer.close() if self._is_over else "")
        return (self._event(text),) if text else ()
