"""What belongs to somebody else, asked for by its id over HTTP and WebSocket: nothing of it is given or changed."""

from __future__ import annotations

from uuid import uuid4

import pytest
from socketio.exceptions import (  # type: ignore[import-untyped]  # ships no types
    ConnectionError as SocketConnectionError,
)

from assistant.conversation import Role
from assistant.web.chat.steps import run_id
from tests.fakes.web_parts import ACCESS_KEY
from tests.fakes.web_site import RunningSite
from tests.integration.web_scene import Newcomer

pytestmark = pytest.mark.integration


async def test_a_foreign_thread_cannot_be_read_renamed_or_deleted(web: RunningSite, newcomer: Newcomer) -> None:
    victim, attacker = await newcomer(), await newcomer()
    thread = await victim.ask("my salary is 4711")
    assert (await victim.http.get(f"/project/thread/{thread}")).status_code == 200
    read = await attacker.http.get(f"/project/thread/{thread}")
    renamed = await attacker.http.put("/project/thread", json={"threadId": str(thread), "name": "stolen"})
    deleted = await attacker.http.request("DELETE", "/project/thread", json={"threadId": str(thread)})
    assert [read.status_code, renamed.status_code, deleted.status_code] == [404, 404, 404]
    assert "4711" not in read.text
    assert web.fakes.history.rows[thread].title != "stolen"
    missing = await attacker.http.get(f"/project/thread/{uuid4()}")
    assert read.text == missing.text  # foreign and missing look the same


async def test_a_list_cannot_be_asked_for_in_the_name_of_somebody_else(web: RunningSite, newcomer: Newcomer) -> None:
    victim, attacker = await newcomer(), await newcomer()
    await victim.ask("a plan about halibut")
    body = {"pagination": {"first": 50}, "filter": {"userId": str(victim.person.id), "search": "halibut"}}
    answer = await attacker.http.post("/project/threads", json=body)
    assert answer.json()["data"] == []


async def test_a_window_on_a_foreign_thread_shows_and_writes_nothing_there(
    web: RunningSite, newcomer: Newcomer
) -> None:
    victim, attacker = await newcomer(), await newcomer()
    thread = await victim.ask("my salary is 4711")
    before = len(web.fakes.history.stored[thread])
    async with attacker.window(threadId=str(thread)) as window:
        assert window.got("resume_thread") == []
        assert "4711" not in str(window.seen)
        await window.say("and now mine")
        await window.wait_for("task_end", count=2)
    assert len(web.fakes.history.stored[thread]) == before
    assert web.fakes.turns.asked[-1].thread_id != thread


async def test_a_window_of_somebody_else_cannot_be_taken_over(web: RunningSite, newcomer: Newcomer) -> None:
    victim, attacker = await newcomer(), await newcomer()
    async with victim.window() as window:
        with pytest.raises(SocketConnectionError):
            async with attacker.window(sessionId=window.session_id):
                pass
        await window.say("still mine")
        await window.wait_for("task_end", count=2)


async def test_a_message_id_of_somebody_else_overwrites_nothing(web: RunningSite, newcomer: Newcomer) -> None:
    victim, attacker = await newcomer(), await newcomer()
    thread = await victim.ask("the original text")
    original = web.fakes.history.stored[thread][0].message
    async with attacker.window() as window:
        await window.say("overwritten", id=str(original.id))
        await window.wait_for("task_end", count=2)
    assert web.fakes.history.stored[thread][0].message.text == "the original text"


async def test_feedback_on_a_foreign_answer_is_refused(web: RunningSite, newcomer: Newcomer) -> None:
    victim, attacker = await newcomer(), await newcomer()
    thread = await victim.ask("was this good?")
    answer_id = web.fakes.history.stored[thread][1].message.id
    body = {"feedback": {"forId": str(run_id(answer_id)), "value": 1, "comment": f"see {ACCESS_KEY}"}, "sessionId": "x"}
    assert (await attacker.http.put("/feedback", json=body)).status_code == 404
    own = await victim.http.put("/feedback", json=body)
    assert own.status_code == 200
    feedback = web.fakes.history.stored[thread][1].feedback
    assert feedback is not None
    assert ACCESS_KEY not in feedback.comment
    gone = {"feedbackId": own.json()["feedbackId"]}
    assert (await attacker.http.request("DELETE", "/feedback", json=gone)).status_code == 404
    assert (await victim.http.request("DELETE", "/feedback", json=gone)).status_code == 200


