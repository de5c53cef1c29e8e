"""The desk, put together from its parts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from assistant.answering.guarding import ConversationGuard
from assistant.audit.log import AuditLog
from assistant.audit.parts import TextMarker
from assistant.audit.reading.decisions import draw_decisions
from assistant.audit.reading.sample import draw
from assistant.audit.reading.seen import DecisionViews
from assistant.compliance.behind import TurnTexts
from assistant.compliance.case_desk import CaseDesk
from assistant.compliance.case_exports import CaseExports
from assistant.compliance.cases import Cases
from assistant.compliance.exports import Exports
from assistant.compliance.following import HitFollower
from assistant.compliance.granted import GrantedLooks
from assistant.compliance.grants import Grants
from assistant.compliance.hit_desk import HitDesk
from assistant.compliance.hits import Hits
from assistant.compliance.looking_up import PersonLookUp
from assistant.compliance.people import DeskPeople
from assistant.compliance.rights import Gate
from assistant.compliance.sampling import SampleDesk
from assistant.compliance.second_look_desk import SecondLookDesk
from assistant.compliance.second_looks import SecondLookDrawing, SecondLooks
from assistant.compliance.texts import DeskTexts
from assistant.compliance.turns import LoggedTurns
from assistant.compliance.unmask import Unmasking
from assistant.keys import Sealer


@dataclass(frozen=True, slots=True)
class Desk:
    """What the pages of the desk ask, and what its chores do.

    Attributes:
        people: names of who works at the desk.
        follower: brings hits from the log.
        drawing: draws which decisions are read a second time.
    """

    hits: HitDesk
    cases: CaseDesk
    samples: SampleDesk
    looks: SecondLookDesk
    unmasking: Unmasking
    look_up: PersonLookUp
    exports: Exports
    case_exports: CaseExports
    people: DeskPeople
    follower: HitFollower
    drawing: SecondLookDrawing


def build_desk(
    engine: AsyncEngine,
    reader_url: SecretStr,
    *,
    audit: AuditLog,
    guard: ConversationGuard,
    sealer: Sealer,
    marker: TextMarker,
    notice_days: int,
    exports: Path,
    second_look_percent: int,
) -> Desk:
    """Put the desk together.

    Args:
        engine: of the application's tables.
        reader_url: the log, as its reader.
        audit: hears of everything that is done at the desk.
        guard: guards what people write there.
        sealer: that of the conversations' placeholders.
        marker: marks names that were looked up.
        notice_days: after how many days somebody is told that they were unmasked.
        exports: the folder of exports.
        second_look_percent: how many of a hundred decisions are read a second time.
    """
    gate, people, texts = Gate(audit), DeskPeople(engine), DeskTexts(guard)
    hits, cases, turns = Hits(engine), Cases(engine), LoggedTurns(reader_url)
    turn_texts = TurnTexts(engine, sealer)
    case_desk = CaseDesk(cases, hits, turns, people, texts, audit=audit, gate=gate)
    grants = Grants(engine)
    granted = GrantedLooks(grants, cases, people, audit=audit)
    unmasking = Unmasking(
        grants, cases, turn_texts, people, texts, granted=granted, audit=audit, gate=gate, notice_days=notice_days
    )
    log_exports = Exports(engine, exports, texts, audit=audit, gate=gate, names=granted.names_for_export)
    return Desk(
        hits=HitDesk(hits, people, texts, audit=audit, gate=gate),
        cases=case_desk,
        samples=SampleDesk(engine, partial(draw, reader_url), audit=audit, gate=gate),
        looks=SecondLookDesk(SecondLooks(engine), DecisionViews(reader_url), texts, audit=audit, gate=gate),
        unmasking=unmasking,
        look_up=PersonLookUp(engine, people, texts, marker=marker, audit=audit, gate=gate),
        exports=log_exports,
        case_exports=CaseExports(case_desk, log_exports, granted),
        people=people,
        follower=HitFollower(engine, reader_url),
        drawing=SecondLookDrawing(
            engine, partial(draw_decisions, reader_url), audit=audit, percent=second_look_percent
        ),
    )
