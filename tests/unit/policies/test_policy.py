from __future__ import annotations

import pytest

from policies.errors import PolicyError
from policies.guard import Guard, check_examples
from policies.policy import Asker, Policy, parse_policy
from policies.pseudonyms import Pseudonyms
from policies.verdict import Action, Direction, Ground, Verdict

RULE = """
rules:
  - name: site/badge
    label: badge number
    entity_type: BADGE
    patterns: ['\\bB-[0-9]{6}\\b']
    examples: {found: ["badge «B-123456»"], passed: ["B-12"]}
"""
ACTIONS = """
actions:
  - {rules: "*", action: redact}
"""


def parse(*texts: str) -> Policy:
    return parse_policy({f"file{number}.yaml": text for number, text in enumerate(texts, 1)})


@pytest.mark.parametrize(
    ("text", "where", "words"),
    [
        ("rules:\n  - name: a\n    patern: x\n", "file1.yaml:3", "Unknown key 'patern'"),
        ("rules:\n  - name: a\n    label: b\n", "file1.yaml:2", "'entity_type' is missing"),
        ("rules: [\n", "file1.yaml:2", "Not valid YAML"),
        ("", "file1.yaml:1", "empty"),
        ("- a\n", "file1.yaml:1", "Expected a mapping"),
        (RULE.replace("BADGE", "badge"), "file1.yaml:5", "capital letters"),
        (RULE.replace("site/badge", "Site Badge"), "file1.yaml:3", "small letters"),
        (RULE + "    score: 2\n" + ACTIONS, "file1.yaml:8", "from 0 to 1"),
        (RULE + ACTIONS.replace("redact", "mask"), "file1.yaml:10", "'mask' is not one of allow"),
        (RULE + ACTIONS.replace('"*"', "site/badges"), "file1.yaml:10", "No rule is called 'site/badges'"),
        (
            RULE + ACTIONS.replace("redact", "redact, directions: up"),
            "file1.yaml:10",
            "prompt, file, retrieval, tool, answer, job, log",
        ),
        (RULE, "file1.yaml:3", "what happens to 'site/badge'"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(text: str, where: str, words: str) -> None:
    with pytest.raises(PolicyError) as caught:
        parse(text)
    assert caught.value.where == where
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("a(?=b)", "look-ahead"),
        ("(?<!a)b", "look-behind"),
        (r"(a)\1", "is not among the escapes"),
        ("a++", "one repetition follows another"),
        ("(a", "not closed"),
        ("a)", "not opened"),
        ("*a", "repeats nothing"),
        ("a+b", "repeats without end"),
        ("a{2000}", "RE2 refuses"),
        ("[λ-ω]", "beyond U"),
    ],
)
def test_a_pattern_that_cannot_run_in_linear_time_is_refused(pattern: str, words: str) -> None:
    text = RULE.replace("\\bB-[0-9]{6}\\b", pattern) + ACTIONS
    with pytest.raises(PolicyError, match=r"file1\.yaml:3") as caught:
        Guard(parse(text))
    assert words in str(caught.value)


def test_a_check_that_does_not_exist_is_refused() -> None:
    with pytest.raises(PolicyError, match="'luhnn' is not among the checks"):
        Guard(parse(RULE + "    checks: [luhnn]\n" + ACTIONS))


def test_two_rules_of_one_name_are_refused() -> None:
    with pytest.raises(PolicyError, match=r"file2.yaml:3.*already stands at file1.yaml:3"):
        parse(RULE + ACTIONS, RULE)


@pytest.mark.parametrize(
    ("example", "words"), [("badge «B-12345»", "does not find"), ("«badge» B-123456", "does not find")]
)
def test_an_example_that_is_missed_refuses_the_policy(example: str, words: str) -> None:
    guard = Guard(parse(RULE.replace("badge «B-123456»", example) + ACTIONS))
    with pytest.raises(PolicyError, match=words):
        check_examples(guard)


def test_an_example_that_is_found_and_should_pass_refuses_the_policy() -> None:
    guard = Guard(parse(RULE.replace('"B-12"', '"B-654321"') + ACTIONS))
    with pytest.raises(PolicyError, match="should pass"):
        check_examples(guard)


def test_the_version_follows_the_content_and_not_the_layout() -> None:
    one = parse(RULE + ACTIONS)
    assert one.version == parse("# a comment\n" + RULE + "\n" + ACTIONS).version
    assert one.version == parse(RULE, ACTIONS).version
    assert one.version != parse(RULE + ACTIONS.replace("redact", "block")).version
    assert one.version.startswith("sha256:")
    assert len(one.version) == len("sha256:") + 12


def test_the_last_line_that_fits_decides() -> None:
    policy = parse(
        RULE
        + ACTIONS
        + "  - {rules: site/*, action: block, directions: answer}\n"
        + "  - {rules: site/*, action: pseudonymise, personas: [operations]}\n"
        + "  - {rules: site/badge, action: allow, roles: [reviewer, approver]}\n"
    )
    nobody, reviewer = frozenset[str](), frozenset({"employee", "reviewer"})
    assert policy.action("site/badge", Direction.PROMPT, "general", nobody) is Action.REDACT
    assert policy.action("site/badge", Direction.ANSWER, "general", nobody) is Action.BLOCK
    assert policy.action("site/badge", Direction.ANSWER, "operations", nobody) is Action.PSEUDONYMISE
    assert policy.action("site/badge", Direction.ANSWER, "operations", reviewer) is Action.ALLOW
    assert policy.action("presidio/person", Direction.PROMPT, "general", reviewer) is Action.REDACT


def check(policy: Policy, text: str, direction: Direction = Direction.PROMPT) -> Verdict:
    return Guard(policy).check(text, direction=direction, persona="", roles=frozenset(), pseudonyms=Pseudonyms())


@pytest.mark.parametrize("direction", Direction)
def test_a_line_may_speak_about_one_direction_alone(direction: Direction) -> None:
    policy = parse(RULE + ACTIONS + f"  - {{rules: site/badge, action: block, directions: {direction.value}}}\n")
    blocked = {one for one in Direction if check(policy, "B-123456", one).is_blocked}
    assert blocked == {direction}


def test_a_finding_less_sure_than_its_line_asks_for_is_allowed() -> None:
    policy = parse(RULE + "    score: 0.5\n" + ACTIONS + "  - {rules: site/badge, action: block, min_score: 0.6}\n")
    (decision,) = check(policy, "badge B-123456").decisions
    assert (decision.action, decision.ground, decision.decided_by) == (Action.ALLOW, Ground.LOW_SCORE, "file1.yaml:12")
    same = parse(RULE + "    score: 0.6\n" + ACTIONS + "  - {rules: site/badge, action: block, min_score: 0.6}\n")
    assert check(same, "badge B-123456").is_blocked
    assert policy.version != same.version


def test_a_warned_value_goes_on_and_is_told() -> None:
    verdict = check(parse(RULE + ACTIONS.replace("redact", "warn")), "badge B-123456")
    assert (verdict.action, verdict.text, verdict.held_back) == (Action.WARN, "badge B-123456", ())
    assert [decision.finding.rule for decision in verdict.warned] == ["site/badge"]
    assert verdict.warned[0].placeholder == ""


def test_a_warned_value_goes_with_what_is_held_back_around_it() -> None:
    wider = (
        RULE.replace("site/badge", "site/line")
        .replace("BADGE", "LINE")
        .replace("\\\\b", "")
        .replace("B-[0-9]{6}", "badge B-[0-9]{6}")
    )
    policy = parse(
        RULE + ACTIONS.replace("redact", "warn"), wider + "actions:\n  - {rules: site/line, action: redact}\n"
    )
    verdict = check(policy, "badge B-123456!")
    assert (verdict.text, verdict.action) == ("[LINE_1]!", Action.REDACT)
    assert verdict.warned == ()


def test_the_severity_grows_from_allow_to_block() -> None:
    assert [action.value for action in sorted(Action, key=lambda one: one.severity)] == [
        "allow",
        "warn",
        "pseudonymise",
        "redact",
        "block",
    ]
    assert [action.holds_back for action in Action] == [False, False, True, True, True]


def test_a_filter_redacts_what_the_policy_blocks() -> None:
    policy = parse(RULE + ACTIONS.replace("redact", "block"))
    assert check(policy, "badge B-123456").is_blocked
    assert check(policy.without_blocks(), "badge B-123456").text == "badge [BADGE_1]"


def test_a_ruling_names_the_line_that_decided() -> None:
    policy = parse(RULE, ACTIONS + "  - {rules: site/badge, action: warn, roles: reviewer}\n")
    asker = Asker(Direction.PROMPT, "", frozenset({"reviewer"}))
    assert policy.rule_on("site/badge", 1.0, asker).where == "file2.yaml:4"
    assert policy.rule_on("site/badge", 1.0, Asker(Direction.PROMPT, "", frozenset())).where == "file2.yaml:3"
    unknown = policy.rule_on("site/unknown", 1.0, asker)
    assert (unknown.action, unknown.ground) == (Action.REDACT, Ground.SILENCE)
