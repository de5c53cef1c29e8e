"""The state of the log's proofs, read from a real log: green with two anchors, red where one contradicts it."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from assistant.audit.anchors.integrity import read_integrity
from assistant.audit.anchors.keepers import AnchorFile
from assistant.audit.anchors.light import Integrity, Light
from assistant.audit.anchors.witness import open_witness_key
from assistant.audit.events import AnchorKept, HeadConfirmed, HeadContradicted, LogVerified
from assistant.audit.reading.proof import prove_consistency, read_head
from assistant.audit.seals.checkpoint import Checkpoint, SecretNoteKey, split_note
from assistant.audit.seals.seal_key import read_public_key
from assistant.audit.seals.tree import is_consistent
from assistant.database import libpq_dsn
from assistant.errors import AuditUnavailableError, NotFoundError
from tests.integration.anchor_scene import Anchored
from tests.integration.conftest import Database
from tests.integration.seal_scene import SealedLog

pytestmark = pytest.mark.integration


@pytest.fixture
def scene(database: Database, tmp_path: Path) -> Anchored:
    scene = Anchored(SealedLog.at(database, tmp_path), tmp_path / "witness")
    scene.log.append(300)
    scene.log.seal()
    return scene


def state(scene: Anchored, **more: object) -> Integrity:
    given: dict[str, object] = {"first_key": read_public_key(scene.log.keys.public_file), **more}
    return asyncio.run(read_integrity(scene.log.database.audit_reader_url, **given))  # type: ignore[arg-type]


def verified(*, is_sound: bool = True) -> LogVerified:
    return LogVerified(actor=None, is_sound=is_sound, size=300, problems=int(not is_sound))


def test_green_with_a_witness_and_a_file(scene: Anchored, tmp_path: Path) -> None:
    assert state(scene).light is Light.YELLOW
    scene.feed()
    scene.keep(AnchorFile(tmp_path / "anchors"))
    scene.vouch(verified())
    scene.log.seal()
    found = state(scene, witnesses=[scene.witness.public], anchor_file=tmp_path / "anchors")
    assert (found.light, found.reasons, found.parties) == (Light.GREEN, [], 2)
    assert found.size == 303
    assert found.oldest_unsealed is None
    assert state(scene).parties == 1  # a witness that no setting names counts for nothing


def test_a_browser_is_an_anchor_and_two_are_one_party(scene: Anchored) -> None:
    scene.log.append_events(HeadConfirmed(actor=uuid4(), size=300), HeadConfirmed(actor=uuid4(), size=300))
    found = state(scene)
    assert [each.kind for each in found.anchors] == ["browser", "browser"]
    assert found.parties == 1
    scene.feed()
    assert state(scene, witnesses=[scene.witness.public]).parties == 2


def test_a_key_that_is_not_the_logs_is_red(scene: Anchored) -> None:
    assert state(scene).is_signed is True
    scene.log.rotate()
    scene.log.seal()
    scene.log.append(1)
    scene.log.seal()
    assert state(scene).is_signed is True
    foreign = SecretNoteKey.make(scene.log.keys.read().current.name).public
    assert state(scene, first_key=foreign).light is Light.RED
    assert state(scene, first_key=None).is_signed is None


def test_a_bad_verification_is_red_until_a_good_one(scene: Anchored) -> None:
    scene.vouch(verified(is_sound=False))
    assert state(scene).light is Light.RED
    scene.vouch(verified())
    assert state(scene).light is Light.YELLOW


def test_with_the_writers_password_nobody_says_that_the_log_was_verified(scene: Anchored) -> None:
    scene.vouch(verified(is_sound=False))
    scene.log.append_events(*[verified()] * 250)  # more than are looked at, and later
    found = state(scene)
    assert found.light is Light.RED
    assert found.verified is not None
    assert not found.verified.is_sound
    scene.log.execute("UPDATE audit.event SET recorded_at = recorded_at - interval '2 minutes'")
    scene.log.execute("UPDATE audit.voucher SET vouched_at = vouched_at - interval '3 minutes'")
    found = state(scene)
    assert found.unvouched == 200
    assert any("writer's password" in reason for reason in found.reasons)
    with (
        psycopg.connect(libpq_dsn(scene.log.database.audit_writer_url)) as writer,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        writer.execute(
            "INSERT INTO audit.voucher (event_id, type, leaf) VALUES (uuidv7(), 'log:verified', sha256('x'))"
        )


@pytest.mark.parametrize("is_sound", [True, False])
def test_what_nobody_could_vouch_for_accuses_nobody_and_hides_no_change(scene: Anchored, is_sound: bool) -> None:  # noqa: FBT001
    """The database takes the event and not the voucher, as when it went away, or the process, between the two."""
    scene.vouch(verified())
    scene.log.execute("REVOKE INSERT ON audit.voucher FROM cloister_audit_sealer")
    scene.log.execute("REVOKE INSERT (event_id, type, leaf) ON audit.voucher FROM cloister_audit_sealer")
    news = [verified(is_sound=is_sound), *([AnchorKept(kind="file", anchor="x", size=300)] if is_sound else [])]
    for each in news:
        with pytest.raises(AuditUnavailableError, match="Nobody vouches"):
            scene.vouch(each)
    scene.log.execute("UPDATE audit.event SET recorded_at = recorded_at - interval '2 minutes'")
    scene.log.execute("UPDATE audit.voucher SET vouched_at = vouched_at - interval '3 minutes'")
    found = state(scene)
    assert (found.unvouched, found.light) == ((0, Light.YELLOW) if is_sound else (1, Light.RED))
    if not is_sound:
        scene.log.execute("GRANT INSERT (event_id, type, leaf) ON audit.voucher TO cloister_audit_sealer")
        scene.vouch(verified())
        assert state(scene).light is Light.YELLOW


def test_in_a_log_from_before_vouchers_a_bad_check_is_red_until_a_good_one(scene: Anchored) -> None:
    scene.log.append_events(verified(is_sound=False))
    assert state(scene).light is Light.RED
    scene.log.append_events(verified())
    assert (state(scene).light, state(scene).verified) == (Light.YELLOW, None)


def test_a_voucher_is_for_one_event_and_says_itself_when(scene: Anchored) -> None:
    scene.vouch(verified(is_sound=False))
    scene.log.append_events(verified())
    with psycopg.connect(libpq_dsn(scene.log.database.audit_sealer_url)) as sealer:
        for columns in ("event_id, type, leaf, vouched_at", "vouched_at"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), sealer.transaction():
                sealer.execute(f"INSERT INTO audit.voucher ({columns}) SELECT {columns} FROM audit.voucher")  # noqa: S608
        for forbidden in ("UPDATE audit.voucher SET type = 'x'", "DELETE FROM audit.voucher", "TRUNCATE audit.voucher"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), sealer.transaction():
                sealer.execute(forbidden)  # type: ignore[call-overload]
        sealer.execute(
            "INSERT INTO audit.voucher (event_id, type, leaf) "
            "SELECT id, 'log:verified', sha256('another') FROM audit.event ORDER BY era, xid, id DESC LIMIT 1"
        )
        sealer.commit()
    assert state(scene).light is Light.RED  # the leaf is not that event's


def test_with_the_writers_password_two_parties_are_not_made_up(scene: Anchored) -> None:
    scene.vouch(verified())
    scene.log.append_events(
        HeadConfirmed(actor=uuid4(), size=300),
        *(AnchorKept(kind=kind, anchor="x", size=300) for kind in ("file", "syslog")),
    )
    found = state(scene)
    assert [each.kind for each in found.anchors] == ["browser"]
    assert (found.light, found.parties) == (Light.YELLOW, 1)


def test_a_forged_cosignature_vouches_for_nothing(scene: Anchored) -> None:
    public = scene.witness.public
    forged = SecretNoteKey.make(public.name).cosign(scene.log.heads()[-1].checkpoint.text, 2**40)
    line = forged.strip().replace("'", "")
    scene.log.execute(
        f"INSERT INTO audit.cosignature VALUES (300, '{public.name}+{public.id.hex()}', '{line}')"  # noqa: S608
    )
    found = state(scene, witnesses=[public])
    assert (found.anchors, found.missing_witnesses) == ([], [public.name])


@pytest.mark.parametrize("seconds", [2**40, 2**63])
def test_a_cosignature_of_a_time_to_come_vouches_for_nothing(scene: Anchored, seconds: int) -> None:
    """It would be fresh for ever, also when the witness is gone."""
    public = scene.witness.public
    line = open_witness_key(scene.folder).cosign(scene.log.heads()[-1].checkpoint.text, seconds).strip()
    scene.log.execute(
        f"INSERT INTO audit.cosignature VALUES (300, '{public.name}+{public.id.hex()}', '{line}')"  # noqa: S608
    )
    found = state(scene, witnesses=[public])
    assert (found.anchors, found.missing_witnesses) == ([], [public.name])


@pytest.mark.parametrize("moment", ["infinity", "-infinity", "4714-12-01 BC"])
def test_a_time_that_no_clock_shows_hides_no_contradiction(scene: Anchored, moment: str) -> None:
    scene.vouch(verified(), verified(is_sound=False))
    scene.log.execute(f"UPDATE audit.event SET recorded_at = '{moment}'")  # noqa: S608
    assert state(scene).light is Light.RED


def test_a_log_that_was_set_back_is_red_by_each_anchor(scene: Anchored, tmp_path: Path) -> None:
    """Witness, file and a browser's own head, each by itself."""
    file = tmp_path / "anchors"
    scene.log.append(5)
    scene.log.seal()
    scene.feed()
    scene.keep(AnchorFile(file))
    scene.log.seal()
    kept = asyncio.run(read_head(scene.log.database.audit_reader_url))
    in_browser = kept.checkpoint
    scene.set_back(300)
    assert state(scene).contradictions == []
    assert [each.kind for each in state(scene, anchor_file=file).contradictions] == ["file"]
    with pytest.raises(NotFoundError):
        consistency(scene, in_browser)
    scene.log.append(20)
    scene.log.seal()
    assert not consistency(scene, in_browser)  # it has grown again, and is another one
    assert [each.kind for each in state(scene, anchor_file=file).contradictions] == ["file"]
    scene.feed()
    assert [each.kind for each in state(scene).contradictions] == ["witness"]
    scene.log.append_events(reported(kept.note, 320))
    assert {each.kind for each in state(scene).contradictions} == {"witness", "browser"}
    assert state(scene).light is Light.RED


