"""Texts made to be slow: a piece repeated a million times stresses one habit of a scanner each; lists of findings."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Final

from tests.data.guard.personal import card, iban, mail, phone
from tests.data.guard.shapes import draw

HOSTILE = {
    "one letter": "a",
    "digits": "1234567890",
    "spaces": " ",
    "line ends": "\n",
    "equals signs": "password=",
    "base64": "QUJDREVGR0hJSktMTU5PUFFS",
    "nested base64": "VVVWS1EyRnRSbkJpUjFKMldqSkZQUT09",
    "hex": "4a6f686e",
    "percent": "%41%42",
    "escapes": "\\u0041",
    "backslashes": "\\",
    "at signs": "a@",
    "dots": "a.b.",
    "PEM heads": "-----BEGIN RSA PRIVATE KEY-----\n",
    "prefixes": "sk_live_ghp_AKIAxoxb-",
    "quotes": '"',
    "wrapped lines": "> abcdefghij\n",
    "zero width": "a\u200b",
    "full width": "\uff41\uff42\uff43",
    "entities": "&#x41;",
    "joined strings": '" + "',
    "bearer": "Authorization: Bearer ",
    "telephones": "+49 30 ",
    "secret words": "password secret key token is ",
    "brackets": "{[(<",
    "UUIDs": "123e4567-e89b-12d3-a456-426614174000 ",
    "addresses": "https://a:b@c/?x=",
    "dashes": "-",
    "hashes": "0123456789abcdef0123456789abcdef\n",
    "short words": "a bc def ",
    "words of a seed phrase": "abandon ability able ",
    "numbers": "1, 22, 333.4444, ",
}
"""What is repeated to a million characters, by what it is."""

FULL_OF_FINDINGS = {
    "cards": "4111 1111 1111 1111\n",
    "mail addresses": "maria.k7@corp.example.org\n",
    "logins": "id:maria/pass:Zq4vTm2xW ",
    "passwords": "password=Zq4vTm2xW\n",
    "tokens": "ghp_q8mV0uT6sLw2KdYcB4nR7xZ1aP5eJ9gH3fUo\n",
    "rows of groups": "4a1b 22cd 33ef 90aa\n",
    "named numbers": "84731926 (tax id) ",
}
"""What is repeated where every line is, or might be, a finding, by what it is."""

Line = Callable[[random.Random], str]

_CARD: Final = card("Visa")
_IBAN: Final = iban(("DE", "FR", "NL", "ES"))
_PHONE: Final = phone("DE")


def _name(rng: random.Random) -> str:
    return f"{draw(rng, 'low', rng.randint(4, 8)).title()} {draw(rng, 'low', rng.randint(5, 9)).title()}"


def _password(rng: random.Random) -> str:
    return draw(rng, "an", rng.randint(7, 11)) + rng.choice("!$%?") + draw(rng, "dig", 1)


def _date(rng: random.Random) -> str:
    return f"{rng.randint(1941, 2007)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"


def _setting(rng: random.Random) -> str:
    name = rng.choice(("API_KEY", "SECRET", "TOKEN", "PASSWORD", "ACCESS_KEY"))
    return f"{draw(rng, 'UP', 6)}_{name}={draw(rng, 'an', 32)}\n"


def _row_of_json(rng: random.Random) -> str:
    row = {"user": _name(rng), "api_key": draw(rng, "an", 32), "email": mail(rng), "born": _date(rng)}
    return json.dumps(row) + ",\n"


def _insert(rng: random.Random) -> str:
    values = "', '".join((_name(rng), mail(rng), _password(rng), _PHONE(rng)))
    return f"INSERT INTO users (name, email, password, phone) VALUES ('{values}');\n"  # noqa: S608 - asks no database


def _card_of_a_person(rng: random.Random) -> str:
    return f"BEGIN:VCARD\nFN:{_name(rng)}\nBDAY:{_date(rng)}\nTEL:{_PHONE(rng)}\nEMAIL:{mail(rng)}\nEND:VCARD\n"


LISTS_OF_FINDINGS: Final[dict[str, tuple[str, Line]]] = {
    "card numbers": ("", lambda rng: _CARD(rng) + "\n"),
    "IBAN": ("", lambda rng: _IBAN(rng) + "\n"),
    "telephone numbers": ("", lambda rng: _PHONE(rng) + "\n"),
    "mail addresses": ("", lambda rng: mail(rng) + "\n"),
    "mail addresses with passwords": ("", lambda rng: f"{mail(rng)}:{_password(rng)}\n"),
    "logins": ("", lambda rng: f"id:{draw(rng, 'low', 6)}/pass:{_password(rng)}\n"),
    "passwords": ("", lambda rng: f"password={_password(rng)}\n"),
    "tokens": ("", lambda rng: f"ghp_{draw(rng, 'an', 36)}\n"),
    "rows of groups": ("", lambda rng: " ".join(draw(rng, "hex", 4) for _ in range(4)) + "\n"),
    "named numbers": ("", lambda rng: f"{draw(rng, 'dig', 8)} (tax id) "),
    "settings": ("", _setting),
    "CSV of people": (
        "name,date_of_birth,phone,email\n",
        lambda rng: f"{_name(rng)},{_date(rng)},{_PHONE(rng)},{mail(rng)}\n",
    ),
    "a Markdown table": (
        "| Name | Birthday | Phone | API key |\n|---|---|---|---|\n",
        lambda rng: f"| {_name(rng)} | {_date(rng)} | {_PHONE(rng)} | {draw(rng, 'an', 24)} |\n",
    ),
    "an HTML table": (
        "<table><tr><th>Name</th><th>Card</th><th>Password</th></tr>\n",
        lambda rng: f"<tr><td>{_name(rng)}</td><td>{_CARD(rng)}</td><td>{_password(rng)}</td></tr>\n",
    ),
    "rows of JSON": ("", _row_of_json),
    "INSERT statements": ("", _insert),
    "vCards": ("", _card_of_a_person),
}
"""What stands above, and what makes each line, where every value is another one."""


def make_list(name: str, chars: int, seed: int) -> str:
    """Make a text full of findings."""
    rng = random.Random(seed)  # noqa: S311 - a benchmark repeats itself
    head, line = LISTS_OF_FINDINGS[name]
    pieces = [head]
    size = len(head)
    while size < chars:
        pieces.append(line(rng))
        size += len(pieces[-1])
    return "".join(pieces)[:chars]
