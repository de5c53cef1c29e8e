"""Read YAML into plain values that still know on which line they stand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import yaml

from policies.errors import PolicyError

# libyaml's parser is ten times faster, where PyYAML was built with it.
_LOADER: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Entry:
    """One value of a document, with the file and the line it came from."""

    node: yaml.Node
    file: str

    @property
    def where(self) -> str:
        """Return the place for a message, such as `secrets.yaml:12`."""
        return f"{self.file}:{self.node.start_mark.line + 1}"

    def wrong(self, message: str) -> PolicyError:
        """Return the error that points at this entry."""
        return PolicyError(self.where, message)

    def fields(self, allowed: Iterable[str]) -> dict[str, Entry]:
        """Return the entries of a mapping.

        Raises:
            PolicyError: it is no mapping, or a key is unknown or stands twice.
        """
        if not isinstance(self.node, yaml.MappingNode):
            raise self.wrong("Expected a mapping of keys to values.")
        known = tuple(allowed)
        found: dict[str, Entry] = {}
        for key_node, value_node in self.node.value:
            key = Entry(key_node, self.file)
            name = key.text()
            if name not in known:
                raise key.wrong(f"Unknown key {name!r}. Known here: {', '.join(known)}.")
            if name in found:
                raise key.wrong(f"The key {name!r} stands twice.")
            found[name] = Entry(value_node, self.file)
        return found

    def items(self) -> Iterator[Entry]:
        """Yield the entries of a list; a single value counts as a list of one."""
        if isinstance(self.node, yaml.SequenceNode):
            for node in self.node.value:
                yield Entry(node, self.file)
        elif isinstance(self.node, yaml.ScalarNode):
            yield self
        else:
            raise self.wrong("Expected a list.")

    def texts(self) -> tuple[str, ...]:
        """Return a list of texts; a single text counts as a list of one."""
        return tuple(entry.text() for entry in self.items())

    def text(self) -> str:
        """Return a text that is not empty."""
        if not isinstance(self.node, yaml.ScalarNode) or not self.node.value:
            raise self.wrong("Expected a text that is not empty.")
        return str(self.node.value)

    def one_of(self, words: Iterable[str]) -> str:
        """Return a text that is one of these words."""
        word, known = self.text(), tuple(words)
        if word not in known:
            raise self.wrong(f"{word!r} is not one of {', '.join(known)}.")
        return word

    def fraction(self) -> float:
        """Return a number from 0 to 1."""
        try:
            number = float(self.text())
        except ValueError:
            number = -1.0
        if not 0.0 <= number <= 1.0:
            raise self.wrong(f"Expected a number from 0 to 1, not {self.text()!r}.")
        return number


def parse_document(text: str, file: str) -> Entry:
    """Turn the text of a YAML file into its root entry.

    Raises:
        PolicyError: the text is not YAML, or is empty.
    """
    try:
        root = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise PolicyError(f"{file}:{line}", f"Not valid YAML: {error.problem}.") from None
    except yaml.YAMLError as error:
        raise PolicyError(f"{file}:1", f"Not valid YAML: {type(error).__name__}.") from None
    if root is None:
        raise PolicyError(f"{file}:1", "The file is empty.")
    return Entry(root, file)
