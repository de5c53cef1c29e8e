import asyncio
import contextlib
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from assistant.answering import words
from assistant.answering.prompt import compose_text
from assistant.audit.events import ContextCompacted, TurnAccepted, TurnTakenOver
from assistant.conversation import Attachment, Author, Message, MessageState, Person, Role, Turn
from assistant.errors import AuditUnavailableError, BadInputError, NotAllowedError, NotFoundError
from assistant.turn import run_turn
from assistant.turn_events import (
    Accepted,
    Answered,
    AnswerText,
    Blocked,
    Failed,
    Guarded,
    Interrupted,
    Notice,
    Routed,
    Trouble,
    TurnEvent,
    Waiting,
)
from connectors.errors import BusyError, HostError
from connectors.model_hosts.values import Loading, Place
from policies.guard import Guard
from policies.policy import parse_policy
from policies.stream import StreamGuard
from policies.verdict import Action
from tests.fakes.turn_parts import MARIA, World, host_error, make_guard, make_turn, run_all

GITHUB = "ghp_aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5"
KEY = (
    "-----BEGIN OPENSSH PRIVATE KEY-----\n"
    "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtz\n"
    "-----END OPENSSH PRIVATE KEY-----"
)
MAIL = "anna.berger@corp.example"


@pytest.fixture(scope="module")
def guard() -> Guard:
    return make_guard()


async def run(world: World, turn: Turn) -> list[TurnEvent]:
    return [event async for event in run_turn(turn, world.parts)]


def shown(events: list[TurnEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, AnswerText))


async def test_a_turn_reads_like_its_sentence(guard: Guard) -> None:
    world = World(guard)
    events = await run(world, make_turn("What is a cloister?"))
    assert [type(event) for event in events if not isinstance(event, AnswerText)] == [
        Accepted,
        Guarded,
        Routed,
        Answered,
    ]
    assert shown(events) == "Hello there."
    assert world.journal == [
        "audit turn:accepted",
        "history start",
        "audit turn:guarded",
        "audit turn:routed",
        "asked Dev1/qwen",
        "audit turn:answered",
        "history finish complete",
    ]


@pytest.mark.parametrize("is_kept", [True, False])
async def test_no_host_is_asked_before_all_that_came_before_is_durable(guard: Guard, *, is_kept: bool) -> None:
    world = World(guard)
    world.audit.seconds = 3600.0
    seen: list[TurnEvent] = []

    async def read() -> None:
        async for event in run_turn(make_turn("Hi"), world.parts if is_kept else world.parts.unkept()):
            seen.append(event)  # noqa: PERF401 - what was seen until it is cancelled counts

    task = asyncio.create_task(read())
    for tag in ("turn:accepted", "turn:guarded", "turn:routed"):
        while tag not in world.audit.tags:
            await asyncio.sleep(0)
            if is_kept and tag == "turn:accepted":
                assert world.history.message == {}
        assert (world.hosts.asked, seen) == ([], [])
        if tag == "turn:routed":
            world.audit.seconds = 0.0
        if is_kept or tag == "turn:routed":
            world.audit.settle()
    await task
    assert len(world.hosts.asked) == 1
    assert isinstance(seen[-1], Answered)


@pytest.mark.parametrize("tag", ["turn:accepted", "turn:guarded", "turn:routed"])
async def test_no_host_is_asked_when_a_part_of_the_beginning_cannot_be_written(guard: Guard, tag: str) -> None:
    for is_kept in (True, False):
        world = World(guard)
        world.audit.fails_at = tag
        events: list[TurnEvent] = []
        with contextlib.suppress(AuditUnavailableError):
            async for event in run_turn(make_turn("Hi"), world.parts if is_kept else world.parts.unkept()):
                events.append(event)  # noqa: PERF401 - as above
        assert world.hosts.asked == []
        assert not [event for event in events if isinstance(event, Answered | AnswerText | Routed)]


async def test_a_stop_while_a_turn_fails_leaves_it_with_an_end(guard: Guard) -> None:
    world = World(guard)
    world.hosts.scripts = {}  # nobody to ask: it fails before anything it began is durable
    world.parts = world.parts.unkept()
    world.audit.seconds = 0.05
    task = asyncio.create_task(run_all(world, make_turn("Hi")))
    while "turn:guarded" not in world.audit.tags:  # noqa: ASYNC110 - the turn runs meanwhile
        await asyncio.sleep(0)
    for _ in range(20):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert world.audit.tags[-1] in {"turn:failed", "turn:interrupted"}


async def test_who_leaves_at_a_block_is_logged_as_blocked(guard: Guard) -> None:
    for is_kept in (True, False):
        world = World(guard)
        events = run_turn(make_turn(KEY), world.parts if is_kept else world.parts.unkept())
        assert isinstance(await anext(events), Accepted)
        await events.aclose()
        assert world.audit.tags == ["turn:accepted", "prompt:blocked"]
        assert world.hosts.asked == []


async def test_no_key_is_made_for_who_names_somebody_elses_conversation(guard: Guard) -> None:
    world = World(guard)
    turn = make_turn("Hi")
    seen: list[bool] = []

    async def open_thread(*_: object) -> None:
        seen.append(bool(world.audit.expected))
        raise NotFoundError("There is no such conversation.")

    world.history.open_thread = open_thread  # type: ignore[method-assign, assignment]
    await run_all(world, turn)
    assert (seen, world.audit.expected) == ([False], [])


