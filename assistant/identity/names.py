"""What a name and a set of roles may look like."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from assistant.conversation import Role
from assistant.errors import BadInputError

_NAME = re.compile(r"[a-z0-9._@-]{1,64}")  # ASCII only: no two names may look alike
_DISPLAY_NAME_CHARS: Final = 100


def parse_login(name: str) -> str:
    """Return a typed name as it is stored; empty when nobody can have that name."""
    login = name.strip().lower()
    return login if _NAME.fullmatch(login) else ""


def check_name(name: str) -> str:
    """Return the name as it is stored.

    Raises:
        BadInputError: the name cannot be used.
    """
    login = parse_login(name)
    if not login:
        raise BadInputError("A name has 1 to 64 characters: letters a to z, digits, dot, dash, underscore and @.")
    return login


def check_display_name(name: str) -> str:
    """Return the name that pages show.

    Raises:
        BadInputError: it is empty, too long or holds characters that cannot be shown.
    """
    shown = name.strip()
    if not shown or len(shown) > _DISPLAY_NAME_CHARS or not shown.isprintable():
        raise BadInputError(f"The displayed name needs 1 to {_DISPLAY_NAME_CHARS} characters that can be shown.")
    return shown


def check_roles(roles: Iterable[Role]) -> frozenset[Role]:
    """Return the roles as a set.

    Raises:
        BadInputError: there is none.
    """
    held = frozenset(roles)
    if not held:
        raise BadInputError(f"At least one role is needed: {_all_roles()}.")
    return held


def parse_roles(words: Iterable[str]) -> frozenset[Role]:
    """Return the roles that were typed.

    Raises:
        BadInputError: one is unknown, or there is none.
    """
    held = set()
    for word in words:
        try:
            held.add(Role(word.strip().lower()))
        except ValueError:
            raise BadInputError(f"Unknown role {word!r}. The roles are {_all_roles()}.") from None
    return check_roles(held)


def stored_roles(roles: frozenset[Role]) -> list[str]:
    """Return roles as the table holds them."""
    return sorted(role.value for role in roles)


def known_roles(stored: Iterable[str]) -> frozenset[Role]:
    """Return the roles of a row; one that this version does not know gives no right."""
    known = {role.value for role in Role}
    return frozenset(Role(word) for word in stored if word in known)


def _all_roles() -> str:
    return ", ".join(role.value for role in Role)
