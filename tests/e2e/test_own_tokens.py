"""A person makes a token for their editor and revokes it, in Chromium; whoever cannot see the page can use it, too."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.e2e.conftest import Watched

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1280, "light")])
def test_a_token_is_made_and_revoked(open_page: Callable[..., Watched], width: int, scheme: str) -> None:
    watched = open_page(width=width, scheme=scheme)
    watched.sign_in()
    page = watched.page
    page.get_by_role("link", name="Tokens").click()
    expect(page.get_by_text("No token yet")).to_be_visible()
    page.get_by_label("What it is for").fill("Laptop, Continue")
    page.get_by_label("StarCoder").check()
    page.get_by_label("any model").check()
    page.get_by_role("button", name="Make the token").click()
    expect(page.locator("code.secret")).to_contain_text("clst_")
    watched.shoot(f"tokens-{width}-{scheme}")
    violations = Axe().run(page).response["violations"]
    assert [(entry["id"], [node["html"] for node in entry["nodes"]]) for entry in violations] == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.get_by_role("button", name="Revoke Laptop, Continue of ").click()
    expect(page.get_by_text("revoked", exact=True)).to_be_visible()
    expect(page.locator("code.secret")).to_have_count(0)
