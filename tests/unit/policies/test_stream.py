"""The property that the guard of streams stands on: the pieces do not matter."""

from __future__ import annotations

from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.detectors.scan import HELD_CHARS_CAP
from policies.guard import Guard
from policies.policy import parse_policy
from policies.pseudonyms import Pseudonyms
from policies.rules import SHIPPED
from policies.stream import StreamGuard
from policies.verdict import Action, Direction, Verdict

SHIPPED_TEXTS = {name: (files("policies.rules") / name).read_text("utf-8") for name in SHIPPED}
ADDRESSES = {"addresses.yaml": 'actions:\n  - {rules: "personal/*-address*", action: redact}\n'}
UNBLOCKED = {"unblocked.yaml": 'actions:\n  - {rules: "secret/*", action: redact}\n'}
POLICY = parse_policy(SHIPPED_TEXTS | ADDRESSES)
BLOCKING = Guard(POLICY)
# The same rules with nothing that blocks, so that the text after a private key is compared too.
REDACTING = Guard(parse_policy(SHIPPED_TEXTS | ADDRESSES | UNBLOCKED))
EXAMPLES = [
    example.replace("«", "").replace("»", "") for rule in POLICY.rules for example in (*rule.found, *rule.passed)
]
KEYWORDS = sorted({word for rule in POLICY.rules for word in rule.keywords})
NOISE = ["\n", " ", "é", "日本", "\ud800", "\0", " is ", ": ", '"', "[EMAIL_1]", "[EMAIL_", "A" * 70 + "\n", "1 1 1 "]


@st.composite
def cut_examples(draw: st.DrawFn) -> str:
    example = draw(st.sampled_from(EXAMPLES))
    start = draw(st.integers(0, len(example)))
    return example[start:] if draw(st.booleans()) else example[:start]


TEXTS = st.tuples(
    st.sampled_from(["", " ", "\n"]),
    st.lists(
        st.one_of(
            st.sampled_from(EXAMPLES),
            cut_examples(),
            st.sampled_from(NOISE),
            st.sampled_from(KEYWORDS),
            st.text(max_size=12),
        ),
        max_size=7,
    ),
).map(lambda parts: parts[0].join(parts[1]))
SIZES = st.lists(st.integers(1, 40), min_size=1, max_size=12)


def streamed(stream: StreamGuard, text: str, sizes: list[int]) -> str:
    shown, place, turn = [], 0, 0
    while place < len(text):
        size = sizes[turn % len(sizes)]
        shown.append(stream.feed(text[place : place + size]))
        place, turn = place + size, turn + 1
    return "".join(shown) + stream.close()


def both_ways(guard: Guard, text: str, sizes: list[int]) -> tuple[Verdict, Verdict, str]:
    sealed = Pseudonyms().to_bytes()
    whole = guard.check(
        text,
        direction=Direction.ANSWER,
        persona="general",
        roles=frozenset(),
        pseudonyms=Pseudonyms.from_bytes(sealed),
    )
    stream = guard.open_stream(persona="general", roles=frozenset(), pseudonyms=Pseudonyms.from_bytes(sealed))
    shown = streamed(stream, text, sizes)
    return whole, stream.verdict, shown


@settings(max_examples=400, deadline=None)
@given(text=TEXTS, sizes=SIZES)
def test_any_pieces_give_what_the_whole_gives(text: str, sizes: list[int]) -> None:
    whole, verdict, shown = both_ways(REDACTING, text, sizes)
    assert verdict == whole
    assert shown == whole.text


@settings(max_examples=200, deadline=None)
@given(text=TEXTS)
def test_single_characters_give_what_the_whole_gives(text: str) -> None:
    whole, verdict, shown = both_ways(REDACTING, text, [1])
    assert verdict == whole
    assert shown == whole.text


@settings(max_examples=200, deadline=None)
@given(text=TEXTS, sizes=SIZES)
def test_a_block_shows_a_beginning_of_the_redacted_text(text: str, sizes: list[int]) -> None:
    whole, verdict, shown = both_ways(BLOCKING, text, sizes)
    assert verdict == whole
    if whole.is_blocked:
        assert whole.text == ""
        redacted, _, _ = both_ways(REDACTING, text, sizes)
        assert redacted.text.startswith(shown)
    else:
        assert shown == whole.text


