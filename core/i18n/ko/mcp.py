"""Korean messages about MCP servers."""

MESSAGES: dict[str, str] = {
    "error.mcp.file": "MCP 설정 파일 {path}을(를) 쓸 수 없습니다({reason}).",
    "error.mcp.file.fix": '파일을 고쳐 주십시오. 형식은 {{"mcpServers": {{"이름": {{"command": "…"}}}}}}입니다.',
    "error.mcp.entry": "MCP 서버 {server}의 설정이 올바르지 않습니다: {field}",
    "error.mcp.entry.fix": "command(args, env와 함께)나 url(headers와 함께) 가운데 하나를 적어 주십시오.",
    "error.mcp.variable": "MCP 서버 {server}에 필요한 환경 변수가 없습니다: {names}",
    "error.mcp.sse": "MCP 서버 {server}은(는) 지원하지 않는 옛 SSE 방식을 씁니다.",
    "error.mcp.sse.fix": "서버에 streamable HTTP 주소가 있으면 그 주소를 써 주십시오.",
    "error.mcp.gone": "MCP 서버 {server}이(가) 실행 중이 아니거나 응답하지 않습니다({reason}).",
    "error.mcp.gone.fix": "mcp.json의 설정을 확인해 주십시오. 다음 호출 때 다시 시작합니다.",
    "error.mcp.slow": "MCP 서버 {server}이(가) {seconds}초 안에 응답하지 않았습니다.",
    "error.mcp.waiting": "MCP 서버 {server}이(가) 실패하여 {seconds}초 뒤에 다시 시도합니다. {reason}",
    "error.mcp.refused": "MCP 서버 {server}이(가) 호출을 거부했습니다: {reason}",
    "error.mcp.tool": "MCP 서버 {server}이(가) 오류를 알려 왔습니다: {reason}",
    "error.mcp.json": "인자 {name}이(가) 도구가 받는 JSON이 아닙니다: {reason}",
    "error.mcp.left_out.name": "쓸 수 있는 이름이 없습니다.",
    "error.mcp.left_out.schema": "인자가 객체의 JSON 스키마로 설명되어 있지 않습니다.",
    "error.mcp.left_out.large": "인자 설명이 너무 깁니다.",
    "error.mcp.left_out.arguments": "인자가 {count}개로, 모델에 맡기기에 너무 많습니다.",
    "error.mcp.left_out.argument": "필요한 인자 {argument}의 이름이나 스키마를 전달할 수 없습니다.",
}
