"""Korean messages of the context window and long-term memory."""

MESSAGES: dict[str, str] = {
    "error.context.question": "질문이 약 {tokens}토큰인데, 컨텍스트 {num_ctx}토큰 가운데 질문에 쓸 수 있는 자리는 {room}토큰뿐입니다(답변 몫 {reserve}토큰 제외).",
    "error.context.question.fix": "질문을 줄이거나 설정에서 num_ctx를 늘리십시오.",
    "error.memory.empty": "기억할 내용이 비어 있습니다.",
    "error.memory.empty.fix": "기억할 내용을 말해 주십시오. 예: 기억해: 회계연도는 4월에 시작해.",
    "error.memory.long": "기억할 내용은 {limit}자까지인데 {chars}자입니다.",
    "error.memory.long.fix": "더 짧게 말하거나, 긴 글은 문서로 추가하십시오.",
    "error.memory.full": "기억할 수 있는 최대 {limit}개를 모두 기억하고 있습니다.",
    "error.memory.full.fix": "먼저 몇 개를 지우십시오: llm-study memory list, llm-study memory forget ID.",
    "error.memory.unknown": "{id}(이)라는 기억이 없습니다.",
    "error.memory.unknown.fix": "ID 확인: llm-study memory list.",
    "agent.memory.added": "기억하겠습니다: {text}",
    "agent.memory.none": "아직 기억하고 있는 것이 없습니다.",
    "agent.memory.list": "기억하고 있는 것은 다음과 같습니다:",
    "agent.memory.forgot": "잊었습니다: {text}",
    "agent.memory.you_said": "이렇게 말씀하셨습니다: “{text}”",
    "agent.memory.which": "어떤 기억을 지울까요? 조금 더 정확히 말해 주십시오.",
}
