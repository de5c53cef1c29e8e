"""How many bits of chance a value needs before its words make it a secret: the plainer the words, the fewer.

The numbers were set on generated tokens of all usual alphabets and on 32,000 pieces of 1.3 KB of documentation, code,
data and lock files: eight random characters have some 15 bits, sixteen some 35, a random SHA-1 some 80; words and
identifiers lie below zero, and what lies between 6 and 15 is mostly version numbers, addresses and abbreviations.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from policies.detectors.explained import Form
from policies.detectors.naming import Link, Naming
from policies.detectors.wording import Kind

LOW_BITS: Final = 6.0
"""Below, no name makes a value a secret."""

FAR_BITS: Final = 20.0
"""Below, no word makes a value a secret that does not name it."""

NEVER: Final = 1e9
"""More bits than any value has."""

_ADJACENT_BITS: Final = 14.0  # of a value right behind a secret's word

LEAST_BITS: Final[Mapping[Link, float]] = MappingProxyType(
    {
        Link.NEAR: FAR_BITS,
        Link.ADJACENT: _ADJACENT_BITS,
        Link.SAID: LOW_BITS,
        Link.ASSIGNED: LOW_BITS,
        Link.HANDED: LOW_BITS,
    }
)
"""Below, no word makes a value a secret that is linked to it so: the words need not be read."""

_HASH_CHARS: Final = frozenset((32, 40, 48, 56, 64, 96, 128))  # hexadecimal digits of MD5, SHA-1, SHA-2, SHA-3
_MIN_CHARS: Final = 12  # of a value with a service's word and no secret's
_MIN_MIXED_CHARS: Final = 10
_RARE_CHARS: Final = range(20, 65)
_MIN_FAR_CHARS: Final = 16  # of a value whose words do not name it directly
_MIN_DIGITS: Final = 8
_MIN_HEX_KEY_CHARS: Final = 24
_MIN_OWN_HEX_KEY_CHARS: Final = 20  # of a key whose name says whose it is
_SERVICE_SECRET: Final = Kind.PROVIDER | Kind.STRONG
_TEXTUAL: Final = frozenset((Form.MIXED, Form.LOWER))


def linked_bits(naming: Naming, form: Form, value: bytes) -> float:
    """Return the need of a value that is assigned to its name, said to be it, or adjacent to it."""
    name = naming.name
    if naming.link is Link.NEAR or is_named_harmless(naming, form):
        return NEVER
    if naming.link is Link.ADJACENT:
        return min(_adjacent_bits(name, form, value), _option_bits(naming, form))
    if name & Kind.STRONG:
        return LOW_BITS
    if not name:
        return NEVER
    return _said_bits(naming, form, value)


def is_named_harmless(naming: Naming, form: Form) -> bool:
    """Tell whether the name is that of no secret: `commit`, `token_url`, not `RELEASE_TOKEN`, unless a hash."""
    name = naming.name
    is_token = bool(name & Kind.STRONG) and naming.link is Link.ASSIGNED and form in _TEXTUAL
    return bool(name & Kind.TAIL) or (bool(name & Kind.EXPLAINED) and not is_token)


def _said_bits(naming: Naming, form: Form, value: bytes) -> float:
    """Return the need of a value whose name has no secret's word."""
    name = naming.name
    if name & Kind.HANDED:
        return _handed_bits(form, value)
    if form is Form.UUID and naming.link is Link.SAID and name & Kind.WEAK:
        return LOW_BITS
    if _is_key_of_constant(naming, form, value):
        return 10.0
    if form is Form.UUID and (name & Kind.COMMON or (naming.link is Link.SAID and not name & Kind.WEAK)):
        return NEVER
    if name & Kind.PROVIDER:
        return _service_bits(name, form, value)
    return NEVER if form is Form.DIGITS else _weak_bits(naming, form, value)


def near_bits(naming: Naming, form: Form, value: bytes) -> float:
    """Return the need of a value that has telling words somewhere before it, at least `FAR_BITS`."""
    if form is Form.DIGITS or len(value) < _MIN_FAR_CHARS or value.startswith(b"0x"):
        return NEVER
    is_hash = form is Form.HEX and len(value) in _HASH_CHARS
    near = naming.near
    if is_hash and near & _SERVICE_SECRET != _SERVICE_SECRET:
        near = naming.line  # hashes stand in lists, of which the line before tells nothing
    is_explained = bool(near & Kind.EXPLAINED) and form is Form.HEX
    is_object = form is Form.UUID and not naming.line & Kind.PROVIDER
    if is_explained or is_object:
        return NEVER
    if near & Kind.PROVIDER:
        return FAR_BITS if near & (Kind.STRONG | Kind.WEAK | Kind.FAINT) else 25.0
    if form not in _TEXTUAL:
        return NEVER
    if near & Kind.STRONG:
        return 25.0
    return 30.0 if near & Kind.COMMON and naming.line & Kind.WEAK else NEVER


