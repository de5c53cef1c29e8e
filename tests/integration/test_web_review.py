"""Reporting and deciding over HTTP: other people's ids, other pages' forms, wrong fields, odd cursors."""

from __future__ import annotations

from uuid import UUID, uuid4

import httpx
import pytest

from assistant.conversation import Role
from assistant.reports.report import Decision
from tests.fakes.web_parts import ACCESS_KEY
from tests.fakes.web_site import RunningSite
from tests.integration.web_scene import Newcomer, Somebody

pytestmark = pytest.mark.integration


async def held_back(somebody: Somebody) -> str:
    """Let a key be held back, and return where that is called wrong."""
    await somebody.ask(f"rotate {ACCESS_KEY}")
    return f"/wrong/{somebody.web.fakes.turns.asked[-1].message_id}/0"


def filed_by(somebody: Somebody) -> list[str]:
    rows = somebody.web.fakes.reports.rows.values()
    return [report.comment for report in rows if report.person_id == somebody.person.id]


async def test_a_report_is_confirmed_in_words_and_filed_once(newcomer: Newcomer) -> None:
    maria = await newcomer()
    path = await held_back(maria)
    for _ in range(2):
        answer = await maria.http.post(path)
        assert answer.json() == {
            "words": "Reported. Your reviewer sees the rule and the masked value, never the value."
        }
    assert filed_by(maria) == [""]
    form = await maria.http.post(path, data={"comment": f"not {ACCESS_KEY}\x00"}, headers={"accept": "text/html"})
    assert (form.status_code, form.headers["location"]) == (303, path)
    assert filed_by(maria) == ["not [AWS_ACCESS_KEY_1]\N{REPLACEMENT CHARACTER}"]
    page = (await maria.http.get(path)).text
    assert "AKIA••••••••MPLE" in page
    assert ACCESS_KEY not in page


async def test_nobody_reports_or_reads_in_anothers_turn(newcomer: Newcomer) -> None:
    maria, eve = await newcomer(), await newcomer(Role.REVIEWER, Role.ADMINISTRATOR)
    path = await held_back(maria)
    missing = f"/wrong/{uuid4()}/0"
    for method in ("GET", "POST"):
        foreign, absent = [await eve.http.request(method, where) for where in (path, missing)]
        assert foreign.status_code == absent.status_code == 404
        assert foreign.json()["detail"] == absent.json()["detail"]
    assert filed_by(eve) == []


@pytest.mark.parametrize("number", ["1", "99999999999999999999", "-1", "x", pytest.param("9" * 5_000, id="endless")])
async def test_a_place_where_nothing_was_held_back_is_not_there(newcomer: Newcomer, number: str) -> None:
    maria = await newcomer()
    path = (await held_back(maria)).removesuffix("0") + number
    assert (await maria.http.post(path)).status_code == 404
    assert filed_by(maria) == []


async def test_a_form_of_another_page_files_and_decides_nothing(newcomer: Newcomer) -> None:
    maria, lena = await newcomer(), await newcomer(Role.REVIEWER)
    path = await held_back(maria)
    for headers in ({"origin": "https://evil.example"}, {"origin": "null"}):
        assert (await maria.http.post(path, headers=headers)).status_code == 403
    assert filed_by(maria) == []
    await maria.http.post(path)
    (report,) = [one for one in maria.web.fakes.reports.rows.values() if one.person_id == maria.person.id]
    answer = await lena.http.post(
        f"/review/{report.id}", data={"decision": "rule-is-wrong"}, headers={"origin": "https://evil.example"}
    )
    assert answer.status_code == 403
    assert maria.web.fakes.reports.rows[report.id].decision is None


async def test_a_stranger_is_asked_to_sign_in(web: RunningSite) -> None:
    async with httpx.AsyncClient(base_url=web.url, headers={"origin": web.url}) as stranger:
        assert (await stranger.post(f"/wrong/{uuid4()}/0")).status_code == 401
        page = await stranger.get("/review", headers={"accept": "text/html"})
        assert (page.status_code, page.headers["location"]) == (303, "/sign-in?next=/review")


@pytest.mark.parametrize("role", [role for role in Role if role not in {Role.REVIEWER, Role.ADMINISTRATOR}])
async def test_who_is_no_reviewer_neither_reads_nor_decides(newcomer: Newcomer, role: Role) -> None:
    maria = await newcomer(role)
    path = await held_back(maria)
    await maria.http.post(path)
    (report,) = [one for one in maria.web.fakes.reports.rows.values() if one.person_id == maria.person.id]
    assert (await maria.http.get("/review")).status_code == 403
    assert (await maria.http.get("/review/rules")).status_code == 403
    answer = await maria.http.post(f"/review/{report.id}", data={"decision": "rule-is-wrong"})
    assert answer.status_code == 403
    assert maria.web.fakes.reports.rows[report.id].decision is None


async def test_a_reviewer_decides_with_a_known_word_and_only_once(newcomer: Newcomer) -> None:
    maria, lena = await newcomer(), await newcomer(Role.REVIEWER)
    await maria.http.post(await held_back(maria))
    (report,) = [one for one in maria.web.fakes.reports.rows.values() if one.person_id == maria.person.id]
    for fields in ({}, {"decision": "maybe"}, {"note": "x"}):
        assert (await lena.http.post(f"/review/{report.id}", data=fields)).status_code == 400
    decided = {"decision": "rule-is-right", "note": f"no <b>{ACCESS_KEY}</b>", "rule": "secret/aws-access-key"}
    answer = await lena.http.post(f"/review/{report.id}", data=decided)
    assert (answer.status_code, answer.headers["location"]) == (303, "/review?rule=secret%2Faws-access-key")
    assert (await lena.http.post(f"/review/{report.id}", data=decided)).status_code == 400
    assert (await lena.http.post(f"/review/{uuid4()}", data=decided)).status_code == 404
    assert maria.web.fakes.reports.rows[report.id].decision is Decision.RULE_IS_RIGHT
    page = (await lena.http.get("/review?show=decided")).text
    assert "no &lt;b&gt;[AWS_ACCESS_KEY_1]&lt;/b&gt;" in page


@pytest.mark.parametrize("query", ["?before=x", f"?before={UUID(int=1)}"])
async def test_a_page_that_is_not_there_is_said_so(newcomer: Newcomer, query: str) -> None:
    lena = await newcomer(Role.REVIEWER)
    answer = await lena.http.get(f"/review{query}")
    assert answer.status_code == 400
    assert "not there any more" in answer.json()["detail"]


async def test_too_many_reports_say_so(newcomer: Newcomer) -> None:
    maria = await newcomer()
    path = await held_back(maria)
    maria.web.fakes.reports.most_an_hour = 0
    try:
        answer = await maria.http.post(path)
    finally:
        maria.web.fakes.reports.most_an_hour = 60
    assert answer.status_code == 429
    assert "enough values" in answer.json()["detail"]


async def test_the_way_to_the_queue_is_on_a_reviewers_page_alone(newcomer: Newcomer) -> None:
    maria, lena = await newcomer(), await newcomer(Role.REVIEWER)
    assert "data-desk" not in (await maria.http.get("/")).text
    assert "<html data-desk " in (await lena.http.get("/")).text