async def test_the_answer_ends_only_after_it_is_durable(guard: Guard) -> None:
    world = World(guard)
    async with aclosing(run_turn(make_turn("Hi"), world.parts)) as events:
        async for event in events:
            if isinstance(event, Answered):
                break
            assert "turn:answered" not in world.audit.tags or isinstance(event, AnswerText)
    assert world.audit.tags[-1] == "turn:answered"
    assert world.history.answer["state"] is MessageState.COMPLETE
    assert world.history.partials[-1] == "Hello there."


async def test_a_planted_secret_reaches_nobody(guard: Guard) -> None:
    world = World(guard)
    events = await run(world, make_turn(f"Our token {GITHUB} gives 401, write to {MAIL}"))
    told = "".join(message.content for message in world.hosts.asked[0])
    everything = f"{told} {world.history.message} {world.history.answer} {world.audit.events}"
    assert GITHUB not in everything
    assert MAIL not in everything
    assert "[GITHUB_TOKEN_1]" in told
    assert "[EMAIL_1]" in told
    guarded = next(event for event in events if isinstance(event, Guarded))
    assert guarded.note == "2 values held back · GitHub token, e-mail"
    assert GITHUB.encode() not in (world.history.sealed or b"")


async def test_an_answer_gets_its_owners_values_back_and_the_history_does_not(guard: Guard) -> None:
    world = World(guard, Dev1_qwen=["Dear [EMA", "IL_1], ", "hello."])
    events = await run(world, make_turn(f"Write to {MAIL}"))
    assert shown(events) == f"Dear {MAIL}, hello."
    assert world.history.answer["text"] == "Dear [EMAIL_1], hello."


async def test_a_secret_in_an_answer_is_held_back_across_chunks(guard: Guard) -> None:
    world = World(guard, Dev1_qwen=["Use ", *GITHUB, " now."])
    events = await run(world, make_turn("Give me a token"))
    assert GITHUB not in shown(events) + str(world.history.answer)
    assert shown(events).endswith(" now.")
    answered = events[-1]
    assert isinstance(answered, Answered)
    assert answered.verdict.action is Action.REDACT


async def test_placeholders_last_from_turn_to_turn(guard: Guard) -> None:
    world = World(guard)
    thread = uuid4()
    await run(world, make_turn(f"Write to {MAIL}", thread=thread))
    await run(world, make_turn(f"And to b@corp.example, not to {MAIL}", thread=thread))
    own = world.hosts.asked[1][-1].content
    assert own == "And to [EMAIL_2], not to [EMAIL_1]"


async def test_a_lost_race_for_placeholders_guards_again(guard: Guard) -> None:
    world = World(guard)
    world.history.lost_races = 2
    events = await run(world, make_turn(f"Write to {MAIL}"))
    assert isinstance(events[-1], Answered)


async def test_a_block_sends_nothing_and_keeps_nothing(guard: Guard) -> None:
    world = World(guard)
    events = await run(world, make_turn(f"Is this key good?\n{KEY}"))
    blocked = events[-1]
    assert isinstance(blocked, Blocked)
    assert blocked.words.startswith("Nothing was sent.")
    assert blocked.reference in blocked.words
    assert world.hosts.asked == []
    assert world.audit.tags == ["turn:accepted", "prompt:blocked"]
    assert "b3BlbnNz" not in f"{world.history.message} {world.history.answer} {world.audit.events} {world.audit.texts}"
    assert world.history.message["state"] is MessageState.BLOCKED


async def test_of_a_block_the_log_keeps_what_is_left_without_any_value(guard: Guard) -> None:
    world = World(guard)
    await run(world, make_turn(f"Is this key good?\n{KEY}\nAsk {MAIL}, or {MAIL}."))
    kept = world.audit.texts["prompt:blocked"]
    assert kept.startswith("Is this key good?\n[")
    assert kept.endswith("\nAsk [EMAIL], or [EMAIL].")


async def test_the_log_keeps_what_was_typed_and_not_the_files(guard: Guard) -> None:
    world = World(guard)
    turn = replace(make_turn(f"Sum this up for {MAIL}"), attachments=(Attachment("plan.txt", "Heliotrope"),))
    await run(world, turn)
    assert world.audit.texts == {"turn:guarded": "Sum this up for [EMAIL_1]", "turn:answered": "Hello there."}


async def test_a_block_by_a_file_keeps_the_typed_text_as_it_was_guarded(guard: Guard) -> None:
    world = World(guard)
    turn = replace(make_turn(f"Sum this up for {MAIL}"), attachments=(Attachment("id_ed25519", KEY),))
    await run(world, turn)
    assert world.audit.texts == {"prompt:blocked": "Sum this up for [EMAIL_1]"}


