"""Choose the deployment for a prompt: a pure function of what is known about all of them."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from connectors.errors import BusyError, NoRouteError
from connectors.model_hosts.values import ANY_MODEL, Ability, Capability, Need, Route, is_allowed

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


_Standing = tuple[int, bool, bool, int, float, str]
_Rank = tuple[bool, int, _Standing]
_LAST: Final[_Rank] = (True, sys.maxsize, (0, True, True, 0, 0.0, ""))


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
        names: by which a person may mean it; folded, and without a tag for every tag.
        waiting: how many requests would be before a new one.
        free_slots: how many answers can begin on it now, as far as Cloister asks it; its own queue comes and goes.
        is_shut: it failed so often that nobody is sent there while anybody else can be asked.
        queue_seconds, token_seconds: how long a prompt waits for its first token: for those before it and the loading
            of the model, and for each token of its own to be read. What was never measured counts as nothing, so that
            every deployment is tried.
        standing, holders_standing: among those with which the first token comes equally soon: fewest before a new one,
            who has the conversation in its cache, who has the model in memory, fewest in flight, the fastest.
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
    waiting: int = field(init=False, repr=False, compare=False)
    free_slots: int = field(init=False, repr=False, compare=False)
    is_shut: bool = field(init=False, repr=False, compare=False)
    queue_seconds: float = field(init=False, repr=False, compare=False)
    token_seconds: float = field(init=False, repr=False, compare=False)
    standing: _Standing = field(init=False, repr=False, compare=False)
    holders_standing: _Standing = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Work out once what every prompt looks at; a candidate is built only when something changed."""
        own = (self.public_name.casefold(), self.name.casefold())
        names = frozenset(name for full in own for name in (full, full.split(":")[0], full.removesuffix(":latest")))
        waiting = self.queued + max(0, self.in_flight - self.slots + 1)
        queue_seconds = 0.0 if self.is_loaded else self.cold_seconds
        queue_seconds += waiting * (self.answer_seconds or _UNKNOWN_ANSWER_SECONDS) / self.slots
        crowd = 1 + self.in_flight / self.slots  # they share the arithmetic that reads prompts
        standing = (not self.is_loaded, self.in_flight, -self.tokens_per_second, self.deployment)
        token_seconds = crowd / self.prompt_tokens_per_second if self.prompt_tokens_per_second else 0.0
        for name, value in (
            ("names", names),
            ("waiting", waiting),
            ("free_slots", max(0, self.slots - self.in_flight)),
            ("is_shut", self.is_cooling and self.failures >= _SHUT_FAILURES),
            ("queue_seconds", queue_seconds),
            ("token_seconds", token_seconds),
            ("standing", (waiting, True, *standing)),
            ("holders_standing", (waiting, False, *standing)),
        ):
            object.__setattr__(self, name, value)  # the one way into a frozen value

    @property
    def is_asked_alone(self) -> bool:
        """Tell whether whoever asks it next must be the only one: after its rest, or as the last one there is."""
        return self.needs_trial or self.is_shut

    def saved_seconds(self, held_tokens: int) -> float:
        """Return how much earlier the first token comes because this much of the prompt need not be read again.

        What a busy host saves is bounded: its cache is not as sure as somebody else's free slot.
        """
        if not self.prompt_tokens_per_second:
            return _STEP_SECONDS
        return min(held_tokens / self.prompt_tokens_per_second, _MOST_SAVED_SECONDS)


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
        [
            candidate
            for candidate in _with_room(group, need)
            if not candidate.is_shut and candidate.deployment not in excluding
        ]
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
        for candidate in _with_room(group, need)
        if candidate.is_shut and not candidate.is_tried
    ]
    if last := [candidate for candidate in resting if candidate.deployment not in excluding]:
        yield last


def best(usable: Iterable[Candidate], need: Need, held: Held | None = None) -> Candidate:
    """Return the one to ask of some that can be; who holds the conversation in its cache has an advantage."""
    return min(usable, key=lambda candidate: _rank(candidate, need, held))


def in_order_of_choice(usable: Iterable[Candidate], need: Need, held: Held | None) -> list[Candidate]:
    """Return some that can be asked, the best first."""
    return sorted(usable, key=lambda candidate: _rank(candidate, need, held))


def in_favour(ranked: Sequence[Candidate], need: Need) -> frozenset[str]:
    """Return those that would be the best if they held all of the conversation, whoever holds it.

    Args:
        ranked: as `in_order_of_choice` gives them, for a conversation that nobody holds or that somebody does.
        need: what the prompt asks.
    """
    first, second = sorted([*(_rank(candidate, need, None) for candidate in ranked[:3]), _LAST])[:2]
    favoured: set[str] = set()
    for candidate in ranked:
        is_first = candidate.deployment == first[-1][-1]
        if _holders_rank(candidate, need, need.prompt_tokens) < (second if is_first else first):
            favoured.add(candidate.deployment)
    return frozenset(favoured)


def _groups(candidates: Sequence[Candidate], need: Need) -> Iterable[Sequence[Candidate]]:
    for name in need.models:
        if name != ANY_MODEL:
            folded = name.casefold()
            yield [candidate for candidate in candidates if folded in candidate.names]
    if need.is_open:
        yield candidates


def _with_room(candidates: Iterable[Candidate], need: Need) -> list[Candidate]:
    """Return those that are there, that the policy allows, that know how and whose window is wide enough."""
    tokens, capability = need.tokens, need.capability
    is_plain = not (need.only or need.calls_tools or need.abilities)
    return [
        candidate
        for candidate in candidates
        if not candidate.absence
        and candidate.context_tokens >= tokens
        and capability in candidate.capabilities
        and (is_plain or (_is_able(candidate, need) and _may_have(candidate, need)))
    ]


def _may_have(candidate: Candidate, need: Need) -> bool:
    """Tell whether the policy lets a prompt go there."""
    return is_allowed(candidate.labels, need.only)


def _is_able(candidate: Candidate, need: Need) -> bool:
    """Tell whether it can do what is wished for besides the capability."""
    has_tools = not need.calls_tools or Capability.TOOLS in candidate.capabilities
    return has_tools and need.abilities <= candidate.abilities


def _rank(candidate: Candidate, need: Need, held: Held | None) -> _Rank:
    if held is not None and held.deployment == candidate.deployment:
        return _holders_rank(candidate, need, min(held.tokens, need.prompt_tokens))
    seconds = candidate.queue_seconds + need.prompt_tokens * candidate.token_seconds
    return candidate.is_cooling, round(seconds / _STEP_SECONDS), candidate.standing


def _holders_rank(candidate: Candidate, need: Need, held_tokens: int) -> _Rank:
    seconds = candidate.queue_seconds + need.prompt_tokens * candidate.token_seconds
    seconds = max(0.0, seconds - candidate.saved_seconds(held_tokens))
    return candidate.is_cooling, round(seconds / _STEP_SECONDS), candidate.holders_standing


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
        only=need.only,
        tokens=need.tokens,
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
        for candidate in _with_room(present, need)
        if candidate.is_shut and candidate.deployment not in excluding
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
