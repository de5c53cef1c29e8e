"""Exports: the same question gives the same bytes, and one file without Cloister sees every byte that was changed."""

from __future__ import annotations

import asyncio
import csv
import hashlib
import io
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest

from assistant.audit.events import ExportCreated, PersonSignedIn, Tag
from assistant.audit.exports.export import Exported, ExportRequest, create_export
from assistant.audit.exports.export_query import ExportQuery
from assistant.audit.exports.offline import verify as offline
from assistant.audit.record import leaf_of
from assistant.audit.seals.checkpoint import SecretNoteKey
from assistant.audit.seals.seal_key import announce, read_public_key
from assistant.audit.writing.append import Appender
from assistant.database import libpq_dsn
from assistant.errors import AuditUnavailableError, BadInputError, UnavailableError
from tests.integration.conftest import Database
from tests.integration.seal_scene import ORIGIN, SealedLog, write_one

pytestmark = pytest.mark.integration

EVERYTHING = ExportQuery()
PERSON = uuid4()
ASKED = ExportQuery(person_id=PERSON)
NINTH = "id = (SELECT id FROM audit.event ORDER BY era, xid, id OFFSET 9 LIMIT 1)"
REASON = "The works council asked, for case 7."


@dataclass
class Exporting:
    log: SealedLog
    folder: Path

    def export(self, query: ExportQuery = EVERYTHING, name: str = "", **more: object) -> tuple[Path, Exported]:
        target = self.folder / (name or f"{uuid4().hex}.zip")
        table = more.pop("table", None)

        async def run() -> Exported:
            async with Appender(self.log.database.audit_writer_url, ORIGIN) as audit:
                request = ExportRequest(query=query, reason=REASON, **more)  # type: ignore[arg-type]
                url, key = self.log.database.audit_reader_url, read_public_key(self.log.keys.public_file)
                return await create_export(url, key, request, audit, target, table=table)  # type: ignore[arg-type]

        return target, asyncio.run(run())

    @property
    def key(self) -> str:
        return str(read_public_key(self.log.keys.public_file))


@pytest.fixture
def scene(database: Database, tmp_path: Path) -> Exporting:
    """A log of 532 events, the first of them from a transaction that ended last, and with two keys."""
    log = SealedLog.at(database, tmp_path)
    with log.open_writer() as late:
        write_one(late)
        log.append(300)
        log.seal()
        log.append_events(PersonSignedIn(actor=PERSON))
        log.rotate()
        log.seal()
        for _ in range(3):
            log.append(2)
            log.seal()
        log.append_events(PersonSignedIn(actor=PERSON))
        log.append(221)
        log.seal()
        late.commit()
    log.append_events(PersonSignedIn(actor=PERSON))
    head = log.seal()
    assert head is not None
    assert head.size == 532
    return Exporting(log, tmp_path)