def _is_key_of_constant(naming: Naming, form: Form, value: bytes) -> bool:
    """Tell whether a UUID or hexadecimal is set in a constant that is called a key: `X_KEY=…` names no object."""
    if form not in {Form.UUID, Form.HEX} or naming.name & (Kind.WEAK | Kind.PROVIDER) != Kind.WEAK:
        return False
    return len(value) >= _MIN_FAR_CHARS and naming.is_constant and not naming.near & Kind.EXPLAINED


def _handed_bits(form: Form, value: bytes) -> float:
    """Return the need of a value that somebody says to have put somewhere: what it is stands behind it."""
    if form is Form.UUID:
        return LOW_BITS
    if form is Form.HEX:
        return 25.0 if len(value) >= _MIN_FAR_CHARS else NEVER
    return 18.0 if form in _TEXTUAL and len(value) >= _MIN_CHARS else NEVER


def _service_bits(name: int, form: Form, value: bytes) -> float:
    """Return the need of a value whose name has a service's word and no secret's."""
    if name & (Kind.WEAK | Kind.FAINT):
        return NEVER if form is Form.DIGITS and len(value) < _MIN_DIGITS else 8.0
    is_long = len(value) >= (_MIN_MIXED_CHARS if form is Form.MIXED else _MIN_CHARS)
    return 14.0 if is_long and form is not Form.DIGITS else NEVER


def _weak_bits(naming: Naming, form: Form, value: bytes) -> float:
    """Return the need of a value that is called `key`, or something fainter."""
    name, near = naming.name, naming.near
    if name & Kind.WEAK:
        return _key_bits(naming, form, value)
    if name & Kind.FAINT and naming.around & Kind.PROVIDER and form is not Form.UUID:
        return 16.0
    if name & Kind.COMMON and naming.link is Link.ASSIGNED and near & (Kind.STRONG | Kind.WEAK):
        return 18.0 if form in _TEXTUAL else 40.0  # `keys: {wave: …}`
    if name & Kind.COMMON and naming.link is Link.ASSIGNED and form in _TEXTUAL and len(value) in _RARE_CHARS:
        return 45.0  # what stands alone is found with as much
    is_carried = name & Kind.CARRIER and near & (Kind.STRONG | Kind.PROVIDER) and not near & Kind.EXPLAINED
    return 12.0 if is_carried else NEVER


def _key_bits(naming: Naming, form: Form, value: bytes) -> float:
    """Return the need of a value that is called `key` or alike, without a service's word in the name."""
    if naming.name & Kind.COMMON:
        return NEVER if form is Form.HEX and naming.near & Kind.EXPLAINED else 12.0  # `MD5 (api.zip) = …`
    if naming.around & Kind.PROVIDER or naming.is_asked:
        return 10.0
    is_own = naming.link is Link.ASSIGNED and form in {Form.UUID, Form.HEX} and naming.is_own_key
    if form is Form.UUID:
        return 10.0 if is_own and not naming.near & Kind.EXPLAINED else NEVER
    if naming.link is Link.SAID:
        return 14.0
    if form is Form.HEX:
        least_chars = _MIN_OWN_HEX_KEY_CHARS if is_own else _MIN_HEX_KEY_CHARS
        is_sum = naming.near & Kind.EXPLAINED or value.isupper() or len(value) < least_chars
        return NEVER if is_sum else 30.0 if is_own else 40.0
    return 22.0 if len(value) >= _MIN_CHARS else NEVER


def _adjacent_bits(name: int, form: Form, value: bytes) -> float:
    """Return the need of a value that stands right behind a word."""
    is_print = form is Form.HEX and value.isupper() and not name & Kind.STRONG
    if is_print or (form is Form.DIGITS and _is_count(name, value)):  # a fingerprint of a key
        return NEVER
    if name & Kind.STRONG:
        return _ADJACENT_BITS
    if name & Kind.PROVIDER and form is not Form.UUID:
        return 18.0
    return 25.0 if name & Kind.WEAK and form in _TEXTUAL and len(value) >= _MIN_FAR_CHARS else NEVER


def _is_count(name: int, value: bytes) -> bool:
    """Tell whether a number right behind a word may count something: a long one behind `secret key` does not."""
    is_named = name & _SERVICE_SECRET == _SERVICE_SECRET
    return not name & Kind.STRONG or len(value) < (_MIN_CHARS if is_named else _MIN_FAR_CHARS)


def _option_bits(naming: Naming, form: Form) -> float:
    """Return the need of a value behind the option of a service's command: `cloudsmith push -k …`."""
    line = naming.line
    is_told = line & Kind.PROVIDER or (line & Kind.COMMON and line & (Kind.STRONG | Kind.WEAK))
    return _ADJACENT_BITS if is_told and form is not Form.DIGITS and naming.is_option else NEVER
