"""What holds for all tests."""

from __future__ import annotations

from hypothesis import settings

# How long an example takes says more of a shared machine than of the product: speed is measured in tests/benchmarks.
settings.register_profile("cloister", deadline=None)
settings.load_profile("cloister")
