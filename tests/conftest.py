"""What holds for all tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

from policies.detectors import compiled

# How long an example takes says more of a shared machine than of the product: speed is measured in tests/benchmarks.
settings.register_profile("cloister", deadline=None)
settings.load_profile("cloister")

# A process keeps what it compiled of a rule as long as a guard lives. Tests make guards of the same rules all the time.
compiled._compiled = {}  # type: ignore[assignment]

_ROOMS = ("e2e", "integration", "unit")  # slowest first


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the slow files first: two processes that share the work then have only small files left at the end."""
    tests = Path(__file__).parent
    items.sort(key=lambda item: _ROOMS.index(item.path.relative_to(tests).parts[0]))
