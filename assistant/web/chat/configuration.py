"""Chainlit's configuration, generated at each start: nothing is written into the project or the working folder."""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import secrets
import shutil
from collections.abc import Mapping, MutableMapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from assistant.errors import SettingsError
from assistant.settings import Settings
from assistant.web.chat.look import theme
from assistant.web.pages import STATIC_FOLDER

TEXT_FILES: Final[Mapping[str, tuple[str, ...]]] = {
    "text/*": (".txt", ".md", ".markdown", ".rst", ".csv", ".tsv", ".log", ".html", ".css", ".py", ".js", ".ts"),
    # With a star the page knows audio, image, text and video; any other it leaves out, endings and all.
    "application/json": (".json",),
    "application/xml": (".xml",),
    "application/zip": (".zip",),  # a folder
    "application/x-zip-compressed": (".zip",),  # as Windows calls it
    # Browsers name no type for most source files.
    "application/octet-stream": (
        *(".py", ".java", ".kt", ".go", ".rs", ".c", ".h", ".cpp", ".hpp", ".cs", ".rb", ".php", ".swift", ".scala"),
        *(".jsx", ".tsx", ".vue", ".lua", ".pl", ".r", ".ps1", ".bat", ".tf", ".gradle", ".proto", ".env", ".diff"),
        *(".md", ".yaml", ".yml", ".toml", ".ini", ".cfg", ".conf", ".log", ".sql", ".sh", ".patch", ".tex", ".adoc"),
    ),
}
_HEADER_LINKS: Final = [
    {
        "name": "Documents",
        "display_name": "Documents",
        "icon_url": "/static/documents.svg",
        "url": "/documents",
        "target": "_self",
    },
    {
        "name": "Tokens",
        "display_name": "Tokens",
        "icon_url": "/static/tokens.svg",
        "url": "/tokens",
        "target": "_self",
    },
    {
        "name": "My log",
        "display_name": "My log",
        "icon_url": "/static/my-log.svg",
        "url": "/my-log",
        "target": "_self",
    },
    {  # chat.css shows it to those only who may open more there than their own log
        "name": "Console",
        "display_name": "Console",
        "icon_url": "/static/console.svg",
        "url": "/console",
        "target": "_self",
    },
]
MOST_FILES: Final = 5  # with one message

# Everything by which the environment could switch on a way out, another sign-in or another store.
_FORBIDDEN_VARIABLES: Final = (
    *("LITERAL_API_KEY", "LITERAL_API_URL", "LITERAL_SERVER", "DATABASE_URL", "BUCKET_NAME", "CUSTOM_BUILD"),
    *("CHAINLIT_URL", "CHAINLIT_ROOT_PATH", "CHAINLIT_PARENT_ROOT_PATH", "CHAINLIT_DEBUG", "CHAINLIT_AUTH_COOKIE_NAME"),
    *("CHAINLIT_COOKIE_SAMESITE", "CHAINLIT_AUTH_COOKIE_PATH"),
)
_FORBIDDEN_PREFIXES: Final = ("OAUTH_", "SLACK_", "DISCORD_", "TEAMS_", "APP_AWS_", "APP_GCS_", "APP_AZURE_")


def prepare(folder: Path, settings: Settings) -> None:
    """Write the folder that Chainlit takes for its application, and point the environment at it.

    Must run before Chainlit is imported: it reads both at import.

    Raises:
        SettingsError: the folder cannot be written.
    """
    try:
        if folder.exists():
            shutil.rmtree(folder)
        hidden = folder / ".chainlit"
        (hidden / "translations").mkdir(mode=0o700, parents=True)
        folder.chmod(0o700)
        (hidden / "config.toml").write_text(_config(settings), encoding="utf-8")
        (hidden / "translations" / "en-US.json").write_text(json.dumps(_words()), encoding="utf-8")
        _copy_public(folder / "public")
    except OSError as error:
        raise SettingsError(f"Cannot write the chat's folder {str(folder)!r}: {error.strerror}.") from error
    _set_environment(os.environ, folder)
    logging.getLogger("chainlit").setLevel(logging.ERROR)  # it reports each file of ours that it reads


