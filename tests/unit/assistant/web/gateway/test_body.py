from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.web.gateway.body import parse_object
from assistant.web.gateway.refusals import GatewayError, UnreadableError

_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
_OBJECTS = st.dictionaries(st.text(), _VALUES, max_size=6)


@given(_OBJECTS, st.booleans())
def test_what_any_client_writes_is_read_as_it_was_meant(value: dict[str, object], is_ascii: bool) -> None:  # noqa: FBT001
    assert parse_object(json.dumps(value, ensure_ascii=is_ascii).encode()) == value


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le"])
@pytest.mark.parametrize(
    "text", ['{"a": 1}', '{"a": "\\ud800"}', '{"a": "\u2200", "b": ' + "[" * 5000 + "]" * 5000 + "}"]
)
def test_an_encoding_is_not_guessed(text: str, encoding: str) -> None:
    with pytest.raises(UnreadableError):
        parse_object(text.encode(encoding))


def test_the_bytes_of_half_a_character_are_none() -> None:
    with pytest.raises(UnreadableError, match="not UTF-8"):
        parse_object(b'{"messages": "\xed\xa0\x80"}')


def test_a_mark_of_byte_order_before_utf_8_says_nothing() -> None:
    assert parse_object(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}


@given(st.binary(max_size=300))
def test_any_bytes_are_an_object_or_refused_in_words(raw: bytes) -> None:
    try:
        value = parse_object(raw)
    except UnreadableError:
        return
    assert value == json.loads(raw.decode("utf-8-sig"))


@pytest.mark.timeout(30)  # a second is enough on a slow machine; quadratic, it takes minutes
@pytest.mark.parametrize("unit", [b"[", b'{"a":', b'"', b'"\\', b"\\", b'"a",', b"[]"])
def test_hostile_bodies_are_refused_in_linear_time(unit: bytes) -> None:
    with pytest.raises(GatewayError):
        parse_object(b'{"x": ' + unit * (800_000 // len(unit)))


def test_depth_counts_brackets_and_not_texts() -> None:
    assert parse_object(b'{"a": "' + b"[" * 1000 + b'"}')
    assert parse_object(b'{"a": ' + b"[" * 15 + b"]" * 15 + b"}")
    with pytest.raises(UnreadableError, match="deeper"):
        parse_object(b'{"a": ' + b"[" * 16 + b"]" * 16 + b"}")


def _depth(value: object) -> int:
    if not isinstance(value, list | dict):
        return 0
    inner = value if isinstance(value, list) else value.values()
    return 1 + max(map(_depth, inner), default=0)


@given(_OBJECTS, st.integers(10, 17))
def test_what_is_not_too_deep_is_read_however_wide_it_is(value: dict[str, object], levels: int) -> None:
    for _ in range(levels):
        value = {"[": [], "a": value, "{": {}}
    raw = json.dumps(value).encode()
    if _depth(value) <= 16:
        assert parse_object(raw) == value
    else:
        with pytest.raises(UnreadableError, match="deeper"):
            parse_object(raw)


@pytest.mark.parametrize("body", [b"[" * 1_000_000, b"[" * 500_000 + b"]" * 500_000, b"]" * 1_000_000])
def test_brackets_keep_nobody_waiting(body: bytes) -> None:
    def seconds_of(run: Callable[[], object]) -> float:
        began = time.thread_time()
        run()
        return time.thread_time() - began

    def refuse() -> None:
        with pytest.raises(UnreadableError):
            parse_object(body)

    counted_singly = min(seconds_of(lambda: sum(byte == 0 for byte in body)) for _ in range(3))
    assert min(seconds_of(refuse) for _ in range(3)) < 3 * counted_singly  # counted one by one: 7 to 12 times


def test_a_field_that_stands_twice_is_named_wherever_it_is() -> None:
    with pytest.raises(UnreadableError, match="'role' stands twice"):
        parse_object(b'{"messages": [{"role": "a", "role": "b"}]}')


def test_among_many_fields_the_one_that_stands_twice_is_found_at_once() -> None:
    names = [*range(30_000), 29_999]
    began = time.process_time()
    with pytest.raises(UnreadableError, match="'29999' stands twice"):
        parse_object(("{" + ",".join(f'"{name}":0' for name in names) + "}").encode())
    assert time.process_time() - began < 2.0
