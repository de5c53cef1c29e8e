"""A whole session of the product, for tests that watch what leaves the machine meanwhile.

`python -m tests.e2e.egress_session FLEET [SOURCE]` prints one line of JSON: what came of it, and what the audit log
says was refused. SOURCE is a checkout to run instead of this one.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urljoin, urlsplit
from uuid import uuid4

import httpx
from playwright.sync_api import Page, expect, sync_playwright

from assistant.settings import Settings
from assistant.web.app import create_app
from assistant.web.chat.configuration import prepare
from assistant.web.console.pages import console_pages, console_routes
from assistant.web.doors import Doors
from tests.e2e.product import RunningProduct, free_port, run_product, wait_for
from tests.e2e.test_product import ask, sign_in
from tests.fakes.web_parts import FakeSite

# The person's browser is not the product: what it asks its maker for at each start is kept off the cable.
_QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
# Judges the last answer, and takes it back; the page's own buttons send the same.
_JUDGE = """async () => {
  const thread = await (await fetch('/project/thread/' + location.pathname.split('/').pop())).json();
  const send = (method, body) => fetch('/feedback', {
    method, headers: {'content-type': 'application/json'}, body: JSON.stringify(body)});
  const forId = thread.steps.filter(step => step.type === 'run').pop().id;
  const given = await send('PUT', {feedback: {forId, value: 1}, sessionId: 'x'});
  const taken = await send('DELETE', {feedbackId: (await given.json()).feedbackId});
  return [given.status, taken.status];
}"""

# Asks for each address from the page's own script.
_ASK_EACH = """async (addresses) => {
  const statuses = [];
  for (const [method, path] of addresses) statuses.push((await fetch(path, {method, redirect: 'manual'})).status);
  return statuses;
}"""
# Asks as an editor does; its own client would send the same.
_GATEWAY = """async token => {
  const headers = {authorization: `Bearer ${token}`, 'content-type': 'application/json'};
  const messages = [{role: 'user', content: 'Write to anna.berger@corp.example what the model over the cable says'}];
  const ask = stream => fetch('/v1/chat/completions', {
    method: 'POST', headers, body: JSON.stringify({model: 'general', messages, stream})});
  const answers = [await fetch('/v1/models', {headers}), await fetch('/v1/models/general', {headers})];
  for (const stream of [false, true]) answers.push(await ask(stream));
  return Promise.all(answers.map(async answer => [answer.status, (await answer.text()).length > 0]));
}"""

# The host over the cable has neither a model that fills gaps nor one for vectors, so each is refused in words.
_OTHER_ROUTES = """async token => {
  const headers = {authorization: `Bearer ${token}`, 'content-type': 'application/json'};
  const asked = {
    '/v1/completions': {model: 'starcoder', prompt: 'def add(a, b):', suffix: ''},
    '/v1/fim/completions': {model: 'starcoder', prompt: 'def add(a, b):'},
    '/v1/infill': {input_prefix: 'def add(a, b):', input_suffix: ''},
    '/v1/embeddings': {model: 'general/nomic-embed-text', input: 'what the canteen offers'},
  };
  const answers = [];
  for (const [path, body] of Object.entries(asked))
    answers.push(await (await fetch(path, {method: 'POST', headers, body: JSON.stringify(body)})).json());
  return answers.map(answer => (answer.error || {}).message || '');
}"""


def main() -> None:
    """Start the product, use every door that it has, and tell."""
    expect.set_options(timeout=60_000)
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    root = Path(sys.argv[2]) if len(sys.argv) > 2 else None
    with run_product(root=root, may_refuse=True, fleet=sys.argv[1]) as product, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(_QUIET))
        page = browser.new_page()
        page.set_default_timeout(60_000)
        asked: set[tuple[str, str]] = set()
        page.on("request", lambda request: asked.add((request.method, urlsplit(request.url).path)))
        seen = use_everything(page, product)
        browser.close()
        refused = [event["data"] | {"host": event["host"]} for event in product.audit("--type", "egress:refused")]
        done = sorted({event["type"] for event in product.audit("-n", "1000")})
    told = {"answered_by": seen, "refused": refused, "events": done, "unused": unused_routes(asked)}
    print(json.dumps(told), flush=True)


def unused_routes(asked: set[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the routes of the page that no request of the browser was for."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder))
        prepare(Path(folder) / "chat", settings)
        from assistant.web.chat.own_routes import OwnRoutes  # noqa: PLC0415 - Chainlit reads its folder at import

        parts = SimpleNamespace(review=None, own_tokens=None, conversations=None)  # only the routes are asked for
        own = OwnRoutes(parts, identity=None, cookie=None, shelf=None, close_windows=None)
        site = FakeSite()
        doors = Doors(
            settings,
            site.identity,
            check_parts=None,
            open_chat=None,
            console=site.console_parts(),
            tokens=SimpleNamespace(),
            open_gateway=SimpleNamespace(),
        )
        included = (getattr(route, "original_router", None) for route in create_app(doors)._app._app.routes)
        routes = [
            *own.routes(),
            *console_routes(doors.console),
            *(route for router in included if router for route in router.routes),
        ]
    return sorted(
        (method, route.path)
        for route in routes
        for method in route.methods - {"HEAD"}
        if not any(method == used and route.path_regex.match(path) for used, path in asked)
    )


def use_everything(page: Page, product: RunningProduct) -> str:
    """Sign in, chat, judge, report, upload, wait for the job, review, read, sign out; return the answer's line."""
    sign_in(page, product)
    ask(page, "Write to anna.berger@corp.example what the model over the cable says")
    line = page.get_by_text(re.compile(r"Dev1 · .* · logged \w{7}"))
    expect(line.first).to_be_visible()
    seen = line.first.inner_text()
    page.get_by_role("button", name=re.compile("1 value held back · e-mail")).click()
    page.get_by_role("button", name="This is wrong").click()
    expect(page.get_by_text("Your reviewer sees the rule and the masked value")).to_be_visible()
    thread = page.url
    assert page.evaluate(_JUDGE) == [200, 200]
    scopes = ("--scope", "chat", "--scope", "completions", "--scope", "embeddings")
    token = product.command("users", "token", "create", "admin", *scopes).strip()
    assert page.evaluate(_GATEWAY, token) == [[200, True]] * 4
    refusals = page.evaluate(_OTHER_ROUTES, token)
    assert all(re.match("No model|There is no model", words) for words in refusals), refusals
    report = page.evaluate("document.querySelector('a[href*=\"/wrong/\"]')?.getAttribute('href') ?? ''")
    with tempfile.TemporaryDirectory() as folder:
        notes = Path(folder) / "notes.md"
        notes.write_text("# Canteen\n\nThe canteen opens at half past eleven.\n", encoding="utf-8")
        page.locator("#upload-button-input").set_input_files(notes)
        expect(page.get_by_text("notes.md").first).to_be_visible()
        page.get_by_role("button", name="Add to knowledge").first.click()
        page.locator("#chat-submit").click()
        expect(page.get_by_text("notes.md is in the knowledge base")).to_be_visible()
    wait_for(lambda: product.audit("--type", "job:finished") != [], 180, product.tell)
    product.command("users", "roles", "admin", "--role", "administrator", "--role", "reviewer")
    lines = f"{report.rpartition('/')[0].replace('/wrong/', '/lines/')}/0/1-1"  # no file came along: refused in words
    for place in (
        thread,
        report,
        lines,
        "/thread",
        "/review/rules",
        "/health/ready",
        "/health/live",
        "/login",
        "/documents",
    ):
        page.goto(urljoin(product.url, place))
        expect(page.locator("body")).not_to_be_empty()
    use_tokens(page, product)
    page.goto(f"{product.url}/documents")
    page.get_by_role("button", name=re.compile("^Remove ((?!for everybody).)*$")).click()
    page.goto(f"{product.url}/review")
    page.get_by_role("button", name="The rule is right").click()
    expect(page.get_by_text("Nothing waits")).to_be_visible()
    use_console(page, product)
    page.goto(f"{product.url}/documents")  # the chat itself would leave for the sign-in page at once
    assert page.evaluate("fetch('/logout', {method: 'POST'}).then(answer => answer.status)") == 200
    sign_in(page, product)
    page.goto(f"{product.url}/documents")
    assert page.evaluate("fetch('/sign-out', {method: 'POST'}).then(answer => answer.status)") == 200
    return seen


