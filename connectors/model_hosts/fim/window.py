"""How much of a file goes along: most of it from before the cursor, whole lines, never more than there is room for."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from connectors.model_hosts.values import BYTES_PER_TOKEN, CodeFile, Gap, most_tokens_of

# A small model on a desk reads some 2,000 tokens a second; who waits for two seconds has typed on.
WINDOW_TOKENS: Final = 4096
_SUFFIX_SHARE: Final = 4  # a quarter, as llama.cpp's own /infill takes it
_FILE_TOKENS: Final = 32  # a file's name and what stands around it


def fitted(gap: Gap, room_tokens: int) -> Gap:
    """Return what of a gap fits: three quarters for what precedes the cursor; what one part leaves the others get.

    Args:
        gap: of any length.
        room_tokens: for both parts and other files together, counted so that hardly any tokenizer counts more.
    """
    room_bytes = max(0, room_tokens) * BYTES_PER_TOKEN
    suffix_bytes, prefix_bytes = len(gap.suffix.encode()), len(gap.prefix.encode())
    suffix_room = max(room_bytes // _SUFFIX_SHARE, room_bytes - prefix_bytes)
    suffix = _head(gap.suffix, min(suffix_room, suffix_bytes))
    prefix = _tail(gap.prefix, room_bytes - len(suffix.encode()))
    cut = replace(gap, prefix=prefix, suffix=suffix, files=())
    left = room_tokens - gap_tokens(cut)
    files: list[CodeFile] = []
    for file in gap.files:
        tokens = most_tokens_of(file.text) + _FILE_TOKENS
        if tokens <= left:
            files.append(file)
            left -= tokens
    return replace(cut, files=tuple(files))


def gap_tokens(gap: Gap) -> int:
    """Return how many tokens a gap takes at most."""
    files = sum(most_tokens_of(file.text) + _FILE_TOKENS for file in gap.files)
    return most_tokens_of(gap.prefix) + most_tokens_of(gap.suffix) + files


def _tail(text: str, most_bytes: int) -> str:
    """Return the end of a text from the beginning of a line; of one long line, as much as fits."""
    raw = text.encode()
    if len(raw) <= most_bytes:
        return text
    kept = raw[len(raw) - most_bytes :].decode(errors="ignore") if most_bytes else ""
    if text[-len(kept) - 1 : -len(kept)] == "\n":
        return kept
    line_end = kept.find("\n")
    return kept if line_end < 0 else kept[line_end + 1 :]


def _head(text: str, most_bytes: int) -> str:
    """Return the beginning of a text up to the end of a line; of one long line, as much as fits."""
    raw = text.encode()
    if len(raw) <= most_bytes:
        return text
    kept = raw[:most_bytes].decode(errors="ignore")
    line_end = kept.rfind("\n")
    return kept if line_end < 0 else kept[: line_end + 1]
