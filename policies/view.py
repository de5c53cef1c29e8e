"""Moved to `policies.views.fold`."""

from policies.views.fold import fold_bytes as view
from policies.views.fold import well_formed

__all__ = ["view", "well_formed"]