def reported(note: str, size: int, **changes: str | None) -> HeadContradicted:
    """What a browser says that kept a signed checkpoint."""
    text, (signature,) = split_note(note)
    kept = Checkpoint.parse(text)
    said = {
        "root": b64encode(kept.root).decode(),
        "signature": b64encode(signature.key_id + signature.blob).decode(),
        **changes,
    }
    return HeadContradicted(actor=uuid4(), size=size, seen=kept.size, **said)


def test_a_report_without_proof_is_told_and_is_not_red(scene: Anchored) -> None:
    """Whoever may open the page may report anything, and whoever writes the log may write it."""
    note = asyncio.run(read_head(scene.log.database.audit_reader_url)).note
    stranger = SecretNoteKey.make(split_note(note)[0].partition("\n")[0])
    elsewhere = stranger.sign_note(Checkpoint(stranger.name, 500, bytes(32)).text)
    scene.log.append_events(
        HeadContradicted(actor=uuid4(), size=300, seen=900),
        reported(note, 300),  # of this log, which has this root
        reported(note, 300, root=b64encode(bytes(32)).decode()),
        reported(note, 300, root="no Base64"),
        reported(note, 300, signature=None),
        reported(elsewhere, 300),
    )
    found = state(scene)
    assert (found.light, found.contradictions, len(found.unproved)) == (Light.YELLOW, [], 6)
    assert sum("could not be checked" in reason for reason in found.reasons) == 6
    assert state(scene, first_key=None).contradictions == []


