"""English messages of the context window and long-term memory."""

MESSAGES: dict[str, str] = {
    "error.context.question": "The question takes about {tokens} tokens, and only {room} of {num_ctx} are free for it ({reserve} are kept for the answer).",
    "error.context.question.fix": "Shorten the question, or set a larger num_ctx in the settings.",
    "error.memory.empty": "There is nothing to remember: the text is empty.",
    "error.memory.empty.fix": "Say what to remember, for example: remember that our fiscal year starts in April.",
    "error.memory.long": "A fact may have {limit} characters; this one has {chars}.",
    "error.memory.long.fix": "Say it in fewer words, or add a long text as a document.",
    "error.memory.full": "{limit} facts are remembered, which is the most there can be.",
    "error.memory.full.fix": "Forget some first: llm-study memory list, llm-study memory forget ID.",
    "error.memory.unknown": "No fact is remembered under {id}.",
    "error.memory.unknown.fix": "See the ids: llm-study memory list.",
    "agent.memory.added": "I'll remember that: {text}",
    "agent.memory.none": "I don't remember anything about you yet.",
    "agent.memory.list": "This is what I remember:",
    "agent.memory.forgot": "Forgotten: {text}",
    "agent.memory.you_said": "You told me: “{text}”",
    "agent.memory.which": "Which one should I forget? Please name it more exactly.",
}
