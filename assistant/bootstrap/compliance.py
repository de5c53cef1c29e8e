"""The desk of compliance, reports of findings and their figures, for whichever process opens them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy.ext.asyncio import AsyncEngine

from assistant.answering.guarding import ConversationGuard
from assistant.audit.parts import TextMarker
from assistant.audit.writing.append import Appender
from assistant.bootstrap.log import build_finding_counts, reader_url
from assistant.compliance.desk import Desk, build_desk
from assistant.history.history import History
from assistant.keys import Keys
from assistant.reports.reports import Reports
from assistant.review import Figures, Review
from assistant.settings import Settings


def build_site_desk(
    settings: Settings, keys: Keys, engine: AsyncEngine, audit: Appender, guard: ConversationGuard
) -> Desk:
    """Return the desk as the site set it."""
    return build_desk(
        engine,
        reader_url(settings, keys),
        audit=audit,
        guard=guard,
        sealer=keys.sealer("pseudonyms"),
        marker=TextMarker(keys),
        notice_days=settings.notice_days,
        exports=settings.exports,
        second_look_percent=settings.second_look_percent,
    )


def build_figures(
    settings: Settings,
    keys: Keys,
    engine: AsyncEngine,
    audit: Appender,
    *,
    labels: Callable[[], Mapping[str, str]] = dict,
) -> Figures:
    """Return who puts together what log and reports say about each rule; `labels` are those of the policy in force."""
    return Figures(audit, Reports(engine), build_finding_counts(settings, keys), labels=labels)


def build_review(
    engine: AsyncEngine, history: History, guard: ConversationGuard, audit: Appender, figures: Figures
) -> Review:
    """Return who files, shows and decides reports."""
    return Review(history, guard, audit, reports=Reports(engine), figures=figures)
