"""How much better a value is explained by chance than by the way words and identifiers are spelled, in bits.

Two ways to write a value are weighed against each other. A person spells: letters follow each other as they do in
English, German, French, Spanish and code, capitals stand where capitals stand, digits come at the end
(`rarity_table`, a model of three symbols in a row). A generator draws each character from an alphabet of 10, 16, 36,
62 or 64 with the same chance. The difference of the two costs is the evidence, and grows with the length as evidence
should: `internationalization_v2` is far below zero, eight random characters are at some 15, forty above 100.
Shannon's entropy, which only counts characters, calls both alike.
"""

from __future__ import annotations

import base64
import math
import zlib
from operator import sub
from typing import Final

from policies.detectors.rarity_table import CASE_COSTS, PACKED_COSTS

_STEP_BITS: Final = 0.8  # of the packed table
_SYMBOLS: Final = 28
_OTHER: Final = 27
_DIGIT_BITS: Final = math.log2(10)
_SIGN_BITS: Final = 2.0  # which of the few signs `_-./+=~` it is

_LOWER: Final = b"abcdefghijklmnopqrstuvwxyz"
_UPPER: Final = _LOWER.upper()
_DIGITS: Final = b"0123456789"
_SYMBOL_OF: Final = bytes(
    _LOWER.find(c) if c in _LOWER else _UPPER.find(c) if c in _UPPER else 26 if c in _DIGITS else _OTHER
    for c in range(256)
)
_KIND_OF: Final = bytes(0 if c in _LOWER else 1 if c in _UPPER else 2 for c in range(256))
_HEX_LETTERS: Final = b"abcdefABCDEF"
_SIGNS: Final = b"_-./+=~"
_KEYBOARD_ROWS: Final = (b"qwertzuiop", b"qwertyuiop", b"azertyuiop", b"asdfghjkl", b"zxcvbnm", b"yxcvbnm")
_KEYS_IN_A_ROW: Final = 6
_KEYBOARD_PARTS: Final = frozenset(
    row[start:end] for row in _KEYBOARD_ROWS for start in range(len(row)) for end in range(start + 1, len(row) + 1)
)
_MAX_PERIOD: Final = 8


def _unpacked() -> tuple[tuple[tuple[float, ...], ...], ...]:
    packed = zlib.decompress(base64.b85decode("".join(PACKED_COSTS)))
    levels = [level for pair in packed for level in (pair >> 4, pair & 15)]
    extra = {26: _DIGIT_BITS, _OTHER: _SIGN_BITS}
    # The few numbers that occur are made once: tables of so many objects would not stay in a processor's cache.
    bits = [[level * _STEP_BITS + extra.get(c, 0.0) for level in range(16)] for c in range(_SYMBOLS)]
    return tuple(
        tuple(
            tuple(bits[c][levels[(a * _SYMBOLS + b) * _SYMBOLS + c]] for c in range(_SYMBOLS)) for b in range(_SYMBOLS)
        )
        for a in range(_SYMBOLS)
    )


_COSTS: Final = _unpacked()
_CASES: Final = tuple(tuple((*row, 0.0) for row in rows) for rows in CASE_COSTS)  # no case, no cost


def spelling_bits(value: bytes) -> float:
    """Return what it costs to write the value as a person spells."""
    symbols = value.translate(_SYMBOL_OF)
    cost = 0.0
    a = b = _OTHER
    for c in symbols:
        cost += _COSTS[a][b][c]
        a, b = b, c
    if not value.islower():
        a = b = 2
        for c in value.translate(_KIND_OF):
            cost += _CASES[a][b][c]
            a, b = b, c
    return cost


def chance_bits(value: bytes) -> float:
    """Return what it costs to draw the value from the smallest usual alphabet that has all its characters."""
    signs = len(value) - len(value.translate(None, _SIGNS))
    rest = value.translate(None, _SIGNS + _DIGITS)
    if not rest.translate(None, _HEX_LETTERS) and (rest.islower() or rest.isupper() or not rest):
        size = 16 if rest else 10
    elif rest.islower() or rest.isupper():
        size = 26 if len(rest) + signs == len(value) else 36
    else:
        size = 52 if len(rest) + signs == len(value) else 62
    # A sign costs in both accounts nearly alike: separators are no evidence of chance.
    return (len(value) - signs) * math.log2(size) + signs * (_SIGN_BITS + 3.0)


def rarity(value: bytes) -> float:
    """Return the evidence for chance against spelling, in bits; negative for words."""
    return spelling_bits(value) - chance_bits(value)


def is_filling(value: bytes) -> bool:
    """Tell whether the value runs on by a rule: `aaaaaaaa`, `12345678`, `abcdefgh`, `qwertzui`, `abcabcabc`."""
    low = value.lower()
    if len(set(low)) <= max(2, min(5, len(low) // 5)):
        return True
    steps = list(map(sub, low[1:], low))
    if (steps.count(0) + steps.count(1) + steps.count(-1)) * 5 > len(low) * 3:
        return True
    if low[:_KEYS_IN_A_ROW] in _KEYBOARD_PARTS or low[-_KEYS_IN_A_ROW:] in _KEYBOARD_PARTS:
        return True
    return low[: len(low) // 2] == low[len(low) // 2 : len(low) // 2 * 2] or _has_period(low)


def _has_period(low: bytes) -> bool:
    if low.find(low[:1], 1, _MAX_PERIOD + 1) < 0:
        return False
    return any(low[:-period] == low[period:] for period in range(1, min(_MAX_PERIOD + 1, len(low) // 2)))