def check(file: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """As an outsider does it: in a folder with nothing else, without site-packages."""
    outside = file.parent / f"outside-{uuid4().hex}"
    outside.mkdir()
    (outside / "verify.py").write_bytes(Path(offline.__file__).read_bytes())
    (outside / file.name).write_bytes(file.read_bytes())
    command = [sys.executable, "-I", "-S", "verify.py", file.name, *arguments]
    return subprocess.run(command, cwd=outside, capture_output=True, text=True, timeout=120, check=False)


def contents(file: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(file) as export:
        return {name: export.read(name) for name in export.namelist()}


def rewritten(file: Path, parts: Mapping[str, bytes]) -> Path:
    changed = file.with_name(f"changed-{uuid4().hex}.zip")
    with zipfile.ZipFile(changed, "w") as export:
        for name, content in parts.items():
            export.writestr(name, content)
    return changed


def test_a_whole_log_is_exported_and_proved_complete(scene: Exporting) -> None:
    file, exported = scene.export()
    done = check(file, "--key", scene.key)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "complete from the first of leaves [0, 532]" in done.stdout
    assert "WARNING" not in done.stdout
    assert "WARNING: the key came with the export" in check(file).stdout
    assert exported.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert (exported.events, exported.size) == (532, 532)
    parts = contents(file)
    assert sorted(parts) == list(parts) == offline.FILES
    assert parts["proof.bin"] == b""
    bodies = [bytes(row[0]) for row in scene.log.rows("SELECT body FROM audit.event WHERE recorded_at IS NOT NULL")]  # type: ignore[call-overload]
    lines = parts["events.jsonl"].splitlines()
    assert {re.fullmatch(rb'\{"leaf":\d+,"event":(.*)\}', line)[1] for line in lines} <= set(bodies)  # type: ignore[index]
    assert [json.loads(line)["leaf"] for line in lines] == list(range(532))


def test_the_same_question_gives_the_same_bytes(scene: Exporting) -> None:
    first, _ = scene.export(ASKED)
    scene.log.append(40)
    scene.log.seal()
    second, _ = scene.export(ASKED, size=532)
    assert first.read_bytes() == second.read_bytes()
    other, _ = scene.export(ASKED)
    assert first.read_bytes() != other.read_bytes()


def test_a_filtered_export_says_what_it_does_not_prove(scene: Exporting) -> None:
    file, exported = scene.export(ASKED)
    done = check(file, "--key", scene.key)
    assert done.returncode == 0, done.stderr
    assert "Not proved: that there are no others." in done.stdout
    assert exported.events == 4
    types = [json.loads(line)["event"]["type"] for line in contents(file)["events.jsonl"].splitlines()]
    assert types == ["person:signed-in", "key:rotated", "person:signed-in", "person:signed-in"]


def test_a_time_is_exported_completely_with_the_keys_from_before(scene: Exporting) -> None:
    heads = scene.log.heads()
    query = ExportQuery(since=heads[2].sealed_at, until=heads[5].sealed_at)
    file, _ = scene.export(query)
    assert check(file, "--key", scene.key).returncode == 0
    manifest = json.loads(contents(file)["manifest.json"])
    assert manifest["query"]["leaves"] == [heads[1].size, heads[4].size]
    leaves = [json.loads(line)["leaf"] for line in contents(file)["events.jsonl"].splitlines()]
    assert leaves == [301, *range(302, 308)]
    later, _ = scene.export(ExportQuery(since=heads[5].sealed_at))
    assert check(later, "--key", scene.key).returncode == 0
    assert json.loads(contents(later)["events.jsonl"].splitlines()[0])["event"]["type"] == "key:rotated"
    nothing, exported = scene.export(ExportQuery(until=datetime(2000, 1, 1, tzinfo=UTC)))
    assert check(nothing).returncode == 0
    assert exported.events == 1  # the key


@pytest.mark.parametrize(
    ("query", "count"),
    [
        (ExportQuery(types=frozenset({Tag.PERSON_SIGNED_IN})), 3),
        (ExportQuery(person_id=PERSON, since=datetime.now(UTC) + timedelta(days=1)), 0),
        (ExportQuery(person_id=PERSON, until=datetime.now(UTC) + timedelta(days=1)), 3),
        (ExportQuery(person_id=uuid4()), 0),
        (ExportQuery(rule="no/such"), 0),
        (ExportQuery(model="none"), 0),
        (ExportQuery(host="none"), 0),
        (ExportQuery(persona="none"), 0),
        (ExportQuery(thread_id=uuid4()), 0),
        (ExportQuery(reference="7QK2M4X"), 0),
        (ExportQuery(types=frozenset({Tag.JOB_ENQUEUED})), 528),  # more than are looked up one by one
    ],
)
def test_each_question_finds_its_events(scene: Exporting, query: ExportQuery, count: int) -> None:
    file, exported = scene.export(query)
    assert exported.events == count + 1  # and the key
    assert check(file, "--key", scene.key).returncode == 0


def test_an_export_is_recorded_before_it_can_be_found(scene: Exporting) -> None:
    file, exported = scene.export(ASKED)
    ((body, subject),) = scene.log.rows(
        "SELECT convert_from(body, 'UTF8'), subject FROM audit.event WHERE type = 'export:created'"
    )
    data = json.loads(str(body))["data"]
    assert (data["events"], data["size"], data["filters"]) == (4, 532, ["person_id"])
    assert data["zip_sha256"] == exported.sha256
    assert str(subject) == str(PERSON)
    assert REASON.rsplit(maxsplit=1)[-1] not in str(body)
    assert file.stat().st_mode & 0o777 == 0o600

    class Refusing:
        async def append(self, event: ExportCreated) -> None:
            raise AuditUnavailableError("away")

    target = scene.folder / "none.zip"
    request = ExportRequest(query=ASKED, reason=REASON)
    key = read_public_key(scene.log.keys.public_file)
    with pytest.raises(AuditUnavailableError):
        asyncio.run(create_export(scene.log.database.audit_reader_url, key, request, Refusing(), target))
    assert not [each for each in scene.folder.iterdir() if "none.zip" in each.name]


def test_what_cannot_be_exported_is_refused(scene: Exporting) -> None:
    file, _ = scene.export(ASKED)
    with pytest.raises(BadInputError, match="exists"):
        scene.export(ASKED, name=file.name)
    with pytest.raises(BadInputError, match="No head has 3 events"):
        scene.export(ASKED, size=3)
    with pytest.raises(BadInputError, match="cannot be written"):
        scene.export(ASKED, name="no/such.zip")


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit.event SET body = overlay(body PLACING '{\"' FROM 3) WHERE ",
        "DELETE FROM audit.event WHERE ",
        "UPDATE audit.tile SET data = set_byte(data, 8000, (get_byte(data, 8000) + 1) % 256)",
    ],
)
def test_a_log_that_was_changed_is_not_exported(scene: Exporting, change: str) -> None:
    scene.log.execute(change + NINTH if change.endswith("WHERE ") else change)
    with pytest.raises(UnavailableError, match="audit verify"):
        scene.export(ASKED if "tile" in change else EVERYTHING)


