"""Which ids a token may name, and for which route."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final
from uuid import UUID, uuid4

import pytest

from assistant.conversation import Person, Role
from assistant.identity.scopes import Scopes
from assistant.identity.tokens import Holder
from assistant.personas.reader import Persona, Personas
from assistant.web.gateway.models import Chosen, ModelList
from assistant.web.gateway.refusals import NoSuchModelError, WrongModelError
from connectors.model_hosts.values import Capability, HostStatus, ModelStatus

USES: Final = {"talker": Capability.CHAT, "filler": Capability.FIM, "embedder": Capability.EMBED}
PERSONA: Final = Persona(
    name="site",
    label="Site",
    description="With one model for each use.",
    roles=frozenset({Role.DEVELOPER}),
    chat_model="talker",
    fim_model="filler",
    embed_model="embedder",
    models=(),
    system="Be brief.",
)
HOLDER: Final = Holder(Person(UUID(int=7), "maria", frozenset({Role.DEVELOPER})), uuid4(), Scopes(("chat", "model:*")))


def hosts() -> list[HostStatus]:
    """One host that has them all."""
    models = tuple(ModelStatus(name, True, True, 4096, 0, frozenset({use})) for name, use in USES.items())
    return [HostStatus("Mini2", "vllm", "http://mini2:8000", True, "", datetime.now(UTC), "fleet", models)]


LIST: Final = ModelList(Personas([PERSONA]), hosts)


def test_a_persona_and_each_model_behind_it_are_listed() -> None:
    assert [entry.id for entry in LIST.of(HOLDER)] == ["site", *(f"site/{name}" for name in sorted(USES))]


@pytest.mark.parametrize("name", USES)
@pytest.mark.parametrize("use", USES.values())
def test_a_route_takes_the_models_that_its_persona_has_for_it(name: str, use: Capability) -> None:
    assert LIST.choose(f"site/{name}", HOLDER) == Chosen(PERSONA, name)  # to be shown
    assert LIST.choose("site", HOLDER, use) == Chosen(PERSONA)
    if USES[name] is use:
        assert LIST.choose(f"site/{name}", HOLDER, use) == Chosen(PERSONA, name)
        return
    with pytest.raises(WrongModelError) as refused:
        LIST.choose(f"site/{name}", HOLDER, use)
    assert (refused.value.status, refused.value.param) == (403, "model")


@pytest.mark.parametrize("name", USES)
@pytest.mark.parametrize("use", USES.values())
def test_a_persona_that_takes_any_model_takes_none_that_is_made_for_something_else(name: str, use: Capability) -> None:
    everything = PERSONA.model_copy(update={"models": ("*",)})
    listed = ModelList(Personas([everything]), hosts)
    if USES[name] is use:
        assert listed.choose(f"site/{name}", HOLDER, use) == Chosen(everything, name)
        return
    with pytest.raises(WrongModelError, match=r"^'site/\w+' is not there for (chat|completing code|embeddings), but"):
        listed.choose(f"site/{name}", HOLDER, use)


def test_an_unknown_model_looks_like_a_forbidden_one() -> None:
    for use in (None, *USES.values()):
        with pytest.raises(NoSuchModelError) as refused:
            LIST.choose("site/nothing", HOLDER, use)
        assert refused.value.status == 404
