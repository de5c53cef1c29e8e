from pathlib import Path

import pytest

from assistant.errors import SettingsError
from assistant.settings import PREFIX, Settings, read_settings


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(PREFIX + name.upper(), raising=False)


def test_defaults_need_nothing_from_the_environment() -> None:
    settings = read_settings()
    assert settings.port == 8420
    assert settings.database_url is None
    assert settings.master_key == Path("var/secrets/master.key")


def test_a_misspelt_variable_is_refused_and_the_right_one_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOISTER_DATABASE_ULR", "postgresql://x")
    with pytest.raises(SettingsError, match="Did you mean CLOISTER_DATABASE_URL"):
        read_settings()


def test_an_unlike_variable_is_refused_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOISTER_ZZZ", "1")
    with pytest.raises(SettingsError, match=r"docs/settings\.md"):
        read_settings()


@pytest.mark.parametrize(
    ("name", "value"), [("PORT", "0"), ("PORT", "eighty"), ("LOG_LEVEL", "LOUD"), ("ORIGINS", "foo")]
)
def test_a_value_that_does_not_fit_names_its_variable(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(PREFIX + name, value)
    with pytest.raises(SettingsError, match=PREFIX + name):
        read_settings()


def test_passwords_show_in_no_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOISTER_DATABASE_URL", "postgresql://owner:plantedpassword@db/x")
    monkeypatch.setenv("CLOISTER_ADMIN_PASSWORD", "plantedpassword")
    settings = read_settings()
    assert "plantedpassword" not in f"{settings!r} {settings} {settings.model_dump_json()}"


def test_every_setting_is_documented() -> None:
    page = Path("docs/settings.md").read_text(encoding="utf-8")
    missing = [name for name in Settings.model_fields if f"`{PREFIX}{name.upper()}`" not in page]
    assert missing == []
