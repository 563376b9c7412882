"""What a header says about the memory of each layer: attention, sliding windows, recurrent state."""

from __future__ import annotations

from dataclasses import dataclass

from core.gguf import Header

MAX_LAYERS = 4_096

#: Architectures with sliding windows whose pattern is not in (every) file: every n-th layer sees everything.
_SWA_PERIOD = {
    "gemma2": 2, "gemma3": 6, "gemma3n": 5, "cohere2": 4, "gpt-oss": 2, "olmo2": 4, "olmo3": 4, "exaone4": 4,
    "smallthinker": 4, "llama4": 4, "exaone-moe": 4, "afmoe": 4,
}  # fmt: skip
_ALL_RECURRENT = frozenset({"mamba", "mamba2", "rwkv6", "rwkv6qwen2", "rwkv7", "arwkv7"})
_BOTH = frozenset({"falcon-h1"})
_INTERVAL = {"qwen3next": 4, "qwen35": 4, "qwen35moe": 4}
_KV_FROM_START = {"gemma3n": 20}


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer's attention and state."""

    heads_kv: int
    key: int
    """Length of a key of one head."""
    value: int
    """Length of a value of one head; 0: values are not kept (MLA)."""
    sliding: bool = False
    recurrent: bool = False


@dataclass(frozen=True, slots=True)
class Shape:
    """A model's measures as far as memory depends on them."""

    layers: tuple[Layer, ...]
    embedding: int
    feed_forward: int
    heads: int
    vocabulary: int
    window: int = 0
    """Tokens a sliding layer sees; 0: none slides."""
    state_elements: int = 0
    """Numbers (32 bit) a recurrent layer keeps for each slot."""


def shape(header: Header) -> Shape:
    """Read a model's shape out of its header."""
    count = min(header.number("block_count"), MAX_LAYERS)
    attending = count - min(count, header.number("nextn_predict_layers"))
    heads = [int(value) for value in header.per_layer("attention.head_count", count)]
    most = max(heads, default=0)
    kv_heads = [int(value) for value in header.per_layer("attention.head_count_kv", count, -1)]
    kv_heads = [heads[layer] if value < 0 else value for layer, value in enumerate(kv_heads)]
    head = header.number("embedding_length") // most if most else 0
    key = header.number("attention.key_length") or head
    value = header.number("attention.value_length") or head
    sliding_key = header.number("attention.key_length_swa") or key
    sliding_value = header.number("attention.value_length_swa") or value
    if header.number("attention.key_length_mla"):
        value = sliding_value = 0
    window, slides = _sliding(header, count)
    recurrent = _recurrent(header, count, kv_heads)
    shared = header.number("attention.shared_kv_layers")
    own_kv = _KV_FROM_START.get(header.architecture, count) if not shared else count - min(count, shared)
    layers = []
    for layer in range(attending):
        attends = layer < own_kv and (not recurrent[layer] or header.architecture in _BOTH)
        layers.append(
            Layer(
                kv_heads[layer] if attends else 0,
                sliding_key if slides[layer] else key,
                sliding_value if slides[layer] else value,
                slides[layer],
                recurrent[layer],
            )
        )
    ff = [int(value) for value in header.per_layer("feed_forward_length", count)]
    experts = header.number("expert_feed_forward_length") * max(1, header.number("expert_used_count"))
    return Shape(
        tuple(layers), header.number("embedding_length"), max([experts, *ff], default=0), most,
        header.vocabulary, window, _state(header) if any(recurrent) else 0,
    )  # fmt: skip


def _sliding(header: Header, count: int) -> tuple[int, list[bool]]:
    arch = header.architecture
    window = header.number("attention.sliding_window")
    if arch == "llama4":
        window = header.number("attention.chunk_size") or 8192
    pattern = header.arrays.get(f"{arch}.attention.sliding_window_pattern")
    if window and pattern:
        return window, [bool(pattern[layer % len(pattern)]) for layer in range(count)]
    period = header.number("attention.sliding_window_pattern") or _SWA_PERIOD.get(arch, 0)
    if arch == "olmo2" and not header.number("attention.sliding_window"):
        period = 0
    if not window or period < 2:
        return 0, [False] * count
    return window, [layer % period < period - 1 for layer in range(count)]


def _recurrent(header: Header, count: int, kv_heads: list[int]) -> list[bool]:
    arch = header.architecture
    if arch in _ALL_RECURRENT or arch in _BOTH:
        return [True] * count
    interval = header.number("full_attention_interval") or _INTERVAL.get(arch, 0)
    if interval and header.number("ssm.state_size"):
        return [(layer + 1) % interval != 0 for layer in range(count)]
    if header.number("ssm.state_size") or header.number("shortconv.l_cache"):
        return [heads == 0 for heads in kv_heads]
    return [False] * count


def _state(header: Header) -> int:
    embedding = header.number("embedding_length")
    if header.number("shortconv.l_cache"):
        return embedding * (header.number("shortconv.l_cache") - 1)
    if header.number("wkv.head_size"):
        shifts = header.number("token_shift_count") or 2
        return embedding * (shifts + header.number("wkv.head_size"))
    inner, states = header.number("ssm.inner_size"), header.number("ssm.state_size")
    convolution = max(0, header.number("ssm.conv_kernel") - 1)
    return convolution * (inner + 2 * header.number("ssm.group_count") * states) + states * inner
