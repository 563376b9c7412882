"""English sentences of the recorded runs."""

MESSAGES = {
    "error.trace.not_yet": "This part of the trace is not there yet.",
}
