"""ARCHITECTURE.md, README.md and docs/ name only what is there."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from typer.main import get_command

from assistant.commands.app import app

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "ARCHITECTURE.md", ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_path_that_a_page_names_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:assistant|policies|connectors|workers|tests|compose)/[\w./-]*)", text))
    missing = [path for path in named if not (ROOT / path).exists() and not list(ROOT.glob(f"{path.rstrip('/')}*"))]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_test_that_a_page_names_exists(page: Path) -> None:
    for file, name in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", page.read_text(encoding="utf-8")):
        assert f"def {name}(" in (ROOT / file).read_text(encoding="utf-8"), f"{file}::{name}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_between_pages_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:\s]+)\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_layers_of_the_page_are_those_of_the_contracts() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    held = [
        f"- **{container}**: " + "; ".join(f"`{layer}`" for layer in contract["layers"])
        for contract in contracts
        if contract["type"] == "layers"
        for container in contract.get("containers", ())
    ]
    told = re.findall(r"^- \*\*[a-z_.]+\*\*: `.*$", (ROOT / "ARCHITECTURE.md").read_text("utf-8"), re.MULTILINE)
    assert sorted(told) == sorted(held)


def _commands(command: click.Command, name: str) -> Iterator[str]:
    if command.hidden:
        return
    if isinstance(command, click.Group):
        for part, inner in command.commands.items():
            yield from _commands(inner, f"{name} {part}")
    else:
        yield name


def test_every_command_is_told_of_on_a_page() -> None:
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert [name for name in _commands(get_command(app), "cloister") if name not in text] == []
