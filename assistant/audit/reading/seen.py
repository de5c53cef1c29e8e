"""Who opened the page of a turn after a hit of it was decided: the log knows, since it has each view beforehand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import psycopg
from psycopg import sql
from pydantic import SecretStr

from assistant.audit.events import Tag
from assistant.audit.record import parse_body
from assistant.database import connect
from assistant.errors import UnavailableError

TURN_VIEW: Final = "turn"
"""The view of `review:viewed` on which a turn's decisions stand."""

_EVENTS: Final = sql.SQL(
    "SELECT type, turn_id, actor, body FROM audit.event WHERE right(turn_id::text, 8) = ANY({}) "
    "AND turn_id IS NOT NULL AND type = ANY({}) ORDER BY id"
)
_TYPES: Final = [Tag.HIT_DECIDED.value, Tag.REVIEW_VIEWED.value]


@dataclass(frozen=True, slots=True)
class DecidedHit:
    """A hit, and the turn on whose page its decision stands."""

    hit_id: UUID
    turn_id: UUID


class DecisionViews:
    """Ask the log as its reader."""

    def __init__(self, reader_url: SecretStr) -> None:
        self._reader_url = reader_url

    async def seen_by(self, hits: Collection[DecidedHit]) -> Mapping[DecidedHit, frozenset[UUID]]:
        """Return who opened the page of each hit's turn since anybody decided anything about the hit.

        Raises:
            UnavailableError: the database does not answer.
        """
        if not hits:
            return {}
        tails = sorted({hit.turn_id.hex[-8:] for hit in hits})
        try:
            async with await connect(self._reader_url, autocommit=True) as connection:
                rows = await (await connection.execute(_EVENTS.format(tails, _TYPES))).fetchall()
        except psycopg.OperationalError as error:
            raise UnavailableError("The audit log cannot be read: the database does not answer.") from error
        decided: set[DecidedHit] = set()
        seen: dict[DecidedHit, set[UUID]] = defaultdict(set)
        by_turn: dict[UUID, list[DecidedHit]] = defaultdict(list)
        for hit in hits:
            by_turn[hit.turn_id].append(hit)
        for kind, turn_id, actor, body in rows:
            said = parse_body(body).get("data")
            said = said if isinstance(said, dict) else {}
            for hit in by_turn.get(turn_id, ()):
                if kind == Tag.HIT_DECIDED and said.get("hit_id") == str(hit.hit_id):
                    decided.add(hit)
                elif kind == Tag.REVIEW_VIEWED and said.get("view") == TURN_VIEW and hit in decided and actor:
                    seen[hit].add(actor)
        return {hit: frozenset(seen[hit]) for hit in hits}
