"""질문 모음 읽기 (core.rag.sample)."""

MESSAGES = {
    "error.questions.read": "{file} 파일을 읽을 수 없습니다: {reason}.",
    "error.questions.suffix": "{file} 파일은 질문 모음이 아닙니다. 이름이 .yaml, .yml, .jsonl로 끝나야 합니다.",
    "error.questions.encoding": "{file} 파일은 UTF-8이 아닙니다. UTF-8로 저장해 주십시오.",
    "error.questions.none": "{file} 파일에 질문이 없습니다.",
    "error.questions.list": "{file} {line}번째 줄: 파일은 “- ”로 시작하는 질문의 목록이어야 합니다.",
    "error.questions.syntax": "{file} {line}번째 줄: YAML이나 JSON으로 읽을 수 없습니다.",
    "error.questions.mapping": "{file} {line}번째 줄: 질문은 이름이 있는 항목들로 적어야 합니다.",
    "error.questions.unknown": "{file} {line}번째 줄: “{field}”라는 항목은 없습니다. 쓸 수 있는 항목은 {fields}입니다.",
    "error.questions.text": "{file} {line}번째 줄: “{field}” 항목이 없거나 글이 아닙니다.",
    "error.questions.bool": "{file} {line}번째 줄: “{field}” 항목은 true나 false여야 합니다.",
    "error.questions.choice": "{file} {line}번째 줄: “{field}” 항목은 {allowed} 가운데 하나여야 합니다.",
    "error.questions.gold": "{file} {line}번째 줄: “gold”는 “document”와 “quote”만 있는 항목의 목록이어야 합니다.",
    "error.questions.gold_missing": "{file} {line}번째 줄: 답이 있는 질문에는 “gold” 구절이 하나 이상 있어야 합니다.",
    "error.questions.gold_unanswerable": "{file} {line}번째 줄: 답이 없는 질문에는 “gold”를 둘 수 없습니다.",
    "error.questions.duplicate": "{file} {line}번째 줄: “{id}”라는 id를 {first}번째 줄에서 이미 썼습니다.",
}