async def test_the_persona_the_history_and_files_are_guarded_too(guard: Guard) -> None:
    world = World(guard)
    turn = make_turn("Summarise")
    leaky = Message(uuid4(), turn.thread_id, uuid4(), Author.USER, f"old {GITHUB}")
    world.history.earlier = [leaky, Message(uuid4(), turn.thread_id, uuid4(), Author.ASSISTANT, f"re {GITHUB}")]
    filed = Turn(**{**_fields(turn), "attachments": (Attachment("a.env", f"TOKEN={GITHUB}"),)})
    await run(world, filed)
    told = " ".join(message.content for message in world.hosts.asked[0])
    assert GITHUB not in told
    assert told.count("[GITHUB_TOKEN_1]") == 3
    assert [message.role for message in world.hosts.asked[0]] == ["system", "user", "assistant", "user"]


async def test_a_file_is_judged_as_a_file_and_its_findings_lie_in_the_whole_text() -> None:
    rules = "rules: [{name: site/b, label: badge, entity_type: BADGE, patterns: ['B-[0-9]{6}']}]\n"
    actions = "actions: [{rules: site/b, action: warn}, {rules: site/b, action: redact, directions: file}]\n"
    world = World(Guard(parse_policy({"site.yaml": rules + actions})))
    turn = make_turn("B-111111 [BADGE_1]")
    attachments = (Attachment("a.txt", "x B-222222"), Attachment("b.txt", "``` B-222222"))
    events = await run(world, Turn(**{**_fields(turn), "attachments": attachments}))
    told = world.hosts.asked[0][-1].content
    assert told == (
        "B-111111 [BADGE_1]\n\nFile a.txt:\n```\nx [BADGE_2]\n```\n\nFile b.txt:\n``````\n``` [BADGE_2]\n``````"
    )
    (verdict,) = (event.verdict for event in events if isinstance(event, Guarded))
    text = compose_text(turn.text, attachments)
    spans = [text[one.finding.start : one.finding.end] for one in verdict.decisions]
    assert spans == ["B-111111", "B-222222", "B-222222"]
    assert [one.action.value for one in verdict.decisions] == ["warn", "redact", "redact"]


async def test_a_command_puts_its_task_before_the_text_and_the_log_names_it(guard: Guard) -> None:
    world = World(guard)
    turn = replace(
        make_turn("The retry is odd."),
        person=replace(MARIA, roles=frozenset({Role.DEVELOPER})),
        persona="starcoder",
        command="Review",
        attachments=(Attachment("src/a.py", f"import os\nKEY = '{GITHUB}'"),),
    )
    await run(world, turn)
    told = world.hosts.asked[0][-1].content
    assert told.startswith("Review this code.")
    assert told.endswith("\n\nThe retry is odd.\n\nFile src/a.py:\n```\n1| import os\n2| KEY = '[GITHUB_TOKEN_1]'\n```")
    assert world.history.message["text"] == told
    assert world.history.message["title"] == "Review: The retry is odd."
    detail = world.history.message["detail"]
    assert isinstance(detail, Mapping)
    assert words.question_of(told, detail).text == "The retry is odd."
    assert (detail["command"], detail["files"]) == ("Review", 1)
    accepted = world.audit.events[0]
    assert isinstance(accepted, TurnAccepted)
    assert accepted.command == "Review"
    assert world.audit.texts["turn:guarded"] == "The retry is odd."


async def test_a_command_alone_is_a_question_and_a_foreign_one_is_none(guard: Guard) -> None:
    world = World(guard)
    developer = replace(MARIA, roles=frozenset({Role.DEVELOPER}))
    await run(world, replace(make_turn(""), person=developer, persona="starcoder", command="Test"))
    assert world.hosts.asked[0][-1].content.startswith("Write tests for this code")
    with pytest.raises(BadInputError, match="Operations has no command 'Test'"):
        await run(world, replace(make_turn("x"), person=developer, persona="operations", command="Test"))
    assert world.audit.tags.count("turn:accepted") == 1


async def test_another_host_takes_over_unnoticed_before_the_first_token(guard: Guard) -> None:
    world = World(guard, Mini2_llama=[host_error()], Dev1_qwen=["Fine."])
    events = await run(world, make_turn("Hi"))
    assert shown(events) == "Fine."
    assert not [event for event in events if isinstance(event, Notice)]
    assert world.audit.tags == [
        "turn:accepted",
        "turn:guarded",
        "turn:routed",
        "host:unreachable",
        "turn:routed",
        "turn:answered",
    ]


def death(host: str) -> HostError:
    return host_error(f"{host} went down before it said a word.", has_gone_down=True, host=host)


async def test_one_death_may_be_chance_and_two_are_not(guard: Guard) -> None:
    world = World(guard, Dev1_m=[death("Dev1")], Dev2_m=[host_error()], Dev3_m=[death("Dev3")], Dev4_m=["Fine."])
    assert isinstance((await run(world, make_turn("Hi")))[-1], Failed)
    assert [need.is_suspect for need in world.hosts.needs] == [False, False, True, True, True, True]
    assert [line for line in world.journal if line.startswith("asked")] == [
        "asked Dev1/m",
        "asked Dev2/m",
        "asked Dev3/m",
    ]
    again = await run(world, make_turn("Hi"))
    assert isinstance(again[-1], Failed)
    assert "Dev1 and Dev3 went down at this prompt" in again[-1].words
    assert "asked Dev4/m" not in world.journal
    world.hosts.scripts = {"Dev4/m": ["Fine."]}
    assert shown(await run(world, make_turn("Hi there"))) == "Fine."


