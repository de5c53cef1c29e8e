"""The light of the integrity page: red for what proves a change, yellow for what is missing, green with two anchors."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from assistant.audit.events import AnchorKept, HeadConfirmed, HeadContradicted, LogVerified
from assistant.audit.heads_shown import HeadsShown
from assistant.web.console.integrity import judge
from tests.fakes.console_parts import FakeHeads, stored

NOW = datetime.now(UTC)


def green() -> HeadsShown:
    verified = stored(LogVerified(actor=None, is_sound=True, size=3, problems=0))
    head = FakeHeads(3)._head()
    kept = stored(AnchorKept(kind="witness", anchor="works-council", size=3))
    return HeadsShown([head], True, [kept], [], [stored(HeadConfirmed(actor=uuid4(), size=3))], None, verified)


def test_two_anchors_a_check_and_a_fresh_head_are_green() -> None:
    assert judge(green(), NOW).tone == "allow"
    assert judge(green(), NOW).reasons == ()


@pytest.mark.parametrize(
    ("change", "tone", "reason"),
    [
        ({"heads": []}, "redact", "No head is there"),
        ({"is_signed": False}, "block", "not signed by this log's key"),
        ({"is_signed": None}, "redact", "CLOISTER_LOG_KEY"),
        ({"anchors": []}, "redact", "1 of 2 anchors"),
        ({"verified": None}, "redact", "never checked"),
        ({"contradicted": stored(HeadContradicted(actor=uuid4(), size=3, seen=2))}, "block", "does not grow from"),
        (
            {"verified": stored(LogVerified(actor=None, is_sound=False, size=3, problems=2))},
            "block",
            "found something",
        ),
    ],
)
def test_one_thing_is_enough_for_another_colour(change: dict[str, object], tone: str, reason: str) -> None:
    light = judge(replace(green(), **change), NOW)  # type: ignore[arg-type]
    assert light.tone == tone
    assert reason in " ".join(light.reasons)


def test_an_old_head_is_said() -> None:
    light = judge(green(), NOW + timedelta(minutes=5))
    assert light.tone == "redact"
    assert "s old" in light.reasons[0]
