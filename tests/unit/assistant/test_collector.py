"""What a process has loaded is not looked at again and again."""

from __future__ import annotations

import ast
import gc
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest

from assistant.collector import set_apart

ROOT = Path(__file__).parents[3]


class _Node:
    """What can stand in a cycle."""

    def __init__(self) -> None:
        self.other: _Node | None = None


def _cycle() -> weakref.ref[_Node]:
    node = _Node()
    node.other = _Node()
    node.other.other = node
    return weakref.ref(node)


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


def test_a_later_collection_looks_at_nothing_that_was_there() -> None:
    loaded = [_Node() for _ in range(10_000)]
    set_apart()
    assert gc.get_freeze_count() > len(loaded)
    assert not any(isinstance(each, _Node) for each in gc.get_objects())


def test_what_was_in_cycles_before_and_comes_to_be_in_them_later_goes() -> None:
    before = _cycle()
    set_apart()
    later = _cycle()
    gc.collect()
    assert before() is None
    assert later() is None


def test_every_process_that_answers_people_does_so() -> None:
    for file, times in (("assistant/web/wiring.py", 2), ("assistant/web/console/wiring.py", 1)):
        names = [node for node in ast.walk(ast.parse((ROOT / file).read_text("utf-8"))) if isinstance(node, ast.Name)]
        assert sum(name.id == "set_apart" for name in names) == times
