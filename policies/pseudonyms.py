"""Placeholders of one conversation: the same value always has the same one, and no two values share one.

A pseudonymised value can be restored for those who may see it. Of a redacted secret only a keyed fingerprint stays,
enough to give it the same placeholder again and never enough to give it back.
"""

from __future__ import annotations

import hmac
import json
import secrets
from base64 import b64decode, b64encode
from typing import Self

import re2

from policies.errors import PseudonymsError
from policies.placeholders import ENTITY_MAX_CHARS, PLACEHOLDER, PLACEHOLDER_MAX_CHARS

_SHAPE = re2.compile(PLACEHOLDER)
_BEGINNING = re2.compile(rf"\[(?:[A-Z][A-Z0-9_]{{0,{ENTITY_MAX_CHARS + 10}}})?\z")
_BLANKS = (" ", "\n", "\t")
_ADDRESS_MARKS = ("://", "www.")  # what makes a word an address of the web, as Markdown sees it
_MARK_CHARS = 4
_FORMAT = 1
_KEY_BYTES = 32  # HMAC-SHA256 with a key of its own length, RFC 2104 section 3
_FINGERPRINT_BYTES = 16  # 128 bits: no two values of a conversation will meet


def is_placeholder(text: str) -> bool:
    """Tell whether a text has the form of a placeholder, issued or not."""
    return len(text) <= PLACEHOLDER_MAX_CHARS and _SHAPE.fullmatch(text.encode("utf-8", "replace")) is not None


