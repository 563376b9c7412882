"""Korean messages of the agent."""

MESSAGES: dict[str, str] = {
    "error.calculator.syntax": "계산기가 이해할 수 있는 식이 아닙니다.",
    "error.calculator.syntax.fix": "숫자와 + - * / // % **, 괄호, 퍼센트, sqrt, ln, log, exp, sin, cos, tan을 쓸 수 있습니다.",
    "error.calculator.zero": "0으로 나눌 수 없습니다.",
    "error.calculator.large": "계산기가 다룰 수 있는 크기(약 1,200자리)를 넘습니다.",
    "error.calculator.domain": "이 수에는 그 연산의 실수 결과가 없습니다.",
    "error.agent.prompt.empty": "메시지가 비어 있습니다.",
    "error.agent.prompt.long": "메시지가 모델에 비해 너무 깁니다. 약 {tokens}토큰인데 {room}토큰까지 들어갑니다.",
    "error.agent.prompt.long.fix": "줄이거나, 문서로 추가하거나, num_ctx(현재 {num_ctx})를 늘려 주세요.",
    "error.agent.tool": "{tool} 도구가 실패했습니다: {reason}",
    "error.agent.steps": "에이전트가 답을 내지 못하고 {steps}단계에서 멈췄습니다.",
    "error.agent.steps.fix": "더 좁혀서 묻거나 다시 물어 주세요.",
    "route.native": "{model}이(가) 도구를 직접 호출합니다",
    "route.no_tools": "{model}은(는) 도구 호출을 지원하지 않아, 예문과의 유사도로 도구를 고릅니다",
    "route.small": "{model}은(는) 도구를 지원한다고 하지만 너무 작아, 예문과의 유사도로 도구를 고릅니다",
    "route.unlisted": "{model}은(는) 도구 호출이 검증된 모델 목록에 없어, 예문과의 유사도로 도구를 고릅니다",
    "agent.no_hits": "문서에서 맞는 내용을 찾지 못했습니다.",
    "agent.no_documents": "아직 추가한 문서가 없습니다.",
    "agent.calculated": "{expression} = {result}",
    "agent.quote": "“{text}” [{number}]",
}
