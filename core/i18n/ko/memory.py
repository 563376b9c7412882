"""Korean messages of ``llm-study memory``."""

MESSAGES: dict[str, str] = {
    "memory.cli.help": "기억해 달라고 한 것: list, add, edit, forget, search",
    "memory.cli.list": "기억하는 것을 새것부터 보여 줍니다",
    "memory.cli.add": "글을 기억합니다",
    "memory.cli.edit": "기억한 글을 고칩니다",
    "memory.cli.forget": "기억한 것을 잊습니다",
    "memory.cli.search": "낱말과 뜻으로 찾습니다",
    "memory.cli.none": "아직 기억하는 것이 없습니다.",
    "memory.cli.nothing": "기억하는 것 가운데 맞는 것이 없습니다.",
    "memory.cli.added": "기억했습니다({id}): {text}",
    "memory.cli.edited": "고쳤습니다({id}): {text}",
    "memory.cli.forgotten": "잊었습니다: {text}",
    "memory.cli.used": "{count}번 씀",
}
