"""Texts that are hard on a guard: examples of every rule, whole, cut and disguised, among noise and very long runs."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Callable, Mapping
from importlib.resources import files

from hypothesis import strategies as st

from policies.guard import Guard
from policies.policy import parse_policy
from policies.pseudonyms import Pseudonyms
from policies.rules import SHIPPED
from policies.stream import StreamGuard
from policies.verdict import Direction, Verdict

_SHIPPED_TEXTS = {name: (files("policies.rules") / name).read_text("utf-8") for name in SHIPPED}
_ADDRESSES = {"addresses.yaml": 'actions:\n  - {rules: "personal/*-address*", action: redact}\n'}
_UNBLOCKED = {"unblocked.yaml": 'actions:\n  - {rules: ["secret/*", "outside/*"], action: redact}\n'}
POLICY = parse_policy(_SHIPPED_TEXTS | _ADDRESSES)
BLOCKING = Guard(POLICY)
# The same rules with nothing that blocks, so that the text after a private key is compared too.
REDACTING = Guard(parse_policy(_SHIPPED_TEXTS | _ADDRESSES | _UNBLOCKED))
EXAMPLES = [
    example.replace("«", "").replace("»", "") for rule in POLICY.rules for example in (*rule.found, *rule.passed)
]
KEYWORDS = sorted({word for rule in POLICY.rules for word in rule.keywords})
NOISE = ["\n", " ", "é", "日本", "\ud800", "\0", " is ", ": ", '"', "[EMAIL_1]", "[EMAIL_", "A" * 70 + "\n", "1 1 1 "]
# What a view reads specially, cut off in the middle of it.
OPENINGS = [
    "%",
    "%4",
    "\\",
    "\\u00",
    "\\u{",
    "&#",
    "&am",
    "\x1b[1;3",
    "\\033[",
    '" +',
    "\n> ",
    "\r\n",
    "=\n",
    "`",
    "%25",
    "\\\\u",
    "-----BEGIN ",
]

_ZERO_WIDTH = "\u200b\u200d\u2060\ufeff\u00ad\u0301"
_LOOK_ALIKES = str.maketrans("AEKMHOPCTXaeopcxyi", "АЕКМНОРСТХаеорсхуі")


def _every(size: int, text: str, between: str) -> str:
    return between.join(text[place : place + size] for place in range(0, len(text), size))


def full_width(text: str) -> str:
    """Write the ASCII letters and signs in their full-width forms."""
    return "".join(chr(ord(letter) + 0xFEE0) if "!" <= letter <= "~" else letter for letter in text)


def percent(text: str) -> str:
    """Write every byte as a percent escape."""
    return "".join(f"%{byte:02x}" for byte in text.encode("utf-8", "replace"))


def unicode_escapes(text: str) -> str:
    r"""Write every character as `\uXXXX`."""
    return "".join(f"\\u{ord(letter):04x}" for letter in text if ord(letter) < 0x10000)


def base64_of(text: str) -> str:
    """Write the text in base64."""
    return base64.b64encode(text.encode("utf-8", "replace")).decode("ascii")


def hexadecimal(text: str) -> str:
    """Write the text in hexadecimal digits."""
    return text.encode("utf-8", "replace").hex()


DISGUISES: Mapping[str, Callable[[str], str]] = {
    "zero-width": lambda text: _every(3, text, "\u200b"),
    "several unseen": lambda text: "".join(letter + _ZERO_WIDTH[ord(letter) % 6] for letter in text),
    "full-width": full_width,
    "look-alikes": lambda text: text.translate(_LOOK_ALIKES),
    "wrapped": lambda text: _every(20, text, "\n"),
    "wrapped narrow": lambda text: _every(9, text, "\r\n"),
    "quoted": lambda text: "> " + _every(20, text, "\n> "),
    "quoted twice": lambda text: ">> " + _every(17, text, "\n>> "),
    "percent": percent,
    "unicode escapes": unicode_escapes,
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON twice": lambda text: json.dumps(json.dumps(text))[1:-1],
    "HTML": lambda text: "".join(f"&#{ord(letter)};" for letter in text),
    "HTML names": html.escape,
    "Markdown": lambda text: "".join("\\" + letter if letter in "_*-.#!" else letter for letter in text),
    "concatenated": lambda text: '"' + _every(7, text, '" + "') + '"',
    "concatenated over lines": lambda text: '"' + _every(11, text, '"\n    "') + '"',
    "base64": base64_of,
    "hexadecimal": hexadecimal,
    "spaced": lambda text: _every(4, text, " "),
    "dashed": lambda text: _every(4, text, "-"),
}
_PLAIN_PIECES = st.one_of(
    st.sampled_from(EXAMPLES), st.sampled_from(NOISE), st.sampled_from(KEYWORDS), st.sampled_from(OPENINGS),
    st.text(max_size=12),
)  # fmt: skip


@st.composite
def cut_examples(draw: st.DrawFn) -> str:
    """Draw the head or the tail of an example."""
    example = draw(st.sampled_from(EXAMPLES))
    start = draw(st.integers(0, len(example)))
    return example[start:] if draw(st.booleans()) else example[:start]


@st.composite
def disguised(draw: st.DrawFn) -> str:
    """Draw an example in one disguise or two, sometimes cut."""
    text = draw(st.sampled_from(EXAMPLES))
    for name in draw(st.lists(st.sampled_from(sorted(DISGUISES)), min_size=1, max_size=2)):
        text = DISGUISES[name](text)
    end = draw(st.integers(0, 12))
    return text[: len(text) - end] if draw(st.booleans()) else text


@st.composite
def long_runs(draw: st.DrawFn) -> str:
    """Draw a run about as long as a window of the search, or as its cap, with something inside or right behind."""
    length = draw(st.sampled_from([512, 2_048, 8_192, 16_384, 24_576])) + draw(st.integers(-3, 3))
    unit = draw(st.sampled_from(["A", "q8mV0uT6sLw2KdYc", "0123456789abcdef", "%41", "a.b-", "x" * 63 + "\n", "x "]))
    run = (unit * (length // len(unit) + 1))[:length]
    inside = draw(st.one_of(st.just(""), st.sampled_from(EXAMPLES), disguised()))
    place = draw(st.integers(0, len(run)))
    return run[:place] + inside + run[place:]


TEXTS = st.tuples(
    st.sampled_from(["", " ", "\n"]), st.lists(st.one_of(_PLAIN_PIECES, cut_examples(), disguised()), max_size=6)
).map(lambda parts: parts[0].join(parts[1]))
LONG_TEXTS = st.tuples(TEXTS, long_runs(), TEXTS).map("".join)
SIZES = st.lists(st.integers(1, 40), min_size=1, max_size=12)


def open_stream(guard: Guard, pseudonyms: Pseudonyms | None = None) -> StreamGuard:
    """Open the stream of an answer for nobody in particular."""
    return guard.open_stream(
        persona="general", roles=frozenset(), pseudonyms=Pseudonyms() if pseudonyms is None else pseudonyms
    )


def streamed(stream: StreamGuard, text: str, sizes: list[int]) -> str:
    """Feed a text in pieces of these sizes, over and over, and return all that is shown."""
    shown, place, turn = [], 0, 0
    while place < len(text):
        size = sizes[turn % len(sizes)]
        shown.append(stream.feed(text[place : place + size]))
        place, turn = place + size, turn + 1
    return "".join(shown) + stream.close()


def check(guard: Guard, text: str, pseudonyms: Pseudonyms | None = None) -> Verdict:
    """Guard a whole answer."""
    return guard.check(
        text,
        direction=Direction.ANSWER,
        persona="general",
        roles=frozenset(),
        pseudonyms=Pseudonyms() if pseudonyms is None else pseudonyms,
    )


def both_ways(guard: Guard, text: str, sizes: list[int]) -> tuple[Verdict, Verdict, str]:
    """Guard a text whole and in pieces; return both verdicts and what the stream showed."""
    sealed = Pseudonyms().to_bytes()
    whole = check(guard, text, Pseudonyms.from_bytes(sealed))
    stream = open_stream(guard, Pseudonyms.from_bytes(sealed))
    shown = streamed(stream, text, sizes)
    return whole, stream.verdict, shown
