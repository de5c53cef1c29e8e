"""What somebody with every right on the database server can do to a sealed log, one change each.

Each attack says which check has to see it. `alone`: that check is the only one that does, so that dropping it from the
verifier lets the attack through. `anchor`: nothing inside the database can show it; a checkpoint kept elsewhere does.
"""

# ruff: noqa: S608 - every statement of this file is made of its own constants

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final
from uuid import uuid4

import psycopg
from psycopg import sql

from assistant.audit.events import EgressRefused, KeyRotated
from assistant.audit.record import compose_record, leaf_of, make_event_id
from assistant.audit.seals.checkpoint import SecretNoteKey
from assistant.audit.seals.heads import Head
from assistant.audit.seals.seal_key import SealKeys
from assistant.database import libpq_dsn
from assistant.migrations.migrate import begin_era
from tests.integration.seal_scene import ORIGIN, SealedLog, job, switch


@dataclass(frozen=True)
class Attack:
    """A change, and who sees it."""

    name: str
    change: Callable[[SealedLog], None]
    seen_by: str
    alone: bool = False
    anchor: bool = False
    false_anchor: bool = False  # the checkpoint elsewhere was replaced, too
    leaf: int | None = None  # the first bad one that the report names, where it is always the same


def void(_: object) -> None:
    """Change nothing, or take a result that nobody needs."""


def sql_of(*statements: str) -> Callable[[SealedLog], None]:
    return lambda log: log.execute(*statements)


def nth(number: int) -> str:
    """The id of the event that is leaf `number` of the scene, whose batches end in the order of transactions."""
    return f"(SELECT id FROM audit.event ORDER BY era, xid, id OFFSET {number} LIMIT 1)"


def rewrite(log: SealedLog, number: int, change: Callable[[dict[str, object]], None], *, spell: bool = True) -> bytes:
    """Change the body of an event, its leaf and its columns, so that each fits the others; return the old leaf."""
    with psycopg.connect(libpq_dsn(log.database.owner_url)) as connection:
        switch(connection, "DISABLE")
        row = connection.execute(f"SELECT id, body, leaf FROM audit.event WHERE id = {nth(number)}").fetchone()  # type: ignore[call-overload]
        assert row is not None
        document = json.loads(row[1])
        change(document)
        body = json.dumps(document, sort_keys=True, separators=(",", ":") if spell else (", ", ": ")).encode()
        connection.execute(
            "UPDATE audit.event SET body = %s, leaf = %s, actor = %s, subject = %s WHERE id = %s",
            [body, leaf_of(body), document.get("actor"), document.get("subject"), row[0]],
        )
        switch(connection, "ENABLE ALWAYS")
    return bytes(row[2])


def another_nonce(document: dict[str, object]) -> None:
    document["nonce"] = "0" * 32


def another_person(document: dict[str, object]) -> None:
    document["actor"] = document["subject"] = str(uuid4())


def replace_leaf(log: SealedLog, number: int, old: bytes) -> None:
    """Put the new leaf of an event into the tiles and heads that hold the old one."""
    new = f"(SELECT leaf FROM audit.event WHERE id = {nth(number)})"
    for table, column in (("tile", "data"), ("head", "leaves")):
        place = f"position('\\x{old.hex()}'::bytea IN {column})"
        log.execute(
            f"UPDATE audit.{table} SET {column} = overlay({column} PLACING {new} FROM {place}) WHERE {place} > 0"
        )


def resign(log: SealedLog, batch: int, key: SecretNoteKey, **changes: object) -> None:
    """Sign a head anew, changed, as a thief of a key would."""
    head = replace(log.heads()[batch], **changes)  # type: ignore[arg-type]
    head = replace(head, signature=key.sign(head.signed_bytes()))
    put(log, head)


def put(log: SealedLog, head: Head) -> None:
    with psycopg.connect(libpq_dsn(log.database.owner_url)) as connection:
        switch(connection, "DISABLE")
        connection.execute(
            "UPDATE audit.head SET era = %s, cluster = %s, snapshot = %s, size = %s, sealed_at = %s, note = %s, "
            "signature = %s WHERE batch = %s",
            [
                *(head.era, head.cluster, str(head.snapshot), head.size, head.sealed_at, head.note),
                *(head.signature, head.batch),
            ],
        )
        switch(connection, "ENABLE ALWAYS")


