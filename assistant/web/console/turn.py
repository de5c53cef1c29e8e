"""One turn: what came in, what the guard did, where it went, how it ended, and whether the log can prove it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from assistant.audit.events import Tag
from assistant.audit.reading.read import StoredEvent
from assistant.audit.reading.sealed import Sealed
from assistant.audit.reading.seen import TURN_VIEW
from assistant.audit.writing.content import ContentText, Damaged, Erased, Kept
from assistant.compliance.standing import Disposition, State, Step
from assistant.errors import BadInputError, NotFoundError
from assistant.rights import Right, has_right
from assistant.web.console import queue
from assistant.web.console.moves import WORDS, people_of
from assistant.web.console.routes import ConsoleRoute
from assistant.web.console.shell import Shell
from assistant.web.console.telling import is_of_the_turn
from assistant.web.console.timeline import tell_turn
from assistant.web.console_parts import ConsoleParts
from assistant.web.refusals import acting

_LOOKS: Final = frozenset({Tag.REVIEW_VIEWED})
_PATH: Final = "/console/turn/{turn}"


def turn_path(turn: UUID | str) -> str:
    """Return the address of a turn, by its id or by the short reference that people read.

    >>> turn_path("7QK2M4X")
    '/console/turn/7QK2M4X'
    """
    return f"/console/turn/{turn}"


class TurnPages:
    """Show one turn."""

    def __init__(self, parts: ConsoleParts, shell: Shell) -> None:
        self._parts = parts
        self._shell = shell

    def routes(self) -> list[ConsoleRoute]:
        """Return the addresses."""
        return [ConsoleRoute(_PATH, Right.READ_TURN, self._show)]

    async def _show(self, request: Request) -> Response:
        events = await self._find(request.path_params["turn"])
        first = events[0]
        turn_id = first.turn_id or UUID(int=0)
        person = acting(request)
        looks = await self._parts.desk.looks.of_turn(person, turn_id)
        # Whoever is shown what was decided is in the log with another view than whoever is not: see `DecisionViews`.
        view = "turn-blind" if looks else TURN_VIEW
        noted = await self._shell.note_view(person, view, subject=first.subject, turn_id=turn_id, shown=len(events))
        sealed = await self._parts.seals.check(events)
        kept = await self._parts.texts.read({event.content_id for event in events if event.content_id})
        spots = (await self._parts.spots.of_turns({turn_id})).get(turn_id, ())
        hits = await self._parts.desk.hits.of_turn(person, turn_id)
        return self._shell.render(
            noted,
            "turn.html",
            title=f"Turn {first.reference}",
            path=queue.PATH,
            first=first,
            steps=tell_turn([event for event in events if is_of_the_turn(event)], spots, sealed),
            viewers=[event for event in events if event.type in _LOOKS][::-1],
            texts=[_text(kept[event.content_id]) for event in events if event.content_id],
            seal=_sum_up(events, sealed),
            labels=self._parts.labels(),
            hits=hits,
            second_looks=looks,
            names=await self._parts.desk.people.names(people_of(hit.standing for hit in hits)),
            is_own=first.subject == person.id,
            may_work=has_right(person, Right.WORK_AT_DESK),
            waiting=[hit for hit in hits if hit.standing.state is State.AWAITING_SECOND],
            undecided=[hit for hit in hits if hit.standing.allows(Step.DECIDE)],
            decided=[hit for hit in hits if hit.standing.allows(Step.REOPEN)],
            dispositions=list(Disposition),
            words=WORDS,
        )

    async def _find(self, turn: str) -> Sequence[StoredEvent]:
        """Return the events of a turn.

        Raises:
            NotFoundError: there is no such turn.
        """
        try:
            events = await self._parts.lists.turn(_parse(turn))
        except BadInputError:
            events = ()
        if not events:
            raise NotFoundError(
                f"There is no turn {turn[:40]!r}. Look at the reference again: seven letters and digits."
            )
        return events


def _text(kept: Kept) -> Mapping[str, str]:
    """Return a kept text as the page shows it: whose it is, and the text or what became of it."""
    match kept:
        case ContentText(kind=kind, text=text):
            return {"kind": kind.value, "text": text, "state": "kept"}
        case Erased():
            return {"kind": "", "text": "", "state": "erased"}
        case Damaged():
            return {"kind": "", "text": "", "state": "damaged"}


def _parse(turn: str) -> UUID | str:
    try:
        return UUID(turn)
    except ValueError:
        return turn


def _sum_up(events: Sequence[StoredEvent], sealed: Mapping[UUID, Sealed]) -> Mapping[str, object]:
    """Return what the page says about the seal of a whole turn: the worst that is true of one of its events."""
    proofs = [sealed[event.id] for event in events if event.id in sealed]
    return {
        "batch": max((proof.batch for proof in proofs), default=None),
        "is_whole": len(proofs) == len(events),
        "is_proven": bool(proofs) and all(proof.is_proven for proof in proofs),
        "is_signed": proofs[0].is_signed if proofs else None,
        "missing": len(events) - len(proofs),
    }
