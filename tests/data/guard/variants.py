# ruff: noqa: RUF001 - look-alike letters are the point
"""Disguises and retellings: the same value in a sentence, a table, escaped, wrapped, encoded, with odd characters.

Each takes a labelled plain text and gives it back changed, with the value's pieces marked, or None where the change
makes no sense for it. "Retellings" only need the value; "disguises" must be seen through.
"""

from __future__ import annotations

import base64
import html
import json
import random
import re
from collections.abc import Callable, Iterable
from dataclasses import replace

from tests.data.guard.labelled import Labelled, Span, place

Variant = Callable[[Labelled, random.Random], Labelled | None]

ZERO_WIDTH = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u180e\u200e\u2063\ufe0f\u034f"
"""Characters without width: spaces and joiners, the soft hyphen, marks of direction, selectors."""

LOOK_ALIKE = {
    "a": "а", "c": "с", "e": "е", "o": "оο", "p": "рρ", "x": "х", "y": "у", "i": "і", "s": "ѕ", "j": "ј",
    "A": "АΑ", "B": "ВΒ", "C": "С", "E": "ЕΕ", "H": "НΗ", "I": "ІΙ", "K": "КΚ", "M": "МΜ", "O": "ОΟ", "P": "РΡ",
    "T": "ТΤ", "X": "ХΧ", "Y": "ΥҮ", "S": "Ѕ", "J": "Ј", "N": "Ν", "Z": "Ζ",
}  # fmt: skip
"""Letters of Cyrillic and Greek that look like Latin ones."""


def merge(pieces: Iterable[Span]) -> tuple[Span, ...]:
    """Join pieces that touch."""
    joined: list[Span] = []
    for start, end in pieces:
        if joined and joined[-1][1] == start:
            joined[-1] = (joined[-1][0], end)
        elif start < end:
            joined.append((start, end))
    return tuple(joined)


def spell_out(labelled: Labelled, change: Callable[[str, int, bool], tuple[str, str]]) -> Labelled:
    """Rewrite a text sign by sign.

    `change` gets a sign, its place and whether it is the value's, and gives what stands before it (which is nobody's)
    and what stands for it.
    """
    ((first, last),) = labelled.spans
    out: list[str] = []
    pieces: list[Span] = []
    length = 0
    for at, sign in enumerate(labelled.text):
        before, instead = change(sign, at, first <= at < last)
        out += (before, instead)
        length += len(before)
        if first <= at < last:
            pieces.append((length, length + len(instead)))
        length += len(instead)
    return replace(labelled, text="".join(out), spans=merge(pieces))


def told(labelled: Labelled, template: str) -> Labelled:
    """Put the bare value into another text."""
    text, span = place(template.replace("{label}", labelled.label), labelled.value)
    return replace(labelled, text=text, spans=(span,))


def telling(*templates: str) -> Variant:
    """Make a variant that tells the value in one of these texts."""
    return lambda labelled, rng: told(labelled, rng.choice(templates)) if labelled.label else None


def alone(labelled: Labelled, rng: random.Random) -> Labelled | None:
    """Show only the value; nobody can know a value without a form of its own."""
    return told(labelled, rng.choice(("\0", "what is this? \0", "\0 ?"))) if labelled.distinctive else None


def one_line(variant: Variant) -> Variant:
    """Let a variant pass over values of several lines."""
    return lambda labelled, rng: None if "\n" in labelled.value else variant(labelled, rng)


def formed(variant: Variant) -> Variant:
    """Let a variant pass over values without a form of their own, as the promise does."""
    return lambda labelled, rng: variant(labelled, rng) if labelled.distinctive else None


def json_escaped(labelled: Labelled, times: int) -> Labelled:
    """Put the text into a JSON string, and that document into a string again."""
    for head in ('{"role": "user", "content": "', '{"event": "')[:times]:
        escaped = spell_out(labelled, lambda sign, at, inside: ("", json.dumps(sign, ensure_ascii=False)[1:-1]))
        labelled = shifted(escaped, head, '"}')
    return labelled


def shifted(labelled: Labelled, head: str, tail: str) -> Labelled:
    """Put text around a text."""
    spans = tuple((start + len(head), end + len(head)) for start, end in labelled.spans)
    return replace(labelled, text=head + labelled.text + tail, spans=spans)


def markdown_escaped(labelled: Labelled, rng: random.Random) -> Labelled:
    """Escape what Markdown would read."""
    return spell_out(labelled, lambda sign, at, inside: ("", "\\" + sign if sign in "\\`*_{}[]()#+-.!|~>" else sign))