@settings(max_examples=150, deadline=None)
@given(text=st.text(), sizes=SIZES)
def test_any_unicode_comes_through_in_any_pieces(text: str, sizes: list[int]) -> None:
    whole, verdict, shown = both_ways(REDACTING, text, sizes)
    assert verdict == whole
    assert shown == whole.text
    assert len(shown) == len(text) or whole.decisions
    shown.encode("utf-8")


@pytest.mark.parametrize("example", [rule.found[0] for rule in POLICY.rules], ids=[rule.name for rule in POLICY.rules])
def test_a_secret_cut_anywhere_never_shows_its_head(example: str) -> None:
    value = example.partition("«")[2].partition("»")[0]
    text = "see:\n" + example.replace("«", "").replace("»", "") + "\nend"
    for cut in range(1, len(text)):
        stream = REDACTING.open_stream(persona="general", roles=frozenset(), pseudonyms=Pseudonyms())
        shown = stream.feed(text[:cut])
        shown += stream.feed(text[cut:]) + stream.close()
        if value:
            assert value not in shown
            assert len(value) < 12 or value[: len(value) // 2] not in shown


def test_two_secrets_side_by_side_both_go() -> None:
    text = "AKIA2E4AQ3F2B44C7Q2X,AKIA7Q2XB44C2E4AQ3F2"
    whole, _, shown = both_ways(REDACTING, text, [3])
    assert shown == "[AWS_ACCESS_KEY_1],[AWS_ACCESS_KEY_2]"
    assert len(whole.decisions) == 2


def test_prose_is_shown_word_by_word() -> None:
    stream = BLOCKING.open_stream(persona="general", roles=frozenset(), pseudonyms=Pseudonyms())
    assert stream.feed("The answer is simple, ") == "The answer is simple,"
    assert stream.feed("wait") == " "
    assert stream.held_chars == len("wait")
    assert stream.feed(".") == ""
    assert stream.feed(" Yes! ") == "wait. Yes!"


def test_what_may_still_be_a_secret_is_held_and_then_shown() -> None:
    stream = BLOCKING.open_stream(persona="general", roles=frozenset(), pseudonyms=Pseudonyms())
    assert stream.feed("Use (AKIA2E4A") == "Use ("
    assert stream.feed("-like) ") == "AKIA2E4A-like)"
    assert stream.close() == " "
    assert stream.verdict.text == "Use (AKIA2E4A-like) "
    assert stream.verdict.action is Action.ALLOW


def test_a_block_in_the_middle_stops_the_stream() -> None:
    stream = BLOCKING.open_stream(persona="general", roles=frozenset(), pseudonyms=Pseudonyms())
    shown = stream.feed(
        "Here it is:\n-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEAx2Jq8mV0uT6sLw2KdYcB5nR9eF1h\n\n"
    )
    shown += stream.feed("and this follows. ")
    assert stream.verdict_so_far.action is Action.BLOCK
    shown += stream.feed("More. ") + stream.close()
    assert shown == "Here it is:\n"
    assert stream.verdict.text == ""


@pytest.mark.parametrize("sizes", [[10**6], [997], [64]])
def test_an_endless_block_is_refused_however_it_arrives(sizes: list[int]) -> None:
    text = "Key:\n-----BEGIN PRIVATE KEY-----\n" + ("q8mV0uT6sLw2KdYc" * 4 + "\n") * (HELD_CHARS_CAP // 64) + "."
    whole, verdict, shown = both_ways(REDACTING, text, sizes)
    assert whole == verdict
    assert whole.is_blocked
    assert "secret/private-key" in whole.failure
    assert shown in {"", "Key:\n"}


def test_a_long_block_under_the_cap_is_one_placeholder() -> None:
    text = "-----BEGIN PRIVATE KEY-----\n" + ("q8mV0uT6sLw2KdYc" * 4 + "\n") * 150 + "-----END PRIVATE KEY-----\nend"
    whole, verdict, shown = both_ways(REDACTING, text, [7])
    assert whole == verdict
    assert shown == "[PRIVATE_KEY_1]\nend"


def test_a_closed_stream_takes_nothing_more() -> None:
    stream = BLOCKING.open_stream(persona="general", roles=frozenset(), pseudonyms=Pseudonyms())
    with pytest.raises(RuntimeError, match="still open"):
        _ = stream.verdict
    stream.close()
    assert stream.close() == ""
    with pytest.raises(RuntimeError, match="closed"):
        stream.feed("a")