async def test_a_death_in_mid_answer_is_not_the_prompts(guard: Guard) -> None:
    lost = host_error("Dev1 gave no answer.", host="Dev1")
    world = World(guard, Dev1_m=["Half", lost], Dev2_m=[death("Dev2")], Dev3_m=["The whole."])
    assert "The whole." in shown(await run(world, make_turn("Hi")))


async def test_who_waits_in_line_is_told_the_place(guard: Guard) -> None:
    world = World(guard)
    world.hosts.places = (Place(2, 20), Place(0))
    events = await run(world, make_turn("Hi"))
    kinds = [type(event) for event in events if not isinstance(event, AnswerText)]
    assert kinds == [Accepted, Guarded, Waiting, Waiting, Routed, Answered]
    assert [event.words for event in events if isinstance(event, Waiting)] == [
        "2 before you, about 20 s",
        "You are next",
    ]
    assert world.hosts.left == 1
    asker = world.hosts.needs[0].asker
    assert (asker.owner, asker.is_interactive) == (str(MARIA.id), True)


async def test_a_model_that_is_loading_is_said_to_be(guard: Guard) -> None:
    world = World(guard, Mini2_llama=[Loading("Mini2", "llama3.1:70b", 41.7), "Here."])
    events = await run(world, make_turn("Hi"))
    assert [event.words for event in events if isinstance(event, Waiting)] == [
        "Mini2 is loading llama3.1:70b, about 42 s"
    ]
    assert shown(events) == "Here."


async def test_what_may_go_where_is_the_policys_to_say() -> None:
    rules = "rules: [{name: site/b, label: badge, entity_type: BADGE, patterns: ['B-[0-9]{6}']}]\n"
    actions = "actions: [{rules: site/b, action: warn}]\nplaces: [{only: inside, rules: site/b}]\n"
    world = World(Guard(parse_policy({"site.yaml": rules + actions})))
    await run(world, make_turn("Hello"))
    await run(world, make_turn("Whose is B-111111?"))
    await run(world, replace(make_turn("Read."), attachments=(Attachment("a.txt", "B-222222"),)))
    turn = make_turn("And now?")
    world.history.earlier = [Message(uuid4(), turn.thread_id, uuid4(), Author.USER, "B-333333")]
    await run(world, turn)
    inside = (frozenset({"inside"}),)
    assert list(dict.fromkeys(need.only for need in world.hosts.needs)) == [(), inside]
    assert world.hosts.needs[0].only == ()
    assert world.hosts.needs[-1].only == inside


@pytest.mark.parametrize(
    ("action", "told", "only"),
    [
        ("warn", "1| a\n2| BEGIN\n3| key\n4| END\n5| z", (frozenset({"inside"}),)),
        ("redact", "1| a\n2| [BADGE_1]\n5| z", (frozenset({"inside"}),)),
        ("block", "", ()),
    ],
)
async def test_a_value_over_several_lines_is_found_in_the_files_of_earlier_messages(
    action: str, told: str, only: tuple[frozenset[str], ...]
) -> None:
    rules = "rules: [{name: site/b, label: badge, entity_type: BADGE, patterns: ['BEGIN\\nkey\\nEND']}]\n"
    actions = f"actions: [{{rules: site/b, action: {action}}}]\nplaces: [{{only: inside, rules: site/b}}]\n"
    world = World(Guard(parse_policy({"site.yaml": rules + actions})))
    turn = make_turn("And now?")
    kept = "Read.\n\nFile a.txt:\n```\n1| a\n2| BEGIN\n3| key\n4| END\n5| z\n```"
    world.history.earlier = [Message(uuid4(), turn.thread_id, uuid4(), Author.USER, kept)]
    await run(world, turn)
    assert [messages[1].content for messages in world.hosts.asked] == (
        [f"Read.\n\nFile a.txt:\n```\n{told}\n```"] if told else []
    )
    assert {need.only for need in world.hosts.needs} == ({only} if told else set())


async def test_who_stops_in_line_leaves_it(guard: Guard) -> None:
    world = World(guard)
    world.hosts.places = (Place(2, 20),)
    await run_all(world, make_turn("Hi"), stop_after=Waiting)
    assert world.hosts.asked == []
    assert world.audit.tags[-1] == "turn:interrupted"


async def test_a_line_that_is_full_says_when_to_ask_again(guard: Guard) -> None:
    world = World(guard)
    world.hosts.busy = BusyError("Every model host is busy. Ask again in about 30 s.", retry_after_seconds=30)
    failed = (await run(world, make_turn("Hi")))[-1]
    assert isinstance(failed, Failed)
    assert (failed.trouble, failed.retry_after_seconds) == (Trouble.BUSY, 30)
    assert "Ask again in about 30 s." in failed.words


async def test_a_seat_is_given_back_before_another_host_is_asked(guard: Guard) -> None:
    world = World(guard, Mini2_llama=[host_error()], Dev1_qwen=["Fine."])
    await run(world, make_turn("Hi"))
    assert world.hosts.left == 2


