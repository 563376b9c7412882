"""Korean messages of the agent's tools."""

MESSAGES: dict[str, str] = {
    "error.tool.argument.missing": "인자 {name}이(가) 없습니다.",
    "error.tool.argument.type": "인자 {name}에는 {value}을(를) 쓸 수 없습니다. 쓸 수 있는 값: {expected}",
    "error.tool.argument.long": "인자 {name}이(가) {limit}자를 넘습니다.",
    "error.tool.http": "{service} 서비스가 오류로 응답했습니다(HTTP {status}): {reason}",
    "error.tool.unreachable": "{service}에 연결할 수 없습니다: {reason}",
    "error.tool.unreachable.fix": "네트워크 연결을 확인하고 다시 시도해 주세요.",
    "error.tool.timeout": "{tool} 도구가 {seconds}초 안에 응답하지 않았습니다.",
    "error.tool.raised": "{tool} 도구가 실패했습니다({reason}).",
    "error.tool.not_text": "{tool} 도구가 텍스트가 아닌 것을 돌려주었습니다.",
    "error.tool.binary": "{tool} 도구가 바이너리 데이터({size}바이트)를 돌려주어 표시하지 않습니다.",
    "error.tool.denied": "{tool} 도구는 허용되어 있지 않습니다.",
    "tool.cut": "[잘림: {total}자 중 {shown}자만 표시]",
    "tool.cut.some": "[잘림: 앞부분 {shown}자만 표시]",
    "tool.bytes": "[텍스트로 읽을 수 없는 바이트는 다른 글자로 바꾸었습니다]",
    "tool.empty": "{tool} 도구의 결과가 비어 있습니다.",
    "tool.stale": "{reason} 마지막으로 받은 {age} 전 결과입니다.",
    "tool.age.minutes": "{count}분",
    "tool.age.hours": "{count}시간",
    "tool.age.days": "{count}일",
    "tool.retry": "{seconds}초 뒤 {tool} 도구를 다시 시도합니다({attempt}/{attempts}): {reason}",
}
