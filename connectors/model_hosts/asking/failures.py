"""Say what went wrong with a host, in words that never hold a prompt."""

from __future__ import annotations

from connectors.model_hosts.asking.stream import SilenceError
from connectors.model_hosts.kinds.kind import ProbeError
from connectors.model_hosts.wire import CallError

Failure = CallError | SilenceError | ProbeError

_OF_THE_PROMPT = frozenset({413, 422})  # not 400: a host whose model broke answers that as well
_STATUS_WORDS = {
    0: "gave no answer",
    401: "refuses our key (status 401); check api_key_file in fleet.yaml",
    403: "refuses our key (status 403); check api_key_file in fleet.yaml",
    404: "says that it no longer has this model (status 404)",
    408: "did not answer in time",
    429: "is too busy (status 429)",
    503: "is too busy (status 503)",
}


def is_of_the_host(failure: Failure) -> bool:
    """Tell whether the host failed, and not only this prompt on it."""
    return not isinstance(failure, CallError) or not (failure.is_overlong or failure.status in _OF_THE_PROMPT)


def describe_failure(failure: Failure) -> str:
    """Say what happened, completing the host's name to a sentence."""
    if isinstance(failure, ProbeError):
        return str(failure)
    if isinstance(failure, SilenceError):
        when = "before its answer began" if failure.is_first else "in the middle of its answer"
        return f"said nothing for {failure.seconds:g} s {when}"
    if failure.other_model:
        return f"answers with another model, {failure.other_model}; load the right one there"
    if failure.is_overlong:
        return "says that this prompt does not fit its window"
    return _STATUS_WORDS.get(failure.status, f"failed (status {failure.status})")
