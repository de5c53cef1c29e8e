"""How a second command (`cloister users add`, `cloister audit tail`) finds the database, the company's or our own."""

from __future__ import annotations

from pydantic import SecretStr

from assistant.database_roles import with_roles_of
from assistant.embedded.exit_status import ExitStatus
from assistant.embedded.folders import Folders, current_socket_folder
from assistant.embedded.postgres import find_owner_url
from assistant.embedded.redis import EmbeddedRedis
from assistant.errors import EmbeddedError
from assistant.settings import Settings


def with_running_database(settings: Settings) -> Settings:
    """Return the settings with the addresses of the database for the application and for the audit writer.

    Both are derived from the owner's, be it the company's own database or the embedded one. A process that was given
    both already, as `cloister up` gives them to its own, keeps them. Redis is left out: few commands need it, and
    those ask `redis_address`.

    Raises:
        EmbeddedError: no database was set and none runs on this data folder.
    """
    if settings.database_url is not None and settings.audit_database_url is not None:
        return settings
    return with_roles_of(settings, owner_address(settings))


def owner_address(settings: Settings) -> SecretStr:
    """Return the address of the database as its owner: the one that was set, or the embedded server's.

    Raises:
        EmbeddedError: none was set and no server runs on this data folder.
    """
    if settings.database_url is not None:
        return settings.database_url
    folders = Folders(settings.data_dir.resolve())
    if not (current_socket_folder(folders) / "postgres" / ".s.PGSQL.5432").exists():
        raise _not_running(settings)
    return find_owner_url(settings.data_dir)


def redis_address(settings: Settings) -> SecretStr:
    """Return the address of Redis: the one that was set, or the embedded server's.

    Raises:
        EmbeddedError: none was set and no server runs on this data folder.
    """
    if settings.redis_url is not None:
        return settings.redis_url
    server = EmbeddedRedis(settings.data_dir)
    if not server.socket.exists():
        raise _not_running(settings)
    return server.url


def _not_running(settings: Settings) -> EmbeddedError:
    return EmbeddedError(
        f"No Cloister runs on {str(settings.data_dir)!r}. Start `cloister up`, or set CLOISTER_DATABASE_URL and "
        "CLOISTER_REDIS_URL to servers of your own.",
        exit_status=ExitStatus.SERVER_FAILED,
    )
