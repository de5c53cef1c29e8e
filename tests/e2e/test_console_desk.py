"""The desk in Chromium on real tables: from the queue to the second reviewer by keyboard, no barrier on any page.

`SHOTS=docs/images` writes the picture of docs/console.md anew.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from assistant.access import Access
from assistant.audit.reading.sample import Population
from assistant.bootstrap.console import open_backend
from assistant.compliance.standing import Disposition, Move, Step
from assistant.compliance.unmask import Asked
from assistant.embedded.postgres import EmbeddedPostgres
from assistant.keys import Keys
from assistant.migrations import migrate
from assistant.settings import Settings
from assistant.web.console.app import ConsoleApplication
from assistant.web.console.wiring import parts_of
from assistant.web.doors import PartState
from tests.e2e.conftest import open_context, shoot_in_both
from tests.fakes.turn_parts import make_guard
from tests.integration.conftest import Database
from tests.integration.desk_scene import EMAIL, REASON, TOKEN, DeskScene, a_week_ago, open_desk

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1_200)]

KEYS = Keys(bytes(range(32)))
PASSWORD = "correct horse battery"


@dataclass(frozen=True, slots=True)
class Place:
    """Where the console is, and what lies on its desk."""

    url: str
    case: UUID
    long_case: UUID
    turn: UUID
    grant: UUID
    sample: UUID


async def decide_last_week(desk: DeskScene) -> None:
    """Let Rita have decided a dozen hits alone, of which some are to be read again."""
    turns = [await desk.ask(f"push with {TOKEN}", person=desk.otto) for _ in range(14)]
    await desk.seal_and_follow()
    for number, turn in enumerate(turns):
        what = Disposition.BENIGN if number % 3 else Disposition.FALSE_POSITIVE
        await desk.hits.take_step_in_turn(desk.rita, turn.id, Move(Step.DECIDE, what, note="A test account."))
    await desk.seal()


async def read_again(desk: DeskScene) -> None:
    """Let Rolf have read all but two of them, and have differed once."""
    for number, look in enumerate((await desk.desk.looks.page(desk.rolf)).mine[2:]):
        first = desk.scene.sql("SELECT first_disposition FROM second_look WHERE decision_id = %s", look.decision_id)
        what = Disposition(str(first[0][0])) if number else Disposition.COACHING
        await desk.desk.looks.judge(desk.rolf, look.decision_id, what)


async def furnish(desk: DeskScene, url: str) -> Place:
    """Let a morning at the desk have happened."""
    turn = await desk.ask(f"Dear {EMAIL}, the token is {TOKEN}, please deploy")
    other = await desk.ask(f"write to {EMAIL} that it is done", person=desk.otto)
    await desk.ask("-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n")
    for _ in range(3):
        await desk.ask(f"curl -H 'Authorization: {TOKEN}'", person=desk.otto)
    await desk.seal_and_follow()
    case = await desk.cases.open(
        desk.rita, "Customer's address and a token in one prompt", [turn.id], "Found in the queue this morning."
    )
    await desk.cases.add_turns(desk.rita, case, [other.id])
    for move in (
        Move(Step.ASSIGN),
        Move(Step.ASK, note="Asked the platform team whether the token was in use."),
        Move(Step.NOTE, note="It was revoked at 11:20. The customer had asked for the message."),
        Move(Step.DECIDE, Disposition.VIOLATION, note="A live token was pasted; the rule on credentials says never."),
    ):
        await desk.cases.take_step(desk.rita, case, move)
    asked = Asked(case, [turn.id, other.id], REASON, 30, shows_names=True, shows_values=True)
    grant = await desk.unmasking.request(desk.rita, asked)
    await decide_last_week(desk)
    week = await a_week_ago(desk)
    await desk.desk.drawing.draw_due(datetime.now(UTC))
    await read_again(desk)
    long_case = await desk.cases.open(desk.rita, "AVeryLongWord" * 14, [turn.id])
    return Place(
        url, case, long_case, turn.id, grant, await desk.desk.samples.draw(desk.rita, week, Population.TURNS, 5)
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A console on a thread of its own: Playwright has the loop of this one."""
    folder = tmp_path_factory.mktemp("desk")
    key = folder / "master.key"
    key.write_bytes(bytes(range(32)))
    key.chmod(0o600)
    listener = socket.create_server(("127.0.0.1", 0))
    port: int = listener.getsockname()[1]
    ready, stop = threading.Event(), threading.Event()
    found: list[Place] = []

    async def check_parts() -> Mapping[str, PartState]:
        return {}

    async def serve(server: EmbeddedPostgres) -> None:
        database = Database(server.owner_url, KEYS)
        settings = Settings(
            data_dir=folder,
            port=port,
            master_key_file=key,
            database_url=database.app_url,
            audit_database_url=database.audit_writer_url,
        )
        guard = make_guard()
        review: Any = None  # reports are not what is looked at here
        async with (
            open_desk(database, guard, folder, second_look_percent=100) as desk,
            open_backend(
                settings,
                desk.scene.engine,
                audit=desk.audit,
                review=review,
                desk=desk.desk,
                labels=lambda: guard.policy.labels,
            ) as backend,
        ):
            app = ConsoleApplication(
                settings, Access(desk.identity, desk.audit, desk.marker), parts_of(backend), check_parts
            )
            web = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
            serving = asyncio.create_task(web.serve(sockets=[listener]))
            found.append(await furnish(desk, f"http://127.0.0.1:{port}"))
            ready.set()
            await asyncio.to_thread(stop.wait)
            web.should_exit = True
            await serving

    with EmbeddedPostgres(folder / "p") as server:
        migrate(server.owner_url, KEYS)
        thread = threading.Thread(target=lambda: asyncio.run(serve(server)), name="desk", daemon=True)
        thread.start()
        assert ready.wait(600)
        yield found[0]
        stop.set()
        thread.join(timeout=60)
        listener.close()


