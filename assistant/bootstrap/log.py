"""The audit log as this process reaches it: the address of each role, and who writes, reads and erases."""

from __future__ import annotations

from importlib.metadata import version

from pydantic import SecretStr

from assistant.audit.parts import TextMarker
from assistant.audit.reading.counts import FindingCounts
from assistant.audit.record import Origin
from assistant.audit.removal.eraser import Eraser
from assistant.audit.writing.append import Appender
from assistant.audit.writing.detour import SpoolLimits
from assistant.audit.writing.spool import SPOOL_PURPOSE, SpoolFolder
from assistant.database_roles import AUDIT_ERASER_ROLE, AUDIT_READER_ROLE, url_for_role
from assistant.erasure import Erasure
from assistant.errors import SettingsError
from assistant.keys import Keys
from assistant.settings import Settings


def required(settings: Settings, name: str) -> SecretStr:
    """Return an address that `cloister up` gives to its processes.

    Raises:
        SettingsError: it is not set.
    """
    value = getattr(settings, name)
    if not isinstance(value, SecretStr):
        raise SettingsError(
            f"CLOISTER_{name.upper()} is not set. `cloister up` sets it for its processes; set it to run one alone."
        )
    return value


def open_audit(settings: Settings) -> Appender:
    """Return the audit log as this process writes it; open it with `async with`.

    Raises:
        SettingsError: its address is not set, or the folder of its spools cannot be used.
    """
    writer_url, origin = required(settings, "audit_database_url"), Origin.here(version("cloister"))
    if settings.audit_when_down == "deny" and not settings.audit_spool.is_dir():
        return Appender(writer_url, origin)
    spools = SpoolFolder(settings.audit_spool, Keys.load_or_create(settings.master_key).sealer(SPOOL_PURPOSE))
    if settings.audit_when_down == "deny":  # what waited when it said otherwise still belongs into the log
        return Appender(writer_url, origin, spools=spools)
    spools.prepare()
    limits = SpoolLimits(most_seconds=settings.audit_spool_minutes * 60, most_bytes=settings.audit_spool_bytes)
    return Appender(writer_url, origin, spools=spools, limits=limits)


def reader_url(settings: Settings, keys: Keys) -> SecretStr:
    """Return the address at which the role that reads the log signs in."""
    return url_for_role(required(settings, "database_url"), AUDIT_READER_ROLE, keys)


def build_finding_counts(settings: Settings, keys: Keys) -> FindingCounts:
    """Return who counts the guard's findings in the log."""
    return FindingCounts(reader_url(settings, keys))


def build_erasure(settings: Settings, keys: Keys, audit: Appender) -> Erasure:
    """Return erasures as this process orders them."""
    eraser_url = url_for_role(required(settings, "database_url"), AUDIT_ERASER_ROLE, keys)
    writer_url = required(settings, "audit_database_url")
    eraser = Eraser(writer_url, eraser_url, reader_url(settings, keys), Origin.here(version("cloister")))
    return Erasure(eraser, audit, TextMarker(keys))
