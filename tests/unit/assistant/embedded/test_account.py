from __future__ import annotations

import os
from pathlib import Path

import pytest

from assistant.embedded import account as accounts
from assistant.embedded.account import Account, can_reach, server_account
from assistant.embedded.exit_status import ExitStatus
from assistant.errors import EmbeddedError

STRANGER = Account(name="stranger", uid=54_321, gid=54_321)


def test_a_closed_folder_above_keeps_a_stranger_out(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    inner = closed / "open"
    inner.mkdir(parents=True)
    inner.chmod(0o755)
    closed.chmod(0o700)
    assert not can_reach(inner / "program", STRANGER)


def test_the_groups_bit_counts_for_the_group_and_not_the_others_bit(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    own = Account(name="own", uid=54_321, gid=folder.stat().st_gid)
    folder.chmod(0o701)
    assert not accounts._has_search_bit(folder, own)
    folder.chmod(0o710)
    assert accounts._has_search_bit(folder, own)
    assert not accounts._has_search_bit(folder, STRANGER)


def test_the_root_of_the_disk_is_in_reach() -> None:
    assert can_reach(Path("/anything"), STRANGER)


def test_root_runs_servers_as_somebody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    chosen = server_account()
    assert chosen is not None
    assert chosen.uid != 0


def test_an_ordinary_person_runs_servers_as_himself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert server_account() is None


def test_root_on_a_machine_without_accounts_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(accounts, "_UNPRIVILEGED", ("nobody-by-this-name",))
    with pytest.raises(EmbeddedError, match="ordinary user") as caught:
        server_account()
    assert caught.value.exit_status == ExitStatus.SERVER_FAILED
