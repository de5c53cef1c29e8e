"""The light over the log: each rule by itself, on both sides of its bound."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from assistant.audit.anchors.light import AnchorState, Contradiction, Integrity, Light, Verification

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


def anchor(kind: str, label: str, **age: float) -> AnchorState:
    return AnchorState(kind, label, 100, NOW - timedelta(**age))


GREEN = Integrity(
    now=NOW,
    size=100,
    sealed_at=NOW - timedelta(seconds=50),
    oldest_unsealed=NOW - timedelta(seconds=1),
    is_signed=True,
    anchors=(anchor("witness", "w1", minutes=1), anchor("file", "anchors", minutes=9)),
    verified=Verification(is_sound=True, size=90, at=NOW - timedelta(days=1)),
)


def test_green_needs_two_who_do_not_know_each_other() -> None:
    assert (GREEN.light, GREEN.reasons, GREEN.parties) == (Light.GREEN, [], 2)
    assert len(list(GREEN.describe())) == 4


@pytest.mark.parametrize(
    "anchors",
    [
        (anchor("witness", "w1", minutes=1), anchor("witness", "w2", minutes=1)),
        (anchor("witness", "w1", minutes=1), anchor("browser", "p1", days=6)),
        (anchor("syslog", "s:514", minutes=1), anchor("browser", "p1", days=6)),
    ],
)
def test_these_are_two(anchors: tuple[AnchorState, ...]) -> None:
    assert replace(GREEN, anchors=anchors).light is Light.GREEN


@pytest.mark.parametrize(
    "anchors",
    [
        (),
        (anchor("witness", "w1", minutes=1),),
        (anchor("browser", "p1", days=1), anchor("browser", "p2", days=1)),
        (anchor("file", "anchors", minutes=1), anchor("syslog", "s:514", minutes=1)),
        (anchor("witness", "w1", minutes=21), anchor("file", "anchors", minutes=9)),
        (anchor("witness", "w1", minutes=1), anchor("browser", "p1", days=8)),
    ],
)
def test_these_are_not_two(anchors: tuple[AnchorState, ...]) -> None:
    state = replace(GREEN, anchors=anchors)
    assert state.light is Light.YELLOW
    assert "independent anchors are fresh" in " ".join(state.reasons)


@pytest.mark.parametrize(
    ("change", "light", "words"),
    [
        ({"is_signed": False}, Light.RED, "not signed"),
        ({"verified": Verification(is_sound=False, size=90, at=NOW)}, Light.RED, "found a change"),
        ({"contradictions": (Contradiction("witness", "w1", 120, NOW),)}, Light.RED, "saw a log of 120 events"),
        ({"sealed_at": None}, Light.YELLOW, "Nothing was sealed"),
        ({"sealed_at": NOW - timedelta(minutes=4)}, Light.YELLOW, "The newest head is 4 minutes old"),
        ({"oldest_unsealed": NOW - timedelta(minutes=2)}, Light.YELLOW, "waits for its seal"),
        ({"is_signed": None}, Light.YELLOW, "public key is not known"),
        ({"missing_witnesses": ("w2",)}, Light.YELLOW, "The witness w2 has not cosigned"),
        ({"verified": None}, Light.YELLOW, "never checked"),
        ({"verified": Verification(is_sound=True, size=9, at=NOW - timedelta(days=8))}, Light.YELLOW, "8 days ago"),
    ],
)
def test_each_rule_is_said(change: dict[str, object], light: Light, words: str) -> None:
    state = replace(GREEN, **change)  # type: ignore[arg-type]
    assert state.light is light
    (reason,) = state.reasons
    assert words in reason


def test_the_gravest_comes_first() -> None:
    state = replace(GREEN, verified=None, anchors=(), contradictions=(Contradiction("file", "anchors", 3, NOW),))
    assert state.light is Light.RED
    assert "saw a log" in state.reasons[0]
    assert len(state.reasons) == 3
