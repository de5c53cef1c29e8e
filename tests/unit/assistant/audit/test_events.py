from __future__ import annotations

import re
import typing
from dataclasses import is_dataclass
from pathlib import Path

import pytest

from assistant.audit import events
from assistant.audit.events import EVENT_TYPES, Event, Tag
from tests.unit.assistant.audit.samples import strategy_of


def test_every_event_of_the_file_is_in_the_closed_set() -> None:
    written = {
        thing
        for thing in vars(events).values()
        if isinstance(thing, type) and is_dataclass(thing) and thing.__module__ == events.__name__
    }
    assert written == set(EVENT_TYPES)


def test_every_tag_has_exactly_one_event() -> None:
    assert sorted(kind.tag for kind in EVENT_TYPES) == sorted(Tag)


def test_the_page_for_officers_tells_of_every_tag_and_of_no_other() -> None:
    told = re.findall(r"`([a-z-]+:[a-z-]+)`", Path("docs/audit.md").read_text("utf-8"))
    assert set(told) == {str(tag) for tag in Tag}


@pytest.mark.parametrize("kind", EVENT_TYPES)
def test_every_field_is_of_a_type_that_holds_no_text(kind: type[Event]) -> None:
    """`strategy_of` knows ids, counts, flags, enumerations, names and marks; anything else is a KeyError."""
    for hint in typing.get_type_hints(kind).values():
        if typing.get_origin(hint) is not typing.ClassVar and hint is not typing.ClassVar:
            strategy_of(hint)


@pytest.mark.parametrize("kind", EVENT_TYPES)
def test_no_field_is_called_after_what_people_write(kind: type[Event]) -> None:
    assert not {"text", "prompt", "answer", "comment", "title", "content", "name", "message"} & set(
        typing.get_type_hints(kind)
    )