async def test_files_wait_in_memory_and_belong_to_who_sent_them(web: RunningSite, newcomer: Newcomer) -> None:
    victim, attacker = await newcomer(), await newcomer()
    secret = b"the planted secret of a file"
    sent = await victim.http.post("/project/file?session_id=x", files={"file": ("a.md", secret, "text/markdown")})
    file_id = sent.json()["id"]
    on_disk = [path for path in web.settings.data_dir.rglob("*") if path.is_file() and secret in path.read_bytes()]
    assert on_disk == []
    asked = len(web.fakes.turns.asked)
    async with attacker.window() as window:
        message = {"id": str(uuid4()), "output": "give me that file"}
        await window.client.emit("client_message", {"message": message, "fileReferences": [{"id": file_id}]})
        assert "not there any more" in str(await window.wait_for("window_message"))
    assert len(web.fakes.turns.asked) == asked
    async with victim.window() as window:
        message = {"id": str(uuid4()), "output": "read it"}
        await window.client.emit("client_message", {"message": message, "fileReferences": [{"id": file_id}]})
        await window.wait_for("task_end", count=2)
    assert web.fakes.turns.asked[-1].attachments[0].text == secret.decode()


async def test_a_document_of_somebody_else_cannot_be_removed(web: RunningSite, newcomer: Newcomer) -> None:
    victim, attacker = await newcomer(), await newcomer()
    await web.fakes.documents.add(victim.person, "plan.md", b"plan")
    document_id = next(iter(web.fakes.documents.files))
    assert (await attacker.http.post(f"/documents/{document_id}/remove")).status_code == 404
    assert document_id in web.fakes.documents.files
    assert (await victim.http.post(f"/documents/{document_id}/remove")).status_code == 303


async def test_a_shared_document_is_removed_by_administrators_alone(web: RunningSite, newcomer: Newcomer) -> None:
    employee, administrator = await newcomer(), await newcomer(Role.ADMINISTRATOR)
    await web.fakes.documents.add(administrator.person, "holidays.md", b"plan")
    document_id = list(web.fakes.documents.files)[-1]
    web.fakes.documents.shared.add(document_id)
    listed = (await employee.http.get("/documents")).text
    assert "shared with everybody" in listed
    assert f"/documents/{document_id}/remove" not in listed
    assert (await employee.http.post(f"/documents/{document_id}/remove")).status_code == 404
    assert "Remove holidays.md for everybody" in (await administrator.http.get("/documents")).text
    assert (await administrator.http.post(f"/documents/{document_id}/remove")).status_code == 303
    assert document_id not in web.fakes.documents.files


async def test_opening_the_page_leaves_no_thread(web: RunningSite, newcomer: Newcomer) -> None:
    somebody = await newcomer()
    await somebody.http.get("/")
    async with somebody.window():
        pass
    page = await web.fakes.history.threads(somebody.person, limit=5, before="", search="")
    assert page.threads == ()


async def test_a_rename_is_guarded(web: RunningSite, newcomer: Newcomer) -> None:
    somebody = await newcomer()
    thread = await somebody.ask("hello")
    renamed = await somebody.http.put("/project/thread", json={"threadId": str(thread), "name": f"key {ACCESS_KEY}"})
    assert renamed.status_code == 200
    assert ACCESS_KEY not in web.fakes.history.rows[thread].title


async def test_every_response_carries_the_headers_and_names_no_foreign_host(
    web: RunningSite, newcomer: Newcomer
) -> None:
    somebody = await newcomer()
    for path in ("/", "/sign-in", "/user", "/health/live", "/static/chat.js", "/nothing", "/documents"):
        answer = await somebody.http.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe-eval" not in policy
        assert "'unsafe-inline'" not in policy.split("style-src")[0]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-request-id"]
        assert "server" not in answer.headers
        assert "access-control-allow-origin" not in answer.headers
    index = (await somebody.http.get("/")).text
    again = (await somebody.http.get("/")).text
    assert "https://" not in index
    assert index != again  # the nonce is new each time
    assert "access_token" not in str((await somebody.http.get("/user")).headers)
