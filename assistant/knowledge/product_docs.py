"""Find and read the product's own documentation, from which the `quote` host answers on the first day."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from assistant.knowledge.document import DocumentationFile
from assistant.knowledge.splitting import first_heading

_PACKAGE: Final = Path(__file__).parent


def documentation_files(package: Path = _PACKAGE) -> list[Path]:
    """Return the files: beside the code in an installed wheel, `docs/` and the README in a checkout.

    Args:
        package: the folder of this package.
    """
    installed = package / "documentation"
    if installed.is_dir():
        return sorted(installed.glob("*.md"))
    checkout = package.parent.parent
    if not (checkout / "pyproject.toml").is_file():
        return []
    readme = checkout / "README.md"
    return [*([readme] if readme.is_file() else []), *sorted((checkout / "docs").glob("*.md"))]


def read_documentation(package: Path = _PACKAGE) -> list[DocumentationFile]:
    """Read the product's documentation; its titles are the first headings."""
    files = []
    for file in documentation_files(package):
        text = file.read_text(encoding="utf-8")
        source = file.name if file.name == "README.md" else f"docs/{file.name}"
        files.append(DocumentationFile(source=source, title=first_heading(text) or file.stem, text=text))
    return files