async def test_another_host_takes_over_with_a_note_after_the_first_token(guard: Guard) -> None:
    world = World(guard, Mini2_llama=["Half of ", host_error()], Dev1_qwen=["The whole."])
    events = await run(world, make_turn("Hi"))
    assert [event.words for event in events if isinstance(event, Notice)] == [
        "Mini2 stopped in mid-answer; Dev1 answers anew."
    ]
    assert shown(events).startswith("Half of ")
    assert shown(events).endswith("The whole.")
    assert world.history.answer["text"] == shown(events)


async def test_another_host_goes_on_from_what_was_shown(guard: Guard) -> None:
    world = World(guard, Mini2_llama=["Half of ", host_error()], Dev1_qwen=[" the whole."])
    world.hosts.goes_on = frozenset({"Dev1/qwen"})
    events = await run(world, make_turn("Hi"))
    assert [event.words for event in events if isinstance(event, Notice)] == [
        "Mini2 stopped in mid-answer; Dev1 goes on from there."
    ]
    assert shown(events) == "Half of the whole."
    assert world.history.answer["text"] == "Half of the whole."
    assert world.hosts.begun == ["", "Half of"]
    taken = next(event for event in world.audit.events if isinstance(event, TurnTakenOver))
    assert (taken.after_host, taken.host, taken.is_anew) == ("Mini2", "Dev1", False)
    assert world.audit.tags[-4:] == ["host:unreachable", "turn:taken-over", "turn:routed", "turn:answered"]


@pytest.mark.parametrize("cut", [6, 20, len(GITHUB)])
async def test_a_secret_of_which_two_hosts_say_one_half_each_is_found(guard: Guard, cut: int) -> None:
    world = World(guard, Mini2_llama=["Use ", *GITHUB[:cut], host_error()], Dev1_qwen=[*GITHUB[cut:], " now."])
    world.hosts.goes_on = frozenset({"Dev1/qwen"})
    events = await run(world, make_turn("Give me a token"))
    everything = shown(events) + str(world.history.answer) + str(world.hosts.begun)
    assert GITHUB not in everything
    assert GITHUB[cut:] not in shown(events) or cut == len(GITHUB)
    assert shown(events).startswith("Use ")
    assert shown(events).endswith(" now.")
    answered = events[-1]
    assert isinstance(answered, Answered)
    assert [decision.finding.rule for decision in answered.verdict.decisions] == ["secret/github-token"]


async def test_what_another_host_goes_on_from_was_guarded_as_a_prompt() -> None:
    """The site lets an address be answered and not be sent: then no other model is sent it either."""
    rules = "rules: [{name: site/b, label: badge, entity_type: BADGE, patterns: ['B-[0-9]{6}']}]\n"
    actions = "actions: [{rules: site/b, action: redact}, {rules: site/b, action: allow, directions: answer}]\n"
    world = World(
        Guard(parse_policy({"site.yaml": rules + actions})), Mini2_l=["Ask B-111111 ", host_error()], Dev1_q=["today."]
    )
    world.hosts.goes_on = frozenset({"Dev1/q"})
    events = await run(world, make_turn("Whom?"))
    assert shown(events) == "Ask B-111111 today."
    assert world.hosts.begun[1].startswith("Ask [BADGE")


async def test_what_may_not_be_sent_is_not_gone_on_from() -> None:
    rules = "rules: [{name: site/b, label: badge, entity_type: BADGE, patterns: ['B-[0-9]{6}']}]\n"
    actions = "actions: [{rules: site/b, action: block}, {rules: site/b, action: allow, directions: answer}]\n"
    world = World(
        Guard(parse_policy({"site.yaml": rules + actions})), Mini2_l=["Ask B-111111 ", host_error()], Dev1_q=["Anew."]
    )
    world.hosts.goes_on = frozenset({"Dev1/q"})
    events = await run(world, make_turn("Whom?"))
    assert world.hosts.begun == ["", ""]
    assert shown(events).endswith("*Mini2 stopped in mid-answer; Dev1 answers anew.*\n\nAnew.")


async def test_a_host_that_cannot_go_on_after_all_answers_anew(guard: Guard) -> None:
    world = World(guard, Mini2_llama=["Half of ", host_error()], Dev1_qwen=["The whole."])
    world.hosts.goes_on = frozenset({"Dev1/qwen"})
    world.hosts.refuses_begun = True
    events = await run(world, make_turn("Hi"))
    assert world.hosts.begun == ["", "Half of", ""]
    assert shown(events) == "Half of \n\n*Mini2 stopped in mid-answer; Dev1 answers anew.*\n\nThe whole."
    assert [event.is_anew for event in world.audit.events if isinstance(event, TurnTakenOver)] == [False, True]


async def test_after_a_takeover_the_record_knows_what_both_parts_held(guard: Guard) -> None:
    world = World(guard, Mini2_llama=[f"Use {GITHUB} or ", host_error()], Dev1_qwen=["ask b@corp.example."])
    events = await run(world, make_turn("Hi"))
    answered = events[-1]
    assert isinstance(answered, Answered)
    assert [decision.finding.rule for decision in answered.verdict.decisions] == [
        "secret/github-token",
        "personal/email",
    ]
    assert GITHUB not in shown(events)


