from __future__ import annotations

import subprocess
import sys

import pytest

PAGE_AND_MODELS = {"chainlit", "litellm", "fastapi", "assistant.web"}
TABLES_AND_GUARD = {
    "sqlmodel",
    "sqlalchemy",
    "psycopg",
    "presidio_analyzer",
    "policies.guard",
    "langchain_text_splitters",
}


def loaded_by(*modules: str) -> set[str]:
    """Import modules in a fresh interpreter and return everything that came with them."""
    program = f"import sys, {', '.join(modules)}; print(*sys.modules)"
    return set(
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    )


@pytest.mark.parametrize(
    ("modules", "unwanted"),
    [
        (("workers.worker", "workers.tasks", "assistant.bootstrap.application"), PAGE_AND_MODELS),
        (("workers.command", "workers.worker"), PAGE_AND_MODELS | TABLES_AND_GUARD),
        (("workers.command", "workers.scheduler"), PAGE_AND_MODELS | TABLES_AND_GUARD),
        (("assistant.jobs.queue",), {"workers"}),
    ],
    ids=["child", "parent", "scheduler", "client"],
)
def test_a_process_loads_what_it_needs_and_no_more(modules: tuple[str, ...], unwanted: set[str]) -> None:
    assert loaded_by(*modules) & unwanted == set()
