"""How a second command (`cloister users add`, `cloister audit tail`) finds the servers that `cloister up` started."""

from __future__ import annotations

from pydantic import SecretStr

from assistant.database_roles import APP_ROLE, AUDIT_WRITER_ROLE, url_for_role
from assistant.embedded.exit_status import ExitStatus
from assistant.embedded.folders import Folders, current_socket_folder
from assistant.embedded.postgres import find_owner_url
from assistant.embedded.redis import EmbeddedRedis
from assistant.errors import EmbeddedError
from assistant.keys import Keys
from assistant.settings import Settings


def with_running_servers(settings: Settings) -> Settings:
    """Return the settings with the addresses of the embedded servers where none are set.

    Raises:
        EmbeddedError: an address is needed and no server runs on this data folder.
    """
    found: dict[str, SecretStr] = {}
    if settings.database_url is None:
        owner = owner_address(settings)
        keys = Keys.load_or_create(settings.master_key)
        found["database_url"] = url_for_role(owner, APP_ROLE, keys)
        found["audit_database_url"] = url_for_role(owner, AUDIT_WRITER_ROLE, keys)
    if settings.redis_url is None:
        redis = EmbeddedRedis(settings.data_dir)
        if not redis.probe.is_ready(0):
            raise _not_running(settings)
        found["redis_url"] = redis.url
    return settings.model_copy(update=found)


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


def _not_running(settings: Settings) -> EmbeddedError:
    return EmbeddedError(
        f"No Cloister runs on {str(settings.data_dir)!r}. Start `cloister up`, or set CLOISTER_DATABASE_URL and "
        "CLOISTER_REDIS_URL to servers of your own.",
        exit_status=ExitStatus.SERVER_FAILED,
    )
