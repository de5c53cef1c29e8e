"""Presidio's frame: the rules as its recognisers, and a site's recognisers as rules."""

from __future__ import annotations

from functools import partial

import pytest
from presidio_analyzer import EntityRecognizer, Pattern, PatternRecognizer
from presidio_anonymizer import AnonymizerEngine
from presidio_anonymizer.entities import OperatorConfig
from presidio_anonymizer.entities import RecognizerResult as Result

from policies.detectors.recognizers import AnalyzerDetector, build_analyzer
from policies.errors import PolicyError
from policies.guard import Guard
from policies.policy import Policy, parse_policy
from policies.pseudonyms import Pseudonyms
from policies.verdict import Direction, Verdict

SITE = """
recognizers:
  - name: Badge Recognizer
    supported_languages: [{language: en, context: [badge]}]
    type: custom
    supported_entity: BADGE
    patterns:
      - {name: badge, regex: "(b|c)-[0-9]+", score: 0.7}
  - name: titles
    supported_entity: TITLE
    deny_list: ["Mr.", "Mrs."]
actions:
  - {rules: "*", action: redact}
"""


def check(guard: Guard, text: str) -> Verdict:
    return guard.check(text, direction=Direction.FILE, persona="general", roles=frozenset(), pseudonyms=Pseudonyms())


def test_every_rule_is_a_presidio_recogniser(policy: Policy) -> None:
    analyzer = build_analyzer(policy.rules)
    recognizers = analyzer.get_recognizers()
    assert all(isinstance(recognizer, EntityRecognizer) for recognizer in recognizers)
    assert {recognizer.name for recognizer in recognizers} == {"secret", "personal", "outside"}
    assert {rule.entity_type for rule in policy.rules} == set(analyzer.get_supported_entities())
    results = analyzer.analyze("mail maria@example.org", language="en", entities=["EMAIL"])
    assert [(result.entity_type, result.start, result.end) for result in results] == [("EMAIL", 5, 22)]


def test_the_search_by_words_is_a_presidio_recogniser(policy: Policy) -> None:
    analyzer = build_analyzer((), words=policy.words)
    assert [recognizer.name for recognizer in analyzer.get_recognizers()] == ["tokens"]
    (finding,) = AnalyzerDetector(analyzer).detect("api_token = q8Zr2LxV0bN5tKw7Yd3MhJc9")
    assert (finding.entity_type, finding.start, finding.end) == ("SECRET", 12, 36)
    assert finding.rule == "secret/assigned-token"
    assert analyzer.analyze("the token is kept in the vault", language="en") == []


def test_presidio_finds_what_the_scan_finds(policy: Policy, guard: Guard) -> None:
    framed = AnalyzerDetector(build_analyzer(policy.rules, words=policy.words))
    for example in (example for rule in policy.rules for example in (*rule.found, *rule.passed)):
        scanned = [finding for finding in guard.find(example) if finding.rule != "placeholder"]
        found = framed.detect(example)
        assert {finding.rule for finding in found} <= {finding.rule for finding in scanned}
        for finding in scanned:  # of two of a kind, one inside the other, Presidio tells the larger
            assert any(
                one.entity_type == finding.entity_type and one.start <= finding.start and finding.end <= one.end
                for one in found
            )


@pytest.mark.parametrize(
    "text",
    [
        "ask maria@example.org, not tom@example.org: maria@example.org has 4111 1111 1111 1111",
        "the token ghp_aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5 gives 401",
        "api_token = q8Zr2LxV0bN5tKw7Yd3MhJc9\nIBAN DE89 3704 0044 0532 0130 00",
        "nothing to hide",
    ],
)
def test_presidios_anonymizer_makes_of_the_results_what_the_guard_makes(policy: Policy, text: str) -> None:
    verdict = check(Guard(policy), text)
    results = build_analyzer(policy.rules, words=policy.words).analyze(text, language="en")
    pseudonyms = Pseudonyms()

    def placeholder(kind: str, value: str) -> str:
        return pseudonyms.placeholder(kind, value, is_restorable=False)

    # It replaces from the end; numbered from the beginning, a value keeps the number of its first place.
    for result in sorted(results, key=lambda one: one.start):
        placeholder(result.entity_type, text[result.start : result.end])
    names = {
        result.entity_type: OperatorConfig("custom", {"lambda": partial(placeholder, result.entity_type)})
        for result in results
    }
    theirs = [Result(one.entity_type, one.start, one.end, one.score) for one in results]
    assert AnonymizerEngine().anonymize(text, theirs, names).text == verdict.text


def test_a_recogniser_of_the_site_joins_the_frame(policy: Policy) -> None:
    badge = PatternRecognizer("BADGE", name="badge", patterns=[Pattern("badge", "B-[0-9]{4}", 0.9)])
    framed = Guard(policy, [AnalyzerDetector(build_analyzer(policy.rules, [badge]))])
    verdict = framed.check(
        "badge B-1234", direction=Direction.FILE, persona="general", roles=frozenset(), pseudonyms=Pseudonyms()
    )
    assert verdict.text == "badge [BADGE_1]"
    assert verdict.decisions[0].finding.rule == "personal/presidio-badge"


def test_recognisers_in_presidios_yaml_become_rules() -> None:
    policy = parse_policy({"site.yaml": SITE})
    assert [rule.name for rule in policy.rules] == ["site/badge-recognizer", "site/titles"]
    assert check(Guard(policy), "Mr. X has B-123456.").text == "[TITLE_1] X has [BADGE_1]."


@pytest.mark.parametrize(
    ("old", "new", "where", "words"),
    [
        ('"(b|c)-[0-9]+"', '"(?<![0-9])b"', "site.yaml:8", "look-behind"),
        ("type: custom", "type: predefined", "site.yaml:5", "custom"),
        ("supported_entity: BADGE", "context: [x]", "site.yaml:3", "'supported_entity' is missing"),
        ("deny_list:", "context:", "site.yaml:9", "'patterns' or a 'deny_list'"),
    ],
)
def test_a_recogniser_that_cannot_be_used_is_refused_with_its_line(old: str, new: str, where: str, words: str) -> None:
    with pytest.raises(PolicyError) as caught:
        parse_policy({"site.yaml": SITE.replace(old, new)})
    assert caught.value.where == where
    assert words in str(caught.value)
