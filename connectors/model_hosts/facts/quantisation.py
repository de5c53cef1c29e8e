"""How weights and caches are stored, and how much room each form takes."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

# Bits a weight. Those of llama.cpp are means over a whole model: its layers are stored in several forms.
# Source: llama.cpp, tools/quantize/README.md, measured on Llama 3.1 8B.
_LLAMA_CPP: Final = {
    "Q2_K": 3.1593,
    "Q3_K_S": 3.6429,
    "Q3_K_L": 4.2979,
    "IQ4_XS": 4.4597,
    "IQ4_NL": 4.6818,
    "Q4_K_S": 4.6672,
    "Q4_K_M": 4.8944,
    "Q5_K_S": 5.5704,
    "Q5_K_M": 5.7036,
    "Q6_K": 6.5633,
    "Q8_0": 8.5008,
    "F16": 16.0005,
}
# MLX keeps a scale and an offset of 16 bits each for 64 weights; AWQ and GPTQ 20 bits for 128; MXFP4 8 bits for 32.
_OTHERS: Final = {
    "MLX-4bit": 4.5,
    "MLX-6bit": 6.5,
    "MLX-8bit": 8.5,
    "AWQ": 4.16,
    "GPTQ": 4.16,
    "MXFP4": 4.25,
    "FP8": 8.0,
    "BF16": 16.0,
    "F32": 32.0,
}
WEIGHT_BITS: Final[Mapping[str, float]] = MappingProxyType(_LLAMA_CPP | _OTHERS)
"""Bits that one weight takes on average, by the name of the form."""

# Blocks of 32 values with a scale of 16 bits. Source: llama.cpp, ggml/src/ggml-common.h.
CACHE_BYTES: Final[Mapping[str, float]] = MappingProxyType({"F16": 2.0, "Q8_0": 34 / 32, "Q4_0": 18 / 32})
"""Bytes that one value of the KV cache takes, by the name of the form."""
