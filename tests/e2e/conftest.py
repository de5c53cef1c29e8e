"""Chromium in front of the real web application, with fakes behind its doors; each page is watched while it is open."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from assistant.conversation import Role
from tests.fakes.web_parts import PASSWORD, FakeSite
from tests.fakes.web_site import RunningSite, serve_site

_CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")

PATIENCE_MILLISECONDS: Final = 60_000  # only slowness needs it

expect.set_options(timeout=PATIENCE_MILLISECONDS)


@pytest.fixture(scope="module")  # Chainlit's state is the process's: two sites must not live at once
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSite]:
    """One served site for all tests; each test signs in somebody of its own."""
    fakes = FakeSite()
    fakes.turns.pause_seconds = 0.005
    with serve_site(tmp_path_factory.mktemp("site"), fakes=fakes) as running:
        yield running


@pytest.fixture(scope="module")  # Playwright's loop runs as long as this lives, and no async test can beside it
def browser() -> Iterator[Browser]:
    if _CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("Chromium is missing, and CI must not skip the page.")
        pytest.skip("Chromium is not installed.")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=_CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()


def open_context(browser: Browser, **options: Any) -> BrowserContext:
    """Open a browser for one person, as patient as the tests are."""
    context = browser.new_context(**options)
    context.set_default_timeout(PATIENCE_MILLISECONDS)
    return context


def wait_for_chat(page: Page) -> None:
    """Wait until the page is connected: until then Chainlit may draw it anew, when it has learned the persona."""
    expect(page.locator("#upload-button")).to_be_enabled()


def wait_until(page: Page, expression: str) -> None:
    """Wait until an expression of the page holds: from its second look on, Playwright's own way is `eval`."""
    deadline = time.monotonic() + PATIENCE_MILLISECONDS / 1000
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, expression
        page.wait_for_timeout(50)


@dataclass
class Watched:
    """A page, and what it did that it must not do."""

    page: Page
    site: RunningSite
    name: str
    requests: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def foreign_requests(self) -> list[str]:
        own = (self.site.url, self.site.url.replace("http", "ws"), "data:", "blob:")
        return [url for url in self.requests if not url.startswith(own)]

    def sign_in(self, password: str = PASSWORD) -> None:
        self.page.goto(f"{self.site.url}/sign-in")
        self.page.get_by_label("Name").fill(self.name)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in").click()

    def ask(self, text: str) -> None:
        wait_for_chat(self.page)
        self.page.locator("#chat-input").fill(text)
        button = self.page.locator("#chat-submit")
        expect(button).to_be_enabled()
        button.click()

    def shoot(self, name: str) -> None:
        """Save a picture when `SHOTS` names a folder: to look at, not to compare."""
        if folder := os.environ.get("SHOTS"):
            self.page.screenshot(path=Path(folder) / f"{name}.png")

    def shoot_in_both(self, name: str) -> None:
        """Save a picture in each colour scheme, likewise."""
        shoot_in_both(self.page, name)


def shoot_in_both(page: Page, name: str, *, full_page: bool = False) -> None:
    """Save a picture in each colour scheme when `SHOTS` names a folder, and go back to the light one."""
    if folder := os.environ.get("SHOTS"):
        for scheme, ending in (("dark", "-dark"), ("light", "")):
            page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
            page.screenshot(path=Path(folder) / f"{name}{ending}.png", full_page=full_page)


@pytest.fixture
def open_page(web: RunningSite, browser: Browser) -> Iterator[Callable[..., Watched]]:
    """Open a page for a new person; at its end nothing foreign was asked for and no policy was broken."""
    opened: list[tuple[Watched, bool]] = []
    contexts = []

    def open_watched(
        *roles: Role, width: int = 1280, height: int = 800, scheme: str = "light", may_violate: bool = False
    ) -> Watched:
        name = f"person{len(web.fakes.identity.people)}"
        web.fakes.identity.add(name, *(roles or (Role.EMPLOYEE, Role.DEVELOPER)))
        context = open_context(
            browser,
            viewport={"width": width, "height": height},
            color_scheme="dark" if scheme == "dark" else "light",
            reduced_motion="reduce",
        )
        contexts.append(context)
        watched = Watched(context.new_page(), web, name)
        watched.page.on("request", lambda request: watched.requests.append(request.url))
        watched.page.on("websocket", lambda socket: watched.requests.append(socket.url))
        watched.page.on("pageerror", lambda error: watched.errors.append(str(error)))

        def note(message: ConsoleMessage) -> None:
            if "Content Security Policy" in message.text or "violates" in message.text:
                watched.violations.append(message.text)

        watched.page.on("console", note)
        opened.append((watched, may_violate))
        return watched

    yield open_watched
    web.fakes.turns.release()
    for context in contexts:
        context.close()
    for watched, may_violate in opened:
        assert watched.errors == []
        if not may_violate:
            assert watched.violations == []
            assert watched.foreign_requests() == []