def test_the_table_beside_it_cannot_compute(scene: Exporting) -> None:
    table = scene.folder / "events.csv"
    scene.export(table=table)
    rows = list(csv.reader(io.StringIO(table.read_text(encoding="utf-8"), newline="")))
    assert len(rows) == 533
    assert all(not cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)


def change_line(number: int, old: bytes, new: bytes) -> Callable[[dict[str, bytes]], None]:
    def change(parts: dict[str, bytes]) -> None:
        lines = parts["events.jsonl"].splitlines(keepends=True)
        assert old in lines[number]
        lines[number] = lines[number].replace(old, new, 1)
        parts["events.jsonl"] = b"".join(lines)

    return change


def flip(name: str, at: int) -> Callable[[dict[str, bytes]], None]:
    def change(parts: dict[str, bytes]) -> None:
        content = bytearray(parts[name])
        content[at] ^= 1
        parts[name] = bytes(content)

    return change


def manifest(**values: object) -> Callable[[dict[str, bytes]], None]:
    def change(parts: dict[str, bytes]) -> None:
        parts["manifest.json"] = json.dumps({**json.loads(parts["manifest.json"]), **values}).encode()

    return change


def lines(order: Callable[[list[bytes]], list[bytes]]) -> Callable[[dict[str, bytes]], None]:
    def change(parts: dict[str, bytes]) -> None:
        parts["events.jsonl"] = b"".join(order(parts["events.jsonl"].splitlines(keepends=True)))

    return change


def keys(change_first: Callable[[list[dict[str, object]]], object]) -> Callable[[dict[str, bytes]], None]:
    def change(parts: dict[str, bytes]) -> None:
        listed = json.loads(parts["keys.json"])
        change_first(listed)
        parts["keys.json"] = json.dumps(listed).encode()

    return change


def note(old: bytes, new: bytes) -> Callable[[dict[str, bytes]], None]:
    def change(parts: dict[str, bytes]) -> None:
        assert old in parts["checkpoint"]
        parts["checkpoint"] = parts["checkpoint"].replace(old, new, 1)

    return change


