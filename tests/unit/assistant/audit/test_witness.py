"""A witness by itself: what it signs, what it refuses, and that it remembers before it answers."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assistant.audit.anchors.witness import MOST_BODY_BYTES, Answer, Witness
from assistant.audit.seals.checkpoint import Checkpoint, SecretNoteKey, parse_signature
from assistant.audit.seals.seal_key import announce
from assistant.audit.seals.tree import Tree, consistency_proof, perfect_root
from assistant.audit.writing import durable
from assistant.errors import SettingsError

KEY = SecretNoteKey.make("cloister/test")
OTHER = SecretNoteKey.make("cloister/test")
NOW = 1_700_000_000


class Log:
    """A log of numbered leaves, signed by a key; a fork has other leaves from some number on."""

    def __init__(self, key: SecretNoteKey = KEY, *, forked_at: int = 10**9) -> None:
        self.key = key
        self.forked_at = forked_at

    def leaf(self, number: int) -> bytes:
        return number.to_bytes(31, "big") + bytes([number >= self.forked_at])

    def note(self, size: int) -> str:
        tree = Tree()
        tree.extend(self.leaf(number) for number in range(size))
        return self.key.sign_note(Checkpoint(self.key.name, size, tree.root()).text)

    def node(self, level: int, index: int) -> bytes:
        return perfect_root([self.leaf(number) for number in range(index << level, index + 1 << level)])

    def body(self, old: int, size: int) -> bytes:
        proof = consistency_proof(old, size, self.node) if 0 < old < size else []
        return request(old, proof, self.note(size))


def request(old: object, proof: Sequence[bytes], note: str) -> bytes:
    lines = [f"old {old}", *(b64encode(each).decode() for each in proof)]
    return "".join(f"{line}\n" for line in lines).encode() + b"\n" + note.encode()


def witness(folder: Path) -> Witness:
    return Witness(folder, [KEY.public], clock=lambda: NOW)


def test_it_cosigns_what_continues_what_it_saw(tmp_path: Path) -> None:
    log, seen = Log(), witness(tmp_path)
    old = 0
    for size in (0, 1, 5, 5, 8, 300, 301):
        answer = seen.add_checkpoint(log.body(old, size))
        assert answer.status == 200
        text = log.note(size).partition("\n\n")[0] + "\n"
        assert parse_signature(answer.body.removesuffix("\n")).time_of(text, seen.public) == NOW
        old = size
    again = witness(tmp_path)
    assert again.public == seen.public
    assert again.add_checkpoint(log.body(0, 400)) == Answer(409, "301\n", "text/x.tlog.size")
    assert again.add_checkpoint(log.body(301, 400)).status == 200
    assert log.note(400) in again.describe()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"\xff", 400),
        (b"old 5\n", 400),
        (request("05", [], Log().note(7)), 400),
        (request(-5, [], Log().note(7)), 400),
        (request(5, [bytes(32)] * 64, Log().note(7)), 400),
        (request(8, [], Log().note(7)), 400),
        (request(5, [], "cloister/test\n7\n"), 400),
        (request(5, [], Log(SecretNoteKey.make("cloister/none")).note(7)), 404),
        (Log(OTHER).body(5, 7), 403),
        (request(5, [], Log().note(7).replace("\n7\n", "\n8\n")), 403),
        (Log().body(3, 7), 409),
        (Log().body(0, 7), 409),
        (Log(forked_at=2).body(5, 5), 409),
        (Log(forked_at=2).body(5, 7), 422),
        (request(5, [], Log().note(7)), 422),
        (request(5, [bytes(32)], Log().note(5)), 422),
        (request(5, [bytes(31)], Log().note(7)), 422),
    ],
)
def test_what_is_refused_changes_nothing(tmp_path: Path, body: bytes, status: int) -> None:
    seen = witness(tmp_path)
    seen.add_checkpoint(Log().body(0, 5))
    before = [file.read_bytes() for file in sorted(tmp_path.glob("*.log"))]
    answer = seen.add_checkpoint(body)
    assert answer.status == status
    assert "—" not in answer.body
    assert [file.read_bytes() for file in sorted(tmp_path.glob("*.log"))] == before
    assert seen.add_checkpoint(Log().body(5, 7)).status == 200


def test_what_a_log_cannot_explain_is_kept_as_evidence(tmp_path: Path) -> None:
    seen = witness(tmp_path)
    seen.add_checkpoint(Log().body(0, 9))
    fork, back = Log(forked_at=2), Log()
    seen.add_checkpoint(fork.body(9, 12))
    assert seen.add_checkpoint(back.body(7, 7)) == Answer(409, "9\n", "text/x.tlog.size")
    (evidence,) = tmp_path.glob("*.evidence")
    assert evidence.read_text() == fork.note(12) + back.note(7)


def test_the_key_is_followed_where_the_old_one_announces_it(tmp_path: Path) -> None:
    seen, new = witness(tmp_path), Log(OTHER)
    seen.add_checkpoint(Log().body(0, 5))
    assert seen.add_checkpoint(new.body(5, 6)).status == 403
    announced = announce(KEY, OTHER.public)
    body = f"{announced.old_key}\n{announced.new_key}\n{announced.signature}\n"
    forged = announce(OTHER, OTHER.public)
    assert seen.add_key(f"{KEY.public}\n{OTHER.public}\n{forged.signature}\n".encode()).status == 403
    assert seen.add_key(b"x").status == 400
    assert seen.add_key(f"{KEY.public}\nx\n{forged.signature}\n".encode()).status == 400
    elsewhere = SecretNoteKey.make("cloister/none")
    assert seen.add_key(f"{elsewhere.public}\n{elsewhere.public}\nAAAA\n".encode()).status == 404
    assert seen.add_key(body.encode()).status == 200
    assert seen.add_checkpoint(new.body(5, 6)).status == 200
    assert seen.add_checkpoint(Log().body(6, 7)).status == 403  # the key of yesterday signs nothing any more
    again = witness(tmp_path)
    assert again.add_checkpoint(new.body(6, 7)).status == 200
    assert again.add_key(body.encode()).status == 200  # once more


def test_an_operator_may_name_another_key_and_the_history_stays(tmp_path: Path) -> None:
    witness(tmp_path).add_checkpoint(Log().body(0, 5))
    told = Witness(tmp_path, [OTHER.public])
    assert told.add_checkpoint(Log().body(5, 6)).status == 403
    assert told.add_checkpoint(Log(OTHER, forked_at=1).body(5, 6)).status == 422
    assert told.add_checkpoint(Log(OTHER).body(5, 6)).status == 200


def test_nothing_is_signed_that_could_not_be_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = witness(tmp_path)

    def refuse(_descriptor: int) -> None:
        raise OSError(28, "no space")

    with monkeypatch.context() as broken:
        broken.setattr(durable.os, "fsync", refuse)
        with pytest.raises(OSError, match="no space"):
            seen.add_checkpoint(Log().body(0, 5))
    assert seen.add_checkpoint(Log(forked_at=1).body(0, 5)).status == 200  # nobody was told of the other one


def test_what_is_remembered_is_not_forgotten_silently(tmp_path: Path) -> None:
    witness(tmp_path).add_checkpoint(Log().body(0, 5))
    (file,) = tmp_path.glob("*.log")
    assert file.stat().st_mode & 0o777 == 0o600
    file.write_text("nonsense")
    with pytest.raises(SettingsError, match="believe any history"):
        witness(tmp_path)
    (tmp_path / "witness.key").write_text("nonsense")
    with pytest.raises(SettingsError, match="key"):
        witness(tmp_path)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(0, 24), st.integers(0, 24), st.sampled_from([10**9, 3, 9])), min_size=1, max_size=12)
)
def test_whatever_is_asked_only_one_history_is_signed(
    tmp_path_factory: pytest.TempPathFactory, asked: list[tuple[int, int, int]]
) -> None:
    folder = tmp_path_factory.mktemp("witness")
    seen = witness(folder)
    signed: list[tuple[int, int]] = []
    for old, size, forked_at in asked:
        if old > size:
            continue
        if seen.add_checkpoint(Log(forked_at=forked_at).body(old, size)).status == 200:
            signed.append((size, forked_at))
    assert [size for size, _ in signed] == sorted(size for size, _ in signed)
    largest = max((size for size, _ in signed), default=0)
    leaves = {tuple(Log(forked_at=fork).leaf(number) for number in range(size)) for size, fork in signed}
    longest = next((each for each in leaves if len(each) == largest), ())
    assert all(longest[: len(each)] == each for each in leaves)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=200))
def test_no_bytes_break_it(tmp_path: Path, body: bytes) -> None:
    seen = witness(tmp_path)
    assert seen.add_checkpoint(body).status in (400, 403, 404, 409)
    assert seen.add_key(body).status in (400, 403, 404)


def test_the_largest_request_has_room() -> None:
    assert len(request(10**15, [bytes(32)] * 63, Log().note(5) + "— x " + "A" * 4000 + "\n")) < MOST_BODY_BYTES
