"""A fresh installation without any model host: it answers from its documentation and from what a person adds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.conftest import open_context
from tests.e2e.product import RunningProduct, run_product, wait_for
from tests.e2e.test_product import SECRET, ask, sign_in

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1_200)]

NOTES = f"""# Canteen

The canteen opens at half past eleven and closes at two.

# Deployments

The zeppelin service is deployed on Thursdays with the token {SECRET}.
"""


@pytest.fixture(scope="module")
def product() -> Iterator[RunningProduct]:
    with run_product() as running:
        yield running


def test_documentation_and_added_documents_are_quoted(
    product: RunningProduct, browser: Browser, tmp_path: Path
) -> None:
    notes = tmp_path / "notes.md"
    notes.write_text(NOTES, encoding="utf-8")
    wait_for(lambda: product.audit("--type", "job:finished") != [], 180, product.tell)
    context = open_context(browser)
    page = context.new_page()
    sign_in(page, product)
    ask(page, "How do I add a model host?")
    expect(page.get_by_text("No model host was found").first).to_be_visible()
    expect(page.get_by_text("docs/fleet.md").first).to_be_visible()
    expect(page.get_by_text(re.compile("logged")).last).to_be_visible()
    page.locator("#upload-button-input").set_input_files(notes)
    expect(page.get_by_text("notes.md").first).to_be_visible()
    page.get_by_role("button", name="Add to knowledge").first.click()
    page.locator("#chat-submit").click()
    expect(page.get_by_text("notes.md is in the knowledge base")).to_be_visible()
    ask(page, "When is the zeppelin service deployed?")
    expect(page.get_by_text(re.compile("deployed on Thursdays")).first).to_be_visible()
    expect(page.get_by_text("[GITHUB_TOKEN 1]").first).to_be_visible()
    context.close()
    tags = [event["type"] for event in product.audit()]
    assert {"document:added", "job:enqueued", "job:finished"} <= set(tags)
    assert [place for place, content in product.everything_at_rest() if SECRET.encode() in content] == []
