"""Whether an address carries a login, or a login is one: what stands behind `user:` is judged as a password."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from policies.detectors.passwords import is_command_password, is_parameter_password, is_url_password
from policies.detectors.shapes import is_no_example
from policies.placeholders import PLACEHOLDER

# As the rules write it: the password ends at the last `@` before a slash, or at the first where a slash is part of it.
_LOGIN = re.compile(r"""[^/]*//[^\s:/"'<>?#`]{0,80}:(?:([^\s/"'<>`]{1,128})|([^\s"'<>`@]{2,100}))@""")
_ORACLE_LOGIN = re.compile(r"""jdbc:oracle:[a-z0-9]{3,5}:[^\s/:@"']{1,64}/([^\s"'<>@]{3,128})@""", re.IGNORECASE)
_PARAMETER = re.compile(r"""[?&;:](?:[a-z_]{0,16}?)(?:password|passwd|pwd|pass)=([^&\s"'<>#;]{3,128})""", re.IGNORECASE)
_BEHIND_USER = re.compile(r"^[^:,]*[:,]")
_USER = re.compile(r"//([^/@\s]{1,200})@")
_PLACEHOLDERS_AROUND = re.compile(rf"^(?:{PLACEHOLDER})+|(?:{PLACEHOLDER})+$")


def has_login(address: str) -> bool:
    """Tell whether an address holds a password before its host, neither a placeholder nor a word of examples."""
    login = _LOGIN.match(address)
    return login is not None and _is_judged(login[1] or login[2], is_url_password)


def has_jdbc_login(address: str) -> bool:
    """Tell whether an address of JDBC holds a password, among its parameters or before its host as Oracle writes it."""
    login = _ORACLE_LOGIN.match(address)
    if login is not None:
        return _is_judged(login[1], is_url_password)
    return any(_is_judged(found[1], is_parameter_password) for found in _PARAMETER.finditer(address))


def is_login(login: str) -> bool:
    """Tell whether a name and a password, with `:` or `,` between them, are handed to a program."""
    password = _BEHIND_USER.sub("", login, count=1).strip("\"'")
    return _is_judged(password, is_command_password)


def has_drawn_user(address: str) -> bool:
    """Tell whether the user of an address without a password is a key and no example."""
    user = _USER.search(address)
    return user is not None and is_no_example(user[1])


def _is_judged(password: str, check: Callable[[str], bool]) -> bool:
    """Judge a password, and what is left of it without placeholders: they make nothing beside them a value."""
    rest = _PLACEHOLDERS_AROUND.sub("", password)
    return bool(rest) and check(password) and check(rest)


CHECKS: Mapping[str, Callable[[str], bool]] = MappingProxyType(
    {
        "address-login": has_login,
        "login": is_login,
        "jdbc-login": has_jdbc_login,
        "address-user": has_drawn_user,
    }
)
