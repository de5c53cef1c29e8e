"""What is kept of the fleet in Postgres: each host as it is now, a line a minute, orders, measurements.

Every process that watches the hosts may write; the first one of a minute is the one that counts.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Integer, cast, delete, func, select
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import col

from assistant.database import transaction
from assistant.fleet.tables import FleetBenchRow, FleetHostRow, FleetSampleRow
from connectors.model_hosts.sampling import HostSample

MINUTE: Final = timedelta(minutes=1)
_GONE: Final = timedelta(minutes=1)  # a host that no process has seen for so long is no host of the fleet any more
_MOST_NOTES: Final = 20
_MOST_CHARS: Final = 500  # of words that a host had a part in
_MOST_COUNTED: Final = 2**31 - 1  # what a host says of its queue may be anything; the columns hold so much
_MOST_BYTES: Final = 2**63 - 1

_SAMPLES: Final = TypeAdapter(HostSample)


@dataclass(frozen=True, slots=True)
class SeenHost:
    """A host as it was seen last."""

    seen_at: datetime
    sample: HostSample


@dataclass(frozen=True, slots=True)
class Stretch:
    """A host over a stretch of time.

    Attributes:
        began_at: of the stretch.
        up_share: of its minutes, those in which the host answered.
        in_flight: answers in the making, in the mean of all minutes.
        waiting: the longest queue of its own.
        tokens_per_second: in the mean of the minutes in which it was measured; 0 if it was in none.
    """

    began_at: datetime
    up_share: float
    in_flight: float
    waiting: int
    tokens_per_second: float


@dataclass(frozen=True, slots=True)
class Trouble:
    """What was wrong with a host, over how many minutes, and when last."""

    host: str
    words: str
    minutes: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Bench:
    """What was measured of a model on a host.

    Attributes:
        prompt_tokens, answer_tokens: as the host counted them.
        first_token_seconds: for that prompt.
        reading_per_second, writing_per_second: tokens.
        reading_bound, writing_bound: what no engine passes, by the planner; 0 where too little is known.
    """

    host: str
    model: str
    measured_at: datetime
    prompt_tokens: int
    answer_tokens: int
    first_token_seconds: float
    reading_per_second: float
    writing_per_second: float
    reading_bound: float = 0.0
    writing_bound: float = 0.0


class FleetRecords:
    """Write down what is known of the hosts, and read it for pages.

    Args:
        engine: where the tables are.
        keep_days: how long minutes, orders and measurements are kept.
    """

    def __init__(self, engine: AsyncEngine, *, keep_days: int) -> None:
        self._engine = engine
        self._keep = timedelta(days=keep_days)

    async def write(self, samples: Sequence[HostSample], *, now: datetime | None = None) -> None:
        """Write down how the hosts are, and take away what is older than is kept.

        Raises:
            UnavailableError: the database does not answer.
        """
        now = now or datetime.now(UTC)
        minute = now.replace(second=0, microsecond=0)
        async with transaction(self._engine) as connection:
            for place, sample in enumerate(samples):
                seen = {"seen_at": now, "place": place, "sample": _SAMPLES.dump_python(sample, mode="json")}
                row = insert(FleetHostRow).values(host=sample.name, **seen)
                await connection.execute(row.on_conflict_do_update(index_elements=["host"], set_=seen))
                values = _minute_of(sample, now)
                line = insert(FleetSampleRow).values(host=sample.name, taken_at=minute, **values)
                await connection.execute(line.on_conflict_do_nothing())
            await connection.execute(delete(FleetHostRow).where(col(FleetHostRow.seen_at) < now - _GONE))
            oldest = now - self._keep
            await connection.execute(delete(FleetSampleRow).where(col(FleetSampleRow.taken_at) < oldest))
            await connection.execute(delete(FleetBenchRow).where(col(FleetBenchRow.measured_at) < oldest))

    async def hosts(self) -> Sequence[SeenHost]:
        """Return every host as it was seen last, in the order of the fleet.

        Raises:
            UnavailableError: the database does not answer.
        """
        query = select(col(FleetHostRow.seen_at), col(FleetHostRow.sample)).order_by(
            col(FleetHostRow.place), col(FleetHostRow.host)
        )
        async with transaction(self._engine) as connection:
            rows = (await connection.execute(query)).all()
        return [SeenHost(row.seen_at, sample) for row in rows if (sample := _read(row.sample)) is not None]

    async def history(self, *, since: datetime, step: timedelta) -> Mapping[str, Sequence[Stretch]]:
        """Return what each host did, in stretches from a moment on; a stretch of which nothing is known is left out.

        Raises:
            UnavailableError: the database does not answer.
        """
        row = FleetSampleRow
        began_at = func.date_bin(step, col(row.taken_at), since).label("began_at")
        query = (
            select(
                col(row.host),
                began_at,
                func.avg(cast(col(row.is_up), Integer)).label("up_share"),
                func.avg(col(row.in_flight)).label("in_flight"),
                func.max(col(row.waiting)).label("waiting"),
                func.avg(col(row.tokens_per_second)).filter(col(row.tokens_per_second) > 0).label("speed"),
            )
            .where(col(row.taken_at) >= since)
            .group_by(col(row.host), began_at)
            .order_by(col(row.host), began_at)
        )
        found: dict[str, list[Stretch]] = {}
        async with transaction(self._engine) as connection:
            for each in await connection.execute(query):
                stretch = Stretch(
                    each.began_at, float(each.up_share), float(each.in_flight), each.waiting, float(each.speed or 0.0)
                )
                found.setdefault(each.host, []).append(stretch)
        return found

    async def troubles(self, *, since: datetime) -> Sequence[Trouble]:
        """Return what was wrong with the hosts, the latest first.

        Raises:
            UnavailableError: the database does not answer.
        """
        row = FleetSampleRow
        last_at = func.max(col(row.taken_at)).label("last_at")
        query = (
            select(col(row.host), col(row.note), func.count().label("minutes"), last_at)
            .where(col(row.taken_at) >= since, col(row.note) != "")
            .group_by(col(row.host), col(row.note))
            .order_by(last_at.desc(), col(row.host))
            .limit(_MOST_NOTES)
        )
        async with transaction(self._engine) as connection:
            rows = (await connection.execute(query)).all()
        return [Trouble(each.host, each.note, each.minutes, each.last_at) for each in rows]

    async def add_bench(self, bench: Bench) -> None:
        """Keep a measurement.

        Raises:
            UnavailableError: the database does not answer.
        """
        values = {name: getattr(bench, name) for name in FleetBenchRow.model_fields}
        async with transaction(self._engine) as connection:
            await connection.execute(insert(FleetBenchRow).values(**values))

    async def benches(self, hosts: Collection[str] | None = None) -> Sequence[Bench]:
        """Return the newest measurement of each model on each host.

        Raises:
            UnavailableError: the database does not answer.
        """
        row = FleetBenchRow
        columns = [col(getattr(row, name)) for name in row.model_fields]
        key = (col(row.host), col(row.model))
        query = select(*columns).ext(distinct_on(*key)).order_by(*key, col(row.measured_at).desc())
        if hosts is not None:
            query = query.where(col(row.host).in_(hosts))
        async with transaction(self._engine) as connection:
            return [Bench(**each._mapping) for each in await connection.execute(query)]  # noqa: SLF001 - SQLAlchemy's own name for a row as a mapping


def _minute_of(sample: HostSample, now: datetime) -> Mapping[str, object]:
    was_asked = sample.trouble_at is not None and now - sample.trouble_at < MINUTE
    note = sample.note or (sample.trouble if was_asked else "")
    return {
        "is_up": sample.is_up,
        "is_drained": sample.is_drained,
        "in_flight": min(sample.in_flight, _MOST_COUNTED),
        "waiting": max(0, min(sample.waiting, _MOST_COUNTED)),
        "tokens_per_second": sample.tokens_per_second,
        "memory_bytes": min(sample.memory_bytes, _MOST_BYTES),
        "note": note[:_MOST_CHARS],
    }


def _read(stored: object) -> HostSample | None:
    """Return what was stored; what a newer version wrote in another form is nothing until that writes again."""
    try:
        return _SAMPLES.validate_python(stored)
    except ValidationError:
        return None
