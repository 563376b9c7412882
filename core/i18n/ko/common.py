"""Korean messages of the core: errors, and what the command line prints."""

MESSAGES: dict[str, str] = {
    "error.unexpected": "LLM Study 내부에서 문제가 생겼습니다({error}).",
    "error.unexpected.fix": "자세한 내용은 로그에 있습니다: {log}",
    "error.settings.file": "설정 파일 {path}을(를) 읽을 수 없습니다: {reason}.",
    "error.settings.file.fix": "그 줄을 고치거나, 파일을 옮기면 기본값으로 시작합니다.",
    "error.settings.value": "설정 {name}에 {value} 값은 쓸 수 없습니다. 가능한 값: {expected}.",
    "error.settings.unknown": "{name}이라는 설정은 없습니다({source}).",
    "error.settings.unknown.fix": "혹시 {suggestion}을(를) 찾으셨나요?",
    "error.data_dir": "데이터 폴더 {path}을(를) 쓸 수 없습니다: {reason}.",
    "error.data_dir.fix": "--data-dir로 다른 폴더를 고르거나 이 폴더를 쓸 수 있게 해 주십시오.",
    "error.store.corrupt": "세션 파일 {path}이(가) 손상되었습니다: {reason}. 파일은 그대로 두었습니다.",
    "error.store.corrupt.fix": "--data-dir 새폴더로 시작하거나, 'llm-study doctor --rescue'로 읽을 수 있는 내용을 복사하십시오.",
    "error.store.newer": "세션 파일 {path}은(는) 더 새로운 LLM Study가 만들었습니다(형식 {found}, 이 버전은 {known}까지).",
    "error.store.newer.fix": "LLM Study를 업데이트하거나 다른 --data-dir로 시작하십시오.",
    "error.store.write": "세션 파일에 쓸 수 없습니다: {reason}.",
    "error.store.write.fix": "디스크 공간이나 권한을 확인하십시오. 화면의 글은 저장될 때까지 남아 있습니다.",
    "error.session.unknown": "{id} 세션이 없습니다.",
    "error.session.unknown.fix": "'llm-study session list'로 모든 세션을 볼 수 있습니다.",
    "error.session.busy": "{id} 세션은 다른 LLM Study(프로세스 {pid})에서 열려 있습니다.",
    "error.session.busy.fix": "그쪽을 닫거나 새 세션으로 시작하십시오.",
}
