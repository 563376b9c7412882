"""Write small GGUF models with made-up weights that llama.cpp loads: different shapes for the memory estimate.

Needs the package ``gguf`` (extra ``test``). The text such a model writes is noise; what it takes is real.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

FIRST_TOKENS = 3 + 256


@dataclass(frozen=True)
class Shape:
    """One synthetic model."""

    name: str
    arch: str = "llama"
    layers: int = 8
    embd: int = 512
    heads: int = 8
    heads_kv: int = 8
    head_dim: int = 64
    ff: int = 1536
    vocab: int = 8192
    quant: str = "F16"
    tied: bool = True
    window: int = 0
    experts: int = 0
    experts_used: int = 2
    extra: dict[str, Any] = field(default_factory=dict)
    """Further metadata of the architecture, name → value."""


SHAPES = (
    Shape("llama-mha-f16", quant="F16", tied=False),
    Shape("llama-gqa-q8_0", heads_kv=2, quant="Q8_0", embd=768, head_dim=96, ff=2048),
    Shape("llama-gqa-q4_0", heads_kv=2, quant="Q4_0", embd=1024, head_dim=128, ff=3072, tied=False),
    Shape("llama-mqa-q4_k", heads_kv=1, quant="Q4_K", embd=1024, head_dim=128, ff=3072),
    Shape("llama-gqa-q6_k", heads_kv=4, quant="Q6_K", embd=768, head_dim=96, ff=2048),
    Shape("qwen2-gqa-q4_0", "qwen2", heads_kv=2, quant="Q4_0", embd=1024, head_dim=128, ff=2816, vocab=32000),
    Shape("qwen3-gqa-q8_0", "qwen3", heads_kv=4, quant="Q8_0", embd=512, head_dim=128),
    Shape("gemma2-swa-f16", "gemma2", heads_kv=4, quant="F16", embd=640, head_dim=128, window=1024, vocab=32000),
    Shape("gemma3-swa-q8_0", "gemma3", layers=12, heads_kv=2, quant="Q8_0", embd=640, head_dim=128, window=512,
          vocab=64000),
    Shape("phi3-mha-q4_k", "phi3", embd=768, head_dim=96, ff=2048, quant="Q4_K", tied=False),
    Shape("mamba-f16", "mamba", embd=768, layers=12, quant="F16"),
    Shape("olmoe-q8_0", "olmoe", embd=512, ff=512, experts=16, quant="Q8_0", tied=False),
    Shape("qwen3moe-q4_k", "qwen3moe", embd=512, heads_kv=2, ff=512, experts=16, quant="Q4_K", tied=False),
)  # fmt: skip


def write(path: Path, shape: Shape) -> Path:
    """Write the model and return its path."""
    import gguf

    writer = gguf.GGUFWriter(str(path), shape.arch)
    _metadata(writer, shape)
    _tokenizer(writer, shape)
    for name, dims in _tensors(shape):
        _add(writer, name, dims, shape.quant)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _metadata(writer: Any, shape: Shape) -> None:
    a = shape.arch
    writer.add_name(shape.name)
    writer.add_context_length(32768)
    writer.add_embedding_length(shape.embd)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.ff)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(shape.vocab)
    if a == "mamba":
        writer.add_head_count(0)
        writer.add_ssm_conv_kernel(4)
        writer.add_ssm_inner_size(2 * shape.embd)
        writer.add_ssm_state_size(16)
        writer.add_ssm_time_step_rank(shape.embd // 16)
        return
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.heads_kv)
    writer.add_key_length(shape.head_dim)
    writer.add_value_length(shape.head_dim)
    writer.add_rope_dimension_count(shape.head_dim)
    writer.add_rope_freq_base(10000.0)
    if shape.window:
        writer.add_sliding_window(shape.window)
    if a == "gemma2":
        writer.add_attn_logit_softcapping(50.0)
        writer.add_final_logit_softcapping(30.0)
    if shape.experts:
        writer.add_expert_count(shape.experts)
        writer.add_expert_used_count(shape.experts_used)
        writer.add_expert_feed_forward_length(shape.ff)
    for key, value in shape.extra.items():
        writer.add_uint32(f"{a}.{key}", value)


def _tokenizer(writer: Any, shape: Shape) -> None:
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    kinds = [2, 3, 3, *[6] * 256]
    more = shape.vocab - len(tokens)
    tokens += [f"▁w{n}" for n in range(more)]
    kinds += [1] * more
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([-float(n) for n in range(shape.vocab)])
    writer.add_token_types(kinds)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)


def _tensors(shape: Shape) -> list[tuple[str, tuple[int, ...]]]:
    """Names and dimensions (rows last to first, as numpy has them)."""
    e, f, a = shape.embd, shape.ff, shape.arch
    found: list[tuple[str, tuple[int, ...]]] = [
        ("token_embd.weight", (shape.vocab, e)),
        ("output_norm.weight", (e,)),
    ]
    if not shape.tied:
        found.append(("output.weight", (shape.vocab, e)))
    for layer in range(shape.layers):
        parts = _mamba(shape) if a == "mamba" else _attention(shape) + _feed_forward(shape, e, f)
        found += [(f"blk.{layer}.{name}", dims) for name, dims in parts]
    return found


def _mamba(shape: Shape) -> list[tuple[str, tuple[int, ...]]]:
    e, inner, state, rank = shape.embd, 2 * shape.embd, 16, shape.embd // 16
    return [
        ("attn_norm.weight", (e,)), ("ssm_in.weight", (2 * inner, e)), ("ssm_conv1d.weight", (inner, 4)),
        ("ssm_conv1d.bias", (inner,)), ("ssm_x.weight", (rank + 2 * state, inner)),
        ("ssm_dt.weight", (inner, rank)), ("ssm_dt.bias", (inner,)), ("ssm_a", (inner, state)),
        ("ssm_d", (inner,)), ("ssm_out.weight", (e, inner)),
    ]  # fmt: skip


def _attention(shape: Shape) -> list[tuple[str, tuple[int, ...]]]:
    e, a = shape.embd, shape.arch
    q, kv = shape.heads * shape.head_dim, shape.heads_kv * shape.head_dim
    parts: list[tuple[str, tuple[int, ...]]] = [("attn_norm.weight", (e,)), ("attn_output.weight", (e, q))]
    if a == "phi3":
        parts.append(("attn_qkv.weight", (q + 2 * kv, e)))
    else:
        parts += [("attn_q.weight", (q, e)), ("attn_k.weight", (kv, e)), ("attn_v.weight", (kv, e))]
    if a == "qwen2":
        parts += [("attn_q.bias", (q,)), ("attn_k.bias", (kv,)), ("attn_v.bias", (kv,))]
    if a in ("qwen3", "gemma3", "qwen3moe"):
        parts += [("attn_q_norm.weight", (shape.head_dim,)), ("attn_k_norm.weight", (shape.head_dim,))]
    if a == "olmoe":
        parts += [("attn_q_norm.weight", (q,)), ("attn_k_norm.weight", (kv,))]
    if a.startswith("gemma"):
        parts += [("post_attention_norm.weight", (e,)), ("post_ffw_norm.weight", (e,))]
    return parts


def _feed_forward(shape: Shape, e: int, f: int) -> list[tuple[str, tuple[int, ...]]]:
    norm: list[tuple[str, tuple[int, ...]]] = [("ffn_norm.weight", (e,))]
    if shape.experts:
        n = shape.experts
        return [
            *norm, ("ffn_gate_inp.weight", (n, e)), ("ffn_gate_exps.weight", (n, f, e)),
            ("ffn_up_exps.weight", (n, f, e)), ("ffn_down_exps.weight", (n, e, f)),
        ]  # fmt: skip
    if shape.arch == "phi3":
        return [*norm, ("ffn_up.weight", (2 * f, e)), ("ffn_down.weight", (e, f))]
    return [*norm, ("ffn_gate.weight", (f, e)), ("ffn_up.weight", (f, e)), ("ffn_down.weight", (e, f))]


def _add(writer: Any, name: str, dims: tuple[int, ...], quant: str) -> None:
    import gguf

    rng = np.random.default_rng(len(name) + dims[-1])
    plain = len(dims) == 1 or "ssm_conv1d" in name or "gate_inp" in name or name.endswith("ssm_a")
    if plain:
        fill = np.ones(dims, np.float32) if "norm" in name else rng.normal(0, 0.02, dims).astype(np.float32)
        writer.add_tensor(name, -abs(fill) if name.endswith("ssm_a") else fill)
        return
    kind = gguf.GGMLQuantizationType[quant]
    block, size = gguf.GGML_QUANT_SIZES[kind]
    if dims[-1] % block:
        kind, block, size = gguf.GGMLQuantizationType.F16, 1, 2
    row = dims[-1] // block * size
    writer.add_tensor(
        name, _blocks(rng, kind.name, int(np.prod(dims[:-1])) * dims[-1] // block, size).reshape(*dims[:-1], row),
        raw_shape=(*dims[:-1], row), raw_dtype=kind,
    )  # fmt: skip


def _blocks(rng: Any, kind: str, count: int, size: int) -> Any:
    """Raw blocks of a type: random bits, with scales that keep the numbers small."""
    few = min(count, 4096)
    tile = rng.integers(0, 256, (few, size), np.uint8)
    small = np.frombuffer(np.float16(0.001).tobytes(), np.uint8)
    if kind in ("F16", "F32", "BF16"):
        kinds = {"F16": np.float16, "F32": np.float32}
        values = rng.normal(0, 0.02, few).astype(kinds.get(kind, np.float32))
        tile = values.view(np.uint8).reshape(few, -1)[:, -size:].copy()
    elif kind == "Q6_K":
        tile[:, -2:] = small
    else:
        tile[:, :2] = small
        if kind.endswith("_K") or kind.endswith("_1"):
            tile[:, 2:4] = small
    return np.tile(tile, (-(-count // few), 1))[:count]
