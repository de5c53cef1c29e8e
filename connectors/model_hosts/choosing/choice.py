"""Choose the deployment for a prompt: a pure function of what is known about all of them."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from connectors.errors import BusyError, NoRouteError
from connectors.model_hosts.values import ANY_MODEL, Ability, Capability, Need, Route

_CAPABILITY_WORDS = {
    Capability.CHAT: "a chat",
    Capability.FIM: "code completion (fill in the middle)",
    Capability.EMBED: "embeddings",
    Capability.VISION: "images",
    Capability.TOOLS: "tool calls",
}

_ABILITY_WORDS = {
    Ability.JSON_OBJECT: "answers in JSON",
    Ability.JSON_SCHEMA: "answers in JSON by a schema",
    Ability.LOGPROBS: "how likely each token was",
    Ability.TOOL_CHOICE: "a tool that must be called",
}

_UNKNOWN_ANSWER_SECONDS = 10.0
_SHUT_FAILURES = 3  # in a row, each after a rest; with fewer a host is a last resort, for it may be the only one
_RETRY_SECONDS = 5
_TOLD_WAIT_SECONDS = 0.5  # a shorter wait in line is none
_MOST_SAVED_SECONDS = 5.0
_STEP_SECONDS = 0.25  # less makes no difference to a person; the load is then spread instead


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model on a host, with all that the choice looks at.

    Attributes:
        name, public_name: as the host knows the model, and as people do.
        context_tokens: the window; 0 if nobody knows, which fits no prompt.
        absence: why it cannot be asked now, completing `Dev1 …`; empty if it can.
        slots: answers at once before one waits.
        queued: requests that wait in the host's own queue.
        is_starting: its host reads the model into memory and answers nobody yet; taken only when all others are away.
        is_cooling: it failed a moment ago, or is being tried; taken only when there is nothing else.
        failures: in a row.
        needs_trial: its rest is over; whoever asks it next is the only one until it answers.
        is_tried: somebody does that now.
        tokens_per_second, prompt_tokens_per_second: how fast it writes and reads, as measured; 0 before.
        answer_seconds: how long an answer takes; 0 before one was measured.
        cold_seconds: how long its model takes to load; 0 before that was measured.
        can_continue: it goes on from an answer that was begun.
        abilities: what its host can do with an answer.
        labels: of its host, in the administrator's words.
        names: by which a person may mean it.
    """

    deployment: str
    host: str
    name: str
    public_name: str
    context_tokens: int
    capabilities: frozenset[Capability]
    absence: str = ""
    is_loaded: bool = False
    is_starting: bool = False
    in_flight: int = 0
    slots: int = 1
    queued: int = 0
    is_cooling: bool = False
    failures: int = 0
    needs_trial: bool = False
    is_tried: bool = False
    tokens_per_second: float = 0.0
    prompt_tokens_per_second: float = 0.0
    answer_seconds: float = 0.0
    cold_seconds: float = 0.0
    can_continue: bool = False
    abilities: frozenset[Ability] = frozenset()
    labels: frozenset[str] = frozenset()
    names: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Spell the names once: they are looked at for every prompt."""
        own = (self.public_name.casefold(), self.name.casefold())
        names = frozenset(name for full in own for name in (full, full.split(":")[0], full.removesuffix(":latest")))
        object.__setattr__(self, "names", names)  # the one way into a frozen value

    @property
    def waiting(self) -> int:
        """Return how many requests would be before a new one."""
        over = self.in_flight - self.slots + 1
        return self.queued + over if over > 0 else self.queued

    @property
    def is_shut(self) -> bool:
        """Tell whether it failed so often that nobody is sent there while anybody else can be asked."""
        return self.is_cooling and self.failures >= _SHUT_FAILURES

    @property
    def is_asked_alone(self) -> bool:
        """Tell whether whoever asks it next must be the only one: after its rest, or as the last one there is."""
        return self.needs_trial or self.is_shut

    @property
    def free_slots(self) -> int:
        """Return how many answers can begin on it now, as far as Cloister asks it; its own queue comes and goes."""
        return max(0, self.slots - self.in_flight)

    def saved_seconds(self, held_tokens: int) -> float:
        """Return how much earlier the first token comes because this much of the prompt need not be read again.

        What a busy host saves is bounded: its cache is not as sure as somebody else's free slot.
        """
        if not self.prompt_tokens_per_second:
            return _STEP_SECONDS
        return min(held_tokens / self.prompt_tokens_per_second, _MOST_SAVED_SECONDS)

    def first_token_seconds(self, prompt_tokens: int) -> float:
        """Estimate how long a prompt waits for its first token: those before it, its reading, the model's loading.

        What was never measured counts as nothing, so that every deployment is tried.
        """
        seconds = 0.0 if self.is_loaded else self.cold_seconds
        if waiting := self.waiting:
            seconds += waiting * (self.answer_seconds or _UNKNOWN_ANSWER_SECONDS) / self.slots
        if self.prompt_tokens_per_second:
            crowd = 1 + self.in_flight / self.slots  # they share the arithmetic that reads prompts
            seconds += prompt_tokens * crowd / self.prompt_tokens_per_second
        return seconds

    def is_called(self, name: str) -> bool:
        """Tell whether a person may mean this model by a name; one without a tag means every tag."""
        return name.casefold() in self.names


@dataclass(frozen=True, slots=True)
class Held:
    """Which deployment has a conversation in its cache, and how much of it.

    Attributes:
        tokens: of the last prompt, by our own count.
    """

    deployment: str
    tokens: int


def choose(candidates: Sequence[Candidate], need: Need, *, excluding: frozenset[str] = frozenset()) -> Route:
    """Choose the best deployment for a need.

    The first of the need's models that can be asked wins. Among its deployments: those that did not just fail, then
    the one with the earliest first token as far as was measured, then the fewest requests before ours, then one with
    the model in memory, then the fewest in flight, then the fastest.

    Args:
        candidates: every deployment there is, also those that cannot be asked now.
        need: what the prompt asks.
        excluding: deployments that failed for this very prompt.

    Raises:
        NoRouteError: none can take it; the message says which there are and what would help.
    """
    for usable in usable_groups(candidates, need, excluding=excluding):
        return route_to(best(usable, need), need)
    raise refusal(candidates, need, excluding)


def usable_groups(
    candidates: Sequence[Candidate], need: Need, *, excluding: frozenset[str] = frozenset()
) -> Iterator[list[Candidate]]:
    """Yield, for each of the need's models that can be asked, its deployments that can; those that start come last."""
    groups = [
        [candidate for candidate in group if _is_usable(candidate, need) and candidate.deployment not in excluding]
        for group in _groups(candidates, need)
    ]
    for is_starting in (False, True):
        for group in groups:
            if usable := [candidate for candidate in group if candidate.is_starting is is_starting]:
                yield usable
    # Nobody else is there: one prompt at a time tries what rests, so that an only host is back with its first answer.
    resting = [
        candidate
        for group in _groups(candidates, need)
        for candidate in group
        if candidate.is_shut and not candidate.is_tried and _has_room(candidate, need)
    ]
    if last := [candidate for candidate in resting if candidate.deployment not in excluding]:
        yield last


