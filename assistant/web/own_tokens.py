"""A person's own API tokens: made, listed and revoked on one page, which also says what is left of their limits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol
from uuid import UUID, uuid4

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from assistant.balance import Allowance, Balance
from assistant.conversation import Person
from assistant.errors import BadInputError
from assistant.identity.scopes import ANY, ROUTES
from assistant.identity.tokens import LABEL_CHARS, MOST_DAYS, NewToken, TokenEntry
from assistant.personas.reader import Personas
from assistant.quotas.limits import Claim
from assistant.web.forms import read_lists
from assistant.web.pages import render
from assistant.web.refusals import acting, in_words
from connectors.model_hosts.values import Capability, HostStatus
from policies.verdict import Verdict

PATH: Final = "/tokens"
_DOORS: Final = ("chat", "gateway")
_DAYS: Final = (7, 30, 90, MOST_DAYS)
_USUAL_DAYS: Final = 90
_MOST_FIELDS: Final = 100
_MOST_DEAD: Final = 20  # tokens that open nothing any more, and are still listed
_ROUTE_WORDS: Final[Mapping[str, str]] = {
    "chat": "Chat: questions and answers, as on this page",
    "completions": "Completions: code as you type",
    "embeddings": "Embeddings: texts as numbers, for search",
}


class OwnTokens(Protocol):
    """API tokens as their owners use them; `assistant.tokens` implements it."""

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
        """Make a token.

        Raises:
            BadInputError: something does not fit, or a token of this id was made before.
        """

    async def list(self, owner: str = "") -> list[TokenEntry]:
        """Return the tokens of a person, the newest first."""

    async def revoke_own(self, person: Person, token_id: UUID) -> None:
        """Void a token of the person's own.

        Raises:
            NotFoundError: there is none, or it is somebody else's.
        """


@dataclass(frozen=True, slots=True)
class TokenPageParts:
    """What the page is made of.

    Attributes:
        check_apart: the guard, for what somebody calls a token.
        look: what is left of limits.
    """

    tokens: OwnTokens
    personas: Personas
    hosts: Callable[[], Sequence[HostStatus]]
    check_apart: Callable[[str, Person], Awaitable[Verdict]]
    look: Callable[[Claim], Awaitable[Balance]]


class TokenRoutes:
    """Let people make tokens for their own editors, and revoke them."""

    def __init__(self, parts: TokenPageParts) -> None:
        self._parts = parts

    def routes(self) -> list[Route]:
        """Return the routes; every one is reached with `person` in the request's state."""
        return [
            Route(PATH, in_words(self._show)),
            Route(PATH, in_words(self._create), methods=["POST"]),
            Route(f"{PATH}/{{token_id:uuid}}/revoke", in_words(self._revoke), methods=["POST"]),
        ]

    async def _show(self, request: Request) -> Response:
        return await self._render(acting(request))

    async def _create(self, request: Request) -> Response:
        """Make a token and show it, in this one response: no address can show it again."""
        person, fields = acting(request), await read_lists(request, most_fields=_MOST_FIELDS)
        try:
            made = await self._make(person, fields)
        except BadInputError as error:
            return await self._render(person, said=str(error), status=400)
        return await self._render(person, made=made)

    async def _make(self, person: Person, fields: Mapping[str, Sequence[str]]) -> NewToken:
        label = fields.get("label", [""])[0].strip()
        verdict = await self._parts.check_apart(label, person)
        if verdict.is_blocked or verdict.text != label:
            raise BadInputError("The name holds what looks like a secret. Call the token after the machine or editor.")
        open_to = {persona.name for persona in self._parts.personas.for_person(person)}
        if unknown := set(fields.get("persona", ())) - open_to:
            raise BadInputError(f"The persona {min(unknown)[:40]!r} is not open to you. Reload the page.")
        scopes = [
            *fields.get("route", ()),
            *(f"persona:{name}" for name in fields.get("persona", ())),
            *(f"model:{name}" for name in fields.get("model", ())),
        ]
        return await self._parts.tokens.create(
            person.name,
            scopes,
            days=_days(fields.get("days", [""])[0]),
            label=label,
            actor=person.id,
            token_id=_form_id(fields.get("form", [""])[0]),
        )

    async def _revoke(self, request: Request) -> Response:
        await self._parts.tokens.revoke_own(acting(request), request.path_params["token_id"])
        return RedirectResponse(PATH, 303)

    async def _render(
        self, person: Person, *, made: NewToken | None = None, said: str = "", status: int = 200
    ) -> Response:
        entries = await self._parts.tokens.list(person.name)
        alive = [entry for entry in entries if entry.fault is None]
        dead = [entry for entry in entries if entry.fault is not None]
        return render(
            "tokens.html",
            title="Tokens",
            status=status,
            made=made,
            said=said,
            entries=alive + dead[:_MOST_DEAD],
            allowances=await self._left(person),
            form=uuid4(),  # becomes the token's id: a form that is sent twice, by a reload, makes one token
            routes=[(name, _ROUTE_WORDS.get(name, name)) for name in ROUTES],
            personas=self._parts.personas.for_person(person),
            models=self._models(person),
            any_model=ANY,
            days=_DAYS,
            usual_days=_USUAL_DAYS,
            label_chars=LABEL_CHARS,
        )

    async def _left(self, person: Person) -> list[Allowance]:
        """Return what is left of the limits that hold for a person at any door, whichever token they come with."""
        found: dict[tuple[object, ...], Allowance] = {}
        for door in _DOORS:
            for entry in (await self._parts.look(Claim(uuid4(), person, door))).allowances:
                found[entry.limit, entry.counted, entry.window] = entry
        return list(found.values())

    def _models(self, person: Person) -> list[str]:
        """Return the models that a person's personas use now."""
        personas = self._parts.personas.for_person(person)
        names = {
            model.name
            for host in self._parts.hosts()
            for model in host.models
            if Capability.CHAT in model.capabilities and any(persona.uses(model.name) for persona in personas)
        }
        return sorted(names)


def _days(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > len(str(MOST_DAYS)):
        raise BadInputError(f"A token lives 1 to {MOST_DAYS} days.")
    return int(text)


def _form_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise BadInputError("This form is none of this page. Reload the page, and fill it in again.") from None
