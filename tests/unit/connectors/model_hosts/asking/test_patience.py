"""How long a deployment is waited for: kind, site, host, and what its prompt needs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connectors.model_hosts.asking.patience import SitePatience
from connectors.model_hosts.catalogue import Host, Model
from connectors.model_hosts.choosing.load import Load
from connectors.model_hosts.kinds.kinds import build_kinds
from connectors.model_hosts.values import Patience
from connectors.model_hosts.watching.watch import Deployment

KINDS = {kind.name: kind for kind in build_kinds()}


def deployment(kind: str = "ollama", *, is_loaded: bool = True, **waits: float) -> Deployment:
    host = Host("Mini2", kind, "http://mini2.lan:1", waits=tuple(waits.items()))
    return Deployment(
        "Mini2/m", host, KINDS[kind], Model("m", "m"), 8192, is_loaded=is_loaded, absence="", slots=1, queued=0
    )


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_said_anything(kind: str) -> None:
    patience = SitePatience().of(deployment(kind))
    assert patience == KINDS[kind].patience
    assert 0 < patience.connect < patience.stall <= patience.first_token <= patience.load


def test_the_nearest_word_counts() -> None:
    site = SitePatience(first_token_seconds=7.0, stall_seconds=3.0)
    assert site.of(deployment()) == Patience(connect=3.0, first_token=7.0, load=7.0, stall=3.0)
    said = site.of(deployment(connect=1.0, first_token=50.0, stall=9.0))
    assert said == Patience(connect=1.0, first_token=50.0, load=50.0, stall=9.0)
    assert site.of(deployment(load=600.0)).load == 600.0


def test_a_model_that_is_not_in_memory_and_a_long_prompt_are_given_more() -> None:
    load = Load()
    patience = SitePatience()
    assert patience.first_seconds(deployment(), load, 32_000) == 120
    assert patience.first_seconds(deployment(is_loaded=False), load, 32_000) == 300
    load = replace(load, prompt_tokens_per_second=100.0)
    assert patience.first_seconds(deployment(), load, 32_000) == 960
    assert patience.first_seconds(deployment(), load, 100) == 120
    assert patience.first_seconds(deployment(), load, 10**9) == 3600
