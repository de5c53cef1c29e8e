"""The console over HTTP, on the page's own port: who may open what, what is noted, what is shown."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from assistant.audit.events import (
    HeadConfirmed,
    HeadContradicted,
    KeyRotated,
    PersonSignedOut,
    ReviewSearched,
    ReviewViewed,
    Tag,
)
from assistant.audit.parts import TurnPlace
from assistant.audit.reader_pool import TooBroadError
from assistant.audit.writing.content import Damaged, Erased
from assistant.conversation import Person, Role, short_reference
from assistant.web.console.my_log import _BY_OTHERS, _OWN, tell_own
from tests.fakes.console_parts import stored
from tests.fakes.console_scene import add_turn, week_counts
from tests.fakes.web_site import RunningSite
from tests.integration.web_scene import Newcomer, Somebody

pytestmark = pytest.mark.integration


def turn_of(web: RunningSite, person: UUID) -> TurnPlace:
    """Put a turn into the log in which a key was redacted."""
    return add_turn(web.fakes.console, person)


def views(somebody: Somebody) -> list[ReviewViewed]:
    events = somebody.web.fakes.audit.events
    return [event for event in events if isinstance(event, ReviewViewed) and event.actor == somebody.person.id]


async def test_the_queue_leads_to_the_turn_and_names_nobody(web: RunningSite, newcomer: Newcomer) -> None:
    maria, lena = await newcomer(), await newcomer(Role.REVIEWER)
    place = turn_of(web, maria.person.id)
    queue = (await lena.http.get("/console/queue")).text
    assert maria.name not in queue
    assert maria.person.id.hex[-8:] in queue
    assert "AKIA••••••••MPLE" in queue
    assert "Mini2" in queue
    assert f'href="/console/turn/{place.turn_id}"' in queue
    turn = (await lena.http.get(f"/console/turn/{place.turn_id}")).text
    assert turn == (await lena.http.get(f"/console/turn/{short_reference(place.turn_id)}")).text.replace("", "")
    assert "[AWS_ACCESS_KEY_1]" in turn
    assert "sealed in head 1,203" in turn
    assert "persona StarCoder, command Review" in turn
    assert "Mini2 llama3.1:70b: room 4 424 of 32 768, 0 waiting, warm, prompt 3,912 tokens" in turn
    assert "Mini2 llama3.1:70b: Mini2" not in turn
    assert maria.name not in turn


async def test_every_view_is_noted_before_it_is_sent(web: RunningSite, newcomer: Newcomer) -> None:
    maria, lena = await newcomer(), await newcomer(Role.REVIEWER)
    place = turn_of(web, maria.person.id)
    await lena.http.get("/console/queue?rule=secret/aws-access-key&age=7d")
    await lena.http.get(f"/console/turn/{place.turn_id}")
    queue, turn = views(lena)
    assert (queue.view, queue.filters, queue.subject) == ("queue", ("rule", "age"), None)
    assert (turn.view, turn.subject, turn.turn_id) == ("turn", maria.person.id, place.turn_id)
    web.fakes.audit.fails_at = "review:viewed"
    try:
        for path in ("/console/queue", f"/console/turn/{place.turn_id}", "/review", "/review/rules"):
            answer = await lena.http.get(path)
            assert answer.status_code == 503, path
            assert "AKIA" not in answer.text
    finally:
        web.fakes.audit.fails_at = None


@pytest.mark.parametrize("turn", ["7QK2M4X", str(UUID(int=1)), "x", "%00", "..%2f", "' OR 1=1", "٣٣٣٣٣٣٣"])
async def test_a_turn_that_is_not_there(newcomer: Newcomer, turn: str) -> None:
    lena = await newcomer(Role.REVIEWER)
    assert (await lena.http.get(f"/console/turn/{turn}")).status_code == 404
    assert [view for view in views(lena) if view.view == "turn"] == []


async def test_the_console_leads_everybody_to_a_page_of_theirs(newcomer: Newcomer) -> None:
    lena, maria = await newcomer(Role.REVIEWER), await newcomer()
    assert (await lena.http.get("/console")).headers["location"] == "/console/queue"
    assert (await maria.http.get("/console")).headers["location"] == "/my-log"


async def test_a_proof_that_does_not_fit_is_said_loudly(web: RunningSite, newcomer: Newcomer) -> None:
    lena = await newcomer(Role.REVIEWER)
    place = turn_of(web, uuid4())
    web.fakes.console.seals.is_proven = False
    try:
        turn = (await lena.http.get(f"/console/turn/{place.turn_id}")).text
    finally:
        web.fakes.console.seals.is_proven = True
    assert "The proof does not fit" in turn
    assert "✓" not in turn


async def test_my_log_shows_who_looked_and_nobody_elses_events(web: RunningSite, newcomer: Newcomer) -> None:
    maria, ben, lena = await newcomer(), await newcomer(), await newcomer(Role.REVIEWER)
    place, foreign = turn_of(web, maria.person.id), turn_of(web, ben.person.id)
    looked = ReviewViewed(actor=lena.person.id, subject=maria.person.id, turn_id=place.turn_id, view="turn")
    delayed = PersonSignedOut(actor=lena.person.id, subject=maria.person.id)
    web.fakes.console.lists.add(looked, delayed)
    whole = (await maria.http.get("/my-log")).text
    assert "The guard looked at it." in whole
    assert short_reference(place.turn_id) in whole
    assert short_reference(foreign.turn_id) not in whole
    others = (await maria.http.get(f"/my-log?show=others&person={ben.person.id}&subject={ben.person.id}")).text
    assert f"the person {lena.person.id.hex[-8:]}, looked at this turn of yours" in others
    assert "The guard looked at it." not in others
    assert lena.name not in others
    assert "Nobody looked" in (await ben.http.get("/my-log?show=others")).text


def test_my_log_says_nothing_of_types_that_nobody_thought_about() -> None:
    """A notice that has to wait is not given away by a type that was added without a line in the table."""
    person = Person(uuid4(), "maria", frozenset({Role.EMPLOYEE}))
    told = {tag for tag in Tag if tag.startswith(("unmask:", "case:")) and tag in (_BY_OTHERS.keys() | _OWN.keys())}
    assert told == set()
    event = stored(KeyRotated(old_key="a", new_key="b", signature="c"))
    assert tell_own(event, person) is None


async def test_a_search_is_noted_before_it_is_carried_out(web: RunningSite, newcomer: Newcomer) -> None:
    maria, lena = await newcomer(), await newcomer(Role.REVIEWER)
    web.fakes.console.people.ids.add(maria.person.id)
    place = turn_of(web, maria.person.id)
    digits = maria.person.id.hex[-8:]
    found = (await lena.http.get(f"/console/search?person={digits}&severity=redact")).text
    assert short_reference(place.turn_id) in found
    (noted,) = [event for event in web.fakes.audit.events if isinstance(event, ReviewSearched)][-1:]
    assert (noted.actor, noted.subject, noted.filters) == (lena.person.id, maria.person.id, ("person", "severity"))
    web.fakes.audit.fails_at = "review:searched"
    try:
        answer = await lena.http.get(f"/console/search?person={digits}")
        assert answer.status_code == 503
        assert short_reference(place.turn_id) not in answer.text
    finally:
        web.fakes.audit.fails_at = None


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("", "once a filter is set"),
        ("person=maria", "Nothing has this reference or pseudonym"),
        ("person=ffffffff", "Nothing has this reference or pseudonym"),
        ("rule=none/such", "No event fits"),
        ("type=nonsense&from=yesterday&severity=99", "once a filter is set"),
        ("turn=7QK2M4X", "Nothing has this reference or pseudonym"),
        ("rule=x&before=x", "This page of the list is not there"),
        ("rule=%3Cscript%3E", "&lt;script&gt;"),
    ],
)
async def test_a_search_that_finds_nothing_says_why(newcomer: Newcomer, query: str, said: str) -> None:
    lena = await newcomer(Role.REVIEWER)
    answer = await lena.http.get(f"/console/search?{query}")
    assert answer.status_code == 200
    assert said in answer.text


async def test_a_search_that_no_index_serves_says_so(web: RunningSite, newcomer: Newcomer) -> None:
    lena = await newcomer(Role.REVIEWER)
    web.fakes.console.lists.trouble = TooBroadError("No answer within a second: take a filter out.")
    try:
        answer = await lena.http.get("/console/search?rule=x&model=y")
    finally:
        web.fakes.console.lists.trouble = None
    assert "take a filter out" in answer.text


async def test_a_reference_leads_to_its_turn(web: RunningSite, newcomer: Newcomer) -> None:
    lena = await newcomer(Role.REVIEWER)
    place = turn_of(web, uuid4())
    answer = await lena.http.get(f"/console/search?turn={short_reference(place.turn_id)}")
    assert answer.headers["location"] == f"/console/turn/{place.turn_id}"


async def test_the_integrity_page_says_what_is_missing(newcomer: Newcomer) -> None:
    lena, anna = await newcomer(Role.REVIEWER), await newcomer(Role.ADMINISTRATOR)
    for somebody in (lena, anna):
        page = (await somebody.http.get("/console/integrity")).text
        assert "0 of 2 independent anchors are fresh" in page
        assert "The whole log was never checked" in page


async def test_a_browser_gets_the_proof_and_gives_its_word(web: RunningSite, newcomer: Newcomer) -> None:
    lena = await newcomer(Role.REVIEWER)
    told = (await lena.http.get("/console/integrity/head?from=100")).json()
    assert told["proof"]
    assert told["note"].startswith("cloister/fake\n300\n")
    word = {"size": 300, "seen": 100, "does_continue": True}
    assert (await lena.http.post("/console/integrity/confirm", json=word)).json() == {"noted": True}
    (noted,) = [event for event in web.fakes.audit.events if isinstance(event, HeadConfirmed)]
    assert (noted.actor, noted.size) == (lena.person.id, 300)
    for impossible in ({"size": 301}, {"size": 2**53}, {"seen": 301}):
        assert (await lena.http.post("/console/integrity/confirm", json=word | impossible)).status_code == 400
    await lena.http.post("/console/integrity/confirm", json=word | {"does_continue": False})
    assert web.fakes.audit.events[-1] == HeadContradicted(actor=lena.person.id, size=300, seen=100)
    kept = word | {"does_continue": False, "seen": 300, "kept": told["note"]}
    await lena.http.post("/console/integrity/confirm", json=kept)
    noted = web.fakes.audit.events[-1]
    assert isinstance(noted, HeadContradicted)
    assert noted.root is not None
    assert f"\n{noted.root}\n" in told["note"]
    assert noted.signature is not None
    assert noted.signature in told["note"]
    assert (await lena.http.post("/console/integrity/confirm", json=kept | {"seen": 100})).status_code == 400
    for note in ("x" * 4096, "cloister/fake\n300\nx\n\n"):
        await lena.http.post("/console/integrity/confirm", json=kept | {"kept": note})
        assert web.fakes.audit.events[-1] == HeadContradicted(actor=lena.person.id, size=300, seen=300)


@pytest.mark.parametrize("earlier", ["301", "-1", "x", "1e9", "9" * 30, "\u0661"])
async def test_a_size_that_the_log_never_had_is_refused(newcomer: Newcomer, earlier: str) -> None:
    lena = await newcomer(Role.REVIEWER)
    assert (await lena.http.get(f"/console/integrity/head?from={earlier}")).status_code == 400


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"size": "x"}', b"\xff", b"[" * 100_000])
async def test_a_word_that_cannot_be_read_is_not_noted(web: RunningSite, newcomer: Newcomer, body: bytes) -> None:
    lena = await newcomer(Role.REVIEWER)
    before = len(web.fakes.audit.events)
    assert (await lena.http.post("/console/integrity/confirm", content=body)).status_code == 400
    assert len(web.fakes.audit.events) == before


async def test_a_turn_shows_its_guarded_text_and_what_became_of_it(web: RunningSite, newcomer: Newcomer) -> None:
    lena = await newcomer(Role.REVIEWER)
    place = turn_of(web, uuid4())
    path = f"/console/turn/{place.turn_id}"
    assert "Why does it say AccessDenied?" in (await lena.http.get(path)).text
    texts = web.fakes.console.texts
    (prompt, answer) = [event.content_id for event in await web.fakes.console.lists.turn(place.turn_id)][1::2]
    assert prompt
    assert answer
    texts.kept[prompt], texts.kept[answer] = Erased(), Damaged()
    page = (await lena.http.get(path)).text
    assert "AccessDenied" not in page
    assert "A text of this turn was erased" in page
    assert "was changed at the database" in page


async def test_words_are_looked_for_and_only_their_mark_is_noted(web: RunningSite, newcomer: Newcomer) -> None:
    lena = await newcomer(Role.REVIEWER)
    place = turn_of(web, uuid4())
    found = (await lena.http.get("/console/search?words=nightly upload")).text
    assert short_reference(place.turn_id) in found
    assert "No event fits" in (await lena.http.get("/console/search?words=unheard")).text
    noted = [event for event in web.fakes.audit.events if isinstance(event, ReviewSearched)][-1]
    assert noted.filters == ("words",)
    assert noted.text_mark is not None
    assert "unheard" not in repr(web.fakes.audit.events)


async def test_charts_ask_a_question_and_have_their_figures_in_a_table(web: RunningSite, newcomer: Newcomer) -> None:
    lena = await newcomer(Role.REVIEWER)
    empty = (await lena.http.get("/console/charts")).text
    assert "No finding was counted" in empty
    web.fakes.console.tallies.counts = week_counts()
    page = (await lena.http.get("/console/charts")).text
    assert "What does the guard hold back or warn of, week by week?" in page
    assert page.count("<svg") == page.count('role="img"') == 2
    assert "4,120" in page
    assert "style=" not in page  # the policy lets none pass


async def test_an_administrator_sees_the_fleet_and_orders_by_a_form(web: RunningSite, newcomer: Newcomer) -> None:
    admin = await newcomer(Role.ADMINISTRATOR)
    fleet = web.fakes.console.fleet
    fleet.clear()
    empty = (await admin.http.get("/console/fleet")).text
    assert "No host was seen so far" in empty
    fleet.fill()
    page = (await admin.http.get("/console/fleet?span=nonsense")).text
    for words in ("RTX 4090", "11.0 GiB", "is drained for maintenance", "nobody listens there", "placed no instance"):
        assert words in page
    assert [view.view for view in views(admin)] == ["fleet", "fleet"]
    answer = await admin.http.post("/console/fleet", data={"act": "load", "host": "Mini2", "model": "llama3.1:70b"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/fleet#orders")
    order = fleet.orders[0]
    assert (order.act, order.host, order.model, order.requested_by) == (
        "load",
        "Mini2",
        "llama3.1:70b",
        admin.person.id,
    )
    strange = await admin.http.post("/console/fleet", data={"act": "explode", "host": "Mini2"})
    assert (strange.status_code, len(fleet.orders)) == (400, 4)
    foreign = await admin.http.post(
        "/console/fleet", data={"act": "drain", "host": "Dev1"}, headers={"origin": "https://evil.example"}
    )
    assert (foreign.status_code, len(fleet.orders)) == (403, 4)


async def test_the_page_of_the_fleet_has_figures_of_now_and_charts_of_what_was(
    web: RunningSite, newcomer: Newcomer
) -> None:
    admin = await newcomer(Role.ADMINISTRATOR)
    fleet = web.fakes.console.fleet
    fleet.clear()
    fleet.fill()
    dev1 = fleet.hosts[0]
    fleet.hosts[0] = replace(dev1, sample=replace(dev1.sample, running=1, waiting=7, cache_share=0.31))
    page = (await admin.http.get("/console/fleet")).text
    row = page[page.index('<th scope="row">Dev1<br>') :].partition("</tr>")[0]
    for name, words in (
        ("In flight", "2 of 2"),
        ("Its queue", "1 run, 7 wait"),
        ("Tokens/s", "81.2"),
        ("Memory", "11.0 GiB of 22.8"),
        ("Power", "about 450 W"),
    ):
        assert f'data-name="{name}">{words}<' in row, name
    assert "cache 31 % full" in row
    assert 'data-name="Last trouble">said nothing for 30 s in the middle of its answer, <time' in page
    began = [f"{at:%H:%M}" if at.hour else f"{at.day} {at:%b}" for at in sorted(fleet.history["Dev1"])]
    charts = dict(zip(("busy", "speed", "up"), page.split('<svg class="chart"')[1:], strict=True))
    for chart, words in (
        ("busy", f'height="24.0"><title>Dev1, {began[14]}: 6.0<'),  # the highest of all, whole bars high
        ("busy", f'height="12.0"><title>Mini2, {began[14]}: 3.0<'),
        ("speed", f'height="24.0"><title>Dev1, {began[5]}: 81.2<'),
        ("up", f'height="24.0"><title>Mini3-5, {began[19]}: 100 %<'),
        ("up", f'height="9.6"><title>Mini3-5, {began[20]}: 40 %<'),
    ):
        assert words in charts[chart], words
        assert f">{words.rpartition(': ')[2]}/td>" in charts[chart]  # the same in the table below


async def test_the_planner_shows_its_sums_and_refuses_what_is_no_figure(web: RunningSite, newcomer: Newcomer) -> None:
    admin = await newcomer(Role.ADMINISTRATOR)
    web.fakes.console.fleet.fill()
    asked = "/console/fleet/plan?model=llama-3.1-405b&quantisation=MLX-4bit&hardware=m4-pro"
    page = (await admin.http.get(asked)).text
    assert "Where would llama-3.1-405b fit?" in page
    assert "8 x Apple M4 Pro" in page or "5 x Apple M4 Pro" in page
    assert "unevenly shared: one of" in page
    assert "does not hold" in page
    assert "$75,960" in page
    own = (await admin.http.get("/console/fleet/plan")).text
    assert "Does each model fit where it is?" in own
    assert "would with" in own
    for wrong, words in (
        ("speed=nan", "Tokens/s for each: give a number from 0.1 to 1000."),
        ("devices=1.5", "Cards or Macs: give a whole number from 0 to 64."),
        ("context=1e99", "Window, tokens: give a whole number"),
        ("model=<script>", "The planner knows no model of this name."),
        ("model=llama-3.1-8b&context=999999", "is more than llama-3.1-8b was made for"),
    ):
        answer = await admin.http.get(f"/console/fleet/plan?{wrong}")
        assert (answer.status_code, words in answer.text) == (200, True), wrong
        assert "<script>" not in answer.text.replace('<script src="/static', "")
