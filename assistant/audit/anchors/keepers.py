"""Where checkpoints are kept outside the database: a file that is only added to, and a line to a syslog server.

Each is written by the sealer every minute. A line of syslog holds the whole signed checkpoint, so that it can be made
an anchor for `cloister audit verify` again.
"""

from __future__ import annotations

import os
import re
import socket
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol, Self
from urllib.parse import urlsplit

from assistant.audit.seals.checkpoint import Checkpoint, NoteError, split_note
from assistant.audit.writing.durable import append_to_file
from assistant.errors import SettingsError

_NOTES: Final = re.compile(r"(?:[^\n]+\n)+\n(?:— [^\n]+\n)+")
_SYSLOG_MARK: Final = "cloister-checkpoint"
_IN_SYSLOG: Final = re.compile(rf"{_SYSLOG_MARK} ([A-Za-z0-9+/]+=*)")
_PRIORITY: Final = 13 * 8 + 5  # facility "log audit", severity "notice". Source: RFC 5424 section 6.2.1
_DEFAULT_PORT: Final = 514
_TAIL_BYTES: Final = 16 << 10  # a note has some 300 bytes; a file of a year has half a million of them


class CheckpointKeeper(Protocol):
    """A place that takes checkpoints."""

    @property
    def kind(self) -> str:
        """Return `file` or `syslog`."""

    @property
    def label(self) -> str:
        """Return what it is called in the log."""

    def keep(self, note: str) -> None:
        """Take a signed checkpoint; returns once it is kept, as far as that can be known.

        Raises:
            OSError: it is not.
        """

    def newest(self) -> Checkpoint | None:
        """Return the newest checkpoint that it has; None where it has none or cannot say."""


@dataclass(frozen=True, slots=True)
class AnchorFile:
    """A file that checkpoints are added to, in the form of `cloister audit head >> file`."""

    file: Path

    @property
    def kind(self) -> str:
        """Return what it is."""
        return "file"

    @property
    def label(self) -> str:
        """Return the file's name, without its folders."""
        return self.file.name

    def keep(self, note: str) -> None:
        """Add a checkpoint, and wait for the disk.

        Raises:
            OSError: it cannot be written.
        """
        append_to_file(self.file, note)

    def newest(self) -> Checkpoint | None:
        """Return the last checkpoint in the file."""
        try:
            with self.file.open("rb") as stream:
                stream.seek(max(0, stream.seek(0, os.SEEK_END) - _TAIL_BYTES))
                content = stream.read().decode("utf-8", "replace")
        except OSError:
            return None
        notes = list(read_notes(content))
        return _checkpoint_of(notes[-1]) if notes else None


@dataclass(frozen=True, slots=True)
class SyslogServer:
    """A syslog server, by UDP or over a local socket; whether it keeps the line, it does not say.

    Attributes:
        address: a path, or host and port.
    """

    address: str | tuple[str, int]

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read `udp://host:port` or `unix:/path`.

        Raises:
            SettingsError: it is neither.
        """
        parts = urlsplit(url)
        try:
            if parts.scheme == "unix" and parts.path.startswith("/"):
                return cls(parts.path)
            if parts.scheme == "udp" and parts.hostname:
                return cls((parts.hostname, parts.port or _DEFAULT_PORT))
        except ValueError:
            pass
        raise SettingsError(f"{url!r} is no syslog server. Write it as udp://host:514 or unix:/dev/log.")

    @property
    def kind(self) -> str:
        """Return what it is."""
        return "syslog"

    @property
    def label(self) -> str:
        """Return its address."""
        return self.address if isinstance(self.address, str) else f"{self.address[0]}:{self.address[1]}"

    def keep(self, note: str) -> None:
        """Send a checkpoint as one line.

        Raises:
            OSError: it cannot be sent.
        """
        line = syslog_line(note, datetime.now(UTC)).encode()
        if isinstance(self.address, str):
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.connect(self.address)
                sender.send(line)
            return
        host, port = self.address
        (family, kind, protocol, _, place), *_ = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
        with socket.socket(family, kind, protocol) as sender:
            sender.sendto(line, place)

    def newest(self) -> Checkpoint | None:
        """Return nothing: it cannot be asked."""
        return None


def syslog_line(note: str, moment: datetime) -> str:
    """Return a checkpoint as a line of RFC 5424."""
    time = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    text = b64encode(note.encode()).decode()
    return f"<{_PRIORITY}>1 {time} {socket.gethostname()} cloister {os.getpid()} - - {_SYSLOG_MARK} {text}"


def read_notes(content: str) -> Iterator[str]:
    """Yield the signed checkpoints in a text: as a file of anchors has them, or in lines of a syslog server's file."""
    for match in _NOTES.finditer(content):
        if _checkpoint_of(match[0]) is not None:
            yield match[0]
    for match in _IN_SYSLOG.finditer(content):
        try:
            note = b64decode(match[1], validate=True).decode()
        except ValueError:
            continue
        if _checkpoint_of(note) is not None:
            yield note


def _checkpoint_of(note: str) -> Checkpoint | None:
    try:
        return Checkpoint.parse(split_note(note)[0])
    except NoteError:
        return None
