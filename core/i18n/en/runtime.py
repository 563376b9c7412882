"""English messages of the runtime."""

MESSAGES: dict[str, str] = {
    "runtime.interrupted": "{count} answer(s) were cut off when LLM Study ended last time; they are marked.",
    "error.run.unknown": "There is no run {id}.",
    "error.run.cancelled": "The question was cancelled before it was sent.",
}