OTHER = str(SecretNoteKey.make("cloister/other").public)
CHANGES: dict[str, Callable[[dict[str, bytes]], None]] = {
    "a body": change_line(0, b'"person:signed-in"', b'"person:signed-im"'),
    "a nonce": change_line(2, b'"nonce":"', b'"nonce":"0'),
    "a leaf's number": change_line(0, b'{"leaf":300', b'{"leaf":299'),
    "the last leaf's number": change_line(-1, b'{"leaf":531', b'{"leaf":532'),
    "a line that is none": change_line(0, b'"event":', b'"event" :'),
    "the order": lines(lambda each: [each[1], each[0], *each[2:]]),
    "a line twice": lines(lambda each: [each[0], *each]),
    "a line less": lines(lambda each: each[1:]),
    "the last line less": lines(lambda each: each[:-1]),
    "a line's end": lines(lambda each: [*each[:-1], each[-1][:-1]]),
    "the proof's first byte": flip("proof.bin", 0),
    "the proof's last byte": flip("proof.bin", -1),
    "a proof that is cut": lambda parts: parts.update({"proof.bin": parts["proof.bin"][:-32]}),
    "a proof that is longer": lambda parts: parts.update({"proof.bin": parts["proof.bin"] + bytes(32)}),
    "the size in the note": note(b"\n532\n", b"\n533\n"),
    "the origin in the note": note(b"cloister/", b"cloisteR/"),
    "the signature": flip("checkpoint", -20),
    "a note without signature": lambda parts: parts.update(
        checkpoint=parts["checkpoint"].partition(b"\n\n")[0] + b"\n\n"
    ),
    "the first key": keys(lambda listed: listed[0].update(key=OTHER)),
    "the last key": keys(lambda listed: listed[-1].update(key=OTHER)),
    "a key less": keys(lambda listed: listed.pop()),
    "where a key begins": keys(lambda listed: listed[-1].update(after_size=532)),
    "who announced it": keys(lambda listed: listed[-1].update(announced_by_leaf=7)),
    "the count": manifest(events=5),
    "the extent": manifest(extent=[0, 532]),
    "the size": manifest(size=531),
    "the root": manifest(root="A" * 43 + "="),
    "the log": manifest(log="cloister/other"),
    "the format": manifest(format="cloister-audit-export/2"),
    "the question": manifest(query={"person_id": str(UUID(int=1))}),
    "a time": manifest(query={"person_id": str(PERSON), "until": "2020"}),
    "a beginning": manifest(query={"person_id": str(PERSON), "since": "2050"}),
    "a type": manifest(query={"types": ["thread:deleted"]}),
    "a turn": manifest(query={"turn_tail": "00000000"}),
    "a rule": manifest(query={"rule": "secret/none"}),
    "a claim to be complete": manifest(query={"leaves": [300, 532]}),
    "a manifest that is none": lambda parts: parts.update({"manifest.json": b"["}),
    "a file more": lambda parts: parts.update(more=b""),
    "a file less": lambda parts: parts.pop("proof.bin") and None,
}


def test_every_change_is_refused(scene: Exporting) -> None:
    file, _ = scene.export(ASKED)
    assert check(rewritten(file, contents(file))).returncode == 0
    passed = {}
    for name, change in CHANGES.items():
        parts = contents(file)
        change(parts)
        done = check(rewritten(file, parts))
        if done.returncode != 1 or not done.stderr.startswith("CHANGED: "):
            passed[name] = done.stdout + done.stderr
    assert not passed


def test_a_complete_export_with_a_gap_is_refused(scene: Exporting) -> None:
    """Everything fits, signatures too, but for the word that nothing is missing."""
    file, _ = scene.export(ASKED)
    parts = contents(file)
    manifest(query={"leaves": [300, 302]})(parts)
    lines(lambda each: each[:2])(parts)
    assert "asked for" in check(rewritten(file, contents(file) | {"manifest.json": parts["manifest.json"]})).stderr
    whole, _ = scene.export()
    parts = contents(whole)
    manifest(query={"leaves": [0, 533]})(parts)
    assert "leaf 532 is missing" in check(rewritten(whole, parts)).stderr


