"""How much is looked at: what grows faster than the text is a way to keep a guard busy. Counted, never timed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.detectors.compiled import Alive, CompiledRule
from policies.detectors.layers import Layers
from policies.detectors.memory import Memory
from policies.detectors.pattern_kinds import HELD_CHARS_CAP, ContextPattern
from policies.detectors.scan import Scanner
from policies.pattern_beginnings import beginnings
from policies.pattern_syntax import parse_pattern
from policies.patterns import longest
from policies.views.apart import Cells
from tests.unit.policies.texts import BLOCKING, REDACTING, SIZES, both_ways

Counted = TypeVar("Counted")
ADDRESSES = [f"{name}.{number * 7919 % 10**6}@firm-{number}.de" for number in range(1300) for name in ("anna", "tom")]
WRAPPED = "> abcdefghij\n" * 3_400  # no value, and no end of the run that its lines are joined to
ENCODED = "QUJDREVGR0hJSktMTU5PUFFS" * 1_800
LISTS = {
    "cards": "4111 1111 1111 1111\n" * 400,
    "passwords": "".join(f"password=kz{number * 7919 % 10**6:06}Bp\n" for number in range(400)),
}
lot = random.Random(7)  # noqa: S311 - which digits
NUMBERS = [f"{lot.randrange(10**15, 10**16)}" for _ in range(600)]
CARDS = "".join(" ".join(number[at : at + 4] for at in range(0, 16, 4)) + "\n" for number in NUMBERS)
IBANS = "".join(
    f"DE{number[:2]} " + " ".join(number[at : at + 4] for at in range(0, 16, 4)) + " 17\n" for number in NUMBERS
)
PASSWORDS = "".join(f"password=kz{number[:6]}Bp\n" for number in NUMBERS[:200])
open_search = BLOCKING._search


@pytest.mark.parametrize("between", ["\n", ", ", ";", " ", "\n- ", "\r\n"])
def test_a_list_of_addresses_is_looked_at_once(between: str) -> None:
    text = between.join(ADDRESSES)
    memory = Memory("sha256:0", open_search)
    found = memory.find(text)
    assert {text[finding.start : finding.end] for finding in found} >= set(ADDRESSES)
    assert memory.searched_chars < 1.2 * len(text)


@pytest.mark.parametrize("between", ["\n", ", "])
def test_a_list_of_addresses_is_shown_while_it_streams(between: str) -> None:
    search, text = open_search(), between.join(ADDRESSES[:400])
    held = 0
    for place in range(0, len(text), 20):
        held = max(held, place + 20 - search.feed(text[place : place + 20], is_last=False).end)
    assert held < 200


@pytest.mark.parametrize("text", LISTS.values(), ids=LISTS)
def test_a_list_of_values_on_lines_of_one_length_is_shown_while_it_streams(text: str) -> None:
    search, held = open_search(), 0
    for place in range(0, len(text), 20):
        held = max(held, place + 20 - search.feed(text[place : place + 20], is_last=False).end)
    assert held < 400
    memory = Memory("sha256:0", open_search)
    memory.find(text)
    assert memory.searched_chars < 1.5 * len(text)


def test_a_list_of_numbers_is_looked_at_in_few_views(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = counted(monkeypatch, Scanner, "find", lambda _, data, start, sighted: len(data) - start)
    Memory("sha256:0", open_search).find(CARDS)
    assert sum(looked) < 1.6 * len(CARDS)  # a piece that begins with a torn line would be looked at in four views


def test_lines_that_join_to_one_run_are_searched_less_than_twice() -> None:
    memory = Memory("sha256:0", open_search)
    memory.find(IBANS[:20_000])
    assert memory.searched_chars < 1.6 * 20_000


def test_a_value_is_told_once_however_many_words_lead_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    told = counted(monkeypatch, CompiledRule, "match", lambda rule, *_: rule.rule.name)
    search = open_search()
    search.feed(PASSWORDS, is_last=True)
    assert 0 < told.count("secret/password-linked") < 1.2 * 200


def test_a_cell_in_which_nothing_is_undone_needs_no_views(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "".join(f"{number[:8]} (tax id) " for number in NUMBERS[:50])
    opened = counted(monkeypatch, Layers, "__init__", lambda *_: 1)
    found = open_search().feed(text, is_last=True).findings
    assert sum(finding.rule == "personal/tax-number" for finding in found) == 50
    assert len(opened) == 1


def test_who_tells_what_is_open_asks_nothing_of_other_cells() -> None:
    asked: list[bytes] = []
    data = b"| name | passport |\n|---|---|\n" + b"| anna | C01X00T47 |\n" * 9 + b"| tom | C01"
    assert Cells(data, 0, lambda label: bool(asked.append(label)) or True).open_from() == data.rindex(b" C01")
    assert asked == [b"tom passport"]


def counted(monkeypatch: pytest.MonkeyPatch, owner: type, name: str, told: Callable[..., Counted]) -> list[Counted]:
    """Return what is told of each call of a method, from now on."""
    counts: list[Counted] = []
    method = getattr(owner, name)

    def count(*given: object, **named: object) -> object:
        counts.append(told(*given))
        return method(*given, **named)

    monkeypatch.setattr(owner, name, count)
    return counts


def test_rows_that_tear_each_other_are_held_up_to_the_cap() -> None:
    lot = random.Random(4)  # noqa: S311 - which digits
    text = "".join(" ".join(f"{lot.randrange(16**4):04x}" for _ in range(4)) + "\n" for _ in range(1_500))
    search, held = open_search(), 0
    for place in range(0, len(text), 300):
        held = max(held, place + 300 - search.feed(text[place : place + 300], is_last=False).end)
    assert held < 2 * HELD_CHARS_CAP


@pytest.mark.parametrize("text", [WRAPPED, ENCODED, WRAPPED.replace(">", "")], ids=["wrapped", "encoded", "narrow"])
def test_what_is_held_for_long_is_not_looked_at_for_each_piece(text: str) -> None:
    search = open_search()
    for place in range(0, len(text), 40):
        search.feed(text[place : place + 40], is_last=False)
    search.feed("", is_last=True)
    assert search.looked_chars < 15 * len(text)


def test_a_text_of_a_page_is_one_piece() -> None:
    text = ("A paragraph of some words, and of some more.\n" * 6 + "\n") * 6
    assert 1_500 < len(text) < 2_048
    memory = Memory("sha256:0", open_search)
    memory.find(text)
    assert repr(memory) == "Memory(1 pieces)"


def test_words_without_a_value_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[int, int]] = []
    heads = ContextPattern._heads
    monkeypatch.setattr(ContextPattern, "_heads", lambda *given, **how: record(heads(*given, **how), told))
    text = "password=" * 16_000 + "\npassword = kH7tw93Lq\n"
    assert {text[finding.start : finding.end] for finding in BLOCKING.find(text)} == {"kH7tw93Lq"}
    assert len(told) < 8_000  # four patterns look for a value behind that word, in a text that is searched twice


def record(heads: Iterator[tuple[int, int]], told: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    for head in heads:
        told.append(head)
        yield head


def test_what_has_ended_is_not_looked_at_however_much_is_held() -> None:
    tree = parse_pattern("[a-z]{1,8}-[0-9]{1,8}")
    alive = Alive([beginnings(tree, is_exact=True)], [longest(tree)])
    assert alive.first(b"x" * 40 + b" ab-12", 0) == 41
    assert alive.first(b"ab-12 " + b"." * 40, 0) == 46
    assert alive._chars == 17  # the longest match; further back nothing is looked for
    assert Alive([beginnings(parse_pattern("a[0-9]+"), is_exact=True)], [None])._chars is None


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.sampled_from(ADDRESSES), min_size=2, max_size=12),
    st.lists(st.sampled_from(["\n", "\r\n", ",", ", ", ";", " ", "\n> ", ",\n", "|", "'", '"', "<", "> "]), min_size=1),
    SIZES,
)
def test_lists_of_addresses_are_the_same_in_pieces(addresses: list[str], between: list[str], sizes: list[int]) -> None:
    text = "".join(address + between[place % len(between)] for place, address in enumerate(addresses))
    whole, verdict, shown = both_ways(REDACTING, text, sizes)
    assert verdict == whole
    assert shown == whole.text
