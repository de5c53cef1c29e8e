"""The chat page over a slow line: what a person did stays as it is when an answer of the server comes late."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.conftest import Watched
from tests.fakes.web_parts import ACCESS_KEY

pytestmark = pytest.mark.e2e

OpenPage = Callable[..., Watched]
LIST = "**/project/threads"
ENDED = re.compile("4.8 s · logged")


@contextmanager
def held_back(page: Page, addresses: str) -> Iterator[list[Route]]:
    """Hold what the page asks for until the block ends."""
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(addresses, hold)
    yield held
    page.route(addresses, lambda route: route.continue_())  # the newest of two counts
    for route in held:
        route.continue_()


def test_a_conversation_gets_its_address_and_nothing_is_drawn_anew(open_page: OpenPage) -> None:
    watched = open_page()
    page = watched.page
    watched.sign_in()
    expect(page.locator("textarea#chat-input")).to_be_visible()
    with held_back(page, LIST) as held:
        watched.ask(f"Rotate this key for me: {ACCESS_KEY}")
        expect(page.get_by_text(ENDED)).to_be_visible()
        expect(page).to_have_url(re.compile("/thread/"))
        assert held, "the list of conversations was asked for"
        why = page.get_by_role("button", name="1 value held back · AWS access key · why?")
        why.click()
        page.locator("textarea#chat-input").press_sequentially("And which one")
        why.focus()
        page.evaluate("document.querySelectorAll('.step, #chat-input').forEach((one) => { one.isTheSame = true; })")
    line = page.locator("#thread-history").get_by_role("link")
    expect(line).to_have_count(1)
    expect(line.locator("[data-active]")).to_have_attribute("data-active", "true")
    assert page.evaluate("[...document.querySelectorAll('.step, #chat-input')].every((one) => one.isTheSame)")
    expect(why).to_be_focused()
    expect(page.get_by_role("button", name="This is wrong")).to_be_visible()
    expect(page.locator("#chat-input")).to_have_value("And which one")
    page.reload()
    expect(page.get_by_text(ENDED)).to_be_visible()


def test_a_list_that_comes_late_leads_nobody_back_into_the_conversation_before(open_page: OpenPage) -> None:
    watched = open_page()
    page = watched.page
    watched.sign_in()
    expect(page.locator("textarea#chat-input")).to_be_visible()
    with page.expect_response(LIST) as late, held_back(page, LIST) as held:
        watched.ask("What is a halibut?")
        expect(page.get_by_text(ENDED)).to_be_visible()
        expect(page).to_have_url(re.compile("/thread/"))
        assert held, "the list of conversations was asked for"
        page.locator("#new-chat-button").click()
        expect(page.get_by_text(ENDED)).to_have_count(0)
        page.locator("textarea#chat-input").press_sequentially("What is a turbot?")
    late.value.finished()
    page.wait_for_load_state("networkidle")
    expect(page.locator("#chat-input")).to_have_value("What is a turbot?")
    assert "/thread/" not in page.url
    page.locator("#chat-submit").click()
    expect(page.get_by_text(ENDED)).to_be_visible()
    expect(page).to_have_url(re.compile("/thread/"))
    lines = page.locator("#thread-history").get_by_role("link")
    expect(lines).to_have_text(["What is a turbot?", "What is a halibut?"])
    expect(lines.locator('[data-active="true"]')).to_have_text("What is a turbot?")
    threads = [turn.thread_id for turn in watched.site.fakes.turns.asked[-2:]]
    assert threads[0] != threads[1]
    assert page.url.endswith(str(threads[1]))
    page.go_back()
    expect(page).to_have_url(re.compile(str(threads[0])))
    expect(page.get_by_text("What is a halibut?").last).to_be_visible()
