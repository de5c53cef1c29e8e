from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal

from assistant.conversation import Role
from assistant.personas.reader import Persona, Starter
from assistant.web.chat.serving import describe, serving_words, things_to_try
from connectors.model_hosts.values import Capability, HostStatus, ModelStatus

NOW = datetime(2026, 11, 23, tzinfo=UTC)
PERSONA = Persona(
    name="general", label="General", description="For *everything*.", roles=frozenset({Role.EMPLOYEE}),
    models=("llama3.1:70b", "qwen2.5"), system="x",
)  # fmt: skip


def host(
    name: str, *models: ModelStatus, is_up: bool = True, origin: Literal["fleet", "found", "bundled", "quote"] = "fleet"
) -> HostStatus:
    return HostStatus(name, "ollama", "http://x", is_up, f"{name} is loading", NOW, origin, models)


def model(name: str, *, is_available: bool = True, capability: Capability = Capability.CHAT) -> ModelStatus:
    return ModelStatus(name, is_available, True, 1000, 0, frozenset({capability}))


def test_the_preferred_model_is_named_with_its_host() -> None:
    hosts = [host("Dev1", model("qwen2.5:32b")), host("Mini2", model("llama3.1:70b"))]
    assert "Mini2 · llama3\\.1\\:70b" in serving_words(PERSONA, hosts)


def test_the_next_best_stands_in_and_any_other_after_it() -> None:
    gone = host("Mini2", model("llama3.1:70b", is_available=False))
    assert "Dev1 · qwen2\\.5\\:32b" in serving_words(PERSONA, [gone, host("Dev1", model("qwen2.5:32b"))])
    assert "Dev2 · phi" in serving_words(PERSONA, [gone, host("Dev2", model("phi"))])


def test_a_model_that_cannot_chat_does_not_serve() -> None:
    assert "No model host" in serving_words(PERSONA, [host("Einstein", model("nomic", capability=Capability.EMBED))])


def test_a_host_that_loads_says_so() -> None:
    assert "Mini2 is loading" in serving_words(PERSONA, [host("Mini2")])


def test_a_host_that_is_drained_says_so() -> None:
    words = "Mini2 is drained for maintenance since noon"
    drained = replace(host("Mini2", model("llama3.1:70b", is_available=False)), words=words, is_drained=True)
    assert words in serving_words(PERSONA, [drained])
    assert "Dev1" in serving_words(PERSONA, [drained, host("Dev1", model("qwen2.5:32b"))])


def test_with_no_host_the_words_say_what_works_and_what_to_do() -> None:
    quoting = serving_words(PERSONA, [host("quote", model("quote"), origin="quote")])
    assert "quote the documentation" in quoting
    assert "CLOISTER_FLEET" in quoting
    assert "CLOISTER_FLEET" in serving_words(PERSONA, [])


def test_a_description_is_no_markdown() -> None:
    assert describe(PERSONA, []).startswith("For \\*everything\\*\\.")


def test_with_a_base_model_alone_the_page_says_what_it_can_do() -> None:
    coder = PERSONA.model_copy(update={"fim_model": "starcoder2"})
    hosts = [host("Dev1", model("starcoder2:15b", capability=Capability.FIM))]
    words = serving_words(coder, hosts)
    assert "complete code and cannot chat" in words
    assert "Code completion in your editor: Dev1 · starcoder2\\:15b" in words
    assert "editor" not in serving_words(PERSONA, hosts)
    asking = coder.model_copy(update={"starters": (Starter(label="Try", prompt="this"),)})
    assert things_to_try(asking, hosts) == ()
    quoting = [*hosts, host("quote", model("quote"), origin="quote")]
    words = serving_words(coder, quoting)
    assert "cannot chat, so answers quote the documentation" in words
    assert "No model host" not in words
    assert "Code completion in your editor: Dev1" in words
    assert things_to_try(asking, quoting) == asking.starters
    assert things_to_try(asking, [*hosts, host("Dev2", model("phi"))]) == asking.starters


def test_who_completes_code_stands_below_who_answers() -> None:
    coder = PERSONA.model_copy(update={"fim_model": "starcoder2"})
    hosts = [host("Dev1", model("qwen2.5:32b")), host("Dev2", model("starcoder2:3b", capability=Capability.FIM))]
    answering, completing = serving_words(coder, hosts).split("\n\n")
    assert "Served now by Dev1" in answering
    assert "Dev2 · starcoder2" in completing
