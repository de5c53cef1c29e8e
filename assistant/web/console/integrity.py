"""The integrity page: heads, who vouches for them, the last check; and the reviewer's browser as an anchor."""

from __future__ import annotations

from asyncio import gather
from base64 import b64encode
from typing import Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from assistant.audit.anchors.light import Integrity, Light
from assistant.audit.events import HeadConfirmed, HeadContradicted
from assistant.audit.seals.checkpoint import Checkpoint, NoteError, split_note
from assistant.errors import BadInputError
from assistant.rights import Right
from assistant.web.console.routes import ConsoleRoute
from assistant.web.console.shell import Shell
from assistant.web.console_parts import ConsoleParts
from assistant.web.refusals import acting

PATH: Final = "/console/integrity"
_TONES: Final = {Light.GREEN: "allow", Light.YELLOW: "redact", Light.RED: "block"}
_WORDS: Final = {
    Light.GREEN: "The log is sealed and vouched for",
    Light.YELLOW: "Nothing contradicts the log, and not everything vouches for it",
    Light.RED: "The log may have been changed",
}
_MOST_SIZE: Final = 2**53
_SIZE_DIGITS: Final = len(str(_MOST_SIZE))


class _Word(BaseModel):
    """What a browser says it found.

    Attributes:
        size: of the log that it was shown now.
        seen: of the log that it kept from its last visit; 0 at its first.
        does_continue: the log of now grew from the one of then.
        kept: the signed checkpoint from then, where it does not.
    """

    model_config = ConfigDict(strict=True, extra="forbid")

    size: int = Field(ge=0, le=_MOST_SIZE)
    seen: int = Field(ge=0, le=_MOST_SIZE)
    does_continue: bool
    kept: str | None = Field(default=None, max_length=4096)


class IntegrityPages:
    """Show the state of the log's seals, and let a browser check them."""

    def __init__(self, parts: ConsoleParts, shell: Shell) -> None:
        self._parts = parts
        self._shell = shell

    def routes(self) -> list[ConsoleRoute]:
        """Return the addresses."""
        return [
            ConsoleRoute(PATH, Right.READ_INTEGRITY, self._show),
            ConsoleRoute(f"{PATH}/head", Right.READ_INTEGRITY, self._give_head),
            ConsoleRoute(f"{PATH}/confirm", Right.CONFIRM_HEAD, self._take_word, methods=("POST",)),
        ]

    async def _show(self, request: Request) -> Response:
        noted = await self._shell.note_view(acting(request), "integrity")
        heads, integrity = await gather(self._parts.heads.newest(), self._parts.integrity())
        return self._shell.render(
            noted,
            "integrity.html",
            title="Integrity",
            path=PATH,
            heads=heads,
            integrity=integrity,
            words=_WORDS[integrity.light],
            tone=_TONES[integrity.light],
            browsers=_browsers(integrity),
        )

    async def _give_head(self, request: Request) -> Response:
        """Give a script the newest head and how it grew: hashes only, so this is no view of anybody's events."""
        earlier = request.query_params.get("from", "0")
        if not (earlier.isascii() and earlier.isdigit() and len(earlier) <= _SIZE_DIGITS) or int(earlier) > _MOST_SIZE:
            raise BadInputError("`from` is the number of events in an earlier head.")
        growth = await self._parts.heads.growth(int(earlier))
        keys = [{"old": each.old_key, "new": each.new_key, "signature": each.signature} for each in growth.keys]
        return JSONResponse(
            {
                "note": growth.head.note,
                "proof": [b64encode(node).decode() for node in growth.proof],
                "first_key": str(growth.first_key) if growth.first_key else None,
                "keys": keys,
            }
        )

    async def _take_word(self, request: Request) -> Response:
        """Note what a browser found, under the name of whoever signed in: to say something false is on record."""
        try:
            word = _Word.model_validate_json(await request.body())
        except ValidationError:
            raise BadInputError("This confirmation cannot be read. Reload the page.") from None
        person = acting(request)
        if word.does_continue and not word.seen <= word.size <= await self._size():
            raise BadInputError("The log never had so many events, so no browser saw them. Reload the page.")
        await self._parts.audit.append(
            HeadConfirmed(actor=person.id, size=word.size) if word.does_continue else _contradicted(word, person.id)
        )
        return JSONResponse({"noted": True})

    async def _size(self) -> int:
        """Return how many events the log has that are sealed."""
        return max((head.size for head in await self._parts.heads.newest()), default=0)


def _contradicted(word: _Word, actor: UUID) -> HeadContradicted:
    """Return what is noted of a contradiction: with the kept checkpoint, as far as it is one of that size."""
    try:
        text, signatures = split_note(word.kept or "")
        checkpoint = Checkpoint.parse(text)
    except NoteError:
        return HeadContradicted(actor=actor, size=word.size, seen=word.seen)
    if checkpoint.size != word.seen:
        raise BadInputError("The kept head is of another size. Reload the page.")
    return HeadContradicted(
        actor=actor,
        size=word.size,
        seen=word.seen,
        root=b64encode(checkpoint.root).decode(),
        signature=b64encode(signatures[0].key_id + signatures[0].blob).decode() if signatures else None,
    )


def _browsers(integrity: Integrity) -> dict[str, UUID]:
    """Return the people whose browsers the state names, by how it names them."""
    named = [(each.kind, each.label) for each in integrity.anchors]
    named += [(each.kind, each.label) for each in (*integrity.contradictions, *integrity.unproved)]
    return {label: UUID(label) for kind, label in named if kind == "browser"}
