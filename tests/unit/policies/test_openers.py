"""Words that open a pattern lose no match: each pattern is looked for wherever it could be confirmed."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.detectors.compiled import CompiledRule, compile_rule
from policies.detectors.openers import OpenerReader
from policies.detectors.pattern_kinds import BLOCK_CHARS
from policies.detectors.scan import Scanner
from policies.detectors.sightings import Keywords, Sightings
from policies.pattern_syntax import parse_pattern
from policies.views.fold import fold_bytes
from tests.unit.policies.texts import EXAMPLES, KEYWORDS, POLICY, TEXTS, cut_examples

RULES = [compile_rule(rule) for rule in POLICY.rules]
SCANNER = Scanner(POLICY.rules)
OF_KEYWORDS = [compiled for compiled in RULES if compiled.keywords]
OPENERS = [
    (pattern, [word.encode("latin-1").lower() for word in opening.words], opening.reach)
    for compiled in OF_KEYWORDS
    for pattern, opening in zip(compiled.patterns, compiled.facts.openings, strict=True)
]
EXAMPLES_OF = [
    (compiled, example.replace("«", "").replace("»", ""))
    for compiled in OF_KEYWORDS
    for example in (*compiled.rule.found, *compiled.rule.passed)
]


def found_at_openers(data: bytes) -> set[tuple[int, int, str]]:
    return {
        (match.finding.start, match.finding.end, match.finding.rule)
        for compiled, pattern, regions in SCANNER.sighted(data).patterns
        if compiled in OF_KEYWORDS
        for match in pattern.matches(compiled, data, 0, regions)
    }


def found_everywhere(data: bytes, rules: list[CompiledRule]) -> set[tuple[int, int, str]]:
    return {
        (match.finding.start, match.finding.end, match.finding.rule)
        for compiled in rules
        for pattern in compiled.patterns
        for match in pattern.matches(compiled, data, 0, [(0, len(data))])
    }


def test_no_example_of_any_rule_is_lost() -> None:
    for compiled, example in EXAMPLES_OF:
        data = fold_bytes(example)
        assert found_everywhere(data, [compiled]) <= found_at_openers(data), compiled.rule.name


PIECES = st.one_of(st.sampled_from(EXAMPLES), st.sampled_from(KEYWORDS), cut_examples(), st.text(max_size=6))
SPREAD = st.lists(st.tuples(PIECES, st.sampled_from(["", " ", "\n", " x" * 150, "y" * BLOCK_CHARS])), max_size=5)


@settings(max_examples=25, deadline=None)
@given(text=st.one_of(TEXTS, SPREAD.map(lambda pieces: "".join(piece + gap for piece, gap in pieces))))
def test_words_lose_no_match_of_any_text(text: str) -> None:
    data = fold_bytes(text)
    assert found_everywhere(data, OF_KEYWORDS) == found_at_openers(data)


@settings(max_examples=25, deadline=None)
@given(text=st.one_of(TEXTS, SPREAD.map(lambda pieces: "".join(piece + gap for piece, gap in pieces))))
def test_passing_over_words_without_a_value_loses_none(text: str) -> None:
    data = fold_bytes(text)
    found = found_at_openers(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("policies.detectors.pattern_kinds._WORDS_IN_A_ROW", 1)
        assert found_at_openers(data) == found


@settings(max_examples=12, deadline=None)
@given(text=TEXTS, cuts=st.lists(st.integers(1, 40), min_size=1, max_size=8))
def test_a_view_that_grows_shows_every_word(text: str, cuts: list[int]) -> None:
    data = fold_bytes(text)
    sightings, place, turn = SCANNER.open_sightings(), 0, 0
    while place < len(data):
        place += cuts[turn % len(cuts)]
        turn += 1
        sightings.look(data[:place], 0)
    seen = {pattern: regions for _, pattern, regions in sightings.opened_from(0, 0).patterns}
    lowered = data.lower()
    for pattern, words, reach in OPENERS:
        for word in words:
            for found in re.finditer(re.escape(word), lowered):
                begin = found.start()
                assert any(first <= begin - reach and begin < last for first, last in seen[pattern])


@pytest.mark.parametrize(
    ("pattern", "keywords", "words", "reach"),
    [
        (r"\bopenssl\s[^\n]{0,99}?-k ([a-z]+)", ["openssl", "mysql"], {"openssl"}, 0),
        (r"(?i:\b(?:mysql|mycli)\s-p)(\S+)", ["mysql", "mycli", "curl"], {"mysql", "mycli"}, 0),
        (r"[a-z]{0,9}api[_-]?key=([a-z]+)", ["api"], {"apikey=", "api_key=", "api-key="}, 9),
        (r"(?:a[bB]|cd){1,5}token(\d+)", ["token"], {"token"}, 10),
        (r"[Pp]ass(?:word)?: (\S{1,9})", ["pass"], {"pass: ", "password: "}, 0),
        (r"(?:über|unter)pass: (\S{1,9})", ["pass"], {"\xfcberpass: ", "unterpass: "}, 0),
        (r"(?:№ ?|nr)passport: (\S{1,9})", ["passport"], {"nopassport: ", "no passport: ", "nrpassport: "}, 0),
        (r"rclone\s{1,2}obscure (\S{1,9})", ["rclone obscure"], {"rclone"}, 0),
    ],
)
def test_what_every_match_must_pass_is_read_from_the_pattern(
    pattern: str, keywords: list[str], words: set[str], reach: int
) -> None:
    opener = OpenerReader(word.encode() for word in keywords).opener_of(parse_pattern(pattern))
    assert opener is not None
    assert {word.decode("latin-1") for word in opener.words} == words
    assert opener.reach == reach


@pytest.mark.parametrize(
    "pattern", [r"(?:openssl)?-k ([a-z]+)", r"(?:mysql|m)\s-p(\S+)", r"[a-z]{5,9}(\d+)", r"other (\d)"]
)
def test_what_may_be_missing_opens_nothing(pattern: str) -> None:
    assert OpenerReader([b"openssl", b"mysql"]).opener_of(parse_pattern(pattern)) is None


def test_a_command_does_not_open_the_patterns_of_the_others() -> None:
    rule = next(compiled for compiled in RULES if compiled.rule.name == "secret/password-command")
    sightings = Sightings(Keywords([rule]))
    sightings.look(b"nmcli and what else there is", 0)
    opened = len(sightings.opened_from(0, 0).patterns)
    assert opened < len(rule.patterns) / 2


def test_a_word_that_stands_everywhere_is_one_region() -> None:
    sightings = Sightings(
        Keywords([compile_rule(rule) for rule in POLICY.rules if rule.name == "secret/password-assigned"])
    )
    sightings.look(b"password=" * 5_000, 0)
    assert all(len(regions) == 1 for _, _, regions in sightings.opened_from(0, 0).patterns)
