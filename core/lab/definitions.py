"""What each figure of the lab means: formula, unit and whose definition it is.

Tools disagree on these names ("TPOT" and "ITL" above all), so the formula is printed beside the number. Symbols:
``t_sched`` when the request was due, ``t0`` when it was begun (before the connection is opened), ``t_first`` the
arrival of the first chunk with text in it, ``t_end`` the arrival of the chunk that says the answer is complete,
``n`` output tokens as the server counts them. All clocks are monotonic.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Definition:
    """One figure."""

    key: str
    unit: str
    formula: str
    source: str
    """Whose definition it is, and who uses the name otherwise."""


DEFINITIONS: dict[str, Definition] = {
    one.key: one
    for one in (
        Definition(
            "ttft",
            "ms",
            "t_first − t0 (open load: t_first − t_sched)",
            "vLLM and AIPerf: first chunk with content; chunks without text do not count",
        ),
        Definition(
            "tpot",
            "ms",
            "(E2E − TTFT) / (n − 1)",
            "vLLM; AIPerf calls it ITL, GuideLLM's TPOT has TTFT in it",
        ),
        Definition(
            "itl",
            "ms",
            "gaps between chunks with text, of all requests together",
            "vLLM; AIPerf calls it inter-chunk latency. A chunk may hold several tokens",
        ),
        Definition(
            "e2e", "ms", "t_end − t0 (open load: t_end − t_sched)", "vLLM e2el, AIPerf request latency"
        ),
        Definition("wait", "ms", "t0 − t_sched", "AIPerf credit-to-start latency"),
        Definition("queue", "ms", "the server's load_duration: from arrival to a slot", "Ollama API"),
        Definition(
            "throughput", "tok/s", "Σ n / (last t_end − first t0)", "vLLM and AIPerf output token throughput"
        ),
        Definition("rate", "1/s", "answers completed / (last t_end − first t0)", "vLLM request throughput"),
        Definition("per_user", "tok/s", "1000 / TPOT", "AIPerf output token throughput per user"),
        Definition(
            "goodput",
            "1/s",
            "requests that met every limit of the SLO / duration; errors and rejections do not meet it",
            "vLLM request_goodput; errors as in GuideLLM slo_attainment",
        ),
        Definition(
            "slo",
            "%",
            "requests that met every limit of the SLO / requests sent",
            "AIPerf good_request_fraction",
        ),
        Definition("load", "ms", "the server's load_duration", "Ollama API"),
        Definition("prefill", "ms", "the server's prompt_eval_duration", "Ollama API"),
        Definition(
            "first_token", "ms", "TTFT − load − prefill", "what is left: sampling, the network, the client"
        ),
        Definition(
            "prefill_rate",
            "tok/s",
            "prompt_eval_count / prompt_eval_duration (fresh prompts only: cached tokens count too)",
            "Ollama API",
        ),
        Definition("decode_rate", "tok/s", "eval_count / eval_duration", "Ollama API"),
        Definition(
            "memory", "MiB", "peak PSS of the engine's process tree", "Linux smaps_rollup; elsewhere RSS"
        ),
        Definition(
            "lag", "ms", "how much later than asked the client's event loop woke up", "servebench client lag"
        ),
        Definition("speed", "MB/s", "bytes / seconds / 10⁶", "SI"),
    )
}
