"""Every setting, read once from `CLOISTER_*` at a process's start and passed down."""

from __future__ import annotations

import difflib
import os
from pathlib import Path

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings import SettingsError as SourceError

from assistant.errors import SettingsError

PREFIX = "CLOISTER_"
_IN_FILE = "_FILE"  # CLOISTER_REDIS_URL_FILE names a file that holds what CLOISTER_REDIS_URL would


class Settings(BaseSettings):
    """What an administrator can set. Nothing secret has a default; DSNs are secret because they hold passwords."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", env_ignore_empty=True)

    host: str = Field(default="127.0.0.1", description="Address that the page listens on.")
    port: int = Field(default=8420, ge=1, le=65535, description="Port of the page.")
    console_port: int = Field(
        default=8421, ge=1, le=65535, description="Port of the console where `cloister console` runs it alone."
    )
    data_dir: Path = Field(default=Path("var"), description="Folder of everything that Cloister writes.")
    database_url: SecretStr | None = Field(
        default=None,
        description="Postgres 16 or newer with pgvector, as a role that may create roles; unset: embedded.",
    )
    audit_database_url: SecretStr | None = Field(
        default=None, description="The same database as the audit writer; `cloister up` sets it for its processes."
    )
    audit_when_down: str = Field(
        default="deny",
        pattern="^(deny|spool)$",
        description="While the audit log's database is away: deny, or spool its events on this machine's disk.",
    )
    audit_spool_minutes: int = Field(default=15, ge=1, le=1440, description="How long a process may spool.")
    audit_spool_bytes: int = Field(default=1 << 30, ge=1 << 20, description="How much a process may spool.")
    redis_url: SecretStr | None = Field(default=None, description="Redis 6.2 or newer; unset starts the embedded one.")
    master_key_file: Path | None = Field(
        default=None, description="The installation's secret; unset means secrets/master.key in the data folder."
    )
    seal_key_file: Path | None = Field(
        default=None,
        description="The key that signs the audit log's heads; unset: secrets/seal.key in the data folder.",
    )
    audit_witnesses: tuple[str, ...] = Field(
        default=(), description="Witnesses of the audit log, as a JSON list of public key, blank, address."
    )
    audit_anchor_file: Path | None = Field(
        default=None, description="A file elsewhere that the sealer adds each minute's checkpoint to."
    )
    audit_anchor_syslog: str = Field(
        default="", description="Where each minute's checkpoint goes as a line: udp://host:port, or unix:/path."
    )
    audit_content: str = Field(
        default="keep",
        pattern="^(keep|none)$",
        description="keep: the audit log keeps guarded texts, encrypted; none: it keeps none.",
    )
    audit_keep_days: int = Field(
        default=400,
        ge=183,
        description="How long the audit log keeps what its events say.",
    )
    log_key: str = Field(
        default="",
        description="The audit log's public key of its first day, for the console; unset: beside the sealing key.",
    )
    exports_dir: Path | None = Field(
        default=None,
        description="Folder of exports until they are fetched, for worker and console; unset: in the data folder.",
    )
    fleet: Path | None = Field(default=None, description="fleet.yaml; unset looks for model hosts on loopback.")
    fleet_history_days: int = Field(
        default=30, ge=1, le=400, description="How long it is kept what each model host did, minute by minute."
    )
    policy: Path | None = Field(default=None, description="The site's policy, file or folder; unset: the shipped one.")
    names: str = Field(
        default="none",
        description="Model for names in files and jobs: none, spacy:<package or folder>, gliner:<folder>, llm:<model>.",
    )
    personas: Path | None = Field(default=None, description="Folder of persona files; unset uses the shipped ones.")
    quotas: Path | None = Field(
        default=None, description="quotas.yaml: what may be used, and by whom; unset: the shipped limits."
    )
    gguf: Path | None = Field(default=None, description="A GGUF model file that the bundled llama.cpp serves.")
    admin_name: str = Field(default="admin", description="Name of the first administrator.")
    admin_password: SecretStr | None = Field(
        default=None, description="Password of the first administrator; unset generates one and prints it once."
    )
    origins: tuple[str, ...] = Field(
        default=(), description="Origins of the page behind a proxy, as a JSON list; unset allows only the page's own."
    )
    is_behind_tls: bool = Field(default=False, description="Cookies are marked Secure.")
    egress_allow: tuple[str, ...] = Field(
        default=(),
        description="What may be reached beside the servers set here, as a JSON list of hosts, networks and ports.",
    )
    session_hours: int = Field(default=8, ge=1, le=24 * 30, description="How long a sign-in lasts.")
    max_prompt_chars: int = Field(default=200_000, ge=100, description="Longest message that is accepted.")
    max_upload_bytes: int = Field(default=10 << 20, ge=1024, description="Largest file that is accepted.")
    first_token_timeout_seconds: float | None = Field(
        default=None, gt=0, description="Patience until the first token, loading included; unset: by the kind of host."
    )
    stall_timeout_seconds: float | None = Field(
        default=None, gt=0, description="Patience between two tokens; unset: by the kind of host."
    )
    line_length: int = Field(
        default=50, ge=0, le=10_000, description="Prompts that may wait for each model on a host while it is busy."
    )
    line_timeout_seconds: float = Field(default=120.0, gt=0, description="How long a prompt waits for a busy host.")
    notice_days: int = Field(
        default=30, ge=0, le=365, description="After how many days an employee is told that they were unmasked."
    )
    second_look_percent: int = Field(
        default=5,
        ge=0,
        le=100,
        description="How many of a hundred decided hits somebody reads again without seeing them.",
    )
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Least level logged.")

    @property
    def master_key(self) -> Path:
        """Return where the installation's secret lies."""
        return self.master_key_file or self.data_dir / "secrets" / "master.key"

    @property
    def audit_spool(self) -> Path:
        """Return the folder where events wait for the audit log's database."""
        return self.data_dir / "audit-spool"

    @property
    def exports(self) -> Path:
        """Return where exports of the audit log lie until somebody fetches them; workers and console share it."""
        return self.exports_dir or self.data_dir / "exports"

    @property
    def seal_key(self) -> Path:
        """Return where the key lies that signs the audit log's heads."""
        return self.seal_key_file or self.data_dir / "secrets" / "seal.key"


