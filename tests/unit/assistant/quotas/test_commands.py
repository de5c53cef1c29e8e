from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from assistant.commands.app import app


@pytest.fixture(autouse=True)
def _no_site(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLOISTER_QUOTAS", raising=False)


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["quotas", *words])


def test_check_says_who_may_use_what() -> None:
    result = run("check")
    assert result.exit_code == 0
    lines = [" ".join(line.split()) for line in result.output.splitlines()]
    assert lines == [
        "one-token each token everybody 8 at once",
        "one-person each person everybody 16 at once, 600 requests a minute",
        "Doors that answer uncounted while Redis is away: chat.",
    ]


def test_check_names_file_line_and_suggestion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "quotas.yaml"
    file.write_text("limits:\n  - name: a\n    counts: each person\n    roles: [develper]\n    running: 1\n")
    result = run("check", str(file))
    assert result.exit_code == 1
    assert "quotas.yaml:4: 'develper' is not known; did you mean 'developer'?" in result.stderr
    monkeypatch.setenv("CLOISTER_QUOTAS", str(file))
    assert run("check").exit_code == 1
