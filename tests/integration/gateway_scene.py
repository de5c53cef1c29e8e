"""The gateway as clients meet it: a real web process over real servers, with fake model hosts behind it."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import openai
import psycopg
import yaml
from pydantic import SecretStr

from assistant.bootstrap.commands import open_access, open_tokens
from assistant.conversation import Role, short_reference
from assistant.database import libpq_dsn
from assistant.settings import Settings
from tests.fakes.model_host import FakeModel, FakeModelHost
from tests.integration.conftest import Database

ROOT = Path(__file__).parents[2]
PASSWORD = "correct-horse-battery"
EMBEDDER = FakeModel("nomic-embed", 2048, capabilities=("embedding",))
_CAPABILITIES = {
    "qwen2.5:instruct": ["chat", "tools"],
    "deepseek/coder": ["chat", "fim", "tools"],
    EMBEDDER.name: ["embed"],
}
_START_SECONDS = 240  # two cores that others use, too


@dataclass
class GatewaySite:
    """A running web process: `url` is its origin, `ollama` and `vllm` are its hosts."""

    url: str
    settings: Settings
    database: Database
    ollama: FakeModelHost
    vllm: FakeModelHost
    http: httpx.Client

    def token(self, *scopes: str, name: str = "maria", days: int = 1) -> str:
        async def make() -> str:
            async with open_tokens(self.settings) as tokens:
                return (await tokens.create(name, scopes or ("chat", "model:*"), days=days)).token

        return asyncio.run(make())

    def client(self, token: str = "", **options: Any) -> openai.OpenAI:
        settings = {"base_url": f"{self.url}/v1", "api_key": token or self.token(), "max_retries": 0} | options
        return openai.OpenAI(http_client=self.http, **settings)

    def post(self, body: object, token: str = "", path: str = "/v1/chat/completions", **headers: str) -> httpx.Response:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        given = {"authorization": f"Bearer {token or self.token()}", "content-type": "application/json"} | headers
        return self.http.post(f"{self.url}{path}", content=raw, headers=given, timeout=60)

    def run(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(libpq_dsn(self.database.owner_url), autocommit=True) as connection:
            ran = connection.execute(statement, parameters)
            return ran.fetchall() if ran.description else []

    def events(self, request_id: str) -> list[dict[str, Any]]:
        """Return the events of the turn with this reference."""
        rows = self.run("SELECT body FROM audit.event ORDER BY id")
        events = [json.loads(bytes(body)) for (body,) in rows]
        return [event for event in events if event.get("turn_id") and _reference(event["turn_id"]) == request_id]

    def reset(self) -> None:
        """Have the hosts as they were at the start."""
        for host in (self.ollama, self.vllm):
            host.reply, host.fault, host.token_seconds, host.first_token_seconds = "Hello from the model.", None, 0, 0
            host.requests.clear()
            host.calls = ()
        self.run("DELETE FROM sign_in_attempt")


@contextmanager
def serve_gateway(database: Database, redis_url: str, folder: Path) -> Iterator[GatewaySite]:
    """Serve until the block ends; returns when every part is ready."""
    with (
        FakeModelHost("ollama", models=[FakeModel("qwen2.5:instruct"), EMBEDDER]) as ollama,
        FakeModelHost("vllm", models=[FakeModel("deepseek/coder", 16384), EMBEDDER]) as vllm,
        httpx.Client(trust_env=False) as http,
    ):
        settings = _settings(database, redis_url, folder, ollama, vllm)
        process = _start(settings, folder)
        site = GatewaySite(f"http://127.0.0.1:{settings.port}", settings, database, ollama, vllm, http)
        try:
            asyncio.run(_add_people(settings))
            _wait(site, process, folder)
            yield site
        finally:
            process.terminate()
            process.wait(timeout=60)


def _settings(database: Database, redis_url: str, folder: Path, ollama: FakeModelHost, vllm: FakeModelHost) -> Settings:
    fleet = {
        "hosts": [
            {
                "name": name,
                "kind": host.kind,
                "address": host.address,
                "models": [
                    {"name": model.name, "context_tokens": model.context_tokens}
                    | {"capabilities": _CAPABILITIES[model.name]}
                    for model in host.models
                ],
            }
            for name, host in (("Dev1", ollama), ("Dev2", vllm))
        ]
    }
    (folder / "fleet.yaml").write_text(yaml.safe_dump(fleet), encoding="utf-8")
    (folder / "master.key").write_bytes(bytes(range(32)))  # the key of the fixture `keys`
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    return Settings(
        port=port,
        data_dir=folder,
        master_key_file=folder / "master.key",
        fleet=folder / "fleet.yaml",
        database_url=database.app_url,
        audit_database_url=database.audit_writer_url,
        redis_url=SecretStr(redis_url),
        max_prompt_chars=100_000,
        first_token_timeout_seconds=10,
        stall_timeout_seconds=10,
    )


def environment_of(settings: Settings) -> dict[str, str]:
    """Return the environment in which a process has these settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CLOISTER_")}
    for name, value in settings.model_dump(exclude_unset=True).items():
        kept[f"CLOISTER_{name.upper()}"] = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
    return kept | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}


def _start(settings: Settings, folder: Path) -> subprocess.Popen[bytes]:
    with (folder / "web.log").open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "assistant", "web"],
            cwd=folder,
            env=environment_of(settings),
            stdout=output,
            stderr=subprocess.STDOUT,
        )


async def _add_people(settings: Settings) -> None:
    async with open_access(settings) as access:
        await access.add_person("maria", [Role.DEVELOPER], PASSWORD)
        await access.add_person("tom", [Role.EMPLOYEE], PASSWORD)


def _wait(site: GatewaySite, process: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            if httpx.get(f"{site.url}/health/ready", trust_env=False, timeout=5).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        said = (folder / "web.log").read_text(encoding="utf-8")
        assert process.poll() is None, said
        assert time.monotonic() < deadline, said
        time.sleep(0.2)


def _reference(turn_id: str) -> str:

    return short_reference(UUID(turn_id))
