"""Split a guarded text into passages whose offsets are exact, so that a citation points at what it quotes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from langchain_text_splitters import RecursiveCharacterTextSplitter

PASSAGE_CHARS: Final = 1000  # some 250 tokens: six of them fit beside a question into a small model's context
_OVERLAP_CHARS: Final = 150  # a sentence or two repeated, so that a thought cut in half is found from both sides
_BLOCK_CHARS: Final = 64 << 10  # given to the splitter at once: it makes an object of every word
_HEADING_CHARS: Final = 300
_DEEPEST_HEADING: Final = 6
_FENCES: Final = ("```", "~~~")
_MARKDOWN_SUFFIXES: Final = frozenset({"md", "markdown"})
_PROSE_SEPARATORS: Final = ("\n\n", "\n", r"[.!?] ", " ")
_LANGUAGES: Final = {
    "c": "c", "h": "c", "cc": "cpp", "cpp": "cpp", "hpp": "cpp", "cs": "csharp", "ex": "elixir", "go": "go",
    "hs": "haskell", "html": "html", "java": "java", "js": "js", "jsx": "js", "kt": "kotlin", "lua": "lua",
    "php": "php", "pl": "perl", "proto": "proto", "ps1": "powershell", "py": "python", "rb": "ruby", "rs": "rust",
    "rst": "rst", "scala": "scala", "swift": "swift", "tex": "latex", "ts": "ts", "tsx": "ts",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Piece:
    """Where a passage lies.

    Attributes:
        heading: the headings above it, outermost first, joined by ` > `.
        start, end: character offsets into the text, half-open.
    """

    heading: str
    start: int
    end: int


def split_text(text: str, *, name: str) -> list[Piece]:
    """Split a text into passages of at most PASSAGE_CHARS + the overlap; every word lies in one of them.

    Args:
        text: guarded.
        name: of the file; its suffix tells Markdown and programming languages apart.
    """
    suffix = name.rpartition(".")[2].lower()
    sections = _markdown_sections(text) if suffix in _MARKDOWN_SUFFIXES else [Piece("", 0, len(text))]
    return [piece for section in sections for piece in _pieces(text, section, suffix)]


def first_heading(text: str) -> str:
    """Return the first heading of a Markdown text, or nothing."""
    return next((title for _, _, title in _headings(text)), "")


def _markdown_sections(text: str) -> Iterator[Piece]:
    """Cut at every heading, so that a passage belongs to one; a heading with nothing below it is left out."""
    path: list[tuple[int, str]] = []
    start, heading, body_start = 0, "", 0
    for offset, level, title in _headings(text):
        if text[body_start:offset].strip():
            yield Piece(heading, start, offset)
        path = [(above, words) for above, words in path if above < level] + [(level, title)]
        heading = " > ".join(words for _, words in path)[:_HEADING_CHARS]
        start, body_start = offset, _line_end(text, offset)
    if text[body_start:].strip():
        yield Piece(heading, start, len(text))


def _headings(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield offset, level and words of each ATX heading outside fenced code. Source: CommonMark 0.31 section 4.2."""
    offset, fence = 0, ""
    for line in text.split("\n"):
        mark = line.lstrip(" ")[:3]
        if mark in _FENCES:
            fence = mark if not fence else fence if mark != fence else ""
        elif line.startswith("#") and not fence:
            words = line.lstrip("#")
            level = len(line) - len(words)
            title = words.strip().rstrip("#").rstrip()
            if level <= _DEEPEST_HEADING and words[:1] in (" ", "\t") and title:
                yield offset, level, title[:_HEADING_CHARS]
        offset += len(line) + 1


def _line_end(text: str, offset: int) -> int:
    end = text.find("\n", offset)
    return len(text) if end < 0 else end


def _pieces(text: str, section: Piece, suffix: str) -> Iterator[Piece]:
    earliest = section.start
    for start, end in _cuts(text, section, suffix):
        stripped = text[start:end].strip()
        if not stripped:
            continue
        first = start + text[start:end].index(stripped[0])
        last = end - len(text[start:end]) + len(text[start:end].rstrip())
        yield Piece(section.heading, _with_overlap(text, first, earliest), last)


def _with_overlap(text: str, start: int, earliest: int) -> int:
    """Move a start back over the end of the passage before it, to the beginning of a word."""
    reach = max(earliest, start - _OVERLAP_CHARS)
    if reach in (start, earliest):
        return reach + len(text[reach:start]) - len(text[reach:start].lstrip())
    for offset in range(reach, start):
        if text[offset - 1].isspace() and not text[offset].isspace():
            return offset
    return start


def _cuts(text: str, section: Piece, suffix: str) -> Iterator[tuple[int, int]]:
    """Yield adjoining ranges that cover a section; none is longer than PASSAGE_CHARS."""
    splitter = _splitter(_LANGUAGES.get(suffix, ""))
    for block_start, block_end in _blocks(text, section):
        # Nothing is stripped and nothing overlaps, so the chunks put together are the block again and each
        # offset is a sum. (The splitter's own start_index looks for the text, and may find an earlier twin.)
        offset = block_start
        for chunk in splitter.split_text(text[block_start:block_end]):
            end = offset + len(chunk)
            for start in range(offset, end, PASSAGE_CHARS):
                yield start, min(start + PASSAGE_CHARS, end)
            offset = end


def _blocks(text: str, section: Piece) -> Iterator[tuple[int, int]]:
    start = section.start
    while section.end - start > _BLOCK_CHARS:
        line_end = text.rfind("\n", start, start + _BLOCK_CHARS)
        end = line_end + 1 if line_end > start else start + _BLOCK_CHARS
        yield start, end
        start = end
    yield start, section.end


@cache
def _splitter(language: str) -> RecursiveCharacterTextSplitter:
    # Loaded with the first document: it is 40 MB that the page never needs.
    from langchain_text_splitters import Language, RecursiveCharacterTextSplitter  # noqa: PLC0415

    separators = list(_PROSE_SEPARATORS)
    if language:
        separators = RecursiveCharacterTextSplitter.get_separators_for_language(Language(language))
    return RecursiveCharacterTextSplitter(
        # Without its last, empty separator: a line without spaces would become an object a character.
        separators=[separator for separator in separators if separator],
        is_separator_regex=True,
        keep_separator=True,
        strip_whitespace=False,
        chunk_size=PASSAGE_CHARS,
        chunk_overlap=0,
    )
