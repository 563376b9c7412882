"""Memory a model will take, term by term, as llama.cpp allocates it on the processor."""

from __future__ import annotations

import os
import platform
from dataclasses import replace
from typing import Any

from core.fit.shape import Layer, Shape, shape
from core.fit.types import Estimate, LoadPlan, Term
from core.gguf import Header, Tensors

PAD = 256
"""llama.cpp rounds a context up to this many tokens."""

#: Bytes of one number in the KV cache.
KV_BYTES = {"f32": 4.0, "f16": 2.0, "bf16": 2.0, "q8_0": 34 / 32, "q5_1": 24 / 32, "q5_0": 22 / 32,
            "q4_1": 20 / 32, "q4_0": 18 / 32, "iq4_nl": 18 / 32}  # fmt: skip

RUNTIME_BASE = 6_500_000
"""Library, server, threads and allocator, bytes: measured with a vocabulary near zero."""
TOKEN_BYTES = 230
"""One token of the vocabulary in its tables, bytes (measured)."""
MERGE_BYTES = 160
"""One merge rule of a byte-pair vocabulary in its table, bytes (measured)."""

#: Types whose matrices are copied into another layout at load, by processor (llama.cpp's ``CPU_REPACK``).
_REPACKED = {
    "x86": frozenset({"Q4_0", "Q4_K", "IQ4_NL", "MXFP4"}),
    "arm": frozenset({"Q4_0", "Q4_K", "Q5_K", "Q6_K", "Q8_0", "IQ4_NL", "MXFP4"}),
    "": frozenset[str](),
}


def repacked_types(machine: str = "") -> frozenset[str]:
    """Types the processor's layout exists for.

    Args:
        machine: As ``platform.machine()`` says; ``""``: this one.
    """
    name = (machine or platform.machine()).lower()
    family = "x86" if name in ("x86_64", "amd64") else "arm" if name in ("aarch64", "arm64") else ""
    return _REPACKED[family]


def embedded_plan(num_ctx: int, parallel: int = 1, threads: int | None = None) -> LoadPlan:
    """How the embedded engine loads."""
    count = threads if threads is not None else max(1, (os.cpu_count() or 2) - 1)
    return LoadPlan(num_ctx, parallel, batch=max(parallel, min(512, 12 * count)), mmap=True)


def ollama_plan(num_ctx: int, parallel: int = 1, kv_type: str = "f16") -> LoadPlan:
    """How a real Ollama loads without a GPU: batches of 512, weights copied into memory of its own."""
    return LoadPlan(num_ctx, parallel, batch=512, kv_type=kv_type, mmap=False)


def estimate(
    header: Header,
    plan: LoadPlan,
    *,
    model: str,
    projector_bytes: int = 0,
    repacked: frozenset[str] | None = None,
) -> Estimate:
    """Add up what the model will take.

    Args:
        header: Of the model's GGUF, or made from a server's answer (:func:`header_from_show`).
        plan: How it would be loaded.
        model: Its name, for the report.
        projector_bytes: Image or sound encoders loaded beside it.
        repacked: Types that are copied into another layout; ``None``: this processor's.
    """
    measures = shape(header)
    weights = header.tensors.bytes
    types = repacked_types() if repacked is None else repacked
    matrices = _multiplied(header.tensors)
    copied = sum(size for kind, size in matrices.items() if kind in types)
    terms = [Term("weights", weights, _weights_formula(header))]
    if plan.tied_twice and not header.tensors.output and header.tensors.embedding:
        terms.append(Term("tied", header.tensors.embedding, f"{header.tensors.embedding:,}"))
    if copied and plan.mmap:
        names = " + ".join(kind for kind in matrices if kind in types)
        terms.append(Term("repack", copied, f"{names}: {copied:,}"))
    terms.append(_kv_cache(measures, plan))
    if measures.state_elements:
        terms.append(_state(measures, plan))
    terms += [_compute(measures, plan), _output(measures, plan), _runtime(header)]
    if projector_bytes:
        terms.append(Term("projector", projector_bytes, f"{projector_bytes:,}"))
    return Estimate(
        model,
        header.architecture,
        plan,
        tuple(terms),
        exact_weights=header.tensors.count > 0 and not header.tensors.unknown,
        reclaimable=copied if plan.mmap else 0,
    )


def kv_bytes_per_token(header: Header, kv_type: str = "f16") -> int:
    """Bytes one token of context takes in the KV cache while no window slides."""
    size = KV_BYTES.get(kv_type, 2.0)
    return int(sum(layer.heads_kv * (layer.key + layer.value) * size for layer in shape(header).layers))


