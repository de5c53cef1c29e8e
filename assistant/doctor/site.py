"""What the site wrote, policy, personas and fleet, and what is installed."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Final

from assistant.doctor.check import Check, fail, ok
from assistant.embedded.checks import check_python
from assistant.errors import CloisterError, EmbeddedError
from assistant.personas.reader import read_personas
from assistant.policy.files import PolicyReader
from assistant.settings import Settings
from policies.errors import PolicyError

_PIN: Final = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?\s*==\s*([^;\s]+)")
_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")


def check_policy(settings: Settings) -> Check:
    """Read the policy, which runs the examples of the site's own rules."""
    try:
        policy = PolicyReader.of(settings).read().guard.policy
    except (PolicyError, CloisterError) as error:
        return fail("policy", f"It cannot be used: {error}", "Correct the file; `cloister policy check` tells more.")
    return ok("policy", f"{len(policy.rules)} rules, version {policy.version}.")


def check_personas(settings: Settings) -> Check:
    """Read the personas."""
    try:
        personas = read_personas(settings.personas)
    except CloisterError as error:
        return fail("personas", str(error), "Correct the file.")
    return ok("personas", f"{', '.join(persona.label for persona in personas)}.")


def check_versions(python: tuple[int, int] = sys.version_info[:2]) -> Iterator[Check]:
    """Compare what is installed with what this version of Cloister was tested with."""
    found = f"Python {python[0]}.{python[1]}."
    try:
        check_python(python)
    except EmbeddedError as error:
        yield fail("python", found, str(error))
    else:
        yield ok("python", found)
    wrong = [*_wrong_packages(requires("cloister") or [])]
    if wrong:
        yield fail("packages", f"{'; '.join(wrong)}.", "Install Cloister again: `make install`.")
    else:
        yield ok("packages", f"Cloister {version('cloister')} and what it needs.")


def _wrong_packages(requirements: list[str]) -> Iterator[str]:
    for requirement in requirements:
        name = _NAME.match(requirement)
        if name is None or "extra ==" in requirement:
            continue
        try:
            there = version(name[0])
        except PackageNotFoundError:
            yield f"{name[0]} is missing"
            continue
        pin = _PIN.match(requirement)
        if pin is not None and pin[2] != there:
            yield f"{name[0]} is {there} instead of {pin[2]}"