def use_tokens(page: Page, product: RunningProduct) -> None:
    """Make a token as its owner does, ask with it, and revoke it."""
    page.goto(f"{product.url}/tokens")
    page.get_by_label("What it is for").fill("the session")
    page.get_by_role("button", name="Make the token").click()
    own = page.locator("code.secret").inner_text()
    assert page.evaluate(_GATEWAY, own) == [[200, True]] * 4
    page.get_by_role("button", name=re.compile("^Revoke the session of ")).click()
    expect(page.get_by_text("revoked", exact=True)).to_be_visible()
    assert page.evaluate(_GATEWAY, own) == [[401, True]] * 4


def use_console(page: Page, product: RunningProduct) -> None:
    """Read the log in the page's process, then in the console's own, which knows the same session."""
    for url in (product.url, None):
        with contextlib.nullcontext(url) if url else run_console(product) as address:
            for place in ("/console", "/console/queue", "/console/search?type=turn:accepted", "/my-log"):
                page.goto(urljoin(address, place))
                expect(page.locator("#main h1")).to_be_visible()
            page.goto(urljoin(address, "/console/search?type=turn:accepted"))
            page.get_by_role("link", name=re.compile("^Turn ")).first.click()
            expect(page.get_by_role("heading", name=re.compile("^Turn "))).to_be_visible()
            statuses = page.evaluate(_ASK_EACH, console_addresses())
            assert max(statuses) < 500, statuses


def console_addresses() -> list[tuple[str, str]]:
    """Return method and path of every address of the console; ids are of nothing that there is."""
    return [
        (method, re.sub(r"\{\w+(:uuid)?\}", str(uuid4()), route.path))
        for route in console_pages(FakeSite().console_parts())
        for method in route.methods
    ]


@contextmanager
def run_console(product: RunningProduct) -> Iterator[str]:
    """Run `cloister console` beside the product, as a company does that gives compliance a port of its own."""
    port = free_port()
    environment = product.environment | {"CLOISTER_CONSOLE_PORT": str(port)}
    process = subprocess.Popen([sys.executable, "-m", "assistant", "console"], env=environment)
    try:
        wait_for(lambda: is_live(f"http://127.0.0.1:{port}"), 180)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def is_live(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health/live", timeout=5, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


if __name__ == "__main__":
    main()
