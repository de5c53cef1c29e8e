"""Coding help on the page, in Chromium: commands, a whole folder, lines that an answer names, code to copy."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from assistant.conversation import Role
from tests.e2e.conftest import Watched, wait_for_chat, wait_until
from tests.fakes.web_parts import PEM

pytestmark = pytest.mark.e2e

OpenPage = Callable[..., Watched]

RETRY = "import time\n\ndef send():\n    return 1\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a project as it lies on a developer's disk."""
    files = {
        "src/retry.py": RETRY.encode(),
        "README.md": b"# Retry",
        **{f"img/{number}.webp": b"RIFF\x00\x00\x00" + b"x" * 250_000 for number in range(40)},
        "node_modules/left/pad.js": b"never sent",
        ".git/config": b"[remote]",
    }
    for path, data in files.items():
        file = tmp_path / "project" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return tmp_path / "project"


def choose_starcoder(watched: Watched) -> None:
    watched.sign_in()
    wait_for_chat(watched.page)
    watched.page.locator("#chat-profiles").click()
    watched.page.get_by_role("option", name="StarCoder").click()
    expect(watched.page.get_by_role("button", name="Explain", exact=True)).to_be_visible()


def test_a_command_is_a_button_and_a_word_after_a_slash_and_stays_in_the_thread(open_page: OpenPage) -> None:
    watched = open_page(Role.EMPLOYEE, Role.DEVELOPER)
    choose_starcoder(watched)
    watched.shoot_in_both("commands")
    watched.page.locator("#chat-input").fill("/rev")
    watched.page.locator("#chat-input").press("Enter")
    watched.page.locator("#chat-input").press_sequentially("x = 1")
    watched.page.locator("#chat-submit").click()
    expect(watched.page.get_by_text(re.compile("4.8 s · logged"))).to_be_visible()
    asked = watched.site.fakes.turns.asked[-1]
    assert (asked.persona, asked.command, asked.text) == ("starcoder", "Review", "x = 1")
    expect(watched.page).to_have_url(re.compile("/thread/"))
    watched.page.reload()
    expect(watched.page.locator(".command-span")).to_have_text("Review")
    expect(watched.page.locator('[data-step-type="user_message"] pre')).to_have_text("x = 1")
    watched.page.get_by_role("button", name="Fix", exact=True).click()
    watched.page.locator("#chat-submit").click()
    expect(watched.page.get_by_text(re.compile("4.8 s · logged"))).to_have_count(2)
    assert watched.site.fakes.turns.asked[-1].command == "Fix"


def test_a_refused_text_goes_back_into_the_composer_with_its_command(open_page: OpenPage) -> None:
    watched = open_page(Role.EMPLOYEE, Role.DEVELOPER)
    choose_starcoder(watched)
    page = watched.page
    page.get_by_role("button", name="Review", exact=True).click()
    page.locator("#chat-input").fill(f"KEY = {PEM}")
    page.locator("#chat-submit").click()
    expect(page.locator("#cloister-reason")).to_contain_text("what looks like a private key")
    expect(page.locator("#chat-input")).to_have_value(f"KEY = {PEM}")
    expect(page.locator("button.command-button.text-command")).to_have_id("command-Review")
    page.locator("#chat-input").fill("KEY = 1")
    page.locator("#chat-submit").click()
    expect(page.get_by_text(re.compile("4.8 s · logged"))).to_be_visible()
    assert [(asked.command, asked.text) for asked in watched.site.fakes.turns.asked[-2:]] == [
        ("Review", f"KEY = {PEM}"),
        ("Review", "KEY = 1"),
    ]


