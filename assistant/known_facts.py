"""What a process found out about the shipped rules, written down for the next one, beside Python's own byte code.

It is named for the rules and the code that it was made of, so that neither is ever mixed with another version. It is
read only where nobody else could have written it: whoever can write there can change the code as well.
"""

from __future__ import annotations

import os
import stat
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final

import policies
from policies.detectors import facts
from policies.detectors.compiled import compile_rule
from policies.guard import Detector, Guard
from policies.policy import Policy
from policies.rule import Rule
from policies.rules import ACTIONS_FILE, SHIPPED

_PACKAGE: Final = Path(policies.__file__).parent
FOLDER: Final = _PACKAGE / "rules" / "__pycache__"
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH
_AS_BYTE_CODE: Final = 0o644
_HALF_WRITTEN_SECONDS: Final = 86_400.0  # no process writes for so long
_IMPORTED_AT: Final = time.time()  # what changed on the disk later is not what runs here


def build_guard(policy: Policy, detectors: Sequence[Detector] = (), *, folder: Path = FOLDER) -> Guard:
    """Return the guard of a policy; what was found out about shipped rules before is not found out again.

    Args:
        policy: what the guard goes by.
        detectors: what finds beyond the rules.
        folder: where it is written down.

    Raises:
        PolicyError: a rule cannot be used.
    """
    version = _version()
    path = folder / f"facts-{version}.json"
    is_known = facts.has_learned() or (bool(version) and _recall(path))
    guard = Guard(policy, detectors)
    if version and not is_known:
        shipped = [rule for rule in policy.rules if is_shipped(rule)]
        _keep(path, {rule: compile_rule(rule).facts for rule in shipped})
    return guard


def is_shipped(rule: Rule) -> bool:
    """Tell whether a rule is the product's own: no file of a site has the name of a shipped one that has rules."""
    file = rule.where.rpartition(":")[0]
    return file in SHIPPED and file != ACTIONS_FILE


def _recall(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            state = os.fstat(stream.fileno())
            if state.st_uid not in {0, os.geteuid()} or state.st_mode & _OTHERS_WRITE:
                return False
            digest, _, told = stream.read().partition(b"\n")
            if digest.decode() != sha256(told).hexdigest():  # one changed word of a rule would be a rule that misses
                return False
            facts.learn(told.decode())
    except (OSError, ValueError):
        return False
    return facts.has_learned()


def _keep(path: Path, known: Mapping[Rule, facts.Facts]) -> None:
    """Write it down where that can be done: an installation that cannot be written to starts a second slower."""
    told = facts.spell(known).encode()
    with suppress(OSError):
        path.parent.mkdir(exist_ok=True)
        with NamedTemporaryFile("wb", dir=path.parent, prefix="facts-", suffix=".new", delete=False) as stream:
            try:
                stream.write(sha256(told).hexdigest().encode() + b"\n" + told)
                stream.close()
                Path(stream.name).chmod(_AS_BYTE_CODE)  # root may install what somebody else runs
                for old in _outdated(path.parent):
                    old.unlink(missing_ok=True)
                Path(stream.name).replace(path)
            except BaseException:
                Path(stream.name).unlink(missing_ok=True)
                raise


def _outdated(folder: Path) -> Iterator[Path]:
    """Yield what is written down of other rules, and what was left half written by a process that was killed."""
    yield from folder.glob("facts-*.json")
    yesterday = time.time() - _HALF_WRITTEN_SECONDS
    yield from (half for half in folder.glob("facts-*.new") if half.stat().st_mtime < yesterday)


@cache
def _version() -> str:
    """Return the hash of all that decides what is found out: the rules, the code, the interpreter.

    It is empty when an update came after the code was imported: what runs here is another version than what lies there.
    """
    digest = sha256(sys.version.encode())
    for path in sorted(file for kind in ("*.py", "*.yaml") for file in _PACKAGE.rglob(kind)):
        if path.stat().st_ctime > _IMPORTED_AT:
            return ""
        digest.update(path.relative_to(_PACKAGE).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:32]
