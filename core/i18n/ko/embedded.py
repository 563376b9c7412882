"""Korean messages of the embedded engine."""

MESSAGES: dict[str, str] = {
    "error.embedded.start": "내장 엔진을 시작하지 못했습니다: {reason}.",
    "error.embedded.start.fix": "자세한 내용은 로그에 있습니다: {log}",
    "error.embedded.port": "{port}번 포트를 이미 다른 프로그램이 쓰고 있습니다.",
    "error.embedded.port.fix": "그 프로그램(Ollama일 수 있습니다)을 끄거나 --port로 다른 포트를 고르십시오.",
    "error.embedded.down": "내장 엔진이 계속 종료되어({reason}) 다시 시작하기를 그만두었습니다.",
    "error.embedded.down.fix": "메모리를 확보하거나 더 작은 모델이나 컨텍스트를 골라 다시 시작하십시오. 로그: {log}",
    "error.embedded.model": "모델 파일 {path}을(를) 쓸 수 없습니다: {reason}.",
    "error.embedded.model.fix": "온전한 GGUF 파일의 경로를 지정하십시오.",
    "error.embedded.twice": "두 모델 파일의 이름이 모두 {name}이(가) 됩니다.",
    "error.embedded.twice.fix": "둘 중 한 파일의 이름을 바꾸십시오.",
    "embedded.exit.killed": "시스템이 강제로 종료했으며 메모리 부족일 가능성이 큽니다",
    "embedded.exit.signal": "{signal} 신호로 종료되었습니다",
    "embedded.exit.code": "종료 코드 {code}(으)로 끝났습니다",
    "embedded.serve.listening": "엔진이 {url}에서 Ollama 클라이언트의 요청을 받습니다. (Ctrl-C로 종료합니다.)",
    "embedded.serve.models": "사용자 모델: {names}. 로그: {log}",
    "embedded.serve.open": "{host}에 접속할 수 있는 사람은 누구나 이 엔진을 쓸 수 있습니다. 원하지 않으면 토큰을 설정하십시오.",
    "embedded.serve.restarting": "엔진이 종료되어({reason}) 다시 시작하는 중입니다.",
}
