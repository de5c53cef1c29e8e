from __future__ import annotations

import re2
from hypothesis import given
from hypothesis import strategies as st

from policies.detectors.compiled import RUN_BYTES
from policies.detectors.scan import Scanner
from policies.pattern_syntax import parse_pattern
from policies.patterns import beginnings, bounded, is_bounded, is_nullable, source, until_keyword
from policies.policy import Policy
from policies.views.fold import fold_bytes, well_formed


def test_the_beginnings_of_a_pattern_are_all_its_prefixes() -> None:
    regex = re2.compile(beginnings(parse_pattern(r"a(b|cd){2}[0-9]{1,3}\b"), is_exact=True))
    for whole in ("abcd12", "acdb999"):
        for end in range(len(whole) + 1):
            assert regex.fullmatch(whole[:end])
    for dead in ("b", "abb!", "acb", "abcd1234"):
        assert not regex.fullmatch(dead)


def test_the_coarse_beginnings_hold_all_the_exact_ones() -> None:
    tree = parse_pattern(r"(?i)key-[a-z]{20}(?:x{3}|y)")
    text = "KEY-" + "q" * 20 + "xxx"
    coarse = re2.compile(beginnings(tree, is_exact=False))
    assert all(coarse.fullmatch(text[:end]) for end in range(len(text) + 1))


def test_a_pattern_that_is_written_again_is_the_same() -> None:
    for pattern in (r"a|b(?:c){2,3}?", r"\bx{0,3}[^\]a-z]$", r"(?i:q)\.(\$|\x41)"):
        once = source(parse_pattern(pattern))
        assert source(parse_pattern(once.replace("(?m:^)", "^").replace("(?m:$)", "$"))) == once


def test_a_tree_is_cut_behind_its_keyword() -> None:
    cut, is_passed = until_keyword(parse_pattern(r"\b(?:akia|asia)[a-z]{16}"), ("akia", "asia"))
    assert is_passed
    assert not re2.compile(beginnings(cut, is_exact=True)).fullmatch("akiab")
    _, is_passed = until_keyword(parse_pattern(r"(?:akia|x)[a-z]{16}"), ("akia",))
    assert not is_passed


def test_endless_repetitions_can_be_ended() -> None:
    tree = parse_pattern("(a+|b*)c{2,}")
    assert not is_bounded(tree)
    assert is_bounded(bounded(tree, 9))
    assert source(bounded(tree, 9)) == "(a{1,9}|b{0,9})c{2,9}"
    assert not is_nullable(tree)


def test_every_beginning_of_every_example_is_alive(policy: Policy) -> None:
    scanner = Scanner(policy.rules)
    for example in (example for rule in policy.rules for example in rule.found):
        data = fold_bytes(example.replace("«", "").replace("»", ""))
        for match in scanner.find(data, 0, scanner.sighted(data)):
            for end in range(match.whole_start + 1, match.whole_end, 9):  # every ninth: there are a thousand examples
                head = data[:end]
                run_start = len(head.rstrip(RUN_BYTES))  # whoever streams holds a run until it ends
                alive = scanner.alive_from(head, 0, scanner.sighted(head))
                assert min(alive, run_start) <= match.finding.start, (example, head)


@given(st.text())
def test_a_well_formed_text_is_as_long_and_can_be_encoded(text: str) -> None:
    assert len(well_formed(text)) == len(text)
    well_formed(text).encode("utf-8")