@pytest.mark.parametrize("way", ["chosen", "dropped"])
def test_a_folder_is_read_and_the_lines_that_an_answer_names_open(open_page: OpenPage, folder: Path, way: str) -> None:
    watched = open_page(Role.EMPLOYEE, Role.DEVELOPER)
    choose_starcoder(watched)
    page = watched.page
    expect(page.get_by_role("button", name="Attach a folder")).to_be_visible()
    if way == "chosen":
        page.locator("#cloister-folder-input").set_input_files(folder)
    else:
        drop(page, folder)
    expect(page.get_by_text("project.zip")).to_be_visible()
    watched.shoot("folder")
    page.get_by_role("button", name="Review", exact=True).click()
    page.locator("#chat-submit").click()
    expect(page.get_by_text(re.compile("4.8 s · logged"))).to_be_visible()
    expect(page.get_by_text("project.zip · Left out: .git, node_modules, 40 not text.")).to_be_visible()
    attached = {file.name: file.text for file in watched.site.fakes.turns.asked[-1].attachments}
    assert attached == {"src/retry.py": RETRY, "README.md": "# Retry"}
    if way == "dropped":
        return
    for comes_back in (False, True):
        if comes_back:
            page.reload()
            expect(page.get_by_text(re.compile("4.8 s · logged"))).to_be_visible()
        expect(page.get_by_text(re.compile(r"Attached: .*src/retry\.py"))).to_be_visible()
        expect(page.locator('a[href^="/lines/"]')).to_have_text(["src/retry.py:3-4"])  # 9 and nothing.py there are not
        open_lines(page)
        expect(page.get_by_role("heading", name="src/retry.py, lines 3 to 4")).to_be_visible()
        expect(page.locator("#cloister-lines tr.cited")).to_have_text(
            [re.compile("3.*def send"), re.compile("return 1")]
        )
        watched.shoot_in_both("cited-lines")
        assert comes_back or violations(page, "#cloister-lines") == []
        page.keyboard.press("Escape")
        expect(page.locator("#cloister-lines")).to_have_count(0)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy").last.click()
    wait_until(
        page,
        "async () => (await navigator.clipboard.readText())"
        ".includes('in [0, 5) never ends, see src/retry.py:3-4, `src/retry.py:9`')",
    )
    watched.shoot_in_both("coding")
    page.goto(watched.site.url + str(page.locator('a[href^="/lines/"]').get_attribute("href")))
    expect(page.get_by_role("heading", name="src/retry.py, lines 3 to 4")).to_be_visible()
    assert violations(page) == []
    watched.shoot_in_both("cited-lines-alone")


def open_lines(page: Page) -> None:
    """Press the name of lines; once more where the page, just read again, drew it anew in between."""
    for _ in range(9):
        page.locator('a[href^="/lines/"]').press("Enter")
        try:
            expect(page.locator("#cloister-lines")).to_be_visible(timeout=2_000)
        except AssertionError:
            continue
        return
    expect(page.locator("#cloister-lines")).to_be_visible()


def paste(page: Page, text: re.Pattern[str]) -> None:
    """Paste into the message box; once more where the clipboard, which a copy fills in its own time, was still old."""
    box = page.locator("#chat-input")
    for _ in range(9):
        box.fill("")
        box.press("Control+V")
        try:
            expect(box).to_have_value(text, timeout=2_000)
        except AssertionError:
            continue
        return
    expect(box).to_have_value(text)


def violations(page: Page, context: str | None = None) -> list[str]:
    """Return what axe-core finds, contrast included."""
    return [entry["id"] for entry in Axe().run(page, context=context).response["violations"]]


def drop(page: Page, folder: Path) -> None:
    """Drop a folder from the desktop onto the page."""
    box = page.locator("#chat-input").bounding_box()
    assert box is not None
    session = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(folder)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, "x": box["x"] + 20, "y": box["y"] - 100, "data": data})


@pytest.mark.parametrize("is_secure", [True, False])
def test_code_is_copied_and_its_long_lines_are_reached_with_the_keyboard(
    open_page: OpenPage, *, is_secure: bool
) -> None:
    watched = open_page(Role.EMPLOYEE, Role.DEVELOPER, width=480)
    page = watched.page
    if is_secure:
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    else:  # as over plain HTTP, where browsers have no such interface
        page.add_init_script(
            "delete Navigator.prototype.clipboard; delete window.ClipboardItem; delete globalThis.ClipboardItem"
        )
    choose_starcoder(watched)
    page.locator("#upload-button-input").set_input_files(
        {"name": "retry.py", "mimeType": "text/x-python", "buffer": RETRY.encode()}
    )
    expect(page.get_by_text("retry.py")).to_be_visible()
    page.get_by_role("button", name="Fix", exact=True).click()
    page.locator("#chat-submit").click()
    expect(page.get_by_text(re.compile("4.8 s · logged"))).to_be_visible()
    code = page.locator("pre > code")
    expect(code).to_have_attribute("tabindex", "0")
    code.focus()
    page.keyboard.press("ArrowRight")
    wait_until(page, "document.querySelector('pre > code').scrollLeft > 0")
    watched.shoot("code-narrow")
    copy = page.locator(".prose").get_by_role("button", name="Copy")
    copy.focus()
    page.keyboard.press("Enter")
    paste(page, re.compile(r"^# src/retry\.py:3\nfor attempt in .*\n?$"))
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
