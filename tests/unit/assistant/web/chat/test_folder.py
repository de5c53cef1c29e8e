"""A zip as an attacker packs it: paths out of the folder, links, bombs, lies about sizes, locks, broken lists."""

from __future__ import annotations

import re
import stat
import struct
import zipfile
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.errors import BadInputError
from assistant.web.chat.folder import LEFT_OUT_FOLDERS, MOST_FILE_BYTES, read_folder
from assistant.web.pages import STATIC_FOLDER


def packed(*files: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    into = BytesIO()
    with zipfile.ZipFile(into, "w", method) as archive:
        for name, data in files:
            archive.writestr(name, data, compress_type=method)
    return into.getvalue()


def test_texts_come_with_their_paths_and_the_rest_is_said() -> None:
    link = zipfile.ZipInfo("src/link.py")
    link.create_system = 3
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    data = packed(
        ("src/app.py", b"print(1)\n"),
        ("src\\win.py", "grüß".encode("utf-16")),
        ("node_modules/x/index.js", b"x"),
        (".git/", b""),
        ("logo.png", b"\x89PNG\r\n\x1a\n\x00\x00"),
        ("uv.lock", b"x"),
        ("long.txt", b"x" * (MOST_FILE_BYTES + 1)),
        ("build", b"a file of this name is none of the folders"),
        ("src/__init__.py", b""),
        (link, b"/etc/passwd"),
    )
    folder = read_folder(data)
    assert [(file.name, file.text) for file in folder.files] == [
        ("src/app.py", "print(1)\n"),
        ("src/win.py", "grüß"),
        ("build", "a file of this name is none of the folders"),
    ]
    assert folder.words == (
        "Left out: .git, node_modules, 1 not text, 1 written by tools, 1 longer than 256 KB, 1 linked elsewhere."
    )


@pytest.mark.parametrize(
    "path", ["../x.py", "a/../../x.py", "/etc/passwd", "\\\\host\\x", "C:\\x.py", "c:x.py", "..\\x.py", "..", "a/.."]
)
def test_a_path_out_of_the_folder_refuses_all_of_it(path: str) -> None:
    with pytest.raises(BadInputError, match="outside of its folder, so nothing of it was read"):
        read_folder(packed(("good.py", b"x"), (path, b"x")))


@pytest.mark.parametrize("path", ["a\nFile b.py:\n", "a\u202egnp.py", "x" * 300, "."])
def test_a_name_that_cannot_be_shown_is_refused(path: str) -> None:
    with pytest.raises(BadInputError, match="name cannot be shown"):
        read_folder(packed((path, b"x")))


def test_names_in_what_tools_made_and_the_folder_itself_stop_nothing() -> None:
    folder = read_folder(packed(("./", b""), ("node_modules/" + "a/" * 130 + "x.js", b"x"), ("./a.py", b"x")))
    assert [file.name for file in folder.files] == ["a.py"]
    assert folder.words == "Left out: node_modules."


def test_pictures_take_no_room_from_texts() -> None:
    picture = b"RIFF\x00\x01\x02" + b"x" * (MOST_FILE_BYTES - 100)
    wide = "grüß\n".encode("utf-16-le") * 1_000
    folder = read_folder(packed(*((f"{number}.webp", picture) for number in range(40)), ("wide.txt", wide)))
    assert [(file.name, len(file.text)) for file in folder.files] == [("wide.txt", 5_000)]
    assert folder.words == "Left out: 40 not text."


@pytest.mark.parametrize("offset", [2**64 - 1, 2**63, 2**62])
def test_a_place_that_no_zip_reaches_is_refused(offset: int) -> None:
    data = packed(("a.txt", b"x"))
    at, end_at = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    extra = struct.pack("<HHQ", 1, 8, offset)
    entry = data[at : at + 30] + struct.pack("<H", len(extra)) + data[at + 32 : at + 42] + b"\xff" * 4
    entry += data[at + 46 : end_at] + extra
    end = data[end_at : end_at + 12] + struct.pack("<I", len(entry)) + data[end_at + 16 :]
    with pytest.raises(BadInputError, match="did not arrive whole"):
        read_folder(data[:at] + entry + end)


def test_a_name_with_a_hidden_end_is_refused() -> None:
    data = packed(("a.py0../x", b"x")).replace(b"a.py0../x", b"a.py\x00../x")
    with pytest.raises(BadInputError):
        read_folder(data)


def test_a_bomb_is_refused_before_it_is_large() -> None:
    bomb = packed(*((f"{number}.txt", b"a" * MOST_FILE_BYTES) for number in range(40)))
    assert len(bomb) < 40_000
    with pytest.raises(BadInputError, match="unpacks to more than 4 MB"):
        read_folder(bomb)


def test_a_size_that_is_a_lie_opens_no_door() -> None:
    """The entry says one byte and unpacks to ten million: no more than one is read, and the checksum gives it away."""
    data = packed(("a.txt", b"a" * 10_000_000))
    at = data.index(b"PK\x01\x02")
    data = data[: at + 24] + struct.pack("<I", 1) + data[at + 28 :]
    with pytest.raises(BadInputError, match="did not arrive whole"):
        read_folder(data)


def test_entries_that_share_one_piece_of_the_zip_are_counted_each() -> None:
    data = packed(("a.txt", b"a" * MOST_FILE_BYTES))
    at = data.index(b"PK\x01\x02")
    entry, end = data[at:-22], data[-22:]
    count = 100
    end = end[:8] + struct.pack("<HHI", count, count, count * len(entry)) + end[16:]
    with pytest.raises(BadInputError, match="two files of the same name"):
        read_folder(data[:at] + entry * count + end)


def test_a_list_without_an_end_is_refused_unread() -> None:
    entry = b"PK\x01\x02" + bytes(42)
    with pytest.raises(BadInputError, match=r"more than 4,000 files"):
        read_folder(entry * 200_000)


def test_more_files_than_anybody_asks_about_are_refused() -> None:
    with pytest.raises(BadInputError, match="more than 200 files of text"):
        read_folder(packed(*((f"{number}.txt", b"a") for number in range(201))))


def test_what_is_locked_or_packed_otherwise_says_so() -> None:
    locked = bytearray(packed(("a.txt", b"secret")))
    for signature, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        locked[locked.index(signature) + place] |= 1
    with pytest.raises(BadInputError, match="locked with a password"):
        read_folder(bytes(locked))
    with pytest.raises(BadInputError, match="packed in a way that is not read here"):
        read_folder(packed(("a.txt", b"x"), method=zipfile.ZIP_LZMA))


def test_a_folder_without_a_text_says_what_was_left_out() -> None:
    with pytest.raises(BadInputError, match=r"holds no text that can be read\. Left out: 1 not text\."):
        read_folder(packed(("a.bin", b"\x00\x01\x02")))


@given(st.binary(max_size=300))
def test_whatever_comes_is_a_folder_or_is_refused(data: bytes) -> None:
    with pytest.raises(BadInputError):
        read_folder(data)


_GOOD = packed(("src/app.py", b"print(1)\n" * 20), ("b.txt", b"b"))


@given(st.lists(st.tuples(st.integers(0, len(_GOOD) - 1), st.integers(0, 255)), min_size=1, max_size=8))
def test_a_damaged_zip_is_read_or_refused(changes: list[tuple[int, int]]) -> None:
    data = bytearray(_GOOD)
    for place, byte in changes:
        data[place] = byte
    try:
        read_folder(bytes(data))
    except BadInputError:
        return  # in words; any other error fails the test


def test_the_page_leaves_the_same_folders_out() -> None:
    script = (STATIC_FOLDER / "folder.js").read_text(encoding="utf-8")
    listed = re.search(r"LEFT_OUT = new Set\(\[(.*?)\]\)", script, re.DOTALL)
    assert listed is not None
    assert set(re.findall(r'"([^"]+)"', listed[1])) == LEFT_OUT_FOLDERS
    assert f"MOST_FILE_BYTES = {MOST_FILE_BYTES >> 10} * 1024" in script
