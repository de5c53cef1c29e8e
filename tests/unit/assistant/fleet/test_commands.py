from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from assistant.commands.app import app

SHIPPED = str(Path(__file__).parents[4] / "compose" / "fleet.yaml")


@pytest.fixture(autouse=True)
def _no_site(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLOISTER_FLEET", raising=False)


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["fleet", *words])


def test_check_marks_what_will_not_fit() -> None:
    result = run("check", SHIPPED)
    assert result.exit_code == 0
    marked = [line.split()[1] for line in result.output.splitlines() if line.startswith("  !")]
    assert marked == ["qwen2.5:32b", "llama3.1:405b"]
    assert "21.7 > 18.0 GiB: does not fit" in result.output
    assert "Apple M4, 24 GB, Thunderbolt 40 Gb/s" in result.output


def test_check_names_line_and_suggestion(tmp_path: Path) -> None:
    file = tmp_path / "fleet.yaml"
    file.write_text("hosts:\n  - {name: Dev1, kind: olama, address: 'http://dev1.lan:1'}\n")
    result = run("check", str(file))
    assert result.exit_code == 1
    assert f"{file}, line 2: kind: 'olama' is not known; did you mean 'ollama'?" in result.stderr


def test_check_takes_the_sites_own_file(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("check").exit_code == 2
    monkeypatch.setenv("CLOISTER_FLEET", SHIPPED)
    assert "Einstein" in run("check").output


def test_plan_shows_its_arithmetic() -> None:
    lines = run("plan", SHIPPED).output.splitlines()
    assert (
        "Mini1 qwen2.5:32b: 21.7 > 18.0 GiB: does not fit; would with qwen2.5-14b here or 2 x Apple M4, 24 GB" in lines
    )
    assert "    weights: 32.8e9 x 4.8944 bits / 8 = 18.7 GiB" in lines
    assert any(line.startswith("Mini2 llama3.1:70b: 47.5 <= 48.0 GiB: fits; at most 6.3 tokens/s") for line in lines)


def test_plan_for_machines() -> None:
    plans = [json.loads(line) for line in run("plan", SHIPPED, "--json", "--speed", "4").output.splitlines()]
    by_name = {plan["name"]: plan for plan in plans}
    assert by_name["Mini2 llama3.1:70b"]["speed"]["answers"] == 0
    assert by_name["Mini1 qwen2.5:32b"]["is_fitting"] is False
    assert by_name["Dev1 qwen2.5:instruct"]["cost"]["purchase_usd"] == 1599


def test_plan_says_where_a_model_would_fit() -> None:
    result = run("plan", "--model", "llama-3.1-405b", "--quantisation", "MLX-4bit", "--context", "4096")
    places = [line.split(":")[0] for line in result.output.splitlines() if ": fits" in line]
    assert "8 x RTX A6000" in places
    assert "5 x Apple M4 Pro, 64 GB" in places
    assert not any("2060" in place for place in places)


@pytest.mark.parametrize(
    ("option", "word", "meant"),
    [("--model", "llama-3.1-70", "llama-3.1-70b"), ("--quantisation", "Q4KM", "Q4_K_M"), ("--cache", "q8", "Q8_0")],
)
def test_plan_suggests(option: str, word: str, meant: str) -> None:
    words = {"--model": "llama-3.1-70b"} | {option: word}
    result = run("plan", *(part for pair in words.items() for part in pair))
    assert result.exit_code == 2
    assert f"did you mean {meant!r}" in " ".join(result.stderr.replace("│", " ").split())


def test_plan_holds_the_deck_against_its_sums() -> None:
    result = run("plan", "--deck")
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert "RX 7900 XTX $999    61.4            24 GB   960         48B -> 35B     61.41 -> 61.46      0.96" in lines
    refused = [line for line in lines if line.startswith("DOES NOT HOLD")]
    assert "DOES NOT HOLD  RX 7900 XTX, compute per dollar: 61.41" in refused
    assert "DOES NOT HOLD  M4 Pro, bandwidth: 800 GB/s" in refused
    assert "    61.4 TFLOPS x 1000 / $999 = 61.46" in lines


def test_plan_holds_the_deck_for_machines() -> None:
    figures = [json.loads(line) for line in run("plan", "--deck", "--json").output.splitlines()]
    assert {"what", "printed", "sums", "holds"} == set(figures[0])
    assert len(figures) > 30
