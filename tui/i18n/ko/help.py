"""수치의 뜻과 도움말 문단."""

MESSAGES: dict[str, str] = {
    "figure.cpu": "CPU",
    "figure.cpu.help": "지난 1초 동안 이 컴퓨터 전체가 쓴 프로세서 시간입니다. 모든 코어를 합쳐 100 %입니다.",
    "figure.ram": "RAM",
    "figure.ram.help": "전체 메모리 중 사용 중인 양(GiB)입니다. 전체에서 새 프로그램이 쓸 수 있는 양을 뺀 값입니다.",
    "figure.swap": "스왑",
    "figure.swap.help": "디스크로 밀려난 메모리입니다. 조금이라도 늘면 모델이 메모리에 맞지 않는다는 뜻입니다.",
    "figure.engine": "엔진",
    "figure.engine.help": "엔진의 상태입니다: 시작, 모델 불러오기, 준비, 생성, 실패 후 재시작, 멈춤.",
    "figure.pss": "PSS",
    "figure.pss.help": "엔진 프로세스들의 메모리(MiB)입니다. 여러 프로세스가 나눠 쓰는 페이지는 1/n로 셉니다. PSS를 읽을 수 없으면 RSS입니다.",
    "figure.anon": "익명",
    "figure.anon.help": "그중 파일에 속하지 않는 부분입니다: KV 캐시, 버퍼, 복사된 가중치.",
    "figure.file": "파일",
    "figure.file.help": "그중 파일에서 매핑된 부분으로, 대부분 모델 가중치입니다. 시스템이 회수했다가 다시 읽을 수 있습니다.",
    "figure.engine_cpu": "CPU",
    "figure.engine_cpu.help": "엔진 프로세스들의 프로세서 시간입니다. 100 %가 코어 하나입니다.",
    "figure.context": "문맥",
    "figure.context.help": "문맥 창 중 마지막 답변이 쓴 토큰 수입니다(질문, 이전 대화, 답변 포함).",
    "figure.slots": "슬롯",
    "figure.slots.help": "엔진이 지금 처리하는 요청 수와 동시에 처리할 수 있는 수입니다.",
    "figure.queue": "대기",
    "figure.queue.help": "슬롯을 기다리는 요청 수입니다.",
    "figure.tps": "tok/s",
    "figure.tps.help": "초당 출력 토큰 수입니다. 답변 중에는 지난 1초, 끝나면 엔진이 잰 마지막 답변의 값입니다.",
    "figure.ttft": "TTFT",
    "figure.ttft.help": "첫 토큰까지의 시간입니다. 질문을 보낸 때부터 답변의 첫 토큰을 받은 때까지입니다.",
    "figure.answer": "답변",
    "figure.answer.help": "마지막 답변을 쓰는 동안의 엔진 메모리입니다. 가장 낮은 값에서 가장 높은 값까지 그립니다.",
    "figure.peak": "최대",
    "figure.peak.help": "마지막 답변을 쓰는 동안 엔진 메모리의 최댓값입니다.",
    "figure.container": "컨테이너",
    "figure.container.help": "엔진 컨테이너의 메모리와 한도입니다. 컨테이너에서 실행하지 않으면 표시하지 않습니다.",
    "figure.gpu": "GPU",
    "figure.gpu.help": "그래픽 프로세서와 그 메모리입니다. 찾지 못하면 표시하지 않습니다.",
    "help.chat": (
        "아래에 쓰고 Enter를 누르십시오. 첫 줄에서 ↑를 누르면 이전 질문이 나옵니다. Shift+Tab을 누르면 답변으로 올라갑니다. "
        "거기서 Enter는 단계나 출처를 열고, y는 복사, r은 다시 묻기, t는 추적에서 보기입니다. 답변 아래 줄은 영수증입니다: "
        "토큰 수, 속도, 첫 토큰까지의 시간, 엔진 메모리의 최댓값과 늘어난 양입니다."
    ),
    "help.resources": "컴퓨터와 엔진의 상태를 1초마다 보여 줍니다. ?를 누르면 각 수치를 설명합니다.",
    "help.documents": (
        "등록한 문서와 색인 상태입니다. a는 파일이나 폴더 추가, /는 검색, Enter는 읽기입니다. 구절에서는 [와 ]로 앞뒤 구절을 봅니다."
    ),
    "help.trace": (
        "모든 답변의 모든 단계입니다: 무엇을 물었는지, 어떤 도구가 무엇으로 실행되었는지, 모델에 무엇을 보냈고 얼마나 걸렸는지 "
        "보여 줍니다. Enter와 ←, →로 접고 폅니다. 세부 내용은 오른쪽에 있습니다. 어느 단계에서든 분기하거나(f), 기록과 나란히 "
        "재실행하거나(p), 도구를 바로잡거나(o), 내보낼 수 있습니다(x). 모델 호출은 다시 하거나(r), 같은 답이 나오는지 보거나(d), curl로 "
        "복사합니다(c). /로 찾고 e로 다음 실패한 단계로 갑니다. 추적이 대화 옆에 나오는 넓은 화면에서는 F9로 화면을 가득 채웁니다."
    ),
    "help.terminal.title": "터미널",
    "help.terminal": (
        "글을 선택하려면 Shift를 누른 채 마우스를 쓰십시오. 한국어 터미널에서 줄이 어긋나면 모호한 너비를 좁게 설정하거나 설정에 "
        'glyphs_wide = true를 넣으십시오. 한글이 입력되지 않으면 kitty_keyboard = "off"를 넣으십시오. 연결이 끊긴 뒤에는 reset을 '
        "입력하십시오. 키는 여기 나온 id로 keymap 설정에서 바꿉니다."
    ),
}
