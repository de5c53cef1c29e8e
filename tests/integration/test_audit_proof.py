"""Proofs of single events, from trees of any size: each leads to the signed root, and to no other event."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from assistant.audit.reading.proof import Proof, prove, read_head
from assistant.audit.seals.checkpoint import NoteError
from assistant.errors import NotFoundError
from tests.integration.conftest import Database
from tests.integration.seal_scene import SealedLog, write_one

pytestmark = pytest.mark.integration


def test_every_event_has_a_proof_under_the_newest_head(database: Database, tmp_path: Path) -> None:
    log = SealedLog.at(database, tmp_path)
    with log.open_writer() as late:
        write_one(late)
        log.append(530)
        log.seal()
        log.append(1)
        log.seal()
        late.commit()
    log.append(7)
    head = log.seal()
    assert head is not None
    keys = [log.keys.read().current.public]
    rows = log.rows("SELECT id, leaf FROM audit.event ORDER BY era, xid, id")
    indices = set()
    for identifier, leaf in rows[:3] + rows[250:260] + rows[-12:]:
        proof = asyncio.run(prove(database.audit_reader_url, UUID(str(identifier))))
        indices.add(proof.index)
        assert proof.shows(bytes(leaf), keys)  # type: ignore[call-overload]
        assert not proof.shows(bytes(32), keys)
        assert not Proof(proof.index, proof.hashes[:-1], proof.checkpoint).shows(bytes(leaf), keys)  # type: ignore[call-overload]
        assert Proof.parse(str(proof)) == proof
    assert len(indices) == 25
    assert asyncio.run(prove(database.audit_reader_url, UUID(str(rows[0][0])))).index == 531  # it ended late


def test_what_is_not_sealed_has_no_proof(database: Database, tmp_path: Path) -> None:
    log = SealedLog.at(database, tmp_path)
    with pytest.raises(NotFoundError, match="Nothing was sealed"):
        asyncio.run(read_head(database.audit_reader_url))
    log.append(1)
    log.seal()
    log.append(1)
    (identifier,) = log.rows("SELECT id FROM audit.event ORDER BY id DESC LIMIT 1")[0]
    with pytest.raises(NotFoundError, match="not sealed yet"):
        asyncio.run(prove(database.audit_reader_url, UUID(str(identifier))))
    with pytest.raises(NotFoundError, match="no event"):
        asyncio.run(prove(database.audit_reader_url, uuid4()))


def test_the_published_form_of_a_proof_is_read() -> None:
    """Source: transparency-dev/tessera, the tests of its tlog-proof."""
    content = f"c2sp.org/tlog-proof@v1\nextra YQ==\nindex 10\n{'A' * 43}=\n\ncheckpoint data\n"
    assert Proof.parse(content) == Proof(10, [bytes(32)], "checkpoint data\n")
    assert str(Proof(0, [], "checkpoint\n")) == "c2sp.org/tlog-proof@v1\nindex 0\n\ncheckpoint\n"
    for broken in (
        "",
        "index 1\n\nx\n",
        content.replace("@v1", "@v2"),
        content.replace("10", "010"),
        content.replace("A=", "="),
    ):
        with pytest.raises(NoteError):
            Proof.parse(broken)
