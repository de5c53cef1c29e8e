"""How likely the tokens of an answer were, told as far as they spell what the person sees, letter for letter."""

from __future__ import annotations

from connectors.model_hosts.values import TokenChance


class Chances:
    """Take what a host says of its tokens, and give out that of tokens whose whole text was shown.

    A token of a value that the guard took out must not be told here instead. So nothing is told any more from the
    first letter on that differs: a placeholder, a value put back, what another host said.
    """

    def __init__(self) -> None:
        self._pending: list[TokenChance] = []
        self._raw = ""  # what the pending tokens spell, and is not shown yet
        self._ahead = 0  # characters of the first pending token that are shown already
        self.is_lost = False

    def heard(self, text: str, chances: tuple[TokenChance, ...]) -> None:
        """Take a piece of the answer as the guard is given it."""
        if self.is_lost:
            return
        if "".join(chance.token for chance in chances) != text:
            self.lose()
            return
        self._pending += chances
        self._raw += text

    def shown(self, text: str) -> tuple[TokenChance, ...]:
        """Take a piece that the person sees now, and return the tokens that are shown whole with it."""
        if self.is_lost or not self._raw.startswith(text):
            self.lose()
            return ()
        self._raw = self._raw[len(text) :]
        self._ahead += len(text)
        whole: list[TokenChance] = []
        while self._pending and len(self._pending[0].token) <= self._ahead:
            self._ahead -= len(self._pending[0].token)
            whole.append(self._pending.pop(0))
        return tuple(whole)

    def lose(self) -> None:
        """Tell nothing any more."""
        self.is_lost = True
        self._pending.clear()
        self._raw = ""