def test_a_proved_report_is_heard_behind_many_false_ones(scene: Anchored) -> None:
    key = scene.log.keys.read().current
    other = key.sign_note(Checkpoint(key.name, 200, bytes(32)).text)
    scene.log.append_events(
        reported(other, 300), *(HeadContradicted(actor=uuid4(), size=300, seen=number) for number in range(300))
    )
    assert state(scene).light is Light.RED


def test_a_log_that_grew_continues_what_a_browser_kept(scene: Anchored) -> None:
    for size in (300, 301, 557, 900):
        in_browser = asyncio.run(read_head(scene.log.database.audit_reader_url)).checkpoint
        if size > in_browser.size:
            scene.log.append(size - in_browser.size)
            scene.log.seal()
        assert consistency(scene, in_browser)
    assert asyncio.run(prove_consistency(scene.log.database.audit_reader_url, 0, 900)) == []
    for old, new in ((901, 901), (900, 300), (300, 901), (-1, 5)):
        with pytest.raises(NotFoundError):
            asyncio.run(prove_consistency(scene.log.database.audit_reader_url, old, new))


def consistency(scene: Anchored, old: Checkpoint) -> bool:
    """As a page does it, with what the server gives and what it kept."""
    url = scene.log.database.audit_reader_url
    new = asyncio.run(read_head(url)).checkpoint
    proof = asyncio.run(prove_consistency(url, old.size, new.size))
    return is_consistent(old.size, new.size, proof, old.root, new.root)
