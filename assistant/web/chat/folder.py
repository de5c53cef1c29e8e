"""A folder that came as a zip, read into its texts in memory: bounded, never unpacked to a disk, and told in words.

The page packs a folder that a person chose; a zip that somebody made is read in the same way. Whoever packs it is not
believed: sizes are counted while they are read, and a path never names a place outside of the folder.
"""

from __future__ import annotations

import re
import stat
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import PurePosixPath
from typing import Final

from assistant.conversation import Attachment
from assistant.errors import BadInputError
from assistant.knowledge.decoding import decode_text, is_no_text

MOST_FILES: Final = 200  # of one folder; more is no question that anybody answers well
MOST_FILE_BYTES: Final = 256 << 10  # of one file, as the page knows it too: what is longer was generated
_MOST_ENTRIES: Final = 4_000  # in the list of a zip, also of what is left out
_MOST_BYTES: Final = 4 << 20  # of everything that is read of one zip, whatever it says of itself
_SNIFFED_BYTES: Final = 4 << 10  # of each file before the rest: of pictures no more is read
_PATH_CHARS: Final = 240
_ENTRY_SIGNATURE: Final = b"PK\x01\x02"  # APPNOTE.TXT 4.3.12: before each entry of the list
_METHODS: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})  # others need memory by what the zip says
_ENCRYPTED: Final = 0x1  # APPNOTE.TXT 4.4.4
_BROKEN: Final = (  # what zipfile raises, also at offsets that are no size of anything
    *(zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, UnicodeError, ValueError, OverflowError, OSError),
)
_DRIVE: Final = re.compile(r"[A-Za-z]:")

# What tools fetch, build or keep for themselves. The page leaves it out before it packs: folder.js has the same list.
LEFT_OUT_FOLDERS: Final = frozenset(
    {
        *(".git", ".hg", ".svn", ".idea", ".vscode", ".vs", ".gradle", ".terraform", ".next", ".nuxt", ".cache"),
        *("node_modules", "bower_components", "vendor", "venv", ".venv", "__pycache__", ".tox", ".nox", ".eggs"),
        *(".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", "dist", "build", "target", "__MACOSX"),
    }
)
_LEFT_OUT_FILES: Final = frozenset(
    {
        *("package-lock.json", "yarn.lock", "pnpm-lock.yaml", "poetry.lock", "uv.lock", "Cargo.lock", "Gemfile.lock"),
        *("composer.lock", "go.sum", ".DS_Store", "Thumbs.db"),
    }
)
_NO_TEXT: Final = "not text"
_TOO_LONG: Final = f"longer than {MOST_FILE_BYTES >> 10} KB"
_LOCK: Final = "written by tools"
_LINK: Final = "linked elsewhere"


@dataclass(slots=True)
class Folder:
    """What is read of a folder: its texts by their paths in it, and how much was left out for which reason."""

    files: list[Attachment] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    folders_left_out: set[str] = field(default_factory=set)

    @property
    def words(self) -> str:
        """Say what was left out; empty if nothing was."""
        parts = sorted(self.folders_left_out)
        parts += [f"{count} {why}" for why, count in self.left_out.most_common()]
        return f"Left out: {', '.join(parts)}." if parts else ""


def read_folder(data: bytes, *, most_files: int = MOST_FILES) -> Folder:
    """Read the texts of a zip.

    1. The list of entries is counted before it is read: each entry costs memory.
    2. Every path stays inside; links, devices, and what is packed or locked in a way that is not read, are no files.
    3. What tools made is left out, before a byte of it is unpacked.
    4. Bytes are counted as they are unpacked, over all entries; the sizes that the zip tells only shorten that.

    Raises:
        BadInputError: it is no zip, or one that no folder of texts makes; says which and what to do.
    """
    if data.count(_ENTRY_SIGNATURE) > _MOST_ENTRIES:  # 1
        raise BadInputError(
            f"The folder has more than {_MOST_ENTRIES:,} files. Attach the part that the question needs."
        )
    folder = Folder()
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            _read_entries(archive, folder, most_files)
    except _BROKEN as error:
        raise BadInputError("The folder did not arrive whole, or this is no zip. Attach it again.") from error
    if not folder.files:
        raise BadInputError(f"The folder holds no text that can be read. {folder.words}".strip())
    return folder


def _read_entries(archive: zipfile.ZipFile, folder: Folder, most_files: int) -> None:
    room = _MOST_BYTES
    seen: set[str] = set()
    for entry, path in _wanted(archive, folder):
        if path in seen:
            raise BadInputError("The zip has two files of the same name. Pack the folder again.")
        seen.add(path)
        data = _read_text(archive, entry)  # 4
        room -= len(data)
        if room < 0:
            raise BadInputError(
                f"The folder unpacks to more than {_MOST_BYTES >> 20} MB. Attach the part that the question needs."
            )
        _keep(path, data, folder)
        if len(folder.files) > most_files:
            raise BadInputError(
                f"The folder has more than {most_files} files of text. Attach the part that the question needs."
            )


def _read_text(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """Return the bytes of a file; of one that is no text only the beginning."""
    with archive.open(entry) as stream:
        beginning = stream.read(_SNIFFED_BYTES)
        rest = b"" if is_no_text(beginning) else stream.read(MOST_FILE_BYTES + 1 - len(beginning))
    return beginning + rest


def _wanted(archive: zipfile.ZipFile, folder: Folder) -> Iterator[tuple[zipfile.ZipInfo, str]]:
    """Yield the entries that may be texts, with their paths; what is left out is noted."""
    for entry in archive.infolist():
        path = _inner_path(entry.orig_filename)  # 2: zipfile's own `filename` ends at a NUL, and hides what follows
        is_folder = entry.orig_filename.endswith(("/", "\\"))
        name = path.name
        if inside := LEFT_OUT_FOLDERS.intersection(path.parts if is_folder else path.parts[:-1]):
            folder.folders_left_out |= inside  # 3
        elif is_folder:
            continue
        elif not _is_file(entry):
            folder.left_out[_LINK] += 1
        elif name in _LEFT_OUT_FILES:
            folder.left_out[_LOCK] += 1
        elif entry.file_size > MOST_FILE_BYTES:
            folder.left_out[_TOO_LONG] += 1
        elif entry.file_size:
            _refuse_unreadable(entry)
            yield entry, _shown_path(path)


def _inner_path(name: str) -> PurePosixPath:
    """Return a path in the folder, or that of the folder itself.

    Raises:
        BadInputError: it leads out of the folder.
    """
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or _DRIVE.match(str(path)) or ".." in path.parts:
        raise BadInputError("The zip names a place outside of its folder, so nothing of it was read. Pack it again.")
    return path


def _shown_path(path: PurePosixPath) -> str:
    """Return the path of a file that is read, as its name.

    Raises:
        BadInputError: it cannot be shown as it is.
    """
    if not path.parts or not str(path).isprintable() or len(str(path)) > _PATH_CHARS:
        raise BadInputError("The zip has a file whose name cannot be shown. Rename it, and pack the folder again.")
    return str(path)


def _is_file(entry: zipfile.ZipInfo) -> bool:
    """Tell whether an entry is a file and not a link or device; a zip from elsewhere than Unix says nothing of it."""
    kind = stat.S_IFMT(entry.external_attr >> 16)
    return kind in {0, stat.S_IFREG}


def _refuse_unreadable(entry: zipfile.ZipInfo) -> None:
    if entry.flag_bits & _ENCRYPTED:
        raise BadInputError("The zip is locked with a password. Attach it without one.")
    if entry.compress_type not in _METHODS:
        raise BadInputError("The zip is packed in a way that is not read here. Attach the folder itself.")


def _keep(path: str, data: bytes, folder: Folder) -> None:
    try:
        folder.files.append(Attachment(path, decode_text(data)))
    except BadInputError:
        if data.strip():
            folder.left_out[_NO_TEXT] += 1
