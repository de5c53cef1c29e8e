"""The shape of a value in one line: `ghp_{an:36}` makes a value that a vendor could have made.

`{alphabet:length}` draws characters, `{alphabet:least-most}` a random number of them, `{one/other}` chooses, and
`{=name}` calls a maker of this table or of the module that needs it. All other text stands for itself.
"""

from __future__ import annotations

import random
import re
import string
import uuid
from collections.abc import Callable, Mapping

LOWER, UPPER, DIGITS = string.ascii_lowercase, string.ascii_uppercase, string.digits

ALPHABETS: Mapping[str, str] = {
    "hex": "0123456789abcdef",
    "HEX": "0123456789ABCDEF",
    "dig": DIGITS,
    "low": LOWER,
    "UP": UPPER,
    "let": LOWER + UPPER,
    "an": LOWER + UPPER + DIGITS,
    "ld": LOWER + DIGITS,
    "UD": UPPER + DIGITS,
    "url": LOWER + UPPER + DIGITS + "-_",
    "word": LOWER + UPPER + DIGITS + "_",
    "b64": LOWER + UPPER + DIGITS + "+/",
    "b32": UPPER + "234567",
    "ld32": LOWER + "234567",
    "b58": "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz",
    "bech": "qpzry9x8gf2tvdw0s3jn54khce6mua7l",
    "BECH": "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L",
    "z32": "ABCDEFGHJKMNPQRSTVWXYZ0123456789",
    "nz": "123456789",
    "pw": LOWER + UPPER + DIGITS + "!#%*+-_=.?^~",
}

Maker = Callable[[random.Random], str]

HOLE = re.compile(r"\{(=\w+|\w+:\d+(?:-\d+)?|uuid|UUID|[\w.]+(?:/[\w.]+)+)\}")


def draw(rng: random.Random, alphabet: str, length: int) -> str:
    """Draw that many characters of a named alphabet."""
    return "".join(rng.choices(ALPHABETS[alphabet], k=length))


def make_uuid(rng: random.Random) -> str:
    """Make a random UUID of version 4."""
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


MAKERS: dict[str, Maker] = {"uuid": make_uuid, "UUID": lambda rng: make_uuid(rng).upper()}


def fill(shape: str, rng: random.Random, makers: Mapping[str, Maker] | None = None) -> str:
    """Make a value of this shape.

    Raises:
        KeyError: The shape names an alphabet or a maker that does not exist.
    """
    known = {**MAKERS, **(makers or {})}

    def hole(match: re.Match[str]) -> str:
        body = match[1]
        if body.startswith("=") or body in known:
            return known[body.removeprefix("=")](rng)
        alphabet, colon, length = body.partition(":")
        if colon:
            least, _, most = length.partition("-")
            return draw(rng, alphabet, rng.randint(int(least), int(most or least)))
        chosen: str = rng.choice(body.split("/"))
        return chosen

    return HOLE.sub(hole, shape)


def is_distinctive(shape: str) -> bool:
    """Tell whether a value of this shape can be known by itself: by three literal characters or by a maker's form."""
    literal = HOLE.sub(lambda hole: min(hole[1].split("/"), key=len) if "/" in hole[1] else "\0", shape)
    return any(len(part) >= 3 for part in literal.split("\0")) or bool(re.search(r"\{=(?!uuid|UUID)", shape))
