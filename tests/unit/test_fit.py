"""Will it fit: the estimate's terms, what is available, the verdict, its sentences, and deaths for memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.containers.types import ContainerStatus
from core.fit import (
    advice_lines,
    availability,
    embedded_plan,
    estimate,
    header_from_show,
    judge,
    known,
    kv_bytes_per_token,
    ollama_plan,
    report,
    sentence,
)  # fmt: skip
from core.fit.catalog import MODELS
from core.fit.oom import explain, kernel_killed, kill_count
from core.fit.types import Availability, FitReport, LoadPlan, Room, Verdict
from core.gguf import Header, Tensors
from core.i18n import set_language

GIB = 1 << 30


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    set_language("en")
    yield
    set_language("en")


def header(arch: str, *, vocabulary: int = 32_000, weights: int = GIB, **values: object) -> Header:
    arrays = {
        f"{arch}.{key.replace('__', '.')}": value for key, value in values.items() if isinstance(value, tuple)
    }
    metadata = {f"{arch}.{key.replace('__', '.')}": value for key, value in values.items()}
    metadata |= {"general.architecture": arch, f"{arch}.vocab_size": vocabulary}
    return Header(metadata, 0, arrays, {}, Tensors(bytes=weights, count=1))


def term(found: Header, plan: LoadPlan, name: str) -> int:
    terms = {term.name: term.bytes for term in estimate(found, plan, model="m", repacked=frozenset()).terms}
    return terms.get(name, 0)


@pytest.mark.parametrize(
    ("name", "per_token"),
    [("llama3.1:8b", 131_072), ("llama3.2:3b", 114_688), ("qwen2.5:7b", 57_344), ("qwen2.5:1.5b", 28_672),
     ("qwen2.5:0.5b", 12_288), ("llama2:7b", 524_288)],
)  # fmt: skip
def test_the_kv_cache_of_known_models(name: str, per_token: int) -> None:
    model = known(name)
    assert model is not None
    assert kv_bytes_per_token(model.header()) == per_token
    assert term(model.header(), LoadPlan(4096), "kv_cache") == 4096 * per_token
    assert term(model.header(), LoadPlan(4096, parallel=3), "kv_cache") == 3 * 4096 * per_token
    assert term(model.header(), LoadPlan(4096, kv_type="q8_0"), "kv_cache") == 4096 * per_token * 34 // 64
    assert term(model.header(), LoadPlan(1000), "kv_cache") == 1024 * per_token, "padded to 256"


def test_sliding_layers_keep_no_more_than_their_window() -> None:
    gemma = header("gemma3", block_count=18, attention__head_count=4, attention__head_count_kv=1,
                   attention__key_length=256, attention__value_length=256, attention__sliding_window=512)  # fmt: skip
    # As llama.cpp logs for Gemma 3 270M with 4 slots of 1024: 12 MiB whole and 45 MiB sliding (768 cells).
    assert term(gemma, LoadPlan(1024, 4, batch=12), "kv_cache") == (12 + 45) << 20


def test_layers_that_differ_are_added_one_by_one() -> None:
    mixed = header("llama", block_count=4, attention__head_count=8, attention__head_count_kv=(8, 0, 2, 2),
                   attention__key_length=64, attention__value_length=64)  # fmt: skip
    assert term(mixed, LoadPlan(256), "kv_cache") == 256 * (8 + 2 + 2) * 128 * 2


def test_a_recurrent_model_has_a_state_and_no_cache() -> None:
    mamba = header("mamba", block_count=12, embedding_length=768, attention__head_count=0, ssm__conv_kernel=4,
                   ssm__inner_size=1536, ssm__state_size=16)  # fmt: skip
    assert term(mamba, LoadPlan(32_768), "kv_cache") == 0
    assert term(mamba, LoadPlan(32_768, 4), "state") == 4 * 12 * (3 * 1536 + 16 * 1536) * 4


def test_compressed_attention_keeps_no_values() -> None:
    deep = header("deepseek2", block_count=2, attention__head_count=16, attention__head_count_kv=1,
                  attention__key_length=576, attention__value_length=512, attention__key_length_mla=192)  # fmt: skip
    assert term(deep, LoadPlan(256), "kv_cache") == 2 * 256 * 576 * 2


def test_a_copy_in_the_processors_layout_counts_but_its_original_can_go() -> None:
    found = Header({"general.architecture": "llama"}, 0, tensors=Tensors(
        3, 1000, embedding=200, matrices={"Q4_K": 700, "F32": 100}, embedding_type="Q4_K"))  # fmt: skip
    mapped = estimate(found, LoadPlan(256), model="m", repacked=frozenset({"Q4_K"}))
    assert {term.name: term.bytes for term in mapped.terms}["repack"] == 900, "tied embeddings are copied too"
    assert mapped.total - mapped.needed == 900
    own = estimate(found, LoadPlan(256, mmap=False), model="m", repacked=frozenset({"Q4_K"}))
    assert own.total == own.needed == mapped.needed


def test_every_term_has_its_formula_and_name_in_both_languages() -> None:
    from core.fit import term_line
    from core.i18n import catalogue

    model = known("gemma3:1b")
    assert model is not None
    for part in estimate(model.header(), embedded_plan(4096), model="m", projector_bytes=5).terms:
        assert part.formula and part.formula in term_line(part)
        for lang in ("en", "ko"):
            assert f"fit.term.{part.name}" in catalogue(lang) and f"fit.term.{part.name}.help" in catalogue(
                lang
            )


@pytest.mark.parametrize("value", [0, -5, 1 << 63, "x", None, True, [1]])
def test_hostile_measures_never_break_the_estimate(value: object) -> None:
    keys = ("block_count", "embedding_length", "attention.head_count", "attention.head_count_kv", "vocab_size",
            "attention.sliding_window", "attention.sliding_window_pattern", "feed_forward_length", "ssm.state_size")  # fmt: skip
    for arch in ("llama", "gemma3", "mamba", "", "qwen3next"):
        metadata = {"general.architecture": arch, **{f"{arch}.{key}": value for key in keys}}
        assert estimate(Header(metadata), LoadPlan(4096), model="m").total > 0


def test_a_header_from_show_gives_the_same_cache() -> None:
    model = known("llama3.1:8b")
    assert model is not None
    info = {
        **model.header().metadata,
        "general.parameter_count": 8_030_261_248.0,
        "tokenizer.ggml.tokens": None,
    }
    found = header_from_show(info, 4_920_734_272)
    whole = estimate(found, ollama_plan(8192), model="m")
    assert not whole.exact_weights and found.parameter_count == 8_030_261_248
    terms = {term.name: term.bytes for term in whole.terms}
    assert terms["weights"] == 4_920_734_272 and terms["kv_cache"] == GIB


# What is available


def machine(root: Path, *, mem: int = 8 * GIB, swap: int = 0) -> Path:
    """A stand-in for /proc."""
    proc = root / "proc"
    (proc / "self").mkdir(parents=True)
    (proc / "meminfo").write_text(
        f"MemTotal: {16 * GIB // 1024} kB\nMemFree: 1 kB\nMemAvailable: {mem // 1024} kB\n"
        f"SwapTotal: {swap // 1024} kB\nSwapFree: {swap // 1024} kB\n"
    )
    return proc


def groups_v2(root: Path, proc: Path) -> Path:
    tree = root / "cg"
    inner = tree / "user.slice" / "app"
    inner.mkdir(parents=True)
    (proc / "self" / "cgroup").write_text("0::/user.slice/app\n")
    (proc / "self" / "mountinfo").write_text(f"30 1 0:1 / {tree} rw - cgroup2 cgroup2 rw\n")
    for folder, limit, used, cache in ((inner, "max", 3 * GIB, 0), (inner.parent, 6 * GIB, 4 * GIB, GIB)):
        (folder / "memory.max").write_text(f"{limit}\n")
        (folder / "memory.current").write_text(f"{used}\n")
        (folder / "memory.stat").write_text(f"anon 5\ninactive_file {cache}\n")
    (inner / "memory.events").write_text("low 0\noom 3\noom_kill 2\n")
    return tree


def groups_v1(root: Path, proc: Path) -> None:
    tree = root / "cg1"
    inner = tree / "docker" / "abc"
    inner.mkdir(parents=True)
    (proc / "self" / "cgroup").write_text("4:memory:/docker/abc\n1:cpu,cpuacct:/\n")
    (proc / "self" / "mountinfo").write_text(f"30 1 0:1 / {tree} rw - cgroup cgroup rw,memory\n")
    for folder, limit in ((inner, 5 * GIB), (tree, (1 << 63) - 4096)):
        (folder / "memory.limit_in_bytes").write_text(f"{limit}\n")
        (folder / "memory.usage_in_bytes").write_text(f"{2 * GIB}\n")
        (folder / "memory.stat").write_text(f"inactive_file 1\ntotal_inactive_file {GIB}\n")
    (inner / "memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 7\n")


def test_the_machines_memory_and_swap(tmp_path: Path) -> None:
    found = availability(proc=machine(tmp_path, swap=GIB), gpus=False)
    assert [(room.name, room.available) for room in found.rooms] == [("memory", 8 * GIB), ("swap", GIB)]
    assert found.binding == "memory" and found.bytes == 8 * GIB
    assert availability(proc=tmp_path / "proc", gpus=False, freed=GIB).bytes == 9 * GIB


def test_a_limit_higher_up_binds_v2(tmp_path: Path) -> None:
    proc = machine(tmp_path)
    groups_v2(tmp_path, proc)
    found = availability(proc=proc, gpus=False)
    assert (found.binding, found.bytes) == ("cgroup", 3 * GIB)
    assert kill_count(proc=proc) == 2


def test_a_limit_of_v1(tmp_path: Path) -> None:
    proc = machine(tmp_path)
    groups_v1(tmp_path, proc)
    found = availability(proc=proc, gpus=False)
    assert (found.binding, found.bytes) == ("cgroup", 4 * GIB)
    assert kill_count(proc=proc) == 7


def test_dockers_limit_binds_an_engine_in_a_container(tmp_path: Path) -> None:
    status = ContainerStatus(name="ollama\x1b[31m", state="healthy", memory_bytes=GIB, memory_limit=6 * GIB)
    found = availability(proc=machine(tmp_path), gpus=False, container=status)
    assert (found.binding, found.bytes) == ("container", 5 * GIB)
    assert "\x1b" not in found.rooms[-1].detail


def test_nothing_readable_is_not_known(tmp_path: Path) -> None:
    found = availability(proc=tmp_path / "nowhere", gpus=False)
    assert found.bytes is None and found.binding is None
    assert kill_count(proc=tmp_path / "nowhere") is None
    (tmp_path / "meminfo").write_bytes(b"\xff\xfeMemAvailable: 5 kB")
    assert availability(proc=tmp_path, gpus=False).bytes is None


# The verdict


def room(size: float, name: str = "container", total: float = 6) -> Availability:
    rooms = (Room("memory", 20 * GIB, 24 * GIB), Room(name, int(size * GIB), int(total * GIB)))  # type: ignore[arg-type]
    return Availability(rooms, name)  # type: ignore[arg-type]


def whole(model: str, plan: LoadPlan, available: Availability, **more: int) -> FitReport:
    found = known(model)
    assert found is not None
    return report(found.header(), plan, available, model=model, source="catalogue", **more)


def test_the_case_of_the_seed_reads_right_in_both_languages() -> None:
    needed, available = int(5.5 * GIB), int(5.2 * GIB)
    seed = FitReport("llama2:7b", "", room(5.2), Verdict("too_big", needed, available))
    assert sentence(seed) == "llama2:7b needs 5.5 GiB; 5.2 GiB available (Docker's limit): 0.3 GiB short"
    refused = explain(
        text='{"error":"model requires more system memory (5.5 GiB) than is available (5.2 GiB)"}'
    )
    assert refused is not None and refused.key == "error.memory.refused"
    assert "5.5 GiB needed, 5.2 GiB available, 0.3 GiB short" in refused.message and refused.fix
    set_language("ko")
    assert sentence(seed) == "llama2:7b: 필요 5.5 GiB, 사용 가능 5.2 GiB(Docker 제한). 0.3 GiB 모자랍니다"
    assert "필요 5.5 GiB, 사용 가능 5.2 GiB, 0.3 GiB 모자랍니다" in refused.message


def test_our_own_estimate_of_the_seed_is_near_what_ollama_said() -> None:
    verdict = whole("llama2:7b", ollama_plan(4096), room(5.2)).verdict
    assert verdict.needed is not None and abs(verdict.needed / GIB - 5.5) < 0.2
    assert verdict.kind == "smaller_context" and verdict.short is not None and verdict.short < 0.5 * GIB


def test_the_largest_context_that_fits_is_found() -> None:
    available = room(5.2)
    model = known("llama2:7b")
    assert model is not None
    verdict = whole("llama2:7b", ollama_plan(4096), available).verdict
    assert verdict.num_ctx is not None and verdict.num_ctx % 256 == 0

    def fits(num_ctx: int) -> bool:
        return judge(model.header(), ollama_plan(num_ctx), available, model="m").kind == "fits"

    assert fits(verdict.num_ctx) and not fits(verdict.num_ctx + 256)


def test_what_fits_says_so_and_gives_no_advice() -> None:
    found = whole("qwen2.5:0.5b", ollama_plan(4096), room(5.2))
    assert found.verdict.kind == "fits" and found.verdict.short == 0 and not advice_lines(found)
    assert sentence(found).endswith("it fits")


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_advice_names_its_price(lang: str) -> None:
    set_language(lang)  # type: ignore[arg-type]
    found = whole("llama3.1:8b", ollama_plan(16_384, 2), room(5.2), loaded_bytes=GIB)
    keys = [advice.key for advice in found.verdict.advice]
    assert keys == [
        "context",
        "unload.part",
        "slots",
        "kv_type",
        "quantisation",
        "container_limit",
        "smaller_model",
    ]
    price = {"en": "Price", "ko": "대가"}[lang]
    assert all(price in line and "{" not in line for line in advice_lines(found))


def test_a_limit_is_raised_only_as_far_as_the_machine_goes() -> None:
    found = whole("llama3.1:70b", ollama_plan(4096), room(5.2))
    keys = [advice.key for advice in found.verdict.advice]
    assert found.verdict.kind == "too_big" and "container_limit.beyond" in keys and "context" not in keys
    assert "short" in sentence(found)


def test_swap_is_advised_where_memory_itself_is_short() -> None:
    rooms = Availability((Room("memory", 4 * GIB, 8 * GIB), Room("swap", 4 * GIB, 4 * GIB)), "memory")
    assert "swap" in [advice.key for advice in whole("llama2:7b", ollama_plan(4096), rooms).verdict.advice]
    dry = Availability(rooms.rooms[:1], "memory")
    assert "swap.add" in [advice.key for advice in whole("llama2:7b", ollama_plan(4096), dry).verdict.advice]


def test_without_a_header_or_numbers_the_verdict_is_unknown() -> None:
    assert report(None, LoadPlan(4096), room(5), model="m", source="").verdict.kind == "unknown"
    nowhere = whole("llama2:7b", LoadPlan(4096), Availability())
    assert nowhere.verdict.kind == "unknown" and "not known" in sentence(nowhere)
    assert judge(Header(), LoadPlan(4096), room(5), model="m").kind == "unknown", "weights of unknown size"


def test_the_catalogue_is_sane() -> None:
    for model in MODELS:
        found = estimate(model.header(), LoadPlan(2048, mmap=False), model=model.name)
        assert 0.05 * GIB < found.total < 60 * GIB and not found.exact_weights
        assert known(model.name) is model
    assert known("llama2") is known("llama2:7b") and known("nobody") is None


# Deaths


@pytest.mark.parametrize(
    "text",
    ["ggml_backend_cpu_buffer_type_alloc_buffer: failed to allocate buffer of size 9", "CUDA error: out of memory",
     "cudaMalloc failed: x", "hipMalloc failed", "not enough memory", "x insufficient memory y",
     "VK_ERROR_OUT_OF_DEVICE_MEMORY", "ErrorOutOfMemory", "allocation failed", "out of device memory"],
)  # fmt: skip
def test_ollamas_phrases_are_recognised(text: str) -> None:
    found = explain(text=f"starting\n\x1b[31m{text}\nbye")
    assert found is not None and found.key == "error.memory.allocation" and "\x1b" not in found.message


@pytest.mark.parametrize(
    "text",
    ["", "model 'x' not found", "out of memory, retrying without pipeline parallelism",
     "requires more system memory (banana) than is available (5 GiB)",
     "requires more system memory (9..9 GiB) than is available (5 GiB)"],
)  # fmt: skip
def test_other_failures_are_not_called_memory(text: str) -> None:
    assert explain(text=text, exit_code=1) is None


def test_the_kernels_counter_decides_about_a_kill() -> None:
    tight = whole("llama2:7b", ollama_plan(4096), room(5.2))
    found = explain(exit_code=-9, kills_before=1, kills_after=2, report=tight)
    assert found is not None and found.key == "error.memory.killed" and "5.2 GiB" in found.message
    assert found.needed == tight.verdict.needed and found.available == tight.verdict.available
    assert explain(exit_code=-9, kills_before=2, kills_after=2, report=tight) is None, (
        "somebody else killed it"
    )


def test_a_kill_without_a_counter_is_called_likely_only_when_it_was_tight() -> None:
    tight = whole("llama2:7b", ollama_plan(4096), room(5.2))
    roomy = whole("smollm2:135m", ollama_plan(512), room(5.2))
    for failure in ({"exit_code": 137}, {"text": "llama-server process has terminated: signal: killed"}):
        found = explain(**failure, report=tight)  # type: ignore[arg-type]
        assert found is not None and found.key == "error.memory.perhaps"
        assert explain(**failure, report=roomy) is None  # type: ignore[arg-type]


def test_the_kernels_log_names_the_process(tmp_path: Path) -> None:
    log = tmp_path / "kmsg"
    log.write_text("3,1,5,-;Memory cgroup out of memory: Killed process 4242 (ollama) total-vm:1kB\n")
    assert kernel_killed(4242, log) and not kernel_killed(42, log)
    assert not kernel_killed(4242, tmp_path / "absent")
    found = explain(pid=4242, kernel_log=log)
    assert found is not None and found.key == "error.memory.killed" and "Reason" not in found.message


def test_this_machine_has_numbers() -> None:
    found = availability(root_pids=[os.getpid()], gpus=False)
    assert found.bytes is not None and found.bytes > 0
