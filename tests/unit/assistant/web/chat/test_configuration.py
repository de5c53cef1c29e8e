from __future__ import annotations

import json
import os
import re
import tomllib
from pathlib import Path

import pytest

from assistant.errors import SettingsError
from assistant.settings import Settings
from assistant.web.chat.configuration import TEXT_FILES, prepare


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CHAINLIT_APP_ROOT", "CHAINLIT_ENV_FILE", "CHAINLIT_CUSTOM_AUTH", "CHAINLIT_AUTH_SECRET"):
        monkeypatch.setenv(name, "before")
    for name in (
        "OTEL_SDK_DISABLED",
        "TRACELOOP_TELEMETRY",
        "LITERAL_API_KEY",
        "OAUTH_GITHUB_CLIENT_ID",
        "SLACK_BOT_TOKEN",
    ):
        monkeypatch.setenv(name, "before")


def test_the_folder_is_made_anew_and_closed_to_others(tmp_path: Path) -> None:
    folder = tmp_path / "run" / "chainlit"
    prepare(folder, Settings(data_dir=tmp_path))
    (folder / "left over").write_text("x")
    prepare(folder, Settings(data_dir=tmp_path))
    assert not (folder / "left over").exists()
    assert folder.stat().st_mode & 0o077 == 0


def test_what_is_open_by_default_is_closed(tmp_path: Path) -> None:
    prepare(tmp_path / "c", Settings(data_dir=tmp_path, max_upload_bytes=5 << 20))
    config = tomllib.loads((tmp_path / "c" / ".chainlit" / "config.toml").read_text())
    features = config["features"]
    assert config["project"]["allow_origins"] == []
    assert config["project"]["transports"] == ["websocket"]
    closed = ("unsafe_allow_html", "latex", "edit_message", "allow_thread_sharing", "favorites")
    assert not any(features[name] for name in closed)
    assert features["mcp"]["enabled"] is False
    assert features["spontaneous_file_upload"]["max_size_mb"] == 5
    assert "*/*" not in features["spontaneous_file_upload"]["accept"]
    assert config["UI"]["name"] == "Cloister"


def test_every_accepted_type_is_one_that_the_page_takes() -> None:
    # react-dropzone leaves out any other kind, with its endings (isMIMEType, isExt in its utils).
    for kind, endings in TEXT_FILES.items():
        assert kind == "text/*" or re.fullmatch(r"\w+/[-+.\w]+", kind), kind
        assert all(re.fullmatch(r"\.\w+", ending) for ending in endings)
    assert {".json", ".xml", ".yaml", ".py", ".md"} <= {ending for endings in TEXT_FILES.values() for ending in endings}


def test_the_environment_cannot_switch_on_a_way_out(tmp_path: Path) -> None:
    prepare(tmp_path / "c", Settings(data_dir=tmp_path))
    assert not {"LITERAL_API_KEY", "OAUTH_GITHUB_CLIENT_ID", "SLACK_BOT_TOKEN"} & os.environ.keys()
    assert os.environ["CHAINLIT_APP_ROOT"] == str((tmp_path / "c").resolve())
    assert len(os.environ["CHAINLIT_AUTH_SECRET"]) >= 48


def test_the_words_and_the_theme_are_ours(tmp_path: Path) -> None:
    prepare(tmp_path / "c", Settings(data_dir=tmp_path))
    words = json.loads((tmp_path / "c" / ".chainlit" / "translations" / "en-US.json").read_text())
    assert words["chat"]["messages"]["status"] == {"using": "", "used": ""}
    assert words["common"]["actions"]["cancel"] == "Cancel"  # theirs, where we say nothing
    theme = json.loads((tmp_path / "c" / "public" / "theme.json").read_text())
    assert theme["custom_fonts"] == []
    assert theme["variables"]["light"].keys() == theme["variables"]["dark"].keys()


def test_a_folder_that_cannot_be_written_stops_the_start_with_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(SettingsError, match="Cannot write the chat's folder"):
        prepare(tmp_path / "file" / "c", Settings(data_dir=tmp_path))
