"""What is known of models that complete code: by which names they go, their control tokens, whether they can chat.

The tokens are those that each model's makers publish; `tests/unit/connectors/model_hosts/test_code_models.py` holds the
prompts as published against what is made of this table.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from connectors.model_hosts.values import Capability

_CAN_CHAT: Final = ("instruct", "chat", "assistant")
_CANNOT_CHAT: Final = re.compile(r"base|-(?:code|python)(?![a-z])")  # the last two of CodeLlama


@dataclass(frozen=True, slots=True)
class CodeFormat:
    """How the models of one family are asked to fill a gap.

    Attributes:
        name: of the family.
        names: what a model's name holds, in small letters, that is of this family.
        before, between, behind: what stands around the two parts, in the order in which they are written.
        is_suffix_first: what follows the cursor is written first.
        ends: what the model writes when it is done; whatever follows is not meant for anybody.
        others: further control tokens of its vocabulary.
        repository, file: how other files are put before the gap, with `{name}` and `{text}`; empty where the format
            has no place for them.
        own_file: how the file with the gap is named behind other files.
        chats: most models of this name can chat although no part of it says so.
        source: where that is published.
    """

    name: str
    names: tuple[str, ...]
    before: str
    between: str
    behind: str
    ends: tuple[str, ...]
    source: str
    is_suffix_first: bool = False
    others: tuple[str, ...] = ()
    repository: str = ""
    file: str = ""
    own_file: str = ""
    chats: bool = False
    tokens: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        """List every control token once, the longest first."""
        around = (part.strip() for part in (self.before, self.between, self.behind))
        tokens = {token for token in (*around, *self.ends, *self.others) if token}
        object.__setattr__(self, "tokens", tuple(sorted(tokens, key=lambda token: (-len(token), token))))


CODE_FORMATS: Final = (
    CodeFormat(
        name="Qwen2.5-Coder",
        names=("qwen2.5-coder", "qwen3-coder", "qwen2.5coder"),
        before="<|fim_prefix|>",
        between="<|fim_suffix|>",
        behind="<|fim_middle|>",
        ends=("<|endoftext|>", "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>", "<|im_end|>"),
        others=("<|im_start|>",),
        repository="<|repo_name|>{name}\n",
        file="<|file_sep|>{name}\n{text}\n",
        own_file="<|file_sep|>{name}\n",
        chats=True,
        source="github.com/QwenLM/Qwen2.5-Coder, README, 3. and 4.; arxiv.org/abs/2409.12186, table 1",
    ),
    CodeFormat(
        name="StarCoder2",
        names=("starcoder2", "starcoder-2"),
        before="<fim_prefix>",
        between="<fim_suffix>",
        behind="<fim_middle>",
        ends=("<|endoftext|>", "<file_sep>", "<repo_name>"),
        others=("<fim_pad>",),
        repository="<repo_name>{name}",
        file="<file_sep>{name}\n{text}",
        own_file="<file_sep>{name}\n",
        source="arxiv.org/abs/2402.19173, sections 5.1 and 5.2; tokenizer of huggingface.co/bigcode/starcoder2-15b",
    ),
    CodeFormat(
        name="StarCoder",
        names=("starcoder", "starcoderbase", "star-coder", "tiny_starcoder"),
        before="<fim_prefix>",
        between="<fim_suffix>",
        behind="<fim_middle>",
        ends=("<|endoftext|>", "<filename>", "<reponame>", "<gh_stars>"),
        others=("<fim_pad>",),
        source="huggingface.co/bigcode/starcoder, model card, 'Fill-in-the-middle'; arxiv.org/abs/2305.06161, table 4",
    ),
    CodeFormat(
        name="CodeLlama",
        names=("codellama", "code-llama"),
        before="<PRE> ",
        between=" <SUF>",
        behind=" <MID>",
        ends=("<EOT>", "</s>"),
        others=("<s>",),
        chats=True,
        source="github.com/facebookresearch/codellama, generation.py, infilling_prompt_tokens",
    ),
    CodeFormat(
        name="DeepSeek-Coder",
        names=("deepseek-coder", "deepseek/coder", "deepseekcoder"),
        before="<｜fim▁begin｜>",  # noqa: RUF001 - its own letters
        between="<｜fim▁hole｜>",  # noqa: RUF001 - likewise
        behind="<｜fim▁end｜>",  # noqa: RUF001 - likewise
        ends=("<｜end▁of▁sentence｜>", "<|EOT|>"),  # noqa: RUF001 - likewise
        others=("<｜begin▁of▁sentence｜>",),  # noqa: RUF001 - likewise
        chats=True,
        source="github.com/deepseek-ai/DeepSeek-Coder, README, 'Code Insertion'",
    ),
    CodeFormat(
        name="Codestral",
        names=("codestral",),
        before="[SUFFIX]",
        between="[PREFIX]",
        behind="",
        is_suffix_first=True,
        ends=("</s>", "[MIDDLE]", "[INST]"),
        others=(
            "<s>",
            "[/INST]",
            "[AVAILABLE_TOOLS]",
            "[/AVAILABLE_TOOLS]",
            "[TOOL_RESULTS]",
            "[/TOOL_RESULTS]",
            "[TOOL_CALLS]",
        ),
        chats=True,
        source="github.com/mistralai/mistral-common, tokens/tokenizers/instruct.py, InstructTokenizerV2.encode_fim",
    ),
)  # fmt: skip

# Of the vocabularies of other models as well: `<|im_start|>`, `<|start_header_id|>`, DeepSeek's wide bars.
_SHAPES: Final = (r"<\|[^<>|\s]{1,60}\|>", r"<｜[^<>｜\s]{1,60}｜>")  # noqa: RUF001 - likewise
_ALWAYS: Final = ("<fim_prefix>", "<fim_suffix>", "<fim_middle>", "<fim_pad>", "<PRE>", "<SUF>", "<MID>", "<EOT>")


def format_of(model: str) -> CodeFormat | None:
    """Return the format of a model by its name; None where nobody published one that is known here."""
    name = model.casefold()
    return next((known for known in CODE_FORMATS if any(part in name for part in known.names)), None)


def is_base_code_model(model: str) -> bool:
    """Tell whether a model completes code and was never taught to answer, such as StarCoder."""
    known, name = format_of(model), model.casefold()
    if known is None or any(word in name for word in _CAN_CHAT):
        return False
    return not known.chats or _CANNOT_CHAT.search(name) is not None


def corrected(model: str, said: Iterable[Capability], *, can_complete: bool) -> frozenset[Capability]:
    """Return what a model can do, whatever its host says.

    Hosts call whatever generates a chat model, and most do not tell who can fill a gap.

    Args:
        model: its name on the host, or the name of its release.
        said: what its host says, or what was guessed.
        can_complete: the kind of host has a way to ask for that.
    """
    capabilities = set(said)
    if format_of(model) is not None and Capability.CHAT in capabilities:
        capabilities.add(Capability.FIM)
    if is_base_code_model(model):
        capabilities.discard(Capability.CHAT)
    if not can_complete:
        capabilities.discard(Capability.FIM)
    return frozenset(capabilities)


def _token_pattern(tokens: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join((*_SHAPES, *(re.escape(token) for token in (*tokens, *_ALWAYS)))))


_EVERY_TOKEN: Final = _token_pattern(token for known in CODE_FORMATS for token in known.tokens)
_TOKENS: Final = {known.name: _token_pattern(known.tokens) for known in CODE_FORMATS}


def control_tokens(known: CodeFormat | None) -> re.Pattern[str]:
    """Return what finds control tokens of a family, or of all of them, in a text."""
    return _EVERY_TOKEN if known is None else _TOKENS[known.name]
