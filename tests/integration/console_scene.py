"""The console on a desk's scene, over HTTP, and a browser without a script for whoever signs in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from assistant.access import Access
from assistant.bootstrap.console import open_backend
from assistant.settings import Settings
from assistant.web.console.app import ConsoleApplication
from assistant.web.console.wiring import parts_of
from assistant.web.doors import PartState
from policies.guard import Guard
from tests.integration.conftest import Database
from tests.integration.desk_scene import DeskScene, open_desk

ORIGIN = "http://127.0.0.1:8421"
PASSWORD = "correct horse battery"


@dataclass
class Console:
    """The console on a scene, and a browser for whoever signs in."""

    scene: DeskScene
    app: ConsoleApplication
    stack: AsyncExitStack
    browsers: dict[str, httpx.AsyncClient] = field(default_factory=dict)

    async def browser(self, name: str) -> httpx.AsyncClient:
        if name not in self.browsers:
            transport = httpx.ASGITransport(app=self.app, client=("127.0.0.1", 5000))
            client = httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers={"origin": ORIGIN})
            self.browsers[name] = await self.stack.enter_async_context(client)
            answer = await client.post("/sign-in", data={"name": name, "password": PASSWORD})
            assert answer.status_code == 303, answer.text
        return self.browsers[name]

    async def get(self, name: str, path: str, status: int = 200) -> str:
        answer = await (await self.browser(name)).get(path, headers={"accept": "text/html"})
        assert answer.status_code == status, (path, answer.status_code, answer.text[:2000])
        return answer.text

    async def post(self, who: str, path: str, /, status: int = 303, **fields: object) -> httpx.Response:
        answer = await (await self.browser(who)).post(path, data=fields)
        assert answer.status_code == status, (path, answer.status_code, answer.text[:2000])
        return answer


@asynccontextmanager
async def open_console(
    database: Database, guard: Guard, folder: Path, *, second_look_percent: int = 5
) -> AsyncIterator[Console]:
    """Give a console on a fresh desk."""
    key = folder / "master.key"
    key.write_bytes(bytes(range(32)))
    key.chmod(0o600)
    settings = Settings(
        data_dir=folder,
        port=8421,
        master_key_file=key,
        database_url=database.app_url,
        audit_database_url=database.audit_writer_url,
    )
    async with AsyncExitStack() as stack:
        scene = await stack.enter_async_context(
            open_desk(database, guard, folder, second_look_percent=second_look_percent)
        )
        review: Any = None  # reports are not what is looked at here
        backend = await stack.enter_async_context(
            open_backend(settings, scene.scene.engine, audit=scene.audit, review=review, desk=scene.desk, labels=dict)
        )
        access = Access(scene.identity, scene.audit, scene.marker)

        async def check_parts() -> Mapping[str, PartState]:
            return {}

        yield Console(scene, ConsoleApplication(settings, access, parts_of(backend), check_parts), stack)


def location(answer: httpx.Response) -> str:
    return answer.headers["location"]
