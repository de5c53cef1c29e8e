"""Notes, keys and cosignatures against the examples of their documents and of the Go implementation."""

from __future__ import annotations

import base64
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.audit.seals.checkpoint import (
    Algorithm,
    Checkpoint,
    NoteError,
    NoteKey,
    SecretNoteKey,
    check_signatures,
    open_note,
    parse_signature,
    split_note,
)

# Source: golang.org/x/mod/sumdb/note, note_test.go.
VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
SKEY = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
LINE = "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
NOTE = f"{TEXT}\n{LINE}"

# Source: https://c2sp.org/tlog-cosignature. Its keys are not published: only the form can be compared.
SOFA_TEXT = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
SOFA_LOG = (
    "— example.com/behind-the-sofa "
    "Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
)
SOFA_WITNESS = (
    "— witness.example.com/w1 "
    "jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
)

# Source: transparency-dev/tessera, append_lifecycle_test.go: a witness's keys.
WITNESS_VKEY = "Wit1+55ee4561+AVhZSmQj9+SoL+p/nN0Hh76xXmF7QcHfytUrI1XfSClk"
WITNESS_SKEY = "PRIVATE+KEY+Wit1+55ee4561+AeadRiG7XM4XiieCHzD8lxysXMwcViy5nYsoXURWGrlE"

SECRET = SecretNoteKey.parse(SKEY)


def test_the_published_note_is_made_byte_for_byte_and_opens() -> None:
    assert SECRET.sign_note(TEXT) == NOTE
    assert open_note(NOTE, [NoteKey.parse(VKEY)]) == TEXT


@pytest.mark.parametrize("vkey", [VKEY, WITNESS_VKEY])
def test_published_keys_are_written_as_they_were_read(vkey: str) -> None:
    assert str(NoteKey.parse(vkey)) == vkey


@pytest.mark.parametrize(("skey", "vkey"), [(SKEY, VKEY), (WITNESS_SKEY, WITNESS_VKEY)])
def test_published_private_keys_have_their_public_ones(skey: str, vkey: str) -> None:
    key = SecretNoteKey.parse(skey)
    assert str(key.public) == vkey
    assert key.reveal() == skey
    assert skey[-20:] not in repr(key)


@given(begin=st.integers(0, len(VKEY)), end=st.integers(0, len(VKEY)), place=st.integers(0, len(VKEY) - 1))
def test_a_mangled_key_is_refused(begin: int, end: int, place: int) -> None:
    mangled = [VKEY[:place] + chr(ord(VKEY[place]) + 1) + VKEY[place + 1 :]]
    if (begin, end) != (0, len(VKEY)):
        mangled.append(VKEY[begin:end])
    for vkey in mangled:
        with pytest.raises(NoteError):
            NoteKey.parse(vkey)


@pytest.mark.parametrize(
    "vkey",
    [
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        f"{VKEY}=",
        VKEY.replace("PeterNeumann", "Peter Neumann"),
        "",
    ],
)
def test_published_keys_that_are_none(vkey: str) -> None:
    with pytest.raises(NoteError):
        NoteKey.parse(vkey)


@given(place=st.integers(0, len(SKEY) - 1))
def test_a_mangled_private_key_is_refused_and_not_told(place: int) -> None:
    mangled = SKEY[:place] + chr(ord(SKEY[place]) + 1) + SKEY[place + 1 :]
    with pytest.raises(NoteError) as caught:
        SecretNoteKey.parse(mangled)
    assert SKEY[-20:] not in str(caught.value)


@given(place=st.integers(0, len(NOTE.encode()) - 1), change=st.integers(1, 255))
def test_a_note_with_one_byte_changed_does_not_open(place: int, change: int) -> None:
    raw = bytearray(NOTE.encode())
    raw[place] ^= change
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return
    with pytest.raises(NoteError):
        open_note(text, [NoteKey.parse(VKEY)])


@pytest.mark.parametrize(
    "note",
    [  # after the table of malformed notes in note_test.go
        TEXT,
        TEXT + LINE,
        f"{TEXT}\n{LINE.rstrip()}",
        f"{TEXT}\n{LINE}\n",
        f"{TEXT}\n\n",
        f"{TEXT}\n{LINE.replace('— ', '- ')}",
        f"{TEXT}\n{LINE.replace(' x08', ' x0 8')}",
        f"{TEXT}\n— PeterNeumann x08g\n",
        f"{TEXT}\n{LINE.replace('AM=', 'AN=')}",
        f"{TEXT}\n{LINE.replace('Peter', 'Peter+')}",
        f"{TEXT}\x01\n\n{LINE}",
        f"{TEXT}\n{LINE * 65}",
    ],
)
def test_malformed_notes_are_refused(note: str) -> None:
    with pytest.raises(NoteError):
        open_note(note, [NoteKey.parse(VKEY)])


