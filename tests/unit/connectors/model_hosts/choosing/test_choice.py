from dataclasses import replace

import pytest

from connectors.errors import BusyError, NoRouteError
from connectors.model_hosts.choosing.choice import Candidate, Held, best, choose, route_to
from connectors.model_hosts.values import Capability, Need

CHAT = frozenset({Capability.CHAT})
SMALL = Candidate("Dev1/qwen2.5:7b", "Dev1", "qwen2.5:7b", "qwen2.5:7b", 8192, CHAT, is_loaded=True)
TWIN = replace(SMALL, deployment="Dev2/qwen2.5:7b", host="Dev2")
LARGE = Candidate("Mini2/llama3.1:70b", "Mini2", "meta/Llama-70B", "llama3.1:70b", 32768, CHAT, is_loaded=True)
EMBED = Candidate(
    "Einstein/nomic", "Einstein", "nomic:latest", "nomic", 8192, frozenset({Capability.EMBED}), is_loaded=True
)
ALL = (SMALL, LARGE, EMBED)


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({"in_flight": 1}, "Dev2"),  # one before ours
        ({"queued": 3}, "Dev2"),  # the host says that others wait
        ({"is_loaded": False}, "Dev2"),  # must be read from disk first
        ({"is_cooling": True}, "Dev2"),  # failed a moment ago
        ({"absence": "is down"}, "Dev2"),
        ({"tokens_per_second": 50.0}, "Dev1"),  # otherwise alike: the faster
        ({"slots": 4, "in_flight": 1}, "Dev2"),  # nobody waits on either: fewest in flight
        ({}, "Dev1"),  # alike: always the same one, so that its caches stay warm
    ],
)
def test_one_difference_decides(change: dict[str, object], wanted: str) -> None:
    assert choose((replace(SMALL, **change), TWIN), Need()).host == wanted


FAST = replace(TWIN, prompt_tokens_per_second=2000.0, answer_seconds=4.0)
SLOW = replace(SMALL, prompt_tokens_per_second=100.0, answer_seconds=60.0)


@pytest.mark.parametrize(
    ("one", "two", "prompt_tokens", "wanted"),
    [
        (SLOW, FAST, 4000, "Dev2"),  # 40 s or 2 s of reading
        (SLOW, FAST, 10, "Dev1"),  # a tenth of a second: nobody sees that
        (SLOW, replace(FAST, in_flight=1), 4000, "Dev2"),  # behind another one it is still the sooner
        (replace(SLOW, slots=4), replace(FAST, in_flight=20), 400, "Dev1"),  # but not behind twenty
        (replace(SLOW, is_loaded=False, cold_seconds=0.0), FAST, 4000, "Dev2"),
        (replace(SMALL, is_loaded=False, cold_seconds=90.0), replace(FAST, in_flight=3), 100, "Dev2"),
        (SMALL, FAST, 4000, "Dev1"),  # never measured: it is tried
    ],
)
def test_earliest_first_token_wins(one: Candidate, two: Candidate, prompt_tokens: int, wanted: str) -> None:
    assert choose((one, two), Need(prompt_tokens=prompt_tokens, answer_tokens=1000)).host == wanted


def test_free_slot_on_a_warm_host_beats_an_idle_cold_one() -> None:
    warm = replace(SMALL, slots=4, in_flight=3)
    assert choose((warm, replace(TWIN, is_loaded=False)), Need()).host == "Dev1"


def test_full_warm_host_yields_to_an_idle_cold_one() -> None:
    full = replace(SMALL, slots=4, in_flight=4)
    assert choose((full, replace(TWIN, is_loaded=False)), Need()).host == "Dev2"


