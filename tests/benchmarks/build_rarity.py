"""Write `policies/detectors/rarity_table.py`: how words and identifiers are spelled, counted in this system's own text.

    .venv/bin/python tests/benchmarks/build_rarity.py > policies/detectors/rarity_table.py

Read are documentation, headers, source code and the German, French and Spanish message catalogues of a Debian system
with Python packages. Each different run of letters, digits and `_.-` counts once, whatever its number, so that no
package outweighs the rest; runs that look generated (hashes, encoded data) are left out by simple means: a digit in
more than a third of the places, or no separator in more than 32 characters.
"""

from __future__ import annotations

import base64
import gzip
import math
import random
import re
import sys
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

_ROOTS = ("/usr/share/doc", "/usr/include", "/usr/lib/python3", "/usr/lib/python3.11", "/usr/share/perl", sys.prefix)
_CATALOGUES = ("de", "fr", "es")
_ENDINGS = {
    ".py",
    ".h",
    ".md",
    ".rst",
    ".txt",
    ".json",
    ".js",
    ".ts",
    ".html",
    ".pl",
    ".pm",
    ".c",
    ".cpp",
    ".yaml",
    ".gz",
    "",
}
_FILES = 9_000
_BYTES_A_FILE = 60_000
_RUN = re.compile(rb"[A-Za-z0-9_.\-]{3,64}")
_LEVELS = 15  # 4 bits; a level is half a bit of cost above the cheapest
_SYMBOLS = 28  # a..z, a digit, anything else


def _texts() -> Iterator[bytes]:
    names = [p for root in _ROOTS for p in Path(root).rglob("*") if p.suffix in _ENDINGS]
    names.sort()
    random.Random(1).shuffle(names)  # noqa: S311 - a sample, the same each time
    for name in names[:_FILES]:
        try:
            data = name.read_bytes()[: 4 * _BYTES_A_FILE] if name.is_file() else b""
            yield gzip.decompress(name.read_bytes())[:_BYTES_A_FILE] if name.suffix == ".gz" else data[:_BYTES_A_FILE]
        except (OSError, EOFError, zlib.error):
            continue
    for language in _CATALOGUES:
        for name in sorted(Path("/usr/share/locale", language).rglob("*.mo")):
            yield name.read_bytes()


def _is_generated(run: bytes) -> bool:
    digits = sum(48 <= c <= 57 for c in run)
    return digits * 3 > len(run) or max(map(len, re.split(rb"[_.\-]", run))) > 32


def _symbol(c: int) -> int:
    return c - 97 if 97 <= c <= 122 else 26 if 48 <= c <= 57 else 27


def main() -> None:
    """Count, smooth, and write the two tables."""
    runs = {run for text in _texts() for run in _RUN.findall(text) if not _is_generated(run)}
    letters: Counter[tuple[int, int, int]] = Counter()
    cases: Counter[tuple[int, int, int]] = Counter()
    for run in runs:
        row = [27, 27, *map(_symbol, run.lower()), 27]
        letters.update(zip(row, row[1:], row[2:], strict=False))
        kinds = [2, 2, *(0 if 97 <= c <= 122 else 1 if 65 <= c <= 90 else 2 for c in run)]
        cases.update((a, b, c) for a, b, c in zip(kinds, kinds[1:], kinds[2:], strict=False) if c != 2)
    pairs: Counter[tuple[int, int]] = Counter()
    for (_, b, c), count in letters.items():
        pairs[b, c] += count
    costs = []
    for a in range(_SYMBOLS):
        for b in range(_SYMBOLS):
            total = sum(letters[a, b, c] for c in range(_SYMBOLS))
            below = sum(pairs[b, c] for c in range(_SYMBOLS))
            for c in range(_SYMBOLS):
                backed = (pairs[b, c] + 1) / (below + _SYMBOLS)
                costs.append(-math.log2((letters[a, b, c] + 20 * backed) / (total + 20)))
    levels = [min(_LEVELS, round(cost * 1.25)) for cost in costs]
    packed = bytes(a << 4 | b for a, b in zip(levels[::2], levels[1::2], strict=True))
    text = base64.b85encode(zlib.compress(packed, 9)).decode()
    case = [
        [
            [round(-math.log2((cases[a, b, c] + 1) / (cases[a, b, 0] + cases[a, b, 1] + 2)), 2) for c in (0, 1)]
            for b in range(3)
        ]
        for a in range(3)
    ]
    print('"""How often letters follow each other, written by `tests/benchmarks/build_rarity.py`; do not edit."""')
    print(f"\n# From {len(runs)} different words and identifiers.")
    print("CASE_COSTS = (")
    for rows in case:
        print(f"    ({', '.join(f'({low}, {up})' for low, up in rows)}),")
    print(")")
    print('"""Bits of a small letter or a capital after two characters, each small, capital or other."""\n')
    print("PACKED_COSTS = (")
    for i in range(0, len(text), 100):
        print(f'    "{text[i : i + 100]}"')
    print(")")
    print('"""Base 85 of zlib of four bits for each three symbols (a to z, digit, other), in steps of 0.8 bits."""')


if __name__ == "__main__":
    main()
