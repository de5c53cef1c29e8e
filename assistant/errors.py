"""What can go wrong inside the product.

CloisterError
├── SettingsError          a setting, file or environment variable is wrong; nothing was started
├── NotAllowedError        this person may not do this; says which role or owner would
├── NotFoundError          no such thing, or not yours: the two are not told apart
├── HeldError              a legal hold forbids it; release that first
├── BadInputError          the person's input cannot be used; says what would be
├── LethalPromptError      model hosts went down at this prompt; it is sent to no other
├── UnavailableError       a part is down (database, Redis, audit log, every model host); retry can help
│   └── AuditUnavailableError   the audit log cannot be written: nothing may proceed
└── EmbeddedError          an embedded server or process cannot start; carries an exit status

A message says what failed, the value with `!r`, and what to do next. It never holds text that a person wrote.
"""

from __future__ import annotations

import traceback
from pathlib import Path


class CloisterError(Exception):
    """Be the root of every error that Cloister raises on purpose; its message may be shown to a person."""


class SettingsError(CloisterError):
    """A setting, a file of settings or an environment variable is wrong."""


class NotAllowedError(CloisterError):
    """The actor lacks the role or the ownership for this."""


class NotFoundError(CloisterError):
    """There is no such thing for this actor; foreign and missing things look the same."""


class HeldError(CloisterError):
    """A legal hold forbids to erase this."""


class BadInputError(CloisterError):
    """The input cannot be used as it is."""


class LethalPromptError(CloisterError):
    """Model hosts went down at this prompt, one after the other; the next one is not tried."""


class UnavailableError(CloisterError):
    """A part that is needed does not answer; the same request may succeed later."""


class AuditUnavailableError(UnavailableError):
    """The audit log cannot be written, so nothing may proceed."""


class EmbeddedError(CloisterError):
    """An embedded server or a supervised process cannot start or go on.

    Attributes:
        exit_status: what `cloister up` returns to the shell; listed in docs/operate.md.
    """

    def __init__(self, message: str, *, exit_status: int = 1) -> None:
        super().__init__(message)
        self.exit_status = exit_status


def where(error: BaseException) -> str:
    """Describe an unforeseen error for the log: its class and the lines it came through, never its message.

    The message of somebody else's error may quote what a person wrote.
    """
    frames = traceback.extract_tb(error.__traceback__)
    lines = " < ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in reversed(frames))
    return f"{type(error).__name__} at {lines or 'an unknown place'}"
