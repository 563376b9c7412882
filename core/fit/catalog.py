"""Shapes of well-known models, so that a verdict on them needs no network.

Measures as in the models' published configurations; weights are counted from the parameters and the quantisation
that Ollama's default tag has, so they are near (within a few percent), not exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core.gguf import Header, Tensors

#: Bits a weight takes on average over a whole file of a quantisation.
FILE_BITS = {"F16": 16.0, "Q8_0": 8.5, "Q6_K": 6.56, "Q5_K_M": 5.67, "Q4_K_M": 4.85, "Q4_0": 4.54, "Q3_K_M": 3.91,
             "Q2_K": 3.0}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Known:
    """One model."""

    name: str
    arch: str
    parameters: int
    layers: int
    embedding: int
    feed_forward: int
    heads: int
    heads_kv: int
    head: int
    vocabulary: int
    context: int
    quant: str = "Q4_K_M"
    window: int = 0

    def header(self, quant: str = "") -> Header:
        """Its header as far as it is known here."""
        values: dict[str, Any] = {
            "block_count": self.layers, "embedding_length": self.embedding, "feed_forward_length": self.feed_forward,
            "attention.head_count": self.heads, "attention.head_count_kv": self.heads_kv,
            "attention.key_length": self.head, "attention.value_length": self.head, "context_length": self.context,
            "vocab_size": self.vocabulary,
        }  # fmt: skip
        if self.window:
            values["attention.sliding_window"] = self.window
        metadata = {f"{self.arch}.{key}": value for key, value in values.items()}
        metadata["general.architecture"] = self.arch
        weights = int(self.parameters * FILE_BITS[quant or self.quant] / 8)
        return Header(metadata, self.parameters, tensors=Tensors(bytes=weights))


MODELS = (
    Known("smollm2:135m", "llama", 134_515_008, 30, 576, 1536, 9, 3, 64, 49_152, 8_192),
    Known("smollm2:360m", "llama", 361_821_120, 32, 960, 2560, 15, 5, 64, 49_152, 8_192),
    Known("qwen2.5:0.5b", "qwen2", 494_032_768, 24, 896, 4864, 14, 2, 64, 151_936, 32_768),
    Known("gemma3:1b", "gemma3", 999_885_952, 26, 1152, 6912, 4, 1, 256, 262_144, 32_768, window=512),
    Known("llama3.2:1b", "llama", 1_235_814_400, 16, 2048, 8192, 32, 8, 64, 128_256, 131_072, "Q8_0"),
    Known("qwen2.5:1.5b", "qwen2", 1_543_714_304, 28, 1536, 8960, 12, 2, 128, 151_936, 32_768),
    Known(
        "gemma2:2b", "gemma2", 2_614_341_888, 26, 2304, 9216, 8, 4, 256, 256_000, 8_192, "Q4_0", window=4096
    ),
    Known("qwen2.5:3b", "qwen2", 3_085_938_688, 36, 2048, 11_008, 16, 2, 128, 151_936, 32_768),
    Known("llama3.2:3b", "llama", 3_212_749_824, 28, 3072, 8192, 24, 8, 128, 128_256, 131_072),
    Known("phi3:mini", "phi3", 3_821_079_552, 32, 3072, 8192, 32, 32, 96, 32_064, 131_072, "Q4_0"),
    Known("llama2:7b", "llama", 6_738_415_616, 32, 4096, 11_008, 32, 32, 128, 32_000, 4_096, "Q4_0"),
    Known("mistral:7b", "llama", 7_248_023_552, 32, 4096, 14_336, 32, 8, 128, 32_768, 32_768),
    Known("qwen2.5:7b", "qwen2", 7_615_616_512, 28, 3584, 18_944, 28, 4, 128, 152_064, 32_768),
    Known("llama3.1:8b", "llama", 8_030_261_248, 32, 4096, 14_336, 32, 8, 128, 128_256, 131_072),
    Known("llama2:13b", "llama", 13_015_864_320, 40, 5120, 13_824, 40, 40, 128, 32_000, 4_096, "Q4_0"),
    Known("qwen2.5:14b", "qwen2", 14_770_033_664, 48, 5120, 13_824, 40, 8, 128, 152_064, 32_768),
    Known("llama3.1:70b", "llama", 70_553_706_496, 80, 8192, 28_672, 64, 8, 128, 128_256, 131_072),
)


def known(name: str) -> Known | None:
    """The model of that name; ``None`` when it is not one of these."""
    wanted = name.removeprefix("library/").removesuffix(":latest").lower()
    aliases = {"llama2": "llama2:7b", "mistral": "mistral:7b", "llama3.1": "llama3.1:8b", "phi3": "phi3:mini",
               "llama3.2": "llama3.2:3b"}  # fmt: skip
    wanted = aliases.get(wanted, wanted)
    return next((model for model in MODELS if model.name == wanted), None)