class Pseudonyms:
    """The placeholders that a conversation has issued. Not safe for use by two threads at once.

    `to_bytes` holds values in clear: the caller seals it before it lies anywhere.
    """

    def __init__(self) -> None:
        self._key = secrets.token_bytes(_KEY_BYTES)
        self._values: dict[str, str] = {}  # placeholder -> value that can be restored
        self._placeholders: dict[tuple[str, str], str] = {}  # (entity type, fingerprint) -> placeholder
        self._taken: set[str] = set()  # issued, or typed by somebody
        self._last: dict[str, int] = {}  # entity type -> last number tried

    def __repr__(self) -> str:
        """Show how many, never what."""
        return f"Pseudonyms({len(self._placeholders)} issued)"

    def __len__(self) -> int:
        """Count the placeholders that were issued."""
        return len(self._placeholders)

    def placeholder(self, entity_type: str, value: str, *, is_restorable: bool) -> str:
        """Return the placeholder of a value, a new one when the value is new to this conversation.

        Args:
            entity_type: what the placeholder is made of, such as `EMAIL`.
            value: the text that it stands for.
            is_restorable: keep the value, so that `restore` gives it back; False keeps only its fingerprint. A value
                that was once kept stays restorable.
        """
        identity = (entity_type, self._fingerprint(value))
        issued = self._placeholders.get(identity)
        if issued is None:
            issued = self._next(entity_type)
            self._placeholders[identity] = issued
        if is_restorable:
            self._values[issued] = value
        return issued

    def reserve(self, placeholder: str) -> None:
        """Note that this text stands somewhere without having been issued, so that it will never be."""
        if is_placeholder(placeholder):
            self._taken.add(placeholder)

    def reserve_in(self, text: str) -> None:
        """Note whatever stands in a text in the form of a placeholder, so that none of it will be issued."""
        if "[" in text:
            for match in _SHAPE.finditer(text.encode("utf-8", "replace")):
                self.reserve(match.group().decode("ascii"))

    @property
    def revision(self) -> int:
        """Return a number that grows whenever a placeholder is issued, reserved or becomes restorable."""
        return len(self._taken) + len(self._values)

    def adopt(self, other: Pseudonyms) -> bool:
        """Take over what another copy of this conversation issued meanwhile, and tell whether nothing collided.

        False leaves this copy as it was: both issued the same placeholder, perhaps for different values.
        """
        mine = {issued: identity for identity, issued in self._placeholders.items()}
        theirs = {issued: identity for identity, issued in other._placeholders.items()}
        if any(mine.get(placeholder) != theirs.get(placeholder) for placeholder in self._taken & other._taken):
            return False
        self._taken |= other._taken
        self._values |= other._values
        for placeholder, (entity_type, mark) in theirs.items():
            if other._key == self._key:
                self._placeholders[entity_type, mark] = placeholder
            elif (value := other._values.get(placeholder)) is not None:  # a mark under another key means nothing here
                self._placeholders.setdefault((entity_type, self._fingerprint(value)), placeholder)
        return True

    def restore(self, text: str, *, before: str = "", is_json: bool = False) -> str:
        """Return the text with every issued, restorable placeholder replaced by its value; all else stays.

        Inside an address of the web nothing is restored: one click would carry the value out of the page.

        Args:
            text: where placeholders stand.
            before: the beginning of the word that the text goes on with.
            is_json: the text is JSON and its placeholders stand in strings, so values are escaped as such.
        """
        if "[" not in text or not self._values:
            return text
        encoded = text.encode("utf-8", "surrogatepass")
        pieces: list[str] = []
        done = 0
        for match in _SHAPE.finditer(encoded):
            start, end = match.span()
            between = encoded[done:start].decode("utf-8", "surrogatepass")
            before = _open_word(before + between)
            placeholder = encoded[start:end].decode("ascii")
            is_address = before in _ADDRESS_MARKS
            value = placeholder if is_address else self._values.get(placeholder, placeholder)
            pieces += (between, _escaped(value) if is_json else value)
            before = _open_word(before + placeholder)
            done = end
        pieces.append(encoded[done:].decode("utf-8", "surrogatepass"))
        return "".join(pieces)

    def to_bytes(self) -> bytes:
        """Write everything down, for sealing; `from_bytes` reads it."""
        content = {
            "format": _FORMAT,
            "key": b64encode(self._key).decode("ascii"),
            "values": self._values,
            "placeholders": [[*identity, placeholder] for identity, placeholder in self._placeholders.items()],
            "reserved": sorted(self._taken.difference(self._placeholders.values())),
        }
        return json.dumps(content, separators=(",", ":")).encode("ascii")

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what `to_bytes` wrote.

        Raises:
            PseudonymsError: the bytes are damaged, or of a later version.
        """
        try:
            content = json.loads(data)
            if content["format"] != _FORMAT:
                raise PseudonymsError(
                    f"Placeholders of format {content['format']!r}, and this version reads {_FORMAT}."
                )
            read = cls()
            read._key = b64decode(content["key"], validate=True)
            read._values = {str(placeholder): str(value) for placeholder, value in content["values"].items()}
            read._placeholders = {(str(kind), str(mark)): str(issued) for kind, mark, issued in content["placeholders"]}
            read._taken = {*map(str, content["reserved"]), *read._placeholders.values()}
        except (ValueError, KeyError, TypeError, AttributeError):
            # `from None`: the error of the parser would quote the content.
            raise PseudonymsError("The placeholders of this conversation cannot be read.") from None
        return read

    def _next(self, entity_type: str) -> str:
        number = self._last.get(entity_type, 0) + 1
        while (placeholder := f"[{entity_type}_{number}]") in self._taken:
            number += 1
        self._last[entity_type] = number
        self._taken.add(placeholder)
        return placeholder

    def _fingerprint(self, value: str) -> str:
        return hmac.digest(self._key, value.encode("utf-8", "surrogatepass"), "sha256")[:_FINGERPRINT_BYTES].hex()


def set_apart(text: str) -> str:
    """Return a text whose placeholders are none any more (`[EMAIL 1]`), for a text that others will quote.

    In another conversation the same placeholder stands for another value, and would be restored as that.
    """
    if "[" not in text:
        return text
    encoded = text.encode("utf-8", "surrogatepass")
    apart: bytes = _SHAPE.sub(lambda match: b" ".join(match.group().rsplit(b"_", 1)), encoded)
    return apart.decode("utf-8", "surrogatepass")


def _open_word(text: str) -> str:
    """Return what to remember of the word that a text ends with: its mark of an address, or its last characters."""
    word = text[max(text.rfind(blank) for blank in _BLANKS) + 1 :].lower()
    return next((mark for mark in _ADDRESS_MARKS if mark in word), word[-_MARK_CHARS + 1 :])


class Restorer:
    """Restore placeholders in a text that arrives in pieces, for a person who may see the values.

    A placeholder that is cut off stays as it is: nothing is ever guessed. Any split into pieces gives the same text.
    """

    def __init__(self, pseudonyms: Pseudonyms, *, is_json: bool = False) -> None:
        self._pseudonyms = pseudonyms
        self._is_json = is_json
        self._held = ""
        self._word = ""  # see `_open_word`

    def feed(self, chunk: str) -> str:
        """Take the next piece and return what can be shown now."""
        text = self._held + chunk
        tail = text[-PLACEHOLDER_MAX_CHARS:]
        match = _BEGINNING.search(tail.encode("utf-8", "replace")) if "[" in tail else None
        held_chars = 0 if match is None else match.end() - match.start()  # what matched is ASCII: bytes are characters
        shown, self._held = (text[:-held_chars], text[-held_chars:]) if held_chars else (text, "")
        return self._show(shown)

    def close(self) -> str:
        """Return what is left."""
        text, self._held = self._held, ""
        return self._show(text)

    def _show(self, text: str) -> str:
        restored = self._pseudonyms.restore(text, before=self._word, is_json=self._is_json)
        self._word = _open_word(self._word + text)
        return restored


class JsonQuoting:
    """Put quotation marks around placeholders that stand where a number stood, so that JSON stays JSON.

    Takes a text in pieces; how it is cut changes nothing.
    """

    def __init__(self) -> None:
        self._held = ""
        self._is_string = False
        self._is_escaped = False

    def feed(self, chunk: str) -> str:
        """Take the next piece and return what can go on now."""
        text, self._held = self._held + chunk, ""
        pieces: list[str] = []
        place = 0
        while place < len(text):
            if not self._is_string and text[place] == "[":
                end = self._end_of_placeholder(text, place)
                if end < 0:
                    self._held = text[place:]
                    break
                if end > place:
                    pieces.append(f'"{text[place:end]}"')
                    place = end
                    continue
            self._step(text[place])
            pieces.append(text[place])
            place += 1
        return "".join(pieces)

    def close(self) -> str:
        """Return what is left."""
        text, self._held = self._held, ""
        return text

    def _end_of_placeholder(self, text: str, place: int) -> int:
        """Return where the placeholder at a bracket ends; the bracket's place if it is none, -1 if that is unknown."""
        longest = place + PLACEHOLDER_MAX_CHARS  # no further: a text of many open brackets would take minutes
        end = text.find("]", place, longest) + 1
        if end:
            return end if is_placeholder(text[place:end]) else place
        next_one = text[place + 1 : place + 2]
        return -1 if len(text) < longest and (not next_one or next_one.isupper()) else place

    def _step(self, character: str) -> None:
        if self._is_escaped:
            self._is_escaped = False
        elif self._is_string and character == "\\":
            self._is_escaped = True
        elif character == '"':
            self._is_string = not self._is_string


def quoted_in_json(text: str) -> str:
    """Return a whole JSON text with quotation marks around placeholders that stand where a number stood.

    >>> quoted_in_json('{"card": [CARD_1], "note": "[EMAIL_1]"}')
    '{"card": "[CARD_1]", "note": "[EMAIL_1]"}'
    """
    quoting = JsonQuoting()
    return quoting.feed(text) + quoting.close()


def _escaped(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)[1:-1]