def test_an_event_whose_body_is_gone_leaves_its_hash(scene: Exporting) -> None:
    """As retention leaves it: the manifest says so, and the tree still leads to the root."""
    file, _ = scene.export()
    parts = contents(file)
    removed = parts["events.jsonl"].splitlines(keepends=True)[40]
    lines(lambda each: [*each[:40], *each[41:]])(parts)
    body = removed.removeprefix(b'{"leaf":40,"event":').removesuffix(b"}\n")
    parts["proof.bin"] = leaf_of(body)
    manifest(events=531, dropped=[[40, 41]])(parts)
    done = check(rewritten(file, parts), "--key", scene.key)
    assert done.returncode == 0, done.stderr
    assert "but for [[40, 41]]" in done.stdout
    manifest(dropped=[[41, 42]])(parts)
    assert "leaf 40 is missing" in check(rewritten(file, parts)).stderr


def test_a_forged_announcement_changes_no_key(scene: Exporting) -> None:
    """Page and worker may write any event; what the key in force did not sign announces nothing."""
    forged = replace(announce(SecretNoteKey.make("x"), SecretNoteKey.make("y").public), old_key=scene.key)
    scene.log.append_events(forged, replace(forged, new_key=OTHER, signature="A"))
    scene.log.seal()
    file, exported = scene.export(ASKED)
    assert exported.events == 6
    assert check(file, "--key", scene.key).returncode == 0


def test_a_key_that_the_log_did_not_have_then_is_refused(scene: Exporting) -> None:
    file, _ = scene.export(ASKED)
    assert check(file, "--key", OTHER).returncode == 1
    now = str(scene.log.keys.read().current.public)
    assert now != scene.key
    assert check(file, "--key", now).returncode == 1
    at_rotation, _ = scene.export(ASKED, size=302)  # the batch with the announcement, signed by the key before
    assert check(at_rotation, "--key", scene.key).returncode == 0
    before, _ = scene.export(ASKED, size=300)
    assert check(before, "--key", scene.key).returncode == 0


def test_cosignatures_go_along(scene: Exporting) -> None:
    witness = SecretNoteKey.make("witness.example")
    head = scene.log.heads()[-1]
    line = witness.cosign(head.checkpoint.text, 1_700_000_000)
    with psycopg.connect(libpq_dsn(scene.log.database.audit_sealer_url)) as connection:
        connection.execute("INSERT INTO audit.cosignature VALUES (%s, %s, %s)", [head.size, witness.witness.name, line])
    file, _ = scene.export(ASKED)
    done = check(file, "--key", scene.key, "--witness", str(witness.witness))
    assert done.returncode == 0, done.stderr
    assert "Of 1 cosignatures, 1 are by witnesses that you named." in done.stdout
    assert check(file, "--witness", str(SecretNoteKey.make("other").witness)).returncode == 1
    parts = contents(file)
    text, _, tail = parts["checkpoint"].decode().rpartition(" ")
    parts["checkpoint"] = f"{text} {tail[:20]}{'A' if tail[20] != 'A' else 'B'}{tail[21:]}".encode()
    assert check(rewritten(file, parts), "--witness", str(witness.witness)).returncode == 1


def test_what_is_no_export_could_not_be_checked(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-I", "-S", offline.__file__, "none.zip"], cwd=tmp_path, check=False)
    assert done.returncode == 2
    (tmp_path / "none.zip").write_text("nothing")
    for arguments in ((), ("--key", "nonsense"), ("--witness", "nonsense"), ("--key", "nonsense", "--witness", OTHER)):
        command = [sys.executable, "-I", "-S", offline.__file__, "none.zip", *arguments]
        assert subprocess.run(command, cwd=tmp_path, check=False).returncode == 2


def test_the_file_for_outsiders_is_short_and_needs_nothing() -> None:
    source = Path(offline.__file__).read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 300
    imported = set(re.findall(r"^(?:import|from) (\w+)", source, re.MULTILINE))
    assert imported <= sys.stdlib_module_names


def test_a_reason_is_needed(scene: Exporting) -> None:
    request = ExportRequest(query=ASKED, reason="  x ")
    key = read_public_key(scene.log.keys.public_file)

    async def run() -> None:
        async with Appender(scene.log.database.audit_writer_url, ORIGIN) as audit:
            url = scene.log.database.audit_reader_url
            await create_export(url, key, replace(request), audit, scene.folder / "x.zip")

    with pytest.raises(BadInputError, match="reason"):
        asyncio.run(run())