async def test_a_block_in_the_first_part_ends_the_answer_after_a_takeover(guard: Guard) -> None:
    world = World(guard, Mini2_llama=[KEY, host_error()], Dev1_qwen=["The whole."])
    events = await run(world, make_turn("Hi"))
    assert isinstance(events[-1], Blocked)
    assert "The whole." not in shown(events)
    assert world.audit.tags[-1] == "answer:blocked"


async def run_beside(world: World, turn: Turn, other_text: str) -> list[TurnEvent]:
    """Run a turn while another one of its thread guards a text and saves first."""
    events: list[TurnEvent] = []
    async for event in run_turn(turn, world.parts):
        events.append(event)
        if isinstance(event, Routed):
            conversation = await world.parts.guard.open(turn.thread_id, turn.person, "general")
            await conversation.check_prompt(other_text)
            assert await world.parts.guard.save(turn.thread_id, conversation)
    return events


async def test_placeholders_of_an_answer_join_those_that_were_saved_meanwhile(guard: Guard) -> None:
    world = World(guard, Dev1_qwen=["Write to carla@corp.example."])
    turn = make_turn(f"Use {GITHUB}")
    events = await run_beside(world, turn, f"and 4111 1111 1111 1111 with {GITHUB}")
    assert isinstance(events[-1], Answered)
    restored = await world.parts.guard.restore(turn.thread_id, turn.person, ["[EMAIL_1] [PAYMENT_CARD_1]"])
    assert restored == ["carla@corp.example 4111 1111 1111 1111"]


async def test_one_placeholder_never_stands_for_two_values(guard: Guard) -> None:
    world = World(guard, Dev1_qwen=["Write to ", "carla@corp.example."])
    turn = make_turn("Whom?")
    events = await run_beside(world, turn, "another answer about dora@corp.example")
    assert isinstance(events[-1], Interrupted)
    assert "[EMAIL_1]" not in shown(events) + str(world.history.answer)
    assert await world.parts.guard.restore(turn.thread_id, turn.person, ["[EMAIL_1]"]) == ["dora@corp.example"]


async def test_a_stopped_answer_keeps_its_placeholders(guard: Guard) -> None:
    world = World(guard, Dev1_qwen=["Mail dora@corp.example and ", 30.0])
    turn = make_turn("Whom?")
    async with aclosing(run_turn(turn, world.parts)) as events:
        async for event in events:
            if isinstance(event, AnswerText) and "dora" in event.text:
                break
    world.hosts.scripts["Dev1/qwen"] = ["Fine."]
    await run(world, make_turn("my mail is zed@corp.example", thread=turn.thread_id))
    assert "[EMAIL_2]" in world.hosts.asked[-1][-1].content
    assert await world.parts.guard.restore(turn.thread_id, turn.person, ["[EMAIL_1]"]) == ["dora@corp.example"]


async def test_nothing_is_restored_inside_an_address_of_the_web(guard: Guard) -> None:
    world = World(guard, Dev1_qwen=["See [it](http://evil.example/?m=[EMA", "IL_1]) or mail [EMAIL_1]."])
    events = await run(world, make_turn(f"Write to {MAIL}"))
    assert shown(events) == f"See [it](http://evil.example/?m=[EMAIL_1]) or mail {MAIL}."


async def test_an_end_that_the_log_has_is_written_into_the_history_after_an_outage(guard: Guard) -> None:
    world = World(guard)
    world.history.finish_failures = 2
    events = await run(world, make_turn("Hi"))
    assert isinstance(events[-1], Answered)
    assert world.audit.tags.count("turn:answered") == 1
    assert "turn:interrupted" not in world.audit.tags
    assert world.history.answer["state"] is MessageState.COMPLETE


async def test_a_second_stop_does_not_tear_the_record_of_the_first(guard: Guard) -> None:
    world = World(guard, Dev1_qwen=["One and two, ", 30.0, "three"])
    world.audit.seconds = 0.05
    first_piece = asyncio.Event()

    async def read() -> None:
        async for event in run_turn(make_turn("Hi"), world.parts):
            if isinstance(event, AnswerText):
                first_piece.set()

    task = asyncio.create_task(read())
    await first_piece.wait()
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0.005)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert world.audit.tags[-1] == "turn:interrupted"
    assert world.history.answer["state"] is MessageState.INTERRUPTED


async def test_a_stop_while_the_request_is_accepted_has_an_end_in_the_log(guard: Guard) -> None:
    world = World(guard)
    world.audit.seconds = 0.05
    task = asyncio.create_task(run(world, make_turn("Hi")))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert world.audit.tags[-1] == "turn:interrupted"
    assert world.hosts.asked == []


async def test_what_stands_behind_why_is_kept_for_answers_too(guard: Guard) -> None:
    world = World(guard, Dev1_qwen=[f"Use {GITHUB}."])
    await run(world, make_turn("Hi"))
    detail = world.history.answer["detail"]
    assert isinstance(detail, dict)
    assert detail["guard"][0]["rule"] == "secret/github-token"
    assert GITHUB not in str(detail)


async def test_an_unknown_model_is_refused_in_words(guard: Guard) -> None:
    world = World(guard)
    turn = Turn(**{**_fields(make_turn("Hi")), "model": "gpt-x"})
    await run(world, turn)
    assert world.hosts.needs[0].models == ("gpt-x",), "no other model takes its place"


