"""Every event there is: a closed, flat list of types, each with a past-tense tag and with metadata only.

What `actor`, `subject`, `thread_id`, `turn_id`, `model`, `host`, `persona`, `turn` and `guard` hold becomes columns to
search by; all other fields stand in the body under `data`. A new event is one class here, one tag, and one line in
`Event`. Times are whole milliseconds: the canonical form has no fractions. No field holds what a person or a model
wrote: that lies encrypted under `content_id`, and `content_digest` is SHA-256 of its sealed bytes (`content.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final, get_args
from uuid import UUID

from assistant.audit.parts import GuardReport, Name, TextMark, TurnPlace
from assistant.conversation import Role


class Tag(StrEnum):
    """The name of an event type, in the log and in every search."""

    TURN_ACCEPTED = "turn:accepted"
    TURN_GUARDED = "turn:guarded"
    CONTEXT_COMPACTED = "context:compacted"
    TURN_ROUTED = "turn:routed"
    TURN_TAKEN_OVER = "turn:taken-over"
    TURN_CALLED = "turn:called"
    TURN_ANSWERED = "turn:answered"
    TURN_INTERRUPTED = "turn:interrupted"
    TURN_FAILED = "turn:failed"
    TURN_REFUSED = "turn:refused"
    PROMPT_BLOCKED = "prompt:blocked"
    ANSWER_BLOCKED = "answer:blocked"
    HOST_UNREACHABLE = "host:unreachable"
    ACCESS_REFUSED = "access:refused"
    PERSON_SIGNED_IN = "person:signed-in"
    PERSON_SIGN_IN_FAILED = "person:sign-in-failed"
    PERSON_SIGNED_OUT = "person:signed-out"
    PERSON_ADDED = "person:added"
    PERSON_CHANGED = "person:changed"
    TOKEN_CREATED = "token:created"  # noqa: S105 - a tag
    TOKEN_REVOKED = "token:revoked"  # noqa: S105 - likewise
    TOKEN_REFUSED = "token:refused"  # noqa: S105 - likewise
    FEEDBACK_GIVEN = "feedback:given"
    THREAD_DELETED = "thread:deleted"
    REPORT_FILED = "report:filed"
    REPORT_DECIDED = "report:decided"
    HIT_ASSIGNED = "hit:assigned"
    HIT_DECIDED = "hit:decided"
    HIT_CHANGED = "hit:changed"
    CASE_OPENED = "case:opened"
    CASE_CHANGED = "case:changed"
    CASE_DECIDED = "case:decided"
    CASE_CLOSED = "case:closed"
    CASE_REOPENED = "case:reopened"
    CASE_VIEWED = "case:viewed"
    REVIEW_SAMPLED = "review:sampled"
    SAMPLE_JUDGED = "sample:judged"
    SECOND_LOOKS_DRAWN = "second-look:drawn"
    SECOND_LOOK_JUDGED = "second-look:judged"
    SECOND_LOOK_SETTLED = "second-look:settled"
    PERSON_LOOKED_UP = "person:looked-up"
    UNMASK_REQUESTED = "unmask:requested"
    UNMASK_APPROVED = "unmask:approved"
    UNMASK_DENIED = "unmask:denied"
    UNMASK_FORCED = "unmask:forced"
    UNMASK_REVIEWED = "unmask:reviewed"
    UNMASK_VIEWED = "unmask:viewed"
    UNMASK_EXPIRED = "unmask:expired"
    NOTICE_DELAYED = "notice:delayed"
    DOCUMENT_ADDED = "document:added"
    DOCUMENT_REMOVED = "document:removed"
    JOB_ENQUEUED = "job:enqueued"
    JOB_FINISHED = "job:finished"
    JOB_FAILED = "job:failed"
    JOB_CANCELLED = "job:cancelled"
    POLICY_LOADED = "policy:loaded"
    POLICY_REFUSED = "policy:refused"
    FLEET_LOADED = "fleet:loaded"
    FLEET_REFUSED = "fleet:refused"
    QUOTAS_LOADED = "quotas:loaded"
    QUOTAS_REFUSED = "quotas:refused"
    HOST_DRAINED = "host:drained"
    HOST_UNDRAINED = "host:undrained"
    FLEET_ORDERED = "fleet:ordered"
    FLEET_ORDER_DONE = "fleet:order-done"
    FLEET_ORDER_FAILED = "fleet:order-failed"
    EGRESS_REFUSED = "egress:refused"
    LOG_OPENED = "log:opened"
    LOG_READ = "log:read"
    LOG_VERIFIED = "log:verified"
    LOG_RESTORED = "log:restored"
    LOG_SPOOLED = "log:spooled"
    LOG_REPLAYED = "log:replayed"
    LOG_CONFLICTED = "log:conflicted"
    TEXT_DROPPED = "text:dropped"
    KEY_ROTATED = "key:rotated"
    HOLD_PLACED = "hold:placed"
    HOLD_RELEASED = "hold:released"
    ERASURE_REQUESTED = "erasure:requested"
    ERASURE_APPROVED = "erasure:approved"
    ERASURE_DENIED = "erasure:denied"
    ERASURE_WITHDRAWN = "erasure:withdrawn"
    ERASURE_EXECUTED = "erasure:executed"
    RETENTION_EXECUTED = "retention:executed"
    RETENTION_REFUSED = "retention:refused"
    ANCHOR_KEPT = "anchor:kept"
    ANCHOR_FAILED = "anchor:failed"
    ANCHOR_CONTRADICTED = "anchor:contradicted"
    HEAD_CONFIRMED = "head:confirmed"
    HEAD_CONTRADICTED = "head:contradicted"
    REVIEW_VIEWED = "review:viewed"
    REVIEW_SEARCHED = "review:searched"
    EXPORT_CREATED = "export:created"
    EXPORT_DOWNLOADED = "export:downloaded"


class Outcome(StrEnum):
    """How what the event tells of ended."""

    DONE = "done"
    REFUSED = "refused"  # by the guard, by a role, by the network lock
    FAILED = "failed"


class Cause(StrEnum):
    """Why an answer stopped before its end."""

    STOPPED = "stopped"  # by the person, or with the process in good order
    HOST_LOST = "host-lost"
    FAILED = "failed"  # inside the product
    CRASHED = "crashed"  # the process died; found by recovery


class Refusal(StrEnum):
    """Why a sign-in was refused."""

    WRONG = "wrong"  # name and password do not fit, or the account is switched off
    TOO_MANY_ATTEMPTS = "too-many-attempts"


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnAccepted:
    """A request came in and may go on; durable before anything else happens.

    Attributes:
        door: how it came in, such as `chat`.
        persona_version: the hash of the persona's file.
        chars: length of typed text and attachments together, and of what a caller says was said before.
        token_id: the API token that the caller came with.
        command: of the persona, chosen in the page.
    """

    tag: ClassVar = Tag.TURN_ACCEPTED
    outcome: ClassVar = Outcome.DONE
    turn: TurnPlace
    door: Name
    persona: Name
    persona_version: Name
    chars: int
    attachments: int = 0
    token_id: UUID | None = None
    command: Name | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnGuarded:
    """The guard let a prompt pass, changed or not.

    Attributes:
        chars: length of everything that goes to the model.
        text_mark: of the person's guarded text.
    """

    tag: ClassVar = Tag.TURN_GUARDED
    outcome: ClassVar = Outcome.DONE
    turn: TurnPlace
    guard: GuardReport
    chars: int
    text_mark: TextMark
    messages: int = 1
    content_id: UUID | None = None
    content_digest: Name | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptBlocked:
    """The guard held a whole prompt back; no model saw any of it."""

    tag: ClassVar = Tag.PROMPT_BLOCKED
    outcome: ClassVar = Outcome.REFUSED
    turn: TurnPlace
    guard: GuardReport
    content_id: UUID | None = None
    content_digest: Name | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextCompacted:
    """The oldest messages of a conversation are not sent, because no model has room for all; the person is told.

    Attributes:
        left_out: how many messages, and `messages` how many are sent.
        prompt_tokens, before_tokens: of what is sent, and of what would have been: 0 where it was not even read.
    """

    tag: ClassVar = Tag.CONTEXT_COMPACTED
    outcome: ClassVar = Outcome.DONE
    turn: TurnPlace
    left_out: int
    messages: int
    prompt_tokens: int
    before_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnRouted:
    """A deployment was chosen; again when another one takes over.

    Attributes:
        messages: how many go to the model.
        left_out: how many earlier ones had no room.
    """

    tag: ClassVar = Tag.TURN_ROUTED
    outcome: ClassVar = Outcome.DONE
    turn: TurnPlace
    host: Name
    model: Name
    reason: Name
    context_tokens: int = 0
    prompt_tokens: int = 0
    messages: int = 0
    left_out: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnTakenOver:
    """A host failed in the middle of its answer, and another one takes over.

    Attributes:
        host, model: of the one that takes over.
        chars: what had been shown.
        is_anew: it answers anew; otherwise it goes on from what had been said.
    """

    tag: ClassVar = Tag.TURN_TAKEN_OVER
    outcome: ClassVar = Outcome.DONE
    turn: TurnPlace
    host: Name
    model: Name
    after_host: Name
    after_model: Name
    chars: int
    is_anew: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HostUnreachable:
    """A model host failed in a turn, before or in the middle of its answer.

    Attributes:
        error: the class of the error.
        is_retried: another deployment is asked next.
        went_down: its process ended with the prompt in its hands, before it said a word; after two of them nobody is
            asked any more.
    """

    tag: ClassVar = Tag.HOST_UNREACHABLE
    outcome: ClassVar = Outcome.FAILED
    turn: TurnPlace | None = None
    host: Name
    model: Name
    error: Name
    is_retried: bool = False
    went_down: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnCalled:
    """The model asked the caller to run tools; durable before the end of its answer is.

    What was found in the calls counts in the event of that end.

    Attributes:
        calls: how many of them the caller was shown, whole or in part.
        chars: of their guarded names and arguments.
        text_mark: of these, as the log keeps them.
    """

    tag: ClassVar = Tag.TURN_CALLED
    outcome: ClassVar = Outcome.DONE
    turn: TurnPlace
    host: Name
    model: Name
    calls: int
    chars: int
    text_mark: TextMark
    content_id: UUID | None = None
    content_digest: Name | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnAnswered:
    """An answer is complete; durable before the person sees that it ended.

    Attributes:
        guard: what the guard did to the answer.
        text_mark: of the guarded answer as the history holds it.
        first_token_milliseconds: from asking the host; None when it sent nothing.
    """

    tag: ClassVar = Tag.TURN_ANSWERED
    outcome: ClassVar = Outcome.DONE
    turn: TurnPlace
    guard: GuardReport
    host: Name
    model: Name
    chars: int
    text_mark: TextMark
    prompt_tokens: int
    answer_tokens: int
    first_token_milliseconds: int | None
    total_milliseconds: int
    finish_reason: Name
    is_truncated: bool = False
    content_id: UUID | None = None
    content_digest: Name | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerBlocked:
    """The guard stopped an answer; `chars` of it had been shown."""

    tag: ClassVar = Tag.ANSWER_BLOCKED
    outcome: ClassVar = Outcome.REFUSED
    turn: TurnPlace
    guard: GuardReport
    host: Name
    model: Name
    chars: int
    total_milliseconds: int
    content_id: UUID | None = None
    content_digest: Name | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnInterrupted:
    """An answer stopped before its end: by the person, by a lost host, or by a crash that was found later.

    Attributes:
        text_mark: of what the history holds; None when that is nothing.
    """

    tag: ClassVar = Tag.TURN_INTERRUPTED
    outcome: ClassVar = Outcome.FAILED
    turn: TurnPlace
    cause: Cause
    chars: int = 0
    text_mark: TextMark | None = None
    guard: GuardReport | None = None
    host: Name | None = None
    model: Name | None = None
    total_milliseconds: int | None = None
    content_id: UUID | None = None
    content_digest: Name | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnFailed:
    """A turn ended without an answer; `error` is the class of the error, its words stand in the log file."""

    tag: ClassVar = Tag.TURN_FAILED
    outcome: ClassVar = Outcome.FAILED
    turn: TurnPlace
    error: Name
    total_milliseconds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnRefused:
    """A limit was reached, and nothing was sent; of refusals by one count of a limit, one in a minute is noted.

    Attributes:
        limit: its name in quotas.yaml.
        counted: requests, tokens, or answers running at once.
    """

    tag: ClassVar = Tag.TURN_REFUSED
    outcome: ClassVar = Outcome.REFUSED
    turn: TurnPlace
    door: Name
    persona: Name
    token_id: UUID | None
    limit: Name
    counted: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRefused:
    """Somebody asked for what their role or ownership does not give; `wanted` is the right or route."""

    tag: ClassVar = Tag.ACCESS_REFUSED
    outcome: ClassVar = Outcome.REFUSED
    actor: UUID | None
    wanted: Name
    door: Name = "chat"


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonSignedIn:
    """Somebody signed in."""

    tag: ClassVar = Tag.PERSON_SIGNED_IN
    outcome: ClassVar = Outcome.DONE
    actor: UUID
    method: Name = "password"


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonSignInFailed:
    """A sign-in was refused; the name that was typed may be a password, so only its mark is kept.

    Attributes:
        subject: whose account it was, if there is one.
    """

    tag: ClassVar = Tag.PERSON_SIGN_IN_FAILED
    outcome: ClassVar = Outcome.REFUSED
    subject: UUID | None
    name_mark: TextMark
    reason: Refusal
    method: Name = "password"


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonSignedOut:
    """Somebody ended their session."""

    tag: ClassVar = Tag.PERSON_SIGNED_OUT
    outcome: ClassVar = Outcome.DONE
    actor: UUID | None
    subject: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonAdded:
    """An account was made, by `actor` or by a command on the server."""

    tag: ClassVar = Tag.PERSON_ADDED
    outcome: ClassVar = Outcome.DONE
    actor: UUID | None
    subject: UUID
    roles: tuple[Role, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonChanged:
    """An account was changed; `roles` are those it is to have.

    Noted before it is done: a change that was refused then leaves a second event whose `change` ends in `-refused`.
    """

    tag: ClassVar = Tag.PERSON_CHANGED
    outcome: ClassVar = Outcome.DONE
    actor: UUID | None
    subject: UUID
    change: Name
    roles: tuple[Role, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCreated:
    """Somebody was given an API token; noted before anybody can read it.

    Attributes:
        scopes: what it may be used for: routes, personas and models by name.
        days: how long it lives.
    """

    tag: ClassVar = Tag.TOKEN_CREATED
    outcome: ClassVar = Outcome.DONE
    actor: UUID | None
    subject: UUID
    token_id: UUID
    scopes: tuple[Name, ...]
    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRevoked:
    """An API token opens nothing any more; noted before it is done."""

    tag: ClassVar = Tag.TOKEN_REVOKED
    outcome: ClassVar = Outcome.DONE
    actor: UUID | None
    subject: UUID
    token_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRefused:
    """A token opened nothing; `subject` and `token_id` are of one that once was a token."""

    tag: ClassVar = Tag.TOKEN_REFUSED
    outcome: ClassVar = Outcome.REFUSED
    subject: UUID | None
    token_id: UUID | None
    reason: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackGiven:
    """Somebody judged an answer."""

    tag: ClassVar = Tag.FEEDBACK_GIVEN
    outcome: ClassVar = Outcome.DONE
    actor: UUID
    thread_id: UUID
    turn_id: UUID | None
    message_id: UUID
    is_helpful: bool
    comment_chars: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFiled:
    """Somebody said that a finding of the guard is wrong; once more when they put a comment to it.

    Attributes:
        finding_rule, policy_version: by which the value was held back.
        direction: of the text that held it, `prompt` or `answer`.
    """

    tag: ClassVar = Tag.REPORT_FILED
    outcome: ClassVar = Outcome.DONE
    actor: UUID
    thread_id: UUID
    turn_id: UUID
    report_id: UUID
    message_id: UUID
    finding_rule: Name
    policy_version: Name
    direction: Name
    comment_chars: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportDecided:
    """A reviewer said whether the rule of a reported finding is wrong; `subject` is who reported it."""

    tag: ClassVar = Tag.REPORT_DECIDED
    outcome: ClassVar = Outcome.DONE
    actor: UUID
    subject: UUID
    turn_id: UUID
    report_id: UUID
    finding_rule: Name
    decision: Name
    note_chars: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class HitAssigned:
    """A reviewer gave a hit to somebody; `about` is whose turn it is, here and below.

    What the desk does is noted before it is done, and names nobody as its subject: what somebody is told of it, and
    when, is decided elsewhere.
    """

    tag: ClassVar = Tag.HIT_ASSIGNED
    outcome: ClassVar = Outcome.DONE
    actor: UUID
    about: UUID
    turn_id: UUID
    hit_id: UUID
    assignee: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class HitDecided:
    """A reviewer decided what a hit is, or a second one agreed.

    Attributes:
        is_final: nobody else has to agree.
        proposed_by: whose decision it is; another one than `actor` where a second person agreed.
    """

    tag: ClassVar = Tag.HIT_DECIDED
    outcome: ClassVar = Outcome.DONE
    actor: UUID
    about: UUID
    turn_id: UUID
    hit_id: UUID
    finding_rule: Name
    disposition: Name
    is_final: bool
    proposed_by: UUID
    note_chars: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class HitChanged:
    """A reviewer took another step with a hit.

    Attributes:
        change: `ask`, `send-back`, `close`, `reopen` or `note`.
        state: the one that it has then.
    """

    tag: ClassVar = Tag.HIT_CHANGED
    outcome: ClassVar = Outcome.DONE
    actor: UUID
    about: UUID
    turn_id: UUID
    hit_id: UUID
    change: Name
    state: Name
    note_chars: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseOpened:
    """A reviewer opened a case on these turns."""

    tag: ClassVar = Tag.CASE_OPENED
    outcome: ClassVar = Outcome.DONE
    actor: UUID
    case_id: UUID
    turn_ids: tuple[UUID, ...]
    title_chars: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseChanged:
    """A reviewer took a step with a case that decides nothing.

    Attributes:
        change: `assign`, `ask`, `send-back`, `note`, `add-turns` or `export`.
    """

    tag: ClassVar = Tag.CASE_CHANGED
    outcome: ClassVar = Outcome.DONE
    actor: UUID
    case_id: UUID
    change: Name
    state: Name
    assignee: UUID | None = None
    turn_ids: tuple[UUID, ...] = ()
    note_chars: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseDecided:
    """A reviewer decided a case, or a second one agreed; the fields are those of `HitDecided`."""

    tag: ClassVar = Tag.CASE_DECIDED
    outcome: ClassVar = Outcome.DONE
    actor: UUID
    case_id: UUID
    disposition: Name
    is_final: bool
    proposed_by: UUID
    note_chars: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseClosed:
    """A case that was decided is closed."""

    tag: ClassVar = Tag.CASE_CLOSED
    outcome: ClassVar = Outcome.DONE
    actor: UUID
    case_id: UUID
    note_chars: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseReopened:
    """A case that was decided is open again."""

    tag: ClassVar = Tag.CASE_REOPENED
    outcome: ClassVar = Outcome.DONE
    actor: UUID
    case_id: UUID
    note_chars: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseViewed:
    """Somebody looked at a case."""

    tag: ClassVar = Tag.CASE_VIEWED
    outcome: ClassVar = Outcome.DONE
    actor: UUID
    case_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewSampled:
    """Somebody had a sample drawn; with these fields anybody can draw it again.

    Attributes:
        wanted, drawn: how many events were asked for, and how many there were.
        batch: number of the head that the seed is of.
        seed: in hexadecimal.
    """

    tag: ClassVar = Tag.REVIEW_SAMPLED
    outcome: ClassVar = Outcome.DONE
    actor: UUID | None
    sample_id: UUID
    week: Name
    population: Name
    wanted: int
    drawn: int
    batch: int
    seed: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleJudged:
    """A reviewer said what an event of a sample is."""

    tag: ClassVar = Tag.SAMPLE_JUDGED
    outcome: ClassVar = Outcome.DONE
    actor: UUID
    about: UUID | None
    turn_id: UUID | None
    sample_id: UUID
    place: int
    disposition: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondLooksDrawn:
    """It was drawn which decisions of a week are read a second time; with these fields anybody can draw it again.

    Attributes:
        percent: how many of a hundred.
        decisions: how many there were to draw from.
        batch, seed: as of `ReviewSampled`.
    """

    tag: ClassVar = Tag.SECOND_LOOKS_DRAWN
    outcome: ClassVar = Outcome.DONE
    week: Name
    percent: int
    decisions: int
    drawn: int
    batch: int
    seed: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondLookJudged:
    """A reviewer who did not see what was decided about a hit said what they think it is.

    Attributes:
        decision_id: the final `hit:decided` that they read after.
    """

    tag: ClassVar = Tag.SECOND_LOOK_JUDGED
    outcome: ClassVar = Outcome.DONE
    actor: UUID
    about: UUID
    turn_id: UUID
    hit_id: UUID
    decision_id: UUID
    disposition: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondLookSettled:
    """An approver said which of two differing judgements is right, or that neither is."""

    tag: ClassVar = Tag.SECOND_LOOK_SETTLED
    outcome: ClassVar = Outcome.DONE
    actor: UUID
    about: UUID
    turn_id: UUID
    hit_id: UUID
    decision_id: UUID
    disposition: Name
    note_chars: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonLookedUp:
    """A reviewer asked which person has a name, to see what they did.

    Attributes:
        subject: who has it; the actor, where nobody does.
    """

    tag: ClassVar = Tag.PERSON_LOOKED_UP
    outcome: ClassVar = Outcome.DONE
    actor: UUID
    subject: UUID
    found: UUID | None
    lookup_id: UUID
    name_mark: TextMark
    reason_chars: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnmaskRequested:
    """A reviewer asked to see who people are, or the values behind the placeholders of these turns."""

    tag: ClassVar = Tag.UNMASK_REQUESTED
    outcome: ClassVar = Outcome.DONE
    actor: UUID
    unmask_id: UUID
    case_id: UUID
    turn_ids: tuple[UUID, ...]
    shows_names: bool
    shows_values: bool
    minutes: int
    reason_chars: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnmaskApproved:
    """A second person allowed it; the minutes run from now on."""

    tag: ClassVar = Tag.UNMASK_APPROVED
    outcome: ClassVar = Outcome.DONE
    actor: UUID
    unmask_id: UUID
    case_id: UUID
    requested_by: UUID
    minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnmaskDenied:
    """A second person did not allow it."""

    tag: ClassVar = Tag.UNMASK_DENIED
    outcome: ClassVar = Outcome.REFUSED
    actor: UUID
    unmask_id: UUID
    case_id: UUID
    requested_by: UUID
    note_chars: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class UnmaskForced:
    """Somebody allowed it to themselves in an emergency; a second person has to look at that."""

    tag: ClassVar = Tag.UNMASK_FORCED
    outcome: ClassVar = Outcome.DONE
    actor: UUID
    unmask_id: UUID
    case_id: UUID
    turn_ids: tuple[UUID, ...]
    shows_names: bool
    shows_values: bool
    minutes: int
    reason_chars: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnmaskReviewed:
    """A second person looked at an emergency afterwards."""

    tag: ClassVar = Tag.UNMASK_REVIEWED
    outcome: ClassVar = Outcome.DONE
    actor: UUID
    unmask_id: UUID
    case_id: UUID
    forced_by: UUID
    is_justified: bool
    note_chars: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnmaskViewed:
    """Somebody looks at what is unmasked; once a view, before they see it.

    Attributes:
        view: which one it is of this request, from 1.
    """

    tag: ClassVar = Tag.UNMASK_VIEWED
    outcome: ClassVar = Outcome.DONE
    actor: UUID
    unmask_id: UUID
    case_id: UUID
    turn_ids: tuple[UUID, ...]
    view: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnmaskExpired:
    """The time of an unmasking is over, or nobody answered the request in time."""

    tag: ClassVar = Tag.UNMASK_EXPIRED
    outcome: ClassVar = Outcome.DONE
    actor: UUID | None
    unmask_id: UUID
    case_id: UUID
    views: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeDelayed:
    """The employee is told of an unmasking later than was due."""

    tag: ClassVar = Tag.NOTICE_DELAYED
    outcome: ClassVar = Outcome.DONE
    actor: UUID
    unmask_id: UUID
    case_id: UUID
    about: UUID
    days: int
    reason_chars: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadDeleted:
    """A thread and its messages were deleted."""

    tag: ClassVar = Tag.THREAD_DELETED
    outcome: ClassVar = Outcome.DONE
    actor: UUID
    thread_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentAdded:
    """A document was given to the knowledge base."""

    tag: ClassVar = Tag.DOCUMENT_ADDED
    outcome: ClassVar = Outcome.DONE
    actor: UUID | None
    document_id: UUID
    source: Name
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentRemoved:
    """A document is gone from the knowledge base."""

    tag: ClassVar = Tag.DOCUMENT_REMOVED
    outcome: ClassVar = Outcome.DONE
    actor: UUID | None
    document_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEnqueued:
    """A job was asked for."""

    tag: ClassVar = Tag.JOB_ENQUEUED
    outcome: ClassVar = Outcome.DONE
    actor: UUID | None
    job_id: UUID
    task: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFinished:
    """A job did what it was asked."""

    tag: ClassVar = Tag.JOB_FINISHED
    outcome: ClassVar = Outcome.DONE
    actor: UUID | None
    job_id: UUID
    task: Name
    attempts: int = 1
    total_milliseconds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFailed:
    """A job was given up; its row has the reason in words."""

    tag: ClassVar = Tag.JOB_FAILED
    outcome: ClassVar = Outcome.FAILED
    actor: UUID | None
    job_id: UUID
    task: Name
    attempts: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCancelled:
    """A job was stopped on request."""

    tag: ClassVar = Tag.JOB_CANCELLED
    outcome: ClassVar = Outcome.DONE
    actor: UUID | None
    job_id: UUID
    task: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyLoaded:
    """A policy is in force in this process from now on."""

    tag: ClassVar = Tag.POLICY_LOADED
    outcome: ClassVar = Outcome.DONE
    policy_version: Name
    rules: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRefused:
    """A changed policy cannot be used in this process; `policy_version` stays in force.

    Attributes:
        place: file and line of what is wrong.
    """

    tag: ClassVar = Tag.POLICY_REFUSED
    outcome: ClassVar = Outcome.REFUSED
    policy_version: Name
    place: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetLoaded:
    """A fleet is in force in this process from now on; `hosts` are their names."""

    tag: ClassVar = Tag.FLEET_LOADED
    outcome: ClassVar = Outcome.DONE
    fleet_version: Name
    hosts: tuple[Name, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetRefused:
    """A changed fleet cannot be used in this process; `fleet_version` stays in force.

    Attributes:
        place: file and line of what is wrong.
    """

    tag: ClassVar = Tag.FLEET_REFUSED
    outcome: ClassVar = Outcome.REFUSED
    fleet_version: Name
    place: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotasLoaded:
    """Limits of use are in force in this process from now on; `limits` are their names."""

    tag: ClassVar = Tag.QUOTAS_LOADED
    outcome: ClassVar = Outcome.DONE
    quotas_version: Name
    limits: tuple[Name, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotasRefused:
    """A changed file of limits cannot be used in this process; `quotas_version` stays in force.

    Attributes:
        place: file and line of what is wrong.
    """

    tag: ClassVar = Tag.QUOTAS_REFUSED
    outcome: ClassVar = Outcome.REFUSED
    quotas_version: Name
    place: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class HostDrained:
    """Somebody took a model host out of service: it gets no new prompts, and finishes what it answers."""

    tag: ClassVar = Tag.HOST_DRAINED
    outcome: ClassVar = Outcome.DONE
    actor: UUID | None
    host: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class HostUndrained:
    """Somebody put a model host into service again."""

    tag: ClassVar = Tag.HOST_UNDRAINED
    outcome: ClassVar = Outcome.DONE
    actor: UUID | None
    host: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetOrdered:
    """Somebody wants something done at a model host; durable before it is.

    Attributes:
        act: such as `load` or `drain`.
        model: on which model; empty for what is about the whole host.
    """

    tag: ClassVar = Tag.FLEET_ORDERED
    outcome: ClassVar = Outcome.DONE
    actor: UUID | None
    host: Name
    act: Name
    model: Name = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetOrderDone:
    """What was ordered at a model host is done."""

    tag: ClassVar = Tag.FLEET_ORDER_DONE
    outcome: ClassVar = Outcome.DONE
    actor: UUID | None
    host: Name
    act: Name
    model: Name = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetOrderFailed:
    """What was ordered at a model host could not be done.

    Attributes:
        reason: `refused`; `withdrawn` by whoever ordered it, before its end; `stopped` with the process that did it;
            `lost` when that process died, or nobody was there who could.
    """

    tag: ClassVar = Tag.FLEET_ORDER_FAILED
    outcome: ClassVar = Outcome.FAILED
    actor: UUID | None
    host: Name
    act: Name
    model: Name = ""
    reason: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class EgressRefused:
    """The network lock refused an attempt to leave a process; never what was to be sent.

    Attributes:
        process: its label, such as `web`.
        action: `connect`, `send`, `look up`, `start` and so on.
        host: host, address or program, as far as it is shown.
        port: 0 where there is none.
        caller: the module that asked.
        dropped: refusals before this one that found the queue full.
        repeated: the same attempts before this one, since it was last told; within a minute they are only counted.
    """

    tag: ClassVar = Tag.EGRESS_REFUSED
    outcome: ClassVar = Outcome.REFUSED
    process: Name
    action: Name
    host: Name
    port: int
    caller: Name
    dropped: int = 0
    repeated: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LogOpened:
    """A process began to write to the log; `process` is such as `web` or `worker`."""

    tag: ClassVar = Tag.LOG_OPENED
    outcome: ClassVar = Outcome.DONE
    process: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRead:
    """Somebody read the log; `filters` names what was looked for, never a text."""

    tag: ClassVar = Tag.LOG_READ
    outcome: ClassVar = Outcome.DONE
    actor: UUID | None
    door: Name
    filters: tuple[Name, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LogVerified:
    """Somebody checked the whole log; `size` is how many events were sealed then."""

    tag: ClassVar = Tag.LOG_VERIFIED
    outcome: ClassVar = Outcome.DONE
    actor: UUID | None
    is_sound: bool
    size: int
    problems: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRestored:
    """The operator restored the log from a backup; transaction numbers begin anew in this era."""

    tag: ClassVar = Tag.LOG_RESTORED
    outcome: ClassVar = Outcome.DONE
    actor: UUID | None
    era: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSpooled:
    """The database is away, and from here on the events of this process waited on its disk.

    Attributes:
        spool: the name of the file, by which `log:replayed` tells what came of it.
        cause: the class of the error.
    """

    tag: ClassVar = Tag.LOG_SPOOLED
    outcome: ClassVar = Outcome.DONE
    spool: Name
    cause: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class LogReplayed:
    """What had waited on a disk was brought into the log; once more when that was interrupted just before its end.

    Attributes:
        records: how many could be read, `log:spooled` among them.
        added: how many of them were not in the log yet.
        unreadable: how many were changed, or sealed with another key.
        torn_bytes: what stood behind the last whole record; as a rule nobody was told that it is durable.
        refused: how many the database did not take.
        conflicts: how many stood in the log with another hash.
        erased_texts: how many came with a text whose key was destroyed meanwhile; they are in the log without it.
        oldest_seconds: how long the first of them had waited.
    """

    tag: ClassVar = Tag.LOG_REPLAYED
    outcome: ClassVar = Outcome.DONE
    spool: Name
    records: int
    added: int
    unreadable: int = 0
    torn_bytes: int = 0
    refused: int = 0
    conflicts: int = 0
    erased_texts: int = 0
    oldest_seconds: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LogConflicted:
    """A spooled event was to be added, and the log had another one of the same id; the file was set aside."""

    tag: ClassVar = Tag.LOG_CONFLICTED
    outcome: ClassVar = Outcome.FAILED
    event_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class TextDropped:
    """A spooled event came with a text whose key was destroyed meanwhile, and is in the log without it."""

    tag: ClassVar = Tag.TEXT_DROPPED
    outcome: ClassVar = Outcome.DONE
    thread_id: UUID
    event_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRotated:
    """Heads after the batch with this event are signed by a new key.

    Attributes:
        old_key, new_key: public keys as C2SP spells them.
        signature: by the old key, over both; Base64.
    """

    tag: ClassVar = Tag.KEY_ROTATED
    outcome: ClassVar = Outcome.DONE
    old_key: Name
    new_key: Name
    signature: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldPlaced:
    """A person (`subject`) or a conversation must not be erased from now on."""

    tag: ClassVar = Tag.HOLD_PLACED
    outcome: ClassVar = Outcome.DONE
    actor: UUID
    subject: UUID | None
    thread_id: UUID | None
    hold_id: UUID
    scope: Name
    reason_mark: TextMark


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldReleased:
    """A hold is over."""

    tag: ClassVar = Tag.HOLD_RELEASED
    outcome: ClassVar = Outcome.DONE
    actor: UUID
    subject: UUID | None
    thread_id: UUID | None
    hold_id: UUID
    scope: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureRequested:
    """Somebody asked that a person (`subject`), or the texts of a conversation, be erased."""

    tag: ClassVar = Tag.ERASURE_REQUESTED
    outcome: ClassVar = Outcome.DONE
    actor: UUID
    subject: UUID | None
    thread_id: UUID | None
    erasure_id: UUID
    scope: Name
    reason_mark: TextMark


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureApproved:
    """Somebody else agreed to an erasure, which another role carries out in the next moment."""

    tag: ClassVar = Tag.ERASURE_APPROVED
    outcome: ClassVar = Outcome.DONE
    actor: UUID
    subject: UUID | None
    thread_id: UUID | None
    erasure_id: UUID
    scope: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureDenied:
    """Somebody else did not agree to an erasure."""

    tag: ClassVar = Tag.ERASURE_DENIED
    outcome: ClassVar = Outcome.REFUSED
    actor: UUID
    subject: UUID | None
    thread_id: UUID | None
    erasure_id: UUID
    scope: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureWithdrawn:
    """Nothing is erased: whoever asked, or an approver, took the request back before it was carried out."""

    tag: ClassVar = Tag.ERASURE_WITHDRAWN
    outcome: ClassVar = Outcome.DONE
    actor: UUID
    subject: UUID | None
    thread_id: UUID | None
    erasure_id: UUID
    scope: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureExecuted:
    """The keys of all texts up to now are destroyed, and the texts with them; of a person also what names them."""

    tag: ClassVar = Tag.ERASURE_EXECUTED
    outcome: ClassVar = Outcome.DONE
    actor: UUID
    subject: UUID | None
    thread_id: UUID | None
    erasure_id: UUID
    scope: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorKept:
    """A checkpoint lies where the database's superusers have no rights; told every ten minutes at most.

    Attributes:
        kind: `witness`, `file` or `syslog`.
        anchor: the witness's name, the file's or the server's.
        size: how many events the checkpoint covers.
    """

    tag: ClassVar = Tag.ANCHOR_KEPT
    outcome: ClassVar = Outcome.DONE
    kind: Name
    anchor: Name
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorFailed:
    """An anchor does not take checkpoints; `error` is a class of error, or what a witness answered."""

    tag: ClassVar = Tag.ANCHOR_FAILED
    outcome: ClassVar = Outcome.FAILED
    kind: Name
    anchor: Name
    error: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorContradicted:
    """An anchor holds another history than this log: it was set back, or sealed anew.

    Attributes:
        size: how many events this log has.
        seen: how many events the anchor saw.
    """

    tag: ClassVar = Tag.ANCHOR_CONTRADICTED
    outcome: ClassVar = Outcome.FAILED
    kind: Name
    anchor: Name
    size: int
    seen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadConfirmed:
    """A person's browser found that the log continues the head that it kept from its last visit."""

    tag: ClassVar = Tag.HEAD_CONFIRMED
    outcome: ClassVar = Outcome.DONE
    actor: UUID
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadContradicted:
    """A person's browser found that the log does not continue the head that it kept, of `seen` events.

    Attributes:
        root, signature: of the kept checkpoint, as Base64: whether the log's key signed it is seen by whoever reads
            this, so that a false word shows nothing. None where the browser had none.
    """

    tag: ClassVar = Tag.HEAD_CONTRADICTED
    outcome: ClassVar = Outcome.FAILED
    actor: UUID
    size: int
    seen: int
    root: str | None = None
    signature: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewViewed:
    """Somebody opened a page of the console; durable before the page is sent.

    Attributes:
        subject: whose turn or case it shows; None for a list, which shows nobody by name.
        turn_id: the turn that it shows.
        view: which page, such as `turn`.
        filters: names of the filters that were set, never what was typed.
        shown: how many events it lists.
    """

    tag: ClassVar = Tag.REVIEW_VIEWED
    outcome: ClassVar = Outcome.DONE
    actor: UUID
    subject: UUID | None = None
    turn_id: UUID | None = None
    view: Name
    filters: tuple[Name, ...] = ()
    shown: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewSearched:
    """Somebody searched the log in the console; durable before anything is looked for.

    Attributes:
        subject: the person that was searched for.
        filters: names of the filters that were set, never what was typed.
        text_mark: of the words that were searched for.
    """

    tag: ClassVar = Tag.REVIEW_SEARCHED
    outcome: ClassVar = Outcome.DONE
    actor: UUID
    subject: UUID | None = None
    filters: tuple[Name, ...] = ()
    text_mark: TextMark | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportCreated:
    """Somebody took events out of the log as a file; stored before the file can be read.

    Attributes:
        subject: whose events, turn or conversation were asked for; the actor, where it was nobody's.
        filters: by what was asked, never for what.
        events, size: how many are in the file, and how many the log had.
        zip_sha256: the digest of the file, in which the reason stands.
        has_table: the same was written as CSV beside it.
    """

    tag: ClassVar = Tag.EXPORT_CREATED
    outcome: ClassVar = Outcome.DONE
    actor: UUID | None
    subject: UUID | None
    door: Name
    filters: tuple[Name, ...]
    events: int
    size: int
    zip_bytes: int
    zip_sha256: Name
    has_table: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportDownloaded:
    """Somebody fetched an export that lay on the server."""

    tag: ClassVar = Tag.EXPORT_DOWNLOADED
    outcome: ClassVar = Outcome.DONE
    actor: UUID
    zip_sha256: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionExecuted:
    """What the events of a month say was dropped; place and leaf of each are left.

    Attributes:
        month: such as `2026-11`, in UTC.
        digest: over places and leaves of the events, in the order of the tree.
        keep_days: how long events are kept here.
        signature: by the key that signs the log's heads, over month, number and digest; Base64.
    """

    tag: ClassVar = Tag.RETENTION_EXECUTED
    outcome: ClassVar = Outcome.DONE
    month: Name
    events: int
    digest: Name
    keep_days: int
    signature: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionRefused:
    """A month whose time is over was to be dropped, and stays.

    Attributes:
        cases: how many open cases hold turns of it; 0 where something else forbids it, such as a legal hold.
    """

    tag: ClassVar = Tag.RETENTION_REFUSED
    outcome: ClassVar = Outcome.REFUSED
    month: Name
    keep_days: int
    cases: int


