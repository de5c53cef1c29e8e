"""What is known of code models, against what their makers publish."""

from __future__ import annotations

import pytest

from connectors.model_hosts.code_models import corrected, format_of, is_base_code_model
from connectors.model_hosts.fim.prompts import write_prompt
from connectors.model_hosts.values import Capability, CodeFile, Gap

GAP = Gap("def add(a, b):\n    ", "\n    return c\n")
FILES = Gap("use(", ")\n", name="main.py", files=(CodeFile("lib.py", "def use(): ...\n"), CodeFile("b.py", "b = 1\n")))

# Written down from the sources that each format names, letter by letter; not made from the table.
PUBLISHED = [
    ("starcoder:7b", "<fim_prefix>def add(a, b):\n    <fim_suffix>\n    return c\n<fim_middle>"),
    ("starcoder2:15b", "<fim_prefix>def add(a, b):\n    <fim_suffix>\n    return c\n<fim_middle>"),
    ("qwen2.5-coder:7b", "<|fim_prefix|>def add(a, b):\n    <|fim_suffix|>\n    return c\n<|fim_middle|>"),
    ("codellama:7b-code", "<PRE> def add(a, b):\n     <SUF>\n    return c\n <MID>"),
    ("deepseek-coder:6.7b", "<｜fim▁begin｜>def add(a, b):\n    <｜fim▁hole｜>\n    return c\n<｜fim▁end｜>"),  # noqa: RUF001
    ("codestral:22b", "[SUFFIX]\n    return c\n[PREFIX]def add(a, b):\n    "),
]
WITH_FILES = [
    (
        "starcoder2:3b",
        (
            "<repo_name>untitled<file_sep>lib.py\ndef use(): ...\n<file_sep>b.py\nb = 1\n<file_sep>main.py\n"
            "<fim_prefix>use(<fim_suffix>)\n<fim_middle>"
        ),
    ),
    (
        "qwen2.5-coder:32b-base",
        (
            "<|repo_name|>untitled\n<|file_sep|>lib.py\ndef use(): ...\n\n<|file_sep|>b.py\nb = 1\n\n"
            "<|file_sep|>main.py\n"
            "<|fim_prefix|>use(<|fim_suffix|>)\n<|fim_middle|>"
        ),
    ),
    ("codellama:13b-code", "<PRE> use( <SUF>)\n <MID>"),  # has no place for files
]


@pytest.mark.parametrize(("model", "prompt"), PUBLISHED)
def test_a_prompt_is_as_its_makers_publish_it(model: str, prompt: str) -> None:
    known = format_of(model)
    assert known is not None
    assert write_prompt(GAP, known) == prompt
    assert known.source


@pytest.mark.parametrize(("model", "prompt"), WITH_FILES)
def test_other_files_go_where_the_format_has_a_place(model: str, prompt: str) -> None:
    known = format_of(model)
    assert known is not None
    assert write_prompt(FILES, known) == prompt


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("bigcode/starcoder2-15b", "StarCoder2"),
        ("starcoderbase:1b", "StarCoder"),
        ("Qwen/Qwen2.5-Coder-32B-Instruct", "Qwen2.5-Coder"),
        ("qwen3-coder:30b", "Qwen2.5-Coder"),
        ("codellama/CodeLlama-13b-hf", "CodeLlama"),
        ("DeepSeek-Coder-V2-Lite", "DeepSeek-Coder"),
        ("Codestral-22B-v0.1", "Codestral"),
        ("llama3.1:70b", ""),
        ("qwen2.5:32b", ""),
        ("nomic-embed-text", ""),
    ],
)
def test_a_family_is_known_by_the_models_name(model: str, name: str) -> None:
    known = format_of(model)
    assert (known.name if known else "") == name


@pytest.mark.parametrize(
    ("model", "is_base"),
    [
        ("starcoder2:15b", True),
        ("starcoder:latest", True),
        ("starcoder2:instruct", False),
        ("starcoder2-15b-instruct-v0.1", False),
        ("qwen2.5-coder:7b", False),
        ("qwen2.5-coder:7b-base", True),
        ("codellama:7b", False),
        ("codellama:7b-code", True),
        ("deepseek-coder:1.3b-base", True),
        ("codestral:22b", False),
        ("llama3.1:70b-base", False),
    ],
)
def test_a_base_model_is_told_from_one_that_can_chat(model: str, *, is_base: bool) -> None:
    assert is_base_code_model(model) is is_base


def test_what_hosts_say_is_corrected() -> None:
    chat, fim, embed = Capability.CHAT, Capability.FIM, Capability.EMBED
    assert corrected("starcoder2:15b", {chat}, can_complete=True) == {fim}
    assert corrected("starcoder2:15b", {chat, fim}, can_complete=False) == set()
    assert corrected("qwen2.5-coder:7b", {chat}, can_complete=True) == {chat, fim}
    assert corrected("llama3.1:70b", {chat}, can_complete=True) == {chat}
    assert corrected("Developers", {fim}, can_complete=True) == {fim}
    assert corrected("nomic-embed-text", {embed}, can_complete=True) == {embed}