def insert(
    log: SealedLog, *, body: bytes | None = None, connection: psycopg.Connection | None = None, **columns: object
) -> None:
    """Add an event as a superuser may, with any transaction and time."""
    row = compose_record(job(), ORIGIN, time.time_ns())._asdict()
    if body is not None:
        document = json.loads(body)
        row |= {"id": document["id"], "type": document["type"], "body": body, "leaf": leaf_of(body)}
        row |= {name: document.get(name) for name in ("actor", "subject")} | {"occurred_at": document["at"]}
    row |= columns
    names = sql.SQL(", ").join(map(sql.Identifier, row))
    values = sql.SQL(", ").join(sql.Placeholder() * len(row))
    statement = sql.SQL("INSERT INTO audit.event ({}) VALUES ({})").format(names, values)
    if connection is not None:
        connection.execute(statement, [*row.values()])
        return
    with psycopg.connect(libpq_dsn(log.database.owner_url)) as own:
        own.execute(statement, [*row.values()])


def fresh_body(**changes: object) -> bytes:
    document = json.loads(compose_record(job(), ORIGIN, time.time_ns()).body)
    document |= {"id": str(make_event_id(time.time_ns()))} | changes
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def seal_anew(log: SealedLog, from_batch: int = 0) -> None:
    """With the stolen key, by a sealer of one's own: the heads from a batch on are deleted, and sealed once more."""
    log.keys.set_mark(None)
    log.execute(f"DELETE FROM audit.head WHERE batch >= {from_batch}", "DELETE FROM audit.cosignature")
    if from_batch == 0:
        log.execute("DELETE FROM audit.tile")
    log.seal()


def rewrite_and_seal_anew(log: SealedLog) -> None:
    """Since the last change of keys; what lies before it was signed by a key that is gone."""
    rewrite(log, 308, another_person)
    seal_anew(log, 4)


def rewrite_before_the_key_changed(log: SealedLog) -> None:
    rewrite(log, 3, another_person)
    seal_anew(log)


def consistent_with_everything_but_the_root(log: SealedLog) -> None:
    replace_leaf(log, 7, rewrite(log, 7, another_nonce))


def cut_the_tail(log: SealedLog) -> None:
    """Back to the head with the new key's announcement: rows, heads and cosignatures after it are gone."""
    size = log.heads()[3].size
    log.execute(
        f"DELETE FROM audit.event WHERE id NOT IN (SELECT id FROM audit.event ORDER BY era, xid, id LIMIT {size})",
        "DELETE FROM audit.head WHERE batch > 3",
        f"DELETE FROM audit.cosignature WHERE size > {size}",
    )


def begin_anew_with_another_key(log: SealedLog) -> None:
    """Also the key's file and the public key beside it: whoever has the whole machine."""
    key = SecretNoteKey.make(log.keys.read().current.name)
    log.keys.write(SealKeys(key))
    log.keys.public_file.write_text(f"{key.public}\n")
    log.execute("DELETE FROM audit.event WHERE type = 'key:rotated'")
    seal_anew(log)


def forge_rotation(log: SealedLog) -> None:
    """Whoever has the writer's password announces a key of their own."""
    old, new = log.keys.read().current, SecretNoteKey.make(log.keys.read().current.name)
    log.append_events(KeyRotated(old_key=str(old.public), new_key=str(new.public), signature="AA=="))
    log.seal()


def change_the_host(log: SealedLog) -> None:
    log.append_events(EgressRefused(process="web", action="connect", host="evil.example", port=443, caller="x"))
    log.seal()
    log.execute("UPDATE audit.event SET host = 'good.example' WHERE host = 'evil.example'")


def hide_from_the_index(log: SealedLog) -> None:
    """An event that searches find, and that neither sealer nor verifier see who go by the order of transactions."""
    ready = (
        "UPDATE pg_index SET indisready = {} WHERE indexrelid IN "
        "(SELECT inhrelid FROM pg_inherits WHERE inhparent = 'audit.event_by_transaction'::regclass)"
    )
    log.execute(ready.format("false"))
    insert(log)
    log.execute(ready.format("true"))


def after_a_seal(change: Callable[[SealedLog], None]) -> Callable[[SealedLog], None]:
    """The sealer seals what was added: it cannot know better."""

    def run(log: SealedLog) -> None:
        change(log)
        log.seal()

    return run


