"""Benign developer text that nobody wrote for the guard, read at run time from what is installed here."""

from __future__ import annotations

import functools
import gzip
import random
import re
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CHUNK_CHARS = 1300
"""The length of a chunk: a long paragraph, a screen of code."""

MOST_BYTES = 4_000_000
"""Larger files are passed over; they are data, not text."""

SUFFIXES = frozenset(
    [
        ".py",
        ".md",
        ".txt",
        ".json",
        ".js",
        ".ts",
        ".yaml",
        ".yml",
        ".toml",
        ".rst",
        ".html",
        ".css",
        ".cfg",
        ".ini",
        ".h",
        ".c",
        ".pl",
        ".pm",
        ".pod",
        ".sh",
        ".gz",
        ".lock",
        ".pyi",
    ]
)
NAMES = frozenset(("copyright", "README", "NEWS", "changelog", "METADATA", "RECORD", "Makefile"))
PROJECT = Path(__file__).parents[3]
SHOWS_TOKENS = "guard.md"
"""The page on the guard shows tokens on purpose, as the README does."""
OWN = ("docs", "uv.lock", "ARCHITECTURE.md", "CHANGELOG.md", "Makefile", "pyproject.toml")
MAIL = re.compile(r"[\w.+-]+(?:@|\s+at\s+)[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,}|<[\w.+-]+@[\w.-]+>")
TELEPHONE = re.compile(r"(?<![\w.])(?:\+\d{1,3}[ (.-]?|\(\d{2,5}\) ?|0\d{1,4}[ /-])\d[\d ().-]{5,}\d(?![\w.])")


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a file, with the place it came from."""

    origin: str
    text: str

    @property
    def has_contact(self) -> bool:
        """Tell whether it truly holds a mail address or a telephone number, as licences and manuals do."""
        return bool(MAIL.search(self.text) or TELEPHONE.search(self.text))


def roots() -> dict[str, list[Path]]:
    """Return where to read, by kind; each kind is drawn equally often."""
    stdlib = Path(sysconfig.get_path("stdlib"))
    return {
        "packages": [Path(sysconfig.get_path("purelib"))],
        "documentation": [Path("/usr/share/doc")],
        "manuals": [Path("/usr/share/man")],
        "headers": [Path("/usr/include")],
        "python": [stdlib, *sorted(Path("/usr/lib").glob("python3*"))],
        "perl": [Path("/usr/share/perl"), Path("/usr/share/perl5"), *sorted(Path("/usr/lib").glob("*/perl*"))],
        "project": [PROJECT / name for name in OWN],
    }


def text_files(root: Path) -> Iterator[Path]:
    """Yield the text files below a root."""
    for path in [root] if root.is_file() else root.rglob("*"):
        is_text = path.suffix in SUFFIXES or path.name in NAMES
        if not is_text or path.name == SHOWS_TOKENS or "__pycache__" in path.parts:
            continue
        # The tools that the machine's own Python has installed are nobody's developer text here.
        if "site-packages" in path.relative_to(root).parts:
            continue
        if path.is_file() and 200 < path.stat().st_size < MOST_BYTES:
            yield path


@functools.cache
def files_by_kind() -> dict[str, list[Path]]:
    """List all files by kind; walking the folders takes seconds, so it happens once."""
    kinds = {
        kind: sorted({path for root in folders if root.exists() for path in text_files(root)})
        for kind, folders in roots().items()
    }
    return {kind: paths for kind, paths in kinds.items() if paths}


def read_text(path: Path) -> str:
    """Read a file, packed or not; bytes that are no text become marks."""
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return data[: 2 * MOST_BYTES].decode("utf-8", "replace")


def read_chunks(count: int, seed: int) -> list[Chunk]:
    """Read that many chunks, drawn by the seed; the same machine gives the same chunks."""
    rng = random.Random(seed)  # noqa: S311 - a corpus repeats itself
    kinds = files_by_kind()
    names = [kind for kind in kinds for _ in range(1 if kind == "project" else 4)]
    chunks: list[Chunk] = []
    for _ in range(count * 20):
        path = rng.choice(kinds[rng.choice(names)])
        try:
            text = read_text(path)
        except (OSError, EOFError, gzip.BadGzipFile):
            continue
        if len(text) < 200 or "\0" in text[:4000]:
            continue
        start = rng.randrange(max(1, len(text) - CHUNK_CHARS))
        start = text.rfind("\n", 0, start) + 1 if rng.random() < 0.5 else start
        chunks.append(Chunk(f"{path}:{start}", text[start : start + CHUNK_CHARS]))
        if len(chunks) == count:
            break
    return chunks
