"""What the tests of the desk share: turns that the guard judged, in history and log, and people with roles."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from argon2 import PasswordHasher

from assistant.answering.guarding import ConversationGuard
from assistant.answering.words import guard_detail
from assistant.audit.events import PromptBlocked, TurnAccepted, TurnAnswered, TurnGuarded
from assistant.audit.parts import GuardReport, TextMark, TextMarker, TurnPlace
from assistant.audit.reading.read import LogReader, StoredEvent
from assistant.audit.record import Origin
from assistant.audit.seals.seal import Sealer
from assistant.audit.seals.seal_key import SealKeyFile
from assistant.audit.writing.append import Appender
from assistant.compliance.case_desk import CaseDesk
from assistant.compliance.desk import Desk, build_desk
from assistant.compliance.following import HitFollower
from assistant.compliance.hit_desk import HitDesk
from assistant.compliance.unmask import Unmasking
from assistant.conversation import MessageState, Person, Role, Turn
from assistant.identity import Identity
from assistant.policy.source import GuardSource
from policies.guard import Guard
from policies.verdict import Direction
from tests.integration.conftest import Database
from tests.integration.history_scene import Scene, open_scene

EMAIL = "oskar.lindqvist@northwind-robotics.example"
TOKEN = "ghp_" + "Zt4Qw8Er2Ty6Ui0Pa5Sd9Fg3Hj7Kl1Xc4Vb8"
REASON = "A customer says that their address was passed on."
MARK = TextMark("0" * 64)


@dataclass(frozen=True, slots=True)
class DeskScene:
    """Maria and Otto work; Rita and Rolf review; Alma and Arno approve."""

    scene: Scene
    audit: Appender
    guard: Guard
    conversations: ConversationGuard
    seal_keys: SealKeyFile
    desk: Desk
    identity: Identity
    marker: TextMarker
    rita: Person
    rolf: Person
    alma: Person
    arno: Person

    @property
    def hits(self) -> HitDesk:
        return self.desk.hits

    @property
    def cases(self) -> CaseDesk:
        return self.desk.cases

    @property
    def unmasking(self) -> Unmasking:
        return self.desk.unmasking

    @property
    def follower(self) -> HitFollower:
        return self.desk.follower

    @property
    def maria(self) -> Person:
        return self.scene.maria

    @property
    def otto(self) -> Person:
        return self.scene.otto

    async def ask(self, text: str, *, person: Person | None = None, answer: str = "Done.") -> Turn:
        """Let a turn happen as `run_turn` does it: guarded with the conversation's placeholders, stored, logged."""
        turn = self.scene.turn(person)
        await self.scene.history.open_thread(turn.person, turn.thread_id, turn.persona, "x")
        opened = await self.conversations.open(turn.thread_id, turn.person, turn.persona)
        verdict = await opened.check_prompt(text)
        place, report = TurnPlace.of(turn), GuardReport.of(verdict)
        await self.audit.append(
            TurnAccepted(turn=place, door="chat", persona="general", persona_version="1", chars=len(text))
        )
        if verdict.is_blocked:
            await self.scene.history.start_turn(turn, "(blocked)", title="x", state=MessageState.BLOCKED)
            await self.audit.append(PromptBlocked(turn=place, guard=report))
            return turn
        assert await self.conversations.save(turn.thread_id, opened)
        said = self.guard.check(
            answer, direction=Direction.ANSWER, persona="", roles=frozenset(), pseudonyms=opened.pseudonyms
        )
        detail = guard_detail(verdict)
        await self.scene.history.start_turn(turn, verdict.text, detail=detail, title="x")
        await self.audit.append(TurnGuarded(turn=place, guard=report, chars=len(text), text_mark=MARK))
        await self.scene.history.finish_turn(turn, said.text, MessageState.COMPLETE)
        await self.audit.append(
            TurnAnswered(
                turn=place,
                guard=GuardReport.of(said),
                host="h",
                model="m",
                chars=len(answer),
                text_mark=MARK,
                prompt_tokens=1,
                answer_tokens=1,
                first_token_milliseconds=1,
                total_milliseconds=1,
                finish_reason="stop",
            )
        )
        return turn

    async def seal(self) -> None:
        await Sealer(self.scene.database.audit_sealer_url, self.seal_keys).seal()

    async def seal_and_follow(self) -> int:
        await self.seal()
        return await self.follower.follow()

    async def events(self, *tags: str) -> list[StoredEvent]:
        async with LogReader(self.scene.database.audit_reader_url) as log:
            return [event for event in await log.read_newest(1000) if event.type in tags]

    async def data(self, tag: str) -> list[dict[str, Any]]:
        return [dict(event.document["data"]) for event in await self.events(tag)]  # type: ignore[call-overload]

    async def everything_at_rest(self) -> str:
        """Every row of every table of the desk, and every body of the log, as one text."""
        tables = [
            "hit",
            "compliance_case",
            "case_turn",
            "desk_entry",
            "sample",
            "sampled",
            "unmask",
            "unmask_notice",
            "person_lookup",
            "second_look",
        ]
        rows = [str(self.scene.sql(f"SELECT row_to_json(t)::text FROM {table} t")) for table in tables]  # noqa: S608
        bodies = self.scene.sql("SELECT convert_from(body, 'UTF8') FROM audit.event")
        return "\n".join([*rows, str(bodies)])

    async def case_on(self, *turns: Turn, by: Person | None = None) -> UUID:
        return await self.cases.open(by or self.rita, "Addresses in prompts", [turn.id for turn in turns])


