from __future__ import annotations

import re2
from hypothesis import given
from hypothesis import strategies as st

from policies.detectors.runs import RUN_BYTES
from policies.detectors.scan import Scanner
from policies.guard import Guard
from policies.pattern_beginnings import beginnings
from policies.pattern_literals import spellings, until_keyword
from policies.pattern_syntax import parse_pattern
from policies.patterns import bounded, is_bounded, is_nullable, longer_first, source
from policies.policy import Policy, parse_policy
from policies.views.fold import fold_bytes, well_formed


def _without_case() -> object:
    options = re2.Options()
    options.case_sensitive = False
    return options


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


def test_a_tree_is_cut_behind_a_keyword_that_is_spelled_by_choices() -> None:
    keywords = ("openai(", "client(")
    cut, is_passed = until_keyword(
        parse_pattern(r"\b(?:Async|Azure)?(?:OpenAI|(?:Any)?Client)\([^()]{0,160}\)"), keywords
    )
    assert is_passed
    for whole in ("AsyncOpenAI(", "client(", "AzureAnyClient("):
        assert re2.compile(f"(?i:{beginnings(cut, is_exact=True)})").fullmatch(whole)
        assert not re2.compile(f"(?i:{beginnings(cut, is_exact=True)})").fullmatch(whole + "k")
    _, is_passed = until_keyword(parse_pattern(r"(?:OpenAI|Client|Other)\([a-z]+"), keywords)
    assert not is_passed


@given(st.lists(st.sampled_from(["a", "(?:b|cd)", "(?:ef)?", r"\b", "(?i:G)", r"\.", "h{2}"]), max_size=5).map("".join))
def test_spellings_are_all_texts_of_a_pattern(pattern: str) -> None:
    tree = parse_pattern(pattern)
    texts = spellings(tree)
    assert texts is not None
    plain = re2.compile(source(tree).replace(r"\b", ""), options=_without_case())
    assert all(plain.fullmatch(text) for text in texts)
    longest_text = "acdef.ghhgcd"
    for start in range(len(longest_text)):
        for end in range(start, len(longest_text) + 1):
            text = longest_text[start:end]
            assert (plain.fullmatch(text) is not None) == (text in texts)


def test_what_is_not_a_text_has_no_spellings() -> None:
    for pattern in ("[ab]", "a.", r"\d", "a*", "a{9}", "(?:aa|bb|cc|dd){4}(?:a|b|c)"):
        assert spellings(parse_pattern(pattern)) is None


def test_no_option_hides_a_longer_one() -> None:
    for pattern, expected in (
        ("es|est|est le", "est le|est|es"),
        ("(?i:b|a(?:c|cd)|bd){1,2}", "(?i:bd|b|a(?:cd|c)){1,2}"),
        ("c|a|b", "c|a|b"),
        ("|a", "a|"),
    ):
        assert source(longer_first(parse_pattern(pattern))) == expected


def test_the_order_of_options_hides_no_value() -> None:
    pattern = "(?i:\\bmon truc (?:es|est|est le)\\s)([0-9]{6})\\b"
    site = f"""
rules:
  - name: site/truc
    label: truc
    entity_type: TRUC
    keywords: [truc]
    patterns: ['{pattern}']
actions:
  - {{rules: '*', action: redact}}
"""
    guard = Guard(parse_policy({"site.yaml": site}))
    for words in ("es", "est", "est le"):
        assert [finding.start for finding in guard.find(f"mon truc {words} 123456")] == [10 + len(words)]


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
