"""How a generated value looks: rare, mixed, and no example."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping
from types import MappingProxyType

from policies.detectors.once import once
from policies.detectors.rarity import rarity

_RARE_BITS = 3.2  # bits a character; words of a language and counting digits lie below, random base 62 of 24 above 3.9
_HEX_RARE_BITS = 2.9  # sixteen symbols hold at most 4 bits; random hexadecimal of 32 lies above 3.2
_HEX_DIGITS = frozenset("0123456789abcdefABCDEF")
_EXAMPLE_PARTS = ("example", "your", "placeholder", "dummy", "redacted", "xxxx", "****", "....", "----", "____")
_MARK = "EXAMPLE"
_MIN_UNMARKED_CHARS = 24
_UNMARKED_BITS = 40.0
_DRAWN_BITS = 16.0  # one in 65,000 odds; names and words lie below zero, 16 random characters above 20
_ODD_BITS = 6.0  # of the letters and digits of a value that is named a secret
_MIN_DRAWN_CHARS = 5
_PLAIN_SIGNS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+/=.~-")
_TOKEN_ENDS = frozenset(".~")  # the judge of tokens leaves them out, and begins behind a `=`
_TEMPLATE = re.compile(r"[\s\\<>{}()]|%[sd]\b|%\(|://|^[$/.#%]")  # single classes: linear
_PARTNER = {")": "(", "]": "[", "}": "{"}
_CODE = re.compile(r"\}\);|\)\{|[!=]==|\b(?:if|for|while|return|throw|function|typeof)\b[ (!]")
_MIN_JUMBLED_SIGNS = 6  # kinds
_MIN_JUMBLED_LETTERS = 8
_MIN_DIFFERENT_CHARS = 3  # `aaaa` and `xyxy` are fillings


_DIGIT = re.compile("[0-9]")
_JUDGED_CHARS = 512  # the head of a longer value tells; else many names in one long run would take time without end


def bits_of(text: str) -> float:
    """Return Shannon's entropy in bits a character."""
    counts = Counter(text)
    return -sum(count / len(text) * math.log2(count / len(text)) for count in counts.values()) if text else 0.0


def is_rare(value: str) -> bool:
    """Tell whether the characters are as mixed as a generated key's."""
    value = value[:_JUDGED_CHARS]
    least = _HEX_RARE_BITS if _HEX_DIGITS.issuperset(value) else _RARE_BITS
    return bits_of(value) >= least


def has_digit(value: str) -> bool:
    """Tell whether a digit occurs."""
    return _DIGIT.search(value) is not None


def is_mixed(value: str) -> bool:
    """Tell whether small letters, capitals and digits all occur."""
    return has_digit(value) and any(c.islower() for c in value) and any(c.isupper() for c in value)


@once
def is_drawn(value: str) -> bool:
    """Tell whether the value looks drawn by lot: chance explains it far better than spelling does."""
    return rarity(value[:_JUDGED_CHARS].encode("latin-1", "replace")) >= _DRAWN_BITS


def is_no_example(value: str) -> bool:
    """Tell whether the value does not say of itself that it is only an example."""
    low = without_mark(value[:_JUDGED_CHARS]).lower()
    return not any(part in low for part in _EXAMPLE_PARTS) and len(set(low)) >= _MIN_DIFFERENT_CHARS


def without_mark(value: str) -> str:
    """Return a value without the `EXAMPLE` that was set into it, when what is left was drawn by lot and is long."""
    bare = value.replace(_MARK, "")
    if len(bare) == len(value) or len(bare) < _MIN_UNMARKED_CHARS:
        return value
    return bare if rarity(bare.encode("latin-1", "replace")) >= _UNMARKED_BITS else value


def is_odd_secret(value: str) -> bool:
    """Tell whether a value with punctuation, such as `a$b!c#9xQ`, was drawn by lot, and is no template."""
    if is_jumbled(value):
        return True
    drawn = "".join(c for c in value if c.isascii() and c.isalnum())
    is_one_token = _PLAIN_SIGNS.issuperset(value) and "=" not in value.rstrip("=") and value[-1:] not in _TOKEN_ENDS
    if len(drawn) < _MIN_DRAWN_CHARS or is_one_token or not has_digit(value):
        return False
    return not _TEMPLATE.search(value) and is_no_example(value) and rarity(drawn.encode("ascii")) >= _ODD_BITS


def is_jumbled(value: str) -> bool:
    """Tell whether letters stand among many kinds of signs, with brackets that do not pair: no code, no template."""
    signs = {c for c in value if c.isascii() and not c.isalnum()}
    letters = sum(c.isalnum() for c in value)
    is_mixed_up = len(signs) >= _MIN_JUMBLED_SIGNS and letters >= _MIN_JUMBLED_LETTERS
    return is_mixed_up and not _is_paired(value) and not _CODE.search(value) and is_no_example(value)


def _is_paired(value: str) -> bool:
    """Tell whether every bracket has its partner, as in code; the brackets of a jumble close what none has opened."""
    open_brackets: list[str] = []
    for c in value:
        if c in _PARTNER.values():
            open_brackets.append(c)
        elif c in _PARTNER and (not open_brackets or open_brackets.pop() != _PARTNER[c]):
            return False
    return True  # what was cut off has not closed all that it opened


def is_letters_drawn(value: str) -> bool:
    """Tell whether groups of small letters, joined, were drawn by lot and are no words."""
    return rarity(value.replace(" ", "").encode("latin-1", "replace")) >= _ODD_BITS


CHECKS: Mapping[str, Callable[[str], bool]] = MappingProxyType(
    {
        "rare": is_rare,
        "digit": has_digit,
        "mixed": is_mixed,
        "drawn": is_drawn,
        "no-example": is_no_example,
        "letters-drawn": is_letters_drawn,
        "odd-secret": is_odd_secret,
        "jumbled": is_jumbled,
    }
)
