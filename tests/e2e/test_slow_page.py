"""The chat page over a slow line: what a person did stays as it is when an answer of the server comes late."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import FilePayload, Page, Route, WebSocketRoute, expect

from tests.e2e.conftest import Watched, wait_for_chat
from tests.fakes.web_parts import ACCESS_KEY, PEM

pytestmark = pytest.mark.e2e

OpenPage = Callable[..., Watched]
LIST = "**/project/threads"
SOCKET = re.compile("/ws/socket.io/")
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
    wait_for_chat(page)
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
    wait_for_chat(page)
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


@contextmanager
def unconnected(page: Page) -> Iterator[None]:
    """Let the page wait for its connection until the block ends."""
    held: list[WebSocketRoute] = []

    def hold(socket: WebSocketRoute) -> None:
        if is_holding:
            held.append(socket)
        else:
            socket.connect_to_server()

    is_holding = True
    page.route_web_socket(SOCKET, hold)
    yield
    is_holding = False
    for socket in held:
        socket.connect_to_server()


def test_what_is_sent_too_early_goes_with_the_connection_and_with_the_file(open_page: OpenPage) -> None:
    watched = open_page()
    page = watched.page
    before = len(watched.site.fakes.turns.asked)
    field, reason = page.locator("#chat-input"), page.locator("#cloister-reason")
    with unconnected(page):
        watched.sign_in()
        expect(page.get_by_text("Served now by Mini2")).to_be_visible()
        field.fill("What is a halibut?")
        field.press("Enter")
        expect(reason).to_contain_text("Not sent yet")
        field.press_sequentially(" And")  # so it is not what was sent
        expect(reason).to_have_count(0)
        field.fill("What is a turbot?")
        field.press("Enter")
        field.press("Enter")
        expect(reason).to_contain_text("Not sent yet")
    expect(page.get_by_text(ENDED)).to_be_visible()
    expect(reason).to_have_count(0)
    with held_back(page, "**/project/file?*") as held:
        notes: FilePayload = {"name": "notes.md", "mimeType": "text/markdown", "buffer": b"It swims."}
        page.locator("#upload-button-input").set_input_files(notes)
        expect(page.get_by_text("notes.md")).to_be_visible()
        field.fill("What does it say?")
        field.press("Enter")
        expect(reason).to_contain_text("a file is on its way")
        assert held, "the file is on its way"
    expect(page.get_by_text(ENDED)).to_have_count(2)
    asked = watched.site.fakes.turns.asked[before:]
    assert [(one.text, [file.text for file in one.attachments]) for one in asked] == [
        ("What is a turbot?", []),
        ("What does it say?", ["It swims."]),
    ]


def test_a_refused_text_is_kept_for_whoever_typed_on(open_page: OpenPage) -> None:
    watched = open_page()
    page = watched.page
    watched.sign_in()
    wait_for_chat(page)
    field = page.locator("#chat-input")
    field.fill(f"What is wrong with {PEM}?")
    expect(page.locator("#chat-submit")).to_be_enabled()
    page.evaluate("""async () => {
        const field = () => document.getElementById("chat-input"); // another one after the first message
        field().dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true }));
        while (field().value) await new Promise((go) => setTimeout(go));
        const type = () => {
            Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set.call(field(), "And then");
            field().dispatchEvent(new Event("input", { bubbles: true }));
        };
        while (!document.getElementById("cloister-reason")) { type(); await new Promise((go) => setTimeout(go)); }
    }""")
    expect(page.locator("#cloister-reason")).to_contain_text("what looks like a private key")
    field.press_sequentially(" this")
    typed = field.input_value()
    page.get_by_role("button", name="Put my message back").click()
    expect(field).to_have_value(f"What is wrong with {PEM}?\n\n{typed}")
    expect(page.get_by_role("button", name="Put my message back")).to_have_count(0)


def test_who_presses_enter_twice_gets_a_refused_text_back(open_page: OpenPage) -> None:
    """The second press comes when the field is empty already, and before the refusal."""
    watched = open_page()
    page = watched.page
    watched.sign_in()
    wait_for_chat(page)
    page.locator("#chat-input").fill(f"What is wrong with {PEM}?")
    expect(page.locator("#chat-submit")).to_be_enabled()
    page.evaluate("""async () => {
        const field = () => document.getElementById("chat-input"); // another one after the first message
        const press = () => field().dispatchEvent(
            new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true }));
        press();
        while (field().value) await new Promise((go) => setTimeout(go));
        press();
    }""")
    expect(page.locator("#cloister-reason")).to_contain_text("what looks like a private key")
    expect(page.locator("#chat-input")).to_have_value(f"What is wrong with {PEM}?")


def test_the_second_half_of_a_double_click_on_send_stops_nothing(open_page: OpenPage) -> None:
    watched = open_page()
    page, turns = watched.page, watched.site.fakes.turns
    turns.hold()
    watched.sign_in()
    watched.ask("What is a halibut?")
    stop = page.locator("#stop-button")
    expect(stop).to_be_visible()
    stop.hover()
    page.mouse.down(click_count=2)
    page.mouse.up(click_count=2)
    turns.release()
    expect(page.get_by_text("because the disk was full")).to_be_visible()
    expect(page.get_by_text(ENDED)).to_be_visible()


def test_an_answer_goes_on_while_another_conversation_is_begun(open_page: OpenPage) -> None:
    watched = open_page()
    page, turns = watched.page, watched.site.fakes.turns
    turns.hold()
    watched.sign_in()
    watched.ask("What is a halibut?")
    expect(page.get_by_role("article").filter(has_text="The restart")).to_be_visible()
    lines = page.locator("#thread-history").get_by_role("link")
    expect(lines).to_have_text(["What is a halibut?"])
    page.locator("#new-chat-button").click()
    expect(page.get_by_role("article").filter(has_text="The restart")).to_have_count(0)
    turns.is_holding = False
    watched.ask("What is a turbot?")
    expect(page.get_by_text(ENDED)).to_be_visible()
    expect(lines).to_have_text(["What is a turbot?", "What is a halibut?"])
    lines.last.click()
    expect(page.get_by_role("article").filter(has_text="The restart")).to_be_visible()
    assert "disk was full" not in page.inner_text("body")
    turns.release()
    expect(page.get_by_text(ENDED)).to_be_visible()
    expect(page.get_by_text("because the disk was full")).to_have_count(1)


def test_an_answer_that_ends_while_a_reloaded_page_connects_is_shown_whole(open_page: OpenPage) -> None:
    watched = open_page()
    page, turns = watched.page, watched.site.fakes.turns
    turns.hold()
    watched.sign_in()
    watched.ask("What is a halibut?")
    expect(page.get_by_role("article").filter(has_text="The restart")).to_be_visible()
    expect(page).to_have_url(re.compile("/thread/"))
    with unconnected(page):
        page.reload()
        expect(page.locator("#new-chat-button")).to_be_visible()
        turns.release()
    expect(page.get_by_text(ENDED)).to_be_visible()
    expect(page.get_by_text("because the disk was full")).to_have_count(1)
