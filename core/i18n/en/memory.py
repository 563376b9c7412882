"""English messages of ``llm-study memory``."""

MESSAGES: dict[str, str] = {
    "memory.cli.help": "what you asked to remember: list, add, edit, forget, search",
    "memory.cli.list": "list what is remembered, newest first",
    "memory.cli.add": "remember a text",
    "memory.cli.edit": "change a fact's words",
    "memory.cli.forget": "forget a fact",
    "memory.cli.search": "find facts by words and by meaning",
    "memory.cli.none": "Nothing is remembered yet.",
    "memory.cli.nothing": "Nothing that is remembered fits.",
    "memory.cli.added": "Remembered as {id}: {text}",
    "memory.cli.edited": "Changed {id}: {text}",
    "memory.cli.forgotten": "Forgotten: {text}",
    "memory.cli.used": "used {count}×",
}
