"""The experiments there are and their options. Light: the interface lists them before anything runs."""

from __future__ import annotations

from core.errors import UsageError
from core.lab.types import Experiment, Option

_SEED = Option("seed", "int", 7, 0, 2**31 - 1)


def _repeats(default: int, most: int = 50) -> Option:
    return Option("repeats", "int", default, 1, most)


def _prompt(default: int) -> Option:
    return Option("prompt", "int", default, 8, 100_000)


def _output(default: int) -> Option:
    return Option("output", "int", default, 1, 10_000)


EXPERIMENTS: tuple[Experiment, ...] = (
    Experiment("download", (Option("model", "text", ""), Option("again", "bool", False))),
    Experiment(
        "cold-start",
        (
            _repeats(4),
            _prompt(64),
            _output(8),
            Option("drop", "bool", True),
            Option("expire", "bool", True),
            _SEED,
        ),
    ),
    Experiment(
        "latency",
        (
            Option("prompts", "ints", (64, 192), 8, 100_000),
            Option("outputs", "ints", (16, 48), 1, 10_000),
            _repeats(6),
            Option("warm", "bool", True),
            _SEED,
        ),
    ),
    Experiment(
        "load",
        (
            Option("users", "ints", (1, 2, 4, 8, 16), 1, 256, empty=True),
            Option("rates", "floats", (0.5, 1.0, 2.0), 0.01, 1000, empty=True),
            Option("search", "bool", True),
            Option("seconds", "float", 10.0, 0.2, 3600),
            Option("requests", "int", 8, 1, 10_000),
            _repeats(2),
            _prompt(64),
            _output(24),
            Option("slo_ttft", "float", 2000.0, 1, 3_600_000),
            Option("slo_tpot", "float", 200.0, 0.1, 3_600_000),
            Option("slo_share", "float", 90.0, 1, 100),
            _SEED,
        ),
    ),
    Experiment(
        "context",
        (
            Option("contexts", "ints", (512, 1024, 2048), 128, 1_048_576),
            Option("fills", "floats", (0.1, 0.5, 0.9), 0.01, 0.95),
            _output(16),
            _repeats(2),
            _SEED,
        ),
    ),
    Experiment(
        "parallel",
        (
            Option("slots", "ints", (1, 2, 4, 8), 1, 64),
            Option("users", "int", 8, 1, 256),
            Option("requests", "int", 16, 1, 10_000),
            _repeats(2),
            _prompt(64),
            _output(24),
            _SEED,
        ),
    ),
    Experiment(
        "tool-routing",
        (Option("splits", "text", ""), Option("langs", "text", ""), _repeats(3)),
    ),
    Experiment(
        "retrieval",
        (
            Option("set", "text", ""),
            Option("folder", "text", ""),
            Option(
                "chunkings",
                "text",
                "headings+header, headings-header, recursive:300, fixed:400/80, sentences",
            ),
            Option("embedders", "text", ""),
            Option("keywords", "text", "0, default, 0.8"),
            Option("k", "int", 5, 1, 50),
            Option("split", "text", ""),
        ),
    ),
    Experiment(
        "agent",
        (
            Option("routes", "text", ""),
            Option("categories", "text", ""),
            Option("langs", "text", ""),
            Option("tasks", "int", 0, 0, 1000),
            _repeats(1),
            Option("bfcl", "int", 0, 0, 2000),
            Option("limit", "float", 120.0, 1, 3600),
        ),
    ),
    Experiment(
        "injection",
        (
            Option("routes", "text", ""),
            Option("channels", "text", ""),
            Option("langs", "text", ""),
            Option("cases", "int", 0, 0, 1000),
            Option("limit", "float", 120.0, 1, 3600),
        ),
    ),
    Experiment(
        "faults",
        (
            Option("routes", "text", ""),
            Option("cases", "text", ""),
            Option("timeout", "float", 0.4, 0.1, 60),
            Option("backoff", "float", 0.05, 0.001, 10),
            Option("limit", "float", 20.0, 1, 600),
        ),
    ),
)


def experiment(name: str) -> Experiment:
    """Return one experiment.

    Raises:
        UsageError: There is none of that name.
    """
    found = next((one for one in EXPERIMENTS if one.id == name), None)
    if found is None:
        raise UsageError(
            "error.lab.experiment", name=name[:60], known=", ".join(one.id for one in EXPERIMENTS)
        )
    return found
