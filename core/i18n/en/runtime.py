"""English messages of the runtime."""

MESSAGES: dict[str, str] = {
    "runtime.interrupted": "{count:answer was|answers were} cut off when LLM Study ended last time, and marked so.",
    "error.run.unknown": "There is no run {id}.",
    "error.run.cancelled": "The question was cancelled before it was sent.",
}