def html_entities(labelled: Labelled, rng: random.Random) -> Labelled:
    """Write all that is not a letter or digit as entities, named, decimal or hexadecimal."""
    style = rng.choice(("named", "decimal", "hex", "all"))

    def entity(sign: str) -> str:
        if sign == "\n" or (style != "all" and (sign.isalnum() or sign == " ")):
            return sign
        if style == "named":
            named = html.escape(sign)
            return named if named != sign else f"&#{ord(sign)};"
        return f"&#x{ord(sign):x};" if style == "hex" else f"&#{ord(sign)};"

    return spell_out(labelled, lambda sign, at, inside: ("", entity(sign)))


def wrapped(labelled: Labelled, rng: random.Random, prefix: str = "", width: int = 20) -> Labelled:
    """Break the text every so many characters."""
    column = 0

    def wrap(sign: str, at: int, inside: bool) -> tuple[str, str]:  # noqa: FBT001 - the shape `spell_out` asks for
        nonlocal column
        if sign == "\n":
            column = 0
            return "", "\n" + prefix
        if column == width:
            column = 1
            return "\n" + prefix, sign
        column += 1
        return "", sign

    return shifted(spell_out(labelled, wrap), prefix, "")


JOINTS = {
    "plus": ('key = "{}"', '" + "'),
    "single quotes": ("const key = '{}';", "' + '"),
    "over lines": ('String key = "{}";', '"\n    + "'),
    "php": ("$key = '{}';", "' . '"),
    "python": ('key = ("{}")', '"\n       "'),
    "ampersand": ('Dim key = "{}"', '" & "'),
    "backslash": ("export KEY='{}'", "'\\\n'"),
    "lua": ('local key = "{}"', '" .. "'),
    "array": ('key = ["{}"].join("")', '", "'),
}


def concatenated(labelled: Labelled, rng: random.Random) -> Labelled | None:
    """Write the value as strings joined in code, under its label in a comment."""
    value = labelled.value
    if any(sign in value for sign in "\n\"'\\") or len(value) < 6 or not labelled.label:
        return None
    frame, joint = rng.choice(list(JOINTS.values()))
    cuts = sorted(rng.sample(range(2, len(value) - 1), min(rng.choice((1, 2, 3)), len(value) - 4)))
    shown = replace(labelled, text=value, spans=((0, len(value)),))
    cut = spell_out(shown, lambda sign, at, inside: (joint if at in cuts else "", sign))
    head, _, tail = frame.partition("{}")
    name = re.sub(r"\W+", "_", labelled.label).lower().strip("_")
    return shifted(cut, head.replace("key", name, 1).replace("KEY", name.upper(), 1), tail)


def sprinkled(labelled: Labelled, rng: random.Random) -> Labelled:
    """Put characters without width into the value."""
    kinds = rng.sample(ZERO_WIDTH, rng.choice((1, 1, 3)))
    step = rng.choice((1, 2, 4, 7))
    ((first, _),) = labelled.spans

    def sprinkle(sign: str, at: int, inside: bool) -> tuple[str, str]:  # noqa: FBT001 - the shape `spell_out` asks for
        return ("", rng.choice(kinds) + sign) if inside and at > first and (at - first) % step == 0 else ("", sign)

    return spell_out(labelled, sprinkle)


def full_width(labelled: Labelled, rng: random.Random) -> Labelled:
    """Write the value in full-width forms."""
    return spell_out(
        labelled, lambda sign, at, inside: ("", chr(ord(sign) + 0xFEE0) if inside and "!" <= sign <= "~" else sign)
    )


def look_alike(*, inside_value: bool) -> Variant:
    """Make a variant that swaps Latin letters for look-alikes, in the value or around it."""

    def swap(labelled: Labelled, rng: random.Random) -> Labelled:
        def change(sign: str, at: int, inside: bool) -> tuple[str, str]:  # noqa: FBT001 - the shape `spell_out` asks for
            if inside == inside_value and sign in LOOK_ALIKE and rng.random() < 0.5:
                return "", rng.choice(LOOK_ALIKE[sign])
            return "", sign

        return spell_out(labelled, change)

    return swap


def grouped(size: int, glue: str) -> Variant:
    """Make a variant that puts something between groups of the value."""

    def group(labelled: Labelled, rng: random.Random) -> Labelled | None:
        if " " in labelled.value or "\n" in labelled.value:
            return None
        ((first, _),) = labelled.spans
        return spell_out(
            labelled,
            lambda sign, at, inside: (glue if inside and at > first and (at - first) % size == 0 else "", sign),
        )

    return group


