"""The integrity page: heads, who vouches for them, the last check; and the reviewer's browser as an anchor."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from assistant.audit.events import HeadConfirmed, HeadContradicted
from assistant.audit.heads_shown import HeadsShown
from assistant.errors import BadInputError
from assistant.rights import Right
from assistant.web.console.routes import ConsoleRoute
from assistant.web.console.shell import Shell
from assistant.web.console.telling import tell
from assistant.web.console_parts import ConsoleParts
from assistant.web.refusals import acting

PATH: Final = "/console/integrity"
_HEARTBEAT: Final = timedelta(seconds=75)  # a head comes at least every minute
_ANCHORS_WANTED: Final = 2
_MOST_SIZE: Final = 2**53


@dataclass(frozen=True, slots=True)
class Light:
    """What the page says in one glance.

    Attributes:
        tone: `allow`, `redact` or `block`; never shown without the words.
        reasons: why it is not green; empty if it is.
    """

    tone: str
    words: str
    reasons: tuple[str, ...]


class _Word(BaseModel):
    """What a browser says it found.

    Attributes:
        size: of the log that it was shown now.
        seen: of the log that it kept from its last visit; 0 at its first.
        does_continue: the log of now grew from the one of then.
    """

    model_config = ConfigDict(strict=True, extra="forbid")

    size: int = Field(ge=0, le=_MOST_SIZE)
    seen: int = Field(ge=0, le=_MOST_SIZE)
    does_continue: bool


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
        shown = await self._parts.heads.read()
        return self._shell.render(
            noted,
            "integrity.html",
            title="Integrity",
            path=PATH,
            shown=shown,
            light=judge(shown, datetime.now(UTC)),
            verified=tell(shown.verified) if shown.verified else None,
        )

    async def _give_head(self, request: Request) -> Response:
        """Give a script the newest head and how it grew: hashes only, so this is no view of anybody's events."""
        earlier = request.query_params.get("from", "0")
        if not (earlier.isascii() and earlier.isdigit()) or int(earlier) > _MOST_SIZE:
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
        """Note what a browser found; a word that is false harms nobody but whoever gives it."""
        try:
            word = _Word.model_validate_json(await request.body())
        except ValidationError:
            raise BadInputError("This confirmation cannot be read. Reload the page.") from None
        person = acting(request)
        await self._parts.audit.append(
            HeadConfirmed(actor=person.id, size=word.size)
            if word.does_continue
            else HeadContradicted(actor=person.id, size=word.size, seen=word.seen)
        )
        return JSONResponse({"noted": True})


def judge(shown: HeadsShown, now: datetime) -> Light:
    """Return the light: red for what proves a change, yellow for what is missing, green with two anchors."""
    if not shown.heads:
        return Light("redact", "Nothing was sealed yet", ("No head is there. Look whether the sealer runs.",))
    broken = list(_broken(shown))
    if broken:
        return Light("block", "The log may have been changed", tuple(broken))
    missing = list(_missing(shown, now))
    if missing:
        return Light("redact", "Nothing contradicts the log, and not everything vouches for it", tuple(missing))
    return Light("allow", "The log is sealed and vouched for", ())


def _broken(shown: HeadsShown) -> list[str]:
    found = []
    if shown.is_signed is False:
        found.append("The newest head is not signed by this log's key. Run `cloister audit verify`.")
    if shown.verified is not None and not _flag(shown, "is_sound"):
        found.append("The last check of the whole log found something. Run `cloister audit verify`.")
    if shown.contradicted is not None:
        found.append("An anchor was shown a log before that this one does not grow from; see below.")
    return found


def _missing(shown: HeadsShown, now: datetime) -> list[str]:
    missing = []
    age = now - shown.heads[0].sealed_at
    if age > _HEARTBEAT:
        missing.append(f"The newest head is {int(age.total_seconds()):,} s old. Look whether the sealer runs.")
    if shown.is_signed is None:
        missing.append("This process was not given the log's public key (CLOISTER_LOG_KEY): no signature is checked.")
    anchors = len(shown.anchors) + len(shown.confirmed)
    if anchors < _ANCHORS_WANTED:
        missing.append(
            f"{anchors} of {_ANCHORS_WANTED} anchors vouch for it: witnesses, files, servers, and browsers of 7 days."
        )
    if shown.verified is None:
        missing.append("The whole log was never checked. Run `cloister audit verify`, best every night.")
    return missing


def _flag(shown: HeadsShown, name: str) -> bool:
    data: Any = shown.verified.document.get("data") if shown.verified else None
    return bool(isinstance(data, dict) and data.get(name))
