"""The history: threads and messages of every person, redacted text only, and which turns are still running."""

from assistant.history.history import History
from assistant.history.values import (
    Feedback,
    InterruptedTurn,
    SealedPseudonyms,
    StoredMessage,
    ThreadPage,
)

__all__ = [
    "Feedback",
    "History",
    "InterruptedTurn",
    "SealedPseudonyms",
    "StoredMessage",
    "ThreadPage",
]
