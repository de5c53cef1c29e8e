"""What a person does on the page, in Chromium: sign in, ask, watch it come, see what was held back, stop, come back."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import FilePayload, expect

from assistant.conversation import MessageState, Role
from tests.e2e.conftest import Watched, wait_for_chat, wait_until
from tests.fakes.web_parts import ACCESS_KEY, EVIL, PEM

pytestmark = pytest.mark.e2e

OpenPage = Callable[..., Watched]


def test_signing_in_wrong_says_so_and_right_opens_the_chat(open_page: OpenPage) -> None:
    watched = open_page()
    watched.sign_in("wrong password")
    expect(watched.page.get_by_role("alert")).to_contain_text("The name or the password is not right")
    assert "wrong password" not in watched.page.content()
    expect(watched.page.get_by_label("Name")).to_have_value(watched.name)
    watched.shoot("sign-in-refused")
    watched.sign_in()
    expect(watched.page.locator("#chat-input")).to_be_visible()
    expect(watched.page.get_by_text("Served now by Mini2")).to_be_visible()
    expect(watched.page.locator("#welcome-screen")).to_have_css("opacity", "1")
    watched.shoot("empty")


def test_an_answer_is_seen_while_the_model_still_writes(open_page: OpenPage) -> None:
    watched = open_page()
    watched.site.fakes.turns.hold()
    watched.sign_in()
    watched.ask("Why did the restart fail?")
    expect(watched.page.get_by_role("article").filter(has_text="The restart")).to_be_visible()
    assert "disk was full" not in watched.page.inner_text("body")
    watched.shoot("streaming")
    watched.site.fakes.turns.release()
    expect(watched.page.get_by_text("because the disk was full")).to_be_visible()
    expect(watched.page.get_by_text(re.compile(r"Mini2 · llama3\.1:70b · 4\.8 s · logged \w+"))).to_be_visible()
    watched.shoot("answered")


def test_what_was_held_back_is_one_line_that_explains_itself(open_page: OpenPage) -> None:
    watched = open_page()
    watched.sign_in()
    watched.ask(f"Rotate this key for me: {ACCESS_KEY}")
    line = watched.page.get_by_role("button", name="1 value held back · AWS access key · why?")
    expect(line).to_be_visible()
    watched.shoot("held-back")
    line.click()
    expect(watched.page.get_by_text("secret/aws-access-key")).to_be_visible()
    expect(watched.page.get_by_text("[AWS_ACCESS_KEY_1]", exact=True)).to_be_visible()
    expect(watched.page.get_by_text("AKIA••••••••MPLE")).to_be_visible()
    watched.shoot("why")


@pytest.mark.parametrize("comes_back", [False, True])
def test_what_was_held_back_stands_once_between_message_and_answer(open_page: OpenPage, *, comes_back: bool) -> None:
    watched = open_page()
    turns = watched.site.fakes.turns
    turns.guard_seconds = 0.15
    turns.hold()
    watched.sign_in()
    watched.ask(f"Rotate this key for me: {ACCESS_KEY}")
    expect(watched.page.get_by_role("article").filter(has_text="The restart")).to_be_visible()
    if comes_back:
        expect(watched.page).to_have_url(re.compile("/thread/"))
        watched.page.reload()
        expect(watched.page.get_by_role("article").filter(has_text="The restart")).to_be_visible()
    turns.release()
    expect(watched.page.get_by_text(re.compile("4.8 s · logged"))).to_be_visible()
    turns.guard_seconds = 0.0
    watched.shoot(f"held-back-{'again' if comes_back else 'live'}")
    kinds = watched.page.locator("[data-step-type]").evaluate_all("all => all.map((one) => one.dataset.stepType)")
    assert kinds == ["user_message", "tool", "assistant_message", "llm"]


def test_a_blocked_text_goes_back_into_the_composer_under_its_reason(open_page: OpenPage) -> None:
    watched = open_page()
    watched.sign_in()
    watched.ask(f"What is wrong with {PEM}?")
    expect(watched.page.locator("#cloister-reason")).to_contain_text("what looks like a private key")
    expect(watched.page.locator("#chat-input")).to_have_value(f"What is wrong with {PEM}?")
    expect(watched.page).to_have_url(re.compile("/thread/"))
    expect(watched.page.locator("#cloister-reason")).to_be_visible()
    expect(watched.page.locator("#chat-input")).to_have_value(f"What is wrong with {PEM}?")
    watched.shoot("blocked")


def test_stop_ends_the_answer_and_keeps_what_arrived(open_page: OpenPage) -> None:
    watched = open_page()
    turns = watched.site.fakes.turns
    turns.hold()
    watched.sign_in()
    watched.ask("Write a long report")
    expect(watched.page.get_by_role("article").filter(has_text="The restart")).to_be_visible()
    watched.page.get_by_role("button", name="Stop the answer").click()
    expect(watched.page.get_by_text("Stopped. What had arrived is kept.")).to_be_visible()
    expect(watched.page.get_by_role("button", name="Send", exact=True)).to_be_visible()
    assert turns.asked[-1].reference in turns.closed
    watched.shoot("stopped")


def test_the_place_in_line_is_shown_until_it_is_served(open_page: OpenPage) -> None:
    watched = open_page()
    turns = watched.site.fakes.turns
    turns.places = ("2 before you, about 20 s", "You are next, about 10 s")
    watched.sign_in()
    watched.ask("Why did the restart fail?")
    first, second = (watched.page.get_by_text(place) for place in turns.places)
    expect(first).to_be_visible()
    watched.shoot("in-line")
    turns.move_up()
    expect(second).to_be_visible()
    expect(first).to_have_count(0)
    turns.move_up()
    expect(watched.page.get_by_text("because the disk was full")).to_be_visible()
    expect(second).to_have_count(0)
    watched.page.reload()  # nobody stands in a line of yesterday
    expect(watched.page.get_by_text("because the disk was full")).to_be_visible()
    expect(watched.page.get_by_text("before you")).to_have_count(0)
    watched.ask("And the next one?")
    expect(first).to_be_visible()
    watched.page.locator("#stop-button").click()
    expect(first).to_have_count(0)
    turns.places = ()
    assert turns.asked[-1].reference in turns.closed


def test_history_survives_a_reload_and_search_finds_it(open_page: OpenPage) -> None:
    watched = open_page()
    watched.sign_in()
    watched.ask(f"Remember the word halibut and {ACCESS_KEY}")
    expect(watched.page.get_by_text("because the disk was full")).to_be_visible()
    expect(watched.page).to_have_url(re.compile("/thread/"))
    watched.page.reload()
    expect(watched.page.get_by_text("because the disk was full")).to_be_visible()
    expect(watched.page.get_by_role("button", name="1 value held back · AWS access key · why?")).to_be_visible()
    expect(watched.page.get_by_text(re.compile("4.8 s · logged"))).to_be_visible()
    assert ACCESS_KEY not in watched.page.inner_text("body")
    watched.shoot("reloaded")
    watched.page.goto(f"{watched.site.url}/")
    expect(watched.page.locator("#thread-history")).to_contain_text("halibut")
    watched.page.locator("#search-chats-button").click()
    watched.page.get_by_placeholder("Words from a title or a message").fill("halibut")
    expect(watched.page.get_by_role("option", name=re.compile("halibut"))).to_be_visible()
    watched.shoot("search")


def test_a_reload_in_mid_answer_shows_the_rest_of_it(open_page: OpenPage) -> None:
    watched = open_page()
    watched.site.fakes.turns.hold()
    watched.sign_in()
    watched.ask("Why did it fail?")
    expect(watched.page.get_by_role("article").filter(has_text="The restart")).to_be_visible()
    expect(watched.page).to_have_url(re.compile("/thread/"))
    watched.page.reload()
    expect(watched.page.get_by_role("article").filter(has_text="The restart")).to_be_visible()
    watched.site.fakes.turns.release()
    expect(watched.page.get_by_text("because the disk was full")).to_be_visible()
    expect(watched.page.get_by_text("because the disk was full")).to_have_count(1)


def test_signing_out_closes_the_page(open_page: OpenPage) -> None:
    watched = open_page()
    watched.sign_in()
    wait_for_chat(watched.page)
    watched.page.locator("#user-nav-button").click()
    watched.page.get_by_role("menuitem", name="Sign out").click()
    expect(watched.page.get_by_role("heading", name="Sign in")).to_be_visible()
    watched.page.goto(f"{watched.site.url}/")
    expect(watched.page).to_have_url(re.compile("/sign-in"))


def test_what_a_model_thinks_is_there_to_open_and_is_not_kept(open_page: OpenPage) -> None:
    watched = open_page()
    watched.sign_in()
    watched.ask("Please think about the restart")
    expect(watched.page.get_by_text(re.compile("4.8 s · logged"))).to_be_visible()
    thought = watched.page.get_by_text("the restart cannot have worked")
    expect(thought).not_to_be_visible()
    watched.page.get_by_role("button", name="Thinking").click()
    expect(thought).to_be_visible()
    expect(watched.page.get_by_role("button", name="Wrong?")).to_have_count(0)
    expect(
        watched.page.get_by_text("The model asked for a tool (run_shell), which this assistant does not")
    ).to_be_visible()
    watched.shoot("thinking")
    watched.page.reload()
    expect(watched.page.get_by_text(re.compile("4.8 s · logged"))).to_be_visible()
    expect(watched.page.get_by_role("button", name="Thinking")).to_have_count(0)


def test_a_poisoned_answer_sends_nothing_anywhere(open_page: OpenPage) -> None:
    watched = open_page(may_violate=True)
    watched.sign_in()
    watched.ask("Please poison this answer")
    expect(watched.page.get_by_text(re.compile("4.8 s · logged"))).to_be_visible()
    watched.page.wait_for_load_state("networkidle")
    reached = [url for url in watched.foreign_requests() if not is_refused(watched, url)]
    assert reached == []
    assert watched.page.locator(f"script[src*='{EVIL}'], iframe").count() == 0
    watched.shoot("poison")


def test_a_link_in_an_answer_is_text(open_page: OpenPage) -> None:
    watched = open_page(may_violate=True)
    watched.sign_in()
    watched.ask("Please poison this answer")
    link = watched.page.locator("a", has_text="a link")
    expect(link).to_have_text(f"a link (https://{EVIL}/click)")
    expect(watched.page.locator(f"a[href*='{EVIL}']")).to_have_count(0)
    expect(watched.page.locator("a", has_text=f"https://{EVIL}/plain")).to_have_text(f"https://{EVIL}/plain")
    for button in ("left", "middle"):
        link.click(button=button)  # type: ignore[arg-type]  # a literal of the two
        expect(watched.page.locator("#cloister-reason")).to_contain_text(f"not opened: https://{EVIL}/click")
    assert len(watched.page.context.pages) == 1
    watched.shoot("link-as-text")


def is_refused(watched: Watched, url: str) -> bool:
    return any(url in violation or EVIL in violation for violation in watched.violations)


def test_only_the_personas_of_a_role_are_offered(open_page: OpenPage) -> None:
    employee = open_page(Role.EMPLOYEE)
    employee.sign_in()
    wait_for_chat(employee.page)
    assert employee.page.locator("#chat-profiles").count() == 0  # one persona needs no picker
    developer = open_page(Role.DEVELOPER)
    developer.sign_in()
    wait_for_chat(developer.page)
    developer.page.locator("#chat-profiles").click()
    expect(developer.page.get_by_role("option", name="StarCoder")).to_be_visible()
    developer.page.get_by_role("option", name="StarCoder").hover()
    developer.shoot("personas")


def test_a_file_becomes_part_of_the_question(open_page: OpenPage) -> None:
    watched = open_page()
    watched.sign_in()
    wait_for_chat(watched.page)
    notes: FilePayload = {"name": "notes.md", "mimeType": "text/markdown", "buffer": b"# Halibut\nIt swims."}
    data: FilePayload = {"name": "data.json", "mimeType": "application/json", "buffer": b"{}"}
    watched.page.locator("#upload-button-input").set_input_files([notes, data])
    expect(watched.page.get_by_text("notes.md")).to_be_visible()
    expect(watched.page.get_by_text("data.json")).to_be_visible()
    watched.ask("What does it say?")
    expect(watched.page.get_by_text("Attached: notes.md, data.json")).to_be_visible()
    expect(watched.page.get_by_text(re.compile("4.8 s · logged"))).to_be_visible()  # the line comes before the turn
    asked = watched.site.fakes.turns.asked[-1]
    expected = [("notes.md", "# Halibut\nIt swims."), ("data.json", "{}")]
    assert [(one.name, one.text) for one in asked.attachments] == expected
    watched.shoot("attached")


def test_a_file_can_be_added_to_the_knowledge_base(open_page: OpenPage) -> None:
    watched = open_page()
    watched.sign_in()
    wait_for_chat(watched.page)
    content: FilePayload = {"name": "handbook.md", "mimeType": "text/markdown", "buffer": b"# Handbook\nBe kind."}
    watched.page.locator("#upload-button-input").set_input_files(content)
    watched.page.get_by_role("button", name="Add to knowledge").click()
    watched.page.locator("#chat-submit").click()
    expect(watched.page.get_by_text("handbook.md is in the knowledge base")).to_be_visible()
    watched.shoot("added")
    watched.page.goto(f"{watched.site.url}/documents")
    expect(watched.page.get_by_role("cell", name="handbook.md").first).to_be_visible()
    watched.shoot("documents")
    watched.page.get_by_role("button", name="Remove handbook.md").click()
    expect(watched.page.get_by_text("Nothing here yet")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_a_narrow_screen(open_page: OpenPage, scheme: str) -> None:
    watched = open_page(Role.DEVELOPER, Role.REVIEWER, width=360, height=740, scheme=scheme)  # whose head holds most
    watched.page.goto(f"{watched.site.url}/sign-in")
    watched.shoot(f"narrow-sign-in-{scheme}")
    watched.sign_in()
    watched.ask(f"Rotate this key for me: {ACCESS_KEY}")
    expect(watched.page.get_by_text(re.compile("4.8 s · logged"))).to_be_visible()
    watched.shoot(f"narrow-{scheme}")
    too_wide = watched.page.evaluate(
        """[...document.querySelectorAll('body *')]
        .filter((one) => one.getBoundingClientRect().right > window.innerWidth + 1 && one.checkVisibility())
        .map((one) => one.outerHTML.slice(0, 120))"""
    )
    assert too_wide == []


def test_fields_and_buttons_have_names_and_focus_is_seen(open_page: OpenPage) -> None:
    watched = open_page()
    watched.page.goto(f"{watched.site.url}/sign-in")
    watched.page.get_by_label("Password").focus()
    outline = watched.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none"
    watched.sign_in()
    watched.ask("Hello there")
    expect(watched.page.get_by_text(re.compile("4.8 s · logged"))).to_be_visible()
    wait_until(
        watched.page,
        """() => [...document.querySelectorAll('button, textarea, input:not([type=hidden]):not([type=file])')]
        .every((one) => !one.checkVisibility() || one.textContent.trim() || one.getAttribute('aria-label')
                        || one.getAttribute('aria-labelledby') || one.labels?.length || one.title)""",
    )


def test_an_interrupted_answer_says_so_after_a_reload(open_page: OpenPage) -> None:
    watched = open_page()
    watched.site.fakes.turns.hold()
    watched.sign_in()
    watched.ask("Write a long report")
    expect(watched.page.get_by_role("article").filter(has_text="The restart")).to_be_visible()
    watched.page.locator("#stop-button").click()
    expect(watched.page.get_by_text("Stopped.", exact=False)).to_be_visible()
    thread = watched.site.fakes.turns.asked[-1].thread_id
    states = [entry.message.state for entry in watched.site.fakes.history.stored[thread]]
    assert states[-1] is MessageState.INTERRUPTED
    watched.page.goto(f"{watched.site.url}/thread/{thread}")
    expect(watched.page.get_by_text("Stopped before its end.")).to_be_visible()