Event = (
    TurnAccepted
    | TurnGuarded
    | PromptBlocked
    | ContextCompacted
    | TurnRouted
    | TurnTakenOver
    | HostUnreachable
    | TurnCalled
    | TurnAnswered
    | AnswerBlocked
    | TurnInterrupted
    | TurnFailed
    | TurnRefused
    | AccessRefused
    | PersonSignedIn
    | PersonSignInFailed
    | PersonSignedOut
    | PersonAdded
    | PersonChanged
    | TokenCreated
    | TokenRevoked
    | TokenRefused
    | FeedbackGiven
    | ReportFiled
    | ReportDecided
    | HitAssigned
    | HitDecided
    | HitChanged
    | CaseOpened
    | CaseChanged
    | CaseDecided
    | CaseClosed
    | CaseReopened
    | CaseViewed
    | ReviewSampled
    | SampleJudged
    | SecondLooksDrawn
    | SecondLookJudged
    | SecondLookSettled
    | PersonLookedUp
    | UnmaskRequested
    | UnmaskApproved
    | UnmaskDenied
    | UnmaskForced
    | UnmaskReviewed
    | UnmaskViewed
    | UnmaskExpired
    | NoticeDelayed
    | ThreadDeleted
    | DocumentAdded
    | DocumentRemoved
    | JobEnqueued
    | JobFinished
    | JobFailed
    | JobCancelled
    | PolicyLoaded
    | PolicyRefused
    | FleetLoaded
    | FleetRefused
    | QuotasLoaded
    | QuotasRefused
    | HostDrained
    | HostUndrained
    | FleetOrdered
    | FleetOrderDone
    | FleetOrderFailed
    | EgressRefused
    | LogOpened
    | LogRead
    | LogVerified
    | LogRestored
    | LogSpooled
    | LogReplayed
    | LogConflicted
    | TextDropped
    | KeyRotated
    | HoldPlaced
    | HoldReleased
    | ErasureRequested
    | ErasureApproved
    | ErasureDenied
    | ErasureWithdrawn
    | ErasureExecuted
    | RetentionExecuted
    | RetentionRefused
    | AnchorKept
    | AnchorFailed
    | AnchorContradicted
    | HeadConfirmed
    | HeadContradicted
    | ReviewViewed
    | ReviewSearched
    | ExportCreated
    | ExportDownloaded
)
ContentEvent = TurnGuarded | PromptBlocked | TurnCalled | TurnAnswered | AnswerBlocked | TurnInterrupted
"""Those that a text may come with."""
EVENT_TYPES: Final[tuple[type[Event], ...]] = get_args(Event)
