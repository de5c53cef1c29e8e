"""quotas.yaml: what can be said, and where a mistake is."""

from __future__ import annotations

import os
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from assistant.balance import Window
from assistant.conversation import Person, Role
from assistant.errors import AuditUnavailableError, SettingsError
from assistant.quotas.limits import Claim, QuotaRules, Share, weight_of
from assistant.quotas.reader import parse_quotas, read_quotas
from assistant.quotas.site_quotas import SiteQuotas
from policies.errors import PolicyError

PERSONAS = ["general", "starcoder"]
MARIA = Person(UUID(int=7), "maria", frozenset({Role.DEVELOPER}))
GOOD = """
limits:
  - name: one-token
    counts: each token
    running: 8
  - name: builds
    counts: each person
    people: [CI-Bot]
    roles: [developer]
    personas: [starcoder]
    doors: [gateway]
    requests: {minute: 60, month: 1_000_000}
    tokens: {day: 0}
    weight: 0.25
    instead_of: one-token
uncounted_without_redis: [chat]
"""


def test_all_that_can_be_said() -> None:
    rules = parse_quotas(GOOD, personas=PERSONAS)
    first, second = rules.limits
    assert (first.share, first.running, first.requests) == (Share.TOKEN, 8, {})
    assert second.people == {"ci-bot"}
    assert second.requests == {Window.MINUTE: 60, Window.MONTH: 1_000_000}
    assert second.tokens == {Window.DAY: 0}
    assert (second.weight, second.instead_of) == (0.25, {"one-token"})
    assert rules.uncounted_doors == {"chat"}


@pytest.mark.parametrize(
    ("wrong", "right", "line", "words"),
    [
        ("each token", "each tokens", 4, "each person"),
        ("running: 8", "running: -1", 5, "whole number"),
        ("running: 8", "running: many", 5, "whole number"),
        ("running: 8", "running: 1e9", 5, "whole number"),
        ("running: 8", "runing: 8", 5, "Unknown key 'runing'"),
        ("    running: 8\n", "", 3, "needs at least one"),
        ("name: one-token", "name: One token", 3, "small letters"),
        ("name: builds", "name: one-token", 6, "already"),
        ("[developer]", "[developper]", 9, "did you mean 'developer'"),
        ("[starcoder]", "[starcode]", 10, "did you mean 'starcoder'"),
        ("[starcoder]", "[]", 10, "is empty"),
        ("[gateway]", "[api]", 11, "known are chat"),
        ("minute: 60", "second: 60", 12, "Unknown key 'second'"),
        ("{day: 0}", "{}", 13, "for how long"),
        ("weight: 0.25", "weight: 0", 14, "from 0.01 to 100"),
        ("weight: 0.25", "weight: nan", 14, "from 0.01 to 100"),
        ("instead_of: one-token", "instead_of: builds", 15, "above this one"),
        ("[chat]", "[chats]", 16, "did you mean 'chat'"),
    ],
)
def test_a_mistake_is_named_with_its_line(wrong: str, right: str, line: int, words: str) -> None:
    with pytest.raises(PolicyError) as refused:
        parse_quotas(GOOD.replace(wrong, right, 1), file="quotas.yaml", personas=PERSONAS)
    assert refused.value.where == f"quotas.yaml:{line}"
    assert words in str(refused.value)


@pytest.mark.parametrize("text", ["", "limits", "limits: 5", "- a", "limits: [", "limits: {a: b}", "\x00"])
def test_what_is_no_file_of_limits_is_refused(text: str) -> None:
    with pytest.raises(PolicyError):
        parse_quotas(text, personas=PERSONAS)


def test_the_shipped_limits_fit_the_shipped_personas_and_hold_for_everybody() -> None:
    rules = read_quotas(None, PERSONAS)
    claim = Claim(uuid4(), MARIA, "gateway", "general", uuid4())
    assert [limit.name for limit in rules.of(claim)] == ["one-token", "one-person"]
    assert [limit.name for limit in rules.of(Claim(uuid4(), MARIA, "chat", "general"))] == ["one-person"]


class Reports:
    def __init__(self) -> None:
        self.told: list[str] = []
        self.is_away = False

    async def loaded(self, rules: QuotaRules) -> None:
        if self.is_away:
            raise AuditUnavailableError("No log.")
        self.told.append(f"loaded {len(rules.limits)}")

    async def refused(self, place: str, kept: QuotaRules) -> None:
        self.told.append(f"refused {place}, {len(kept.limits)} stay")


def write(file: Path, text: str) -> None:
    """Write it so that the change shows, however coarse the clock of the disk is."""
    file.write_text(text, encoding="utf-8")
    write.changes += 1  # type: ignore[attr-defined]
    os.utime(file, ns=(write.changes, write.changes))  # type: ignore[attr-defined]


write.changes = 0  # type: ignore[attr-defined]


async def test_a_changed_file_is_in_force_and_a_broken_one_changes_nothing(tmp_path: Path) -> None:
    file, reports = tmp_path / "quotas.yaml", Reports()
    write(file, GOOD)
    site = SiteQuotas(file, personas=PERSONAS, reports=reports)
    async with site.running():
        await site.refresh()
        write(file, GOOD.replace("running: 8", "running: x"))
        await site.refresh()
        await site.refresh()  # told once
        assert len(site.current().limits) == 2
        reports.is_away = True
        write(file, "limits: []")
        await site.refresh()
        assert len(site.current().limits) == 2  # what cannot be noted waits
        reports.is_away = False
        await site.refresh()
        assert site.current().limits == ()
        file.unlink()
        await site.refresh()
        assert site.current().limits == ()
    assert reports.told == ["loaded 2", "refused quotas.yaml:5, 2 stay", "loaded 0", "refused quotas.yaml, 0 stay"]


@pytest.mark.parametrize("text", ["limits: x", "limits:\n" + "[" * 5000, None])
def test_limits_that_cannot_be_used_stop_the_start(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "quotas.yaml"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=r"quotas\.yaml"):
        SiteQuotas(file, personas=PERSONAS, reports=Reports())


def test_of_several_weights_the_least_counts() -> None:
    text = "limits:\n- {name: a, counts: each person, weight: 0.5}\n- {name: b, counts: each person, running: 1}\n"
    (first, second) = limits = parse_quotas(text, personas=PERSONAS).limits
    assert (weight_of(limits), weight_of([second]), weight_of([])) == (0.5, 1.0, 1.0)
    assert (first.is_counted, second.is_counted) == (False, True)