def sign_with(key_of: Callable[[SealedLog], SecretNoteKey], batch: int) -> Callable[[SealedLog], None]:
    def run(log: SealedLog) -> None:
        key, head = key_of(log), log.heads()[batch]
        resign(log, batch, key, note=key.sign_note(head.checkpoint.text))

    return run


def of_another_log(log: SealedLog) -> None:
    head = log.heads()[2]
    key = FIRST_KEYS[str(log.keys.public_file)]
    text = replace(head.checkpoint, origin="cloister/other").text
    resign(log, 2, key, note=key.sign_note(text))


def of_another_server(log: SealedLog) -> None:
    resign(log, 2, FIRST_KEYS[str(log.keys.public_file)], cluster=1)


FIRST_KEYS: Final[dict[str, SecretNoteKey]] = {}
"""The first key of each scene, which a thief copied before it was replaced."""


def first_key(log: SealedLog) -> SecretNoteKey:
    return FIRST_KEYS[str(log.keys.public_file)]


def as_insert(note: str) -> str:
    return note.replace("'", "''")


def swap_notes(log: SealedLog) -> None:
    one, other = log.heads()[0], log.heads()[3]
    log.execute(
        f"UPDATE audit.head SET note = '{as_insert(other.note)}' WHERE batch = 0",
        f"UPDATE audit.head SET note = '{as_insert(one.note)}' WHERE batch = 3",
    )


def spoil_the_notes_signature(log: SealedLog) -> None:
    head = log.heads()[2]
    line = head.note.splitlines()[-1]
    spoilt = line[:-6] + ("AAAA" if line[-6:-2] != "AAAA" else "BBBB") + line[-2:]
    log.execute(f"UPDATE audit.head SET note = '{as_insert(head.note.replace(line, spoilt))}' WHERE batch = 2")


def begin_an_era_in_silence(log: SealedLog) -> None:
    log.execute("ALTER TABLE audit.event ALTER COLUMN era SET DEFAULT 1")
    log.append(1)
    log.seal()


def begin_an_era_and_date_back(log: SealedLog) -> None:
    begin_era(log.database.owner_url, ORIGIN)
    insert(log, era=1, recorded_at="2020-01-01T00:00:00Z")
    log.seal()


def date_back_in_an_open_transaction(log: SealedLog) -> None:
    """The transaction is open at the last head, but began after the one before it."""
    with psycopg.connect(libpq_dsn(log.database.owner_url)) as connection:
        connection.execute("SELECT pg_current_xact_id()")
        log.append(1)
        log.seal()
        insert(log, connection=connection, recorded_at="2020-01-01T00:00:00Z")
    log.seal()


