"""What the choice looks at is what it would be if it were built anew each time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from connectors.model_hosts.catalogue import Host, Model
from connectors.model_hosts.choosing.breaker import Breaker
from connectors.model_hosts.choosing.candidates import Candidates
from connectors.model_hosts.choosing.load import Load
from connectors.model_hosts.choosing.sharing import Share
from connectors.model_hosts.kinds.kinds import build_kinds
from connectors.model_hosts.watching.watch import Deployment

NAMES = ("Dev1/m", "Dev2/m")
VLLM = next(kind for kind in build_kinds() if kind.name == "vllm")


def deployment(name: str) -> Deployment:
    model = Model("m", "m", 8192)
    host = Host(name.split("/", maxsplit=1)[0], "vllm", "http://127.0.0.1:1", models=(model,))
    return Deployment(name, host, VLLM, model, 8192, is_loaded=True, absence="", slots=2, queued=0)


class Scene:
    """Two deployments, and everything that may happen to them."""

    def __init__(self) -> None:
        self.now = 0.0
        self.loads = {name: Load(clock=lambda: self.now) for name in NAMES}
        self.breaker = Breaker(self.loads, None)
        self.watch = SimpleNamespace(deployments={name: deployment(name) for name in NAMES}, hosts={})
        self.others: dict[str, Share] = {}
        self.candidates = self.build()

    def build(self) -> Candidates:
        return Candidates(self.watch, self.loads, self.breaker, lambda: self.others)

    def happen(self, what: str, name: str) -> None:
        if what in LOADED:
            LOADED[what](self.loads[name], self.now)
        elif what == "wait":
            self.now += 7.0
        elif what == "others":
            self.others = {name: Share(in_flight=1 + int(self.now))}
        elif what == "look":
            known = self.watch.deployments[name]
            self.watch.deployments = self.watch.deployments | {name: replace(known, queued=known.queued + 1)}
        elif what == "lose":
            self.watch.deployments = {name: self.watch.deployments[name]}
        else:
            self.watch.deployments = {each: deployment(each) for each in NAMES}


LOADED: dict[str, Callable[[Load, float], object]] = {
    "begin": lambda load, _: load.take(lambda: None),
    "end": lambda load, _: load.give_back(lambda: None),
    "fail": lambda load, _: load.failed(),
    "answer": lambda load, _: load.answers(),
    "succeed": lambda load, now: load.succeeded(answer_tokens=100, seconds=1.0 + now),
    "read": lambda load, now: load.began(prompt_tokens=1000, seconds=1.0 + now),
    "load": lambda load, now: load.loaded(5.0 + now),
    "hear": lambda load, _: load.hear(2, 30.0),
    "sound": lambda load, _: load.hear(0, 0.0),
}
WHAT = (*LOADED, "wait", "others", "look", "lose", "find")


@given(st.lists(st.tuples(st.sampled_from(WHAT), st.sampled_from(NAMES)), max_size=30))
def test_what_is_kept_is_what_would_be_built_anew(story: list[tuple[str, str]]) -> None:
    scene = Scene()
    assert scene.candidates.all() == scene.build().all()
    for what, name in story:
        if name in scene.watch.deployments:
            scene.happen(what, name)
        assert scene.candidates.all() == scene.build().all(), what


async def test_a_trial_that_ends_is_seen_without_anything_else_happening() -> None:
    scene = Scene()
    scene.happen("fail", "Dev1/m")
    scene.now += 100.0
    assert await scene.breaker.claim_trial("Dev1/m")
    assert scene.candidates.all()[0].is_tried
    scene.breaker.end_trial("Dev1/m")
    assert not scene.candidates.all()[0].is_tried