async def test_the_last_hosts_words_reach_the_person(guard: Guard) -> None:
    world = World(guard, Mini2_llama=[host_error("Mini2 gave no answer in 120 s.")])
    events = await run(world, make_turn("Hi"))
    failed = events[-1]
    assert isinstance(failed, Failed)
    assert failed.words == f"Mini2 gave no answer in 120 s. (ref {failed.reference})"
    assert world.audit.tags[-1] == "turn:failed"


async def test_a_cut_answer_stays_as_interrupted(guard: Guard) -> None:
    world = World(guard, Mini2_llama=["Half of it: ", host_error(can_retry=False)])
    events = await run(world, make_turn("Hi"))
    assert isinstance(events[-1], Interrupted)
    assert world.history.answer["state"] is MessageState.INTERRUPTED
    assert world.history.answer["text"].startswith("Half of ")


@pytest.mark.parametrize("how", ["close", "cancel"])
async def test_stop_closes_the_request_and_records_the_interruption(guard: Guard, how: str) -> None:
    world = World(guard, Dev1_qwen=["One and two, ", 30.0, "three"])
    first_piece = asyncio.Event()

    async def read() -> None:
        async with aclosing(run_turn(make_turn("Hi"), world.parts)) as events:
            async for event in events:
                if isinstance(event, AnswerText):
                    first_piece.set()
                    if how == "close":
                        return

    task = asyncio.create_task(read())
    await first_piece.wait()
    if how == "cancel":
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    else:
        await task
    assert world.hosts.closed == 1
    assert world.audit.tags[-1] == "turn:interrupted"
    assert world.history.answer["state"] is MessageState.INTERRUPTED


async def test_without_the_audit_log_nothing_is_sent(guard: Guard) -> None:
    world = World(guard)
    world.audit.fails_at = "turn:accepted"
    with pytest.raises(AuditUnavailableError):
        await run(world, make_turn("Hi"))
    assert world.hosts.asked == []
    assert world.journal == []


@pytest.mark.parametrize("tag", ["turn:guarded", "turn:routed"])
async def test_without_the_audit_log_the_host_is_not_asked(guard: Guard, tag: str) -> None:
    world = World(guard)
    world.audit.fails_at = tag
    events = await run(world, make_turn("Hi"))
    assert isinstance(events[-1], Failed)
    assert world.hosts.asked == []


async def test_an_answer_that_cannot_be_logged_is_not_shown_as_ended(guard: Guard) -> None:
    world = World(guard)
    world.audit.fails_at = "turn:answered"
    events = await run(world, make_turn("Hi"))
    assert not [event for event in events if isinstance(event, Answered)]
    assert isinstance(events[-1], Interrupted)


