"""`cloister quotas show`, as an administrator runs it beside the product."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest
from pydantic import SecretStr

from assistant.bootstrap.commands import open_access, open_tokens
from assistant.bootstrap.quotas import open_counting
from assistant.conversation import Person, Role
from assistant.quotas.limits import Claim
from assistant.quotas.quotas import Quotas
from assistant.quotas.reader import read_quotas
from assistant.settings import Settings
from tests.integration.conftest import Database
from tests.integration.gateway_scene import PASSWORD, environment_of

pytestmark = pytest.mark.integration

QUOTAS = """
limits:
  - {name: everyday, counts: each person, requests: {month: 10}, tokens: {month: 1000}}
  - {name: one-token, counts: each token, running: 2}
"""


async def test_show_says_what_is_left_at_each_door_and_token(
    tmp_path: Path, database: Database, redis_url: str
) -> None:
    file, key = tmp_path / "quotas.yaml", tmp_path / "master.key"
    file.write_text(QUOTAS, encoding="utf-8")
    key.write_bytes(bytes(range(32)))
    settings = Settings(
        data_dir=tmp_path,
        master_key_file=key,
        quotas=file,
        database_url=database.app_url,
        audit_database_url=database.audit_writer_url,
        redis_url=SecretStr(redis_url),
    )
    async with open_access(settings) as access:
        await access.add_person("maria", [Role.DEVELOPER], PASSWORD)
        entry = await access.find_person("maria")
    async with open_tokens(settings) as tokens:
        token = (await tokens.create("maria", ["chat"], days=1, label="laptop")).id
        await tokens.revoke((await tokens.create("maria", ["chat"], days=1, label="old")).id)
    maria = Person(entry.id, entry.name, entry.roles)
    async with open_counting(SecretStr(redis_url)) as client:
        rules = read_quotas(file, [])
        held = await Quotas(client, lambda: rules).take(Claim(uuid4(), maria, "gateway", "general", token, tokens=100))
        shown = [json.loads(line) for line in run(settings, "maria", "--json").splitlines()]
        await held.settle(40)
    left = {(row["for"], row["limit"], row["counted"]): row["left"] for row in shown}
    assert left == {
        ("page", "everyday", "requests"): 9,
        ("page", "everyday", "tokens"): 900,
        ("gateway", "everyday", "requests"): 9,
        ("gateway", "everyday", "tokens"): 900,
        ("token laptop", "everyday", "requests"): 9,
        ("token laptop", "everyday", "tokens"): 900,
        ("token laptop", "one-token", "running"): 1,
    }
    assert "960 of 1,000 tokens left this month" in run(settings, "maria")
    assert "nobody" in run(settings, "nobody", status=1).lower()


def run(settings: Settings, *words: str, status: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "assistant", "quotas", "show", *words],
        env=environment_of(settings),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr
