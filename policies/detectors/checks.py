"""What a pattern cannot say about a value: checksums, shapes, and whether it looks like a secret at all.

A check takes the value and tells whether it counts. A check that raises makes the guard refuse the text. Each family of
checks is a module of its own; this one only lists them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from policies.detectors import (
    accounts,
    addresses,
    devices,
    key_material,
    national_ids,
    outside,
    passwords,
    personal,
    said_passwords,
    shapes,
    signed,
)

CHECKS: Mapping[str, Callable[[str], bool]] = MappingProxyType(
    {
        **shapes.CHECKS,
        **passwords.CHECKS,
        **said_passwords.CHECKS,
        **addresses.CHECKS,
        **signed.CHECKS,
        **key_material.CHECKS,
        **personal.CHECKS,
        **accounts.CHECKS,
        **devices.CHECKS,
        **national_ids.CHECKS,
        **outside.CHECKS,
    }
)
