"""The pages of the desk over HTTP, on real tables: forms without a script, from the queue to the second reviewer."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from uuid import uuid4

import pytest

from assistant.audit.events import ReviewViewed
from assistant.audit.exports.export import Exported, ExportRequest, OnProgress, create_export
from assistant.audit.seals.seal_key import read_public_key
from assistant.compliance.standing import Disposition, Move, Step
from assistant.compliance.unmask import Asked
from assistant.conversation import short_reference
from policies.guard import Guard
from tests.fakes.turn_parts import make_guard
from tests.integration.conftest import Database
from tests.integration.console_scene import PASSWORD, Console, location, open_console
from tests.integration.desk_scene import EMAIL, REASON, TOKEN, a_week_ago

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def guard() -> Guard:
    return make_guard()


@pytest.fixture
async def console(database: Database, guard: Guard, tmp_path: Path) -> AsyncIterator[Console]:
    async with open_console(database, guard, tmp_path) as console:
        yield console


async def test_from_the_queue_to_the_second_reviewer_without_a_script(console: Console) -> None:
    turn = await console.scene.ask(f"the token is {TOKEN}")
    await console.scene.seal_and_follow()
    page = await console.get("rita", "/console/hits")
    assert console.scene.maria.name not in page
    assert short_reference(turn.id) in page
    (hit,) = re.findall(r'name="hit" value="([0-9a-f-]+)"', page)
    await console.post("rita", "/console/hits", hit=hit, step="assign", back="/console/hits?show=mine")
    assert "with rita" in await console.get("rita", "/console/hits?show=mine")
    await console.post("rita", f"/console/turn/{turn.id}/step", step="decide", disposition="violation", note="a key")
    assert "awaits a second reviewer" in await console.get("rolf", f"/console/turn/{turn.id}")
    waiting = await console.get("rolf", "/console/hits?show=second")
    assert short_reference(turn.id) in waiting
    assert "violation" not in waiting  # who may have to read it a second time sees this list, too
    assert 'name="hit"' not in waiting  # nobody agrees without having read the turn
    await console.post("rita", "/console/hits", status=403, hit=hit, step="confirm")
    await console.post("rolf", "/console/hits", hit=hit, step="confirm")
    assert "Nothing waits for a decision" in await console.get("rita", "/console/hits")
    assert "decided</span>: violation" in await console.get("rita", f"/console/turn/{turn.id}")


async def test_several_hits_are_decided_with_one_form(console: Console) -> None:
    for _ in range(12):
        await console.scene.ask(f"the token is {TOKEN}")
    await console.scene.seal_and_follow()
    hits = re.findall(r'name="hit" value="([0-9a-f-]+)"', await console.get("rita", "/console/hits"))
    assert len(hits) == 12
    await console.post("rita", "/console/hits", hit=hits[:11], step="decide", disposition="benign")
    assert (await console.get("rita", "/console/hits")).count('name="hit"') == 1
    await console.post("rita", "/console/hits", status=400, step="decide", disposition="benign")
    await console.post("rita", "/console/hits", status=400, hit="x", step="decide", disposition="benign")
    await console.post("rita", "/console/hits", status=400, hit=hits[11], step="nothing")


async def test_a_case_has_its_turns_its_history_and_its_forms(console: Console) -> None:
    turn, other = await console.scene.ask("hello"), await console.scene.ask("hello", person=console.scene.otto)
    opened = await console.post("rita", "/console/cases", turn=short_reference(turn.id), title="<b>Addresses</b>")
    case = location(opened)
    page = await console.get("rita", case)
    assert "&lt;b&gt;Addresses&lt;/b&gt;" in page
    assert "<b>Addresses" not in page
    assert console.scene.maria.name not in page
    await console.post("rita", f"{case}/turns", turn=str(other.id))
    await console.post("rita", f"{case}/step", step="note", note=f"it was {EMAIL}")
    await console.post("rita", f"{case}/step", step="assign", assignee=str(console.scene.rolf.id))
    await console.post("rolf", f"{case}/step", step="decide", disposition="incident", note="passed on")
    page = await console.get("rita", case)
    assert "Agree as the second reviewer" in page
    assert "Your decision waits" in await console.get("rolf", case)
    assert EMAIL not in page
    assert short_reference(other.id) in page
    assert "Decide</button>" not in page
    assert 'value="confirm"' not in await console.get("rolf", case)
    await console.post("rita", f"{case}/step", step="confirm")
    await console.post("rita", f"{case}/step", step="close", note="done")
    assert "Addresses" in await console.get("alma", "/console/cases?show=decided")
    assert "No case is open" in await console.get("alma", "/console/cases")
    for fields in ({"turn": ""}, {"turn": "0000000"}, {"turn": "x" * 36}):
        await console.post("rita", "/console/cases", status=400, title="x", **fields)


async def test_a_case_about_oneself_is_not_there(console: Console) -> None:
    own = await console.scene.ask("hello", person=console.scene.rita)
    case = location(await console.post("rolf", "/console/cases", turn=str(own.id), title="About Rita"))
    await console.get("rita", case, status=404)
    await console.post("rita", f"{case}/step", status=404, step="note", note="x")
    await console.post("rita", "/console/cases", status=404, turn=str(own.id), title="x")
    assert "About Rita" not in await console.get("rita", "/console/cases")
    page = await console.get("rita", f"/console/turn/{own.id}")
    assert "Open a case" not in page


async def test_an_approver_is_offered_nothing_that_they_may_not_do(console: Console) -> None:
    await console.scene.ask(f"the token is {TOKEN}")
    await console.scene.seal_and_follow()
    assert '<a href="/console/hits"' in await console.get("alma", "/console/unmask")
    page = await console.get("alma", "/console/hits")
    assert "secret/github-token" in page
    for refused in ('name="step"', 'type="checkbox"', 'href="/console/queue"'):
        assert refused not in page
        assert refused in await console.get("rita", "/console/hits")


async def test_a_refusal_leads_back_to_the_console(console: Console) -> None:
    assert '<a class="primary" href="/console">' in await console.get("alma", "/console/queue", 403)
    browser = await console.browser("rita")
    browser.cookies.clear()  # the session is over while a form is filled in
    answer = await browser.post("/console/cases", data={"title": "x"}, headers={"accept": "text/html"})
    assert answer.status_code == 401
    assert '<a class="primary" href="/sign-in">' in answer.text


async def test_who_looked_last_is_told_however_often_others_did(console: Console) -> None:
    scene = console.scene
    turn = await scene.ask("hello")
    look = ReviewViewed(actor=scene.rolf.id, subject=scene.maria.id, turn_id=turn.id, view="turn")
    for _ in range(250):
        await scene.audit.append(look)
    await console.get("rita", f"/console/turn/{turn.id}")
    page = await console.get("alma", f"/console/turn/{short_reference(turn.id)}")
    assert scene.rita.id.hex[-8:] in page
    assert "<strong>answered</strong>" in page


async def test_the_search_gives_away_no_case_about_oneself(console: Console) -> None:
    scene = console.scene
    turn = await scene.ask(f"the token is {TOKEN}", person=scene.rolf)
    await scene.seal_and_follow()
    case = await scene.case_on(turn, await scene.ask("hello"))
    await scene.unmasking.request(scene.rita, Asked(case, [turn.id], REASON, 10, shows_names=True))
    await console.post("rita", f"/console/turn/{turn.id}/step", step="decide", disposition="violation", note="a key")
    for kind, told in (
        ("case:opened", case),
        ("unmask:requested", case),
        ("hit:decided", f"proposed by {scene.rita.id}"),
    ):
        assert str(told) in await console.get("rita", f"/console/search?type={kind}")
        assert str(told) not in await console.get("rolf", f"/console/search?type={kind}")


async def test_unmasking_takes_two_and_every_look_is_marked_and_noted(console: Console) -> None:
    turn = await console.scene.ask(f"write to {EMAIL} with {TOKEN}")
    case = location(await console.post("rita", "/console/cases", turn=str(turn.id), title="Addresses"))
    asked = {"turn": str(turn.id), "what": ["names", "values"], "reason": REASON, "minutes": "30", "how": "request"}
    request = location(await console.post("rita", f"{case}/unmask", **asked))
    assert "waits for an approver" in await console.get("rita", request)
    assert "Allow it" not in await console.get("rita", request)
    await console.post("rita", f"{request}/view", status=403)
    await console.post("rita", f"{request}/answer", status=403, answer="approve")
    assert REASON in await console.get("alma", "/console/unmask")
    assert "Allow it" in await console.get("alma", request)
    await console.post("alma", f"{request}/answer", answer="approve", note="needed")
    await console.post("arno", f"{request}/answer", status=400, answer="deny")
    assert ">Look</button>" in await console.get("rita", request)
    answer = await console.post("rita", f"{request}/view", status=200)
    assert EMAIL in answer.text
    assert TOKEN not in answer.text
    assert "maria" in answer.text
    assert len(re.findall(r"<span>rita · 20\d\d-", answer.text)) >= 20
    assert answer.headers["cache-control"] == "no-store"
    await console.post("rolf", f"{request}/view", status=404)
    await console.post("alma", f"{request}/view", status=403)
    await console.get("rita", f"{request}/view", status=405)
    assert len(await console.scene.events("unmask:viewed")) == 1
    assert EMAIL not in await console.scene.everything_at_rest()
    await console.post("alma", f"{request}/delay", subject=str(console.scene.maria.id), reason=REASON)
    assert "once, by alma" in await console.get("rita", request)
    for wrong in ({"minutes": "x"}, {"minutes": "61"}, {"what": "nothing"}, {"turn": str(uuid4())}, {"reason": "no"}):
        await console.post("rita", f"{case}/unmask", status=400, **{**asked, **wrong})


async def test_no_page_offers_what_would_be_refused(console: Console) -> None:
    scene = console.scene
    turn = await scene.ask("hello")
    case = await scene.case_on(turn)
    grant = await scene.unmasking.request(scene.rita, Asked(case, [turn.id], REASON, 30, shows_names=True))
    await scene.unmasking.approve(scene.alma, grant)
    request = f"/console/unmask/{grant}"
    assert "Look</button>" in await console.get("rita", request)
    assert "Put off once" in await console.get("alma", request)
    scene.scene.sql("UPDATE unmask_notice SET due_at = now()")
    assert "Put off once" not in await console.get("alma", request)
    scene.scene.sql(
        "INSERT INTO case_turn SELECT case_id, gen_random_uuid(), thread_id, subject, added_by FROM case_turn,"
        " generate_series(1, 60)"
    )
    page = await console.get("rita", f"/console/case/{case}")
    assert page.count('<input type="checkbox" name="turn"') == 61  # every one, and not the first fifty
    assert "50 of the 61 at most" in page
    await scene.cases.take_step(scene.rita, case, Move(Step.DECIDE, Disposition.BENIGN, note="a test"))
    page = await console.get("rita", request)
    assert "Look</button>" not in page
    assert "nothing is shown any more" in page


async def test_a_case_is_exported_from_its_page(console: Console) -> None:
    scene = console.scene
    turn = await scene.ask("hello")
    case = await scene.case_on(turn)
    grant = await scene.unmasking.request(scene.rita, Asked(case, [turn.id], REASON, 30, shows_names=True))
    path = f"/console/case/{case}"
    assert "with 1 name" not in await console.get("rita", path)
    await scene.unmasking.approve(scene.alma, grant)
    assert f'<option value="{grant}">with 1 name' in await console.get("rita", path)
    assert "with 1 name" not in await console.get("rolf", path)
    await console.post("rita", f"{path}/export", status=400, reason="short")
    await console.post("rita", f"{path}/export", status=400, reason=REASON, unmask="x")
    await console.post("rolf", f"{path}/export", status=404, reason=REASON, unmask=str(grant))
    await console.post("rita", f"{path}/export", reason=REASON, unmask=str(grant))
    assert f'<a href="{path}">a case</a> of 1 turn' in await console.get("rita", "/console/exports")
    assert "asked for an export" in await console.get("alma", path)


async def test_an_emergency_stands_on_every_page_until_an_approver_looked(console: Console) -> None:
    turn = await console.scene.ask(f"write to {EMAIL}")
    case = location(await console.post("rita", "/console/cases", turn=str(turn.id), title="Addresses"))
    asked = {"turn": str(turn.id), "what": "values", "reason": REASON, "minutes": "30", "how": "emergency"}
    request = location(await console.post("rita", f"{case}/unmask", **asked))
    assert EMAIL in (await console.post("rita", f"{request}/view", status=200)).text
    for name, page in (("rolf", "/console/queue"), ("alma", "/console/cases"), ("rita", "/my-log")):
        assert "1 emergency" in await console.get(name, page)
    assert "emergency" not in await console.get("maria", "/my-log")
    await console.post("rita", f"{request}/review", status=403, verdict="justified", note=REASON)
    await console.post("alma", f"{request}/review", verdict="unjustified", note=REASON)
    assert "1 emergency" not in await console.get("rolf", "/console/queue")
    assert "not justified" in await console.get("rolf", request)


async def test_a_sample_is_drawn_and_judged(console: Console) -> None:
    scene = console.scene
    for _ in range(3):
        await scene.ask("hello")
    await scene.seal()
    week = await a_week_ago(scene)
    drawn = location(await console.post("rita", "/console/samples", week=week, population="turns", size="2"))
    page = await console.get("rita", drawn)
    assert page.count('id="place-') == 2
    await console.post("rita", drawn, place="0", disposition="benign")
    assert "by rita" in await console.get("alma", drawn)
    assert week in await console.get("alma", "/console/samples")
    for fields in ({"place": "0"}, {"place": "x"}, {"place": "1", "disposition": "incident"}, {"place": "9" * 9}):
        await console.post("rita", drawn, status=400, **{"disposition": "benign", **fields})
    for fields in ({"week": "now"}, {"population": "all"}, {"size": "0"}, {"size": "-1"}, {"size": "1e9"}):
        sent = {"week": week, "population": "turns", "size": "2", **fields}
        await console.post("rita", "/console/samples", status=400, **sent)


async def test_the_employee_reads_in_their_own_log_who_looked_and_why(console: Console) -> None:
    scene = console.scene
    turn = await scene.ask(f"write to {EMAIL}")
    asked = Asked(await scene.case_on(turn), [turn.id], REASON, 30, shows_names=True)
    grant_id = await scene.unmasking.request(scene.rita, asked)
    await scene.unmasking.approve(scene.alma, grant_id)
    await scene.unmasking.view(scene.rita, grant_id)
    await scene.identity.set_password("maria", PASSWORD)
    before = await console.get("maria", "/my-log")
    scene.scene.sql("UPDATE unmask_notice SET due_at = now()")
    after = await console.get("maria", "/my-log")
    for words in ("You were unmasked", REASON, f"{scene.alma.id.hex[-8:]} allowed it", "looked 1 time"):
        assert words not in before
        assert words in after
    assert "You were unmasked" not in await console.get("otto", "/my-log")


@pytest.mark.parametrize("asked_by", ["person", "turn"])
async def test_the_employee_reads_in_their_own_log_that_their_events_were_exported(
    console: Console, asked_by: str
) -> None:
    scene = console.scene
    turn = await scene.ask("hello")
    await scene.seal()
    asked = {"person": scene.maria.id.hex[-8:], "turn": short_reference(turn.id)}[asked_by]
    await console.post("rita", "/console/exports", reason=REASON, **{asked_by: asked})

    async def to_file(request: ExportRequest, target: Path, on_progress: OnProgress) -> Exported:
        key, url = read_public_key(scene.seal_keys.public_file), scene.scene.database.audit_reader_url
        return await create_export(url, key, request, scene.audit, target, on_progress=on_progress)

    assert await scene.desk.exports.write_next(to_file)
    for name in ("maria", "otto"):
        await scene.identity.set_password(name, PASSWORD)
    told = f"taken out of the log as a file, for the person {scene.rita.id.hex[-8:]}"
    assert told in await console.get("maria", "/my-log?show=others")
    assert "as a file" not in await console.get("otto", "/my-log")


async def test_a_name_leads_to_its_pseudonym_with_a_reason(console: Console) -> None:
    maria = console.scene.maria.id.hex[-8:]
    answer = await console.post("rita", "/console/people", name="maria", reason=REASON)
    assert location(answer) == f"/console/search?person={maria}"
    await console.post("rita", "/console/people", status=400, name="maria", reason="why not")
    await console.post("rita", "/console/people", status=404, name="rita", reason=REASON)
    await console.post("alma", "/console/people", status=403, name="maria", reason=REASON)
    assert len(await console.scene.events("person:looked-up")) == 2
    for name in ("maria", "otto"):
        await console.scene.identity.set_password(name, PASSWORD)
    told = f"{console.scene.rita.id.hex[-8:]}, asked which pseudonym belongs to your name"
    assert told in await console.get("maria", "/my-log?show=others")
    assert "asked which" not in await console.get("otto", "/my-log")
    assert "From a name to a pseudonym" in await console.get("rita", "/console/search")


async def test_an_export_is_asked_for_and_fetched(console: Console) -> None:
    scene = console.scene
    await scene.ask("hello")
    await scene.seal()
    maria = scene.maria.id.hex[-8:]
    await console.post("rita", "/console/exports", person=maria, reason=REASON, **{"from": "2020-01-01", "to": ""})
    assert "waiting" in await console.get("rita", "/console/exports")
    assert "You asked for no export yet" in await console.get("rolf", "/console/exports")

    async def to_file(request: ExportRequest, target: Path, on_progress: OnProgress) -> Exported:
        key, url = read_public_key(scene.seal_keys.public_file), scene.scene.database.audit_reader_url
        return await create_export(url, key, request, scene.audit, target, on_progress=on_progress)

    assert await scene.desk.exports.write_next(to_file)
    (path,) = re.findall(r'action="(/console/export/[0-9a-f-]+)"', await console.get("rita", "/console/exports"))
    answer = await console.post("rita", path, status=200)
    assert (answer.headers["content-type"], answer.content[:2]) == ("application/zip", b"PK")
    await console.post("rolf", path, status=404)
    await console.get("rita", path, status=405)
    for fields in ({"person": "00000000"}, {"type": "x"}, {"from": "x"}, {"to": "9999-12-31"}, {"reason": "x"}):
        await console.post("rita", "/console/exports", status=400, **{"reason": REASON, **fields})


async def test_an_erasure_takes_two_and_a_hold_forbids_it(console: Console) -> None:
    turn = await console.scene.ask(f"write to {EMAIL}")
    wish = {"turn": short_reference(turn.id), "reason": REASON}
    await console.post("rita", "/console/erasure", what="hold", **wish)
    await console.post("rita", "/console/erasure", what="erase", **wish)
    page = await console.get("alma", "/console/erasure")
    (request,) = re.findall(r'action="(/console/erasure/[0-9a-f-]+)"', page)
    (hold,) = re.findall(r'action="(/console/hold/[0-9a-f-]+)"', page)
    assert REASON not in page
    assert f'"{request}"' not in await console.get("rita", "/console/erasure")
    await console.post("rita", request, status=403, answer="approve")
    answer = await console.post("alma", request, status=409, answer="approve")
    assert "hold" in answer.text
    assert console.scene.scene.sql("SELECT count(*) FROM message") == [(2,)]
    await console.post("rita", hold, status=403)
    await console.post("alma", hold)
    await console.post("alma", request, answer="approve")
    await console.post("arno", request, status=404, answer="approve")
    assert console.scene.scene.sql("SELECT count(*) FROM message") == [(0,)]
    assert "executed" in await console.get("alma", "/console/erasure?show=all")
    for fields in ({}, {"person": "00000000"}, {"turn": "0000000"}, {"turn": "x", "person": "y"}):
        await console.post("rita", "/console/erasure", status=400, what="hold", reason=REASON, **fields)


async def test_a_request_is_withdrawn_on_the_page_and_the_others_are_told(console: Console) -> None:
    turn = await console.scene.ask(f"write to {EMAIL}")
    await console.post("rita", "/console/erasure", what="erase", turn=short_reference(turn.id), reason=REASON)
    page = await console.get("rita", "/console/erasure")
    (withdraw,) = re.findall(r'action="(/console/erasure/[0-9a-f-]+/withdraw)"', page)
    assert withdraw not in await console.get("alma", "/console/erasure")  # who may deny what waits
    await console.post("rolf", withdraw, status=403)
    console.scene.scene.sql(  # agreed to, and whoever carries it out was killed
        "UPDATE audit.erasure SET state = 'approved', decided_at = now(), word = '{}', "
        "decided_by = (SELECT id FROM person WHERE name = 'alma')"
    )
    for name in ("rita", "alma", "arno"):
        assert withdraw in await console.get(name, "/console/erasure")
    await console.post("arno", withdraw)
    for name, told in (("rita", "asked for"), ("alma", "allowed")):
        assert f"what you {told}: to erase" in await console.get(name, "/console/erasure")
    assert "what you" not in await console.get("arno", "/console/erasure")
    await console.post("alma", withdraw.removesuffix("/withdraw"), status=404, answer="approve")
    await console.post("rita", withdraw, status=404)
    assert console.scene.scene.sql("SELECT count(*) FROM message") == [(2,)]


async def test_forms_of_another_origin_do_nothing(console: Console) -> None:
    turn = await console.scene.ask("hello")
    browser = await console.browser("rita")
    for origin in ("http://evil.example", "null"):
        answer = await browser.post(
            "/console/cases", data={"turn": str(turn.id), "title": "x"}, headers={"origin": origin}
        )
        assert answer.status_code == 403
    assert await console.scene.events("case:opened") == []


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example/console/", "/console/\\evil", "/\n", ""])
async def test_a_form_leads_to_no_other_site(console: Console, back: str) -> None:
    await console.scene.ask(f"the token is {TOKEN}")
    await console.scene.seal_and_follow()
    (hit,) = re.findall(r'name="hit" value="([0-9a-f-]+)"', await console.get("rita", "/console/hits"))
    answer = await console.post("rita", "/console/hits", hit=hit, step="assign", back=back)
    assert location(answer) == "/console/hits"


ODD = ("\0", "a\0b", "9" * 18, "9" * 19, "9" * 5000, "-1", "٣", "²", "'", "9999-12-31", "0001-01-01", "2026-W53")
ODD_CURSORS = tuple(
    f"{moment}~{uuid4()}" for moment in ("0001-01-01T00:00+14:00", "9999-12-31T23:59-14:00", "infinity")
)
FIELDS = {
    "/console/queue": ("severity", "rule", "age", "before", "after"),
    "/console/search": ("person", "turn", "words", "rule", "model", "host", "persona", "type", "from", "to", "before"),
    "/console/hits": ("severity", "rule", "show", "after"),
    "/console/cases": ("show", "before"),
    "/console/second-looks": ("after", "differing"),
    "/console/integrity/head": ("from",),
    "/my-log": ("show", "before", "after"),
}


async def test_no_address_makes_a_page_fail(console: Console) -> None:
    await console.scene.ask(f"the token is {TOKEN}")
    await console.scene.seal_and_follow()
    browser = await console.browser("rita")
    for path, names in FIELDS.items():
        for name in names:
            for value in (*ODD, *ODD_CURSORS):
                answer = await browser.get(path, params={name: value})
                assert answer.status_code in {200, 303, 400, 404}, (path, name, value)


async def test_no_form_makes_a_page_fail(console: Console) -> None:
    turn = await console.scene.ask("hello")
    case = await console.scene.case_on(turn)
    forms: Mapping[str, Mapping[str, object]] = {
        "/console/people": {"name": "maria", "reason": REASON},
        "/console/cases": {"turn": short_reference(turn.id), "title": "t", "note": "n"},
        f"/console/case/{case}/step": {"step": "note", "disposition": "", "assignee": "", "note": "n"},
        f"/console/case/{case}/turns": {"turn": short_reference(turn.id)},
        f"/console/case/{case}/unmask": {"turn": str(turn.id), "what": "names", "reason": REASON, "minutes": "5"},
        "/console/samples": {"population": "turns", "size": "3", "week": "2026-W01"},
        "/console/exports": {"person": "", "turn": "", "type": "", "rule": "x", "from": "", "to": "", "reason": REASON},
        "/console/erasure": {"what": "hold", "person": "", "turn": short_reference(turn.id), "reason": REASON},
    }
    browser = await console.browser("rita")
    for path, fields in forms.items():
        for name in fields:
            for value in ODD:
                console.scene.scene.sql("DELETE FROM log_export")  # or the limit of what waits would answer
                answer = await browser.post(path, data={**fields, name: value})
                assert answer.status_code in {303, 400, 404}, (path, name, value)
