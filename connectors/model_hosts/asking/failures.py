"""Say what went wrong with a host, in words that never hold a prompt."""

from __future__ import annotations

from typing import Final

from connectors.model_hosts.asking.stream import SilenceError
from connectors.model_hosts.kinds.kind import ProbeError
from connectors.model_hosts.wire import CallError


class NotAskedError(Exception):
    """A deployment was not asked after all: it changed since it was chosen. The message completes its host's name."""


Failure = CallError | SilenceError | ProbeError | NotAskedError
FAILURES: Final = (CallError, SilenceError, ProbeError, NotAskedError)
"""All of them, for `except`."""

_OF_THE_PROMPT = frozenset({413, 422})
_OF_THE_WISHES = frozenset({400})  # without any wish it is the host's: one whose model broke answers that as well
_STATUS_WORDS = {
    0: "gave no answer",
    401: "refuses our key (status 401); check api_key_file in fleet.yaml",
    403: "refuses our key (status 403); check api_key_file in fleet.yaml",
    404: "says that it no longer has this model (status 404)",
    408: "did not answer in time",
    429: "is too busy (status 429)",
    503: "is too busy (status 503)",
}


def is_of_the_host(failure: Failure, *, has_wished: bool) -> bool:
    """Tell whether the host failed, and not only this prompt on it.

    Args:
        failure: what happened.
        has_wished: the caller wished for what a host may refuse, see `Wishes.may_be_refused`.
    """
    if not isinstance(failure, CallError):
        return not isinstance(failure, NotAskedError)
    return not (
        failure.is_overlong or failure.status in _OF_THE_PROMPT or is_of_the_asker(failure, has_wished=has_wished)
    )


def is_of_the_asker(failure: Failure, *, has_wished: bool) -> bool:
    """Tell whether it is what was asked: a schema that is none, a question on which the model says nothing.

    Else one caller with one bad schema would have every host rest, one after the other, for everybody.
    """
    return isinstance(failure, CallError) and (failure.is_silent or _refuses_wishes(failure, has_wished=has_wished))


def _refuses_wishes(failure: CallError, *, has_wished: bool) -> bool:
    return failure.status in _OF_THE_WISHES and has_wished


def describe_failure(failure: Failure, *, has_wished: bool = False) -> str:
    """Say what happened, completing the host's name to a sentence."""
    if isinstance(failure, ProbeError | NotAskedError):
        return str(failure)
    if isinstance(failure, SilenceError):
        when = "before its answer began" if failure.is_first else "in the middle of its answer"
        return f"said nothing for {failure.seconds:g} s {when}"
    return _describe_call(failure, has_wished=has_wished)


def _describe_call(failure: CallError, *, has_wished: bool) -> str:
    if failure.other_model:
        return f"answers with another model, {failure.other_model}; load the right one there"
    if failure.is_remote:
        return "answers from somebody else's machines, not its own; set OLLAMA_NO_CLOUD=1 on it and restart Ollama"
    if failure.is_overlong:
        return "says that this prompt does not fit its window"
    if failure.is_silent:
        return "worked at this and said nothing"
    if _refuses_wishes(failure, has_wished=has_wished):
        return "refuses what this request asks for (status 400)"
    return _STATUS_WORDS.get(failure.status, f"failed (status {failure.status})")
