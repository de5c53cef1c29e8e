import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.errors import SettingsError
from assistant.keys import Keys


def test_the_master_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "secrets" / "master.key"
    first = Keys.load_or_create(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert Keys.load_or_create(file).derive("x") == first.derive("x")


def test_a_broken_master_key_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "master.key"
    file.write_bytes(b"short")
    with pytest.raises(SettingsError, match="5 bytes"):
        Keys.load_or_create(file)


def test_purposes_have_keys_of_their_own() -> None:
    keys = Keys(bytes(32))
    assert keys.derive("a") != keys.derive("b")
    assert keys.password("a") != keys.password("b")


def test_nothing_of_the_secret_shows() -> None:
    assert repr(Keys(b"A" * 32)) == "Keys(…)"


@given(st.binary(max_size=2000), st.text(max_size=40))
def test_what_is_sealed_opens_at_its_place_only(plain: bytes, place: str) -> None:
    sealer = Keys(bytes(32)).sealer("test")
    sealed = sealer.seal(plain, place=place)
    assert sealer.open(sealed, place=place) == plain
    with pytest.raises(ValueError, match="do not belong here"):
        sealer.open(sealed, place=place + "x")
    with pytest.raises(ValueError, match="do not belong here"):
        sealer.open(sealed[:-1] + bytes([sealed[-1] ^ 1]), place=place)


def test_another_purpose_opens_nothing() -> None:
    keys = Keys(bytes(32))
    sealed = keys.sealer("one").seal(b"value", place="here")
    with pytest.raises(ValueError, match="do not belong here"):
        keys.sealer("two").open(sealed, place="here")
