"""Clients of outside services in code: one that is given an address of its own calls where that leads, not out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

# How SDKs and frameworks call the argument. Where the address itself is an outside one, a rule of its own finds that.
_OWN_ADDRESS = re.compile(
    r"(?i)(?:base_?url|api_?base|azure_?endpoint|endpoint(?:_?url)?|server_?url|host|inference_server_url|http_options)"
    r"[\"']?\s*[=:]"
)
# Between two names stands a comma: what could begin a name anywhere in a name would take exponential time to refuse.
_BASE = r"\s*[A-Z][A-Za-z0-9_.]*\s*"
_DEFINITION = re.compile(rf"\({_BASE}(?:,{_BASE})*,?\s*\)|\(\s*(?:self|cls)\b")


def calls_out(value: str) -> bool:
    """Tell whether a call builds a client that goes to its service's own address; a class with bases is none."""
    return _OWN_ADDRESS.search(value) is None and _DEFINITION.search(value) is None


CHECKS: Mapping[str, Callable[[str], bool]] = MappingProxyType({"calls-out": calls_out})
