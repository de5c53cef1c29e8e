"""What a prompt needs of a deployment, for whom it is asked, where it waits, and which was chosen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from connectors.model_hosts.values.wishes import Ability

ANY_MODEL = "*"  # as the last of a need's models: any other one will do


class Capability(StrEnum):
    """What a model can be asked for."""

    CHAT = "chat"
    FIM = "fim"  # fill in the middle: code between a prefix and a suffix
    EMBED = "embed"
    VISION = "vision"
    TOOLS = "tools"


@dataclass(frozen=True, slots=True)
class Asker:
    """For whom a prompt is answered: what decides who is next where several wait.

    Attributes:
        owner: who shares what is there with the others; opaque, such as a person's id.
        is_interactive: somebody sits before it; goes before what a program asks.
        weight: how many answers this owner gets while another one with weight 1 gets one.
    """

    owner: str = ""
    is_interactive: bool = True
    weight: float = 1.0


NOBODY: Final = Asker()


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the line before the model hosts.

    Attributes:
        before: how many prompts are asked before this one.
        seconds: how long that takes by what was measured; None before anything was.
    """

    before: int
    seconds: int | None = None

    @property
    def words(self) -> str:
        """Say it to who waits."""
        ahead = f"{self.before} before you" if self.before else "You are next"
        return ahead if self.seconds is None else f"{ahead}, about {self.seconds} s"


@dataclass(frozen=True, slots=True)
class Need:
    """What a prompt asks of a deployment.

    Attributes:
        models: names in order of preference; empty means any, and so does a last `*`. A name without a tag
            (`qwen2.5`) fits every tag of it.
        prompt_tokens: of all messages together, counted with `most_tokens`.
        answer_tokens: room to leave for the answer.
        asker: for whom; decides who is next where several wait.
        thread: of which conversation it is the next prompt; opaque, empty if of none.
        only: labels that its host must have, one of each set.
        calls_tools: the model must know how to call tools as well.
        abilities: what its host must be able to do.
        is_suspect: a host went down with it: where it goes no other suspect goes until it begins to be answered.
    """

    models: tuple[str, ...] = ()
    capability: Capability = Capability.CHAT
    calls_tools: bool = False
    abilities: frozenset[Ability] = frozenset()
    prompt_tokens: int = 0
    answer_tokens: int = 1024
    asker: Asker = NOBODY
    thread: str = ""
    only: tuple[frozenset[str], ...] = ()
    is_suspect: bool = False

    @property
    def tokens(self) -> int:
        """Return how many tokens of context the prompt and its answer need, counted generously."""
        return self.prompt_tokens + self.answer_tokens

    @property
    def is_open(self) -> bool:
        """Tell whether a model of any name will do."""
        return not self.models or ANY_MODEL in self.models


def is_allowed(labels: frozenset[str], only: Iterable[frozenset[str]]) -> bool:
    """Tell whether a host with these labels may be asked: it needs one of each set."""
    return all(not wanted.isdisjoint(labels) for wanted in only)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a host is waited for, in seconds.

    Attributes:
        connect: until the connection stands.
        first_token: until its first word, with the model in memory.
        load: the same, with a model that it reads into memory first.
        stall: between two pieces.
    """

    connect: float = 3.0
    first_token: float = 120.0
    load: float = 240.0
    stall: float = 30.0


@dataclass(frozen=True, slots=True)
class Route:
    """The choice that was made.

    Attributes:
        deployment: id of the model on its host, such as `Mini2/llama3.1:70b`.
        context_tokens: the window in force; 0 where it has no meaning (the quote host).
        reason: the choice in words for the page and the console.
        is_seated: who chose it counts it as work in flight for as long as it is asked.
        can_continue: it goes on from an answer that was begun, instead of beginning anew.
        held_tokens: of the prompt, that it read for the same conversation before and need not read again.
        is_suspect, only, tokens: as the `Need` has them for which it was chosen.
    """

    deployment: str
    host: str
    model: str
    context_tokens: int
    reason: str
    is_seated: bool = False
    can_continue: bool = False
    held_tokens: int = 0
    is_suspect: bool = False
    only: tuple[frozenset[str], ...] = ()
    tokens: int = 0
