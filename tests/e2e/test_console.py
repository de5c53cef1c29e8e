"""The console in Chromium: from the queue to a turn to the proof, by keyboard, without a barrier, in both colours.

`SHOTS=docs/images` writes the pictures of docs/console.md anew.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from assistant.audit.anchors.light import AnchorState, Verification
from assistant.audit.events import HeadConfirmed, HeadContradicted
from assistant.audit.parts import TurnPlace
from assistant.conversation import Role
from assistant.web.console.my_log import PATH as MY_LOG
from tests.e2e.conftest import Watched, open_context
from tests.fakes.console_parts import FakeHeads
from tests.fakes.console_scene import fill
from tests.fakes.web_site import RunningSite

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1_200)]

OpenPage = Callable[..., Watched]


@pytest.fixture(scope="module")
def newest(web: RunningSite) -> TurnPlace:
    return fill(web.fakes.console, uuid4())


@pytest.fixture(autouse=True)
def fresh_heads(web: RunningSite) -> FakeHeads:
    heads = web.fakes.console.heads = FakeHeads(48_213)
    now = datetime.now(UTC)
    heads.verified = Verification(True, 48_100, now)
    heads.anchors += [
        AnchorState("witness", "works-council.example+1f2e3d4c", 48_190, now),
        AnchorState("browser", str(uuid4()), 48_002, now),
    ]
    return heads


def enter(watched: Watched, path: str = "/console") -> Page:
    watched.sign_in()
    watched.page.wait_for_url(f"{watched.site.url}/")
    watched.page.goto(f"{watched.site.url}{path}")
    return watched.page


def barriers(page: Page) -> list[str]:
    """Return what axe-core finds, contrast included."""
    found = Axe().run(page).response["violations"]
    return [f"{each['id']}: {[node['target'] for node in each['nodes']]}" for each in found]


def test_from_the_queue_to_the_turn_to_the_proof(open_page: OpenPage, newest: TurnPlace) -> None:
    watched = open_page(Role.REVIEWER)
    page = enter(watched)
    expect(page.get_by_role("heading", name="Queue")).to_be_visible()
    watched.shoot_in_both("console-queue")
    row = page.get_by_role("row").filter(has_text="AKIA••••••••MPLE").first
    expect(row).to_contain_text("redact")
    row.get_by_role("link").click()
    expect(page.get_by_text("sealed in head 1,203 · proof")).to_be_visible()
    expect(page.get_by_role("list", name="What happened, in order").get_by_role("listitem")).to_have_count(4)
    expect(page.get_by_text("[AWS_ACCESS_KEY_1]", exact=True)).to_be_visible()
    watched.shoot_in_both("console-turn")
    page.get_by_role("link", name="Integrity").click()
    expect(page.locator("#anchor-report")).to_contain_text("grow from it, and its signature is right")
    watched.shoot_in_both("console-integrity")


def test_filters_show_their_list_at_once_and_stand_in_the_address(open_page: OpenPage, newest: TurnPlace) -> None:
    page = enter(open_page(Role.REVIEWER), "/console/queue")
    expect(page.get_by_role("row")).not_to_have_count(0)
    page.get_by_label("Severity").select_option("block")
    expect(page).to_have_url(re.compile("severity=block"))
    expect(page.get_by_role("table").get_by_text("redact")).to_have_count(0)
    page.reload()
    expect(page.get_by_label("Severity")).to_have_value("block")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_no_page_has_a_barrier(open_page: OpenPage, newest: TurnPlace, scheme: str, width: int) -> None:
    watched = open_page(Role.REVIEWER, scheme=scheme, width=width)
    page = enter(watched)
    turn = f"/console/turn/{newest.turn_id}"
    places = (
        "/console/queue",
        "/console/search?type=turn:guarded",
        turn,
        "/console/charts",
        "/console/integrity",
        MY_LOG,
        "/review",
    )
    for place in places:
        page.goto(f"{watched.site.url}{place}")
        expect(page.locator("#main h1")).to_be_visible()
        assert barriers(page) == [], place
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{place} is too wide"
        name = place.partition("?")[0].removesuffix(str(newest.turn_id)).strip("/").replace("/", "-")
        watched.shoot(f"{name}-{scheme}-{width}")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 360)])
def test_no_page_of_the_fleet_has_a_barrier(open_page: OpenPage, web: RunningSite, scheme: str, width: int) -> None:
    web.fakes.console.fleet.fill()
    watched = open_page(Role.ADMINISTRATOR, scheme=scheme, width=width, height=1100)
    page = enter(watched)
    asked = "/console/fleet/plan?model=llama-3.1-70b&people=500"
    for place, name in (("/console/fleet", "console-fleet"), (asked, "console-fleet-plan")):
        page.goto(f"{watched.site.url}{place}")
        expect(page.locator("#main h1")).to_be_visible()
        assert barriers(page) == [], place
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{place} is too wide"
        watched.shoot(name if scheme == "light" else f"{name}-{scheme}-{width}")


def test_the_fleet_is_run_without_a_script(web: RunningSite, browser: Browser) -> None:
    web.fakes.console.fleet.fill()
    name = f"person{uuid4().hex[:8]}"
    web.fakes.identity.add(name, Role.ADMINISTRATOR)
    context = open_context(browser, java_script_enabled=False)
    watched = Watched(context.new_page(), web, name)
    try:
        watched.sign_in()
        page = watched.page
        page.goto(f"{web.url}/console/fleet")
        page.get_by_role("button", name="Drain Dev1: it gets no new prompts").click()
        expect(page.get_by_role("region", name="Orders")).to_contain_text("drain Dev1")
        page.get_by_role("link", name="Planner").click()
        page.get_by_label("Model").select_option("qwen2.5-32b")
        page.get_by_label("Hardware").select_option("Mini1")
        page.get_by_role("button", name="Plan").click()
        row = page.get_by_role("region", name="Plans").get_by_role("row").nth(1)
        expect(row).to_contain_text("does not fit")
        expect(row).to_contain_text("weights: 32.8e9 x 4.8944 bits / 8 = 18.7 GiB")
    finally:
        context.close()


def test_a_barrier_would_be_found(open_page: OpenPage) -> None:
    page = enter(open_page(Role.REVIEWER), "/console/queue")
    page.evaluate("document.querySelector('#main h1').insertAdjacentHTML('afterend', '<button></button>')")
    page.evaluate("document.querySelector('#main h1').style.color = 'rgb(235, 235, 230)'")
    assert {found.partition(":")[0] for found in barriers(page)} == {"button-name", "color-contrast"}


def test_the_keyboard_leads_from_the_top_into_a_turn(open_page: OpenPage, newest: TurnPlace) -> None:
    page = enter(open_page(Role.REVIEWER), "/console/queue")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.getAttribute('aria-label')?.startsWith('Turn ')"):
            break
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="Turn ")).to_be_visible()


def test_a_log_that_grew_is_confirmed_and_one_that_was_changed_is_cried_out(
    open_page: OpenPage, web: RunningSite, fresh_heads: FakeHeads
) -> None:
    watched = open_page(Role.REVIEWER)
    page = enter(watched, "/console/integrity")
    expect(page.get_by_text("This browser sees the log for the first time")).to_be_visible()
    fresh_heads.grow(500)
    page.reload()
    expect(page.get_by_text(re.compile("48,713 events grow from it, and its signature is right"))).to_be_visible()
    fresh_heads.rewrite(17)
    with page.expect_response("**/console/integrity/confirm"):  # the page cries out before it tells the server
        page.reload()
    expect(page.get_by_role("alert")).to_contain_text("does not grow from it")
    words = [event for event in web.fakes.audit.events if isinstance(event, HeadConfirmed | HeadContradicted)]
    assert [type(word) for word in words[-3:]] == [HeadConfirmed, HeadConfirmed, HeadContradicted]
    page.reload()  # the evidence is kept: it is cried out again
    expect(page.get_by_role("alert")).to_contain_text("does not grow from it")


def test_a_log_that_was_cut_is_cried_out(open_page: OpenPage, fresh_heads: FakeHeads) -> None:
    page = enter(open_page(Role.REVIEWER), "/console/integrity")
    expect(page.get_by_text("This browser sees the log for the first time")).to_be_visible()
    fresh_heads.cut(1)
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text("set back or cut off")


def test_a_key_that_this_browser_does_not_know_is_cried_out(open_page: OpenPage, web: RunningSite) -> None:
    page = enter(open_page(Role.REVIEWER), "/console/integrity")
    expect(page.get_by_text("This browser sees the log for the first time")).to_be_visible()
    forged = FakeHeads(48_213)
    web.fakes.console.heads = forged
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text("not signed by the key that this browser knows")


def test_it_reads_without_a_script(web: RunningSite, browser: Browser, newest: TurnPlace) -> None:
    del newest
    name = f"person{uuid4().hex[:8]}"
    web.fakes.identity.add(name, Role.REVIEWER)
    context = open_context(browser, java_script_enabled=False)
    watched = Watched(context.new_page(), web, name)
    try:
        watched.sign_in()
        page = watched.page
        page.goto(f"{web.url}/console/queue?severity=block")
        expect(page.get_by_role("heading", name="Queue")).to_be_visible()
        page.get_by_label("Severity").select_option("redact")
        page.get_by_role("button", name="Show").click()
        expect(page.get_by_label("Severity")).to_have_value("redact")
        page.goto(f"{web.url}/console/integrity")
        expect(page.get_by_text("That needs JavaScript")).to_be_visible()
    finally:
        context.close()


def test_the_pictures_of_the_documents_are_shown_and_small() -> None:
    docs = Path(__file__).parents[2] / "docs"
    pictures = list((docs / "images").glob("*.png"))
    shown = set(re.findall(r"images/([\w-]+)\.png", "".join(page.read_text("utf-8") for page in docs.glob("*.md"))))
    assert {picture.stem for picture in pictures} == shown
    assert {"console-queue", "console-turn", "console-case", "console-integrity"} <= shown
    assert all(picture.stat().st_size < 200_000 for picture in pictures)
