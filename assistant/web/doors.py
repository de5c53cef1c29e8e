"""What the doors need from the rest of the product: ports that `wiring` fills and tests fake."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from assistant.conversation import Person
from assistant.settings import Settings
from assistant.web.chat_parts import ChatParts
from assistant.web.console_parts import ConsoleParts
from assistant.web.gateway_parts import GatewayParts, TokenCheck


class SignedIn(Protocol):
    """A person who just signed in, and the token of their new session."""

    @property
    def person(self) -> Person:
        """Return who signed in."""

    @property
    def token(self) -> str:
        """Return what goes into the cookie; it is shown nowhere else."""


class SignIn(Protocol):
    """Who is speaking: passwords and sessions; the identity implements it."""

    async def sign_in(self, name: str, password: str, client: str) -> SignedIn:
        """Begin a session.

        Raises:
            TooManyAttemptsError: somebody guesses too fast; says when to come back.
            CloisterError: refused; the message may be shown and tells a stranger nothing.
        """

    async def person_for_session(self, token: str) -> Person | None:
        """Return who holds this session, with the roles in force now; none when it is over."""

    async def sign_out(self, token: str) -> None:
        """End this session.

        Raises:
            UnavailableError: the database or the audit log is down; asking again may help.
        """


@dataclass(frozen=True, slots=True)
class PartState:
    """How one part of the product is doing.

    Attributes:
        words: for anybody who asks: counts, no names and no addresses.
        details: for whoever is signed in, in the place of the words; empty when there is no more to say.
    """

    is_ready: bool
    words: str
    details: str = ""


@dataclass(frozen=True, slots=True)
class Doors:
    """What the web process is made of.

    Attributes:
        check_parts: looks at every part; quick, and never raises.
        open_chat: builds what the chat needs. Awaited in the background after the first pages can be served, because
            it imports the heavy libraries.
        tokens, open_gateway: likewise for the gateway; without them there is none.
        on_loaded: hears that the heavy libraries of the chat are imported.
    """

    settings: Settings
    identity: SignIn
    check_parts: Callable[[], Awaitable[Mapping[str, PartState]]]
    open_chat: Callable[[], Awaitable[ChatParts]]
    console: ConsoleParts
    tokens: TokenCheck | None = None
    open_gateway: Callable[[], Awaitable[GatewayParts]] | None = None
    on_loaded: Callable[[], None] | None = None
