"""Who may reach a model: what `run_turn` alone calls asks a host, and the doors into it are these."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
ASKS = {
    "assistant/answering/asking.py",
    "assistant/policy/names.py",  # a model for names reads files, decision 0010
    "connectors/model_hosts/bench.py",  # with numbers of its own making; nothing that anybody wrote
}
DRAWS = "assistant/web/chat/"  # shows a question on the page, and is not given the hosts: see the test below
RUNS_TURNS = {"assistant/bootstrap/application.py"}  # binds `run_turn` for the chat; a new door adds itself here


def calls(name: str) -> Iterator[str]:
    """Yield the files of the product that call something of this name."""
    for package in ("assistant", "workers", "policies", "connectors"):
        for file in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) == name:
                    yield str(file.relative_to(ROOT))


def test_only_the_turn_asks_a_model_host() -> None:
    assert set(calls("stream_answer")) == {"assistant/turn.py"}
    assert {file for file in calls("ask") if not file.startswith(DRAWS)} == ASKS


def test_only_the_turn_has_gaps_filled() -> None:
    carrier = "connectors/model_hosts/hosts.py"  # to its client
    assert set(calls("fill")) == {"assistant/answering/asking.py", carrier}


def test_only_the_use_case_beside_the_turn_has_vectors_made() -> None:
    carriers = {"connectors/model_hosts/hosts.py", "connectors/model_hosts/asking/embedder.py"}  # to litellm's Router
    assert set(calls("embed")) == {"assistant/embedding.py", *carriers}
    assert set(calls("embed_texts")) == {"assistant/bootstrap/application.py"}


def test_only_the_known_doors_run_turns() -> None:
    assert set(calls("run_turn")) == RUNS_TURNS


def test_only_the_page_and_the_doctors_session_are_given_the_way_to_a_model() -> None:
    assert set(calls("answer_with")) == {"assistant/web/wiring.py", "assistant/doctor/session.py"}


def test_litellm_is_called_in_one_file() -> None:
    assert set(calls("_ageneric_api_call_with_fallbacks")) == {"connectors/model_hosts/router.py"}
