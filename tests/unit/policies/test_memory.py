"""What is remembered is what a search would find, and no text."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.detectors.compiled import RuleFailedError
from policies.detectors.memory import Memory, PieceSizes
from policies.detectors.search import Search, Settled
from policies.verdict import Finding
from policies.views.fold import well_formed
from tests.unit.policies.texts import BLOCKING, LONG_TEXTS, TEXTS

SMALL = PieceSizes(blank=8, line=16, longest=40, last=12)
SECRET = "ghp_9fK2mQ7xT4vB8nR1sW6yZ3cD5hJ0pL2aEuGi"
LINE = "    value = compute(first, second)  # as before\n"
BLOCK = LINE * 12 + "\n"
open_search = BLOCKING._search


def searched(text: str) -> list[Finding]:
    return in_order(open_search().feed(text, is_last=True).findings)


def in_order(findings: list[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda one: (one.start, one.end, one.rule))


@settings(max_examples=150, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=4).map("\n".join).map(well_formed))
def test_pieces_show_what_the_whole_shows(text: str) -> None:
    memory = Memory("sha256:0", open_search, sizes=SMALL)
    expected = searched(text)
    assert in_order(memory.find(text)) == expected
    assert in_order(memory.find(text)) == expected  # remembered by now


@pytest.mark.parametrize("times", [2, 3])
def test_words_that_were_escaped_are_still_there_for_the_next_piece(times: int) -> None:
    words = "Endpoint=https://shop.example.net;AccessKey=8GM9qtbXBY+UToXjvXe5nzBkmFS7I+YROoDsdqOuJuJ=;Version=1.0;"
    for _ in range(times):
        words = "".join(f"&#{ord(sign)};" for sign in words)
    text = f"{words} ABIAZ5YOOB146RH73ILT\n\n"
    expected = searched(text)
    assert any(text[one.start : one.end] == "ABIAZ5YOOB146RH73ILT" for one in expected)
    assert in_order(Memory("sha256:0", open_search, sizes=SMALL).find(text)) == expected


@pytest.mark.parametrize(
    "between",
    ["\x1b[0m" * 8, "\x1b[38;5;123m" * 30, "\u200b" * 16, "\u0301" * 16],
    ids=["colours", "many colours", "unseen", "marks"],
)
def test_words_of_which_little_is_seen_are_still_there_for_the_next_piece(between: str) -> None:
    words = "".join(letter + between for letter in "the password of the router in the cellar of the house is ")
    text = f"{words}hunter2x9!\n\n"
    expected = searched(text)
    assert "hunter2x9!" in {text[one.start : one.end] for one in expected}
    assert in_order(Memory("sha256:0", open_search, sizes=SMALL).find(text)) == expected


@pytest.mark.parametrize("joint", ['" +\n' + " " * 59 + '"', '"\n' + " " * 59 + '+ "'])
def test_words_of_strings_that_are_joined_are_still_there_for_the_next_piece(joint: str) -> None:
    words = "stripe secret key of the account for the old and wonderful shop in the old town: "
    text = f'"{joint.join(words[at : at + 5] for at in range(0, len(words), 5))}q7Zk2mV9xT4bW8nR3yL6cJ1h"\n\n'
    expected = searched(text)
    assert "secret/assigned-token" in {one.rule for one in expected}
    assert in_order(Memory("sha256:0", open_search, sizes=SMALL).find(text)) == expected


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("\\u0062\\u0301" * 50 + "\\ww1ac5296f64e\n338d7", "ww1ac5296f64e\n338d7"),  # an escape may go on
        (
            f"\noper \nAKIA2E4AQ3F2B44C7Q2X\nIGQV\n--pass\nAKIAIOSFODNN7EX\n{LINE}",
            "IGQV\n--pass\nAKIAIOSFODNN7EX",  # lines may yet be joined
        ),
    ],
)
def test_what_stands_before_a_piece_is_read_together_with_it(text: str, value: str) -> None:
    expected = searched(text)
    assert value in {text[one.start : one.end] for one in expected}
    assert in_order(Memory("sha256:0", open_search, sizes=SMALL).find(text)) == expected


@settings(max_examples=50, deadline=None)
@given(TEXTS, TEXTS, TEXTS, st.integers(0, 60))
def test_a_changed_text_shows_what_a_search_of_it_shows(before: str, after: str, typed: str, at: int) -> None:
    memory = Memory("sha256:0", open_search, sizes=SMALL)
    text = well_formed(f"{before}\n{LINE}{after}")
    memory.find(text)
    for end in range(0, len(typed) + 1, 11):
        changed = text[:at] + well_formed(typed[:end]) + text[at:]
        assert in_order(memory.find(changed)) == searched(changed)


@settings(max_examples=8, deadline=None)
@given(LONG_TEXTS.map(well_formed))
def test_long_values_are_whole(text: str) -> None:
    assert in_order(Memory("sha256:0", open_search).find(text)) == searched(text)


def test_an_unchanged_file_is_not_searched_again() -> None:
    memory = Memory("sha256:0", open_search)
    file = "".join(f"# part {number}\n{BLOCK}" for number in range(180))
    assert len(file) > 100_000
    memory.find(file)
    at_first = memory.searched_chars
    memory.find(file)
    assert memory.searched_chars == at_first
    for typed in ("x", "x =", "x = 1"):
        memory.find(file + typed)
    for cursor in (0, 17_000, 50_000):
        memory.find(file[:cursor] + "typed = 1\n" + file[cursor:])
        memory.find(file[cursor:])
    assert memory.searched_chars - at_first < 60_000  # of some 900,000


@pytest.mark.parametrize("unit", ["1234567890", "password=", "> abcdefghij\n", "0123456789abcdef0123456789abcdef\n"])
def test_one_endless_run_is_searched_little_more_than_once(unit: str) -> None:
    memory = Memory("sha256:0", open_search)
    text = unit * (100_000 // len(unit))
    memory.find(text)
    assert memory.searched_chars < 2 * len(text)


def test_behind_a_long_run_an_unchanged_file_is_not_searched_again() -> None:
    memory = Memory("sha256:0", open_search)
    blob = "QUJDREVGR0hJSktMTU5PUFFS" * 2_000
    file = f"{BLOCK * 20}blob = {blob}\n{BLOCK * 100}"
    memory.find(file)
    at_first = memory.searched_chars
    memory.find(file.replace("first", "third", 1) + LINE)
    assert memory.searched_chars - at_first < 12_000


def test_another_policy_has_a_memory_of_its_own() -> None:
    text = f'token = "{SECRET}"\n' * 20
    one, other = Memory("sha256:1", open_search), Memory("sha256:2", open_search)
    one._key = other._key
    one.find(text)
    other.find(text)
    assert one._pieces
    assert not one._pieces.keys() & other._pieces.keys()


def test_it_holds_hashes_and_places_and_no_text() -> None:
    memory = Memory("sha256:0", open_search)
    memory.find(f'planted_name = "{SECRET}"\n' + LINE * 100)
    held = pickle.dumps(dict(memory._pieces)) + repr(memory).encode()
    assert not any(word in held for word in (b"planted", b"compute", SECRET.encode(), SECRET[:8].encode()))
    assert all(len(key) == 16 for key in memory._pieces)
    one, other = Memory("sha256:0", open_search), Memory("sha256:0", open_search)
    one.find(LINE)
    other.find(LINE)
    assert not one._pieces.keys() & other._pieces.keys()  # whoever has no key cannot try texts


def test_it_forgets_what_was_not_used_for_longest() -> None:
    memory = Memory("sha256:0", open_search, sizes=SMALL, most=10)
    memory.find("".join(f"line {number} of a text\n" for number in range(50)))
    assert len(memory._pieces) == 10


def test_texts_full_of_values_fill_no_memory() -> None:
    """A list of addresses has a hundred times as many places to remember as code has."""
    memory = Memory("sha256:0", open_search, sizes=SMALL, most_findings=20)
    for number in range(40):
        memory.find("".join(f"anna.{number}.{one}@corp.example\n" for one in range(4)))
    assert sum(len(piece.findings) for piece in memory._pieces.values()) <= 20
    assert memory._pieces
    memory.find(LINE)
    assert memory._findings == sum(len(piece.findings) for piece in memory._pieces.values())


def test_a_failure_is_not_remembered() -> None:
    class Failing(Search):
        def feed(self, text: str, *, is_last: bool) -> Settled:
            raise RuleFailedError("a rule")

    memory = Memory("sha256:0", lambda: Failing(BLOCKING._scanner))
    for _ in range(2):
        with pytest.raises(RuleFailedError):
            memory.find(LINE * 50)
    assert not memory._pieces


def test_threads_may_share_it() -> None:
    memory = Memory("sha256:0", open_search, most=50)
    texts = [f'token_{number} = "{SECRET}"\n' + LINE * 30 for number in range(8)]
    with ThreadPoolExecutor(4) as pool:
        for text, found in zip(texts * 4, pool.map(memory.find, texts * 4), strict=True):
            assert SECRET in {text[one.start : one.end] for one in found}