async def test_a_failing_guard_is_a_block(guard: Guard, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(guard)

    def broken(_: bytes) -> None:
        raise RuntimeError("secret words")

    monkeypatch.setattr(guard._scanner, "find", broken)
    events = await run(world, make_turn("Hi"))
    blocked = events[-1]
    assert isinstance(blocked, Blocked)
    assert "secret words" not in blocked.words
    assert world.hosts.asked == []
    assert world.audit.texts == {"prompt:blocked": ""}  # nobody knows what is in the text


async def test_a_guard_that_fails_in_mid_answer_ends_it_and_is_audited(
    guard: Guard, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(guard, Dev1_qwen=["One sentence. ", 0.01, f"Then {GITHUB} ", "and more. "])
    find = StreamGuard.feed
    pieces: list[str] = []

    def failing(stream: StreamGuard, chunk: str) -> str:
        pieces.append(chunk)
        if len(pieces) > 1:
            monkeypatch.setattr(guard._scanner, "find", _broken)
        return find(stream, chunk)

    monkeypatch.setattr(StreamGuard, "feed", failing)
    events = await run(world, make_turn("Hi"))
    assert isinstance(events[-1], Blocked)
    assert world.audit.tags[-1] == "answer:blocked"
    assert "more" not in shown(events)
    assert GITHUB not in repr((events, world.history.answer, world.history.partials, world.audit.events))


def _broken(*_: object) -> None:
    raise RuntimeError("secret words")


async def test_what_the_history_leaves_out_is_told_as_well(guard: Guard) -> None:
    """It remembers forty messages at most; those before them would be missed in silence otherwise."""
    world = World(guard)
    world.history.forgotten = 3
    events = await run(world, make_turn("And now?"))
    (note,) = [event.words for event in events if isinstance(event, Notice)]
    assert note.startswith("The oldest 3 messages were left out")
    assert "context:compacted" in world.audit.tags


@pytest.mark.parametrize(
    ("typed", "files", "advice"),
    [
        (40_000, [], "The text alone takes about 13 334 of them."),
        (10, [9_000, 60_000], "Leave out file 2 of 2, which takes about 20 000 of them, or add it to the documents."),
        (10, [60_000], "Leave out the file, which takes about 20 000 of them, or add it to the documents."),
    ],
)
async def test_a_prompt_without_room_is_refused_before_it_is_sent_with_what_to_drop(
    guard: Guard, typed: int, files: list[int], advice: str
) -> None:
    world = World(guard)
    world.hosts.room_tokens = 2600
    attachments = tuple(Attachment(f"{GITHUB}.txt", "word " * (size // 5)) for size in files)
    events = await run(world, replace(make_turn("word " * (typed // 5)), attachments=attachments))
    failed = events[-1]
    assert isinstance(failed, Failed)
    assert failed.trouble is Trouble.OVERLONG
    assert failed.words.startswith("Nothing was sent. ")
    assert advice in failed.words
    assert GITHUB not in failed.words
    assert world.hosts.asked == []


async def test_the_oldest_messages_are_left_out_with_a_note_when_there_is_no_room(guard: Guard) -> None:
    world = World(guard)
    turn = make_turn("And now?")
    for number in range(6):
        author = Author.ASSISTANT if number % 2 else Author.USER
        world.history.earlier.append(Message(uuid4(), turn.thread_id, uuid4(), author, f"{number} " + "word " * 400))
    world.hosts.room_tokens = 2600
    events = await run(world, turn)
    assert isinstance(events[-1], Answered)
    notes = [event.words for event in events if isinstance(event, Notice)]
    assert notes == [words.compacted(4)]
    assert notes[0].startswith("The oldest 4 messages were left out: there is no room for the whole conversation")
    assert world.audit.tags[2:4] == ["context:compacted", "turn:routed"]
    compacted = world.audit.events[2]
    assert isinstance(compacted, ContextCompacted)
    assert (compacted.left_out, compacted.messages) == (4, 4)
    assert compacted.before_tokens > 2600 > compacted.prompt_tokens
    told = world.hosts.asked[0]
    assert told[0].role == "system"
    assert told[1].content.startswith("4 ")
    assert told[-1].content == "And now?"


async def test_a_prompt_without_room_is_refused_and_never_cut(guard: Guard) -> None:
    world = World(guard)
    world.hosts.room_tokens = 600
    events = await run(world, make_turn("word " * 2000))
    failed = events[-1]
    assert isinstance(failed, Failed)
    assert "largest window" in failed.words
    assert world.hosts.asked == []


@pytest.mark.parametrize(("text", "words"), [("", "empty"), ("  \n", "empty"), ("x" * 200_001, "200,001")])
async def test_empty_and_oversize_messages_are_refused_in_words(guard: Guard, text: str, words: str) -> None:
    with pytest.raises(BadInputError, match=words):
        await run(World(guard), make_turn(text))


async def test_a_forbidden_persona_is_refused_before_anything_happens(guard: Guard) -> None:
    world = World(guard)
    with pytest.raises(NotAllowedError):
        await run(world, make_turn("Hi", persona="starcoder"))
    assert world.journal == ["audit access:refused"]


async def test_another_persons_thread_gives_nothing(guard: Guard) -> None:
    world = World(guard)
    world.history.owner = MARIA.id
    stranger = Person(UUID(int=99), "eve", frozenset({Role.EMPLOYEE}))
    events = await run(world, make_turn("Hi", person=stranger))
    assert isinstance(events[-1], Failed)
    assert world.hosts.asked == []


@pytest.mark.parametrize("text", ["a\x00b", "lone \ud800 surrogate", "\u202e right to left", "🦊" * 50])
async def test_strange_text_passes_or_is_refused_and_never_breaks(guard: Guard, text: str) -> None:
    events = await run(World(guard), make_turn(text))
    assert isinstance(events[-1], Answered | Blocked)


async def test_an_unforeseen_failure_shows_nothing_of_itself(guard: Guard, caplog: pytest.LogCaptureFixture) -> None:
    world = World(guard, Dev1_qwen=[RuntimeError("planted-in-an-exception")])
    events = await run(world, make_turn("Hi"))
    failed = events[-1]
    assert isinstance(failed, Failed)
    assert "planted" not in failed.words + caplog.text
    assert failed.reference in failed.words
    assert failed.reference in caplog.text


def _fields(turn: Turn) -> dict[str, object]:
    return {name: getattr(turn, name) for name in Turn.__slots__}


async def test_an_outside_service_in_a_prompt_goes_on_and_is_told(guard: Guard) -> None:
    world = World(guard)
    events = await run(world, make_turn("Port this: client = OpenAI()  # https://api.openai.com/v1"))
    guarded = next(event for event in events if isinstance(event, Guarded))
    assert "passed with a warning · client of an outside AI service, address of an outside AI service" in guarded.note
    assert "https://api.openai.com/v1" in "".join(message.content for message in world.hosts.asked[0])
    noted = next(event for event in world.audit.events if event.tag == "turn:guarded")
    assert {finding.rule for finding in noted.guard.findings} == {"outside/model-client", "outside/model-service"}
    assert {finding.action for finding in noted.guard.findings} == {Action.WARN}


async def test_an_outside_service_in_an_answer_is_noted(guard: Guard) -> None:
    world = World(guard, Dev1_qwen=["Send it to https://web", "hook.site/3f0b4c1e-7d52 and wait."])
    events = await run(world, make_turn("Where can I send this?"))
    assert "webhook.site" in shown(events)
    noted = world.audit.events[-1]
    assert [finding.rule for finding in noted.guard.findings] == ["outside/collector"]
