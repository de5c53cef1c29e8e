"""API tokens with a trace: whoever makes, revokes or misuses one stands in the audit log."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Final
from uuid import UUID

from assistant.audit.events import AccessRefused, TokenCreated, TokenRefused, TokenRevoked
from assistant.audit.log import AuditLog
from assistant.conversation import Person
from assistant.errors import CloisterError
from assistant.identity.scopes import Scopes
from assistant.identity.tokens import ApiTokens, Holder, NewToken, TokenEntry, TokenRefusedError, no_such_token

_QUIET_SECONDS: Final = 60.0  # for so long the same refusal is no news, as for limits


class Tokens:
    """Make, list, revoke and check tokens.

    Args:
        tokens: the table.
        audit: the open audit log.
        clock: seconds, from anywhere.
    """

    def __init__(self, tokens: ApiTokens, audit: AuditLog, clock: Callable[[], float] = time.monotonic) -> None:
        self._tokens = tokens
        self._audit = audit
        self._clock = clock
        self._noted: dict[tuple[UUID, str], float] = {}  # refusals within the last minute

    async def create(
        self,
        owner: str,
        scopes: Iterable[str],
        *,
        days: int,
        label: str = "",
        actor: UUID | None = None,
        token_id: UUID | None = None,
    ) -> NewToken:
        """Make a token for a person, and note it before anybody can read it.

        Args:
            owner: the name that the person signs in with.
            scopes: what it is for.
            days: how long it lives.
            label: what its owner calls it.
            actor: who makes it; none: a command on the server.
            token_id: the id that it gets; none: a new one.

        Raises:
            BadInputError: scopes, days or label do not fit, the person may hold no more tokens, or there is one of
                this id.
            NotFoundError: nobody has this name.
        """
        parsed = Scopes.parse(scopes)
        made = await self._tokens.create(owner, parsed, days=days, label=label, token_id=token_id)
        try:
            await self._audit.append(
                TokenCreated(actor=actor, subject=made.owner, token_id=made.id, scopes=parsed.words, days=days)
            )
        except CloisterError:
            await self._tokens.revoke(made.id)
            raise
        return made

    async def list(self, owner: str = "") -> list[TokenEntry]:
        """Return the tokens of one person, or of everybody, the newest first.

        Raises:
            NotFoundError: nobody has this name.
        """
        return await self._tokens.list(owner)

    async def revoke(self, token_id: UUID, *, actor: UUID | None = None) -> None:
        """Void a token: its next request is refused, in every process.

        Raises:
            NotFoundError: there is no such token.
        """
        owner = await self._tokens.owner_of(token_id)
        await self._audit.append(TokenRevoked(actor=actor, subject=owner, token_id=token_id))
        await self._tokens.revoke(token_id)

    async def revoke_own(self, person: Person, token_id: UUID) -> None:
        """Void a token of the person's own; a foreign one looks as if there were none.

        Raises:
            NotFoundError: there is no such token, or it is somebody else's.
        """
        if await self._tokens.owner_of(token_id) != person.id:
            raise no_such_token()
        await self.revoke(token_id, actor=person.id)

    async def holder(self, token: str, client: str) -> Holder:
        """Return who holds a token; a refusal is noted, but not each of a flood that is not looked at any more.

        Raises:
            TokenRefusedError: it opens nothing.
            TooManyAttemptsError: it opens nothing, and too many before it did not either.
        """
        try:
            return await self._tokens.holder(token, client)
        except TokenRefusedError as error:
            await self._audit.append(
                TokenRefused(subject=error.owner, token_id=error.token_id, reason=error.fault.value)
            )
            raise

    async def note_refusal(self, holder: Holder, wanted: str) -> None:
        """Note that somebody asked for what their token does not open, once a minute for each token and kind.

        Such a request counts against no limit: a script that asks on and on would fill the log.
        """
        now = self._clock()
        self._noted = {key: at for key, at in self._noted.items() if now - at < _QUIET_SECONDS}
        refused = (holder.token_id, wanted)
        if refused in self._noted:
            return
        self._noted[refused] = now
        try:
            await self._audit.append(AccessRefused(actor=holder.person.id, wanted=wanted, door="gateway"))
        except CloisterError:  # the next one is the first
            self._noted.pop(refused, None)
            raise
