from __future__ import annotations

import os
import time
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.embedded.logs import Console, LineReader, RotatedLog


def test_a_large_log_is_rotated_and_only_a_few_are_kept(tmp_path: Path) -> None:
    log = RotatedLog(tmp_path / "web.log", lambda _: None, largest_bytes=100)
    for number in range(20):
        log.write(f"{number:>49}\n".encode())
    log.close()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["web.log", "web.log.1", "web.log.2", "web.log.3"]
    kept = b"".join((tmp_path / name).read_bytes() for name in ("web.log.3", "web.log.2", "web.log.1", "web.log"))
    assert [int(line) for line in kept.split()] == list(range(12, 20))


def test_a_log_is_for_our_eyes_only(tmp_path: Path) -> None:
    log = RotatedLog(tmp_path / "web.log", lambda _: None)
    log.write(b"x")
    log.close()
    assert (tmp_path / "web.log").stat().st_mode & 0o077 == 0


def test_a_full_disk_is_told_once_and_recovery_once(tmp_path: Path) -> None:
    told: list[str] = []
    file = tmp_path / "web.log"
    file.symlink_to("/dev/full")
    log = RotatedLog(file, told.append)
    log.write(b"lost\n")
    log.write(b"lost\n")
    assert len(told) == 1
    assert "No space left on device" in told[0]
    file.unlink()
    log.write(b"kept\n")
    log.close()
    assert told[1:] == ["web.log can be written again."]
    assert file.read_bytes() == b"kept\n"


def test_a_reader_that_sleeps_costs_lines_and_no_time() -> None:
    reading, writing = os.pipe()
    try:
        console = Console(writing)
        started = time.monotonic()
        for _ in range(1000):
            console.show("x" * 3000)
        assert time.monotonic() - started < 60  # blocked for ever otherwise
    finally:
        os.close(reading)
        os.close(writing)


def test_a_closed_terminal_is_not_an_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    Console(writing).show("nobody reads this")
    os.close(writing)


def test_a_child_cannot_send_control_characters_to_the_terminal() -> None:
    reading, writing = os.pipe()
    Console(writing).show("\x1b[2Jgone\r\x07")
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        assert stream.read() == b" [2Jgone  \n"


def test_what_is_shown_is_not_logged(tmp_path: Path) -> None:
    log = RotatedLog(tmp_path / "supervisor.log", lambda _: None)
    null = os.open(os.devnull, os.O_WRONLY)
    console = Console(null, log)
    console.say("Starting")
    console.show("the password is swordfish")
    log.close()
    os.close(null)
    written = (tmp_path / "supervisor.log").read_text(encoding="utf-8")
    assert "Starting" in written
    assert "swordfish" not in written


@given(st.lists(st.binary(max_size=40) | st.sampled_from([b"x" * 9000, b"y " * 9000, b"\n"]), max_size=30))
def test_lines_do_not_depend_on_how_the_bytes_arrive(chunks: list[bytes]) -> None:
    def lines_of(parts: list[bytes]) -> list[str]:
        lines: list[str] = []
        reader = LineReader(lines.append, guard=str)
        for part in parts:
            reader.feed(part)
        reader.close()
        return lines

    assert lines_of(chunks) == lines_of([b"".join(chunks)])


def test_of_a_line_without_an_end_the_rest_is_left_out() -> None:
    lines: list[str] = []
    reader = LineReader(lines.append)
    for _ in range(100):
        reader.feed(b"word " * 200)
        assert len(reader._rest) <= 16 << 10
    reader.feed(b"end\nthe next line\n")
    first, second = lines
    assert first.endswith("word [the rest of this line is left out]")
    assert len(first) <= (16 << 10) + 50
    assert second == "the next line"


SECRET = "ghp_" + "Zt4Qw8Er2Ty6Ui0Pa5Sd9Fg3Hj7Kl1Xc4Vb8"


@settings(deadline=None)  # the guard is built at the first line
@given(st.integers(0, 60), st.integers(1, 4000))
def test_a_secret_at_the_cut_is_not_written_in_part(before: int, chunk: int) -> None:
    lines: list[str] = []
    reader = LineReader(lines.append)
    line = b"a" * ((16 << 10) - 40 - before) + b" " + SECRET.encode() * 3 + b"\n"
    for start in range(0, len(line), chunk):
        reader.feed(line[start : start + chunk])
    assert "Zt4Q" not in "".join((*lines, *reader.last))


def test_a_childs_line_is_remembered_and_handed_on_after_the_guard() -> None:
    lines: list[str] = []
    reader = LineReader(lines.append)
    reader.feed(f"DETAIL: Failing row contains ({SECRET}).\n".encode())
    assert lines == list(reader.last)
    assert SECRET not in lines[0]
    assert "DETAIL: Failing row contains (" in lines[0]