@asynccontextmanager
async def open_desk(
    database: Database, guard: Guard, folder: Path, *, notice_days: int = 30, second_look_percent: int = 5
) -> AsyncIterator[DeskScene]:
    """Give a desk on a fresh database."""
    async with open_scene(database) as scene, Appender(database.audit_writer_url, Origin("test", 1, "0")) as audit:
        sealer = database.keys.sealer("pseudonyms")
        conversations = ConversationGuard(GuardSource(guard), scene.history, sealer)
        hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        identity = Identity(scene.engine, session_hours=1, hasher=hasher)
        staff = [
            await _add(identity, name, role)
            for name, role in (
                ("rita", Role.REVIEWER),
                ("rolf", Role.REVIEWER),
                ("alma", Role.APPROVER),
                ("arno", Role.APPROVER),
            )
        ]
        marker = TextMarker(database.keys)
        desk = build_desk(
            scene.engine,
            database.audit_reader_url,
            audit=audit,
            guard=conversations,
            sealer=sealer,
            marker=marker,
            notice_days=notice_days,
            exports=folder / "exports",
            second_look_percent=second_look_percent,
        )
        yield DeskScene(
            scene, audit, guard, conversations, SealKeyFile(folder / "seal.key"), desk, identity, marker, *staff
        )


async def a_week_ago(desk: DeskScene) -> str:
    """Let what was sealed so far have been sealed a week ago, seal once more now, and return the name of that week."""
    with psycopg.connect(desk.scene.database.owner_url.get_secret_value().replace("+psycopg", "")) as owner:
        owner.execute("ALTER TABLE audit.head DISABLE TRIGGER USER")
        owner.execute("UPDATE audit.head SET sealed_at = sealed_at - interval '7 days'")
        owner.execute("ALTER TABLE audit.head ENABLE TRIGGER USER")
        moment = owner.execute("SELECT max(sealed_at) FROM audit.head").fetchone()
    assert moment is not None
    await desk.ask("this week")
    await desk.seal()
    return f"{moment[0].astimezone(UTC):%G-W%V}"


def with_roles(person: Person, *roles: Role) -> Person:
    """The same person after an administrator changed their roles."""
    return replace(person, roles=frozenset(roles))


async def _add(identity: Identity, name: str, role: Role) -> Person:
    return await identity.add_person(name, {role}, "correct horse battery")
