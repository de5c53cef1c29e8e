"""What a door sees of a turn, in the order in which it happens.

Accepted → Guarded → (Blocked | Waiting … → Routed → AnswerText … → (Answered | Blocked | Interrupted | Failed))

`Waiting` stands wherever something is waited for, `ReasoningText` and `ToolCallText` wherever `AnswerText` may,
`Notice` anywhere after `Guarded`. The last event is always one of Answered, Blocked, Interrupted or Failed, and the
audit event of the same meaning is durable before it is given out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from assistant.balance import Balance
from connectors.model_hosts.values import Route, Usage, Vectors
from policies.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Accepted:
    """The request is in the audit log.

    Attributes:
        reference: how a person can speak of it.
        balance: what is left of the limits that hold for it, itself taken off.
    """

    reference: str
    balance: Balance = field(default=Balance())


@dataclass(frozen=True, slots=True)
class Guarded:
    """The guard has looked at everything that goes to the model.

    Attributes:
        verdict: of the person's own text and files together.
        note: the quiet line under the message; empty when nothing was held back.
    """

    verdict: Verdict
    note: str


@dataclass(frozen=True, slots=True)
class Routed:
    """A deployment was chosen; given again when another one takes over."""

    route: Route


@dataclass(frozen=True, slots=True)
class Waiting:
    """What the answer waits for now: its place in line, a model that is loading. The next one takes its place."""

    words: str


@dataclass(frozen=True, slots=True)
class AnswerText:
    """A guarded piece of the answer, placeholders of this conversation restored for its owner."""

    text: str


@dataclass(frozen=True, slots=True)
class ReasoningText:
    """A guarded piece of what the model thinks; it is shown while it comes and kept nowhere."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCallText:
    """A guarded piece of the model's wish to call a tool; the pieces of several calls may alternate.

    Attributes:
        number: of the call in this answer, from 0.
        name: the next characters of the tool's name.
        arguments: the next characters of a JSON text.
    """

    number: int
    name: str = ""
    arguments: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the person should know: a takeover, messages left out."""

    words: str


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer is complete, stored and in the audit log.

    Attributes:
        note: the muted line below it: host, model, seconds, reference.
        verdict: what the guard did to the answer.
        usage: the host's own count; None when it gave none.
        vectors: of a request that wanted them and no words.
    """

    reference: str
    note: str
    verdict: Verdict
    usage: Usage | None = None
    vectors: Vectors | None = None


@dataclass(frozen=True, slots=True)
class Blocked:
    """Nothing (more) goes on; `words` say which rule, which masked span and what to do."""

    reference: str
    words: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Interrupted:
    """The answer stopped before its end, and is marked so in the history; `words` say why."""

    reference: str
    words: str


class Trouble(StrEnum):
    """Why there is no answer, for a door that has to say it in a number."""

    UNFIT = "unfit"  # no model here can do what was asked, or it cannot be guarded in this form
    OVERLONG = "overlong"  # no model has room for the prompt: shorten it
    AWAY = "away"  # a host, the database or the like does not answer: ask again
    BUSY = "busy"  # all hosts are busy: ask again later
    OURS = "ours"
    LIMIT = "limit"  # of what the person may use: wait


@dataclass(frozen=True, slots=True)
class Failed:
    """No answer; `words` say what failed and what to do. The details stand in the log under the reference.

    Attributes:
        retry_after_seconds: when asking again is worth it; 0 where nobody knows.
    """

    reference: str
    words: str
    trouble: Trouble = Trouble.OURS
    retry_after_seconds: int = 0


TurnEvent = (
    Accepted
    | Guarded
    | Waiting
    | Routed
    | ReasoningText
    | ToolCallText
    | AnswerText
    | Notice
    | Answered
    | Blocked
    | Interrupted
    | Failed
)
