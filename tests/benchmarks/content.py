"""Texts beside the events: what they cost when they are written, followed and searched.

Prints, in one run on a server of its own: events a second without and with a text of 250 words, bytes of a turn,
projected events a second, and how long searches for rare and common words take over many texts (`ROWS`, by default
300,000, as the first argument).
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
from pydantic import SecretStr

from assistant.audit.events import TurnGuarded
from assistant.audit.parts import FoundSpan, GuardReport, TextMarker, TurnPlace
from assistant.audit.projections.blind_words import BlindWords
from assistant.audit.projections.project import Projector
from assistant.audit.projections.text_search import TextSearch
from assistant.audit.reader_pool import ReaderPool
from assistant.audit.reading.read import Search
from assistant.audit.record import Origin, make_event_id
from assistant.audit.seals.seal import Sealer
from assistant.audit.seals.seal_key import SealKeyFile
from assistant.audit.writing.append import Appender
from assistant.audit.writing.content_keys import ContentKeys
from assistant.audit.writing.keeping import ContentLog
from assistant.database import libpq_dsn
from assistant.database_roles import (
    AUDIT_PROJECTOR_ROLE,
    AUDIT_READER_ROLE,
    AUDIT_SEALER_ROLE,
    AUDIT_WRITER_ROLE,
    url_for_role,
)
from assistant.embedded.postgres import EmbeddedPostgres
from assistant.keys import Keys
from assistant.migrations import migrate
from policies.verdict import Action

ROWS = 300_000
WORDS_A_TEXT = 40
SECONDS = 4.0
CALLERS = 64
SEARCHES = 300
KEYS = Keys(bytes(range(32)))
VOCABULARY = [f"word{number}" for number in range(20_000)]
WEIGHTS = [1 / (number + 1) for number in range(20_000)]  # Zipf: the first word is in nearly every text


@dataclass(frozen=True)
class Place:
    """The server under test."""

    owner_url: SecretStr

    def url(self, role: str) -> SecretStr:
        """Return its address for a role."""
        return url_for_role(self.owner_url, role, KEYS)


def make_text(words: int) -> str:
    """Return words as a language has them: few of them often."""
    return " ".join(random.choices(VOCABULARY, WEIGHTS, k=words))  # noqa: S311 - texts, no secrets


def guarded(turn: TurnPlace) -> TurnGuarded:
    """Return an event as a turn with one finding writes it."""
    span = FoundSpan("secret/aws-access-key", "AWS_ACCESS_KEY", 10, 30, Action.REDACT)
    return TurnGuarded(
        turn=turn,
        guard=GuardReport(Action.REDACT, "sha256:0123456789ab", (span,), 1, 1),
        chars=1000,
        text_mark=TextMarker(KEYS).mark("text"),
    )


async def measure_appends(place: Place, text: str) -> float:
    """Return how many events a second one process appends, each with this text if there is one."""
    keys = ContentKeys(place.url(AUDIT_WRITER_ROLE), KEYS)
    done = 0
    async with Appender(place.url(AUDIT_WRITER_ROLE), Origin.here("bench")) as appender:
        log = ContentLog(appender, keys)
        end = time.perf_counter() + SECONDS

        async def call() -> None:
            nonlocal done
            turn = TurnPlace(uuid4(), uuid4(), uuid4())
            while time.perf_counter() < end:
                await log.append_with(guarded(turn), text)
                done += 1

        await asyncio.gather(*(call() for _ in range(CALLERS)))
    await keys.close()
    return done / SECONDS


async def measure_projector(place: Place, folder: Path) -> tuple[int, float]:
    """Seal what there is, and return how many events the projector followed, and how many a second."""
    await Sealer(place.url(AUDIT_SEALER_ROLE), SealKeyFile(folder / "seal.key")).seal()
    begin = time.perf_counter()
    count = await Projector(place.url(AUDIT_PROJECTOR_ROLE), KEYS).follow()
    return count, count / (time.perf_counter() - begin)


def fill(place: Place, rows: int) -> None:
    """Put rows into the log and its search, past the appender: only the search is measured on them."""
    words = BlindWords(KEYS)
    hashes = {word: words.of(word)[0] for word in VOCABULARY}
    chosen = random.choices(VOCABULARY, WEIGHTS, k=rows * WORDS_A_TEXT)  # noqa: S311 - see above
    now = time.time_ns()
    with psycopg.connect(libpq_dsn(place.owner_url)) as connection, connection.cursor() as cursor:
        ids = [make_event_id(now + number * 1000) for number in range(rows)]
        cursor.execute("ALTER TABLE audit.event DROP CONSTRAINT event_says_so")  # they say nothing
        with cursor.copy(
            "COPY audit.event (id, occurred_at, type, subject, actor, thread_id, turn_id, rule, severity, body, leaf) "
            "FROM STDIN"
        ) as copy:
            for number, identifier in enumerate(ids):
                person, rule = UUID(int=number % 1000), f"secret/{number % 50}"
                ids_of_turn = (person, person, uuid4(), uuid4())
                copy.write_row((identifier, "2026-11-29Z", "turn:guarded", *ids_of_turn, rule, 3, b"{}", bytes(32)))
        cursor.execute("DROP INDEX audit.search_by_words")  # made at once below: that takes a tenth of the time
        with cursor.copy("COPY audit.search (event_id, thread_id, words) FROM STDIN") as copy:
            for number, identifier in enumerate(ids):
                text = chosen[number * WORDS_A_TEXT : (number + 1) * WORDS_A_TEXT]
                copy.write_row((identifier, uuid4(), sorted({hashes[word] for word in text})))
        cursor.execute("CREATE INDEX search_by_words ON audit.search USING gin (words) WITH (fastupdate = off)")
        connection.commit()
        connection.autocommit = True
        connection.execute("VACUUM ANALYZE audit.search")
        connection.execute("VACUUM ANALYZE audit.event")


async def measure_searches(place: Place, first: int, last: int, search: Search | None = None) -> tuple[float, float]:
    """Return median and p99 in milliseconds of searches for a word of these ranks."""
    times = []
    async with ReaderPool(place.url(AUDIT_READER_ROLE)) as pool:
        found = TextSearch(pool, KEYS)
        await found.projected_until()  # connects
        for _ in range(SEARCHES):
            word = random.choice(VOCABULARY[first:last])  # noqa: S311 - see above
            begin = time.perf_counter()
            page = await found.search_text(word, limit=50, search=search)
            times.append((time.perf_counter() - begin) * 1000)
            if page.is_cut_off:
                sys.stdout.write(f"  {word} took longer than the patience\n")
    times.sort()
    return times[len(times) // 2], times[int(len(times) * 0.99)]


async def run(place: Place, folder: Path, rows: int) -> None:
    """Measure everything and print it."""
    plain = await measure_appends(place, "")
    kept = await measure_appends(place, make_text(250))
    sys.stdout.write(f"appended by one process: {plain:,.0f} events/s, {kept:,.0f} with a text ({kept / plain:.2f})\n")
    count, speed = await measure_projector(place, folder)
    sys.stdout.write(f"projected: {count:,} events, {speed:,.0f}/s\n")
    fill(place, rows)
    ranks = {"in most texts": (0, 3), "common": (10, 50), "rare": (10_000, 20_000)}
    for name, (first, last) in ranks.items():
        median, slow = await measure_searches(place, first, last)
        sys.stdout.write(f"search among {rows:,} texts, {name}: p50 {median:.1f} ms, p99 {slow:.1f} ms\n")
    narrow = Search(person_id=UUID(int=7), rule="secret/7")
    median, slow = await measure_searches(place, 10, 50, narrow)
    sys.stdout.write(f"search, common, of one person and rule: p50 {median:.1f} ms, p99 {slow:.1f} ms\n")


def main() -> None:
    """Run on a server of its own."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    random.seed(7)
    with tempfile.TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder) / "p") as server:
        migrate(server.owner_url, KEYS)
        asyncio.run(run(Place(server.owner_url), Path(folder), rows))


if __name__ == "__main__":
    main()
