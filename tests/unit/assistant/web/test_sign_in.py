from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.web.sign_in import own_path


@pytest.mark.parametrize("path", ["/", "/thread/0b1c", "/documents", "/thread/1?x=1"])
def test_a_path_of_ours_is_kept(path: str) -> None:
    assert own_path(path) == path


@pytest.mark.parametrize(
    "path",
    ["", "//evil.example", "https://evil.example", "/\\evil.example", "\\\\evil", "javascript:alert(1)", "/a\r\nb: c",
     "/\tevil", "/sign-in?next=/", "/sign-out", "/\u2028", " /x"],
)  # fmt: skip
def test_anything_else_leads_to_the_chat(path: str) -> None:
    assert own_path(path) == "/"


@given(st.text())
def test_no_text_leads_to_another_host(text: str) -> None:
    assert own_path(text).startswith("/")
    assert not own_path(text).startswith(("//", "/\\"))
