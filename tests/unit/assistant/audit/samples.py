"""One event of every type, with every field filled, and a strategy that varies them."""

from __future__ import annotations

import types
import typing
from dataclasses import fields
from enum import StrEnum
from uuid import UUID

from hypothesis import strategies as st

from assistant.audit.events import EVENT_TYPES, Event
from assistant.audit.parts import FoundSpan, GuardReport, TurnPlace

_NESTED = (TurnPlace, GuardReport, FoundSpan)


def strategy_of(kind: object) -> st.SearchStrategy[typing.Any]:
    """Return values of a field's type; an unknown type is an error, so that the closed set stays closed."""
    if typing.get_origin(kind) in (types.UnionType, typing.Union):
        return st.one_of([strategy_of(part) for part in typing.get_args(kind)])
    if typing.get_origin(kind) is tuple:
        return st.lists(strategy_of(typing.get_args(kind)[0]), max_size=3).map(tuple)
    if isinstance(kind, typing.NewType):
        return st.binary(min_size=32, max_size=32).map(bytes.hex)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return st.sampled_from(list(kind))
    if kind in _NESTED:
        hints = typing.get_type_hints(kind)
        return st.builds(kind, **{field.name: strategy_of(hints[field.name]) for field in fields(kind)})
    simple: dict[object, st.SearchStrategy[typing.Any]] = {
        str: st.text(max_size=200),
        int: st.integers(0, 2**53 - 1),
        bool: st.booleans(),
        UUID: st.uuids(),
        types.NoneType: st.none(),
    }
    return simple[kind]


def events_of(kind: type[Event]) -> st.SearchStrategy[Event]:
    """Return events of one type."""
    hints = typing.get_type_hints(kind)
    return st.builds(kind, **{field.name: strategy_of(hints[field.name]) for field in fields(kind)})


any_event: st.SearchStrategy[Event] = st.sampled_from(EVENT_TYPES).flatmap(events_of)