def _set_environment(environment: MutableMapping[str, str], folder: Path) -> None:
    for name in list(environment):
        if name in _FORBIDDEN_VARIABLES or name.startswith(_FORBIDDEN_PREFIXES):
            del environment[name]
    environment.update(
        {
            "CHAINLIT_APP_ROOT": str(folder.resolve()),
            "CHAINLIT_ENV_FILE": str(folder.resolve() / "no.env"),  # else it loads `.env` of the working folder
            "CHAINLIT_CUSTOM_AUTH": "1",  # sign-in is required, and none of Chainlit's own ways is offered
            "CHAINLIT_AUTH_SECRET": secrets.token_urlsafe(48),  # lives as long as this process; see session_bridge.py
            "OTEL_SDK_DISABLED": "true",
            "TRACELOOP_TELEMETRY": "false",
        }
    )


def _copy_public(public: Path) -> None:
    (public / "avatars").mkdir(parents=True)
    for name in ("logo_light.svg", "logo_dark.svg", "favicon.svg"):
        shutil.copy(STATIC_FOLDER / name, public / name)
    shutil.copy(STATIC_FOLDER / "mark.svg", public / "avatars" / "cloister.svg")
    (public / "theme.json").write_text(json.dumps(theme()), encoding="utf-8")


def _config(settings: Settings) -> str:
    """Return the text of config.toml."""
    sections: dict[str, dict[str, object]] = {
        "project": {
            "session_timeout": 600,  # seconds that a lost connection may take to come back
            "user_session_timeout": 300,  # of Chainlit's own token, made anew for each request
            "allow_origins": [],
            "transports": ["websocket"],
            "user_env": [],
            "persist_user_env": False,
        },
        "features": {
            "unsafe_allow_html": False,
            "latex": False,  # its style sheet would come from a foreign address
            "user_message_markdown": False,  # a person sees what was typed
            "auto_tag_thread": False,
            "edit_message": False,  # deletes every later message
            "allow_thread_sharing": False,
            "favorites": False,
        },
        "features.spontaneous_file_upload": {
            "enabled": True,
            "max_files": MOST_FILES,
            "max_size_mb": max(1, settings.max_upload_bytes >> 20),
        },
        "features.spontaneous_file_upload.accept": {kind: list(endings) for kind, endings in TEXT_FILES.items()},
        "features.audio": {"enabled": False},
        "features.mcp": {"enabled": False},
        "features.mcp.user_servers": {"enabled": False, "allowed_urls": []},
        "UI": {
            "name": "Cloister",
            "description": "The company's own assistant",
            "language": "en-US",
            "default_theme": "light",
            "cot": "full",
            "confirm_new_chat": False,
            "default_avatar_file_url": "/static/mark.svg",
            "alert_style": "modern",
            "header_links": _HEADER_LINKS,
        },
        "meta": {"generated_by": "2.12.0"},
    }
    return "\n".join(
        line
        for section, values in sections.items()
        for line in (f"[{_key(section)}]", *(f"{json.dumps(name)} = {_toml(value)}" for name, value in values.items()))
    )


def _toml(value: object) -> str:
    """Return a value as TOML: JSON, except that a table is written with `=`."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(name)} = {_toml(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(inner) for inner in value) + "]"
    return json.dumps(value)


def _key(section: str) -> str:
    return ".".join(json.dumps(part) for part in section.split("."))


def _words() -> dict[str, Any]:
    """Return Chainlit's English words with ours laid over them."""
    package = importlib.util.find_spec("chainlit")
    if package is None or package.origin is None:
        raise SettingsError("Chainlit is not installed. Run `make install`.")
    theirs = json.loads((Path(package.origin).parent / "translations" / "en-US.json").read_text(encoding="utf-8"))
    ours = json.loads((files("assistant.web.chat") / "page" / "words.json").read_text(encoding="utf-8"))
    return _laid_over(theirs, ours)


def _laid_over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Merge two trees of words; a word that Chainlit does not know any more is a mistake to be seen."""
    unknown = above.keys() - below.keys()
    if unknown:
        raise SettingsError(f"words.json has words that Chainlit does not ask for: {sorted(unknown)}.")
    return below | {
        name: _laid_over(below[name], word) if isinstance(word, dict) else word for name, word in above.items()
    }
