"""Real Postgres and Redis for the integration tests, both from the wheels, both started once a session."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import psycopg
import pytest
import redis
from pydantic import SecretStr

from assistant.database import libpq_dsn, parse_url
from assistant.database_roles import (
    APP_ROLE,
    AUDIT_ERASER_ROLE,
    AUDIT_PROJECTOR_ROLE,
    AUDIT_READER_ROLE,
    AUDIT_SEALER_ROLE,
    AUDIT_WRITER_ROLE,
    url_for_role,
)
from assistant.embedded.postgres import EmbeddedPostgres
from assistant.embedded.redis import EmbeddedRedis
from assistant.keys import Keys
from assistant.migrations import migrate

if TYPE_CHECKING:
    from tests.fakes.web_site import RunningSite
    from tests.integration.gateway_scene import GatewaySite
    from tests.integration.web_scene import Newcomer

_MEMORY = Path("/dev/shm")  # noqa: S108 - a private folder is made in it
_ROOM_BYTES = 2 << 30


@pytest.fixture(scope="session")
def servers_dir() -> Iterator[Path]:
    """One data folder a session for both servers."""
    with quick_folder() as folder:
        yield folder


@pytest.fixture
def quick_path() -> Iterator[Path]:
    """Like `tmp_path`, in memory where there is room: making a cluster syncs a thousand files, which disks take ill."""
    with quick_folder() as folder:
        yield folder


@contextmanager
def quick_folder() -> Iterator[Path]:
    has_room = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ROOM_BYTES
    folder = Path(tempfile.mkdtemp(prefix="cloister-tests-", dir=_MEMORY if has_room else None))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres(servers_dir: Path) -> Iterator[EmbeddedPostgres]:
    """A started server; `.owner_url` is the owner's address of its empty database `cloister`."""
    # Nobody pulls the plug on a test: without fsync a template database is copied in a tenth of the time.
    lossy = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "100"}
    with EmbeddedPostgres(servers_dir / "p", options=lossy) as server:
        yield server


@pytest.fixture(scope="session")
def redis_server(servers_dir: Path) -> Iterator[EmbeddedRedis]:
    with EmbeddedRedis(servers_dir / "r") as server:
        yield server


@pytest.fixture
def redis_url(redis_server: EmbeddedRedis) -> str:
    """The address of a Redis that is empty at the start of each test."""
    url = redis_server.url.get_secret_value()
    with redis.Redis.from_url(url) as client:
        client.flushall()
    return url


@pytest.fixture(scope="session")
def keys() -> Keys:
    """The keys of an installation whose master secret is known to the tests."""
    return Keys(bytes(range(32)))


@dataclass(frozen=True, slots=True)
class Database:
    """A migrated database of one test, and its address for every role."""

    owner_url: SecretStr
    keys: Keys

    @property
    def app_url(self) -> SecretStr:
        return url_for_role(self.owner_url, APP_ROLE, self.keys)

    @property
    def audit_writer_url(self) -> SecretStr:
        return url_for_role(self.owner_url, AUDIT_WRITER_ROLE, self.keys)

    @property
    def audit_reader_url(self) -> SecretStr:
        return url_for_role(self.owner_url, AUDIT_READER_ROLE, self.keys)

    @property
    def audit_sealer_url(self) -> SecretStr:
        return url_for_role(self.owner_url, AUDIT_SEALER_ROLE, self.keys)

    @property
    def audit_projector_url(self) -> SecretStr:
        return url_for_role(self.owner_url, AUDIT_PROJECTOR_ROLE, self.keys)

    @property
    def audit_eraser_url(self) -> SecretStr:
        return url_for_role(self.owner_url, AUDIT_ERASER_ROLE, self.keys)


@pytest.fixture(scope="session")
def migrated_template(postgres: EmbeddedPostgres, keys: Keys) -> str:
    """The name of a database that holds every revision, for copies; nobody stays connected to it."""
    name = "migrated_template"
    with psycopg.connect(libpq_dsn(postgres.owner_url), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    migrate(url_of_database(postgres.owner_url, name), keys)
    return name


@contextmanager
def fresh_database(postgres: EmbeddedPostgres, template: str, keys: Keys) -> Iterator[Database]:
    """A copy of a template database; gone afterwards, whoever is still connected."""
    name = f"test_{uuid4().hex}"
    with psycopg.connect(libpq_dsn(postgres.owner_url), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            yield Database(url_of_database(postgres.owner_url, name), keys)
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database(postgres: EmbeddedPostgres, migrated_template: str, keys: Keys) -> Iterator[Database]:
    """A fresh, migrated database for this test alone."""
    with fresh_database(postgres, migrated_template, keys) as database:
        yield database


@pytest.fixture
def empty_database(postgres: EmbeddedPostgres) -> Iterator[SecretStr]:
    """The owner's address of a fresh database that was never migrated."""
    name = f"test_{uuid4().hex}"
    with psycopg.connect(libpq_dsn(postgres.owner_url), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield url_of_database(postgres.owner_url, name)
    with psycopg.connect(libpq_dsn(postgres.owner_url), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def url_of_database(url: SecretStr, name: str) -> SecretStr:
    """Return the address of another database on the same server."""
    return SecretStr(parse_url(url).set(database=name).render_as_string(hide_password=False))


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSite]:
    """The doors for browsers on a port of their own, over fakes of what is behind them; one for a file of tests."""
    from tests.fakes.web_parts import FakeSite  # noqa: PLC0415 - most tests need no Chainlit
    from tests.fakes.web_site import serve_site  # noqa: PLC0415 - likewise

    with serve_site(tmp_path_factory.mktemp("site"), fakes=FakeSite()) as running:
        yield running


@pytest.fixture
async def newcomer(web: RunningSite) -> AsyncIterator[Newcomer]:
    """Signs in people that nobody has seen before, each with a browser of their own."""
    from tests.integration.web_scene import newcomers  # noqa: PLC0415 - likewise

    async with newcomers(web) as come:
        yield come


@pytest.fixture(scope="module")
def served(
    postgres: EmbeddedPostgres, migrated_template: str, keys: Keys, redis_server: EmbeddedRedis
) -> Iterator[GatewaySite]:
    """The door for editors as a process of its own, over two fake hosts; one for a file of tests."""
    from tests.integration.gateway_scene import serve_gateway  # noqa: PLC0415 - most tests need no client of OpenAI

    redis_url = redis_server.url.get_secret_value()
    with (
        fresh_database(postgres, migrated_template, keys) as database,
        quick_folder() as folder,
        serve_gateway(database, redis_url, folder) as site,
    ):
        yield site