def header_from_show(model_info: dict[str, Any], size_bytes: int) -> Header:
    """A header as far as ``/api/show`` tells it; the tensors' sizes are not in there.

    Args:
        model_info: The answer's ``model_info``.
        size_bytes: The model's size as ``/api/tags`` says: counted as its weights.
    """
    metadata: dict[str, Any] = {}
    arrays: dict[str, tuple[float, ...]] = {}
    counts: dict[str, int] = {}
    for key, value in list(model_info.items())[:10_000]:
        if isinstance(value, list):
            counts[key] = len(value)
            if len(value) <= 1024 and all(isinstance(item, int | float) for item in value):
                arrays[key] = tuple(value)
        # JSON from elsewhere may write a whole number as 8192.0.
        metadata[key] = int(value) if isinstance(value, float) and value.is_integer() else value
    parameters = metadata.get("general.parameter_count")
    return Header(
        metadata,
        parameters if isinstance(parameters, int) else 0,
        arrays,
        counts,
        Tensors(bytes=max(0, size_bytes)),
    )


def with_context(plan: LoadPlan, num_ctx: int) -> LoadPlan:
    """The same plan with another context."""
    return replace(plan, num_ctx=num_ctx)


def padded(tokens: int) -> int:
    """A context as llama.cpp allocates it."""
    return max(PAD, -(-tokens // PAD) * PAD)


def _multiplied(tensors: Tensors) -> dict[str, int]:
    """Bytes by type of what is multiplied with; tied token embeddings serve as the output matrix too."""
    found = dict(tensors.matrices)
    if tensors.embedding and not tensors.output:
        found[tensors.embedding_type] = found.get(tensors.embedding_type, 0) + tensors.embedding
    return found


def _weights_formula(header: Header) -> str:
    tensors = header.tensors
    if not tensors.count:
        return f"{tensors.bytes:,}"
    return f"{tensors.count:,} tensors = {tensors.bytes:,}"


def _cells(layer: Layer, measures: Shape, plan: LoadPlan) -> int:
    """Tokens a layer keeps for each slot."""
    whole = padded(plan.num_ctx)
    return min(whole, padded(measures.window + plan.batch)) if layer.sliding else whole


def _kv_cache(measures: Shape, plan: LoadPlan) -> Term:
    size = KV_BYTES.get(plan.kv_type, 2.0)
    groups: dict[tuple[int, int, int, int], int] = {}
    for layer in measures.layers:
        if layer.heads_kv:
            group = (_cells(layer, measures, plan), layer.heads_kv, layer.key, layer.value)
            groups[group] = groups.get(group, 0) + 1
    total = 0.0
    parts = []
    for (cells, heads, key, value), count in sorted(groups.items(), reverse=True):
        total += count * plan.parallel * cells * heads * (key + value) * size
        parts.append(f"{count} layers × {cells:,} tokens × {heads} heads × ({key} + {value})")
    formula = " + ".join(parts[:4]) or "0"
    if len(parts) > 4:
        formula += " + …"
    if len(parts) > 1:
        formula = f"({formula})"
    return Term("kv_cache", int(total), f"{formula} × {size:g} B × {plan.parallel} slots")


def _state(measures: Shape, plan: LoadPlan) -> Term:
    layers = sum(1 for layer in measures.layers if layer.recurrent)
    size = layers * measures.state_elements * 4 * plan.parallel
    return Term("state", size, f"{layers} layers × {measures.state_elements:,} × 4 B × {plan.parallel} slots")


def _compute(measures: Shape, plan: LoadPlan) -> Term:
    wide = 2 * measures.feed_forward + 3 * measures.embedding
    cells = padded(plan.num_ctx)
    size = plan.batch * (4 * wide + 2 * cells) + 4 * plan.parallel * measures.vocabulary
    formula = (
        f"{plan.batch} × (4 × (2 × {measures.feed_forward} + 3 × {measures.embedding}) + 2 × {cells:,})"
        f" + 4 × {plan.parallel} × {measures.vocabulary:,}"
    )
    return Term("compute", size, formula)


def _output(measures: Shape, plan: LoadPlan) -> Term:
    # Logits, and the sampler's table of candidates (12 bytes each).
    size = plan.parallel * measures.vocabulary * (4 + 12)
    return Term("output", size, f"{plan.parallel} slots × {measures.vocabulary:,} tokens × (4 + 12) B")


def _runtime(header: Header) -> Term:
    tokens = header.vocabulary
    merges = header.counts.get("tokenizer.ggml.merges", 0)
    size = RUNTIME_BASE + tokens * TOKEN_BYTES + merges * MERGE_BYTES
    return Term(
        "runtime",
        size,
        f"{RUNTIME_BASE:,} + {tokens:,} tokens × {TOKEN_BYTES} B + {merges:,} merges × {MERGE_BYTES} B",
    )
