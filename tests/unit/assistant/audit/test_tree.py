"""The tree against published vectors, and against a naive implementation on trees of any size."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.audit.seals.tree import (
    EMPTY_ROOT,
    TILE_WIDTH,
    Tree,
    consistency_proof,
    full_tiles,
    inclusion_proof,
    is_consistent,
    is_included,
    perfect_root,
    range_nodes,
    root_of,
    split_hashes,
    tile_of_node,
    tile_path,
)
from tests.unit.assistant.audit import naive_tree

# Source: google/certificate-transparency, cpp/merkletree/merkle_tree_test.cc; transparency-dev/merkle, testonly.
VECTOR_LEAVES = tuple(
    naive_tree.leaf(bytes.fromhex(data))
    for data in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
)
VECTOR_ROOTS = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
VECTOR_PATHS = {  # leaf from 0, size
    (0, 1): (),
    (0, 8): (
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ),
    (5, 8): (
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ),
    (2, 3): ("fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",),
    (1, 5): (
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ),
}
VECTOR_PROOFS = {  # old size, new size
    (1, 1): (),
    (1, 8): VECTOR_PATHS[(0, 8)],
    (6, 8): (
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ),
    (2, 5): (
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ),
}

MANY = tuple(naive_tree.leaf(number.to_bytes(4, "big")) for number in range(70_000))
sizes = st.integers(0, 700)


def reader(leaves: Sequence[bytes]) -> Callable[[int, int], bytes]:
    def read_node(level: int, index: int) -> bytes:
        begin, end = index << level, index + 1 << level
        assert end <= len(leaves)
        return perfect_root(leaves[begin:end])

    return read_node


def grown(leaves: Sequence[bytes]) -> Tree:
    tree = Tree()
    tree.extend(leaves)
    return tree


def hexed(hashes: Sequence[bytes]) -> tuple[str, ...]:
    return tuple(each.hex() for each in hashes)


@pytest.mark.parametrize("size", range(9))
def test_published_roots(size: int) -> None:
    assert grown(VECTOR_LEAVES[:size]).root().hex() == VECTOR_ROOTS[size]
    assert root_of(size, reader(VECTOR_LEAVES)).hex() == VECTOR_ROOTS[size]


@pytest.mark.parametrize(("place", "size"), VECTOR_PATHS)
def test_published_inclusion_proofs(place: int, size: int) -> None:
    proof = inclusion_proof(place, size, reader(VECTOR_LEAVES))
    assert hexed(proof) == VECTOR_PATHS[(place, size)]
    assert is_included(place, size, VECTOR_LEAVES[place], proof, bytes.fromhex(VECTOR_ROOTS[size]))


@pytest.mark.parametrize(("old", "new"), VECTOR_PROOFS)
def test_published_consistency_proofs(old: int, new: int) -> None:
    proof = consistency_proof(old, new, reader(VECTOR_LEAVES))
    assert hexed(proof) == VECTOR_PROOFS[(old, new)]
    assert is_consistent(old, new, proof, bytes.fromhex(VECTOR_ROOTS[old]), bytes.fromhex(VECTOR_ROOTS[new]))


@pytest.mark.parametrize(
    ("number", "width", "path"),
    [  # Source: https://c2sp.org/tlog-tiles
        (0, 256, "tile/0/000"),
        (273, 112, "tile/0/273.p/112"),
        (1_234_067, 256, "tile/0/x001/x234/067"),
        (1_234_067, 1, "tile/0/x001/x234/067.p/1"),
        (999, 256, "tile/0/999"),
        (1_000, 256, "tile/0/x001/000"),
    ],
)
def test_published_paths_of_tiles(number: int, width: int, path: str) -> None:
    assert tile_path(0, number, width) == path


def test_the_example_of_the_tiles_document() -> None:
    """A tree of 70,000 leaves: 273 full tiles and 112 hashes, then 1 and 17, then 1 (https://c2sp.org/tlog-tiles)."""
    tree = Tree()
    tiles = tree.extend(MANY)
    assert list(full_tiles(70_000)) == [(0, 273), (1, 1)]
    assert sorted((tile.level, tile.number) for tile in tiles) == [*((0, number) for number in range(273)), (1, 0)]
    assert [len(edge) for edge in tree._edges] == [112, 17, 1]
    assert tree.root() == naive_tree.head(MANY)
    for tile in tiles[::50]:
        assert tile.data == naive_tree.tile(tile.level, tile.number, MANY)
    assert tiles[-1].path == "tile/0/272"
    (upper,) = (tile for tile in tiles if tile.level == 1)
    assert upper.data == naive_tree.tile(1, 0, MANY)


@given(size=sizes, cuts=st.lists(sizes, max_size=4))
def test_a_tree_is_the_same_however_it_grew(size: int, cuts: list[int]) -> None:
    tree, tiles, begin = Tree(), [], 0
    for end in (*sorted(cut for cut in cuts if cut < size), size):
        tiles += tree.extend(MANY[begin:end])
        tree = Tree.of_edges(tree.size, tree._edges)  # a process ended and another one went on
        begin = end
    assert tree.size == size
    assert tree.root() == naive_tree.head(MANY[:size]) == root_of(size, reader(MANY))
    assert [(tile.level, tile.number) for tile in tiles] == [(0, number) for number in range(size // TILE_WIDTH)]
    assert b"".join(tile.data for tile in tiles) == b"".join(MANY[: size - size % TILE_WIDTH])
    assert tree.edge == MANY[size - size % TILE_WIDTH : size]


@given(data=st.data(), size=st.integers(1, 700))
def test_inclusion_proofs_are_those_of_the_definition(data: st.DataObject, size: int) -> None:
    place = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(place, size, reader(MANY))
    root = naive_tree.head(MANY[:size])
    assert proof == naive_tree.path(place, MANY[:size])
    assert is_included(place, size, MANY[place], proof, root)
    assert not is_included(place, size, MANY[place + 1], proof, root)
    assert not is_included(place, size, MANY[place], [*proof, root], root)
    assert not is_included(place, size, MANY[place], proof, MANY[0] if size > 1 else EMPTY_ROOT)
    if proof:
        assert not is_included(place, size, MANY[place], proof[:-1], root)
        broken = data.draw(st.integers(0, len(proof) - 1))
        assert not is_included(place, size, MANY[place], [*proof[:broken], bytes(32), *proof[broken + 1 :]], root)
    wrong = data.draw(st.integers(0, size - 1))
    assert is_included(wrong, size, MANY[place], proof, root) == (wrong == place)


@given(data=st.data(), new=st.integers(1, 700))
def test_consistency_proofs_are_those_of_the_definition(data: st.DataObject, new: int) -> None:
    old = data.draw(st.integers(1, new))
    proof = consistency_proof(old, new, reader(MANY))
    old_root, new_root = naive_tree.head(MANY[:old]), naive_tree.head(MANY[:new])
    assert proof == naive_tree.proof(old, MANY[:new])
    assert is_consistent(old, new, proof, old_root, new_root)
    assert not is_consistent(old, new, proof, bytes(32), new_root)
    assert not is_consistent(old, new, proof, old_root, bytes(32))
    assert not is_consistent(old, new, [*proof, new_root], old_root, new_root)
    if proof:
        assert not is_consistent(old, new, proof[:-1], old_root, new_root)
        broken = data.draw(st.integers(0, len(proof) - 1))
        assert not is_consistent(old, new, [*proof[:broken], bytes(32), *proof[broken + 1 :]], old_root, new_root)


@given(begin=sizes, length=sizes)
def test_a_range_is_covered_by_perfect_subtrees_without_gap(begin: int, length: int) -> None:
    end = begin + length
    for level, index in range_nodes(begin, end):
        assert index << level == begin
        begin += 1 << level
    assert begin == end


@settings(max_examples=50)
@given(level=st.integers(0, 40), index=st.integers(0, 10**6))
def test_a_nodes_hashes_lie_in_one_tile(level: int, index: int) -> None:
    tile_level, number, begin, end = tile_of_node(level, index)
    assert 0 <= begin < end <= TILE_WIDTH
    assert (number * TILE_WIDTH + begin) * 256**tile_level == index << level
    assert (number * TILE_WIDTH + end) * 256**tile_level == index + 1 << level


def test_what_no_tree_has_is_refused() -> None:
    for place, size in ((0, 0), (5, 5), (-1, 5)):
        with pytest.raises(ValueError, match="has no leaf"):
            inclusion_proof(place, size, reader(MANY))
        assert not is_included(place, size, MANY[0], [], MANY[0])
    for old, new in ((0, 1), (2, 1)):
        with pytest.raises(ValueError, match="no proof"):
            consistency_proof(old, new, reader(MANY))
        assert not is_consistent(old, new, [], MANY[0], MANY[1])
    for size, edges in ((3, [[MANY[0]]]), (256, [[]]), (1, [])):
        with pytest.raises(ValueError, match="does not have these edges"):
            Tree.of_edges(size, edges)
    with pytest.raises(ValueError, match="no whole number"):
        split_hashes(bytes(33))
