"""The whole product, started as an operator starts it, with a slow model host behind it and Chromium in front of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FilePayload, Page, expect

from tests.e2e.conftest import open_context, wait_for_chat
from tests.e2e.product import ADMIN_PASSWORD, RunningProduct, reference_in, run_product, wait_for
from tests.fakes.model_host import FakeModelHost, Fault

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1_200)]

SECRET = "ghp_aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5"
IN_FILE = "AKIAQ3EGRLKJ7ZTBWXVN"
MAIL = "anna.berger@corp.example"
LONG_REPLY = " ".join(f"word{number}" for number in range(120))


@pytest.fixture(scope="module")
def host() -> Iterator[FakeModelHost]:
    with FakeModelHost("ollama") as running:
        yield running


@pytest.fixture(scope="module")
def product(host: FakeModelHost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningProduct]:
    fleet = tmp_path_factory.mktemp("fleet") / "fleet.yaml"
    fleet.write_text(f"hosts:\n  - name: Dev1\n    kind: ollama\n    address: {host.address}\n", encoding="utf-8")
    with run_product(fleet=str(fleet)) as running:
        yield running


@pytest.fixture(autouse=True)
def _quick_host(host: FakeModelHost) -> None:
    host.reply, host.token_seconds, host.first_token_seconds, host.fault = "All is well.", 0.0, 0.0, None


@pytest.fixture
def page(browser: Browser, product: RunningProduct) -> Iterator[Page]:
    context = open_context(browser, viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    opened = context.new_page()
    foreign: list[str] = []
    own = (product.url, product.url.replace("http", "ws"), "data:", "blob:")
    opened.on("request", lambda request: None if request.url.startswith(own) else foreign.append(request.url))
    sign_in(opened, product)
    yield opened
    context.close()
    assert foreign == []


def sign_in(page: Page, product: RunningProduct) -> None:
    page.goto(f"{product.url}/sign-in")
    page.get_by_label("Name").fill("admin")
    page.get_by_label("Password").fill(ADMIN_PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    wait_for_chat(page)


def ask(page: Page, text: str) -> None:
    page.locator("#chat-input").fill(text)
    expect(page.locator("#chat-submit")).to_be_enabled()
    page.locator("#chat-submit").click()


def test_the_main_job(page: Page, product: RunningProduct, host: FakeModelHost) -> None:
    """A person asks, a local model streams, a planted secret never reached it, and the audit log tells so."""
    host.reply, host.token_seconds = LONG_REPLY, 0.5
    before = host.tokens_sent
    ask(page, f"The token {SECRET} gives 401, tell {MAIL} why")
    expect(page.get_by_text("word0")).to_be_visible()
    assert host.tokens_sent - before < 120, "the first words are on the page while the model still writes"
    host.token_seconds = 0.0
    expect(page.get_by_role("button", name=re.compile(r"2 values held back · GitHub token, e-mail"))).to_be_visible()
    line = page.get_by_text(re.compile(r"Dev1 · llama3\.1:8b · .* · logged \w{7}"))
    expect(line).to_be_visible()
    told = str(host.prompts[-1])
    assert SECRET not in told
    assert MAIL not in told
    assert "[GITHUB_TOKEN_1]" in told
    reference = reference_in(line.inner_text())
    events = product.audit("--turn", reference)
    assert [event["type"] for event in events] == ["turn:accepted", "turn:guarded", "turn:routed", "turn:answered"]
    page.reload()
    expect(page.get_by_text("word119")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("2 values held back"))).to_be_visible()


def test_a_planted_secret_is_nowhere_at_rest(page: Page, product: RunningProduct, host: FakeModelHost) -> None:
    """Planted in a prompt, in a file that comes with it, and by the model in its answer."""
    host.reply = lambda messages: f"You said {messages[-1]['content']} and I say glpat-aB3dE5fG7hJ9kL1mN3pQ."
    notes: FilePayload = {"name": "notes.md", "mimeType": "text/markdown", "buffer": f"key = {IN_FILE}".encode()}
    page.locator("#upload-button-input").set_input_files(notes)
    expect(page.get_by_text("notes.md")).to_be_visible()
    ask(page, f"Keep {SECRET} for me, and write to {MAIL}")
    expect(page.get_by_text("Attached: notes.md")).to_be_visible()
    expect(page.get_by_text(re.compile("logged")).last).to_be_visible()
    planted = (SECRET, IN_FILE, "glpat-aB3dE5fG7hJ9kL1mN3pQ", MAIL)
    found = [
        (place, value)
        for place, content in product.everything_at_rest()
        for value in planted
        if value.encode() in content
    ]
    assert found == []


def test_what_somebody_calls_wrong_reaches_the_reviewer_without_its_value(
    page: Page, product: RunningProduct, browser: Browser
) -> None:
    ask(page, f"Is {MAIL} the right address?")
    page.get_by_role("button", name=re.compile("1 value held back · e-mail")).click()
    page.get_by_role("button", name="This is wrong").click()
    expect(page.get_by_text("Your reviewer sees the rule and the masked value")).to_be_visible()
    expect(page.get_by_text(re.compile("logged")).last).to_be_visible()
    said = product.command("users", "add", "lena", "--role", "reviewer")
    password = re.search(r"Password, shown this once: (\S+)", said)
    assert password, said
    context = open_context(browser)
    desk = context.new_page()
    desk.goto(f"{product.url}/sign-in?next=/review")
    desk.get_by_label("Name").fill("lena")
    desk.get_by_label("Password").fill(password[1])
    desk.get_by_role("button", name="Sign in").click()
    row = desk.get_by_role("row").filter(has_text="admin")
    expect(row).to_contain_text("personal/email")
    assert MAIL not in desk.content()
    row.get_by_role("button", name="The rule is wrong").click()
    expect(desk.get_by_text("Nothing waits")).to_be_visible()
    context.close()
    lines = [json.loads(line) for line in product.command("policy", "reports", "--json").splitlines()]
    (email,) = [line for line in lines if line["rule"] == "personal/email"]
    assert (email["reported"], email["confirmed_wrong"]) == (1, 1)
    assert email["false_positive_rate"] == 1 / email["findings"]
    told = product.audit("--type", "report:filed") + product.audit("--type", "report:decided")
    assert len(told) == 2
    assert MAIL not in json.dumps(told)


def test_history_is_searched_on_the_server(page: Page, host: FakeModelHost) -> None:
    host.reply = "The mangrove grows in salt water."
    ask(page, "Which tree grows in the sea?")
    expect(page.get_by_text("salt water")).to_be_visible()
    expect(page.get_by_text(re.compile("logged"))).to_be_visible()  # only now it is stored
    page.locator("#search-chats-button").click()
    page.get_by_placeholder("Words from a title or a message").fill("mangrove")
    expect(page.get_by_role("option").first).to_contain_text("Which tree")


def test_stop_closes_the_request_to_the_host(page: Page, product: RunningProduct, host: FakeModelHost) -> None:
    host.reply, host.token_seconds = LONG_REPLY, 0.5
    before = host.client_aborts
    ask(page, "Count to a hundred and twenty")
    expect(page.get_by_text("word1")).to_be_visible()
    page.locator("#stop-button").click()
    wait_for(lambda: host.client_aborts == before + 1, 60)
    wait_for(lambda: product.audit("--type", "turn:interrupted") != [], 60, product.tell)


@pytest.mark.parametrize("fault", ["500", "cut@3", "hang@2", "empty"])
def test_a_failing_host_gives_words_with_a_reference(page: Page, host: FakeModelHost, fault: str) -> None:
    host.reply, host.fault = LONG_REPLY, Fault.parse(fault)
    ask(page, f"What does {fault} do?")
    expect(page.get_by_text(re.compile(r"\(ref \w{7}\)")).last).to_be_visible()
    assert "Traceback" not in page.content()


@pytest.mark.parametrize("part", ["web", "worker", "redis", "postgres"])
def test_kill_9_while_an_answer_streams(page: Page, product: RunningProduct, host: FakeModelHost, part: str) -> None:
    """The system returns by itself; nothing that was acknowledged is lost; a cut answer is marked as such."""
    host.reply, host.token_seconds = LONG_REPLY, 0.1
    ask(page, f"Before the kill of {part}")
    # Three seconds: a checkpoint is kept every two, and what was shown before it must be there again.
    expect(page.get_by_text("word30")).to_be_visible()
    accepted = len(product.audit("--type", "turn:accepted"))
    product.kill(part)
    product.wait_until_ready()
    wait_for(lambda: len(product.pids(part)) > 0, 90, product.tell)
    ended = {"turn:answered", "turn:interrupted", "turn:failed"}

    def last_turn_ended() -> bool:
        events = product.audit()
        turns = {event["turn_id"] for event in events if event["type"] == "turn:accepted"}
        return turns == {event["turn_id"] for event in events if event["type"] in ended}

    wait_for(last_turn_ended, 180, product.tell)
    assert len(product.audit("--type", "turn:accepted")) >= accepted
    page.goto(product.url)
    sign_in_again_if_asked(page, product)
    page.get_by_role("link", name=re.compile(f"Before the kill of {part}")).first.click()
    expect(page.get_by_text("word5")).to_be_visible()
    body = page.inner_text("body")
    assert "word119" in body or "interrupted" in body.lower() or "restarted" in body.lower()
    host.token_seconds = 0.0
    host.reply = "Back again."
    ask(page, "Are you there?")
    expect(page.get_by_text("Back again.")).to_be_visible()


def sign_in_again_if_asked(page: Page, product: RunningProduct) -> None:
    if page.url.endswith("/sign-in"):
        sign_in(page, product)
    wait_for_chat(page)


@pytest.mark.parametrize("chars", [300_000, 10_000_000])
def test_an_oversize_message_is_refused_in_words(page: Page, product: RunningProduct, chars: int) -> None:
    # The page shows another field of this name until the conversation is there.
    page.locator("textarea#chat-input").evaluate(
        """(field, chars) => {
            Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, 'value').set.call(field, 'y'.repeat(chars));
            field.dispatchEvent(new Event('input', {bubbles: true}));
        }""",
        chars,
    )
    page.locator("#chat-submit").click()
    reason = page.locator("#cloister-reason")
    expect(reason).to_contain_text("at most 200,000")
    reference = reference_in(reason.inner_text())
    assert reference in (product.data / "logs" / "web.log").read_text(encoding="utf-8")


def test_people_are_added_by_command_and_see_what_their_role_allows(
    product: RunningProduct, browser: Browser, tmp_path: Path
) -> None:
    said = product.command("users", "add", "maria", "--role", "employee")
    password = re.search(r"Password, shown this once: (\S+)", said)
    assert password, said
    assert '"maria"' in product.command("users", "list", "--json")
    context = open_context(browser)
    page = context.new_page()
    page.goto(f"{product.url}/sign-in")
    page.get_by_label("Name").fill("maria")
    page.get_by_label("Password").fill(password[1])
    page.get_by_role("button", name="Sign in").click()
    wait_for_chat(page)
    assert "StarCoder" not in page.inner_text("body")
    context.close()
