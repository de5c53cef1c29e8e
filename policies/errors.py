"""What can go wrong in the guard's room.

GuardError
├── PolicyError        a file of the policy is wrong; names the file and the line
└── PseudonymsError    a conversation's sealed placeholders cannot be read

A text that may not pass is no error: it is a `Verdict`. A message here never holds text that a person or a model wrote.
"""

from __future__ import annotations


class GuardError(Exception):
    """Be the root of every error that `policies` raises on purpose."""


class PolicyError(GuardError):
    """A file of the policy cannot be used.

    Attributes:
        where: the file and the line, such as `secrets.yaml:12`.
    """

    def __init__(self, where: str, message: str) -> None:
        super().__init__(f"{where}: {message}")
        self.where = where


class PseudonymsError(GuardError):
    """The stored placeholders of a conversation are not in a form that this version reads."""
