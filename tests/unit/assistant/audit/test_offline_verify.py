"""The file for outsiders: its Ed25519 against published vectors and against another implementation."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.audit.exports.offline.verify import L, Tree, has_signed, read_point
from assistant.audit.seals.tree import Tree as OurTree
from assistant.audit.seals.tree import range_nodes

# RFC 8032 section 7.1: public key, message, signature.
VECTORS = (
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe"
            "24655141438e7a100b"
        ),
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302a"
            "eeb00d291612bb0c00"
        ),
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        (
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed2"
            "8dc027beceea1ec40a"
        ),
    ),
)


@pytest.mark.parametrize("vector", VECTORS)
def test_published_signatures_hold_and_none_that_differs_in_a_bit(vector: tuple[str, str, str]) -> None:
    public, message, signature = map(bytes.fromhex, vector)
    assert has_signed(public, message, signature)
    for place in range(0, 512, 7):
        changed = bytearray(signature)
        changed[place // 8] ^= 1 << place % 8
        assert not has_signed(public, message, bytes(changed))
    assert not has_signed(public, message + b"x", signature)


def test_a_signature_has_one_form_only() -> None:
    """Source: RFC 8032 section 5.1.7: s is below the order of the group."""
    public, message, signature = map(bytes.fromhex, VECTORS[0])
    larger = int.from_bytes(signature[32:], "little") + L
    assert not has_signed(public, message, signature[:32] + larger.to_bytes(32, "little"))
    assert not has_signed(public, message, signature + b"x")
    assert read_point((2**255 - 19).to_bytes(32, "little")) is None  # zero, spelled in a second way
    assert read_point((2**255 + 1).to_bytes(32, "little")) is None  # minus zero


@settings(max_examples=20, deadline=None)
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=200))
def test_the_signatures_of_another_implementation_hold(seed: bytes, message: bytes) -> None:
    key = Ed25519PrivateKey.from_private_bytes(seed)
    public = key.public_key().public_bytes_raw()
    assert has_signed(public, message, key.sign(message))
    assert not has_signed(public, message + b"x", key.sign(message))


@given(st.integers(0, 600), st.sets(st.integers(0, 599)))
def test_gaps_and_leaves_lead_to_the_root_of_all_leaves(size: int, wanted: set[int]) -> None:
    leaves = [bytes([number % 256]) * 32 for number in range(size)]
    whole = OurTree()
    whole.extend(leaves)
    tree, at = Tree(), 0
    for leaf in [*sorted(each for each in wanted if each < size), size]:
        for level, index in range_nodes(at, leaf):
            part = OurTree()
            part.extend(leaves[index << level : index + 1 << level])
            tree.push(level, part.root())
        if leaf < size:
            tree.push(0, leaves[leaf])
        at = leaf + 1
    assert (tree.root(), tree.size) == (whole.root(), size)
