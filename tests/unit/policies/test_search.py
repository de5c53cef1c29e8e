"""What is judged by the whole run is held until the run ends."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given, settings

from policies.detectors import scan
from policies.detectors.scan import Scanner
from policies.detectors.search import _DECODED_TIMES, Search
from policies.views.fold import fold_bytes
from tests.unit.policies.texts import BLOCKING, POLICY, REDACTING, TEXTS, both_ways, open_stream

HIDDEN = base64.b64encode(b"the key is AKIA2E4AQ3F2B44C7Q2X, keep it").decode("ascii")
DRAWN = "q8mV0uT6sLw2KdYcB5nR9eF1hX3z"


@pytest.mark.parametrize("text", [f"see {HIDDEN} there", f"my api token is {DRAWN} there", f'api_token = "{DRAWN}"'])
@pytest.mark.parametrize("size", [1, 5, 13])
def test_a_run_is_judged_whole_however_it_arrives(text: str, size: int) -> None:
    whole, verdict, shown = both_ways(REDACTING, text, [size])
    assert len(whole.held_back) == 1
    assert verdict == whole
    assert shown == whole.text


@pytest.mark.parametrize("run", [HIDDEN, DRAWN])
def test_a_run_is_held_from_its_beginning_until_it_ends(run: str) -> None:
    stream = open_stream(REDACTING)
    shown = "".join(stream.feed(character) for character in "api token: " + run)
    assert not any(run[place : place + 4] in shown for place in range(len(run) - 4))
    assert "[" in stream.feed(" and. ") + stream.close()


@pytest.mark.parametrize("size", [1, 5, 13])
def test_a_run_is_held_even_where_no_rule_would_hold_it(size: int) -> None:
    # Among all the shipped rules some hold every run anyway; alone, this one knows nothing of base64.
    scanner = Scanner(rule for rule in POLICY.rules if rule.name == "secret/aws-access-key")
    text = f"see {HIDDEN} there"
    search = Search(scanner)
    found = []
    for place in range(0, len(text), size):
        settled = search.feed(text[place : place + size], is_last=False)
        found += settled.findings
        assert settled.end <= 4 or settled.end >= 4 + len(HIDDEN)
    found += search.feed("", is_last=True).findings
    assert found == Search(scanner).feed(text, is_last=True).findings
    assert [finding.rule for finding in found] == ["secret/aws-access-key"]


@settings(max_examples=200, deadline=None)
@given(TEXTS.map(lambda text: fold_bytes(text)[:200]))
def test_a_line_by_itself_shows_what_its_views_do(line: bytes) -> None:
    search = BLOCKING._search()
    views = search._inner(_DECODED_TIMES).feed(line.decode("latin-1"), is_last=True).findings
    assert set(search._in_line(line)) == set(views)


@settings(max_examples=200, deadline=None)
@given(TEXTS.map(lambda text: fold_bytes(text)[:128]))
def test_a_short_text_shows_what_it_would_as_a_long_one(data: bytes) -> None:
    scanner = BLOCKING._scanner
    found = scanner.find(data, 0, scanner.sighted(data))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(scan, "_SHORT_CHARS", -1)
        assert set(scanner.find(data, 0, scanner.sighted(data))) == set(found)
