"""What of the log's decisions can be drawn: whoever may add events can add any bytes."""

from __future__ import annotations

from uuid import uuid4

import orjson
import pytest

from assistant.audit.reading.decisions import _parse


def body(rule: str) -> bytes:
    data = {
        "about": str(uuid4()),
        "disposition": "benign",
        "finding_rule": rule,
        "hit_id": str(uuid4()),
        "is_final": True,
        "proposed_by": str(uuid4()),
    }
    return orjson.dumps({"actor": str(uuid4()), "data": data, "turn_id": str(uuid4())})


def test_a_decision_is_read() -> None:
    found = _parse(uuid4(), body("secret/aws-access-key"))
    assert found is not None
    assert found.rule == "secret/aws-access-key"


@pytest.mark.parametrize("rule", ["x/\x00", "x/\x1b[2J", "x" * 201])
def test_one_forged_rule_that_no_table_takes_stops_no_draw(rule: str) -> None:
    assert _parse(uuid4(), body(rule)) is None
