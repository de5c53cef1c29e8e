"""Anchors: what each keeps, and that a log that was set back or sealed anew is seen by each of them."""

from __future__ import annotations

import asyncio
import gzip
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from assistant.audit.anchors import feed
from assistant.audit.anchors.anchoring import NO_ANCHORS, AnchorPlaces, anchor_tasks
from assistant.audit.anchors.feed import WitnessAddress
from assistant.audit.anchors.keepers import AnchorFile, SyslogServer, read_notes, syslog_line
from assistant.audit.anchors.witness import Witness, open_witness_key
from assistant.audit.seals.checkpoint import NoteError, SecretNoteKey
from assistant.audit.seals.seal_key import read_public_key
from assistant.audit.verification.anchor import Anchor, read_anchors
from assistant.audit.verification.findings import Findings, Verdict
from assistant.audit.verification.verify import Verifier
from assistant.errors import SettingsError
from tests.integration.anchor_scene import Anchored
from tests.integration.conftest import Database
from tests.integration.seal_scene import SealedLog
from tests.integration.test_audit_seal_process import eventually, sealer
from tests.integration.test_audit_witness import free_port, witness_process

pytestmark = pytest.mark.integration


@pytest.fixture
def scene(database: Database, tmp_path: Path) -> Anchored:
    scene = Anchored(SealedLog.at(database, tmp_path), tmp_path / "witness")
    scene.log.append(300)
    scene.log.seal()
    return scene


def verify(scene: Anchored, **more: object) -> Findings:
    async def run() -> Findings:
        key = read_public_key(scene.log.keys.public_file)
        async with Verifier(scene.log.database.audit_reader_url, key, **more) as verifier:  # type: ignore[arg-type]
            return await verifier.verify()

    return asyncio.run(run())


def test_a_witness_cosigns_and_the_verifier_counts_it(scene: Anchored) -> None:
    scene.feed()
    scene.log.append(250)
    scene.log.seal()
    scene.feed()
    scene.feed()
    assert scene.log.rows("SELECT size FROM audit.cosignature ORDER BY size") == [(300,), (551,)]
    findings = verify(scene, witnesses=[scene.witness.public])
    assert (findings.verdict, findings.cosignatures) == (Verdict.SOUND, 2)
    assert {tag for tag, _ in scene.told()} == {"anchor:kept"}


def test_a_witness_follows_the_keys_of_the_log(scene: Anchored) -> None:
    scene.feed()
    for _ in range(2):
        scene.log.rotate()
        scene.log.seal()
        scene.log.append(1)
        scene.log.seal()
    scene.feed()
    assert scene.log.rows("SELECT max(size) FROM audit.cosignature") == [(305,)]


def test_a_log_that_was_set_back_is_refused_by_the_witness(scene: Anchored, caplog: pytest.LogCaptureFixture) -> None:
    scene.log.append(5)
    scene.log.seal()
    scene.feed()
    scene.set_back(300)
    assert verify(scene).verdict is Verdict.SOUND  # nothing inside tells of it
    scene.feed()
    assert scene.told() == [("anchor:contradicted", 305)]
    assert "THE LOG IS NOT WHAT IT WAS" in caplog.text
    assert scene.log.rows("SELECT * FROM audit.cosignature") == []


@pytest.mark.parametrize("more", [5, 4, 40])
def test_a_log_that_was_sealed_anew_is_refused_by_the_witness(scene: Anchored, more: int) -> None:
    """Also where it has grown as large as it was, or larger."""
    scene.log.append(5)
    scene.log.seal()
    scene.feed()
    scene.set_back(300)
    scene.log.append(more)
    scene.log.seal()
    scene.feed()
    assert scene.told() == [("anchor:contradicted", 305)]
    assert scene.log.rows("SELECT * FROM audit.cosignature") == []


