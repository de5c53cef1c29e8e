"""Check an export of a Cloister audit log: one file of standard-library Python, for a machine without Cloister.

    python3 -I -S verify.py export.zip --key 'cloister/…+…+…' [--witness 'name+…+…']

Exit status: 0 everything fits, 1 something was changed, 2 it could not be checked. Take this file and the log's first
public key from a source of your own, not from whoever gave you the export.

Source: RFC 6962 section 2.1 (tree), RFC 8032 section 5.1 (Ed25519), https://c2sp.org/signed-note and
https://c2sp.org/tlog-cosignature.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import re
import sys
import zipfile
from collections.abc import Iterator
from typing import IO, Any

SOUND, BROKEN, COULD_NOT_CHECK, FORMAT = 0, 1, 2, "cloister-audit-export/1"
FILES = ["checkpoint", "events.jsonl", "keys.json", "manifest.json", "proof.bin", "verify.py"]
SMALL_FILES, MOST_SMALL_FILE_BYTES, MOST_LINE_BYTES = ("checkpoint", "keys.json", "manifest.json"), 1 << 24, 1 << 16
LINE = re.compile(rb'\{"leaf":(0|[1-9][0-9]{0,17}),"event":(\{.*\})\}\n')
SIGNATURE = re.compile("— ([^ +]+) ([A-Za-z0-9+/=]+)")
SAME = ("thread_id", "turn_id", "rule", "model", "host", "persona")  # asked for and said in the same words
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
X, Y = 15112221349535400772501151409588531511454012693041857206046113283949847762202, 4 * pow(5, P - 2, P) % P
BASE = (X, Y, 1, X * Y % P)
Point = tuple[int, int, int, int]  # in extended coordinates
Key = tuple[str, bytes, bytes]  # name and id of a key, then the public key or the signature itself


class ChangedError(Exception):
    """Something in the export is not what was sealed, or was left out or added."""


def add(a: Point, b: Point) -> Point:
    """Return the sum of two points."""
    x, y = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    z, w = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = y - x, w - z, w + z, y + x
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def multiply(factor: int, point: Point) -> Point:
    """Return a multiple of a point."""
    total = (0, 1, 1, 0)
    while factor:
        if factor & 1:
            total = add(total, point)
        point, factor = add(point, point), factor >> 1
    return total


def read_point(raw: bytes) -> Point | None:
    """Return the point that 32 bytes stand for; None where they stand for none."""
    sign, y = divmod(int.from_bytes(raw, "little"), 1 << 255)
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x * pow(2, (P - 1) // 4, P) % P if (x * x - square) % P else x  # by the root of minus one
    if y >= P or (x * x - square) % P or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    return (x, y, 1, x * y % P)


def has_signed(public: bytes, message: bytes, signature: bytes) -> bool:
    """Tell whether an Ed25519 key signed a message."""
    if len(public) != 32 or len(signature) != 64:
        return False
    key, r, s = read_point(public), read_point(signature[:32]), int.from_bytes(signature[32:], "little")
    if key is None or r is None or s >= L:
        return False
    digest = hashlib.sha512(signature[:32] + public + message).digest()
    left, right = multiply(s, BASE), add(r, multiply(int.from_bytes(digest, "little") % L, key))
    return not ((left[0] * right[2] - right[0] * left[2]) % P or (left[1] * right[2] - right[1] * left[2]) % P)


def decode(text: str) -> bytes:
    """Return the bytes of a Base64 text in the one spelling that it can have."""
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError:
        raw = b""
    if not raw or base64.b64encode(raw).decode() != text:
        raise ChangedError("A key, hash or signature is not spelled as Base64 must be.")
    return raw


def parse_key(text: str, kind: int) -> Key:
    """Return a key that is spelled `name+id+base64`; kind 1 is a log's, 4 a witness's."""
    name, key_id, material = (*text.split("+", 2), "", "")[:3]
    raw = decode(material)
    expected = hashlib.sha256(name.encode() + b"\n" + raw).digest()[:4]
    if raw[0] != kind or len(raw) != 33 or expected.hex() != key_id:
        raise ChangedError(f"{text!a} is no key of this kind, or a character of it is wrong.")
    return name, expected, raw[1:]


def parse_note(note: str) -> tuple[str, list[Key]]:
    """Return the text that is signed, and its signatures."""
    text, gap, tail = note.rpartition("\n\n")
    found = [match for match in map(SIGNATURE.fullmatch, tail[:-1].split("\n")) if match]
    if not gap or not tail.endswith("\n") or len(found) != tail.count("\n"):
        raise ChangedError("The checkpoint is no signed note.")
    return text + "\n", [(line[1], decode(line[2])[:4], decode(line[2])[4:]) for line in found]


def count_signatures(text: str, signatures: list[Key], key: Key, *, is_witness: bool) -> int:
    """Return how often a key signed; a line in its name that is not by it is refused."""
    found = [blob for name, key_id, blob in signatures if (name, key_id) == key[:2]]
    for blob in found:
        time = int.from_bytes(blob[:8], "big")
        message = f"cosignature/v1\ntime {time}\n{text}" if is_witness else text
        if not has_signed(key[2], message.encode(), blob[8:] if is_witness else blob):
            raise ChangedError(f"A signature names the key of {key[0]!a} and is not by it.")
    return len(found)


def is_announced(old: str, data: Any) -> bool:
    """Tell whether a key announces another one of the same log."""
    try:
        new, (name, _, public) = data["new_key"], parse_key(old, 1)
        is_of_both = new != old == data["old_key"] and parse_key(new, 1)[0] == name
        return is_of_both and has_signed(
            public, f"cloister audit key\n{old}\n{new}\n".encode(), decode(data["signature"])
        )
    except (ChangedError, LookupError, TypeError, AttributeError):
        return False


def follow(first: str, announcements: list[tuple[int, Any]], size: int, listed: list[Any]) -> Key:
    """Return the key that signs a log of this size: the first one, or one that events of the log announce."""
    keys: list[tuple[str, int | None]] = [(first, None)]
    for leaf, data in announcements:
        if is_announced(keys[-1][0], data):  # anybody may write such an event; only the key before can sign it
            keys.append((data["new_key"], leaf))
    if [(entry["key"], entry["announced_by_leaf"]) for entry in listed] != keys:
        raise ChangedError("The list of keys is not what the events announce, or begins with another key than yours.")
    # The batch that has an announcement is still signed by the key before it.
    is_last_of_old = len(keys) > 1 and listed[-1]["after_size"] == size
    return parse_key(keys[-2][0] if is_last_of_old else keys[-1][0], 1)


class Tree:
    """A Merkle tree that grows from the left, by leaves or by the roots of whole subtrees."""

    def __init__(self) -> None:
        self.size, self.nodes = 0, list[tuple[int, bytes]]()

    def push(self, level: int, node: bytes) -> None:
        """Add the root of the next 2^level leaves."""
        self.size += 1 << level
        while self.nodes and self.nodes[-1][0] == level:
            node, level = hashlib.sha256(b"\x01" + self.nodes.pop()[1] + node).digest(), level + 1
        self.nodes.append((level, node))

    def skip(self, end: int, proof: IO[bytes]) -> None:
        """Take what lies before a leaf from the proof."""
        while self.size < end:
            low = (self.size & -self.size).bit_length() or 64  # the largest subtree that may begin here
            level = min((end - self.size).bit_length(), low) - 1
            node = proof.read(32)
            if len(node) != 32:
                raise ChangedError("The proof ends too early.")
            self.push(level, node)

    def root(self) -> bytes:
        """Return the root over everything."""
        node = self.nodes[-1][1] if self.nodes else hashlib.sha256().digest()
        for _, left in reversed(self.nodes[:-1]):
            node = hashlib.sha256(b"\x01" + left + node).digest()
        return node


def fits(leaf: int, event: Any, query: Any) -> bool:
    """Tell whether an event was asked for; those that announce keys belong to every export."""
    if event["type"] == "key:rotated":
        return True
    if "leaves" in query:
        return bool(query["leaves"][0] <= leaf < query["leaves"][1])
    turn, data = event.get("turn_id"), event.get("data") or {}
    return (
        query.get("person_id", event.get("actor")) in (event.get("actor"), event.get("subject"))
        and event["type"] in query.get("types", [event["type"]])
        and (turn or "").endswith(query.get("turn_tail", ""))
        and (turn in query.get("turn_ids", [turn]) or ("case_id" in query and data.get("case_id") == query["case_id"]))
        and all(event.get(name) == query[name] for name in SAME if name in query)
        and not event.get("actor") != query.get("without_person", ()) == event.get("subject")
        and query.get("since", "") <= event["at"] < query.get("until", "after every time")
    )


def check_events(export: zipfile.ZipFile, manifest: Any) -> tuple[bytes, list[tuple[int, Any]], list[list[int]]]:
    """Check every event; return the root that they lead to, the keys that they announce, and the runs of leaves."""
    tree, query = Tree(), manifest["query"]
    ids, announcements, runs = set[str](), list[tuple[int, Any]](), list[list[int]]()
    with export.open("events.jsonl") as events, export.open("proof.bin") as proof:
        while line := events.readline(MOST_LINE_BYTES):
            match = LINE.fullmatch(line)
            if not match or not tree.size <= int(match[1]) < manifest["size"]:
                raise ChangedError(f"Line {len(ids) + 1} of the events is none, or stands twice or in another place.")
            leaf, event = int(match[1]), json.loads(match[2])
            if event["id"] in ids or not fits(leaf, event, query):
                raise ChangedError(f"The event at leaf {leaf} is there twice, or was not asked for.")
            ids.add(event["id"])
            if event["type"] == "key:rotated":
                announcements.append((leaf, event.get("data")))
            if not runs or runs[-1][1] != leaf:
                runs.append([leaf, leaf])
            runs[-1][1] = leaf + 1
            tree.skip(leaf, proof)
            tree.push(0, hashlib.sha256(b"\x00" + match[2]).digest())
        tree.skip(manifest["size"], proof)
        if proof.read(1):
            raise ChangedError("The proof has more hashes than it needs.")
    return tree.root(), announcements, runs


def check_extent(manifest: Any, runs: list[list[int]]) -> None:
    """Refuse an export that counts wrongly, or that calls itself complete and is not."""
    extent = [runs[0][0], runs[-1][1]] if runs else [0, 0]
    if [sum(end - begin for begin, end in runs), extent] != [manifest["events"], manifest["extent"]]:
        raise ChangedError("The manifest counts other events than there are.")
    if "leaves" in manifest["query"]:
        at, end = manifest["query"]["leaves"]
        for run in sorted(runs + manifest["dropped"]):
            at = max(at, run[1]) if run[0] <= at else at
        if at < end:
            raise ChangedError(f"The export says that it is complete up to leaf {end - 1}, and leaf {at} is missing.")
        if not 0 <= manifest["query"]["leaves"][0] <= end <= manifest["size"]:
            raise ChangedError("The export says that it is complete where the log has no leaves.")


def check(export: zipfile.ZipFile, key: str | None, witnesses: list[str]) -> Iterator[str]:
    """Check an export, and yield what it proves in sentences; raise ChangedError where it does not fit."""
    if sorted(export.namelist()) != FILES or {each.compress_type for each in export.infolist()} - {0, 8}:
        raise ChangedError("The export has not the files that it must have, each once, stored or deflated.")
    # Whatever the zip says of their size: it may lie, and be small and endless.
    note, listed, manifest = (export.open(name).read(MOST_SMALL_FILE_BYTES) for name in SMALL_FILES)
    (text, signatures), listed, manifest = parse_note(note.decode()), json.loads(listed), json.loads(manifest)
    head = [manifest["log"], str(manifest["size"]), manifest["root"]]
    if text.split("\n")[:3] != head or manifest["format"] != FORMAT:
        raise ChangedError("The manifest speaks of another checkpoint, or is of another version.")
    root, announcements, runs = check_events(export, manifest)
    if base64.b64encode(root).decode() != manifest["root"]:
        raise ChangedError("The events do not lead to the root that was signed: an event or the proof was changed.")
    signer = follow(key or listed[0]["key"], announcements, manifest["size"], listed)
    if signer[0] != manifest["log"] or not count_signatures(text, signatures, signer, is_witness=False):
        raise ChangedError("The key that the log had then has not signed the checkpoint.")
    for name in witnesses:
        if not count_signatures(text, signatures, parse_key(name, 4), is_witness=True):
            raise ChangedError(f"The witness {name!a} has not cosigned the checkpoint.")
    check_extent(manifest, runs)
    yield f"{manifest['events']} events of the log {manifest['log']!a}. Asked for because: {manifest['reason']!a}"
    yield f"Proved: each stands in the log at its leaf as it was sealed; the log had {manifest['size']} events."
    if "leaves" in manifest["query"]:
        leaves, dropped = manifest["query"]["leaves"], manifest["dropped"]
        yield f"Proved: complete from the first of leaves {leaves} to before the last, but for {dropped}."
        yield from [f"Not proved: that retention dropped {dropped}. Have the log itself verified."] * bool(dropped)
    else:
        yield "Not proved: that there are no others. A filtered export proves that these events are in the log."
    yield from ["Not proved: who the people are. The log says who was allowed to see names."] * ("people" in manifest)
    if not key:
        yield "WARNING: the key came with the export. Who forges one can forge the other: pass --key from your records."
    yield f"Of {len(signatures) - 1} cosignatures, {len(set(witnesses))} are by witnesses that you named."
    yield "Not proved: that the events tell the truth, or that nobody sealed another log with a stolen key."
    yield "The export is sound."


def main() -> int:
    """Check what the command line names."""
    parser = argparse.ArgumentParser(description="Check an export of a Cloister audit log.")
    parser.add_argument("export", help="the zip file")
    parser.add_argument("--key", help="the log's first public key, from your own records")
    parser.add_argument("--witness", action="append", default=[], help="the public key of a witness; repeatable")
    options = parser.parse_args()
    try:
        for text, kind in [(options.key, 1)][: bool(options.key)] + [(each, 4) for each in options.witness]:
            parse_key(text, kind)
        export = zipfile.ZipFile(options.export)
    except Exception as error:  # noqa: BLE001 - whatever else lies there makes of the parser
        print(f"Could not be checked: {error}", file=sys.stderr)
        return COULD_NOT_CHECK
    try:
        print("\n".join(check(export, options.key, options.witness)))
    except Exception as error:  # noqa: BLE001 - whatever a changed file does to the parsers
        said = str(error) if isinstance(error, ChangedError) else f"It cannot be read ({type(error).__name__})."
        print(f"CHANGED: {said}", file=sys.stderr)
        return BROKEN
    return SOUND


if __name__ == "__main__":
    sys.exit(main())
