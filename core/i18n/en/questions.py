"""Reading a question set (core.rag.sample)."""

MESSAGES = {
    "error.questions.read": "{file} could not be read: {reason}.",
    "error.questions.suffix": "{file} is not a question set; it must end in .yaml, .yml or .jsonl.",
    "error.questions.encoding": "{file} is not UTF-8 text; save it as UTF-8.",
    "error.questions.none": "{file} holds no question.",
    "error.questions.list": "{file}, line {line}: the file must be a list of questions, each starting with “- ”.",
    "error.questions.syntax": "{file}, line {line}: this cannot be read as YAML or JSON.",
    "error.questions.mapping": "{file}, line {line}: a question must be fields with names, not bare text.",
    "error.questions.unknown": "{file}, line {line}: there is no field “{field}”; the fields are {fields}.",
    "error.questions.text": "{file}, line {line}: “{field}” is missing or is not text.",
    "error.questions.bool": "{file}, line {line}: “{field}” must be true or false.",
    "error.questions.choice": "{file}, line {line}: “{field}” must be one of {allowed}.",
    "error.questions.gold": "{file}, line {line}: “gold” must be a list of entries with exactly “document” and “quote”.",
    "error.questions.gold_missing": "{file}, line {line}: an answerable question needs at least one “gold” passage.",
    "error.questions.gold_unanswerable": "{file}, line {line}: an unanswerable question cannot have “gold”.",
    "error.questions.duplicate": "{file}, line {line}: the id “{id}” is already used at line {first}.",
}