def test_a_witness_that_is_away_slow_or_strange_is_told_of(scene: Anchored, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "_DEADLINE_SECONDS", 0.3)

    async def slow(_request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(600)
        return httpx.Response(200)

    began = time.monotonic()
    with pytest.raises(TimeoutError):
        scene.feed(transport=httpx.MockTransport(slow))
    assert time.monotonic() - began < 60
    other = SecretNoteKey.make("other").cosign(scene.log.heads()[-1].checkpoint.text, 1)
    own = SecretNoteKey.make(scene.witness.public.name).cosign(scene.log.heads()[-1].checkpoint.text, 1)
    for status, body in ((500, ""), (404, ""), (302, ""), (200, other), (200, own), (200, ""), (409, "x")):
        scene.feed(transport=answering(status, body))
    assert scene.log.rows("SELECT * FROM audit.cosignature") == []
    assert "anchor:kept" not in {tag for tag, _ in scene.told()}


def answering(status: int, body: str | bytes, **headers: str) -> httpx.MockTransport:
    stream = httpx.ByteStream(body.encode() if isinstance(body, str) else body)
    return httpx.MockTransport(lambda _: httpx.Response(status, headers=headers, stream=stream))


def test_an_answer_is_not_unpacked(scene: Anchored) -> None:
    """A kilobyte that is packed twice is a gigabyte, and the sealer would end of it; so not even a good one is."""
    key = open_witness_key(scene.folder)
    good = gzip.compress(key.cosign(scene.log.heads()[-1].checkpoint.text, 1).encode())
    with pytest.raises(NoteError):
        scene.feed(transport=answering(200, good, **{"content-encoding": "gzip"}))
    assert scene.log.rows("SELECT * FROM audit.cosignature") == []


def test_a_witness_of_the_settings_is_read() -> None:
    key = SecretNoteKey.make("witness.example")
    read = WitnessAddress.parse(f"{key.witness} http://witness.lan:8430/")
    assert (read.key, read.url) == (key.witness, "http://witness.lan:8430")
    for wrong in ("", "x http://a", f"{key.public} http://a", f"{key.witness} ftp://a", str(key.witness)):
        with pytest.raises(SettingsError, match="CLOISTER_AUDIT_WITNESSES"):
            WitnessAddress.parse(wrong)


@pytest.fixture
def anchor_file(tmp_path: Path) -> Iterator[Path]:
    """A file that can only be added to, where the file system has such."""
    file = tmp_path / "anchors"
    file.touch()
    chattr = shutil.which("chattr")
    is_held = (
        chattr is not None and subprocess.run([chattr, "+a", file], check=False, capture_output=True).returncode == 0
    )
    yield file
    if is_held:
        subprocess.run([str(chattr), "-a", file], check=True)


def test_a_file_keeps_checkpoints_and_shows_what_was_set_back(scene: Anchored, anchor_file: Path) -> None:
    keeper = AnchorFile(anchor_file)
    for _ in range(2):
        scene.log.append(3)
        scene.log.seal()
        scene.keep(keeper)
    anchors = read_anchors(anchor_file)
    assert verify(scene, anchors=anchors).anchors == 2
    newest = keeper.newest()
    assert newest is not None
    assert newest.size == anchors[-1].checkpoint.size
    scene.set_back(300)
    scene.log.append(500)
    scene.log.seal()
    before = anchor_file.read_bytes()
    scene.keep(keeper)
    assert scene.told()[-1] == ("anchor:contradicted", newest.size)
    assert anchor_file.read_bytes() == before
    assert verify(scene, anchors=anchors).verdict is Verdict.BROKEN


def test_a_file_of_another_log_is_not_added_to(scene: Anchored, tmp_path: Path) -> None:
    file = tmp_path / "anchors"
    head = scene.log.heads()[-1]
    file.write_text(head.note.replace(head.checkpoint.origin, "cloister/another"))
    scene.keep(AnchorFile(file))
    assert [tag for tag, _ in scene.told()] == ["anchor:contradicted"]


@pytest.mark.parametrize("is_local", [True, False])
def test_a_line_of_syslog_is_an_anchor_again(scene: Anchored, tmp_path: Path, *, is_local: bool) -> None:
    family = socket.AF_UNIX if is_local else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as server:
        server.bind(str(tmp_path / "log") if is_local else ("127.0.0.1", 0))
        server.settimeout(60)
        url = f"unix:{tmp_path / 'log'}" if is_local else f"udp://127.0.0.1:{server.getsockname()[1]}"
        scene.keep(SyslogServer.parse(url))
        line = server.recv(4096).decode()
    assert line.startswith("<109>1 ")
    stored = f"Nov 29 12:00:00 host {line}\nNov 29 12:00:01 host other: cloister-checkpoint AAAA\n"
    (note,) = read_notes(stored)
    assert note == scene.log.heads()[-1].note
    assert verify(scene, anchors=[Anchor.parse("syslog", note)]).anchors == 1


@pytest.mark.parametrize("url", ["", "tcp://host", "udp://", "unix:log", "udp://host:x", "/dev/log"])
def test_what_is_no_syslog_server_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="no syslog server"):
        SyslogServer.parse(url)


def test_notes_are_found_among_others_lines(scene: Anchored) -> None:
    note = scene.log.heads()[-1].note
    line = syslog_line(note, scene.log.heads()[-1].sealed_at)
    assert list(read_notes(note + note)) == [note, note]
    assert list(read_notes(f"{line}\n{line}\nnonsense\n")) == [note, note]
    assert list(read_notes("nonsense\n\n— x y\n")) == []


def test_without_anchors_there_is_nothing_to_do(scene: Anchored) -> None:
    assert not NO_ANCHORS.are_any
    assert anchor_tasks(scene.log.database.audit_sealer_url, NO_ANCHORS, scene.log.keys, None, asyncio.Event()) == []  # type: ignore[arg-type]
    assert AnchorPlaces(syslog="udp://h").are_any


def test_the_sealers_process_feeds_its_anchors(scene: Anchored, tmp_path: Path) -> None:
    """With the lock on the network, which the settings of the anchors open for it."""
    log_key = read_public_key(scene.log.keys.public_file)
    port = free_port()
    anchors = tmp_path / "anchors"
    with witness_process(tmp_path / "w", log_key, port) as (_, public):
        witnesses = f'["{public} http://127.0.0.1:{port}"]'
        settings = {"CLOISTER_AUDIT_WITNESSES": witnesses, "CLOISTER_AUDIT_ANCHOR_FILE": str(anchors)}
        with sealer(scene.log.database, tmp_path, **settings):
            told = (tmp_path / "log").read_text
            eventually(lambda: bool(scene.log.rows("SELECT 1 FROM audit.cosignature")), told)
            eventually(lambda: anchors.exists() and bool(read_anchors(anchors)), told)
            eventually(lambda: len(scene.told()) >= 2, told)
    assert {tag for tag, _ in scene.told()} == {"anchor:kept"}
    assert Witness(tmp_path / "w", [log_key]).public == public
