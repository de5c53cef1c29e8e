"""Every attack of `tamper.py` is seen, and each check of the verifier is needed: without it, one attack is not."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from assistant.audit.reading.proof import prove, read_head
from assistant.audit.seals.checkpoint import Checkpoint, NoteKey, SecretNoteKey, split_note
from assistant.audit.seals.seal import Sealer
from assistant.audit.seals.seal_key import SealKeyFile, read_public_key
from assistant.audit.verification import slice_readers, slices
from assistant.audit.verification import verify as verify_module
from assistant.audit.verification.anchor import Anchor
from assistant.audit.verification.checks import BATCH_CHECKS
from assistant.audit.verification.findings import Findings, Verdict
from assistant.audit.verification.row_checks import ROW_CHECKS
from assistant.audit.verification.schema_check import SCHEMA
from assistant.audit.verification.slices import SliceQuery
from assistant.audit.verification.verify import Verifier
from assistant.database import connect, libpq_dsn, parse_url
from assistant.embedded.postgres import EmbeddedPostgres
from assistant.errors import BadInputError, UnavailableError
from assistant.keys import Keys
from tests.integration.conftest import Database, fresh_database
from tests.integration.seal_scene import SealedLog, job, loosen
from tests.integration.tamper import ATTACKS, FIRST_KEYS, Attack, forge_rotation, fresh_body, insert

pytestmark = pytest.mark.integration

WITNESS = SecretNoteKey.make("witness.example/w1")


@pytest.fixture(scope="module")
def scene(
    postgres: EmbeddedPostgres, migrated_template: str, keys: Keys, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Path, Anchor]]:
    """A log of 312 events in six batches, two of them heartbeats, with a key that was replaced, and a witness."""
    folder = tmp_path_factory.mktemp("scene")
    with fresh_database(postgres, migrated_template, keys) as database:
        log = SealedLog.at(database, folder)
        log.append_events(*(job(number) for number in range(300)))
        log.seal()
        first = log.keys.read().current
        log.append_events(job(1), job(2), job(3))
        log.seal()
        beat(log)
        log.rotate()
        log.append_events(job(4))
        log.seal()
        log.append_events(*(job(number) for number in range(7)))
        head = log.seal()
        assert head is not None
        assert head.size == 312
        beat(log)
        text = split_note(head.note)[0]
        line = WITNESS.cosign(text, 1_764_000_000)
        with psycopg.connect(libpq_dsn(database.owner_url)) as connection:
            connection.execute(
                "INSERT INTO audit.cosignature VALUES (%s, %s, %s)",
                [head.size, f"{WITNESS.name}+{WITNESS.witness.id.hex()}", line],
            )
        anchor = Anchor.parse("yesterday's", head.note)
        name = parse_url(database.owner_url).database
        assert name is not None
        (folder / "first.key").write_text(first.reveal())
        loosen(database)  # whoever may do anything may do that, too
        yield name, folder, anchor


def beat(log: SealedLog) -> None:
    """Seal nothing, as a minute without events does."""

    async def run() -> None:
        sealer = Sealer(log.database.audit_sealer_url, log.keys)
        async with await connect(log.database.audit_sealer_url, autocommit=True) as connection:
            await sealer._load(connection)
            await sealer._seal_batch(connection, is_heartbeat=True)

    asyncio.run(run())


@pytest.fixture
def log(postgres: EmbeddedPostgres, scene: tuple[str, Path, Anchor], keys: Keys, tmp_path: Path) -> Iterator[SealedLog]:
    name, folder, _ = scene
    shutil.copytree(folder, tmp_path / "keys")
    with fresh_database(postgres, name, keys) as database:
        log = SealedLog(database, SealKeyFile(tmp_path / "keys" / "seal.key"))
        FIRST_KEYS[str(log.keys.public_file)] = SecretNoteKey.parse((tmp_path / "keys" / "first.key").read_text())
        yield log


def verify(log: SealedLog, *anchors: Anchor, **options: Any) -> Findings:
    async def run() -> Findings:
        key = read_public_key(log.keys.public_file)
        async with Verifier(
            log.database.audit_reader_url, key, anchors=anchors, **{"witnesses": [WITNESS.witness], **options}
        ) as verifier:
            return await verifier.verify()

    return asyncio.run(run())


def anchor_for(attack: Attack, anchor: Anchor) -> Anchor:
    if not attack.false_anchor:
        return anchor
    return Anchor.parse("false", SecretNoteKey.make(anchor.checkpoint.origin).sign_note(anchor.text))


def witnesses_of(attack: Attack) -> tuple[NoteKey, ...]:
    """An auditor with an anchor may know no witness: whoever cuts the log removes what witnesses said, too."""
    return () if attack.anchor else (WITNESS.witness,)


def checks_of(findings: Findings) -> set[str]:
    return {problem.check for problem in findings.problems}


def test_the_scene_is_sound(log: SealedLog, scene: tuple[str, Path, Anchor]) -> None:
    for is_quick in (False, True):
        findings = verify(log, scene[2], is_quick=is_quick)
        assert findings.problems == []
        assert findings.verdict is Verdict.SOUND
        assert (findings.size, findings.heads, findings.events, findings.unsealed) == (312, 6, 312, 0)
        assert (findings.anchors, findings.cosignatures, findings.unchecked_cosignatures) == (1, 1, 0)
        assert len(findings.keys) == 2


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_every_attack_is_seen(log: SealedLog, scene: tuple[str, Path, Anchor], attack: Attack) -> None:
    attack.change(log)
    findings = verify(log, witnesses=witnesses_of(attack))
    if attack.anchor:
        assert findings.verdict is not Verdict.BROKEN, "an anchor is not needed here; say so in the table"
        findings = verify(log, anchor_for(attack, scene[2]), witnesses=())
    assert findings.verdict is Verdict.BROKEN
    assert attack.seen_by in checks_of(findings)
    if attack.leaf is not None:
        assert findings.first_bad is not None
        assert findings.first_bad.leaf == attack.leaf


@pytest.mark.parametrize("attack", ATTACKS[::7], ids=lambda attack: attack.name)
def test_several_processes_find_what_one_finds(
    log: SealedLog, scene: tuple[str, Path, Anchor], monkeypatch: pytest.MonkeyPatch, attack: Attack
) -> None:
    monkeypatch.setattr(slices, "_ROWS_A_SLICE", 40)
    monkeypatch.setattr(slices, "_SAMPLE_A_CUT", 312)  # all of so small a log
    attack.change(log)
    alone, together = verify(log, scene[2]), verify(log, scene[2], processes=2)
    for findings in (alone, together):
        findings.longest_silence_seconds = findings.oldest_unsealed_seconds = 0.0
    assert together == alone


@pytest.mark.parametrize("is_quick", [False, True])
def test_many_slices_are_one_log(
    log: SealedLog, scene: tuple[str, Path, Anchor], monkeypatch: pytest.MonkeyPatch, *, is_quick: bool
) -> None:
    monkeypatch.setattr(slices, "_ROWS_A_SLICE", 40)
    monkeypatch.setattr(slices, "_SAMPLE_A_CUT", 312)
    counted: list[int] = []
    read_slice = slices.read_slice
    monkeypatch.setattr(slice_readers, "read_slice", lambda *rest: counted.append(1) or read_slice(*rest))
    findings = verify(log, scene[2], is_quick=is_quick)
    assert (findings.problems, findings.size, findings.anchors) == ([], 312, 1)
    assert len(counted) > 3


def test_a_slice_is_read_along_the_index_and_never_sorted(log: SealedLog) -> None:
    """A sort of a large log would take its size again on the disk."""
    bound = (0, "1", UUID(int=0))
    with psycopg.connect(libpq_dsn(log.database.audit_reader_url)) as connection:
        for setting in slices.SETTINGS:
            connection.execute(setting)
        for query in (SliceQuery(None, None, is_quick=True), SliceQuery(bound, bound, is_quick=False)):
            text = query.as_sql().as_string(connection).removeprefix("COPY (").partition(") TO STDOUT")[0]
            plan = connection.execute(f"EXPLAIN {text}").fetchall()  # type: ignore[call-overload]
            assert not [line for (line,) in plan if "Sort  (" in line or "Seq Scan" in line]


def test_a_process_that_ends_is_no_verdict(log: SealedLog, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        key = read_public_key(log.keys.public_file)
        async with Verifier(log.database.audit_reader_url, key, processes=2) as verifier:
            assert verifier._readers is not None
            for child in verifier._readers._children:
                child.kill()
            with pytest.raises(UnavailableError, match="cannot be checked"):
                await verifier.verify()

    asyncio.run(run())


def test_there_are_enough_attacks() -> None:
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS) >= 50


ELSEWHERE = ("content_check.py",)  # test_audit_content_check.py
SOURCES = [each for each in Path(verify_module.__file__).parent.glob("*.py") if each.name not in ELSEWHERE]
NAMES = {
    *ROW_CHECKS,
    *BATCH_CHECKS,
    *(name for source in SOURCES for name in re.findall(r"add\(\s*\"([a-z-]+)\"", source.read_text(encoding="utf-8"))),
}
ALONE = {attack.seen_by: attack for attack in ATTACKS if attack.alone}


def drop(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A verifier without one of its checks."""
    for table in (ROW_CHECKS, BATCH_CHECKS):
        if name in table:
            monkeypatch.delitem(table, name)  # type: ignore[arg-type]
    add = Findings.add

    def add_others(self: Findings, check: str, *arguments: Any, **more: Any) -> None:
        if check != name:
            add(self, check, *arguments, **more)

    monkeypatch.setattr(Findings, "add", add_others)