@pytest.fixture
def signed_in(place: Place, browser: Browser) -> Iterator[Callable[..., Page]]:
    """Sign somebody in, in a browser of their own."""
    contexts = []

    def sign_in(name: str, *, width: int = 1280, scheme: str = "light") -> Page:
        context = open_context(
            browser,
            viewport={"width": width, "height": 800},
            color_scheme="dark" if scheme == "dark" else "light",
            reduced_motion="reduce",
        )
        contexts.append(context)
        page = context.new_page()
        page.goto(f"{place.url}/sign-in")
        page.get_by_label("Name").fill(name)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{place.url}/console/**")
        return page

    yield sign_in
    for context in contexts:
        context.close()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 360), ("dark", 360)])
def test_no_page_of_the_desk_has_a_barrier(
    place: Place, signed_in: Callable[..., Page], scheme: str, width: int
) -> None:
    rolf = signed_in("rolf", width=width, scheme=scheme)
    for path in (
        "/console/hits",
        "/console/hits?show=second",
        "/console/second-looks",
        "/console/charts",
        "/console/cases",
        f"/console/case/{place.case}",
        f"/console/case/{place.long_case}",
        f"/console/turn/{place.turn}",
        "/console/samples",
        f"/console/sample/{place.sample}",
        "/console/unmask",
        f"/console/unmask/{place.grant}",
        "/console/exports",
        "/console/erasure",
    ):
        rolf.goto(f"{place.url}{path}")
        expect(rolf.locator("#main h1")).to_be_visible()
        folded = rolf.locator("details:not([open]) > summary")
        while folded.count():
            folded.first.click()
        found = Axe().run(rolf).response["violations"]
        assert [f"{each['id']}: {[node['target'] for node in each['nodes']]}" for each in found] == [], path
        assert rolf.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{path} is too wide"
        if path == f"/console/case/{place.case}" and (scheme, width) == ("light", 1280):
            rolf.goto(f"{place.url}{path}")
            shoot_in_both(rolf, "console-case", full_page=True)


def test_two_reviewers_decide_by_keyboard_and_an_approver_lets_one_look(
    place: Place, signed_in: Callable[..., Page]
) -> None:
    rita, rolf, alma = signed_in("rita"), signed_in("rolf"), signed_in("alma")
    rolf.goto(f"{place.url}/console/case/{place.case}")
    alma.goto(f"{place.url}/console/unmask/{place.grant}")
    alma.get_by_role("button", name="Allow it").click()
    expect(alma.get_by_text("open until")).to_be_visible()
    rita.goto(f"{place.url}/console/unmask/{place.grant}")
    rita.get_by_role("button", name="Look").focus()
    rita.keyboard.press("Enter")
    expect(rita.get_by_text(EMAIL).first).to_be_visible()
    expect(rita.locator(".watermark span").first).to_contain_text("rita · 20")
    assert TOKEN not in rita.content()
    rolf.get_by_role("button", name="Agree").focus()
    rolf.keyboard.press("Enter")
    expect(rolf.locator(".figure")).to_contain_text("decided: violation")
    rolf.goto(f"{place.url}/console/hits")
    rolf.get_by_role("checkbox").first.focus()
    rolf.keyboard.press("Space")
    rolf.get_by_label("What it is").select_option("benign")
    count = rolf.get_by_role("checkbox").count()
    rolf.get_by_role("button", name="Decide").press("Enter")
    expect(rolf.get_by_role("checkbox")).to_have_count(count - 1)
