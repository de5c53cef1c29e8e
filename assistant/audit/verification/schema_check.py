"""Whether the log's tables and columns are all there: what is gone altogether is a change like any other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import psycopg

from assistant.audit.verification.findings import Findings

SCHEMA: Final[Mapping[str, str]] = {
    "event": "id era xid recorded_at occurred_at type subject actor thread_id turn_id rule severity model host persona "
    "content_id body leaf",
    "stub": "id era xid recorded_at leaf",
    "head": "batch era cluster snapshot size rows leaves sealed_at note signature",
    "tile": "level number data",
    "cosignature": "size witness line",
    "content": "id thread_id turn_id kind dek_id sealed created_at",
    "dek": "id thread_id person_id wrapped created_at destroyed_at",
    "hold": "id scope subject_id reason_mark placed_by placed_at released_by released_at word",
    "erasure": "id scope subject_id reason_mark requested_by requested_at state decided_by decided_at word "
    "withdrawn_by withdrawn_at",
    "drop_order": "id month ordered_at keep_days batch events word",
    "voucher": "event_id type leaf vouched_at",
}
"""Every table that is evidence, with its columns; what can be made anew is not named."""

_COLUMNS: Final = (
    "SELECT c.relname, array_agg(a.attname::text) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
    "WHERE c.relnamespace = to_regnamespace('audit') AND c.relkind IN ('r', 'p') "
    "AND a.attnum > 0 AND NOT a.attisdropped GROUP BY c.relname"
)


async def check_schema(connection: psycopg.AsyncConnection, findings: Findings) -> None:
    """Say which tables and columns are gone."""
    found = {name: set(columns) for name, columns in await (await connection.execute(_COLUMNS)).fetchall()}
    for table, columns in SCHEMA.items():
        if table not in found:
            findings.add("schema", f"The table audit.{table} is gone.")
            continue
        for column in columns.split():
            if column not in found[table]:
                findings.add("schema", f"The column audit.{table}.{column} is gone.")
