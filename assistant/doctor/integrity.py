"""The audit log's proofs: whether it is sealed, and who outside the database vouches for it."""

from __future__ import annotations

from pydantic import SecretStr

from assistant.audit.anchors.feed import WitnessAddress
from assistant.audit.anchors.integrity import read_integrity
from assistant.audit.anchors.light import Integrity, Light
from assistant.audit.seals.seal_key import public_file_of, read_public_key
from assistant.doctor.check import Check, fail, ok, warn
from assistant.errors import SettingsError
from assistant.settings import Settings

_NAME = "audit log's proofs"


async def read_state(settings: Settings, reader_url: SecretStr) -> Integrity:
    """Return the state of the log's proofs, judged by what the settings name.

    Raises:
        SettingsError: a witness of the settings cannot be read.
        UnavailableError: the database does not answer.
    """
    file = public_file_of(settings.seal_key)
    try:
        first_key = read_public_key(file) if file.exists() else None
    except (SettingsError, OSError):
        first_key = None
    return await read_integrity(
        reader_url,
        first_key=first_key,
        witnesses=[WitnessAddress.parse(each).key for each in settings.audit_witnesses],
        anchor_file=settings.audit_anchor_file,
    )


async def check_integrity(settings: Settings, reader_url: SecretStr) -> Check:
    """Tell what the light over the log is, and the gravest reason."""
    state = await read_state(settings, reader_url)
    if state.light is Light.GREEN:
        return ok(_NAME, f"{state.size or 0:,} sealed events; {state.parties} independent anchors vouch for them.")
    found, *others = state.reasons
    more = f" And {len(others)} more." if others else ""
    say = fail if state.light is Light.RED else warn
    return say(_NAME, f"{found}{more}", "`cloister audit head --status` tells all of it.")
