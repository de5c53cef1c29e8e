"""Write a tiny GGUF model that a real llama.cpp loads and that says a known sentence, word by word.

The weights are a table: the embedding of each token is its own axis, one transformer layer adds nothing, and the
output matrix holds which token follows which. So the reply is real inference, and known.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import gguf
import numpy as np

REPLY = ("These", "words", "come", "from", "a", "real", "llama.cpp", "model.")
_FIM = {"pre": "<|fim_prefix|>", "suf": "<|fim_suffix|>", "mid": "<|fim_middle|>"}
_SPECIAL = ("<|start|>", "<|end|>")
_WIDTH = 512  # more than there are tokens: each has its own axis
_HEADS = 4
_TEMPLATE = (
    "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant:\n{% endif %}"
)


def write_tiny_gguf(
    path: Path,
    *,
    words: Sequence[str] = REPLY,
    is_endless: bool = False,
    context_tokens: int = 2048,
    feed_forward: int = 32,
    fills_gaps: bool = False,
) -> Path:
    """Write the model; it answers every prompt with `words`, over and over if `is_endless`.

    A wide `feed_forward` changes nothing of what it says and makes it heavy: 6 KB of zeros more for each, which every
    token must read.
    """
    bytes_as_text = _byte_symbols()
    special = (*_SPECIAL, *_FIM.values()) if fills_gaps else _SPECIAL
    vocabulary = [*special, *bytes_as_text, *(f"Ġ{word}" for word in words)]
    first_word = len(special) + len(bytes_as_text)
    follows = np.zeros((len(vocabulary), _WIDTH), dtype=np.float32)
    follows[first_word, :first_word] = 1.0  # whatever the prompt ends with, the first word comes
    for number in range(len(words)):
        is_last = number == len(words) - 1
        following = (first_word if is_endless else 1) if is_last else first_word + number + 1
        follows[following, first_word + number] = 1.0
    writer = gguf.GGUFWriter(path, "llama")
    _write_header(writer, vocabulary, len(special), context_tokens, feed_forward)
    for part in _FIM if fills_gaps else ():
        writer.add_uint32(f"tokenizer.ggml.fim_{part}_token_id", vocabulary.index(_FIM[part]))
    _write_tensors(writer, np.eye(len(vocabulary), _WIDTH, dtype=np.float32), follows, feed_forward)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _write_header(
    writer: gguf.GGUFWriter, vocabulary: list[str], special: int, context_tokens: int, feed_forward: int
) -> None:
    writer.add_name("tiny")
    writer.add_context_length(context_tokens)
    writer.add_embedding_length(_WIDTH)
    writer.add_block_count(1)
    writer.add_feed_forward_length(feed_forward)
    writer.add_head_count(_HEADS)
    writer.add_head_count_kv(_HEADS)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_dimension_count(_WIDTH // _HEADS)
    writer.add_vocab_size(len(vocabulary))
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(vocabulary)
    kinds = [gguf.TokenType.CONTROL] * special + [gguf.TokenType.NORMAL] * (len(vocabulary) - special)
    writer.add_token_types(kinds)
    writer.add_token_merges(["Ġ Ġ"])  # llama.cpp wants at least one
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(1)
    writer.add_add_bos_token(False)
    writer.add_chat_template(_TEMPLATE)


def _write_tensors(writer: gguf.GGUFWriter, embedding: np.ndarray, follows: np.ndarray, feed_forward: int) -> None:
    def zeros(rows: int, columns: int) -> np.ndarray:
        return np.zeros((rows, columns), dtype=np.float32)

    writer.add_tensor("token_embd.weight", embedding)
    writer.add_tensor("output.weight", follows)
    writer.add_tensor("output_norm.weight", np.ones(_WIDTH, dtype=np.float32))
    writer.add_tensor("blk.0.attn_norm.weight", np.ones(_WIDTH, dtype=np.float32))
    writer.add_tensor("blk.0.ffn_norm.weight", np.ones(_WIDTH, dtype=np.float32))
    for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
        writer.add_tensor(f"blk.0.{name}.weight", zeros(_WIDTH, _WIDTH))
    writer.add_tensor("blk.0.ffn_gate.weight", zeros(feed_forward, _WIDTH))
    writer.add_tensor("blk.0.ffn_up.weight", zeros(feed_forward, _WIDTH))
    writer.add_tensor("blk.0.ffn_down.weight", zeros(_WIDTH, feed_forward))


def _byte_symbols() -> list[str]:
    """Return the letters that stand for the 256 bytes in a GPT-2 vocabulary."""
    visible = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in visible]
    return [chr(byte) for byte in visible] + [chr(256 + number) for number in range(len(hidden))]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--endless", action="store_true")
    options = parser.parse_args()
    write_tiny_gguf(options.path, is_endless=options.endless)
