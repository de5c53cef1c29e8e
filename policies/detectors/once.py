"""What is asked of one value many times in a look at a text is answered once.

Views show the same values, and several rules ask the same of each. When the look ends, the answers go: no value stays.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps

_answers: ContextVar[dict[Hashable, bool] | None] = ContextVar("answers", default=None)


@contextmanager
def one_look() -> Iterator[None]:
    """Remember answers until the outermost look ends."""
    if _answers.get() is not None:
        yield
        return
    token = _answers.set({})
    try:
        yield
    finally:
        _answers.reset(token)


def answered_once(question: Hashable, answer: Callable[[], bool]) -> bool:
    """Return the answer to a question; within a look it is found once. One that raises is asked again."""
    answers = _answers.get()
    if answers is None:
        return answer()
    known = answers.get(question)
    if known is None:
        known = answers[question] = answer()
    return known


def once(check: Callable[[str], bool]) -> Callable[[str], bool]:
    """Let a check that other checks ask, too, judge each value once within a look."""

    @wraps(check)
    def asked(value: str) -> bool:
        return answered_once((check, value), lambda: check(value))

    return asked
