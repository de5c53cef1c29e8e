"""Turns in a log in memory, as a company's week leaves them: what the queue, a turn and a search have to show."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid4

from assistant.audit.events import (
    AnswerBlocked,
    Event,
    PromptBlocked,
    ReviewViewed,
    TurnAccepted,
    TurnAnswered,
    TurnGuarded,
    TurnRouted,
)
from assistant.audit.parts import FoundSpan, GuardReport, TextMark, TurnPlace
from assistant.audit.projections.tallies import Counts, ModelVolume, RuleWeek
from assistant.audit.writing.content import ContentKind, ContentText
from assistant.web.console.charts import last_weeks
from policies.explanation import Detail
from policies.verdict import Action
from tests.fakes.console_parts import FakeConsole, stored

MARK = TextMark("0" * 64)
POLICY = "sha256:9f2c41d07a5e"
KEY_RULE, MAIL_RULE, PEM_RULE, CLIENT_RULE = (
    "secret/aws-access-key",
    "personal/e-mail",
    "secret/private-key",
    "outside/client-openai",
)
LABELS = {
    KEY_RULE: "AWS access key",
    MAIL_RULE: "E-mail address",
    PEM_RULE: "Private key",
    CLIENT_RULE: "Client of an outside model",
}
PROMPT = (
    "The nightly upload to the archive fails since Tuesday. This is what the script does:\n\n"
    "    client = boto3.client('s3', aws_access_key_id='[AWS_ACCESS_KEY_1]')\n\nWhy does it say AccessDenied?"
)
ANSWER = "The key was rotated on Tuesday: the bucket's policy names the old one. Give the new key the same rights."
_MASKED = {
    KEY_RULE: ("AKIA••••••••MPLE", "[AWS_ACCESS_KEY_1]"),
    MAIL_RULE: ("a•••@corp.example", "[EMAIL_1]"),
    PEM_RULE: ("-----BEGIN RSA ••••", ""),
    CLIENT_RULE: ("…client = OpenAI(base_…", ""),
}


@dataclass(frozen=True, slots=True)
class Ago:
    """When a turn was, in minutes before now."""

    minutes: float

    def plus(self, milliseconds: int) -> int:
        return time.time_ns() - int(self.minutes * 60e9) + milliseconds * 1_000_000


def report(action: Action, rule: str) -> GuardReport:
    if action is Action.ALLOW:
        return GuardReport(action, POLICY)
    return GuardReport(action, POLICY, (FoundSpan(rule, "X", 214, 234, action),), found=1, held_back=1)


def add_turn(
    console: FakeConsole, person: UUID, *, action: Action = Action.REDACT, rule: str = KEY_RULE, minutes: float = 0.1
) -> TurnPlace:
    """Put a turn into the log in which this rule found something."""
    place, ago = TurnPlace(uuid4(), uuid4(), person), Ago(minutes)
    found = report(action, rule)
    accepted = TurnAccepted(
        turn=place, door="chat", persona="StarCoder", persona_version="sha256:1", chars=1240, command="Review"
    )
    events: list[tuple[Event, int]] = [(accepted, 0)]
    if action is Action.BLOCK:
        events.append((PromptBlocked(turn=place, guard=found), 2))
    else:
        routed = TurnRouted(
            turn=place,
            host="Mini2",
            model="llama3.1:70b",
            reason="Mini2 llama3.1:70b: room 4 424 of 32 768, 0 waiting, warm",
            context_tokens=32_768,
            prompt_tokens=3_912,
        )
        answered = TurnAnswered(
            turn=place,
            guard=report(Action.ALLOW, rule),
            host="Mini2",
            model="llama3.1:70b",
            chars=1_500,
            text_mark=MARK,
            prompt_tokens=3_912,
            answer_tokens=412,
            first_token_milliseconds=310,
            total_milliseconds=4_780,
            finish_reason="stop",
            content_id=(answer_id := uuid4()),
        )
        console.texts.kept[answer_id] = ContentText(ContentKind.ANSWER, ANSWER)
        prompt_id = uuid4()
        console.texts.kept[prompt_id] = ContentText(ContentKind.PROMPT, PROMPT)
        events += [
            (TurnGuarded(turn=place, guard=found, chars=1_236, text_mark=MARK, content_id=prompt_id), 2),
            (routed, 3),
            (answered, 4_785),
        ]
    console.lists.events += [stored(event, ago.plus(milliseconds)) for event, milliseconds in events]
    masked, instead = _MASKED[rule]
    console.spots.found[place.turn_id] = [Detail(rule, LABELS[rule], masked, instead, action.value, "")]
    console.people.ids.add(person)
    return place


def fill(console: FakeConsole, reviewer: UUID) -> TurnPlace:
    """Put a week into the log; return the newest turn with a redacted key."""
    people = [uuid4() for _ in range(4)]
    newest = add_turn(console, people[0], minutes=12)
    week = [
        (1, Action.BLOCK, CLIENT_RULE, 47),
        (2, Action.REDACT, KEY_RULE, 60 * 3),
        (3, Action.REDACT, MAIL_RULE, 60 * 7),
        (1, Action.BLOCK, PEM_RULE, 60 * 26),
        (0, Action.REDACT, KEY_RULE, 60 * 30),
        (2, Action.REDACT, MAIL_RULE, 60 * 51),
        (3, Action.BLOCK, PEM_RULE, 60 * 75),
    ]
    for who, action, rule, minutes in week:
        add_turn(console, people[who], action=action, rule=rule, minutes=minutes)
    place = TurnPlace(uuid4(), uuid4(), people[1])
    blocked = AnswerBlocked(
        turn=place, guard=report(Action.BLOCK, PEM_RULE), host="Dev1", model="qwen2.5", chars=80, total_milliseconds=900
    )
    console.lists.events.append(stored(blocked, Ago(60 * 98).plus(0)))
    viewed = ReviewViewed(actor=reviewer, subject=people[0], turn_id=newest.turn_id, view="turn")
    console.lists.events.append(stored(viewed))
    console.tallies.counts = week_counts()
    return newest


def week_counts() -> Counts:
    """Return counts as the projector leaves them."""
    weeks = last_weeks(datetime.now(UTC).date())
    heights = {MAIL_RULE: (9, 12, 8, 14, 11, 7, 16, 13, 9, 12, 10, 6), KEY_RULE: (3, 0, 4, 2, 6, 1, 0, 3, 9, 4, 2, 3)}
    heights |= {PEM_RULE: (0, 1, 0, 0, 2, 0, 0, 1, 0, 0, 0, 2)}
    rules = [
        RuleWeek(rule, week, count) for rule, row in heights.items() for week, count in zip(weeks, row, strict=True)
    ]
    models = [ModelVolume("llama3.1:70b", 4_120), ModelVolume("qwen2.5-coder", 1_873), ModelVolume("llama3.1:8b", 640)]
    return Counts(rules, models, datetime.now(UTC))
