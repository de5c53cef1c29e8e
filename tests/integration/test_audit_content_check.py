"""`audit verify` and the kept texts: what somebody with every right could do to them, and each check is needed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from assistant.audit.seals.seal_key import read_public_key
from assistant.audit.verification.content_check import CONTENT_CHECKS
from assistant.audit.verification.findings import Findings
from assistant.audit.verification.verify import Verifier
from assistant.embedded.postgres import EmbeddedPostgres
from assistant.keys import Keys
from tests.integration.conftest import Database, fresh_database
from tests.integration.content_scene import guarded, open_log, place
from tests.integration.seal_scene import SealedLog

pytestmark = pytest.mark.integration

# ruff: noqa: S608 - every statement of this file is made of its own constants

REST = "thread_id, turn_id, kind, dek_id, sealed, created_at"
ONE = "(SELECT id FROM audit.content ORDER BY id LIMIT 1)"

# Each: the statements, and the one check that sees them.
ATTACKS = {
    "delete a text": ([f"DELETE FROM audit.content WHERE id = {ONE}"], "content-missing"),
    "change a text": ([f"UPDATE audit.content SET sealed = sealed || '\\x00' WHERE id = {ONE}"], "content-digest"),
    "exchange two texts": (
        ["UPDATE audit.content c SET sealed = o.sealed FROM audit.content o WHERE o.id <> c.id"],
        "content-digest",
    ),
    "file a text under another turn": (
        [f"UPDATE audit.content SET turn_id = gen_random_uuid() WHERE id = {ONE}"],
        "content-place",
    ),
    "call a prompt an answer": ([f"UPDATE audit.content SET kind = 'answer' WHERE id = {ONE}"], "content-place"),
    "destroy a key": (["UPDATE audit.dek SET wrapped = NULL, destroyed_at = now()"], "content-key"),
    "delete a key": (["DELETE FROM audit.dek"], "content-key"),
    "give a text the key of another": (
        ["UPDATE audit.content c SET dek_id = o.dek_id FROM audit.content o WHERE o.id <> c.id"],
        "content-key",
    ),
    "change a key": (["UPDATE audit.dek SET wrapped = set_byte(wrapped, 30, 0)"], "content-key"),
    "add a text": (
        [f"INSERT INTO audit.content SELECT gen_random_uuid(), {REST} FROM audit.content WHERE id = {ONE}"],
        "content-extra",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def template(
    postgres: EmbeddedPostgres, migrated_template: str, keys: Keys, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SealedLog]:
    with fresh_database(postgres, migrated_template, keys) as database:
        log = SealedLog.at(database, tmp_path_factory.mktemp("contents"))
        asyncio.run(write_two(database))
        log.seal()
        yield log


async def write_two(database: Database) -> None:
    async with open_log(database) as log:
        for text in ("One text.", "Another text."):
            await log.append_with(guarded(database, place()), text)


@pytest.fixture
def log(postgres: EmbeddedPostgres, template: SealedLog, keys: Keys) -> Iterator[SealedLog]:
    name = template.database.owner_url.get_secret_value().rpartition("/")[2].partition("?")[0]
    with fresh_database(postgres, name, keys) as database:
        yield SealedLog(database, template.keys)


def verify(log: SealedLog, **options: Any) -> Findings:
    async def run() -> Findings:
        key = read_public_key(log.keys.public_file)
        async with Verifier(log.database.audit_reader_url, key, **options) as verifier:
            return await verifier.verify()

    return asyncio.run(run())


def seen(log: SealedLog) -> set[str]:
    return {problem.check for problem in verify(log, keys=log.database.keys).problems}


def test_a_log_with_texts_is_sound(log: SealedLog) -> None:
    assert seen(log) == set()
    assert log.rows("SELECT count(*) FROM audit.content") == [(2,)]


@pytest.mark.parametrize("attack", ATTACKS)
def test_each_change_of_a_text_or_key_is_seen_by_its_check(log: SealedLog, attack: str) -> None:
    statements, check = ATTACKS[attack]
    log.execute(*statements)
    assert seen(log) == {check}


@pytest.mark.parametrize(
    ("attack", "name"),
    [
        ("delete a text", "content-missing"),
        ("change a text", "content-digest"),
        ("call a prompt an answer", "content-place"),
        ("destroy a key", "content-key"),
    ],
)
def test_no_check_can_be_spared(log: SealedLog, monkeypatch: pytest.MonkeyPatch, attack: str, name: str) -> None:
    log.execute(*ATTACKS[attack][0])
    monkeypatch.delitem(CONTENT_CHECKS, name)  # type: ignore[arg-type]
    assert seen(log) == set()


def test_a_changed_key_is_seen_by_whoever_has_the_master_key(log: SealedLog) -> None:
    log.execute(*ATTACKS["change a key"][0])
    assert verify(log).problems == []
    assert {problem.check for problem in verify(log, keys=Keys(bytes(32))).problems} == {"content-key"}
