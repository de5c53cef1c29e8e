"""The file of an export: a zip without clocks, and a name that it gets once it may be found."""

from __future__ import annotations

import hashlib
import os
import shutil
import zipfile
from pathlib import Path
from typing import IO, Final, Self

from assistant.errors import BadInputError

_LEVEL: Final = 1  # a third of the size for a fifth of the time that the usual level takes


class Draft:
    """A file that nobody finds under its name until it is kept; else it is gone."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._draft = target.with_name(f".{target.name}.{os.getpid()}.part")

    def __enter__(self) -> Self:
        try:
            if self._target.exists():
                raise BadInputError(f"{str(self._target)!r} exists. Name another file, or remove it.")
            descriptor = os.open(self._draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        except OSError as error:
            raise BadInputError(f"{str(self._target)!r} cannot be written: {type(error).__name__}.") from error
        self.file = os.fdopen(descriptor, "w+b")
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()
        self._draft.unlink(missing_ok=True)

    def keep(self) -> None:
        """Give the file its name, unless there is one by now."""
        self.file.flush()
        os.fsync(self.file.fileno())
        try:
            os.link(self._draft, self._target)
        except OSError as error:
            raise BadInputError(f"{str(self._target)!r} cannot be written: {type(error).__name__}.") from error


class TimelessZip:
    """A zip whose bytes follow from what is put in: same names, order and content, same file; use it as `with`."""

    def __init__(self, file: IO[bytes]) -> None:
        self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def put(self, name: str, content: bytes) -> None:
        """Add a small file."""
        with self.open(name) as entry:
            entry.write(content)

    def copy(self, name: str, source: IO[bytes]) -> None:
        """Add a file from its first byte on."""
        source.seek(0)
        with self.open(name) as entry:
            shutil.copyfileobj(source, entry)

    def open(self, name: str) -> IO[bytes]:
        """Return a file of any size to write to, one at a time."""
        # Opened by its name, an entry gets the first time that a zip can say, 1980, whatever the clock is.
        return self._zip.open(name, "w", force_zip64=True)


def sha256_of(file: IO[bytes]) -> str:
    """Return the digest of a whole file, in hexadecimal."""
    file.seek(0)
    digest = hashlib.sha256()
    while block := file.read(1 << 20):
        digest.update(block)
    return digest.hexdigest()
