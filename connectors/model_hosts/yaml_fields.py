"""Read typed fields out of YAML and say the line of whatever does not fit."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

import yaml

from connectors.errors import FleetError

_MAX_FILE_BYTES = 1 << 20  # a fleet of a thousand hosts is a fifth of this; a wrong file is often far longer
_SHOWN_CHARS = 80
_MOST = 10**12  # of whatever a fleet counts or measures; sums with more digits overflow


class Fields:
    """The fields of one YAML mapping.

    Args:
        node: the mapping.
        file: the file it stands in, for messages.
        known: the keys that may stand in it; any other is refused.

    Raises:
        FleetError: the node is no mapping, a key is unknown or stands twice.
    """

    def __init__(self, node: yaml.Node, *, file: Path, known: Iterable[str]) -> None:
        self.file = file
        self.node = node
        self._fields: dict[str, yaml.Node] = {}
        known = tuple(known)
        if not isinstance(node, yaml.MappingNode):
            self.refuse(node, f"here should be a mapping with the keys {', '.join(known)}")
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else ""
            if name not in known:
                self.refuse(key, f"unknown key {name!r}; {suggestion(name, known)}")
            if name in self._fields:
                self.refuse(key, f"{name!r} stands here a second time; keep one")
            self._fields[name] = value

    def refuse(self, node: yaml.Node, message: str) -> NoReturn:
        """Raise a FleetError that names the node's line."""
        raise FleetError(message, file=self.file, line=node.start_mark.line + 1)

    def refuse_field(self, key: str, message: str) -> NoReturn:
        """Raise a FleetError about a field, at its value or, if it is missing, at its mapping."""
        self.refuse(self._fields.get(key, self.node), f"{key}: {message}")

    def text(self, key: str, *, default: str | None = None) -> str:
        """Return a text; one without a default must be there and not be empty."""
        node = self._fields.get(key)
        if node is None:
            if default is None:
                self.refuse(self.node, f"{key} is missing")
            return default
        return self._text_of(key, node)

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts, empty if the key is not there."""
        return tuple(self._text_of(key, node) for node in self.nodes(key))

    def number(self, key: str, *, default: float = 0.0) -> float:
        """Return a number that is not negative."""
        node = self._fields.get(key)
        if node is None:
            return default
        value = _scalar(node)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _MOST:
            self.refuse(node, f"{key}: {_shown(node)} is not a number of 0 or more, such as 24")
        return float(value)

    def count(self, key: str, *, default: int | None = None) -> int:
        """Return a whole number of at least 1."""
        node = self._fields.get(key)
        if node is None:
            if default is None:
                self.refuse(self.node, f"{key} is missing; give a whole number")
            return default
        value = _scalar(node)
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _MOST:
            self.refuse(node, f"{key}: {_shown(node)} is not a whole number of 1 or more")
        return value

    def positive(self, key: str, *, default: float | None = None) -> float:
        """Return a number above 0; one without a default must be there."""
        if key not in self._fields:
            if default is None:
                self.refuse(self.node, f"{key} is missing; give a number")
            return default
        value = self.number(key)
        if not value:
            self.refuse_field(key, "'0' is not a number above 0")
        return value

    def one_of(self, key: str, known: Iterable[str], *, default: str | None = None) -> str:
        """Return one of the known words; upper and lower case are one."""
        known = tuple(known)
        word = self.text(key, default=default)
        found = {each.casefold(): each for each in known}.get(word.casefold())
        if found is None and word != default:
            self.refuse_field(key, f"{_shown(self._fields[key])} is not known; {suggestion(word, known)}")
        return found or word

    def has(self, key: str) -> bool:
        """Tell whether the key stands there."""
        return key in self._fields

    def nodes(self, key: str) -> tuple[yaml.Node, ...]:
        """Return the items of a list, empty if the key is not there."""
        node = self._fields.get(key)
        if node is None:
            return ()
        if not isinstance(node, yaml.SequenceNode):
            self.refuse(node, f"{key}: here should be a list")
        return tuple(node.value)

    def _text_of(self, key: str, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode) or node.tag == "tag:yaml.org,2002:null" or not node.value.strip():
            self.refuse(node, f"{key}: {_shown(node)} is not a text")
        return str(node.value).strip()


def suggestion(word: str, known: Iterable[str]) -> str:
    """Name the known word that was probably meant, or all of them."""
    by_folded = {each.casefold(): each for each in known}
    near = difflib.get_close_matches(word.casefold(), by_folded, n=1)
    return f"did you mean {by_folded[near[0]]!r}?" if near else f"known are {', '.join(by_folded.values())}"


def read_document(file: Path) -> yaml.Node:
    """Read and parse a YAML file; `read_bytes` and `parse_document` in one."""
    return parse_document(read_bytes(file), file)


def read_bytes(file: Path) -> bytes:
    """Read a file that may be a fleet.

    Raises:
        FleetError: the file cannot be read or is too long.
    """
    try:
        with file.open("rb") as stream:
            raw = stream.read(_MAX_FILE_BYTES + 1)
    except OSError as error:
        raise FleetError(f"cannot be read ({error.strerror}); check the path and its permissions", file=file) from None
    if len(raw) > _MAX_FILE_BYTES:
        raise FleetError("is longer than 1 MiB and cannot be a fleet; check the path", file=file)
    return raw


def parse_document(raw: bytes, file: Path) -> yaml.Node:
    """Parse YAML into a tree whose nodes know their lines.

    Raises:
        FleetError: it is not UTF-8, is not YAML or is empty.
    """
    try:
        node = yaml.compose(raw.decode("utf-8-sig"), Loader=yaml.SafeLoader)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise FleetError("is not UTF-8 text; save it as UTF-8", file=file, line=line) from None
    except yaml.reader.ReaderError as error:
        raise FleetError(f"holds a character that YAML does not allow (U+{error.character:04X})", file=file) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 0
        raise FleetError(f"is not YAML: {error.problem or 'cannot be parsed'}", file=file, line=line) from None
    except RecursionError:
        raise FleetError("is nested too deeply and cannot be a fleet; check the path", file=file) from None
    if node is None:
        raise FleetError("is empty; see docs/fleet.md for an example", file=file)
    return node


def _scalar(node: yaml.Node) -> object:
    if not isinstance(node, yaml.ScalarNode):
        return None
    try:
        return yaml.safe_load(node.value) if node.style is None else node.value
    except (yaml.YAMLError, ValueError):  # of a day that there is not, of a number with thousands of digits
        return None


def _shown(node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode):
        return "a list or mapping"
    return repr(node.value if len(node.value) <= _SHOWN_CHARS else f"{node.value[:_SHOWN_CHARS]}…")
