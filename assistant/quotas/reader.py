"""Read quotas.yaml; whatever does not fit is named with file and line."""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Collection, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Final

from assistant.balance import Window
from assistant.conversation import Role
from assistant.quotas.limits import Limit, QuotaRules, Share
from policies.document import Entry, parse_document
from policies.errors import PolicyError

DOORS: Final = ("chat", "gateway", "doctor")
_FIELDS: Final = (
    *("name", "counts", "roles", "people", "personas", "doors"),
    *("running", "requests", "tokens", "weight", "instead_of"),
)
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,39}")
_MOST: Final = 10**12  # of anything; Redis counts exactly up to 9 * 10^15, and a month's sum stays below that
_LEAST_WEIGHT: Final = 0.01
_MOST_WEIGHT: Final = 100
_MOST_LIMITS: Final = 200
_MOST_BYTES: Final = 1 << 20


def read_quotas(file: Path | None, personas: Collection[str]) -> QuotaRules:
    """Read a site's file, or the shipped one.

    Args:
        file: quotas.yaml; None: the shipped limits.
        personas: those there are; a limit for another one is a mistake.

    Raises:
        PolicyError: the file cannot be read or does not fit; names file and line.
    """
    if file is None:
        return parse_quotas((files("assistant.quotas") / "quotas.yaml").read_text(encoding="utf-8"), personas=personas)
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise PolicyError(file.name, "Longer than 1 MiB, which no file of limits is. Check the path.")
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise PolicyError(file.name, f"Cannot be read: {error.strerror}. Check the path.") from None
    except UnicodeDecodeError:
        raise PolicyError(file.name, "Not UTF-8. Save it as UTF-8.") from None
    return parse_quotas(text, file=file.name, personas=personas)


def parse_quotas(text: str, *, file: str = "quotas.yaml", personas: Collection[str]) -> QuotaRules:
    """Turn the text of quotas.yaml into a value.

    Raises:
        PolicyError: it does not fit; names file and line.
    """
    root = parse_document(text, file)
    fields = root.fields(("limits", "uncounted_without_redis"))
    entries = list(fields["limits"].items()) if "limits" in fields else []
    if len(entries) > _MOST_LIMITS:
        raise fields["limits"].wrong(f"More than {_MOST_LIMITS} limits: each costs time with every request.")
    limits: dict[str, Limit] = {}
    for entry in entries:
        limit = _limit(entry, personas, known=limits)
        limits[limit.name] = limit
    doors = _words(fields, "uncounted_without_redis", DOORS, may_be_empty=True)
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return QuotaRules(tuple(limits.values()), doors, f"sha256:{digest[:12]}")


def _limit(entry: Entry, personas: Collection[str], *, known: Mapping[str, Limit]) -> Limit:
    fields = entry.fields(_FIELDS)
    for needed in ("name", "counts"):
        if needed not in fields:
            raise entry.wrong(f"A limit needs the key {needed!r}.")
    name = fields["name"].text()
    if not _NAME.fullmatch(name):
        raise fields["name"].wrong("A name has 1 to 40 small letters, digits and dashes and begins with a letter.")
    if name in known:
        raise fields["name"].wrong(f"There is a limit {name!r} already. Give this one another name.")
    if not {"running", "requests", "tokens", "weight"} & fields.keys():
        raise entry.wrong("A limit needs at least one of 'running', 'requests', 'tokens' and 'weight'.")
    return Limit(
        name=name,
        share=Share(fields["counts"].one_of(Share)),
        roles=frozenset(map(Role, _words(fields, "roles", [role.value for role in Role]))),
        people=frozenset(person.lower() for person in fields["people"].texts()) if "people" in fields else frozenset(),
        personas=_words(fields, "personas", personas),
        doors=_words(fields, "doors", DOORS),
        running=_number(fields["running"]) if "running" in fields else None,
        requests=_windows(fields, "requests"),
        tokens=_windows(fields, "tokens"),
        weight=_weight(fields["weight"]) if "weight" in fields else None,
        instead_of=_words(fields, "instead_of", known, hint=" It must stand above this one."),
    )


def _words(
    fields: Mapping[str, Entry], key: str, known: Collection[str], *, hint: str = "", may_be_empty: bool = False
) -> frozenset[str]:
    if key not in fields:
        return frozenset()
    words = []
    for entry in fields[key].items():
        word = entry.text()
        if word not in known:
            near = difflib.get_close_matches(word, known, n=1)
            meant = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known) or 'none'}."
            raise entry.wrong(f"{word!r} is not known; {meant}{hint}")
        words.append(word)
    if (
        not words and not may_be_empty
    ):  # an empty list would be no condition at all: a limit for everybody where somebody meant nobody
        raise fields[key].wrong(f"{key!r} is empty. Leave it out, or name at least one.")
    return frozenset(words)


def _windows(fields: Mapping[str, Entry], key: str) -> Mapping[Window, int]:
    if key not in fields:
        return {}
    numbers = {Window(name): _number(entry) for name, entry in fields[key].fields(Window).items()}
    if not numbers:
        raise fields[key].wrong(f"Say for how long: {', '.join(Window)}.")
    return numbers


def _weight(entry: Entry) -> float:
    text = entry.text()
    if not re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,3})?", text) or not _LEAST_WEIGHT <= float(text) <= _MOST_WEIGHT:
        raise entry.wrong(f"Expected a number from {_LEAST_WEIGHT} to {_MOST_WEIGHT}, such as 0.5, not {text[:40]!r}.")
    return float(text)


def _number(entry: Entry) -> int:
    text = entry.text()
    if not re.fullmatch(r"[0-9][0-9_]{0,17}", text) or int(text) > _MOST:
        raise entry.wrong(f"Expected a whole number of 0 or more, such as 100_000, not {text[:40]!r}.")
    return int(text)