def test_lines_of_others_are_passed_over_and_a_false_line_of_a_known_key_is_not() -> None:
    other = SecretNoteKey.make("EnochRoot")
    both = NOTE + other.sign_note(TEXT).rpartition("\n\n")[2]
    assert open_note(both, [NoteKey.parse(VKEY)]) == TEXT
    assert open_note(both, [other.public]) == TEXT
    with pytest.raises(NoteError, match="No known key"):
        open_note(NOTE, [other.public])
    false = f"{TEXT}\n— EnochRoot {base64.b64encode(other.public.id + bytes(64)).decode()}\n{LINE}"
    with pytest.raises(NoteError, match="is not by it"):
        open_note(false, [NoteKey.parse(VKEY), other.public])


def test_a_text_may_hold_empty_lines_and_letters_of_any_language() -> None:
    text = "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n"
    assert open_note(SECRET.sign_note(text), [SECRET.public]) == text
    for broken in ("no end", "tab\t\n", ""):
        with pytest.raises(NoteError):
            SECRET.sign_note(broken)


def test_the_published_checkpoint_is_read_and_written() -> None:
    text, signatures = split_note(f"{SOFA_TEXT}\n{SOFA_LOG}{SOFA_WITNESS}")
    checkpoint = Checkpoint.parse(text)
    assert (checkpoint.origin, checkpoint.size, checkpoint.root[:2].hex()) == (
        "example.com/behind-the-sofa",
        20852163,
        "0ac5",
    )
    assert checkpoint.text == SOFA_TEXT
    assert [signature.line for signature in signatures] == [SOFA_LOG, SOFA_WITNESS]


def test_the_published_cosignature_has_its_time() -> None:
    signature = parse_signature(SOFA_WITNESS.rstrip("\n"))
    assert signature.key_id.hex() == "8d66cf3f"
    assert int.from_bytes(signature.blob[:8], "big") == 1679315147
    assert len(signature.blob) == 72


def test_a_cosignature_is_over_the_published_message() -> None:
    witness = SecretNoteKey.parse(WITNESS_SKEY)
    signature = parse_signature(witness.cosign(SOFA_TEXT, 1679315147).rstrip("\n"))
    message = f"cosignature/v1\ntime 1679315147\n{SOFA_TEXT}".encode()
    assert witness.public.has_signed(message, signature.blob[8:])
    assert signature.key_id == sha256(b"Wit1\n\x04" + witness.public.public).digest()[:4]
    assert check_signatures(SOFA_TEXT, [signature], [witness.witness]) == {"Wit1": 1679315147}
    assert NoteKey.parse(str(witness.witness)).algorithm is Algorithm.COSIGNATURE
    assert check_signatures(SOFA_TEXT, [signature], [witness.public]) == {}  # a log's key of that name is another key
    for text, seconds in ((SOFA_TEXT.replace("20852163", "20852164"), 0), (SOFA_TEXT, 1)):
        moved = (int.from_bytes(signature.blob[:8], "big") + seconds).to_bytes(8, "big") + signature.blob[8:]
        with pytest.raises(NoteError, match="is not by it"):
            check_signatures(text, [type(signature)(signature.name, signature.key_id, moved)], [witness.witness])
    for blob in (signature.blob[:-1], b"\xff" * 8 + signature.blob[8:], b""):
        with pytest.raises(NoteError, match="is not by it"):
            check_signatures(SOFA_TEXT, [type(signature)(signature.name, signature.key_id, blob)], [witness.witness])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "origin\n1\n",
        f"origin\n01\n{base64.b64encode(bytes(32)).decode()}\n",
        f"origin\n-1\n{base64.b64encode(bytes(32)).decode()}\n",
        f"origin\n٣\n{base64.b64encode(bytes(32)).decode()}\n",
        f"origin\n1\n{base64.b64encode(bytes(31)).decode()}\n",
        f"\n1\n{base64.b64encode(bytes(32)).decode()}\n",
        f"origin\n1\n{base64.b64encode(bytes(32)).decode()}",
        f"origin\n1\n{base64.b64encode(bytes(32)).decode()}\n\nmore\n",
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(NoteError):
        Checkpoint.parse(text)


def test_further_lines_of_a_checkpoint_are_let_pass() -> None:
    assert Checkpoint.parse(f"{SOFA_TEXT}more\n").size == 20852163


@given(size=st.integers(0, 2**60), root=st.binary(min_size=32, max_size=32))
def test_every_checkpoint_comes_back_as_it_went(size: int, root: bytes) -> None:
    checkpoint = Checkpoint("cloister/x", size, root)
    note = SECRET.sign_note(checkpoint.text)
    assert Checkpoint.parse(open_note(note, [SECRET.public])) == checkpoint
