"""The Celery client: wake a worker by sending a task's name and a job's id. No task is imported here."""

from __future__ import annotations

import asyncio
from typing import Final, Protocol
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit
from uuid import UUID

from celery import Celery
from kombu.exceptions import OperationalError
from pydantic import SecretStr

from assistant.errors import SettingsError, UnavailableError

QUEUE: Final = "cloister"
_CONNECT_SECONDS: Final = 2.0  # a person waits for this when Redis is down; the reaper sends again anyway
_ACCEPTED_SCHEMES: Final = ("redis", "rediss")


class Broker(Protocol):
    """What the queue needs of a message broker: one call that may fail."""

    async def send(self, task: str, job_id: UUID) -> None:
        """Wake a worker for a job; raises UnavailableError when nothing carries the message."""


def celery_url(redis_url: SecretStr) -> str:
    """Spell a Redis address the way Celery reads it. Holds the password, if there is one.

    redis-py writes a Unix socket as `unix:///path?db=1`, Celery as `redis+socket:///path?virtual_host=1`. For TLS,
    Celery checks no certificate unless it is told to, so it is told to.

    Raises:
        SettingsError: the address is not one of Redis.
    """
    url = redis_url.get_secret_value()
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    if parts.scheme == "unix":
        login = ""
        password = unquote(parts.password or "") or options.pop("password", "")
        if password:
            login = f"{quote(unquote(parts.username or ''), safe='')}:{quote(password, safe='')}@"
        return f"redis+socket://{login}{parts.path}?{urlencode({'virtual_host': options.pop('db', '0')})}"
    if parts.scheme == "rediss":
        options.setdefault("ssl_cert_reqs", "required")
        return parts._replace(query=urlencode(options)).geturl()
    if parts.scheme in _ACCEPTED_SCHEMES:
        return url
    raise SettingsError(
        f"CLOISTER_REDIS_URL starts with {parts.scheme!r}. Use redis://, rediss:// (TLS) or unix:// (a socket)."
    )


def configure(app: Celery, redis_url: SecretStr) -> None:
    """Set what the client and the workers must agree on."""
    app.conf.update(
        broker_url=celery_url(redis_url),
        task_default_queue=QUEUE,
        task_serializer="json",
        accept_content=["json"],
        # The row in Postgres is the truth: nothing is read back from Redis, and a down broker fails fast
        # (with a result backend, sending blocks for 20 s).
        task_ignore_result=True,
        task_store_errors_even_if_ignored=False,
        result_backend=None,
        broker_transport_options={"socket_connect_timeout": _CONNECT_SECONDS, "health_check_interval": 30},
        broker_connection_timeout=_CONNECT_SECONDS,
        enable_utc=True,
    )


class CeleryBroker:
    """Send jobs by name through Redis."""

    def __init__(self, redis_url: SecretStr) -> None:
        self._app = Celery("cloister", set_as_current=False, fixups=[])
        configure(self._app, redis_url)

    async def send(self, task: str, job_id: UUID) -> None:
        """Wake a worker for a job.

        Raises:
            UnavailableError: Redis does not take the message.
        """
        await asyncio.to_thread(self._send, task, job_id)

    def _send(self, task: str, job_id: UUID) -> None:
        try:
            self._app.send_task(task, args=[str(job_id)], queue=QUEUE, retry=False)
        except (OperationalError, OSError) as error:
            raise UnavailableError("Redis does not take the message; the job waits and is sent again.") from error

    def close(self) -> None:
        """Close the connections to Redis."""
        self._app.close()
