"""What a browser sent as a message, made safe: of its fields only text, id, files and command count."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from operator import ne
from typing import Final
from uuid import UUID, uuid4

from assistant.errors import BadInputError
from assistant.history.storable import storable
from assistant.web.chat.configuration import MOST_FILES

ADD_COMMAND: Final = "Add to knowledge"  # with blanks, which no command of a persona has
_UUID_VERSION: Final = 4


@dataclass(frozen=True, slots=True)
class IncomingMessage:
    """A person's message as it may be used.

    Attributes:
        id: as the page chose it, so that its own copy and the stored one are the same.
        command: one of those that the page was given; empty for a question.
        replaced: how many characters could not be kept and were replaced.
    """

    id: UUID
    text: str
    file_ids: tuple[UUID, ...] = ()
    command: str = ""
    replaced: int = 0


def parse_message(payload: object, *, max_chars: int, commands: Container[str] = ()) -> IncomingMessage:
    """Read a `client_message` event. Type, author, time, modes and metadata are the browser's word and are not used.

    Args:
        payload: what came.
        max_chars: the longest text.
        commands: of the persona, beside our own.

    Raises:
        BadInputError: the text is no text or too long.
    """
    message = payload.get("message") if isinstance(payload, Mapping) else None
    if not isinstance(message, Mapping):
        raise BadInputError("The page sent something that is not a message. Reload the page and send it again.")
    text = message.get("output")
    if not isinstance(text, str):
        raise BadInputError("The page sent a message without a text. Reload the page and send it again.")
    if len(text) > max_chars:
        raise BadInputError(
            f"Nothing was sent. The message has {len(text):,} characters and at most {max_chars:,} are accepted. "
            f"Shorten it, or attach it as a file with {ADD_COMMAND!r}."
        )
    kept = storable(text)
    command = message.get("command")
    return IncomingMessage(
        id=message_id(payload) or uuid4(),
        text=kept,
        file_ids=_file_ids(payload),
        command=command if isinstance(command, str) and (command == ADD_COMMAND or command in commands) else "",
        replaced=sum(map(ne, text, kept)) if kept != text else 0,
    )


def message_id(payload: object) -> UUID | None:
    """Return the id under which the page shows a message; None if it is none that the page makes."""
    message = payload.get("message") if isinstance(payload, Mapping) else None
    found = parse_uuid(message.get("id")) if isinstance(message, Mapping) else None
    return found if found is not None and found.version == _UUID_VERSION else None


def parse_uuid(value: object) -> UUID | None:
    """Return an id in its usual spelling; None for anything else."""
    if not isinstance(value, str):
        return None
    try:
        parsed = UUID(value)
    except ValueError:
        return None
    return parsed if str(parsed) == value.lower() else None


def _file_ids(payload: object) -> tuple[UUID, ...]:
    references = payload.get("fileReferences") if isinstance(payload, Mapping) else None
    if not isinstance(references, Sequence) or isinstance(references, str):
        return ()
    ids = (parse_uuid(entry.get("id")) for entry in references[:MOST_FILES] if isinstance(entry, Mapping))
    return tuple(dict.fromkeys(one for one in ids if one is not None))