@pytest.mark.parametrize(
    ("need", "wanted"),
    [
        (Need(("llama3.1:70b", "qwen2.5:7b")), LARGE),
        (Need(("starcoder2", "llama3.1")), LARGE),  # the first is not there; a name without a tag fits every tag
        (Need(("META/llama-70b",)), LARGE),  # the host's own name, in any case
        (Need(("starcoder2", "*")), SMALL),  # any other will do
        (Need(prompt_tokens=20_000), LARGE),  # only the large window has room
        (Need(capability=Capability.EMBED), EMBED),
        (Need(("nomic",), capability=Capability.EMBED), EMBED),
    ],
)
def test_need_picks(need: Need, wanted: Candidate) -> None:
    assert choose(ALL, need).deployment == wanted.deployment


def test_preference_without_room_yields_to_the_next() -> None:
    assert choose(ALL, Need(("qwen2.5", "llama3.1"), prompt_tokens=20_000)).host == "Mini2"


@pytest.mark.parametrize("is_narrow_first", [True, False])
def test_a_name_lends_no_deployment_the_window_of_another(*, is_narrow_first: bool) -> None:
    wide = replace(TWIN, context_tokens=32_768, in_flight=5)  # busy, so that anything else would be preferred
    there = (SMALL, wide) if is_narrow_first else (wide, SMALL)
    named = Need(("qwen2.5:7b",), prompt_tokens=20_000)
    assert choose(there, named).host == "Dev2"
    assert choose(there, replace(named, prompt_tokens=100)).host == "Dev1"
    with pytest.raises(NoRouteError, match=r"Every model host with room for this failed just now: Dev2\."):
        choose(there, named, excluding=frozenset({wide.deployment}))


def test_window_must_hold_prompt_and_answer_exactly() -> None:
    fits = Need(prompt_tokens=8192 - 1024, answer_tokens=1024)
    assert choose((SMALL,), fits).host == "Dev1"
    with pytest.raises(NoRouteError):
        choose((SMALL,), replace(fits, prompt_tokens=fits.prompt_tokens + 1))


def test_unknown_window_takes_nothing() -> None:
    with pytest.raises(NoRouteError, match="largest window there is has 0"):
        choose((replace(SMALL, context_tokens=0),), Need(prompt_tokens=4))


def test_reason_in_words() -> None:
    busy = replace(LARGE, in_flight=2, slots=1)
    need = Need(prompt_tokens=2888, answer_tokens=1024)
    assert choose((LARGE,), need).reason == "Mini2 llama3.1:70b: room 3 912 of 32 768, 0 waiting, warm"
    assert choose((busy,), need).reason == "Mini2 llama3.1:70b: room 3 912 of 32 768, 2 waiting, warm"
    cooling = replace(LARGE, is_cooling=True, is_loaded=False)
    assert choose((cooling,), need).reason.endswith("0 waiting, cold, failed a moment ago, but there is no other")


@pytest.mark.parametrize(
    ("candidates", "need", "excluding", "words"),
    [
        (ALL, Need(("gpt-4",)), set(), "No model host serves 'gpt-4'. There is: llama3.1:70b, nomic, qwen2.5:7b."),
        (ALL, Need(capability=Capability.FIM), set(), "made for code completion"),
        (ALL, Need(("nomic",)), set(), "made for a chat"),
        (
            (replace(SMALL, absence="does not answer at http://dev1.lan, for 3 min"),),
            Need(),
            set(),
            "No model host can be asked now. Tried: Dev1 does not answer at http://dev1.lan, for 3 min.",
        ),
        (
            ALL,
            Need(prompt_tokens=40_000),
            set(),
            "room for 41 024 tokens with its answer, and the largest window there is has 32 768 (Mini2 llama3.1:70b)",
        ),
        ((SMALL, TWIN), Need(), {SMALL.deployment, TWIN.deployment}, "failed just now: Dev1, Dev2"),
    ],
)
def test_no_route_says_why(candidates: tuple[Candidate, ...], need: Need, excluding: set[str], words: str) -> None:
    with pytest.raises(NoRouteError) as caught:
        choose(candidates, need, excluding=frozenset(excluding))
    assert words in str(caught.value)