def encoded_value(encode: Callable[[str], str]) -> Variant:
    """Make a variant that encodes the value where it stands."""

    def variant(labelled: Labelled, rng: random.Random) -> Labelled:
        ((first, last),) = labelled.spans
        value = encode(labelled.value)
        text = labelled.text[:first] + value + labelled.text[last:]
        return replace(labelled, text=text, spans=((first, first + len(value)),))

    return variant


def base64_value(labelled: Labelled, rng: random.Random) -> Labelled:
    """Encode the value in base64, of either alphabet."""
    encode = rng.choice((base64.b64encode, base64.urlsafe_b64encode))
    return encoded_value(lambda value: encode(value.encode()).decode())(labelled, rng) or labelled


def base64_message(labelled: Labelled, rng: random.Random) -> Labelled:
    """Encode the whole text in base64; the value's are the characters that its bytes touch."""
    encode = rng.choice((base64.b64encode, base64.urlsafe_b64encode))
    ((first, last),) = labelled.spans
    start, end = len(labelled.text[:first].encode()), len(labelled.text[:last].encode())
    return replace(labelled, text=encode(labelled.text.encode()).decode(), spans=((start * 4 // 3, -(-end * 4 // 3)),))


def signs(form: str) -> Variant:
    """Make a variant that writes each sign of the value as a number."""
    return lambda labelled, rng: spell_out(
        labelled, lambda sign, at, inside: ("", form.format(ord(sign)) if inside and ord(sign) < 0x80 else sign)
    )


def percent(labelled: Labelled, rng: random.Random) -> Labelled:
    """Percent-encode the value: all of it, or what an address must not hold."""
    every = rng.random() < 0.5

    def shown(sign: str) -> bool:
        return sign < "\x80" and (every or not sign.isalnum())

    return spell_out(
        labelled,
        lambda sign, at, inside: ("", f"%{ord(sign):02X}" if inside and shown(sign) else sign),
    )


def mixed(labelled: Labelled, rng: random.Random) -> Labelled | None:
    """Put a sentence with a disguised value into JSON."""
    if not labelled.label:
        return None
    sentence = told(labelled, "our {label} is \0 and the script still says 401")
    disguised = rng.choice((sprinkled, full_width, look_alike(inside_value=True), signs("\\u{:04x}")))(sentence, rng)
    return shifted(disguised, '{"content": "', '"}') if disguised else None


RETOLD: dict[str, Variant] = {
    "sentence": telling("our {label} is \0 and the script still says 401", "I put \0 in as the {label} but it fails",
                        "the {label} I use is \0, is that format right?", "why is {label} \0 rejected?"),
    "German sentence": telling("unser {label} ist \0 und das Skript meldet noch 401",
                               "Mein {label} lautet \0, was ist falsch?",
                               "Ich habe \0 als {label} eingetragen, es geht nicht"),
    "alone": alone,
    "Markdown table": one_line(telling("| name | value |\n| --- | --- |\n| {label} | \0 |\n| region | eu |",
                                       "| {label} | `\0` |", "|service|key|owner|\n|---|---|---|\n|{label}|\0|anna|")),
    "HTML table": one_line(telling("<table><tr><td>{label}</td><td>\0</td></tr></table>",
                                   "<tr><th>{label}</th>\n<td><code>\0</code></td></tr>")),
    "JSON escaped once": lambda labelled, rng: json_escaped(labelled, 1),
    "JSON escaped twice": lambda labelled, rng: json_escaped(labelled, 2),
    "Markdown escaped": markdown_escaped,
    "HTML entities": html_entities,
    "wrapped every 20": wrapped,
    "wrapped and quoted": lambda labelled, rng: wrapped(labelled, rng, prefix="> "),
    "concatenated": concatenated,
}  # fmt: skip
"""Must reach 95 % of the plain form."""

DISGUISED: dict[str, Variant] = {
    "zero-width": sprinkled,
    "full-width": full_width,
    "homoglyphs inside": look_alike(inside_value=True),
    "homoglyphs around": look_alike(inside_value=False),
    "base64 of the value": base64_value,
    "base64 of the message": base64_message,
    "hex": encoded_value(lambda value: value.encode().hex()),
    "percent": percent,
    "\\u escapes": signs("\\u{:04x}"),
    "\\x escapes": signs("\\x{:02x}"),
}
"""Must reach 97 % of the plain form."""

OTHERS: dict[str, Variant] = {
    "spaced by 4": formed(grouped(4, " ")),
    "spaced by 1": formed(grouped(1, " ")),
    "dashed by 4": formed(grouped(4, "-")),
    "mixed": mixed,
}
"""Without a mark of their own; grouping is promised for values with a prefix or checksum."""

VARIANTS: dict[str, Variant] = {**RETOLD, **DISGUISED, **OTHERS}
