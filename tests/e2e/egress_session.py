"""A whole session of the product, for tests that watch what leaves the machine meanwhile.

`python -m tests.e2e.egress_session FLEET [SOURCE]` prints one line of JSON: what came of it, and what the audit log
says was refused. SOURCE is a checkout to run instead of this one.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from tests.e2e.product import RunningProduct, run_product, wait_for
from tests.e2e.test_product import ask, sign_in

# The person's browser is not the product: what it asks its maker for at each start is kept off the cable.
_QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


def main() -> None:
    """Start the product, use every door that it has, and tell."""
    expect.set_options(timeout=60_000)
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    root = Path(sys.argv[2]) if len(sys.argv) > 2 else None
    with run_product(root=root, may_refuse=True, fleet=sys.argv[1]) as product, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(_QUIET))
        page = browser.new_page()
        seen = use_everything(page, product)
        browser.close()
        refused = [event["data"] for event in product.audit("--type", "egress:refused")]
        done = sorted({event["type"] for event in product.audit("-n", "1000")})
    print(json.dumps({"answered_by": seen, "refused": refused, "events": done}), flush=True)


def use_everything(page: Page, product: RunningProduct) -> str:
    """Sign in, chat, upload, wait for the job, search, report, review; return the line under the answer."""
    sign_in(page, product)
    ask(page, "Write to anna.berger@corp.example what the model over the cable says")
    line = page.get_by_text(re.compile(r"Dev1 · .* · logged \w{7}"))
    expect(line.first).to_be_visible()
    seen = line.first.inner_text()
    page.get_by_role("button", name=re.compile("1 value held back · e-mail")).click()
    page.get_by_role("button", name="This is wrong").click()
    expect(page.get_by_text("Your reviewer sees the rule and the masked value")).to_be_visible()
    with tempfile.TemporaryDirectory() as folder:
        notes = Path(folder) / "notes.md"
        notes.write_text("# Canteen\n\nThe canteen opens at half past eleven.\n", encoding="utf-8")
        page.locator("#upload-button-input").set_input_files(notes)
        expect(page.get_by_text("notes.md").first).to_be_visible()
        page.get_by_role("button", name="Add to knowledge").first.click()
        page.locator("#chat-submit").click()
        expect(page.get_by_text("notes.md is in the knowledge base")).to_be_visible()
    wait_for(lambda: product.audit("--type", "job:finished") != [], 60, product.tell)
    product.command("users", "roles", "admin", "--role", "administrator", "--role", "reviewer")
    for place in ("/review", "/review/rules", "/documents", "/health/ready"):
        page.goto(f"{product.url}{place}")
        expect(page.locator("body")).not_to_be_empty()
    return seen


if __name__ == "__main__":
    main()