def best(usable: Iterable[Candidate], need: Need, held: Held | None = None) -> Candidate:
    """Return the one to ask of some that can be; who holds the conversation in its cache has an advantage."""
    return min(usable, key=lambda candidate: _rank(candidate, need, held))


def in_order_of_choice(usable: Iterable[Candidate], need: Need, held: Held | None) -> list[Candidate]:
    """Return some that can be asked, the best first."""
    return sorted(usable, key=lambda candidate: _rank(candidate, need, held))


def in_favour(usable: Sequence[Candidate], need: Need) -> frozenset[str]:
    """Return those that would be the best if they held all of the conversation, whoever holds it."""
    first, second = sorted([*(_rank(candidate, need, None) for candidate in usable), _LAST])[:2]
    favoured: set[str] = set()
    for candidate in usable:
        rank = _rank(candidate, need, Held(candidate.deployment, need.prompt_tokens))
        is_first = candidate.deployment == first[-1]
        if rank < (second if is_first else first):
            favoured.add(candidate.deployment)
    return frozenset(favoured)


def _groups(candidates: Sequence[Candidate], need: Need) -> Iterable[list[Candidate]]:
    for name in need.models:
        if name != ANY_MODEL:
            yield [candidate for candidate in candidates if candidate.is_called(name)]
    if need.is_open:
        yield list(candidates)


def _is_usable(candidate: Candidate, need: Need) -> bool:
    return _has_room(candidate, need) and not candidate.is_shut


def _may_have(candidate: Candidate, need: Need) -> bool:
    """Tell whether the policy lets a prompt go there."""
    return not need.only or all(not labels.isdisjoint(candidate.labels) for labels in need.only)


def _has_room(candidate: Candidate, need: Need) -> bool:
    return (
        not candidate.absence
        and candidate.context_tokens >= need.tokens
        and _is_able(candidate, need)
        and _may_have(candidate, need)
    )


def _is_able(candidate: Candidate, need: Need) -> bool:
    return (
        need.capability in candidate.capabilities
        and (not need.calls_tools or Capability.TOOLS in candidate.capabilities)
        and need.abilities <= candidate.abilities
    )


_Rank = tuple[bool, int, int, bool, bool, int, float, str]
_LAST: _Rank = (True, sys.maxsize, 0, True, True, 0, 0.0, "")


def _rank(candidate: Candidate, need: Need, held: Held | None) -> _Rank:
    seconds = candidate.first_token_seconds(need.prompt_tokens)
    is_holder = held is not None and held.deployment == candidate.deployment
    if held is not None and is_holder:
        seconds = max(0.0, seconds - candidate.saved_seconds(min(held.tokens, need.prompt_tokens)))
    return (
        candidate.is_cooling,
        round(seconds / _STEP_SECONDS),
        candidate.waiting,
        not is_holder,
        not candidate.is_loaded,
        candidate.in_flight,
        -candidate.tokens_per_second,
        candidate.deployment,
    )


