"""API tokens in memory, with the rules of the real ones as far as their owners meet them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from assistant.balance import Allowance, Balance, Counted, Window
from assistant.conversation import Person
from assistant.errors import BadInputError
from assistant.identity.scopes import Scopes
from assistant.identity.tokens import NewToken, TokenEntry, TokenFault, no_such_token
from assistant.quotas.limits import Claim


@dataclass
class FakeOwnTokens:
    rows: dict[UUID, TokenEntry] = field(default_factory=dict)
    owners: dict[UUID, UUID | None] = field(default_factory=dict)

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
        made, now = token_id or uuid4(), datetime.now(UTC)
        if made in self.rows:
            raise BadInputError("This form was sent before.")
        ends = now + timedelta(days=days)
        self.rows[made] = TokenEntry(made, owner, label, Scopes.parse(scopes), now, ends, None, None)
        self.owners[made] = actor
        return NewToken(made, actor or uuid4(), f"clst_{made.hex}{'x' * 11}", ends)

    async def list(self, owner: str = "") -> list[TokenEntry]:
        return [entry for entry in self.rows.values() if entry.owner == owner][::-1]

    async def revoke_own(self, person: Person, token_id: UUID) -> None:
        if token_id not in self.rows or self.rows[token_id].owner != person.name:
            raise no_such_token()
        entry = self.rows[token_id]
        values = {name: getattr(entry, name) for name in TokenEntry.__slots__}
        self.rows[token_id] = TokenEntry(**(values | {"fault": TokenFault.REVOKED}))


async def look(claim: Claim) -> Balance:
    """Return a balance that says at which door it holds."""
    reset = 34.0
    return Balance((Allowance(f"at-the-{claim.door}", Counted.REQUESTS, Window.MINUTE, 60, 59, reset),))
