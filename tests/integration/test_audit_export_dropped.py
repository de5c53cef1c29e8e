"""An export of a log that retention took months from: it says so, and still leads to the signed root."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assistant.audit.events import Tag
from assistant.audit.exports.export_query import ExportQuery
from tests.integration.conftest import Database
from tests.integration.retention_scene import drop, month_of, two_old_months
from tests.integration.seal_scene import SealedLog
from tests.integration.test_audit_export import Exporting, check, contents

pytestmark = pytest.mark.integration


@pytest.fixture
def log(database: Database, tmp_path: Path) -> SealedLog:
    return two_old_months(database, tmp_path)


def test_what_retention_took_is_listed_and_its_hashes_stay(log: SealedLog, tmp_path: Path) -> None:
    assert drop(log, month_of(log)) == 300
    log.seal()
    scene = Exporting(log, tmp_path)
    file, exported = scene.export()
    done = check(file, "--key", scene.key)
    assert done.returncode == 0, done.stderr
    manifest = json.loads(contents(file)["manifest.json"])
    assert manifest["dropped"] == [[0, 300]]
    assert manifest["query"]["leaves"] == [0, exported.size]
    assert exported.events == exported.size - 300
    filtered, found = scene.export(ExportQuery(types=frozenset({Tag.JOB_ENQUEUED})))
    assert check(filtered, "--key", scene.key).returncode == 0
    assert found.events == 39 + 5
