"""An event of the log in words."""

from __future__ import annotations

from uuid import uuid4

import pytest

from assistant.audit.events import TurnRouted
from assistant.audit.parts import TurnPlace
from assistant.web.console.telling import tell
from tests.fakes.console_parts import stored


@pytest.mark.parametrize(
    ("host", "model", "reason", "line"),
    [
        ("Dev1", "llama3.1:8b", "most free", "Dev1 llama3.1:8b: most free"),
        ("Dev1", "llama3.1:8b", "Dev1 llama3.1:8b: most free", "Dev1 llama3.1:8b: most free"),
        ("quote", "quote", "quote: no model host was found", "quote: no model host was found"),
    ],
)
def test_where_a_turn_went_is_told_once(host: str, model: str, reason: str, line: str) -> None:
    place = TurnPlace(uuid4(), uuid4(), uuid4())
    assert tell(stored(TurnRouted(turn=place, host=host, model=model, reason=reason))).line == line