SECRETS = tuple(name for name, field in Settings.model_fields.items() if field.annotation == SecretStr | None)
"""The settings that may come in a file instead, because they hold a password."""


def read_settings() -> Settings:
    """Read the settings from the environment.

    Raises:
        SettingsError: a value does not fit, a file with a secret cannot be read, or a `CLOISTER_*` variable is not one
            of ours (pydantic-settings ignores those silently, so a misspelt setting would be lost).
    """
    in_files = {PREFIX + name.upper() + _IN_FILE: name for name in SECRETS}
    known = {PREFIX + name.upper() for name in Settings.model_fields} | in_files.keys()
    for name in sorted(os.environ):
        if name.startswith(PREFIX) and name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.85)
            hint = f" Did you mean {near[0]}?" if near else " Unset it, or see docs/settings.md for those there are."
            raise SettingsError(f"Unknown setting {name!r}.{hint}")
    read = {field: _read_secret(variable) for variable, field in in_files.items() if os.environ.get(variable)}
    try:
        return Settings(**read)  # type: ignore[arg-type]  # secrets, all of them
    except SourceError as error:
        raise SettingsError(f'{_variable_in(str(error))}: not a JSON list, such as \'["first", "second"]\'.') from None
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        name = PREFIX + "_".join(str(part) for part in first["loc"]).upper()
        raise SettingsError(f"{name}: {first['msg']}.") from None


def _read_secret(variable: str) -> SecretStr:
    """Return what the file holds that a variable names, without the line end that an editor puts there."""
    itself = variable.removesuffix(_IN_FILE)
    if os.environ.get(itself):
        raise SettingsError(f"Both {itself} and {variable} are set. Unset one of them.")
    file = Path(os.environ[variable])
    try:
        secret = file.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{variable}: cannot read {str(file)!r}: {type(error).__name__}.") from None
    if not secret:
        raise SettingsError(f"{variable}: {str(file)!r} is empty.")
    return SecretStr(secret)


def _variable_in(message: str) -> str:
    """Return the variable that pydantic-settings could not parse; it names the field in quotation marks."""
    return next((PREFIX + name.upper() for name in Settings.model_fields if f'"{name}"' in message), PREFIX + "…")
