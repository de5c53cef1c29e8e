"""The inner form of keys and tokens of standards: what must decode, and to what."""

from __future__ import annotations

import json
from base64 import b64decode, urlsafe_b64decode
from binascii import Error as Base64Error
from collections.abc import Callable, Mapping
from types import MappingProxyType


def is_jwt(value: str) -> bool:
    """Tell whether the first part is the header of a JSON Web Token (RFC 7519): JSON with `alg` or `enc`."""
    head = value.split(".", 1)[0]
    try:
        header = json.loads(urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except (ValueError, Base64Error, RecursionError):
        return False
    return isinstance(header, dict) and ("alg" in header or "enc" in header)


def is_basic_credentials(value: str) -> bool:
    """Tell whether the value is base64 of `user:password` (RFC 7617)."""
    try:
        return b":" in b64decode(value + "=" * (-len(value) % 4), validate=True)
    except (ValueError, Base64Error):
        return False


CHECKS: Mapping[str, Callable[[str], bool]] = MappingProxyType(
    {
        "jwt": is_jwt,
        "basic-credentials": is_basic_credentials,
    }
)
