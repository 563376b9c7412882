"""Korean messages of costs."""

MESSAGES: dict[str, str] = {
    "cli.help.cost": "쓴 비용: 토큰, 시간, 에너지, 미국 달러",
    "cli.help.cost_session": "세션 하나. 없으면 여기에 기록된 전부",
    "cost.everything": "여기에 기록된 전부",
    "cost.untitled": "제목 없음",
    "cost.tokens": "읽은 토큰 {read}개, 쓴 토큰 {written}개",
    "cost.seconds": "엔진이 일한 시간 {seconds}초",
    "cost.energy.metered": "{wh} Wh, 계측값 (엔진이 일하는 동안의 컴퓨터 전체)",
    "cost.energy.assumed": "{wh} Wh, 설정의 {watts} W로 계산",
    "cost.energy.none": "에너지 N/A: 읽을 수 있는 계측기가 없고 설정 power_w도 비어 있습니다",
    "cost.local": "이 컴퓨터에서 {usd} (설정의 전기 요금과 하드웨어 값, 쉬지 않고 일한다고 볼 때)",
    "cost.local.none": "이 컴퓨터의 비용 N/A: power_price(kWh당 USD, power_w와 함께)나 hardware_price(USD)를 설정해 주십시오",
    "cost.hosted": "같은 토큰을 호스팅 모델에서 썼다면, 미국 달러 (genai-prices 가격표, 최신 항목 {date}):",
    "cost.unknown": "가격을 모르는 모델: {models} (설정 compare_prices)",
}
