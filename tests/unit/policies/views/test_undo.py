from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.views import undo
from policies.views.fold import fold_bytes
from policies.views.tape import Tape
from policies.views.undo import Undoing

TOKEN = "q8mV0uT6sLw2KdYcB5nR9eF1hX3z"
PIECES = st.lists(
    st.one_of(
        st.sampled_from(
            [
                "%41",
                "%4",
                "%",
                "\\u0041",
                "\\u00",
                "\\u{1f600}",
                "\\x41",
                "\\n",
                "\\\\",
                '\\"',
                "&#65;",
                "&#x41;",
                "&amp;",
                "&",
                "&nosuch;",
                "\x1b[1;32m",
                "\x1b[",
                "\\033[0m",
                "\\e[",
                '" + "',
                '"\n  "',
                "' . '",
                "`",
                "\n",
                "\r\n",
                "\n> ",
                "\n  ",
                "= ",
                TOKEN,
                TOKEN[:9],
                "word",
            ]
        ),
        st.text(max_size=3),
    ),
    max_size=12,
).map("".join)


def undone(data: bytes, cuts: list[int]) -> Tape:
    """Undo a text that arrives in pieces."""
    parent = Tape()
    undoing = Undoing(parent, 0)
    last = 0
    for cut in [*sorted(cuts), len(data)]:
        parent.data += data[last:cut]
        undoing.feed(parent, is_last=False)
        last = cut
    undoing.feed(parent, is_last=True)
    return undoing.tape


@settings(max_examples=300, deadline=None)
@given(text=PIECES, data=st.data())
def test_pieces_do_not_matter_and_every_byte_has_its_source(text: str, data: st.DataObject) -> None:
    folded = fold_bytes(text)
    whole = undone(folded, [])
    cuts = data.draw(st.lists(st.integers(0, len(folded)), max_size=4))
    pieces = undone(folded, cuts)
    places = range(len(whole.data))
    spans = [(whole.offsets.first(place), whole.offsets.behind(place)) for place in places]
    assert pieces.data == whole.data
    assert [(pieces.offsets.first(place), pieces.offsets.behind(place)) for place in places] == spans
    last = 0
    for place, (first, behind) in enumerate(spans):
        assert last <= first < behind <= len(folded)
        last = first
        source = folded[first:behind]
        if source != whole.data[place : place + 1]:  # what was rewritten: its source undoes to it
            assert source[:1] in (b"%", b"\\", b"&")
            assert whole.data[place : place + 1] in undone(source, []).data


LINES = st.lists(
    st.one_of(
        st.sampled_from(
            ["", TOKEN, TOKEN[:9], TOKEN[:9] + "\\", "x = 1", "some word", "other one", "0123456789012", "ab=", "K:"]
        ),
        st.text(alphabet="aB3 =>\\", max_size=26),
    ),
    max_size=9,
)


@settings(max_examples=400, deadline=None)
@given(
    lines=LINES, ends=st.lists(st.sampled_from(["\n", "\r\n", "\n> ", "\n  "]), min_size=9, max_size=9), data=st.data()
)
def test_no_line_break_is_passed_over(lines: list[str], ends: list[str], data: st.DataObject) -> None:
    folded = fold_bytes("".join(line + end for line, end in zip(lines, ends, strict=False)))
    cuts = data.draw(st.lists(st.integers(0, len(folded)), max_size=4))
    found = undone(folded, cuts).data
    with pytest.MonkeyPatch.context() as patch:  # every line break and escape is looked at
        patch.setattr(undo._Ahead, "search", lambda ahead, place: undo._SEARCH.search(ahead._data, place))
        assert undone(folded, cuts).data == found


@pytest.mark.parametrize(
    "written",
    [
        "".join(f"%{ord(letter):02X}" for letter in TOKEN),
        "".join(f"\\u{ord(letter):04x}" for letter in TOKEN),
        "".join(f"\\x{ord(letter):02x}" for letter in TOKEN),
        "".join(f"\\u{{{ord(letter):x}}}" for letter in TOKEN),
        "".join(f"&#{ord(letter)};" for letter in TOKEN),
        "".join(f"&#x{ord(letter):X};" for letter in TOKEN),
        f"\x1b[1;32m{TOKEN[:4]}\x1b[0m\x1b[K{TOKEN[4:]}\x1b[m",
        f"\\033[0;31m{TOKEN}\\e[0m",
        TOKEN[:14] + "\n" + TOKEN[14:],
        TOKEN[:14] + "\r\n> " + TOKEN[14:],
        TOKEN[:14] + "\n    > > " + TOKEN[14:],
        TOKEN[:14] + '" + "' + TOKEN[14:],
        TOKEN[:14] + "' .\n    '" + TOKEN[14:],
    ],
)
def test_a_token_stands_as_it_was_meant(written: str) -> None:
    assert undone(fold_bytes(written), []).data == TOKEN.encode("ascii")


def test_a_json_string_stands_as_it_was_meant() -> None:
    text = 'say "a/b"\tin C:\\dir\nnow'
    assert undone(fold_bytes(json.dumps(text)[1:-1]), []).data == text.encode("ascii")


@pytest.mark.parametrize(
    "text",
    [
        "one word\nanother word",
        "\x1b is ESC, \x1b[1;2",
        "C:\\033\\e",
        "name=value\nother=value",
        "100 % sure",
        "AT&T; &nosuch;",
        'f("a", "b")',
        "a's b's",
    ],
)
def test_plain_text_is_left_alone(text: str) -> None:
    assert undone(fold_bytes(text), []).data == text.encode("ascii")


@pytest.mark.parametrize(
    "text",
    [
        'engine = create_engine("http://admin:wbWqV7b95xHOcgbYmS_zx5@couch.acme.lan:5984/notes")',
        "weatherstack-token: '0ccd0827855961255ba015b67aef2447'",
        "config.here_api_key = 'wXrfDrVIVTnjGjT2TNivVhCRBvzUgIMATdglzFbi55Z'",
    ],
)
@pytest.mark.parametrize("marks", ["", "> "])
def test_narrow_lines_are_joined_wherever_they_are_broken(text: str, marks: str) -> None:
    wrapped = "\n".join(marks + text[at : at + 20] for at in range(0, len(text), 20))
    assert undone(fold_bytes(wrapped), []).data == (marks + text).encode("ascii")


@pytest.mark.parametrize("text", ["V20\n45\n46\n173\n", "1316\n1318\n2048\n", "a first line\nand a longer second\n"])
def test_lists_and_lines_of_their_own_are_left_alone(text: str) -> None:
    assert undone(fold_bytes(text), []).data == text.encode("ascii")


def test_a_number_broken_in_a_line_is_joined() -> None:
    assert undone(b"Aadhaar number: 5779\n29660032", []).data == b"Aadhaar number: 577929660032"


@pytest.mark.parametrize("letter", ["é", "Ａ", "𝐀"])
@pytest.mark.parametrize("behind", ["", " x"])
def test_the_last_letter_beyond_ascii_takes_no_characters_behind_it(letter: str, behind: str) -> None:
    written = "".join(f"%{byte:02X}" for byte in (2 * letter).encode())
    parent = Tape()
    parent.data = (written + behind).encode("ascii")
    stage = Undoing(parent, 0)
    stage.feed(parent, is_last=True)
    assert stage.tape.data == 2 * fold_bytes(letter)[:1] + behind.encode("ascii")
    assert stage.tape.offsets.behind(1) == len(written)
