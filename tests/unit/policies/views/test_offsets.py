from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from policies.views.offsets import Offsets

# How a view was made: pieces of (bytes written, characters of the origin that they stand for, is one to one).
PIECES = st.lists(
    st.one_of(
        st.integers(1, 5).map(lambda size: (size, size, 1)),  # kept as it was
        st.integers(1, 3).map(lambda count: (count, 3 * count, 3)),  # `%41%42`
        st.integers(1, 4).map(lambda size: (size, 1, 0)),  # one character that became several bytes
        st.integers(1, 4).map(lambda size: (0, size, 1)),  # left out
    ),
    max_size=12,
)


def written(pieces: list[tuple[int, int, int]]) -> tuple[Offsets, list[tuple[int, int]], int]:
    """Return offsets, and what they must say: the source of every byte; and the length of the origin."""
    offsets, origin = Offsets(), 0
    sources: list[tuple[int, int]] = []
    for size, chars, stride in pieces:
        if size:
            offsets.add(len(sources), origin, stride)
            for number in range(size):
                begin = origin + number * stride
                sources.append((begin, begin + max(stride, 1)))
        origin += chars
        offsets.add(len(sources), origin, 1)
    return offsets, sources, origin


@given(pieces=PIECES)
def test_every_byte_has_its_own_source(pieces: list[tuple[int, int, int]]) -> None:
    offsets, sources, _ = written(pieces)
    assert [(offsets.first(place), offsets.behind(place)) for place in range(len(sources))] == sources


@given(pieces=PIECES)
def test_the_way_back_finds_the_first_byte_that_comes_from_there_or_later(pieces: list[tuple[int, int, int]]) -> None:
    offsets, sources, length = written(pieces)
    end = len(sources)
    for origin in range(length + 1):
        expected = next((place for place in range(end) if sources[place][0] >= origin), end)
        assert offsets.place_of(origin, end) == expected


@given(pieces=PIECES, data=st.data())
def test_what_is_forgotten_does_not_change_the_rest(pieces: list[tuple[int, int, int]], data: st.DataObject) -> None:
    offsets, sources, _ = written(pieces)
    place = data.draw(st.integers(0, len(sources)))
    offsets.forget(place)
    rest = range(place, len(sources))
    assert [(offsets.first(at), offsets.behind(at)) for at in rest] == sources[place:]
