"""Korean messages of the runtime."""

MESSAGES: dict[str, str] = {
    "runtime.interrupted": "지난번 종료 때 끊긴 답변이 {count}개 있어 표시해 두었습니다.",
    "error.run.unknown": "{id} 실행이 없습니다.",
    "error.run.cancelled": "질문이 전송되기 전에 취소되었습니다.",
}
