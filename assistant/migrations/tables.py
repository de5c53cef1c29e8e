"""Every room that owns ordinary tables; a new room adds one line. The audit log has no SQLModel tables: see 0002."""

from typing import Final

from sqlalchemy import MetaData
from sqlmodel import SQLModel

from assistant.compliance import tables as compliance
from assistant.fleet import tables as fleet
from assistant.history import tables as history
from assistant.identity import tables as identity
from assistant.jobs import tables as jobs
from assistant.knowledge import tables as knowledge
from assistant.reports import tables as reports

ROOMS: Final = (
    identity,
    history,
    jobs,
    knowledge,
    reports,
    compliance,
    fleet,
)  # importing a room's tables enters them into the metadata
METADATA: Final[MetaData] = SQLModel.metadata
