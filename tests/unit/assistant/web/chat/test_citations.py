from __future__ import annotations

import re
import time
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.answering.attached import AttachedFile
from assistant.web.chat.citations import CitedFiles, may_cite

FIRST, SECOND = UUID(int=1), UUID(int=2)


def file(name: str, lines: int) -> AttachedFile:
    return AttachedFile(name, dict.fromkeys(range(1, lines + 1), "x"))


@pytest.fixture
def cited() -> CitedFiles:
    files = CitedFiles()
    files.add(FIRST, [file("src/app.py", 30), file("lib/my_app.py", 5), file("a/twin.py", 9), file("b/twin.py", 9)])
    return files


def at(number: int, lines: str, message: UUID = FIRST) -> str:
    return f"/lines/{message}/{number}/{lines}"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("See src/app.py:12.", f"See [src/app.py:12]({at(0, '12-12')})."),
        ("(src/app.py:12-18)", f"([src/app.py:12-18]({at(0, '12-18')}))"),
        ("**src/app.py:12\u201318**", f"**[src/app.py:12\u201318]({at(0, '12-18')})**"),
        ("`src/app.py:12`", f"[`src/app.py:12`]({at(0, '12-12')})"),
        ("./src/app.py:L3-L4", f"[./src/app.py:L3-L4]({at(0, '3-4')})"),
        ("src/app.py#L3", f"[src/app.py#L3]({at(0, '3-3')})"),
        ("src/app.py:12:5: error", f"[src/app.py:12]({at(0, '12-12')}):5: error"),
        ("[src/app.py:2](src/app.py#L2)", f"[src/app.py:2]({at(0, '2-2')})"),
        ("app.py:2 and my_app.py:2", f"[app.py:2]({at(0, '2-2')}) and [my\\_app.py:2]({at(1, '2-2')})"),
    ],
)
def test_lines_that_there_are_lead_to_them(cited: CitedFiles, said: str, shown: str) -> None:
    assert cited.link(said) == shown


@pytest.mark.parametrize(
    "said",
    [
        "src/app.py:31",  # the file has 30 lines
        "src/app.py:0",
        "src/app.py:12-31",
        "src/app.py:18-12",
        "src/other.py:1",
        "twin.py:1",  # which of the two
        "p.py:1",  # the end of a name is none
        "https://host.example/src/app.py:12",
        "C:\\src/app.py:12",
        "src/app.py:12x",
        "`see src/app.py:12 there`",
        "[elsewhere](https://host.example/src/app.py:12)",
        "```python\n# src/app.py:12\n```",
        "- ```\n  src/app.py:12\n  ```",
        "~~~\nsrc/app.py:12\n```\nsrc/app.py:13\n~~~",
        "src/app.py:99999999999999999999",
    ],
)
def test_what_is_not_there_or_is_code_stays_as_it_is(cited: CitedFiles, said: str) -> None:
    assert cited.link(said) == said


def test_prose_after_a_code_block_is_prose_again(cited: CitedFiles) -> None:
    linked = cited.link("````\n```\nsrc/app.py:1\n````\nsrc/app.py:2")
    assert linked == f"````\n```\nsrc/app.py:1\n````\n[src/app.py:2]({at(0, '2-2')})"


def test_of_two_files_with_one_name_the_later_one_counts(cited: CitedFiles) -> None:
    cited.add(SECOND, [file("src/app.py", 2)])
    assert cited.link("src/app.py:2") == f"[src/app.py:2]({at(0, '2-2', SECOND)})"
    assert cited.link("src/app.py:12") == "src/app.py:12"


def test_without_a_number_behind_a_colon_nothing_is_looked_up() -> None:
    assert not may_cite("A plain answer: nothing to see.")
    assert may_cite("a.py:1")
    assert may_cite("a.py#L1")


@given(st.text(alphabet=st.sampled_from("ab/.:12`#L-\n ~+"), max_size=200))
def test_only_links_are_added(text: str) -> None:
    files = CitedFiles()
    files.add(FIRST, [file("a", 12), file("a/b", 12)])
    assert re.sub(r"\[([^\]]*)\]\(/lines/[^)]*\)", r"\1", files.link(text)).replace("\\`", "`") == text


@pytest.mark.parametrize(
    "evil", ["a" * 9_999, "a/" * 4_999, "a+" * 4_999, "`" * 9_999, "[" * 9_999, "- " * 4_999, "a" * 400_000]
)
def test_no_answer_is_slow_to_read(cited: CitedFiles, evil: str) -> None:
    began = time.process_time()
    assert cited.link(evil) == evil
    assert time.process_time() - began < 1.0


def test_an_answer_that_names_a_long_file_over_and_over_is_not_slow_to_read() -> None:
    files = CitedFiles()
    files.add(FIRST, [file("a", 100_000)])
    began = time.process_time()
    assert files.link("a:7\n" * 2_000).count("](/lines/") == 2_000
    assert time.process_time() - began < 1.0
