"""Values whose name stands behind them: `8473192 is the member number`, `AB473926 as her passport`, `AB473926 (visa)`.

A rule wants the words that name a value before it, so such a value is told again behind its name. Until the name has
ended, the value is held: a stream finds what the whole text does.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Final

from policies.views.cells import REACH_CHARS, Cell
from policies.views.regex import Regex

_OWNERS: Final = {
    ("is", "was", "as"): ("the", "my", "his", "her", "our", "your", "their", "a", "an"),
    ("ist", "als"): ("meine", "mein", "die", "der", "das", "seine", "ihre", "unsere", "unser"),
    ("est", "comme"): ("le", "la", "mon", "ma", "son", "sa", "notre"),
    ("es", "como"): ("el", "la", "mi", "su", "nuestro"),
    ("è", "come"): ("il", "la", "il mio", "la mia", "il suo", "la sua"),
    ("é",): ("o", "a", "meu", "minha", "o meu", "a minha", "o seu", "a sua"),
    ("is", "als"): ("mijn", "het", "de", "haar", "zijn", "ons", "onze"),
    ("är", "er"): ("mitt", "min", "mit", "hans", "hennes"),
}
"""Verbs and who has what stands before them."""

_AS: Final = ("as", "als", "comme", "como", "come", "jako", "som")
"""Behind these the name may stand by itself: `I entered 8473192 as tax number`."""

_LINKS: Final = (
    *(f" {verb} {owner} " for verbs, owners in _OWNERS.items() for verb, owner in product(verbs, owners)),
    *(f" {verb} " for verb in _AS),
)
_BRACKET: Final = " ("

_MONTH: Final = (
    "(?i:jan|feb|f[eé]v|mar|m[aä]r|apr|avr|abr|may|mai|mag|jun|juin|giu|jul|juil|lug|aug|ao[uû]|ago|sep|set|oct|okt|"
    "out|ott|nov|dec|dez|d[eé]c|dic|ene|gen)[a-zà-ÿ]{0,7}"
)
_DAY: Final = "[0-3]?[0-9](?:st|nd|rd|th|er|[.º])?"
_DAY_BEHIND_MONTH: Final = r" [0-3]?[0-9](?:st|nd|rd|th)?,? (?:19|20)[0-9]{2}"
_ENGLISH_MONTH: Final = (
    "(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?|"
    r"Nov(?:ember)?|Dec(?:ember)?)\.?"
)
_DATE: Final = (
    rf"{_ENGLISH_MONTH}{_DAY_BEHIND_MONTH}|{_DAY}[ -](?:of |de )?{_MONTH}\.?,?[ -](?:de )?(?:19|20)?[0-9]{{2}}"
)
# Groups of a number: `42-9077178`, `775 699 309`, `1496298 T P N 000`.
_JOINT: Final = "(?:[./-]| | [-/] )"
_GROUP: Final = "(?:[A-Z]{0,3}[0-9][A-Za-z0-9]{0,40}|[A-Z]{1,3})"
_GROUPED: Final = rf"(?:[A-Z]{{1,6}}-?)?[0-9][A-Za-z0-9]{{0,40}}(?:{_JOINT}{_GROUP}){{0,7}}"
_NUMBER: Final = rf"(?:{_GROUPED}|[A-Za-z]{{1,6}}-?[0-9][A-Za-z0-9]{{0,40}})"  # no groups behind small letters
_BEFORE: Final = "(?:[^A-Za-z0-9]|^)"
_WORD: Final = r"[A-Za-zÀ-ÿ\x80-\x9f.]{1,25}"
_LABEL: Final = rf"{_WORD}(?:[ '-]{_WORD}){{0,3}}"
_LEAST_CHARS: Final = 6
_MOST_CHARS: Final = 400  # no value with its name is longer


def _beginnings(link: str) -> Iterator[str]:
    return (link[:size] for size in range(1, len(link)))


def _any_of(texts: Iterator[str]) -> str:
    return "|".join(text.replace("(", r"\(") for text in sorted(set(texts), key=lambda text: (-len(text), text)))


_LINKED: Final = rf"(?:{_any_of(iter(_LINKS))})"
_BEHIND: Final = Regex(rf"{_BEFORE}({_DATE}|{_NUMBER})(?:{_LINKED}({_LABEL})| \(({_LABEL})\))")
_BEGUN: Final = _any_of(part for link in (*_LINKS, _BRACKET) for part in _beginnings(link))
_NAMED: Final = rf"(?:{_BEGUN})|(?:{_LINKED}| \()(?:{_LABEL}[ '-]?)?"
# What may still become one: a number that goes on, a date, a value and the beginning of a link or of a name.
_NUMBER_ON: Final = rf"(?:{_GROUPED}(?:{_JOINT}[A-Z]{{0,3}}| [-/])?|{_NUMBER})"
_MONTH_ON: Final = rf"(?:[A-Za-z][a-zé]?|{_MONTH}\.?,?(?:[ -](?:de?|de |(?:de )?[0-9]{{1,4}})?)?)"
_DAY_ON: Final = r"(?: (?:[0-3]?[0-9](?:[snrt]|st|nd|rd|th)?(?:,? [0-9]{0,4}|,)?)?)?"
_DATE_ON: Final = rf"{_ENGLISH_MONTH}{_DAY_ON}|{_DAY}[ -](?:of?|of |de?|de |(?:of |de )?{_MONTH_ON})?"
_OPEN: Final = Regex(rf"{_BEFORE}(?:{_NUMBER_ON}|{_DATE_ON}|({_DATE}|{_NUMBER})(?:{_NAMED}))\z")


def named_behind(data: bytes, start: int) -> Iterator[Cell]:
    """Yield the values that end behind `start`, with the names behind them."""
    place = max(0, start - _MOST_CHARS)
    while (found := _BEHIND.search(data, place)) is not None:
        (begin, end), place = found[1], found[1][1]
        if end - begin >= _LEAST_CHARS:
            yield Cell(begin, end, next(data[a:b] for a, b in found[2:] if a >= 0), is_open=False)


def open_value(data: bytes, start: int) -> int:
    """Return where the value at the end of the data begins that may be named yet; else the data's length."""
    found = _OPEN.search(data, max(0, start - REACH_CHARS, len(data) - _MOST_CHARS))
    if found is None or 0 <= found[1][0] > found[1][1] - _LEAST_CHARS:
        return len(data)
    begin = found[0][0]
    return begin if not begin and data[:1].isalnum() else begin + 1
