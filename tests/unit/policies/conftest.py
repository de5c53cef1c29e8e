from __future__ import annotations

from importlib.resources import files

import pytest

from policies.guard import Guard
from policies.policy import Policy, parse_policy
from policies.rules import SHIPPED


@pytest.fixture(scope="session")
def policy() -> Policy:
    return parse_policy({name: (files("policies.rules") / name).read_text("utf-8") for name in SHIPPED})


@pytest.fixture(scope="session")
def guard(policy: Policy) -> Guard:
    return Guard(policy)
