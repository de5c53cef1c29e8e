"""Read the policy: the shipped files and those of the site, and the stamp by which a change is seen."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from importlib.resources import files
from pathlib import Path
from typing import Final, Self

from assistant.errors import SettingsError
from assistant.keys import Keys
from assistant.known_facts import build_guard, is_shipped
from assistant.policy.names import build_names
from assistant.settings import Settings
from assistant.site_files import Stamp, stamp_of
from policies.allow_list import digest_of, parse_allowed_value
from policies.detectors.names import RULES
from policies.document import parse_document
from policies.errors import PolicyError
from policies.guard import Detector, Guard, check_examples
from policies.policy import Policy, parse_policy
from policies.rules import ACTIONS_FILE, SHIPPED

_SUFFIXES: Final = (".yaml", ".yml")
CASES_FOLDER: Final = "tests"  # beside the site's files: its own cases, for `cloister policy test`
_ALLOW_PURPOSE: Final = "policy-allow-list"

_UNREAD: Final[Stamp] = (("", 0, 0, 0),)


@dataclass(frozen=True, slots=True)
class ReadPolicy:
    """A guard, and the stamp of the files as they were before they were read."""

    guard: Guard
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class PolicyReader:
    """Read the policy of a site again and again.

    Attributes:
        path: a file, which takes the place of the shipped actions, or a folder, whose files are added to the shipped
            ones; its `default.yaml`, if there is one, takes the place of the shipped actions. None: the shipped policy.
        allow_key: the site's key for allowed values; without it none of them passes.
        detectors: what finds beyond the rules, kept over every reading.
        detected: names under which they report, each with its label.
    """

    path: Path | None
    allow_key: bytes | None = None
    detectors: Sequence[Detector] = ()
    detected: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, settings: Settings, path: Path | None = None, *, names: Detector | None = None) -> Self:
        """Return the reader of the site's policy, or of another one with the site's key.

        Args:
            settings: where the site's policy and its key lie.
            path: another policy.
            names: the model for names, where the caller built it; unset: as the settings say, without model hosts.

        Raises:
            SettingsError: the master key cannot be read, or the model for names is missing.
        """
        names = names or build_names(settings)
        detectors = () if names is None else (names,)
        return cls(path or settings.policy, read_allow_key(settings), detectors, tuple(RULES.items()))

    def stamp(self) -> Stamp:
        """Return the state of the site's files; cheap."""
        try:
            return stamp_of([] if self.path is None else _site_files(self.path))
        except (OSError, PolicyError):
            return _UNREAD

    def read(self) -> ReadPolicy:
        """Read the files, compile the rules and run the examples of the site's own; CPU work of a second.

        Raises:
            PolicyError: the policy cannot be used; the message names file and line.
        """
        stamp = self.stamp()  # before: a change while reading is seen as one afterwards
        policy = self.parse()
        guard = build_guard(policy, self.detectors)
        own = tuple(rule for rule in policy.rules if not is_shipped(rule))
        if own:
            # Alone: whether the shipped rules find their examples is the product's own test.
            check_examples(Guard(replace(policy, rules=own)))
        return ReadPolicy(guard, stamp)

    def parse(self) -> Policy:
        """Read the files without compiling anything.

        Raises:
            PolicyError: a file cannot be read or is wrong; the message names file and line.
        """
        texts = read_texts(self.path)
        return parse_policy(texts, detected=dict(self.detected), allow_key=self.allow_key, today=_today)

    def case_files(self) -> list[Path]:
        """Return the site's own files of cases."""
        if self.path is None or not self.path.is_dir() or not (self.path / CASES_FOLDER).is_dir():
            return []
        return _yaml_files(self.path / CASES_FOLDER)


def read_texts(path: Path | None) -> dict[str, str]:
    """Return the files of a policy by name, in the order in which they count: the shipped ones, then the site's.

    Raises:
        PolicyError: a file cannot be read, or has the name of a shipped one.
    """
    texts = {name: (files("policies.rules") / name).read_text(encoding="utf-8") for name in SHIPPED}
    if path is None:
        return texts
    own = {file.name: read_text(file) for file in _site_files(path)}
    if path.is_dir():
        taken = sorted(own.keys() & set(SHIPPED) - {ACTIONS_FILE})
        if taken:
            raise PolicyError(taken[0], "A shipped file has this name. Rename yours.")
        return {**texts, **own}
    texts.pop(ACTIONS_FILE, None)
    if path.name in texts:
        raise PolicyError(path.name, "A shipped file has this name. Rename yours.")
    return {**texts, **own}


def read_text(path: Path) -> str:
    """Return the text of a file of the policy.

    Raises:
        PolicyError: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise PolicyError(str(path), f"Cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise PolicyError(path.name, "Not written in UTF-8.") from None


def read_allow_key(settings: Settings) -> bytes | None:
    """Return the site's key for allowed values; None where there is no installation, such as in a pipeline.

    Raises:
        SettingsError: the master key cannot be read.
    """
    if not settings.master_key.exists():
        return None  # a command that only looks at texts creates no secrets
    return Keys.load_or_create(settings.master_key).derive(_ALLOW_PURPOSE)


def make_allow_line(settings: Settings, value: str, *, rules: Sequence[str], note: str, until: str) -> str:
    """Return the entry under `allow` that lets a value pass.

    Raises:
        SettingsError: there is no key of the site, or it cannot be read.
        PolicyError: a day is none.
    """
    key = read_allow_key(settings)
    if key is None:
        raise SettingsError(
            f"There is no master key at {str(settings.master_key)!r}. Start Cloister once, or set "
            "CLOISTER_MASTER_KEY_FILE to that of the site."
        )
    parts = {"value": digest_of(value, key)}
    if rules:
        parts["rules"] = ", ".join(json.dumps(rule) for rule in rules).join("[]")
    parts["note"] = json.dumps(note or "say what this is", ensure_ascii=False)
    if until:
        parts["until"] = until
    line = "- {" + ", ".join(f"{key}: {part}" for key, part in parts.items()) + "}"
    # Read it as the policy will, so that what is printed can be used.
    entry = next(parse_document(line, "allow").items())
    parse_allowed_value(entry, lambda patterns: frozenset(patterns.texts()), frozenset())
    return line


def _site_files(path: Path) -> list[Path]:
    try:
        is_folder = path.is_dir()
    except OSError as error:  # a folder above it may not be entered, or the name is too long
        raise PolicyError(path.name, f"Cannot be read: {error.strerror}.") from None
    return _yaml_files(path) if is_folder else [path]


def _yaml_files(folder: Path) -> list[Path]:
    try:
        # A name that begins with a dot is an editor's, or a link that a container's volume is swapped with.
        found = [path for path in folder.iterdir() if path.suffix in _SUFFIXES and not path.name.startswith(".")]
    except OSError as error:
        raise PolicyError(str(folder), f"Cannot be read: {error.strerror}.") from None
    return sorted(found)


def _today() -> date:
    return datetime.now().astimezone().date()
