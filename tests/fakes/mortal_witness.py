"""A witness that kills itself at a chosen point: before or after any write to its disk, and before it answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from assistant.audit.anchors.witness import Witness
from assistant.audit.seals.checkpoint import NoteKey
from tests.fakes.mortal_files import Points, watch_files


def report(folder: str, log_key: str, bodies: list[bytes], last_point: int, answers: Any) -> None:
    """Ask one after the other, hand out each answer as soon as it is there, and die at a point."""
    point = Points(last_point)
    watch_files(point)
    witness = Witness(Path(folder), [NoteKey.parse(log_key)])
    for body in bodies:
        answer = witness.add_checkpoint(body)
        point()
        answers.send(answer.body)
        point()
