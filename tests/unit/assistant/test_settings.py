from pathlib import Path

import pytest

from assistant.errors import SettingsError
from assistant.settings import PREFIX, SECRETS, Settings, read_settings


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(PREFIX + name.upper(), raising=False)
        monkeypatch.delenv(f"{PREFIX}{name.upper()}_FILE", raising=False)


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


def test_what_holds_a_password_may_come_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert set(SECRETS) == {"database_url", "audit_database_url", "redis_url", "admin_password"}
    file = tmp_path / "redis"
    file.write_text("redis://:plantedpassword@redis:6379/0\r\n")
    monkeypatch.setenv("CLOISTER_REDIS_URL_FILE", str(file))
    settings = read_settings()
    assert settings.redis_url is not None
    assert settings.redis_url.get_secret_value() == "redis://:plantedpassword@redis:6379/0"
    assert "plantedpassword" not in repr(settings)


@pytest.mark.parametrize(
    ("content", "also", "words"),
    [
        (b"", {}, "is empty"),
        (b"\n", {}, "is empty"),
        (b"\xff\xfe", {}, "cannot read"),
        (None, {}, "cannot read"),
        (
            b"redis://redis",
            {"CLOISTER_REDIS_URL": "redis://other"},
            "Both CLOISTER_REDIS_URL and CLOISTER_REDIS_URL_FILE",
        ),
    ],
)
def test_a_file_that_holds_no_secret_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None, also: dict[str, str], words: str
) -> None:
    file = tmp_path / "redis"
    if content is not None:
        file.write_bytes(content)
    for name, value in {"CLOISTER_REDIS_URL_FILE": str(file), **also}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=words):
        read_settings()


def test_what_holds_no_password_comes_in_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOISTER_PORT_FILE", "/run/secrets/port")
    with pytest.raises(SettingsError, match="Unknown setting"):
        read_settings()
