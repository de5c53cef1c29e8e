"""No text of a file ends up as a control token, and a client's own prompt becomes a gap again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.model_hosts.code_models import CODE_FORMATS, CodeFormat, control_tokens
from connectors.model_hosts.fim.prompts import harmless, read_prompt, write_prompt
from connectors.model_hosts.values import CodeFile, Gap

FORMATS = st.sampled_from(CODE_FORMATS)
TOKENS = [*{token for known in CODE_FORMATS for token in known.tokens}, "<|eot_id|>", "<|start_header_id|>"]
TEXTS = st.lists(
    st.one_of(st.sampled_from([*TOKENS, "<", "<|", "|>", "[", "<fim", "_prefix>"]), st.text(max_size=8))
).map("".join)


@given(FORMATS, TEXTS, TEXTS, TEXTS, TEXTS)
def test_a_prompt_has_the_tokens_that_we_wrote_and_no_other(
    known: CodeFormat, prefix: str, suffix: str, name: str, text: str
) -> None:
    gap = harmless(Gap(prefix, suffix, name=name, files=(CodeFile(name, text),)), known)
    assert not any(token in part for token in known.tokens for part in (gap.prefix, gap.suffix, gap.name))
    prompt = write_prompt(gap, known)
    written = write_prompt(Gap("", "", name="a", files=(CodeFile("a", ""),)), known)
    pattern = control_tokens(known)
    assert pattern.findall(prompt) == pattern.findall(written)


@given(TEXTS, TEXTS)
def test_of_a_model_that_nobody_knows_every_known_token_is_none(prefix: str, suffix: str) -> None:
    gap = harmless(Gap(prefix, suffix), None)
    assert not any(token in gap.prefix + " " + gap.suffix for token in TOKENS)


@given(FORMATS, TEXTS, TEXTS)
def test_what_is_made_harmless_keeps_its_places(known: CodeFormat, prefix: str, suffix: str) -> None:
    gap = harmless(Gap(prefix, suffix), known)
    assert (len(gap.prefix), len(gap.suffix)) == (len(prefix), len(suffix))
    assert harmless(gap, known) == gap


def test_code_without_tokens_stays_as_it_is() -> None:
    gap = Gap("if (a < b && c[0] > d) { x |= y; }\n", "List<String> list = new ArrayList<>();\n")
    assert all(harmless(gap, known) == gap for known in (*CODE_FORMATS, None))


PLAIN = st.text(alphabet="abc (){}\n<>[]|_", max_size=60)


@given(FORMATS, PLAIN, PLAIN)
def test_a_prompt_that_a_client_wrote_is_read_back(known: CodeFormat, prefix: str, suffix: str) -> None:
    assert read_prompt(write_prompt(Gap(prefix, suffix), known)) == Gap(prefix, suffix)


def test_files_that_a_client_put_before_its_gap_are_read_back() -> None:
    named = "<file_sep>lib.py\ndef use(): ...\n<file_sep>b.py\nb = 1\n<fim_prefix>use(<fim_suffix>)\n<fim_middle>"
    assert read_prompt(named) == Gap(
        "use(", ")\n", files=(CodeFile("lib.py", "def use(): ...\n"), CodeFile("b.py", "b = 1\n"))
    )
    unnamed = "<file_sep>def use(): ...\npass\n<file_sep><fim_prefix>use(<fim_suffix>)<fim_middle>"
    assert read_prompt(unnamed) == Gap("use(", ")", files=(CodeFile("", "def use(): ...\npass\n"),))


@pytest.mark.parametrize(
    "prompt",
    [
        "plain code",
        "<fim_prefix>a<fim_suffix>b",
        "<fim_prefix>a<fim_suffix>b<fim_middle>c",
        "x<fim_prefix>a<fim_suffix>b<fim_middle>",
        "<fim_prefix>a<fim_suffix>b<fim_suffix>c<fim_middle>",
        "<fim_suffix>a<fim_prefix>b<fim_middle>",
        "Write a test for '<PRE> x <SUF>y <MID>' please",
    ],
)
def test_tokens_elsewhere_are_text(prompt: str) -> None:
    assert read_prompt(prompt) is None
