"""The log's public key of its first day, as a process knows it that does not seal."""

from __future__ import annotations

from assistant.audit.seals.checkpoint import NoteError, NoteKey
from assistant.audit.seals.seal_key import public_file_of, read_public_key
from assistant.errors import SettingsError
from assistant.settings import Settings


class LogKey:
    """The log's public key: set, or beside the sealing key.

    Raises:
        SettingsError: what was set is no key.
    """

    def __init__(self, settings: Settings) -> None:
        try:
            self._key = NoteKey.parse(settings.log_key) if settings.log_key else None
        except NoteError as error:
            raise SettingsError(f"CLOISTER_LOG_KEY: {error}") from error
        self._file = public_file_of(settings.seal_key)

    def __call__(self) -> NoteKey | None:
        """Return the key; none as long as there is none: at a first start the sealer makes it a little later."""
        if self._key is None and self._file.exists():
            self._key = read_public_key(self._file)
        return self._key