@pytest.mark.parametrize("name", sorted(NAMES))
def test_without_any_one_check_an_attack_is_not_seen(
    log: SealedLog, scene: tuple[str, Path, Anchor], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    attack = ALONE[name]
    attack.change(log)
    anchors = [anchor_for(attack, scene[2])] if attack.anchor else []
    witnesses = witnesses_of(attack)
    assert checks_of(verify(log, *anchors, witnesses=witnesses)) == {name}
    drop(monkeypatch, name)
    assert verify(log, *anchors, witnesses=witnesses).verdict is Verdict.SOUND


def test_an_announcement_that_nobody_signed_changes_nothing_and_is_told(log: SealedLog) -> None:
    """Whoever may write events could else break the log for good."""
    forge_rotation(log)
    log.append(1)
    log.seal()
    findings = verify(log)
    assert (findings.verdict, findings.size, len(findings.keys)) == (Verdict.SOUND, 314, 2)
    (warning,) = findings.warnings
    assert (warning.check, warning.leaf) == ("rotation", 312)
    assert warning.event is not None
    assert findings.as_data()["warned"] == 1


def test_lines_of_a_witness_that_is_not_known_are_counted(log: SealedLog) -> None:
    findings = verify(log, witnesses=())
    assert (findings.problems, findings.cosignatures, findings.unchecked_cosignatures) == ([], 0, 1)


def test_a_head_of_no_time_stops_neither_head_nor_proof(log: SealedLog) -> None:
    log.execute("UPDATE audit.head SET sealed_at = 'infinity'")
    head = asyncio.run(read_head(log.database.audit_reader_url))
    event = log.rows("SELECT id FROM audit.event LIMIT 1")[0][0]
    proof = asyncio.run(prove(log.database.audit_reader_url, UUID(str(event))))
    assert (head.size, proof.checkpoint) == (312, head.note)


def test_an_anchor_of_another_log_is_refused(log: SealedLog) -> None:
    other = SecretNoteKey.make("cloister/other")
    anchor = Anchor.parse("other", other.sign_note(Checkpoint("cloister/other", 1, bytes(32)).text))
    with pytest.raises(BadInputError, match="of the log"):
        verify(log, anchor)
    with pytest.raises(BadInputError, match="no signed checkpoint"):
        Anchor.parse("x", "nothing")


def test_every_earlier_head_is_an_anchor_that_fits(log: SealedLog) -> None:
    anchors = [Anchor.parse(str(head.batch), head.note) for head in log.heads()]
    findings = verify(log, *anchors)
    assert (findings.problems, findings.anchors) == ([], 6)


def test_what_is_not_sealed_yet_is_counted_and_no_problem(log: SealedLog) -> None:
    log.append(3)
    findings = verify(log)
    assert (findings.verdict, findings.unsealed) == (Verdict.SOUND, 3)
    assert 0 < findings.oldest_unsealed_seconds < 600


def test_events_of_the_first_format_stay_valid(log: SealedLog) -> None:
    insert(log, body=fresh_body(v=1))
    insert(log, body=fresh_body(v=2, host="mini1", persona="general"), host="mini1", persona="general")
    log.seal()
    findings = verify(log)
    assert (findings.problems, findings.size) == ([], 314)


def test_a_log_without_heads_cannot_be_checked(database: Database, tmp_path: Path) -> None:
    log = SealedLog.at(database, tmp_path)
    log.keys.create()
    log.append(1)
    assert verify(log).verdict is Verdict.COULD_NOT_CHECK


def test_every_table_of_the_log_is_looked_for_with_its_columns(log: SealedLog) -> None:
    rows = log.rows(
        "SELECT relname, string_agg(attname, ' ' ORDER BY attname) FROM pg_class JOIN pg_attribute ON attrelid = "
        "pg_class.oid WHERE relnamespace = 'audit'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition "
        "AND attnum > 0 AND NOT attisdropped AND relname NOT IN ('search', 'tally', 'projection') GROUP BY relname"
    )
    assert dict(rows) == {table: " ".join(sorted(columns.split())) for table, columns in SCHEMA.items()}  # type: ignore[arg-type]


QUICK = [attack for attack in ATTACKS if attack.seen_by in ("kind", "leaf", "root", "schema", "retention", "count")]


@pytest.mark.parametrize("attack", [attack for attack in QUICK if attack.alone], ids=lambda attack: attack.name)
def test_a_quick_check_sees_all_but_columns_and_spelling(log: SealedLog, attack: Attack) -> None:
    attack.change(log)
    assert attack.seen_by in checks_of(verify(log, is_quick=True))