def route_to(
    candidate: Candidate,
    need: Need,
    *,
    waited_seconds: float = 0.0,
    is_seated: bool = False,
    held: Held | None = None,
) -> Route:
    """Return the choice of a candidate, with its reason in words."""
    words = [
        f"room {spaced(need.tokens)} of {spaced(candidate.context_tokens)}",
        f"{candidate.waiting} waiting",
        "warm" if candidate.is_loaded else "starting" if candidate.is_starting else "cold",
    ]
    if candidate.is_cooling:
        words.append("failed a moment ago, but there is no other")
    held_tokens = min(held.tokens, need.prompt_tokens) if held and held.deployment == candidate.deployment else 0
    if held_tokens:
        words.append("has this conversation")
    if waited_seconds >= _TOLD_WAIT_SECONDS:
        words.append(f"after {waited_seconds:.0f} s in line")
    return Route(
        deployment=candidate.deployment,
        host=candidate.host,
        model=candidate.public_name,
        context_tokens=candidate.context_tokens,
        reason=f"{candidate.host} {candidate.public_name}: {', '.join(words)}",
        is_seated=is_seated,
        can_continue=candidate.can_continue,
        held_tokens=held_tokens,
        is_suspect=need.is_suspect,
    )


def refusal(candidates: Sequence[Candidate], need: Need, excluding: frozenset[str]) -> NoRouteError:
    """Say why nobody can take the prompt: the first of the reasons that is true of all."""
    named = [candidate for group in _groups(candidates, need) for candidate in group]
    if not named:
        there = sorted({candidate.public_name for candidate in candidates})
        wanted = ", ".join(repr(name) for name in need.models)
        return NoRouteError(f"No model host serves {wanted}. There is: {', '.join(there)}.")
    able = [candidate for candidate in named if need.capability in candidate.capabilities]
    if not able:
        return NoRouteError(_unable_words(named, need.capability), is_unfit=not need.is_open)
    able = [candidate for candidate in able if _may_have(candidate, need)]
    if not able:
        wanted = " and ".join(" or ".join(repr(label) for label in sorted(labels)) for labels in need.only)
        return NoRouteError(
            f"Nothing was sent. The policy lets this go to hosts with the label {wanted} alone, and there is none. Ask "
            f"your administrator."
        )
    able = [candidate for candidate in able if _is_able(candidate, need)]
    if not able:
        return NoRouteError(
            f"No model that may be asked here can do this: {_wanted(need)}. Ask without it, or name another model.",
            is_unfit=True,
        )
    return _refusal_of_able(able, need, excluding)


def _refusal_of_able(able: Sequence[Candidate], need: Need, excluding: frozenset[str]) -> NoRouteError:
    """Say why none of those that know how, and that the policy allows, can take the prompt now."""
    present = [candidate for candidate in able if not candidate.absence]
    if not present:
        tried = dict.fromkeys(f"{candidate.host} {candidate.absence}" for candidate in able)
        return NoRouteError(f"No model host can be asked now. Tried: {'; '.join(tried)}. Ask again in a minute.")
    widest = max(present, key=lambda candidate: candidate.context_tokens)
    if widest.context_tokens < need.tokens:
        return NoRouteError(
            f"This needs room for {spaced(need.tokens)} tokens with its answer, and the largest window there is has "
            f"{spaced(widest.context_tokens)} ({widest.host} {widest.public_name}). Shorten the text or start a new "
            f"thread.",
            is_overlong=True,
        )
    shut = [
        candidate
        for candidate in present
        if candidate.is_shut and _has_room(candidate, need) and candidate.deployment not in excluding
    ]
    if shut:
        told = dict.fromkeys(f"{candidate.host} failed {candidate.failures} times in a row" for candidate in shut)
        return BusyError(
            f"No model host can be asked now. {'; '.join(told)}. It is being tried; ask again in {_RETRY_SECONDS} s.",
            retry_after_seconds=_RETRY_SECONDS,
        )
    failed = dict.fromkeys(candidate.host for candidate in present if candidate.deployment in excluding)
    return NoRouteError(
        f"Every model host with room for this failed just now: {', '.join(failed)}. Ask again in a minute."
    )


def _wanted(need: Need) -> str:
    wanted = [_CAPABILITY_WORDS[Capability.TOOLS]] if need.calls_tools else []
    return ", ".join([*wanted, *sorted(_ABILITY_WORDS[ability] for ability in need.abilities)])


def _unable_words(candidates: Iterable[Candidate], wanted: Capability) -> str:
    code = sorted({one.public_name for one in candidates if Capability.FIM in one.capabilities})
    if wanted is Capability.CHAT and code:
        return (
            f"The models here complete code and cannot chat: {', '.join(code)}. Use them in your editor, or ask your "
            f"administrator for a chat model."
        )
    return f"No model that may be asked here is made for {_CAPABILITY_WORDS[wanted]}. Ask your administrator for one."


def spaced(number: int) -> str:
    """Write a number with a space between thousands."""
    return f"{number:,}".replace(",", " ")
