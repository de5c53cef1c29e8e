"""What can go wrong with the machines that Cloister speaks to.

ConnectorError
├── FleetError      fleet.yaml cannot be used; names the file and the line
├── NoRouteError    no model host can take this prompt; says which there are and what would help
│   └── BusyError   not now: all are busy and the line before them is long; says when to ask again
├── HostError       a model host failed during an answer; says whether another one can help
└── refusals.EgressRefusedError   the network lock refused; a PermissionError, too

A message says what failed and what to do next. It never holds a prompt, an answer or a key.
"""

from __future__ import annotations

from pathlib import Path


class ConnectorError(Exception):
    """Be the root of every error of a connector; its message may be shown to a person."""


class FleetError(ConnectorError):
    """The fleet's file cannot be used.

    Attributes:
        file: the file that was read.
        line: the line at fault, from 1; 0 when the file as a whole is.
    """

    def __init__(self, message: str, *, file: Path, line: int = 0) -> None:
        super().__init__(f"{file}, line {line}: {message}" if line else f"{file}: {message}")
        self.file = file
        self.line = line


class NoRouteError(ConnectorError):
    """No deployment can take this prompt now.

    Attributes:
        is_overlong: there are models, and none has room for the prompt: waiting does not help.
        is_unfit: there are models, and none can do what was asked: neither does it.
    """

    def __init__(self, message: str, *, is_overlong: bool = False, is_unfit: bool = False) -> None:
        super().__init__(message)
        self.is_overlong = is_overlong
        self.is_unfit = is_unfit


class BusyError(NoRouteError):
    """Every deployment that could take this prompt is busy, and waiting longer is no use.

    Attributes:
        retry_after_seconds: when it is worth asking again.
    """

    def __init__(self, message: str, *, retry_after_seconds: int) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class HostError(ConnectorError):
    """A model host failed, refused or fell silent.

    Attributes:
        can_retry: another deployment, or the same one later, may succeed.
        is_overlong, is_unfit: it works; the prompt, or what was asked, is what fails, as `NoRouteError` says.
        has_gone_down: its process ended with this prompt in its hands, before it said a word.
        host: the host's name as the administrator wrote it.
        model: the model's public name.
    """

    def __init__(
        self,
        message: str,
        *,
        can_retry: bool,
        host: str,
        model: str,
        is_overlong: bool = False,
        is_unfit: bool = False,
        has_gone_down: bool = False,
    ) -> None:
        super().__init__(message)
        self.can_retry = can_retry
        self.has_gone_down = has_gone_down
        self.is_overlong = is_overlong
        self.is_unfit = is_unfit
        self.host = host
        self.model = model
