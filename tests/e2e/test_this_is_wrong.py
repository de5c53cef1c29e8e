"""“This is wrong” in Chromium: one press behind 'why?', the reviewer's queue, a decision, the figures of the rule."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from assistant.conversation import Role
from tests.e2e.conftest import Watched
from tests.fakes.web_parts import ACCESS_KEY, PEM

pytestmark = pytest.mark.e2e

OpenPage = Callable[..., Watched]
REPORTED = "Reported. Your reviewer sees the rule and the masked value, never the value."


def open_why(watched: Watched) -> Locator:
    """Open the line under the question, and return the way to report what it shows."""
    line = watched.page.get_by_role("button", name="1 value held back · AWS access key · why?")
    expect(line).to_be_visible()
    line.click()
    button = watched.page.get_by_role("button", name="This is wrong")
    expect(button).to_be_visible()
    return button


def test_one_press_reports_and_a_reviewer_decides(open_page: OpenPage) -> None:
    watched = open_page()
    fakes = watched.site.fakes
    watched.sign_in()
    watched.ask(f"Rotate this key for me: {ACCESS_KEY}")
    button = open_why(watched)
    expect(watched.page.get_by_text(re.compile("4.8 s · logged"))).to_be_visible()
    watched.shoot("wrong-before")
    posts: list[str] = []
    watched.page.on("request", lambda request: posts.append(request.url) if request.method == "POST" else None)
    button.dblclick()
    expect(watched.page.get_by_role("status").filter(has_text=REPORTED)).to_be_visible()
    link = watched.page.get_by_role("link", name="Reported")
    expect(link).to_be_visible()
    watched.shoot("wrong-reported")
    assert len([url for url in posts if "/wrong/" in url]) == 1
    (report,) = [one for one in fakes.reports.rows.values() if one.person == watched.name]
    assert (report.about.rule, report.about.masked) == ("secret/aws-access-key", "AKIA••••••••MPLE")
    assert ACCESS_KEY not in repr(fakes.reports.rows)

    watched.page.reload()
    watched.page.get_by_role("button", name="1 value held back · AWS access key · why?").click()
    expect(link).to_be_visible()
    expect(watched.page.get_by_role("button", name="This is wrong")).to_have_count(0)
    link.click()
    expect(watched.page.get_by_role("heading", name="Reported")).to_be_visible()
    watched.page.get_by_label("Why it is wrong").fill("It is the key of the vendor's own documentation.")
    watched.shoot("wrong-comment")
    watched.page.get_by_role("button", name="Add this").click()
    expect(watched.page.get_by_text("vendor's own documentation")).to_be_visible()

    decide_as_reviewer(open_page, watched)
    watched.page.reload()
    expect(watched.page.get_by_text("Your reviewer agrees: the rule is wrong here.")).to_be_visible()
    expect(watched.page.get_by_text("The rule has to leave it out.")).to_be_visible()
    watched.shoot("wrong-decided")


def decide_as_reviewer(open_page: OpenPage, watched: Watched) -> None:
    """Find the report in the queue, confirm it, and look at what that makes of the rule."""
    watched.site.fakes.counts.findings = {"secret/aws-access-key": 8, "personal/email": 40}
    reviewer = open_page(Role.REVIEWER)
    reviewer.sign_in()
    reviewer.page.get_by_role("link", name="Console").click()
    reviewer.page.get_by_role("link", name="Reports").click()
    row = reviewer.page.get_by_role("row").filter(has_text=watched.name)
    expect(row).to_contain_text("secret/aws-access-key")
    expect(row).to_contain_text("AKIA••••••••MPLE")
    expect(row).to_contain_text("vendor's own documentation")
    reviewer.shoot("review-queue")
    row.get_by_label("Note").fill("An example key. The rule has to leave it out.")
    row.get_by_role("button", name="The rule is wrong").click()
    expect(row).to_have_count(0)
    reviewer.page.get_by_role("link", name="Decided").click()
    expect(row).to_contain_text("the rule is wrong")
    expect(row).to_contain_text(reviewer.name)
    reviewer.shoot("review-decided")
    reviewer.page.get_by_role("link", name="Rules").click()
    expect(reviewer.page.get_by_role("row").filter(has_text="secret/aws-access-key")).to_contain_text("12.5%")
    expect(reviewer.page.get_by_role("row").filter(has_text="personal/email")).to_contain_text("nobody reported")
    reviewer.shoot("review-rules")


def test_the_second_half_of_a_double_click_does_not_open_what_the_first_made(open_page: OpenPage) -> None:
    watched = open_page()
    watched.sign_in()
    watched.ask(f"Rotate this key for me: {ACCESS_KEY}")
    button = open_why(watched)
    button.click()
    link = watched.page.get_by_role("link", name="Reported")
    expect(link).to_be_visible()
    link.hover()
    watched.page.evaluate("window.addEventListener('click', event => { window.lastClick = event; }, true)")
    watched.page.mouse.down(click_count=2)
    watched.page.mouse.up(click_count=2)
    assert watched.page.evaluate("[window.lastClick.detail, window.lastClick.defaultPrevented]") == [2, True]
    expect(watched.page.get_by_role("status").filter(has_text=REPORTED)).to_be_visible()
    link.click()
    expect(watched.page.get_by_role("heading", name="Reported")).to_be_visible()


def test_the_keyboard_reports_what_blocked_a_text(open_page: OpenPage) -> None:
    watched = open_page()
    watched.sign_in()
    watched.ask(f"What is wrong with {PEM}?")
    watched.page.get_by_role("button", name=re.compile("why\\?")).click()
    button = watched.page.get_by_role("button", name="This is wrong")
    button.focus()
    watched.page.keyboard.press("Space")
    expect(watched.page.get_by_role("status").filter(has_text=REPORTED)).to_be_visible()
    watched.shoot("wrong-blocked")


def test_a_refusal_is_said_and_can_be_tried_again(open_page: OpenPage) -> None:
    watched = open_page()
    watched.sign_in()
    watched.ask(f"Rotate this key for me: {ACCESS_KEY}")
    button = open_why(watched)
    watched.site.fakes.reports.most_an_hour = 0
    button.click()
    expect(watched.page.get_by_text("You reported enough values in the last hour.")).to_be_visible()
    watched.site.fakes.reports.most_an_hour = 60
    button.click()
    expect(watched.page.get_by_role("status").filter(has_text=REPORTED)).to_be_visible()


def test_a_link_that_a_model_wrote_reports_nothing(open_page: OpenPage) -> None:
    watched = open_page()
    watched.sign_in()
    watched.ask(f"Rotate this key for me: {ACCESS_KEY}")
    open_why(watched)
    expect(watched.page.get_by_text(re.compile("4.8 s · logged"))).to_be_visible()
    before = len(watched.site.fakes.reports.rows)
    moved = """() => {
        const link = document.querySelector('a[href^="/wrong/"]');
        document.querySelector('[data-step-type="assistant_message"] [role="article"]').append(link);
        link.setAttribute("role", "button");
    }"""
    watched.page.evaluate(moved)
    watched.page.locator('[data-step-type="assistant_message"] a[href^="/wrong/"]').click()
    expect(watched.page.get_by_role("heading", name="Is this wrong?")).to_be_visible()
    assert len(watched.site.fakes.reports.rows) == before


def test_who_is_no_reviewer_sees_neither_the_way_nor_the_queue(open_page: OpenPage) -> None:
    watched = open_page()
    watched.sign_in()
    expect(watched.page.locator("#chat-input")).to_be_visible()
    expect(watched.page.get_by_role("link", name="Console")).to_have_count(0)
    watched.page.goto(f"{watched.site.url}/review")
    expect(watched.page.get_by_text("This is for who holds the role administrator or reviewer.")).to_be_visible()
    expect(watched.page.get_by_role("link", name="Open the console")).to_be_visible()


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1280, "light")])
def test_the_queue_fits_its_window(open_page: OpenPage, width: int, scheme: str) -> None:
    watched = open_page(Role.EMPLOYEE, Role.REVIEWER, width=width, scheme=scheme)
    watched.sign_in()
    watched.ask(f"Rotate this key for me: {ACCESS_KEY}")
    open_why(watched).click()
    expect(watched.page.get_by_role("status").filter(has_text=REPORTED)).to_be_visible()
    watched.shoot(f"wrong-{width}")
    for place in ("/review", "/review/rules"):
        watched.page.goto(f"{watched.site.url}{place}")
        expect(watched.page.get_by_role("table")).to_be_visible()
        assert watched.page.evaluate("document.documentElement.scrollWidth") <= width
        watched.shoot(f"review-{place.rsplit('/', 1)[1]}-{width}")
