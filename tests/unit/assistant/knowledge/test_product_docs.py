from __future__ import annotations

from pathlib import Path

from assistant.knowledge.product_docs import documentation_files, read_documentation


def make(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("# Title\n\ntext\n")
    package = root / "assistant" / "knowledge"
    package.mkdir(parents=True, exist_ok=True)
    return package


def test_a_checkout_gives_its_docs_folder_and_readme(tmp_path: Path) -> None:
    package = make(tmp_path, "pyproject.toml", "README.md", "docs/b.md", "docs/a.md", "docs/decisions/1.md")
    assert [f.source for f in read_documentation(package)] == ["README.md", "docs/a.md", "docs/b.md"]
    assert {f.title for f in read_documentation(package)} == {"Title"}


def test_a_wheel_gives_what_it_carries(tmp_path: Path) -> None:
    package = make(tmp_path, "assistant/knowledge/documentation/a.md", "docs/not-ours.md", "pyproject.toml")
    assert [f.source for f in read_documentation(package)] == ["docs/a.md"]


def test_neither_gives_nothing(tmp_path: Path) -> None:
    assert documentation_files(make(tmp_path, "docs/not-ours.md")) == []


def test_this_installation_has_documentation() -> None:
    assert documentation_files()