@pytest.mark.parametrize(("models", "is_unfit"), [(("nomic",), True), (("nomic", "*"), False)])
def test_a_model_that_was_named_for_what_it_cannot_do_is_the_askers_to_change(
    models: tuple[str, ...], *, is_unfit: bool
) -> None:
    with pytest.raises(NoRouteError) as refused:
        choose((EMBED,), Need(models))
    assert refused.value.is_unfit is is_unfit


def test_a_host_that_failed_thrice_is_spared_as_long_as_there_is_another() -> None:
    twice = replace(SMALL, is_cooling=True, failures=2)
    thrice = replace(TWIN, is_cooling=True, failures=3)
    assert choose((twice, thrice), Need()).host == "Dev1"
    assert not twice.is_asked_alone
    assert choose((twice, thrice), Need(), excluding=frozenset({twice.deployment})).host == "Dev2"
    assert thrice.is_asked_alone
    assert choose((replace(thrice, is_cooling=False, needs_trial=True),), Need()).host == "Dev2"


def test_an_only_host_that_failed_is_tried_by_one_prompt_at_a_time() -> None:
    thrice = replace(TWIN, is_cooling=True, failures=3)
    assert choose((thrice,), Need()).host == "Dev2"
    with pytest.raises(BusyError, match=r"Dev2 failed 3 times in a row\. It is being tried; ask again in") as caught:
        choose((replace(thrice, is_tried=True),), Need())
    assert caught.value.retry_after_seconds > 0


def test_a_conversation_stays_where_it_was_as_long_as_that_is_no_loss() -> None:
    need = Need(prompt_tokens=4000)
    held = Held(TWIN.deployment, 3500)
    fast = replace(SMALL, prompt_tokens_per_second=1000.0, answer_seconds=4.0)
    twin = replace(TWIN, prompt_tokens_per_second=1000.0, answer_seconds=4.0)
    assert best((fast, twin), need).host == "Dev1"
    assert best((fast, twin), need, held).host == "Dev2"
    waited = replace(twin, in_flight=1)  # four seconds of waiting for three and a half that are saved
    assert best((fast, waited), need, held).host == "Dev1"
    slow = {"prompt_tokens_per_second": 100.0, "answer_seconds": 12.0}
    free, busy = replace(SMALL, **slow), replace(TWIN, **slow, in_flight=1)
    assert busy.saved_seconds(3500) == 5.0  # not 35: whether the cache is still there nobody knows
    assert best((free, busy), need, held).host == "Dev1"
    assert best((replace(SMALL, is_loaded=True), replace(TWIN, is_loaded=True)), need, held).host == "Dev2"
    assert best((SMALL, replace(twin, is_cooling=True)), need, held).host == "Dev1"
    route = route_to(twin, need, held=held)
    assert (route.held_tokens, "has this conversation" in route.reason) == (3500, True)
    assert route_to(fast, need, held=held).held_tokens == 0


def test_a_prompt_goes_only_where_the_policy_lets_it() -> None:
    inside, outside = replace(TWIN, labels=frozenset({"inside", "gpu"})), replace(SMALL, labels=frozenset({"gpu"}))
    only = Need(only=(frozenset({"inside", "vault"}), frozenset({"gpu"})))
    assert choose((outside, inside), Need()).host == "Dev1"
    assert choose((outside, inside), only).host == "Dev2"
    away = replace(inside, absence="does not answer")
    with pytest.raises(NoRouteError, match="Dev2 does not answer"):  # not: then the other one
        choose((outside, away), only)
    with pytest.raises(NoRouteError, match="hosts with the label 'inside' or 'vault' and 'gpu' alone"):
        choose((outside, SMALL), only)
    with pytest.raises(NoRouteError, match="hosts with the label 'inside'"):
        choose((outside, inside), Need(only=(frozenset({"inside"}), frozenset({"vault"}))))


def test_excluded_deployment_is_not_asked_again() -> None:
    assert choose((SMALL, TWIN), Need(), excluding=frozenset({SMALL.deployment})).host == "Dev2"