ATTACKS: Final = (
    Attack("drop a table that no check reads", sql_of("DROP TABLE audit.hold CASCADE"), "schema", alone=True),
    *(
        Attack(f"drop the table of {table}s", sql_of(f"DROP TABLE audit.{table} CASCADE"), "schema")
        for table in ("stub", "content", "head", "event", "tile", "dek", "erasure", "voucher")
    ),
    Attack("drop a column", sql_of("ALTER TABLE audit.event DROP COLUMN actor CASCADE"), "schema"),
    Attack("drop a function", sql_of("DROP FUNCTION audit.current_era() CASCADE"), "schema"),
    Attack("drop everything", sql_of("DROP SCHEMA audit CASCADE"), "schema"),
    Attack(
        "edit a body",
        sql_of(
            f"UPDATE audit.event SET body = overlay(body PLACING convert_to('0', 'UTF8') FROM "
            f"position(convert_to('nonce', 'UTF8') IN body) + 8) WHERE id = {nth(5)}",
            f"UPDATE audit.event SET body = overlay(body PLACING convert_to('zz', 'UTF8') FROM "
            f"position(convert_to('nonce', 'UTF8') IN body) + 9) WHERE id = {nth(5)}",
        ),
        "leaf",
        alone=True,
        leaf=5,
    ),
    Attack("edit a body and its leaf", lambda log: void(rewrite(log, 7, another_nonce)), "tile", leaf=7),
    Attack("edit a body, its leaf and the tile", consistent_with_everything_but_the_root, "root", alone=True),
    Attack("say that somebody else did it", lambda log: void(rewrite(log, 9, another_person)), "root", leaf=9),
    Attack(
        "edit a column to hide who acted",
        sql_of(f"UPDATE audit.event SET actor = gen_random_uuid() WHERE id = {nth(4)}"),
        "columns",
        alone=True,
        leaf=4,
    ),
    Attack(
        "edit a column to hide whom it was about",
        sql_of(f"UPDATE audit.event SET subject = NULL WHERE id = {nth(4)}"),
        "columns",
        alone=True,
        leaf=4,
    ),
    Attack(
        "edit the type",
        sql_of(f"UPDATE audit.event SET type = 'log:opened' WHERE id = {nth(4)}"),
        "columns",
        alone=True,
        leaf=4,
    ),
    Attack(
        "put an event under another thread",
        sql_of(f"UPDATE audit.event SET thread_id = id WHERE id = {nth(4)}"),
        "columns",
        alone=True,
        leaf=4,
    ),
    Attack(
        "put an event under another turn",
        sql_of(f"UPDATE audit.event SET turn_id = id WHERE id = {nth(4)}"),
        "columns",
        alone=True,
        leaf=4,
    ),
    Attack(
        "give an event a rule",
        sql_of(f"UPDATE audit.event SET rule = '' WHERE id = {nth(4)}"),
        "columns",
        alone=True,
        leaf=4,
    ),
    Attack(
        "give an event a severity",
        sql_of(f"UPDATE audit.event SET severity = 0 WHERE id = {nth(4)}"),
        "columns",
        alone=True,
        leaf=4,
    ),
    Attack(
        "give an event a model",
        sql_of(f"UPDATE audit.event SET model = 'x' WHERE id = {nth(4)}"),
        "columns",
        alone=True,
        leaf=4,
    ),
    Attack(
        "give an event a host",
        sql_of(f"UPDATE audit.event SET host = 'x' WHERE id = {nth(4)}"),
        "columns",
        alone=True,
        leaf=4,
    ),
    Attack(
        "give an event a persona",
        sql_of(f"UPDATE audit.event SET persona = 'x' WHERE id = {nth(4)}"),
        "columns",
        alone=True,
        leaf=4,
    ),
    Attack("change the host of an event", change_the_host, "columns", alone=True, leaf=312),
    Attack(
        "give an event of the first format a host",
        after_a_seal(lambda log: insert(log, body=fresh_body(v=1, host="mini1"), host="mini1")),
        "columns",
        alone=True,
        leaf=312,
    ),
    Attack(
        "give an event a content",
        sql_of(f"UPDATE audit.event SET content_id = id WHERE id = {nth(4)}"),
        "columns",
        alone=True,
        leaf=4,
    ),
    Attack(
        "edit when it happened",
        sql_of(f"UPDATE audit.event SET occurred_at = occurred_at - interval '1 us' WHERE id = {nth(4)}"),
        "columns",
        alone=True,
        leaf=4,
    ),
    Attack(
        "edit when it was recorded",
        sql_of(f"UPDATE audit.event SET recorded_at = recorded_at - interval '1 us' WHERE id = {nth(4)}"),
        "rows",
        alone=True,
    ),
    *(
        Attack(
            f"edit when it was recorded, to {moment}",
            sql_of(f"UPDATE audit.event SET recorded_at = '{moment}' WHERE id = {nth(4)}"),
            "rows",
        )
        for moment in ("infinity", "-infinity", "4714-12-01 BC")
    ),
    *(
        Attack(
            f"edit when it happened, to {moment}",
            sql_of(f"UPDATE audit.event SET occurred_at = '{moment}' WHERE id = {nth(4)}"),
            "columns",
        )
        for moment in ("infinity", "-infinity", "4714-12-01 BC")
    ),
    *(
        Attack(
            f"edit when a head was made, to {moment}",
            sql_of(f"UPDATE audit.head SET sealed_at = '{moment}' WHERE batch = 2"),
            "head",
        )
        for moment in ("infinity", "-infinity", "4714-12-01 BC")
    ),
    *(
        Attack(f"add an event of {moment}", lambda log, moment=moment: insert(log, recorded_at=moment), "recorded")  # type: ignore[misc]
        for moment in ("infinity", "-infinity", "4714-12-01 BC")
    ),
    *(
        Attack(
            f"have an event of {moment} sealed",
            after_a_seal(lambda log, moment=moment: insert(log, recorded_at=moment)),  # type: ignore[misc]
            "recorded",
        )
        for moment in ("infinity", "-infinity", "4714-12-01 BC")
    ),
    Attack(
        "edit an id",
        sql_of(f"UPDATE audit.event SET id = audit.first_id('2001-01-01') WHERE id = {nth(299)}"),
        "columns",
    ),
    Attack(
        "edit a transaction number",
        sql_of(
            "UPDATE audit.event SET xid = ((SELECT max(xid::text::bigint) FROM audit.event) + 1)::text::xid8 "
            f"WHERE id = {nth(311)}"
        ),
        "rows",
    ),
    Attack(
        "move an event to another era", sql_of(f"UPDATE audit.event SET era = 1 WHERE id = {nth(5)}"), "root", leaf=5
    ),
    Attack("delete an event", sql_of(f"DELETE FROM audit.event WHERE id = {nth(100)}"), "root", leaf=100),
    Attack("delete the newest event", sql_of(f"DELETE FROM audit.event WHERE id = {nth(311)}"), "size", leaf=311),
    Attack(
        "delete everything of one person",
        sql_of(f"DELETE FROM audit.event WHERE actor = (SELECT actor FROM audit.event WHERE id = {nth(20)})"),
        "root",
        leaf=20,
    ),
    Attack("delete a whole month", sql_of("DELETE FROM audit.event"), "size", leaf=0),
    Attack(
        "add an event to a batch that is sealed",
        lambda log: insert(log, xid=log.rows("SELECT min(xid)::text FROM audit.event")[0][0]),
        "root",
    ),
    Attack(
        "swap two events",
        sql_of(
            "UPDATE audit.event e SET body = o.body, leaf = o.leaf, occurred_at = o.occurred_at, actor = o.actor, "
            f"subject = o.subject FROM audit.event o WHERE (e.id = {nth(30)} AND o.id = {nth(40)}) "
            f"OR (e.id = {nth(40)} AND o.id = {nth(30)})"
        ),
        "root",
        leaf=30,
    ),
    Attack(
        "edit a tile",
        sql_of("UPDATE audit.tile SET data = overlay(data PLACING sha256('x') FROM 1 + 32 * 77)"),
        "tile",
        alone=True,
        leaf=77,
    ),
    Attack("delete a tile", sql_of("DELETE FROM audit.tile"), "tile", alone=True, leaf=0),
    Attack("add a tile", sql_of("INSERT INTO audit.tile SELECT 0, 1, data FROM audit.tile"), "extra-tile", alone=True),
    Attack(
        "add a tile of a higher level",
        sql_of("INSERT INTO audit.tile SELECT 1, 0, data FROM audit.tile"),
        "extra-tile",
        alone=True,
    ),
    Attack(
        "edit the leaves of a head",
        sql_of("UPDATE audit.head SET leaves = overlay(leaves PLACING sha256('x') FROM 1) WHERE batch = 3"),
        "leaves",
        alone=True,
    ),
    Attack("edit a head's size", sql_of("UPDATE audit.head SET size = size - 1 WHERE batch = 3"), "size"),
    Attack(
        "edit the size of a heartbeat",
        sql_of("UPDATE audit.head SET size = size + 1 WHERE batch = 5"),
        "size",
        alone=True,
    ),
    Attack(
        "edit when a head was made",
        sql_of("UPDATE audit.head SET sealed_at = sealed_at - interval '1 us' WHERE batch = 2"),
        "head",
        alone=True,
    ),
    Attack("edit which rows a head saw", sql_of("UPDATE audit.head SET snapshot = '1:1:' WHERE batch = 0"), "head"),
    Attack("edit which server a head is of", sql_of("UPDATE audit.head SET cluster = 1"), "head", alone=True),
    Attack(
        "edit a checkpoint",
        sql_of("UPDATE audit.head SET note = replace(note, E'\\n300\\n', E'\\n301\\n') WHERE batch = 0"),
        "note",
    ),
    Attack("spoil the signature of a checkpoint", spoil_the_notes_signature, "note", alone=True),
    Attack(
        "add a witness to a checkpoint",
        sql_of(
            "UPDATE audit.head SET note = note || '— witness.example ' || encode(sha256('x'), 'base64') || E'\\n' "
            "WHERE batch = 2"
        ),
        "note",
    ),
    Attack(
        "repeat the signature of a checkpoint",
        sql_of("UPDATE audit.head SET note = note || split_part(note, E'\\n', -2) || E'\\n' WHERE batch = 2"),
        "note",
    ),
    Attack("swap two checkpoints", swap_notes, "head"),
    Attack("delete a heartbeat", sql_of("DELETE FROM audit.head WHERE batch = 2"), "sequence", alone=True),
    Attack("delete a head with events", sql_of("DELETE FROM audit.head WHERE batch = 3"), "sequence"),
    Attack(
        "sign with a key of one's own",
        sign_with(lambda log: SecretNoteKey.make(log.keys.read().current.name), 2),
        "note",
    ),
    Attack("sign a new head with the old key", sign_with(first_key, 5), "note"),
    Attack("sign an old head with the new key", sign_with(lambda log: log.keys.read().current, 2), "note"),
    Attack("sign a checkpoint of another log with the stolen key", of_another_log, "origin", alone=True),
    Attack("sign a head of another server with the stolen key", of_another_server, "course", alone=True),
    Attack("remove what a witness said", sql_of("DELETE FROM audit.cosignature"), "witness", alone=True),
    Attack("add an event of a transaction to come", lambda log: insert(log, xid="99999999"), "future", alone=True),
    Attack("add an event of an era to come", lambda log: insert(log, era=7), "future", alone=True),
    Attack(
        "date a new event back",
        after_a_seal(lambda log: insert(log, recorded_at="2020-01-01T00:00:00Z")),
        "recorded",
        alone=True,
    ),
    Attack("hide an event from the index by transaction", hide_from_the_index, "count", alone=True),
    Attack(
        "drop what an event says",
        sql_of(
            f"INSERT INTO audit.stub SELECT id, era, xid, recorded_at, leaf FROM audit.event WHERE id = {nth(20)}",
            f"DELETE FROM audit.event WHERE id = {nth(20)}",
        ),
        "retention",
        alone=True,
    ),
    Attack("begin an era in silence", begin_an_era_in_silence, "era", alone=True),
    Attack("date an event back as an era begins", begin_an_era_and_date_back, "recorded", alone=True),
    Attack(
        "date a new event back in a transaction that was open at a head",
        date_back_in_an_open_transaction,
        "recorded",
        alone=True,
    ),
    Attack(
        "add an event of a kind that there is not",
        after_a_seal(lambda log: insert(log, body=fresh_body(type="turn:forgotten"))),
        "kind",
        alone=True,
    ),
    Attack(
        "add an announcement that does not end as one does, so that nobody follows or tells of it",
        after_a_seal(lambda log: insert(log, body=fresh_body(type="key:rotated", w=0))),
        "kind",
        alone=True,
    ),
    Attack(
        "add an event of a format that there is not",
        after_a_seal(lambda log: insert(log, body=fresh_body(v=3))),
        "kind",
        alone=True,
    ),
    Attack(
        "add an event whose spelling is not canonical",
        after_a_seal(lambda log: insert(log, body=fresh_body().replace(b'"v":2', b'"v": 2'))),
        "canonical",
        alone=True,
    ),
    Attack(
        "edit what a witness said",
        sql_of("UPDATE audit.cosignature SET line = overlay(line PLACING 'AAAA' FROM length(line) - 10)"),
        "cosignature",
        alone=True,
    ),
    Attack(
        "move a cosignature to another size",
        sql_of("UPDATE audit.cosignature SET size = 303"),
        "cosignature",
        alone=True,
    ),
    Attack(
        "move a cosignature beyond the end",
        sql_of("UPDATE audit.cosignature SET size = 9999"),
        "cosignature",
        alone=True,
    ),
    Attack(
        "move a cosignature between heads", sql_of("UPDATE audit.cosignature SET size = 301"), "cosignature", alone=True
    ),
    Attack("cut the tail", cut_the_tail, "anchor-size", alone=True, anchor=True),
    Attack(
        "change an event and seal it anew with the stolen key",
        rewrite_and_seal_anew,
        "anchor-root",
        alone=True,
        anchor=True,
    ),
    Attack("change an event from before the stolen key", rewrite_before_the_key_changed, "note"),
    Attack("keep a false checkpoint elsewhere", void, "anchor-key", alone=True, anchor=True, false_anchor=True),
    Attack(
        "begin a new log with a new key, also beside the database",
        begin_anew_with_another_key,
        "anchor-key",
        anchor=True,
    ),
    Attack(
        "delete every head",
        sql_of("DELETE FROM audit.head", "DELETE FROM audit.tile", "DELETE FROM audit.cosignature"),
        "anchor-size",
        anchor=True,
    ),
)
