"""The property that the guard of streams stands on: the pieces do not matter."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.detectors.pattern_kinds import HELD_CHARS_CAP
from policies.detectors.scan import _COARSE_HELD_CHARS, Scanner
from policies.pseudonyms import Pseudonyms
from policies.verdict import Action
from tests.unit.policies.texts import BLOCKING, LONG_TEXTS, POLICY, REDACTING, SIZES, TEXTS, both_ways, open_stream

SECRET = "AKIA2E4AQ3F2B44C7Q2X"


@settings(max_examples=250, deadline=None)
@given(text=TEXTS, sizes=SIZES)
def test_any_pieces_give_what_the_whole_gives(text: str, sizes: list[int]) -> None:
    whole, verdict, shown = both_ways(REDACTING, text, sizes)
    assert verdict == whole
    assert shown == whole.text


@settings(max_examples=100, deadline=None)
@given(text=TEXTS)
def test_single_characters_give_what_the_whole_gives(text: str) -> None:
    whole, verdict, shown = both_ways(REDACTING, text, [1])
    assert verdict == whole
    assert shown == whole.text


@settings(max_examples=100, deadline=None)
@given(text=TEXTS, cut=st.integers(0, 200))
def test_a_last_piece_that_comes_with_the_end_is_as_any_other(text: str, cut: int) -> None:
    whole, *_ = both_ways(REDACTING, text, [1])
    stream = open_stream(REDACTING)
    shown = stream.feed(text[:cut]) + stream.close(text[cut:])
    assert (shown, stream.verdict) == (whole.text, whole)


def test_nothing_comes_after_the_end() -> None:
    stream = open_stream(REDACTING)
    assert stream.close("over") == "over"
    with pytest.raises(RuntimeError):
        stream.close(SECRET)
    with pytest.raises(RuntimeError):
        stream.feed(SECRET)


GROUPED = st.builds(
    lambda value, size, between: between.join(value[at : at + size] for at in range(0, len(value), size)),
    st.sampled_from(
        [SECRET, "ghp_aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5", "live_k1gh8swRpu3TzQ0aXc7VbN2mK4jH6gF8", "with that this"]
    ),
    st.sampled_from([1, 4, 5, 8]),
    st.sampled_from([" ", " ", "-"]),
)
ROWS = st.lists(
    st.one_of(
        GROUPED, st.sampled_from(["live", "key", "a", "2024", "AB", "=", "is", "sk-a", "\n", "x1", "the answer"])
    ),
    max_size=6,
).map(" ".join)


@settings(max_examples=150, deadline=None)
@given(text=ROWS, sizes=SIZES)
def test_rows_of_groups_give_what_the_whole_gives(text: str, sizes: list[int]) -> None:
    for pieces in (sizes, [1]):
        whole, verdict, shown = both_ways(REDACTING, text, pieces)
        assert verdict == whole
        assert shown == whole.text


@settings(max_examples=25, deadline=None)
@given(text=LONG_TEXTS, size=st.sampled_from([64, 997, 8_192, 16_385]))
def test_runs_around_the_windows_give_what_the_whole_gives(text: str, size: int) -> None:
    whole, verdict, shown = both_ways(REDACTING, text, [size])
    assert verdict == whole
    assert shown == whole.text


@settings(max_examples=100, deadline=None)
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


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("sshpass -p hunter2 docker run -p 80:80 web", "hunter2"),
        ("mysql -pgeheim7 -h db -p", "geheim7"),
        ("unzip -P geheim77 a.zip -P", "geheim77"),
        ("mosquitto_pub -P geheim77 -t a -P", "geheim77"),
        ('if (!strcmp(pass, "Xy77-kq9") || !strcmp(pass2, "wrong")) {', "Xy77-kq9"),
        ("set key abcdef12\nkey 12", "abcdef12"),
        ("the app password is kqzv wmxt hrpd nbcf, thanks", "kqzv wmxt hrpd nbcf"),
        ("if (md5($a) == '189469caf0fcb0d5638738b5593cbe21' || md5($b) == 'x')", "189469caf0fcb0d5638738b5593cbe21"),
        ("snmp v2 community tck5zdnhEo6u, community ro", "tck5zdnhEo6u"),
        ("my password (maple59028)\nis old", "maple59028"),
        ("passw%20%28%6%f%%>>\n", "%6%f%%"),
        ('pass "y77-kq"Ü\n', "y77-kq"),
    ],
)
def test_words_that_come_once_more_behind_a_value_take_it_from_none(text: str, value: str) -> None:
    whole, verdict, shown = both_ways(REDACTING, text, [1])
    assert value not in whole.text
    assert (shown, verdict) == (whole.text, whole)


@pytest.mark.parametrize("example", [rule.found[0] for rule in POLICY.rules], ids=[rule.name for rule in POLICY.rules])
def test_a_secret_that_comes_character_by_character_never_shows_its_head(example: str) -> None:
    value = example.partition("«")[2].partition("»")[0]
    text = "see:\n" + example.replace("«", "").replace("»", "") + "\nend"
    stream = open_stream(REDACTING)
    shown = ""
    for character in text:
        shown += stream.feed(character)
        # A short value is a word or a number that the text around it may hold too.
        assert len(value) < 12 or value[: len(value) // 2] not in shown
    shown += stream.close()
    assert not value or value not in shown


def test_two_secrets_side_by_side_both_go() -> None:
    text = "AKIA2E4AQ3F2B44C7Q2X,AKIA7Q2XB44C2E4AQ3F2"
    whole, _, shown = both_ways(REDACTING, text, [3])
    assert shown == "[AWS_ACCESS_KEY_1],[AWS_ACCESS_KEY_2]"
    assert len(whole.decisions) == 2


def test_prose_is_shown_word_by_word() -> None:
    stream = open_stream(BLOCKING)
    assert stream.feed("The answer is simple, ") == "The answer is simple"
    assert stream.feed("waiting") == ""  # fewer characters than a look is taken at
    assert stream.feed(" for") == ", waiting "
    assert stream.held_chars == len("for")
    assert stream.feed(".") == ""
    assert stream.feed(" Yes! Or ") == "for. Yes! "
    assert stream.close() == "Or "


@pytest.mark.parametrize("word", ["w0", "v2", "Hi!", "jo", "The", "To", "Die", "La"])
def test_the_first_word_is_shown_as_soon_as_it_has_ended(word: str) -> None:
    assert open_stream(BLOCKING).feed(f"{word} ") == word


def test_what_may_still_be_a_secret_is_held_and_then_shown() -> None:
    stream = open_stream(BLOCKING)
    assert stream.feed("See (AKIA2E4A") == "See ("
    assert stream.feed("-like) or ") == "AKIA2E4A-like) "
    assert stream.close() == "or "
    assert stream.verdict.text == "See (AKIA2E4A-like) or "
    assert stream.verdict.action is Action.ALLOW


def test_a_block_in_the_middle_stops_the_stream() -> None:
    stream = open_stream(BLOCKING)
    shown = stream.feed(
        "Here it is:\n-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEAx2Jq8mV0uT6sLw2KdYcB5nR9eF1h\n\n"
    )
    shown += stream.feed("and this follows. ")
    # The rest of the key may still come; a long hold is counted exactly, and then it is certain that none does.
    for _ in range(_COARSE_HELD_CHARS // 20 + 1):
        shown += stream.feed("More words of prose. ")
    assert stream.verdict_so_far.action is Action.BLOCK
    assert stream.is_blocked
    shown += stream.feed("More. ") + stream.close()
    assert shown == "Here it is:\n"
    assert stream.verdict.text == ""


@pytest.mark.parametrize("sizes", [[10**6], [997], [64]])
@pytest.mark.parametrize("end", ["", "! Done.", "\n-----END PRIVATE KEY-----\nAKIA2E4AQ3F2B44C7Q2X, ask Ann.\n"])
def test_an_endless_block_is_replaced_up_to_its_end_however_it_arrives(sizes: list[int], end: str) -> None:
    text = "Key:\n-----BEGIN PRIVATE KEY-----\n" + ("q8mV0uT6sLw2KdYc" * 4 + "\n") * (HELD_CHARS_CAP // 40)
    whole, verdict, shown = both_ways(REDACTING, text.rstrip() + end, sizes)
    assert whole == verdict
    assert shown == "Key:\n[PRIVATE_KEY_1]" + end.removeprefix("\n").replace(
        "AKIA2E4AQ3F2B44C7Q2X", "[AWS_ACCESS_KEY_1]"
    )


@pytest.mark.parametrize("sizes", [[10**6], [997], [64]])
def test_an_endless_block_is_followed_through_its_disguise(sizes: list[int]) -> None:
    run = "eyJhbGciOiJIUzI1NiJ9." + "q8mV0uT6sLw2KdYc" * (HELD_CHARS_CAP // 12) + ".c7Q2X44B"
    text = "It is " + "".join(f"%{ord(character):02x}" for character in run) + " and works."
    whole, verdict, shown = both_ways(REDACTING, text, sizes)
    assert whole == verdict
    assert shown == "It is [JWT_1] and works."


def test_a_long_block_under_the_cap_is_one_placeholder() -> None:
    text = "-----BEGIN PRIVATE KEY-----\n" + ("q8mV0uT6sLw2KdYc" * 4 + "\n") * 150 + "-----END PRIVATE KEY-----\nend"
    whole, verdict, shown = both_ways(REDACTING, text, [7])
    assert whole == verdict
    assert shown == "[PRIVATE_KEY_1]\nend"


def test_a_closed_stream_takes_nothing_more() -> None:
    stream = open_stream(BLOCKING)
    with pytest.raises(RuntimeError, match="still open"):
        _ = stream.verdict
    stream.close()
    assert stream.close() == ""
    with pytest.raises(RuntimeError, match="closed"):
        stream.feed("a")


def test_a_stream_that_is_dropped_has_shown_nothing_of_what_it_held() -> None:
    stream = open_stream(REDACTING)
    shown = stream.feed(f"See {SECRET[:12]}")
    assert shown == "See "
    assert stream.held_chars == 12
    assert stream.verdict_so_far.text == "See "
    assert stream.verdict_so_far.decisions == ()


def test_a_secret_at_the_very_end_is_redacted_when_the_stream_closes() -> None:
    stream = open_stream(REDACTING)
    assert stream.feed(f"See {SECRET}") == "See "
    assert stream.close() == "[AWS_ACCESS_KEY_1]"
    assert stream.close() == ""


@pytest.mark.parametrize("method", ["find", "alive_from"])
def test_a_failure_in_the_middle_shows_nothing_more(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = open_stream(REDACTING)
    shown = stream.feed("One sentence. ")
    assert shown.startswith("One")

    def broken(*_: object, **__: object) -> None:
        raise MemoryError(f"while reading {SECRET}")

    monkeypatch.setattr(Scanner, method, broken)
    assert stream.feed(f"Then {SECRET} and. ") == ""
    monkeypatch.undo()  # what has failed once is not trusted again
    assert stream.feed("More words. ") == ""
    assert stream.close() == ""
    assert stream.is_blocked
    assert stream.held_chars == 0
    assert stream.verdict.is_blocked
    assert stream.verdict.text == ""
    assert stream.verdict.failure == "MemoryError"
    assert SECRET not in repr(stream.verdict)


def test_a_failure_at_the_end_shows_nothing_of_what_was_held(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = open_stream(REDACTING)
    assert stream.feed(f"See {SECRET}") == "See "

    def broken(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(Scanner, "find", broken)
    assert stream.close() == ""
    assert stream.verdict.is_blocked


def test_pieces_that_are_no_text_block_the_stream() -> None:
    stream = open_stream(REDACTING)
    assert stream.feed(b"bytes") == ""  # type: ignore[arg-type]  # a caller's mistake must not pass either
    assert stream.feed("text") == ""
    assert stream.is_blocked


def test_placeholders_are_shared_by_the_streams_of_a_conversation() -> None:
    pseudonyms = Pseudonyms()
    shown = []
    for _ in range(2):
        stream = open_stream(REDACTING, pseudonyms)
        shown.append(stream.feed(f"See {SECRET}") + stream.close())
    assert shown == ["See [AWS_ACCESS_KEY_1]"] * 2
