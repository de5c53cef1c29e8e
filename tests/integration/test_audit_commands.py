"""`cloister audit verify`, `head`, `prove`, `rotate-key` and `new-era` as an operator runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from uuid import uuid4

import pytest

from assistant.audit.anchors.keepers import syslog_line
from assistant.audit.events import HitDecided, TurnAccepted, TurnGuarded
from assistant.audit.parts import FoundSpan, GuardReport, TextMark, TurnPlace
from assistant.audit.reading.proof import Proof
from assistant.audit.seals.seal_key import read_public_key
from policies.verdict import Action
from tests.integration.conftest import Database
from tests.integration.seal_scene import SealedLog

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]


@pytest.fixture
def log(database: Database, tmp_path: Path) -> SealedLog:
    log = SealedLog.at(database, tmp_path)
    log.append(260)
    log.seal()
    return log


def run(log: SealedLog, *arguments: str, input_: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
    key_file = log.keys._file.parent / "master.key"
    key_file.write_bytes(bytes(range(32)))
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("CLOISTER_")},
        "CLOISTER_DATA_DIR": str(key_file.parent),
        "CLOISTER_MASTER_KEY_FILE": str(key_file),
        "CLOISTER_SEAL_KEY_FILE": str(log.keys._file),
        "CLOISTER_DATABASE_URL": log.database.owner_url.get_secret_value(),
        "PYTHONPATH": str(ROOT),
        **settings,
    }
    command = [sys.executable, "-P", "-m", "assistant", "audit", *arguments]
    return subprocess.run(
        command, env=environment, input=input_, capture_output=True, text=True, timeout=120, check=False
    )


def test_a_sound_log_is_said_to_be_and_the_look_is_recorded(log: SealedLog, tmp_path: Path) -> None:
    anchor = tmp_path / "anchors"
    for _ in range(2):  # a file collects them
        told = run(log, "head")
        assert told.returncode == 0, told.stderr
        anchor.write_text((anchor.read_text() if anchor.exists() else "") + told.stdout)
    done = run(log, "verify", "--anchor", str(anchor))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("The log is sound: 260 sealed events, 1 heads; 2 anchors fit.\n")
    assert log.rows(
        "SELECT convert_from(body, 'UTF8')::jsonb #>> '{data,is_sound}' FROM audit.event WHERE type = 'log:verified'"
    ) == [("true",)]


def test_a_changed_log_is_said_to_be_with_its_first_bad_leaf(log: SealedLog) -> None:
    log.execute(
        "UPDATE audit.event SET actor = gen_random_uuid() WHERE id = "
        "(SELECT id FROM audit.event ORDER BY era, xid, id OFFSET 33 LIMIT 1)"
    )
    done = run(log, "verify", "--json")
    report = json.loads(done.stdout)
    assert done.returncode == 1
    assert (report["verdict"], report["first_bad_leaf"], report["found"]) == ("broken", 33, 1)
    assert [report["first_bad_event"]] == [
        str(row[0]) for row in log.rows("SELECT id FROM audit.event ORDER BY era, xid, id OFFSET 33 LIMIT 1")
    ]
    assert "leaf 33" in run(log, "verify").stdout


@pytest.mark.parametrize(
    ("arguments", "settings"),
    [
        ((), {"CLOISTER_SEAL_KEY_FILE": "/nowhere/seal.key"}),
        ((), {"CLOISTER_DATABASE_URL": "postgresql://cloister_owner@/cloister?host=/nowhere"}),
        (("--anchor", "/nowhere/anchor"), {}),
        (("--anchor", __file__), {}),
        (("--key", "nonsense"), {}),
        (("--witness", "nonsense"), {}),
    ],
)
def test_what_could_not_be_checked_is_neither_sound_nor_broken(
    log: SealedLog, arguments: tuple[str, ...], settings: dict[str, str]
) -> None:
    done = run(log, "verify", *arguments, **settings)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_a_proof_is_printed_that_an_outsider_can_check(log: SealedLog) -> None:
    identifier, leaf = log.rows("SELECT id, leaf FROM audit.event ORDER BY era, xid, id OFFSET 100 LIMIT 1")[0]
    done = run(log, "prove", str(identifier))
    assert done.returncode == 0, done.stderr
    proof = Proof.parse(done.stdout)
    assert proof.index == 100
    assert proof.shows(bytes(leaf), [read_public_key(log.keys.public_file)])  # type: ignore[call-overload]
    assert run(log, "prove", "00000000-0000-0000-0000-000000000000").returncode == 1


def test_a_key_is_replaced_and_the_log_stays_sound(log: SealedLog) -> None:
    before = log.keys.read().current.public
    done = run(log, "rotate-key")
    assert done.returncode == 0, done.stderr
    log.seal()
    log.append(1)
    log.seal()
    assert log.keys.read().current.public != before
    assert json.loads(run(log, "verify", "--json").stdout)["verdict"] == "sound"


def test_after_a_restore_the_operator_begins_a_new_era(log: SealedLog) -> None:
    """A new server has another identifier; here it is the last head that has one."""
    assert run(log, "new-era").returncode == 0
    head = log.seal()
    assert head is not None
    assert (head.era, head.size) == (1, 261)
    assert log.rows("SELECT type FROM audit.event WHERE era = 1") == [("log:restored",)]
    assert run(log, "verify").returncode == 0


def test_lines_of_syslog_become_anchors(log: SealedLog, tmp_path: Path) -> None:
    head = log.heads()[-1]
    written, anchors = tmp_path / "syslog", tmp_path / "anchors"
    written.write_text(f"something else\n{syslog_line(head.note, head.sealed_at)}\n" * 2)
    told = run(log, "anchors", str(written))
    assert told.returncode == 0, told.stderr
    anchors.write_text(told.stdout)
    assert "1 anchors fit" in run(log, "verify", "--anchor", str(anchors)).stdout
    assert run(log, "anchors", str(anchors)).returncode == 1  # it has them already, and not in lines


def test_the_status_says_who_vouches_for_the_log(log: SealedLog, tmp_path: Path) -> None:
    told = run(log, "head", "--status")
    assert told.returncode == 2
    assert told.stdout.startswith("yellow: 260 sealed events.\n")
    assert "0 of 2 independent anchors are fresh" in told.stdout
    file = tmp_path / "anchors"
    head = log.heads()[-1]
    file.write_text(head.note.replace("\n260\n", "\n261\n"))
    red = run(log, "head", "--status", "--json", CLOISTER_AUDIT_ANCHOR_FILE=str(file))
    assert red.returncode == 1
    assert json.loads(red.stdout)["light"] == "red"


def test_an_export_is_written_and_checked_without_the_product(log: SealedLog, tmp_path: Path) -> None:
    target = tmp_path / "export.zip"
    options = ("--type", "job:enqueued", "--since", "2020-01-01", "--csv", "--reason", "The auditor asked.")
    done = run(log, "export", str(target), *options)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("260 events of 260 in ")
    assert done.stderr == ""
    assert len((tmp_path / "export.csv").read_text(encoding="utf-8").splitlines()) == 261
    with zipfile.ZipFile(target) as export:
        export.extract("verify.py", tmp_path)
    checking = [
        sys.executable,
        "-I",
        "-S",
        "verify.py",
        "export.zip",
        "--key",
        log.keys.public_file.read_text().strip(),
    ]
    checked = subprocess.run(checking, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert checked.returncode == 0, checked.stderr
    assert "The auditor asked." in checked.stdout
    again = run(log, "export", str(target), *options)
    assert again.returncode != 0
    assert "exists" in again.stderr
    assert run(log, "export", str(tmp_path / "x.zip")).returncode == 2  # no reason
    assert "no type" in run(log, "export", str(tmp_path / "x.zip"), "--reason", "a reason", "--type", "x").stderr


def test_a_case_is_exported_by_its_number_or_its_id(log: SealedLog, tmp_path: Path) -> None:
    log.append_events(of_case := accepted(), accepted())
    log.seal()
    case, turn = uuid4(), of_case.turn
    log.execute(
        f"INSERT INTO compliance_case (id, title, opened_by, due_at) VALUES ('{case}', 'x', '{case}', now());"  # noqa: S608
        "INSERT INTO case_turn (case_id, turn_id, thread_id, subject, added_by)"
        f" VALUES ('{case}', '{turn.turn_id}', '{turn.thread_id}', '{turn.person_id}', '{case}')"
    )
    ((number,),) = log.rows("SELECT number FROM compliance_case")
    for place, name in enumerate((str(number), str(case))):
        told = run(log, "export", str(tmp_path / f"{place}.zip"), "--case", name, "--reason", "The court asked.")
        assert told.stdout.startswith("1 events of 262"), told.stderr
        with zipfile.ZipFile(tmp_path / f"{place}.zip") as export:
            assert str(turn.turn_id) in export.read("events.jsonl").decode()
            assert "people" not in json.loads(export.read("manifest.json"))
    for wrong in ("999", str(uuid4()), "x", "9" * 30):
        assert run(log, "export", str(tmp_path / "x.zip"), "--case", wrong, "--reason", "The court asked.").returncode
    assert not (tmp_path / "x.zip").exists()


def test_a_sample_is_drawn_again_by_a_command(log: SealedLog) -> None:
    log.execute("UPDATE audit.head SET sealed_at = sealed_at - interval '7 days'")
    log.append_events(turn_accepted := accepted(), accepted())
    log.seal()
    ((week,),) = log.rows(
        "SELECT to_char((max(sealed_at) - interval '7 days') AT TIME ZONE 'UTC', 'IYYY-\"W\"IW') FROM audit.head"
    )
    told = run(log, "sample", "--week", str(week), "--size", "1", "--json")
    assert told.returncode == 0, told.stderr
    sample = json.loads(told.stdout)
    assert (sample["first_leaf"], sample["end_leaf"], len(sample["drawn"])) == (0, log.heads()[-1].size, 1)
    words = run(log, "sample", "--week", str(week), "--size", "2")
    assert sample["seed"] in words.stdout
    assert sample["drawn"][0]["event"] in words.stdout
    assert str(turn_accepted.turn.turn_id) in json.dumps(
        json.loads(run(log, "sample", "--week", str(week), "--size", "2", "--json").stdout)["drawn"]
    )
    for wrong in (("--week", "now"), ("--week", "2199-W01"), ("--week", str(week), "--of", "all")):
        assert run(log, "sample", *wrong).returncode != 0


def test_decisions_for_a_second_look_are_drawn_again_by_a_command(log: SealedLog) -> None:
    about, reviewer = uuid4(), uuid4()
    for _ in range(3):
        log.append_events(
            HitDecided(
                actor=reviewer,
                about=about,
                turn_id=uuid4(),
                hit_id=uuid4(),
                finding_rule="secret/pem",
                disposition="benign",
                is_final=True,
                proposed_by=reviewer,
            )
        )
    log.seal()
    log.execute("UPDATE audit.head SET sealed_at = sealed_at - interval '7 days'")
    ((week,),) = log.rows("SELECT to_char(min(sealed_at) AT TIME ZONE 'UTC', 'IYYY-\"W\"IW') FROM audit.head")
    log.append(1)
    log.seal()
    told = run(log, "sample", "--week", str(week), "--of", "decisions", "--percent", "60", "--json")
    assert told.returncode == 0, told.stderr
    drawn = json.loads(told.stdout)
    assert (drawn["decisions"], len(drawn["drawn"])) == (3, 2)
    in_words = run(log, "sample", "--week", str(week), "--of", "decisions", "--percent", "60")
    assert "2 of 3 decisions, 60 %" in in_words.stdout
    assert all(one["event"] in in_words.stdout for one in drawn["drawn"])


def test_rebuilding_brings_hits_back(log: SealedLog) -> None:
    report = GuardReport(Action.REDACT, "sha256:0", (FoundSpan("secret/pem", "X", 0, 1, Action.REDACT),), 1, 1)
    place = TurnPlace(uuid4(), uuid4(), uuid4())
    log.append_events(TurnGuarded(turn=place, guard=report, chars=1, text_mark=TextMark("0" * 64)))
    log.seal()
    told = run(log, "rebuild-projections")
    assert told.returncode == 0, told.stderr
    assert "1 hits" in told.stdout
    assert log.rows("SELECT rule, turn_id FROM hit") == [("secret/pem", place.turn_id)]


def accepted() -> TurnAccepted:
    place = TurnPlace(uuid4(), uuid4(), uuid4())
    return TurnAccepted(turn=place, door="chat", persona="general", persona_version="1", chars=1)


@pytest.mark.parametrize("gone", ["stub", "head"])
def test_a_table_that_is_gone_is_a_change_and_said_in_words(log: SealedLog, tmp_path: Path, gone: str) -> None:
    ((event,),) = log.rows("SELECT id FROM audit.event LIMIT 1")
    log.execute(f"DROP TABLE audit.{gone} CASCADE")
    done = run(log, "verify")
    assert (done.returncode, done.stdout.splitlines()[1]) == (1, f"  schema: The table audit.{gone} is gone."), (
        done.stderr
    )
    for command in (
        ["prove", str(event)],
        *([] if gone == "stub" else [["head"], ["head", "--status"]]),
        ["export", str(tmp_path / "all.zip"), "--reason", "The auditor asked, case 7"],
    ):
        told = run(log, *command)
        assert told.returncode not in (0, 1) or "something of it is gone" in told.stderr, told.stdout
        assert 'relation "audit.' in told.stderr
        assert "Traceback" not in told.stderr
