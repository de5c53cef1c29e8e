"""What is written down of shipped rules: the same guard, nothing of anybody else's, and never needed."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from assistant import known_facts
from assistant.known_facts import build_guard, is_shipped
from assistant.policy.files import PolicyReader, read_texts
from policies.detectors import compiled, facts, reading
from policies.detectors.compiled import PLACEHOLDER_RULE, compile_rule
from policies.errors import PolicyError
from policies.policy import Policy, parse_policy

TEXTS = (
    "Rotate this key for me: AKIAIOSFODNN7EXAMPLE",
    "my password is Winter-2026-Kiel! and openssl enc -pass pass:velvet-onion-42",
    "IBAN DE89 3704 0044 0532 0130 00, call +49 431 9876543 or write to maria.weber@example.com",
    "nothing to see here",
)
OWN = """\
rules:
  - name: site/ticket
    label: ticket
    entity_type: TICKET
    patterns: ['KIEL-[0-9]{{4}}{more}']
    keywords: [kiel-]
    examples: {{found: ['see «KIEL-1234»'], passed: ['see KIEL-12']}}
"""


def shipped() -> Policy:
    return PolicyReader(None).parse()


def of_site(more: str = "", *, name: str = "own.yaml") -> Policy:
    texts = read_texts(None)
    return parse_policy({**texts, name: texts.get(name, "") + OWN.format(more=more)})


def again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin as another process would."""
    monkeypatch.setattr(compiled, "_compiled", {})
    monkeypatch.setattr("policies.detectors.scan._scanners", {})
    facts.forget()


@pytest.fixture(autouse=True)
def _as_a_process_begins(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Compile rules anew, of which nothing was learned."""
    again(monkeypatch)
    yield
    facts.forget()


def summed(told: str) -> str:
    """Return what a file holds that says this."""
    return f"{sha256(told.encode()).hexdigest()}\n{told}"


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_next_process_reads_no_pattern_at_its_start_and_finds_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "byte-code"
    first = build_guard(shipped(), folder=folder)
    found = [first.find(text) for text in TEXTS]
    assert sum(map(len, found)) >= 6
    told = {rule.name: compile_rule(rule).facts for rule in first.policy.rules}
    again(monkeypatch)
    read: list[str] = []
    parse = reading.parse_pattern
    monkeypatch.setattr(reading, "parse_pattern", lambda pattern: read.append(pattern) or parse(pattern))
    second = build_guard(shipped(), folder=folder)
    assert {rule.name: compile_rule(rule).facts for rule in second.policy.rules} == told
    assert [second.find(text) for text in TEXTS] == found
    second.load()
    assert len(read) <= 1  # the placeholder's, which is no rule of a file


def test_what_cannot_be_read_is_found_out_anew_and_written_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_guard(shipped(), folder=tmp_path)
    (name,) = files_in(tmp_path)
    whole = (tmp_path / name).read_text()
    for spoiled in ("", whole[: len(whole) // 2], whole.replace('"akia', '"akib')):
        assert spoiled != whole
        (tmp_path / name).write_text(spoiled)
        again(monkeypatch)
        assert not known_facts._recall(tmp_path / name)
    assert build_guard(shipped(), folder=tmp_path).find(TEXTS[0])
    assert (tmp_path / name).read_text() == whole


HUGE = '{"a": {"openings": [{"before_chars": Infinity, "reach": 0, "words": []}]}}'


@pytest.mark.parametrize(
    "spoiled", ["", "{", "{}", "[]", "{}null", '{"a": {}}', '{"a": {"openings": [1]}}', HUGE, "\x00", "9"]
)
def test_of_what_is_spoiled_nothing_is_learned(spoiled: str, tmp_path: Path) -> None:
    path = tmp_path / "facts.json"
    path.write_text(summed(spoiled))
    assert not known_facts._recall(path)
    assert not facts._learned


def test_what_a_killed_process_left_half_written_is_removed_a_day_later(tmp_path: Path) -> None:
    names = ("facts-old.new", "facts-young.new", "other.new")
    for name in names:
        (tmp_path / name).touch()
    for name in ("facts-old.new", "other.new"):
        os.utime(tmp_path / name, (1, 1))
    known_facts._keep(tmp_path / "facts-1.json", {})
    assert files_in(tmp_path) == ["facts-1.json", "facts-young.new", "other.new"]


def test_who_runs_it_may_read_what_root_installed(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        known_facts._keep(tmp_path / "facts.json", {})
    finally:
        os.umask(before)
    assert (tmp_path / "facts.json").stat().st_mode & 0o777 == 0o644


def test_what_others_may_write_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "facts.json"
    path.write_text(summed(facts.spell({PLACEHOLDER_RULE: compile_rule(PLACEHOLDER_RULE).facts})))
    path.chmod(0o644)
    assert known_facts._recall(path)
    others = [(0o646, os.geteuid()), (0o664, os.geteuid())]
    others += [(0o600, 12345)] if os.geteuid() == 0 else []
    for mode, owner in others:
        path.chmod(mode)
        os.chown(path, owner, -1)
        assert not known_facts._recall(path)


def test_an_installation_that_cannot_be_written_to_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    known_facts._keep(tmp_path / "file" / "facts.json", {})


def test_code_that_was_updated_under_a_process_learns_nothing_from_it_and_teaches_it_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package, folder = tmp_path / "policies", tmp_path / "byte-code"
    package.mkdir()
    (package / "reading.py").write_text("a later version")
    monkeypatch.setattr(known_facts, "_PACKAGE", package)
    monkeypatch.setattr(known_facts, "_IMPORTED_AT", time.time() - 1)
    monkeypatch.setattr(known_facts, "_version", known_facts._version.__wrapped__)
    assert build_guard(shipped(), folder=folder).find(TEXTS[0])
    assert not folder.exists()


def test_another_version_of_rules_or_code_has_another_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "policies"
    package.mkdir()
    (package / "rule.py").write_text("1")
    (package / "rules.yaml").write_text("2")
    monkeypatch.setattr(known_facts, "_PACKAGE", package)
    monkeypatch.setattr(known_facts, "_IMPORTED_AT", math.inf)
    seen = set()
    for name, text in (("rule.py", "1"), ("rule.py", "3"), ("rules.yaml", "3"), ("more.py", "")):
        (package / name).write_text(text)
        seen.add(known_facts._version.__wrapped__())
    assert len(seen) == 4


@pytest.mark.parametrize("name", ["own.yaml", "default.yaml"])
def test_no_rule_of_a_site_counts_as_shipped(name: str) -> None:
    policy = of_site(name=name)
    assert [rule.name for rule in policy.rules if not is_shipped(rule)] == ["site/ticket"]


def test_rules_of_a_site_are_checked_each_time_and_not_written_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard = build_guard(of_site(), folder=tmp_path)
    assert [finding.entity_type for finding in guard.find("see KIEL-1234")] == ["TICKET"]
    (path,) = tmp_path.iterdir()
    assert "kiel" not in path.read_text().lower()
    again(monkeypatch)
    with pytest.raises(PolicyError, match=r"own\.yaml"):
        build_guard(of_site("(?=x)"), folder=tmp_path)
